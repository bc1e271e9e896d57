/* SPDX-License-Identifier: MIT */
#include "blame.h"

#include "must.h"
#include "str.h"

#include <stdio.h>
#include <sys/mman.h>

enum { PROBES = 16, SHOWN_MAX = 4 * BLAME_NAME };

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

void blame_reset(struct blame *b)
{
    if (madvise(b, sizeof(*b), MADV_REMOVE) < 0) /* gives the memory back as well */
        memset(b, 0, sizeof(*b));
}

void blame_name(struct blame *b, unsigned module, const char *name)
{
    bool is_known = module < BLAME_LATER;

    snprintf(b->names[is_known ? module : BLAME_LATER], BLAME_NAME, "%s",
             is_known ? name : "(a later module)");
}

static uint32_t hash(const char *name)
{
    uint32_t h = 2166136261u; /* FNV-1a */

    for (size_t i = 0; name[i] != '\0' && i < BLAME_NAME - 1; i++)
        h = (h ^ (unsigned char)name[i]) * 16777619u;
    return h;
}

uint32_t blame_host(struct blame *b, const char *name)
{
    if (b == NULL || name == NULL || name[0] == '\0')
        return 0;
    for (uint32_t h = hash(name), i = 0; i < PROBES; i++) {
        uint32_t at = (h + i) % BLAME_HOSTS;

        if (at == 0)
            continue;
        if (b->hosts[at][0] == '\0')
            snprintf(b->hosts[at], BLAME_NAME, "%s", name);
        if (strncmp(b->hosts[at], name, BLAME_NAME - 1) == 0)
            return at;
    }
    return 0;
}

void blame_loading(struct blame *b, const char *name)
{
    snprintf(b->names[BLAME_LOADING], BLAME_NAME, "%s", name);
    blame_put(b, (uint64_t)BLAME_LOAD << 16 | BLAME_LOADING);
}

void blame_files_begin(struct blame *b)
{
    atomic_store(&b->file_count, 0);
}

void blame_file(struct blame *b, const char *path, uintptr_t start, uintptr_t end, uintptr_t bias,
                bool is_module)
{
    uint32_t n = atomic_load(&b->file_count);
    struct mpx_str whole = str_of(path[0] != '\0' ? path : "multiplexd");
    struct blame_file *f = &b->files[n];

    if (n == BLAME_FILES)
        return;
    size_t slash = str_find_last(whole, '/');
    f->start = start;
    f->end = end;
    f->bias = bias;
    f->is_module = is_module;
    snprintf(f->name, sizeof(f->name), "%.*s",
             STR_ARGS(slash < whole.n ? str_from(whole, slash + 1) : whole));
    atomic_store(&b->file_count, n + 1);
}

void blame_note_longest(struct blame *b, uint64_t at, int64_t ms)
{
    if (at == 0) /* core itself */
        return;
    b->turn.longest_ms = ms;
    b->turn.longest_at = at;
    b->turn.longest_request = atomic_load_explicit(&b->slots[0].request, memory_order_relaxed);
}

/* ---- reading */

/* A name, in room for BLAME_NAME bytes, that the process may have left in any state. */
static const char *shown(struct mpx_arena *a, const char *name)
{
    struct mpx_str copy = arena_copy(a, (struct mpx_str){ name, BLAME_NAME - 1 });
    struct buffer b;

    buffer_init(&b, SHOWN_MAX);
    (void)buffer_add_escaped(&b, str_head(copy, str_find(copy, '\0')));
    const char *text = arena_copyz(a, buffer_str(&b));
    buffer_finish(&b);
    return text;
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
    case BLAME_TIMER:
        return "in a timer";
    case BLAME_WATCH:
        return "in a watch";
    case BLAME_THREAD:
        return "on a thread";
    case BLAME_FILTER:
        return "in a filter";
    case BLAME_NONE:
    case BLAME_HOOK:
        break;
    }
    return "";
}

const char *blame_module_of(const struct blame *b, struct mpx_arena *a, uint64_t at)
{
    unsigned module = at & 0xffff;

    if (blame_kind_of(at) == BLAME_NONE || module >= BLAME_MODULES)
        return NULL;
    return shown(a, b->names[module]);
}

/* Whether a request is what a kind is about. */
static bool is_about_request(unsigned kind)
{
    return kind >= BLAME_HOOK || kind == BLAME_THREAD;
}

const char *blame_text_of(const struct blame *b, struct mpx_arena *a, uint64_t at, uint64_t request)
{
    const char *name = blame_module_of(b, a, at);
    uint32_t host = (uint32_t)(at >> 32);
    struct mpx_str text;

    if (name == NULL)
        return NULL;
    text = arena_printf(a, "module \"%s\" %s", name, kind_text(a, blame_kind_of(at)));
    if (host != 0 && host < BLAME_HOSTS)
        text = arena_printf(a, "%s, virtual host \"%s\"", text.p, shown(a, b->hosts[host]));
    if (request != 0 && is_about_request(blame_kind_of(at)))
        text = arena_printf(a, "%s, request %016llx", text.p, (unsigned long long)request);
    return text.p;
}

const char *blame_text(const struct blame *b, struct mpx_arena *a)
{
    return blame_text_of(b, a, blame_get(b), atomic_load(&b->slots[0].request));
}

const char *blame_module(const struct blame *b, struct mpx_arena *a)
{
    return blame_module_of(b, a, blame_get(b));
}

const char *blame_moment(const struct blame *b, struct mpx_arena *a)
{
    return kind_text(a, blame_kind_of(blame_get(b)));
}

static const struct blame_file *file_at(const struct blame *b, uintptr_t address)
{
    uint32_t count = atomic_load(&b->file_count);

    for (uint32_t i = 0; i < count && i < BLAME_FILES; i++)
        if (address >= b->files[i].start && address < b->files[i].end)
            return &b->files[i];
    return NULL;
}

const char *blame_place(const struct blame *b, struct mpx_arena *a, uintptr_t address)
{
    const struct blame_file *f = file_at(b, address);

    return f != NULL ? arena_printf(a, "%s+0x%llx", shown(a, f->name),
                                    (unsigned long long)(address - f->bias))
                           .p
                     : NULL;
}

bool blame_is_in_module(const struct blame *b, uintptr_t address)
{
    const struct blame_file *f = file_at(b, address);

    return f != NULL && f->is_module != 0;
}
