/* SPDX-License-Identifier: MIT
   The PROXY header at the beginning of a connection: read first, so that what is spoken behind it,
   encrypted or not, need not know of it. */
#ifndef GREETING_H
#define GREETING_H
#include "conn.h"

/* The first thing on a connection of a listener with proxy_protocol. A peer that is not trusted is
   closed at once: c may be gone. */
void greeting_start(struct mpx_conn *c);

#endif
