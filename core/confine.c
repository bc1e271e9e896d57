/* SPDX-License-Identifier: MIT */
#include "confine.h"

#include "date.h"
#include "quarantine.h"

void confine_begin(struct generation *g, struct mpx_str list)
{
    struct quarantine_line line;
    int64_t now = clock_ms();

    while (quarantine_read(&list, &line)) {
        struct confined *c = arena_zero(&g->arena, sizeof(*c));

        c->next = g->confined;
        c->name = arena_copyz(&g->arena, line.name);
        c->until_ms = now + (int64_t)line.seconds * 1000;
        c->is_not_loaded = line.is_not_loaded;
        g->confined = c;
    }
}

void confine_add(struct generation *g, const char *name)
{
    struct confined *c = arena_zero(&g->arena, sizeof(*c));

    for (const struct confined *o = g->confined; o != NULL; o = o->next)
        if (o->until_ms > c->until_ms)
            c->until_ms = o->until_ms;
    c->next = g->confined;
    c->name = name;
    g->confined = c;
}

const struct confined *confine_find(const struct generation *g, struct mpx_str name)
{
    for (const struct confined *c = g->confined; c != NULL; c = c->next)
        if (str_is(name, c->name))
            return c;
    return NULL;
}

/* Nothing is answered in LOG: there a hook is left out. */
static void confine_in(struct chain *c, const struct module *m)
{
    unsigned kept = 0;

    for (int ph = 0; ph < MPX_PH_LOG; ph++)
        for (unsigned i = 0; i < c->count[ph]; i++)
            if (c->hooks[ph][i].conf->module == m)
                c->hooks[ph][i].fn = NULL;
    for (unsigned i = 0; i < c->count[MPX_PH_LOG]; i++)
        if (c->hooks[MPX_PH_LOG][i].conf->module != m)
            c->hooks[MPX_PH_LOG][kept++] = c->hooks[MPX_PH_LOG][i];
    c->count[MPX_PH_LOG] = kept;
}

static void confine_in_vhost(struct vhost *v, const struct module *m)
{
    confine_in(&v->chain, m);
    for (size_t i = 0; i < v->directory_count; i++)
        confine_in(&v->directories[i].chain, m);
}

void confine_hooks(struct generation *g, const struct module *m)
{
    confine_in_vhost(&g->defaults, m);
    for (size_t i = 0; i < g->vhost_count; i++)
        confine_in_vhost(&g->vhosts[i], m);
}

void confine_all_hooks(struct generation *g)
{
    for (unsigned i = 0; g->confined != NULL && i < g->modules->count; i++)
        if (confine_has(g, g->modules->loaded[i]->name))
            confine_hooks(g, g->modules->loaded[i]);
}

int64_t confine_seconds(const struct generation *g, const struct module *m, int64_t now_ms)
{
    const struct confined *c = confine_find(g, str_of(m->name));
    int64_t left = c != NULL ? (c->until_ms - now_ms + 999) / 1000 : 1;

    return left > 1 ? left : 1;
}
