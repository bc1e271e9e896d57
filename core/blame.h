/* SPDX-License-Identifier: MIT
   Who is at work: one store in shared memory before each call into a module, so that when a
   process dies its parent can name the module. It stays true whatever the module does to the
   process. */
#ifndef BLAME_H
#define BLAME_H
#include "arena.h"

#include <stdatomic.h>

enum {
    BLAME_MODULES = 256,
    BLAME_NAME = 64,
    /* the last two are no module's number: all that have a greater one; one that is being loaded */
    BLAME_LATER = 254,
    BLAME_LOADING = 255
};

enum blame_kind {
    BLAME_NONE,
    BLAME_LOAD, /* its file: constructors */
    BLAME_CHECK,
    BLAME_OPEN,
    BLAME_CLOSE,
    BLAME_CALLBACK,  /* a watch, a timer, the end of background work, a variable */
    BLAME_END,       /* req_end, conn_end */
    BLAME_HOOK = 16, /* + enum mpx_phase: a hook, or a function that it goes on in */
    BLAME_FILTER = BLAME_HOOK + MPX_PH_SLOTS
};

struct blame {
    _Atomic uint32_t at; /* kind << 16 | module */
    _Atomic uint64_t request;
    char names[BLAME_MODULES][BLAME_NAME];
};

struct blame *blame_create(void); /* shared with processes forked from here on; never NULL */
void blame_destroy(struct blame *b);
/* Gives a module's number its name; numbers past the table share one entry. */
void blame_name(struct blame *b, unsigned module, const char *name);
/* From here on the file of a module that has no number yet is at work. */
void blame_loading(struct blame *b, const char *name);
/* "module \"x\" in its CONTENT hook, request 0123456789abcdef", or NULL when nobody was at work. */
const char *blame_text(struct blame *b, struct mpx_arena *a);
/* The parts of that: the name, or NULL; "in its CONTENT hook". */
const char *blame_module(struct blame *b);
const char *blame_moment(const struct blame *b, struct mpx_arena *a);

static inline void blame_set(struct blame *b, unsigned module, unsigned kind)
{
    unsigned known = module < BLAME_LATER ? module : BLAME_LATER;

    atomic_store_explicit(&b->at, (uint32_t)(kind << 16 | known), memory_order_relaxed);
}

/* For a call within a call: who is at work now, to be put back when it is over. */
static inline uint32_t blame_get(struct blame *b)
{
    return atomic_load_explicit(&b->at, memory_order_relaxed);
}

static inline void blame_put(struct blame *b, uint32_t before)
{
    atomic_store_explicit(&b->at, before, memory_order_relaxed);
}

static inline void blame_clear(struct blame *b)
{
    atomic_store_explicit(&b->at, 0, memory_order_relaxed);
}

#endif
