/* SPDX-License-Identifier: MIT
   Memory that belongs to one owner (a configuration, a request) and goes with it, all at once.
   Blocks are recycled through a pool, so that a request takes none from the system.
   Not for threads: an arena and its pool belong to the thread that runs the loop. */
#ifndef ARENA_H
#define ARENA_H
#include <multiplexd/module.h>

#include <stdarg.h>

enum { ARENA_BLOCK = 8192 }; /* bytes taken from the pool at a time, its header included */

struct arena_block;
struct arena_defer;

/* Blocks that are free for the next arena; at most 'most' are kept. */
struct arena_pool {
    struct arena_block *free;
    unsigned count, most;
};
void arena_pool_init(struct arena_pool *pool, unsigned most);
void arena_pool_finish(struct arena_pool *pool);

struct mpx_arena {
    char *at, *end; /* what is left of the newest block */
    struct arena_block *blocks;
    struct arena_defer *defers;
    struct arena_pool *pool; /* borrowed; NULL: straight from the system */
};
void arena_init(struct mpx_arena *a, struct arena_pool *pool);
/* Runs what was deferred, last in first out, then gives all memory back. */
void arena_finish(struct mpx_arena *a);

/* Memory for any type, not zeroed, never NULL; n may be 0. */
void *arena_take(struct mpx_arena *a, size_t n) __attribute__((returns_nonnull));
void *arena_zero(struct mpx_arena *a, size_t n) __attribute__((returns_nonnull));
void arena_defer(struct mpx_arena *a, void (*fn)(void *), void *arg);
struct mpx_str arena_copy(struct mpx_arena *a, struct mpx_str s); /* with a NUL behind it */
const char *arena_copyz(struct mpx_arena *a, struct mpx_str s);
struct mpx_str arena_printf(struct mpx_arena *a, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
struct mpx_str arena_vprintf(struct mpx_arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

#endif
