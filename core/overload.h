/* SPDX-License-Identifier: MIT
   There are no descriptors left for those who want to connect: who goes, who is told to come back
   later, and how the log hears of it. */
#ifndef OVERLOAD_H
#define OVERLOAD_H
#include "listener.h"

/* Holds a descriptor for bad times, where there is none. */
void overload_take_reserve(struct worker *w);
/* Whether somebody waits to be accepted: the kernel refuses to accept without descriptors even
   where there is nobody. */
bool overload_is_awaited(const struct listener *l);
/* Whether a connection with that new descriptor may stay: some are kept for files and for what else
   modules open. Idle connections are closed until there are enough again, a few at a time. False
   when none is idle. */
bool overload_has_room(struct worker *w, int fd);
/* Closes the connection, of any listener, that has been idle longest. False when none is idle. */
bool overload_make_room(struct worker *w);
/* Answers 503 on a new descriptor and closes it; a peer that may not speak here is only closed. */
void overload_refuse(struct listener *l, int fd, const union address *peer);
/* Gives the reserve for one who waits: accepted, answered 503, closed. */
void overload_refuse_one(struct listener *l);
/* Says so every ten seconds, with what was done since. */
void overload_warn(struct worker *w, int error);

#endif
