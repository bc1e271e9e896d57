/* SPDX-License-Identifier: MIT
   "satisfy": "any" - what ACCESS hooks have said of a request where one that admits is enough:
   refusals wait until all were asked. It calls no hooks: see phase.h. */
#ifndef ADMISSION_H
#define ADMISSION_H
#include "req.h"

/* Whether one hook that grants is enough where this request goes. */
static inline bool admission_is_any(const struct mpx_req *r)
{
    return r->phase == MPX_PH_ACCESS && r->directory->satisfy_any;
}
/* A hook grants. */
void admission_grant(struct mpx_req *r);
/* The response has ended, as a hook made it. When it refuses the one who asks (3xx, 401, 403, 404)
   it is put aside, r has a fresh one, and true is returned; of several the first with 401 is kept,
   else the first. Any other stands: it is about something else, or has begun. */
bool admission_hold(struct mpx_req *r);
/* All were asked: when one has refused and none has granted that refusal is the response, and true
   is returned. */
bool admission_refuses(struct mpx_req *r);
/* Nothing was said. */
void admission_forget(struct mpx_req *r);

#endif
