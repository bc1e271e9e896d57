/* SPDX-License-Identifier: MIT
   A request's way through the hooks: calls them in order, gives their answers a meaning, catches
   what a module does wrong, and decides when the response starts. All hooks are called from
   here. */
#ifndef PHASE_H
#define PHASE_H
#include "req.h"

/* Chooses the virtual host and begins with ROUTE: the head is read. Runs until it is finished or
   suspended. */
void phase_start(struct mpx_req *r);
/* Answers with a standard page and no hook but LOG: for a request that never was one, or that no
   module is to see. */
void phase_refuse(struct mpx_req *r, int status);
/* The head is right but its target can name nothing: the virtual host's page for that status, with
   its fields. No hook sees the request but CONTENT of that page, and LOG. */
void phase_decline(struct mpx_req *r, int status);
/* Ends a suspended request with an error, or breaks its response off when that has begun. It may be
   suspended again when this returns: the virtual host may have a page of its own. */
void phase_break(struct mpx_req *r, int status);
/* Goes on with a wait that is ready or a watch that has fired. */
void phase_go_on(struct mpx_req *r);
/* The carrier has taken some of a response that filters make more of (res.filtering): they go on
   with at most so many bytes; *budget is what is left of that. Whether there is more to send, or
   the response has ended or broken. */
bool phase_refill(struct mpx_req *r, size_t *budget);
/* The response is with the client, or the client is gone: LOG, once. */
void phase_log(struct mpx_req *r);

#endif
