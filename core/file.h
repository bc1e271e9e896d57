/* SPDX-License-Identifier: MIT
   Open files, cached: what a path led to is believed for a second, small files are held as
   bytes, and whatever might wait for a disk is left to a thread. A directory on disk that paths
   are opened beneath is a root, known by its absolute path. It knows nothing of requests. */
#ifndef FILE_H
#define FILE_H
#include "root.h"

#include <multiplexd/module.h>

enum {
    FILE_SMALL = 32 << 10,               /* bytes: up to here a file is held in memory */
    FILE_BELIEVED_MS = ROOT_BELIEVED_MS, /* how long a path is not looked up again */
    FILE_CHUNK = 256 << 10,              /* bytes that are sent in one call at most */
    /* beside MPX_OPEN_*: the root is as if it were not there unless it belongs to the owner, who
       may lead out of it to what is the owner's alone */
    FILE_OWNED = 1 << 16
};

struct files;
struct files_limits {
    unsigned entries, descriptors, roots;
    size_t bytes; /* of small files */
};
struct files *files_create(const struct files_limits *limits);
void files_destroy(struct files *fs);
unsigned files_descriptors(const struct files *fs); /* that it holds open */

struct mpx_file {
    struct stat st;
    char *bytes; /* the whole content of a small regular file, or NULL */
    int fd;      /* -1: held as bytes alone */
    unsigned uses;
    struct file_root *anchor; /* a directory's: what it was opened beneath, a use; else NULL */
    /* below: the cache's own */
    struct file_root *root; /* NULL: not in the cache */
    struct link lru, beneath;
    struct mpx_file *next_in_bucket;
    uint32_t hash, flags;
    int error; /* the path led to nothing: -errno, and there is no file */
    int64_t checked_ms;
    uint32_t *stamps; /* when chunks of it were found in memory, or NULL */
    bool settled;     /* unchanged for a while when it was read: equal times mean equal content */
    char name[];      /* by which it was opened beneath its root */
};
/* BENEATH_* for MPX_OPEN_* and FILE_OWNED. */
unsigned file_beneath_flags(unsigned flags);

/* One open: what is wanted, and what a thread found. Lives in the asker's memory. */
struct file_open {
    struct files *files;
    const char *root, *rel; /* absolute; relative, "" for the root itself. Borrowed */
    unsigned flags;         /* MPX_OPEN_*, FILE_OWNED */
    uid_t owner;            /* with FILE_OWNED */
    struct file_root *held; /* the rest is file.c's own */
    struct file_found {
        int root_fd, fd, rc;
        struct stat root_st, st;
        char *bytes;
    } found;
};
/* Answers from memory and from what the kernel has at hand: 1 with *rc (0 and *file with a use
   counted, or -errno). 0: a thread must run file_open_work(o), then file_open_finish tells. */
int file_open_now(struct file_open *o, int64_t now_ms, struct mpx_file **file, int *rc);
void file_open_work(void *o); /* on any thread */
/* On the loop, after the work: 0 and *file with a use counted, or -errno. file NULL: nobody
   wants it any more, also when the work never began. */
int file_open_finish(struct file_open *o, int64_t now_ms, struct mpx_file **file);
void file_drop(struct mpx_file *f); /* gives a use back; NULL is harmless */

/* How many of the n bytes from off go out in one call: they lie in one chunk. */
size_t file_chunk(off_t off, size_t n);
/* Whether they can be sent without waiting for the disk; a chunk that was there is believed to be
   for a second. */
bool file_is_resident(struct mpx_file *f, off_t off, size_t n, int64_t now_ms);
/* How many of n bytes from off were read, 0 past the end, or -errno; wait false: -EAGAIN when only
   the disk has them. With wait, for any thread. */
ssize_t file_read(int fd, void *to, size_t n, off_t off, bool wait);
/* On any thread: brings them into memory. */
void file_load(int fd, off_t off, size_t n);

#endif
