/* SPDX-License-Identifier: MIT
   Connections without a socket: a transport of the tests' own, with both ends in hand. */
#ifndef WIRE_H
#define WIRE_H
#include "conn.h"

struct loopback;

struct wire {
    struct mpx_conn *c; /* NULL: the server has closed it */
    struct buffer in;   /* on its way to the server */
    size_t in_at;
    struct buffer out; /* what the server sent */
    size_t room;       /* bytes that it may still send; SIZE_MAX: any number */
    size_t held;       /* bytes that were sent and, as the server is told, not taken */
    bool end_sent;     /* the client's half is closed */
    bool shut, reset, gone;
};
struct wire *wire_open_from(struct loopback *lb, const char *peer); /* NULL: a unix client */
static inline struct wire *wire_open(struct loopback *lb)
{
    return wire_open_from(lb, NULL);
}
void wire_write(struct wire *w, struct mpx_str bytes); /* and lets the server read */
void wire_write_end(struct wire *w);
void wire_allow(struct wire *w, size_t room); /* the client takes so many bytes more */
void wire_break(struct wire *w);              /* the client is gone: reset */
void wire_free(struct wire *w);

#endif
