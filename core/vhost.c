/* SPDX-License-Identifier: MIT
   Look-ups in a generation while requests run: no allocation, no state. */
#include "generation.h"
#include "str.h"

#include <stdlib.h>

static uint32_t hash_of(struct mpx_str s)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < s.n; i++)
        h = (h ^ (unsigned char)s.p[i]) * 16777619u;
    return h;
}

struct vhost_name *vhost_name_slot(const struct generation *g, struct mpx_str name)
{
    size_t mask = g->name_slots - 1, i = hash_of(name) & mask;

    while (g->names[i].vhost != NULL && !str_eq(g->names[i].name, name))
        i = (i + 1) & mask;
    return &g->names[i];
}

struct vhost *vhost_find(const struct generation *g, struct mpx_str host)
{
    struct vhost *v = vhost_name_slot(g, host)->vhost;

    for (size_t i = 0; v == NULL && i < host.n; i++)
        if (host.p[i] == '.')
            v = vhost_name_slot(g, str_from(host, i))->vhost;
    return v;
}

static int by_path(const void *key, const void *element)
{
    const struct mpx_str *path = key;
    const struct directory *d = element;
    size_t n = path->n < d->path.n ? path->n : d->path.n;
    int order = n > 0 ? memcmp(path->p, d->path.p, n) : 0;

    return order != 0 ? order : (path->n > d->path.n) - (path->n < d->path.n);
}

const struct directory *directory_find(const struct vhost *v, struct mpx_str path)
{
    if (v->directory_count == 1)
        return &v->directories[0];
    for (;;) {
        const struct directory *d =
            bsearch(&path, v->directories, v->directory_count, sizeof(*d), by_path);

        if (d != NULL)
            return d;
        path = str_head(path, str_find_last(path, '/'));
    }
}

const struct error_page *error_page_find(const struct vhost *v, int status)
{
    for (size_t i = 0; i < v->error_pages.count; i++)
        if (status >= v->error_pages.list[i].first && status <= v->error_pages.list[i].last)
            return &v->error_pages.list[i];
    return NULL;
}

const struct mpx_conf *chain_conf(const struct chain *c, const struct module *m)
{
    for (unsigned i = 0; i < c->conf_count; i++)
        if (c->confs[i]->module == m)
            return c->confs[i];
    return NULL;
}
