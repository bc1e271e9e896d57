/* SPDX-License-Identifier: MIT
   The module that the fuzzed connections talk to: suspends, reads bodies, writes in chunks, sends
   files, breaks rules, as the path says. What it is told and what it answers is held against the
   naive reader by its observers in http1.c. */
#ifndef GUEST_H
#define GUEST_H
#include <multiplexd/module.h>

enum { GUEST_STREAM = 100000 }; /* bytes of /stream */

const struct mpx_module *mpx_guest_module(void);
const struct mpx_module *mpx_static_module(void); /* modules/static */

/* The oldest wait that is under way ends; false when there is none. */
bool guest_wake(void);
/* All that the guest knows of waits is forgotten, and ended. */
void guest_forget(void);

/* What the body of a 200 to this path is; false when the guest does not say. body is the
   request's. */
bool guest_expected(struct mpx_str path, struct mpx_str body, struct mpx_str *expected);

/* RESPONSE: pushes the filters that the query names (guest_filter.c). */
enum mpx_rc guest_filter(struct mpx_req *r, const void *conf);
/* How many were pushed and have not ended. */
size_t guest_open_filters(void);

/* Told of each request, in order, when ROUTE begins first; of its body when it was read; of its
   end, in the order of the answers. */
struct guest_observer {
    size_t (*begun)(struct mpx_req *r); /* answers its number, for body */
    void (*body)(size_t number, struct mpx_str body);
    void (*over)(struct mpx_req *r);
};
extern struct guest_observer guest_observer;

#endif
