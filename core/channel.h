/* SPDX-License-Identifier: MIT
   Messages between the supervisor and its children over a socket pair: a letter that says what
   it is, a text of any length, and descriptors. This is the child's end, whose calls wait; the
   parent's is in peer.h. A message that breaks the form ends it. */
#ifndef CHANNEL_H
#define CHANNEL_H
#include "str.h"

enum { CHANNEL_FDS_MAX = 64, CHANNEL_BYTES_MAX = 256 << 20 };

struct channel_message {
    char what;
    struct buffer text;
    int fds[CHANNEL_FDS_MAX]; /* the receiver's own, close-on-exec */
    size_t fd_count;
};

/* What goes before the text, in one piece with the descriptors. */
struct channel_head {
    char what, unused[3];
    uint32_t text_bytes, fd_count;
};

int channel_pair(int ends[2]); /* 0, or -1 with errno */
/* Waits until all of it is taken. The descriptors stay the sender's. 0, or -1 when the peer is
   gone. */
int channel_send(int end, char what, struct mpx_str text, const int *fds, size_t fd_count);
/* The first part of that; flags are those of send(2). 0, or -1 with errno. */
int channel_send_head(int end, char what, size_t text_bytes, const int *fds, size_t fd_count,
                      int flags);
/* Waits for a whole message. 1; 0 when the peer is gone; -1 with errno. Finish the message
   afterwards. */
int channel_receive(int end, struct channel_message *m);
/* Up to n bytes of a head, without waiting, with the descriptors that come with them, which are
   added to m. 0: not now; -1 with errno, which is 0 when the peer is gone. */
ssize_t channel_receive_some(int end, void *to, size_t n, struct channel_message *m);
void channel_close_fds(struct channel_message *m); /* but those that were taken out */
/* Frees the text and closes the descriptors that are still in the message (-1: taken out). */
void channel_finish(struct channel_message *m);

#endif
