/* SPDX-License-Identifier: MIT */
#include "generation.h"

#include "config.h"
#include "confine.h"
#include "dso.h"
#include "log.h"
#include "site.h"
#include "variable_name.h"

#include <stdlib.h>
#include <string.h>

static void find_modules(struct generation *g)
{
    const struct mpx_str *folders = g->settings.module_path.items;

    for (size_t i = 0; i < g->settings.module_path.count; i++)
        modules_add_folder(g->modules, folders[i]);
    if (g->settings.module_path.count == 0)
        modules_add_folder(g->modules, str_of(modules_default_folder(&g->arena)));
}

/* A module's file is at work, or has done so. */
static void on_load(void *arg, const char *name)
{
    struct blame *blame = arg;

    if (name != NULL)
        blame_loading(blame, name);
    else
        blame_clear(blame);
}

static void tell_file(void *arg, const char *path, uintptr_t start, uintptr_t end, uintptr_t bias)
{
    const struct generation *g = arg;
    bool is_module = false;

    for (unsigned i = 0; i < g->modules->count && !is_module; i++)
        is_module = strcmp(g->modules->loaded[i]->file, path) == 0;
    blame_file(g->blame, path, start, end, bias, is_module);
}

void generation_tell_files(struct generation *g)
{
    blame_files_begin(g->blame);
    dso_each(tell_file, g);
}

/* Virtual hosts have names that last longer than we do: a process that dies tells them. */
static void number_hosts(struct generation *g)
{
    for (size_t i = 0; i < g->vhost_count; i++)
        g->vhosts[i].host = blame_host(g->blame, g->vhosts[i].name.p);
    for (struct mpx_conf *c = g->confs; c != NULL; c = c->next)
        c->host = blame_host(g->blame, c->vhost);
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
    modules->on_load = blame != NULL ? on_load : NULL;
    modules->arg = blame;
    g->root = config_read(&g->arena, sources, request->file, request->overrides, request->strict,
                          problems);
    (void)settings_read(&g->arena, sources, g->root, problems, &g->settings);
    find_modules(g);
    confine_begin(g, request->quarantine);
    b.process = node_member(g->root, "process");
    site_build(&b);
    variable_name_settle(g);
    level_check_process(&b);
    number_hosts(g);
    confine_all_hooks(g);
}

/* 0, or -1 after a reason in the problems. */
static int open_conf(struct generation *g, struct mpx_conf *c)
{
    unsigned before = g->problems->count;

    blame_set(g->blame, c->module->index, BLAME_OPEN, c->host);
    int rc = c->module->d.open != NULL ? c->module->d.open(c, c->data) : 0;
    blame_clear(g->blame);
    c->is_open = rc >= 0;
    if (rc < 0 && g->problems->count == before)
        problem_add(g->problems, c->at, "module \"%s\" cannot be opened at %s", c->module->name,
                    c->pointer);
    return rc;
}

/* Confs of one module stand together in the order of loading, which "after" has put right. */
static int open_module(struct generation *g, const struct module *m)
{
    int rc = 0;

    for (struct mpx_conf *c = g->confs; c != NULL; c = c->next)
        if (c->module == m && open_conf(g, c) < 0)
            rc = -1;
    return rc;
}

/* Whether a module that this one must follow is among those that failed. */
static bool follows_failed(const struct generation *g, const struct module *m, const bool *failed)
{
    for (const char *const *a = m->d.after; a != NULL && *a != NULL; a++) {
        const struct module *earlier = module_find(g->modules, str_of(*a));

        if (earlier != NULL && failed[earlier->index])
            return true;
    }
    return false;
}

static void close_module(struct generation *g, const struct module *m)
{
    for (struct mpx_conf *c = g->confs; c != NULL; c = c->next) {
        if (c->module != m || !c->is_open)
            continue;
        blame_set(g->blame, m->index, BLAME_CLOSE, c->host);
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

/* Opens a module; one that fails for want of a service that a module in quarantine provides is in
   quarantine with it. */
static int open_or_confine(struct generation *g, const struct module *m)
{
    struct problems own, *all = g->problems;
    struct buffer text;

    if (g->confined == NULL)
        return open_module(g, m);
    problems_init(&own);
    g->problems = &own;
    g->lacks_service = false;
    int rc = open_module(g, m);
    g->problems = all;
    if (rc < 0 && g->lacks_service) {
        log_warn("module \"%s\" lacks the service of a module in quarantine: it is so too", m->name);
        close_module(g, m);
        confine_add(g, m->name);
        confine_hooks(g, m);
        rc = 0;
    }
    buffer_init(&text, SOURCE_BYTES_MAX);
    for (unsigned i = 0; rc < 0 && problem_save(&own, i, &text); i++, text.n = 0)
        (void)problem_load(all, g->sources, buffer_str(&text));
    buffer_finish(&text);
    problems_finish(&own);
    return rc;
}

int generation_open(struct generation *g)
{
    bool *failed = arena_zero(&g->arena, g->modules->count * sizeof(*failed));
    int rc = 0;

    for (unsigned i = 0; i < g->modules->count; i++) {
        const struct module *m = g->modules->loaded[i];

        if (confine_has(g, m->name))
            continue;
        /* what it would say of what it misses is not the cause */
        failed[i] = follows_failed(g, m, failed) || open_or_confine(g, m) < 0;
        if (failed[i])
            rc = -1;
    }
    if (rc < 0)
        close_all(g);
    return rc;
}

void generation_finish(struct generation *g)
{
    close_all(g);
    arena_finish(&g->arena);
}
