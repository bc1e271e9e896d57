/* SPDX-License-Identifier: MIT
   An end of a channel for which nobody waits. A parent has one to a child that may be broken or
   hostile: no descriptor is taken from it, and what it may say has a length. A child that serves
   has one to its parent. */
#ifndef PEER_H
#define PEER_H
#include "channel.h"

struct peer {
    int end;                   /* -1: closed */
    size_t most;               /* bytes of a text */
    bool takes_fds;            /* the other end is our parent */
    struct channel_message in; /* what is coming */
    struct channel_head head;
    size_t head_got;
    struct buffer out; /* what the child has still to take */
    size_t out_taken;
};
void peer_open(struct peer *p, int end, size_t most); /* takes end */
void peer_close(struct peer *p);                      /* once more is harmless */
/* Takes what has come. 1: p->in is a whole message, until the next call, which closes descriptors
   that are still in it (-1: taken out); 0: there is no more now;
   -1: the child has closed its end (errno 0), or it breaks the form (EPROTO): close it. */
int peer_take(struct peer *p);
/* Sends what the socket has room for and keeps the rest; copies. The descriptors stay the caller's
   and must fit at once. 0, or -1 with errno. */
int peer_put(struct peer *p, char what, struct mpx_str text, const int *fds, size_t fd_count);
/* Sends more of the rest, when there is room: POLLOUT. 0, or -1 with errno. */
int peer_push(struct peer *p);
bool peer_has_more(const struct peer *p); /* is there a rest? */

#endif
