/* SPDX-License-Identifier: MIT
   The first steps of a worker, in the process that its supervisor has forked: it gives up the
   parent's descriptors and rights, gets sockets and texts over the channel, serves. */
#ifndef ENLIST_H
#define ENLIST_H
#include "endpoint.h"
#include "launch.h"

/* Takes what endpoints_write has written of the sockets; their descriptors are taken out of fds (-1
   stands there then), which are count. 0, or -1 when the text is something else. */
int enlist_endpoints(struct endpoints *e, struct mpx_str text, int *fds, size_t count);

/* Of the parent's launch only user and settings are looked at. Does not return. */
_Noreturn void enlist(const struct launch *parents, struct blame *blame, int channel);

#endif
