/* SPDX-License-Identifier: MIT
   The directories on disk that files are opened beneath, held open and known by their absolute
   paths: what a path led to is believed for a second. It does not know what is opened. */
#ifndef ROOT_H
#define ROOT_H
#include "list.h"

#include <stdint.h>
#include <sys/stat.h>

enum { ROOT_BELIEVED_MS = 1000, ROOT_BUCKETS = 1 << 10 };

/* A root never changes: when its path leads elsewhere, another one takes its place. */
struct file_root {
    struct link lru;
    struct file_root *next_in_bucket;
    struct list files; /* what was found beneath it, the owner's */
    int fd;
    dev_t dev;
    ino_t ino;
    uid_t uid;     /* whose it is */
    unsigned uses; /* opens that are under way; one more while it is known */
    uint32_t hash;
    int64_t checked_ms;
    char path[];
};

struct roots {
    struct list lru; /* newest first */
    unsigned count, limit;
    void (*forget)(void *arg, struct file_root *root); /* empties root->files */
    void *arg;
    struct file_root *buckets[ROOT_BUCKETS];
};
void roots_init(struct roots *rs, unsigned limit, void (*forget)(void *arg, struct file_root *root),
                void *arg);
void roots_finish(struct roots *rs);

/* The root for a path, without waiting for a disk. NULL when that cannot be, with *rc = -EAGAIN, or
   when there is none: then *rc says why, and that is as cheap to ask again. */
struct file_root *root_now(struct roots *rs, const char *path, int64_t now_ms, int *rc);
/* What the path leads to now: the root we know, or a new one. Takes fd. */
struct file_root *root_install(struct roots *rs, const char *path, int fd, const struct stat *st,
                               int64_t now_ms);
void root_release(struct file_root *root); /* gives a use back; NULL is harmless */
static inline bool root_is_known(const struct file_root *root)
{
    return link_is_in_list(&root->lru);
}

#endif
