/* SPDX-License-Identifier: MIT
   Conditional requests and ranges (RFC 9110 13, 14): what the client asks of an answer that is
   known by now, and what the answer becomes by it. Only GET and HEAD are judged, and only here,
   after the fact: of a method that changes something, the change is made. */
#ifndef COND_H
#define COND_H
#include "req.h"

/* 0 to send the response as it is, 304 or 412. */
int cond_judge(const struct mpx_req *r);
/* Whether a Range field is to be followed: there is no If-Range, or what it names is what there
   is, to the byte (RFC 9110 13.1.5). */
bool cond_allows_range(const struct mpx_req *r);
/* Before the header is made final: leaves the response, or makes a 206, 304, 412 or 416 of it. Says
   with Accept-Ranges that it could be had in parts; keeps Last-Modified out of the future. */
void cond_apply(struct mpx_req *r);

#endif
