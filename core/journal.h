/* SPDX-License-Identifier: MIT
   Entries for journald by its native protocol (https://systemd.io/JOURNAL_NATIVE_PROTOCOL): where
   they are sent, and how. It knows nothing of what is in them. */
#ifndef JOURNAL_H
#define JOURNAL_H
#include <multiplexd/module.h>

/* Is this text "journald", or "journald:PATH" with the absolute path of the socket of another one,
   such as that of a namespace? */
bool journal_is(struct mpx_str target);
/* A socket to send with, close-on-exec, or -1 with errno. */
int journal_open(void);
/* Sends an entry, fields as the protocol has them; a large one goes as a file in memory. 0, or an
   errno: nobody listens, or does not for a second (without 'may_wait': now). */
int journal_send(int fd, struct mpx_str target, struct mpx_str entry, bool may_wait);
/* Sends entries, a NUL behind each, and waits where it must. As many bytes as those have that were
   taken; for the rest errno says why not. */
size_t journal_send_all(int fd, struct mpx_str target, struct mpx_str entries);

#endif
