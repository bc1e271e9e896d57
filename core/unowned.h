/* SPDX-License-Identifier: MIT
   What is answered to a request that no module wanted in CONTENT: that there is nothing, or that
   there is something for other methods (RFC 9110 15.5.5, 15.5.6, 9.3.7). */
#ifndef UNOWNED_H
#define UNOWNED_H
#include "req.h"

/* Ends the response. Where no module said with mpx_req_allow that it serves the path, there is
   nothing: 404 to every method, OPTIONS too, or what mpx_req_unserved said. Else 204 with Allow to
   OPTIONS, 405 with Allow to what is not offered. */
void unowned_answer(struct mpx_req *r);
/* Whether a module has answered TRACE, which this server does not offer (RFC 9110 9.3.8). */
bool unowned_is_trace(const struct mpx_req *r);
/* Replaces what it answered by 405; who serves TRACE is taken to serve GET. */
void unowned_refuse_trace(struct mpx_req *r);

#endif
