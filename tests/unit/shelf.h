/* SPDX-License-Identifier: MIT
   A folder of files, a cache over it, a clock that is set by hand, and a disk that can be made
   slow: for the suites of file.c. */
#ifndef SHELF_H
#define SHELF_H
#include "file.h"

struct shelf {
    struct files *files;
    char folder[64];
    int64_t now_ms;
    uid_t owner;       /* for FILE_OWNED; at first us */
    bool asked_thread; /* the last shelf_open needed file_open_work */
};
/* Roomy limits. */
void shelf_init(struct shelf *s);
void shelf_init_with(struct shelf *s, const struct files_limits *limits);
void shelf_finish(struct shelf *s);
/* Opens rel beneath the folder, or beneath root when that is not NULL, the way the core does;
   NULL and *rc when it fails. */
struct mpx_file *shelf_open(struct shelf *s, const char *root, const char *rel, unsigned flags,
                            int *rc);
/* The same where failure is a failed test. */
struct mpx_file *shelf_get(struct shelf *s, const char *rel, unsigned flags);
/* What the file holds, whichever way it is held; a string, static. */
const char *shelf_text(const struct mpx_file *f);
/* Writes a file of n bytes in the folder. */
void shelf_write_big(struct shelf *s, const char *name, size_t n);
void shelf_remove(struct shelf *s, const char *name);

/* How the disk behaves from here on. */
enum shelf_disk {
    SHELF_REAL,
    SHELF_COLD,  /* nothing is in memory */
    SHELF_DUMB,  /* reads that must not wait are not supported */
    SHELF_SHORT, /* each read finds less than there was */
    SHELF_BAD,   /* nothing can be read */
    SHELF_COARSE /* times are whole seconds */
};
void shelf_disk(enum shelf_disk disk);
/* Drops a file's pages from memory; false where that cannot be done. */
bool shelf_chill(struct shelf *s, const char *name);

#endif
