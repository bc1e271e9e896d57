/* SPDX-License-Identifier: MIT
   Which expressions are worth a try for a path: those that begin with literal bytes, "^/blog/...",
   are found by them. It knows nothing of what a rule does. */
#ifndef INDEX_H
#define INDEX_H
#include <multiplexd/module.h>

enum { INDEX_LITERAL = 32 }; /* bytes of a literal beginning that count */

struct index;
/* The literal bytes, at most INDEX_LITERAL, that every match of an expression begins with. */
size_t index_literal(struct mpx_str expression, char literal[INDEX_LITERAL]);
/* Of that many expressions, numbered from 0; an empty one is always worth a try. Lives in a. */
struct index *index_make(struct mpx_arena *a, const struct mpx_str *expressions, size_t count);

/* A walk through the candidates for a path, in their order. */
struct index_walk {
    size_t count;
    struct {
        const uint32_t *next, *end;
    } lists[INDEX_LITERAL + 1];
};
/* False when there are none at all. */
bool index_walk(const struct index *ix, struct mpx_str path, struct index_walk *w);
/* The next one's number, or -1. */
int64_t index_next(struct index_walk *w);

#endif
