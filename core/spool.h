/* SPDX-License-Identifier: MIT
   A file without a name, for bytes that are too many for memory. Every call may wait for the disk:
   they are for threads. It knows nothing of requests. */
#ifndef SPOOL_H
#define SPOOL_H
#include <stddef.h>

struct spool {
    int fd;    /* -1: not open */
    size_t n;  /* bytes in it */
    char *map; /* after spool_map: they, to be read; else NULL */
};
#define SPOOL_CLOSED \
    {                \
        .fd = -1     \
    }

/* These return 0 or an errno. A file is private to this process and gone with its descriptor, whose
   own offset stays at 0. */
int spool_open(struct spool *s, const char *folder);
/* The same for file systems without O_TMPFILE: it has a name for a moment. */
int spool_open_named(struct spool *s, const char *folder);
int spool_append(struct spool *s, const char *p, size_t n);
int spool_map(struct spool *s);    /* nothing is appended afterwards */
void spool_close(struct spool *s); /* harmless when it is not open */

#endif
