/* SPDX-License-Identifier: MIT
   Opens files so that no path and no symbolic link leads out of a root. Safe in any thread. */
#ifndef BENEATH_H
#define BENEATH_H

enum {
    BENEATH_DIRECTORY = 1, /* -ENOTDIR for anything else */
    BENEATH_CACHED = 2,    /* only what needs no disk: -EAGAIN when it might */
    /* Which symbolic links are followed; at most one of these. None: those that stay beneath. */
    BENEATH_DENY = 4,   /* none: -ELOOP */
    BENEATH_OWNER = 8,  /* one that belongs to the owner of what it names, wherever: else -ELOOP */
    BENEATH_FOLLOW = 16 /* all */
};
/* rel is relative, "" for the root itself. Returns a descriptor for reading, that never blocks on a
   FIFO, or -errno: -EXDEV when the way leads out of the root. Where links may lead out, a ".." in
   rel is -EXDEV as well. */
int beneath_open(int root, const char *rel, unsigned flags);
/* The same, component by component, for kernels without openat2(2) and under valgrind. */
int beneath_walk(int root, const char *rel, unsigned flags);
/* Opens a directory to be a root; path is absolute, flags may be BENEATH_CACHED. -errno. */
int beneath_root(const char *path, unsigned flags);

#endif
