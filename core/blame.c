/* SPDX-License-Identifier: MIT */
#include "blame.h"

#include "must.h"
#include "str.h"

#include <stdio.h>
#include <sys/mman.h>

static const char *const phase_names[MPX_PH_COUNT] = { "ROUTE", "ACCESS", "CONTENT", "RESPONSE",
                                                       "LOG" };

struct blame *blame_create(void)
{
    struct blame *b =
        mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    MUST(b != MAP_FAILED);
    return b;
}

void blame_destroy(struct blame *b)
{
    if (b != NULL)
        munmap(b, sizeof(*b));
}

void blame_name(struct blame *b, unsigned module, const char *name)
{
    bool is_known = module < BLAME_LATER;

    snprintf(b->names[is_known ? module : BLAME_LATER], BLAME_NAME, "%s",
             is_known ? name : "(a later module)");
}

void blame_loading(struct blame *b, const char *name)
{
    snprintf(b->names[BLAME_LOADING], BLAME_NAME, "%s", name);
    atomic_store_explicit(&b->at, (uint32_t)(BLAME_LOAD << 16 | BLAME_LOADING),
                          memory_order_relaxed);
}

static const char *kind_text(struct mpx_arena *a, unsigned kind)
{
    if (kind >= BLAME_HOOK && kind < BLAME_HOOK + MPX_PH_COUNT)
        return arena_printf(a, "in its %s hook", phase_names[kind - BLAME_HOOK]).p;
    switch ((enum blame_kind)kind) {
    case BLAME_LOAD:
        return "while it was loaded";
    case BLAME_CHECK:
        return "in its check()";
    case BLAME_OPEN:
        return "in its open()";
    case BLAME_CLOSE:
        return "in its close()";
    case BLAME_CALLBACK:
        return "in a callback";
    case BLAME_END:
        return "in its req_end() or conn_end()";
    case BLAME_FILTER:
        return "in a filter";
    case BLAME_NONE:
    case BLAME_HOOK:
        break;
    }
    return "";
}

const char *blame_module(struct blame *b)
{
    uint32_t at = atomic_load(&b->at);
    unsigned kind = at >> 16, module = at & 0xffff;

    if (kind == BLAME_NONE || module >= BLAME_MODULES)
        return NULL;
    b->names[module][BLAME_NAME - 1] = '\0'; /* the process that died may have written anything */
    return b->names[module];
}

const char *blame_moment(const struct blame *b, struct mpx_arena *a)
{
    return kind_text(a, atomic_load(&b->at) >> 16);
}

const char *blame_text(struct blame *b, struct mpx_arena *a)
{
    const char *name = blame_module(b), *moment = blame_moment(b, a);
    uint64_t request = atomic_load(&b->request);

    if (name == NULL)
        return NULL;
    if (atomic_load(&b->at) >> 16 < BLAME_HOOK || request == 0)
        return arena_printf(a, "module \"%s\" %s", name, moment).p;
    return arena_printf(a, "module \"%s\" %s, request %016llx", name, moment,
                        (unsigned long long)request)
        .p;
}
