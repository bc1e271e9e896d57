/* SPDX-License-Identifier: MIT */
#include "grants.h"

#include <stdlib.h>

struct granted {
    struct mpx_str path;
    unsigned what; /* enum grant, together */
};

static size_t count_strings(const struct node *j)
{
    size_t n = j->kind == NODE_STRING;

    for (const struct node *k = j->first; k != NULL; k = k->next)
        n += count_strings(k);
    return n;
}

static void collect(struct grants *g, const struct node *j, struct sources *sources)
{
    if (j->kind == NODE_STRING && j->at.src != NULL && j->string.n > 0)
        g->paths[g->count++].path = source_absolute(sources, j->at.src, j->string, &g->arena);
    for (const struct node *k = j->first; k != NULL; k = k->next)
        collect(g, k, sources);
}

static int by_path(const void *a, const void *b)
{
    struct mpx_str x = ((const struct granted *)a)->path, y = ((const struct granted *)b)->path;
    int order = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return order != 0 ? order : (x.n > y.n) - (x.n < y.n);
}

void grants_init(struct grants *g, const struct node *root, struct sources *sources)
{
    size_t kept = 0;

    *g = (struct grants){ .count = 0 };
    arena_init(&g->arena, NULL);
    g->paths = arena_zero(&g->arena, count_strings(root) * sizeof(*g->paths));
    collect(g, root, sources);
    qsort(g->paths, g->count, sizeof(*g->paths), by_path);
    for (size_t i = 0; i < g->count; i++)
        if (kept == 0 || !str_eq(g->paths[kept - 1].path, g->paths[i].path))
            g->paths[kept++] = g->paths[i];
    g->count = kept;
}

void grants_finish(struct grants *g)
{
    arena_finish(&g->arena);
    *g = (struct grants){ .count = 0 };
}

static struct granted *find(const struct grants *g, struct mpx_str path)
{
    const struct granted key = { .path = path };

    if (g->count == 0 || path.n == 0)
        return NULL;
    return bsearch(&key, g->paths, g->count, sizeof(*g->paths), by_path);
}

bool grants_add(struct grants *g, struct mpx_str path, enum grant what)
{
    struct granted *found = find(g, path);

    if (found != NULL)
        found->what |= (unsigned)what;
    return found != NULL;
}

bool grants_has(const struct grants *g, struct mpx_str path, enum grant what)
{
    const struct granted *found = find(g, path);

    return found != NULL && (found->what & (unsigned)what) != 0;
}

const char *grants_log(const struct grants *g, size_t *i)
{
    for (; *i < g->count; ++*i)
        if ((g->paths[*i].what & GRANT_APPEND) != 0)
            return g->paths[*i].path.p;
    return NULL;
}
