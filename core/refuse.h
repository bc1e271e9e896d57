/* SPDX-License-Identifier: MIT
   Clients that there is no room for: 503, told before a request is read, and without one. */
#ifndef REFUSE_H
#define REFUSE_H
#include "conn.h"

enum { REFUSE_LINGER_MAX = 64 }; /* connections of a listener that are closed gently */

/* Answers 503 and ends the connection, gently while not too many are: it is not counted among those
   that are served any more. It may be gone afterwards. */
void refuse_conn(struct mpx_conn *c);
/* The same for a socket that was only accepted, at once; takes it. */
void refuse_descriptor(const struct worker *w, int fd);

#endif
