/* SPDX-License-Identifier: MIT
   Conditional requests (RFC 9110 13): judged for every answer to GET and HEAD that has a
   validator. */
#ifndef COND_H
#define COND_H
#include "req.h"

/* 0 to send the response as it is, 304 or 412. */
int cond_judge(const struct mpx_req *r);

#endif
