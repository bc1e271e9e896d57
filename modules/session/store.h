/* SPDX-License-Identifier: MIT
   Where sessions are kept. A store does the things of op.h, each in one step; at once, or later.
   It knows no request, so that one for a server in the network can follow. */
#ifndef STORE_H
#define STORE_H
#include "op.h"

struct store_limits {
    int64_t max_sessions, max_memory; /* bytes; of the memory store */
};

struct store {
    /* Does it: true when it is done on return, and done() is not called. False: done() comes later,
       and the op is on the heap, since its request may leave. */
    bool (*run)(struct store *s, struct op *op);
    /* Now and then: forgets what is over, and the least recently used above the limits. */
    void (*sweep)(struct store *s, int64_t now);
    /* c serves no more: whatever the store needs of one it takes of another. NULL: not needed. */
    void (*leave)(struct store *s, struct mpx_conf *c);
    void (*destroy)(struct store *s);
    bool is_slow; /* done() comes later */
    struct store_limits limits;
};

struct store *memory_store_create(void);
/* Opens the file. NULL, and told as an error of c, when it cannot be had. */
struct store *sqlite_store_create(struct mpx_conf *c, const char *path);
/* c serves as well, from now on. */
void sqlite_store_join(struct store *s, struct mpx_conf *c);

#endif
