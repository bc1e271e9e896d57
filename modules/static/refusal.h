/* SPDX-License-Identifier: MIT
   What an open that failed means to the client and to the log. */
#ifndef STATIC_REFUSAL_H
#define STATIC_REFUSAL_H
#include <multiplexd/module.h>

struct refusals;
struct refusals *refusals_create(struct mpx_arena *a); /* in open(): who we are is looked up */
/* What a hook answers to this errno; rights that are missing are logged, once a minute. */
enum mpx_rc refusal_answer(struct mpx_req *r, struct refusals *refusals, int error);

#endif
