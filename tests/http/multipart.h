/* SPDX-License-Identifier: MIT
   Reads multipart/byteranges (RFC 9110 14.6) as strictly as a reader can. */
#ifndef MULTIPART_H
#define MULTIPART_H
#include <stdbool.h>
#include <stddef.h>

enum { MULTIPART_MOST = 64 };

struct part {
    char range[80]; /* its Content-Range */
    char type[80];  /* its Content-Type, or "" */
    const char *content;
    size_t n;
};
struct multipart {
    struct part parts[MULTIPART_MOST];
    size_t count;
    const char *fault; /* what is wrong with it, or NULL */
};
/* A body with a Content-Type of multipart/byteranges; m->parts view it. Each part has exactly the
   bytes that its Content-Range says, they ascend without touching, all are of one length, nothing
   stands before the first or behind the last. */
void multipart_read(struct multipart *m, const char *type, const char *body, size_t n);
/* "bytes 0-1/10": first, last, length. */
bool multipart_range(const char *range, unsigned long long at[3]);

#endif
