/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include "config.h"
#include "site.h"

#include <stdlib.h>

static void find_modules(struct generation *g)
{
    const struct mpx_str *folders = g->settings.module_path.items;

    for (size_t i = 0; i < g->settings.module_path.count; i++)
        modules_add_folder(g->modules, folders[i]);
    if (g->settings.module_path.count == 0)
        modules_add_folder(g->modules, str_of(modules_default_folder(&g->arena)));
}

void generation_build(struct generation *g, struct sources *sources, struct modules *modules,
                      struct problems *problems, struct blame *blame,
                      const struct generation_request *request)
{
    struct building b = { .g = g, .request = request };

    *g = (struct generation){ .sources = sources, .modules = modules, .problems = problems };
    arena_init(&g->arena, NULL);
    g->confs_end = &g->confs;
    list_init(&g->watches);
    g->blame = blame;
    g->root = config_read(&g->arena, sources, request->file, request->overrides, request->strict,
                          problems);
    (void)settings_read(&g->arena, sources, g->root, problems, &g->settings);
    find_modules(g);
    b.process = node_member(g->root, "process");
    site_build(&b);
    level_check_process(&b);
}

/* Confs of one module stand together in the order of loading, which "after" has put right. */
static int open_module(struct generation *g, const struct module *m)
{
    for (struct mpx_conf *c = g->confs; c != NULL; c = c->next) {
        if (c->module != m)
            continue;
        unsigned before = g->problems != NULL ? g->problems->count : 0;
        blame_set(g->blame, m->index, BLAME_OPEN);
        int rc = m->d.open != NULL ? m->d.open(c, c->data) : 0;
        blame_clear(g->blame);
        if (rc < 0) {
            if (g->problems != NULL && g->problems->count == before)
                problem_add(g->problems, c->at, "module \"%s\" cannot be opened", m->name);
            return -1;
        }
        c->is_open = true;
    }
    return 0;
}

static void close_module(struct generation *g, const struct module *m)
{
    for (struct mpx_conf *c = g->confs; c != NULL; c = c->next) {
        if (c->module != m || !c->is_open)
            continue;
        blame_set(g->blame, m->index, BLAME_CLOSE);
        if (m->d.close != NULL)
            m->d.close(c->data);
        blame_clear(g->blame);
        c->is_open = false;
    }
}

static void close_all(struct generation *g)
{
    for (unsigned i = g->modules->count; i > 0; i--)
        close_module(g, g->modules->loaded[i - 1]);
}

int generation_open(struct generation *g)
{
    for (unsigned i = 0; i < g->modules->count; i++)
        if (open_module(g, g->modules->loaded[i]) < 0) {
            close_all(g);
            return -1;
        }
    return 0;
}

void generation_finish(struct generation *g)
{
    close_all(g);
    arena_finish(&g->arena);
}
