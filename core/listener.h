/* SPDX-License-Identifier: MIT
   A listening socket: accepts, counts, times, and pauses while there is no room. */
#ifndef LISTENER_H
#define LISTENER_H
#include "conn.h"

/* Listens on a descriptor that is bound and listening; takes it. fd -1: for connections without a
   socket. */
struct listener *listener_create(struct worker *w, const struct listener_settings *s,
                                 const struct protocol *protocol, int fd);
void listener_stop(struct listener *l);    /* accepts no more; the descriptor is closed */
void listener_destroy(struct listener *l); /* with its connections */
/* The same socket in another configuration. */
void listener_settle(struct listener *l, const struct listener_settings *s);
/* A configuration that does not have it comes into force: accepts no more; its connections end
   with their next answer, or when they have been idle for long enough. Its settings are those of g,
   which is held until it is destroyed. */
void listener_leave(struct listener *l, struct generation *g);
bool listener_is_over(const struct listener *l); /* it leaves, and all its connections are gone */
void listener_sweep(struct listener *l);         /* once a second: what has run out of time */
void listener_close_idle(struct listener *l);
/* There is room again: goes on accepting if it had paused. */
void listener_resume(struct listener *l);

/* A connection that was just made: a PROXY header is waited for, or it is admitted. It may be gone
   afterwards. */
void listener_begin(struct mpx_conn *c);
/* The client's address is known. False when it has too many connections: it is told so, and the
   connection ends; it may be gone. */
bool listener_admit(struct mpx_conn *c);

#endif
