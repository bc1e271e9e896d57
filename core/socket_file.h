/* SPDX-License-Identifier: MIT
   A listening unix socket and its name in the file system. */
#ifndef SOCKET_FILE_H
#define SOCKET_FILE_H
#include "arena.h"

#include <sys/types.h>
#include <time.h>

struct socket_file {
    const char *path; /* borrowed; at most 107 bytes */
    unsigned mode;    /* as for chmod(2) */
    bool give;        /* to uid and gid; else it is ours */
    uid_t uid;
    gid_t gid;
    int backlog;
    /* filled by socket_file_open: what it made. A number alone may be somebody else's by now. */
    dev_t device;
    ino_t inode;
    struct timespec made;
};
/* A close-on-exec, non-blocking descriptor on which nobody can connect before owner and mode are
   right. The socket of a process that is no more is replaced; one that somebody listens on, and
   anything that is no socket, is left alone. -1 and *error, one sentence with the cure (in a). */
int socket_file_open(struct socket_file *s, struct mpx_arena *a, const char **error);
/* Whether the name still leads to what was made. */
bool socket_file_is_there(const struct socket_file *s);
/* Gives one that is there another mode, owner and backlog: those in s. 0, or -1 with errno. */
int socket_file_change(const struct socket_file *s, int fd);
/* Removes the name, unless somebody else has it by now. */
void socket_file_remove(const struct socket_file *s);

#endif
