/* SPDX-License-Identifier: MIT */
#include "arena.h"

#include "must.h"
#include "str.h"

#include <stdio.h>
#include <stdlib.h>

struct arena_block {
    struct arena_block *next;
    size_t size; /* of the whole; ARENA_BLOCK goes back to the pool */
    _Alignas(max_align_t) char bytes[];
};

struct arena_defer {
    struct arena_defer *next;
    void (*fn)(void *);
    void *arg;
};

void arena_pool_init(struct arena_pool *pool, unsigned most)
{
#ifdef IS_SANITIZED
    most = 0;
#endif
    *pool = (struct arena_pool){ .most = most };
}

void arena_pool_finish(struct arena_pool *pool)
{
    while (pool->free != NULL) {
        struct arena_block *b = pool->free;

        pool->free = b->next;
        free(b);
    }
    pool->count = 0;
}

void arena_init(struct mpx_arena *a, struct arena_pool *pool)
{
    *a = (struct mpx_arena){ .pool = pool };
}

static void block_release(struct arena_pool *pool, struct arena_block *b)
{
    if (pool == NULL || b->size != ARENA_BLOCK || pool->count >= pool->most) {
        free(b);
        return;
    }
    b->next = pool->free;
    pool->free = b;
    pool->count++;
}

void arena_finish(struct mpx_arena *a)
{
    while (a->defers != NULL) {
        struct arena_defer *d = a->defers;

        a->defers = d->next;
        d->fn(d->arg);
    }
    struct arena_block *b = a->blocks;
    struct arena_pool *pool = a->pool;
    /* the arena itself may lie in one of its blocks: not touched from here on */
    while (b != NULL) {
        struct arena_block *next = b->next;

        block_release(pool, b);
        b = next;
    }
}

static struct arena_block *block_get(struct mpx_arena *a, size_t size)
{
    struct arena_pool *pool = a->pool;
    struct arena_block *b;

    if (size == ARENA_BLOCK && pool != NULL && pool->free != NULL) {
        b = pool->free;
        pool->free = b->next;
        pool->count--;
    } else {
        b = must_alloc(size);
        b->size = size;
    }
    b->next = a->blocks;
    a->blocks = b;
    return b;
}

void *arena_take(struct mpx_arena *a, size_t n)
{
    enum { ALIGN = _Alignof(max_align_t) };
    const size_t room = ARENA_BLOCK - sizeof(struct arena_block);
    size_t size = n != 0 ? (n + ALIGN - 1) & ~(size_t)(ALIGN - 1) : (size_t)ALIGN;

    MUST(size >= n && size < SIZE_MAX / 2);
    if (size <= (size_t)(a->end - a->at)) {
        char *p = a->at;

        a->at += size;
        return p;
    }
    if (size > room / 2) /* a block of its own; the newest one stays in use */
        return block_get(a, sizeof(struct arena_block) + size)->bytes;
    struct arena_block *b = block_get(a, ARENA_BLOCK);
    a->at = b->bytes + size;
    a->end = b->bytes + room;
    return b->bytes;
}

void *arena_zero(struct mpx_arena *a, size_t n)
{
    return memset(arena_take(a, n), 0, n);
}

void arena_defer(struct mpx_arena *a, void (*fn)(void *), void *arg)
{
    struct arena_defer *d = arena_take(a, sizeof(*d));

    *d = (struct arena_defer){ .next = a->defers, .fn = fn, .arg = arg };
    a->defers = d;
}

struct mpx_str arena_copy(struct mpx_arena *a, struct mpx_str s)
{
    char *p = arena_take(a, s.n + 1);

    if (s.n > 0)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct mpx_str){ p, s.n };
}

const char *arena_copyz(struct mpx_arena *a, struct mpx_str s)
{
    return arena_copy(a, s).p;
}

struct mpx_str arena_vprintf(struct mpx_arena *a, const char *fmt, va_list ap)
{
    va_list again;

    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0)
        return (struct mpx_str){ "", 0 };
    char *p = arena_take(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    return (struct mpx_str){ p, (size_t)n };
}

struct mpx_str arena_printf(struct mpx_arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    struct mpx_str s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}
