/* SPDX-License-Identifier: MIT
   The file that names the process: locked as long as it runs, so that a second one sees it, and
   removed when it ends. A file that has become another one's is left alone. */
#ifndef PIDFILE_H
#define PIDFILE_H
#include "arena.h"

struct pidfile {
    int fd, folder;   /* -1: there is none */
    const char *name; /* inside the folder */
};
/* Makes the file, locks it, writes our number. path is absolute; copies. 0, or -1 and *error, one
   sentence (in a): nothing is left open then. */
int pidfile_open(struct pidfile *p, struct mpx_arena *a, const char *path, const char **error);
/* The same for one that an image before us has left open and locked, in this process. */
int pidfile_adopt(struct pidfile *p, struct mpx_arena *a, const char *path, int fd);
/* Removes it; where that is no longer allowed, because root was given up, it is left empty.
   Harmless when there is none. */
void pidfile_close(struct pidfile *p);

#endif
