/* SPDX-License-Identifier: MIT
   Tables of paths: an exact path, or all paths below a prefix, and where they lead. A table is
   plain memory of its own, since the one of a map file is made on another thread. It knows nothing
   of requests. */
#ifndef TABLE_H
#define TABLE_H
#include <multiplexd/module.h>

struct entry {
    struct mpx_str key; /* decoded and normal; of a prefix up to its last slash */
    bool is_prefix;
    bool last;
    int status;                  /* 0: none is given */
    struct mpx_str to;           /* as written; empty: the status is the answer */
    const struct target *target; /* the same, read; NULL: of a map file, read when it is followed */
    const char *name;            /* for messages, or NULL: see line */
    unsigned line;               /* of a map file */
    uint32_t hash;
};

struct table {
    size_t count, room;
    struct entry *entries;
    size_t mask;     /* of slots */
    uint32_t *slots; /* index of an entry, from 1; 0: free */
    size_t longest;  /* bytes of the longest prefix; 0: there are none */
    char *text;      /* what the views of a map file lie in; or NULL */
};
/* For room entries; NULL without memory. table_destroy gives it back. */
struct table *table_create(size_t room);
void table_destroy(void *table);
/* Copies the entry, not what it points to; its hash is made here. NULL; or, and nothing is added,
   the entry that has the same key. */
const struct entry *table_add(struct table *t, struct entry e);
const struct entry *table_exact(const struct table *t, struct mpx_str path);
/* The longest prefix that covers path, and what of path lies below it. "/a/" covers "/a" too. */
const struct entry *table_prefix(const struct table *t, struct mpx_str path, struct mpx_str *rest);

/* Reads a key as it is written, with %XX and perhaps "*" at its end, to out, which has room for as
   many bytes. NULL, or what is wrong with it. */
const char *table_key(struct mpx_str text, char *out, struct mpx_str *key, bool *is_prefix);

#endif
