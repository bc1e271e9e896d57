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

    modules_forget_folders(g->modules);
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

void generation_read(struct generation *g, struct sources *sources, struct modules *modules,
                     struct problems *problems, struct blame *blame,
                     const struct generation_request *request)
{
    struct generation_request *kept;

    *g = (struct generation){ .sources = sources, .modules = modules, .problems = problems };
    arena_init(&g->arena, NULL);
    g->confs_end = &g->confs;
    list_init(&g->watches);
    g->blame = blame;
    kept = arena_zero(&g->arena, sizeof(*kept));
    *kept = *request;
    g->building = arena_zero(&g->arena, sizeof(*g->building));
    *g->building = (struct building){ .g = g, .request = kept };
    g->root = config_read(&g->arena, sources, request->file, request->overrides, request->strict,
                          problems);
    (void)settings_read(&g->arena, sources, g->root, problems, &g->settings);
    g->building->process = node_member(g->root, "process");
}

/* Before the first part: modules are found where this configuration says. */
static void begin_building(struct generation *g)
{
    g->modules->on_load = g->blame != NULL ? on_load : NULL;
    g->modules->arg = g->blame;
    find_modules(g);
    confine_begin(g, g->building->request->quarantine);
}

bool generation_build_part(struct generation *g)
{
    struct building *b = g->building;

    if (b->defaults == NULL)
        begin_building(g);
    if (site_build_part(b))
        return true;
    variable_name_settle(g);
    level_check_process(b);
    number_hosts(g);
    confine_all_hooks(g);
    g->building = NULL;
    return false;
}

void generation_build(struct generation *g, struct sources *sources, struct modules *modules,
                      struct problems *problems, struct blame *blame,
                      const struct generation_request *request)
{
    generation_read(g, sources, modules, problems, blame, request);
    while (generation_build_part(g))
        ;
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

/* How far it has come: confs of one module stand together in the order of loading, which "after"
   has put right. */
struct opening {
    unsigned at;           /* which module */
    bool is_begun;         /* it is asked already */
    struct mpx_conf *conf; /* from here on */
    bool *failed;          /* by module */
    bool any_failed;
    struct problems own, *all; /* this module's; where they go when it stands by them */
};

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

/* The next conf of that module from c on, or NULL. */
static struct mpx_conf *next_of(struct mpx_conf *c, const struct module *m)
{
    while (c != NULL && c->module != m)
        c = c->next;
    return c;
}

bool generation_has(const struct generation *g, const struct module *m)
{
    return next_of(g->confs, m) != NULL;
}

static void close_conf(struct generation *g, struct mpx_conf *c)
{
    blame_set(g->blame, c->module->index, BLAME_CLOSE, c->host);
    if (c->module->d.close != NULL)
        c->module->d.close(c->data);
    blame_clear(g->blame);
    c->is_open = false;
}

static void close_module(struct generation *g, const struct module *m)
{
    for (struct mpx_conf *c = next_of(g->confs, m); c != NULL; c = next_of(c->next, m))
        if (c->is_open)
            close_conf(g, c);
}

static struct opening *begin_opening(struct generation *g)
{
    struct opening *o = arena_zero(&g->arena, sizeof(*o));

    o->failed = arena_zero(&g->arena, g->modules->count * sizeof(*o->failed));
    o->all = g->problems;
    g->opening = o;
    return o;
}

/* Whether a module is to be opened. What it would say of what it misses is not the cause. */
static bool begin_module(struct generation *g, struct opening *o, const struct module *m)
{
    if (confine_has(g, m->name))
        return false;
    o->failed[o->at] = follows_failed(g, m, o->failed);
    if (o->failed[o->at])
        return false;
    problems_init(&o->own);
    g->problems = &o->own;
    g->lacks_service = false;
    o->conf = next_of(g->confs, m);
    o->is_begun = true;
    return true;
}

/* All of it was asked. One that fails for want of a service that a module in quarantine provides
   is in quarantine with it. */
static void end_module(struct generation *g, struct opening *o, const struct module *m)
{
    struct buffer text;

    g->problems = o->all;
    o->is_begun = false;
    if (o->failed[o->at] && g->lacks_service) {
        log_warn("module \"%s\" lacks the service of a module in quarantine: it is so too",
                 m->name);
        close_module(g, m);
        confine_add(g, m->name);
        confine_hooks(g, m);
        o->failed[o->at] = false;
    }
    buffer_init(&text, SOURCE_BYTES_MAX);
    for (unsigned i = 0; o->failed[o->at] && problem_save(&o->own, i, &text); i++, text.n = 0)
        (void)problem_load(o->all, g->sources, buffer_str(&text));
    buffer_finish(&text);
    problems_finish(&o->own);
}

bool generation_open_part(struct generation *g)
{
    struct opening *o = g->opening != NULL ? g->opening : begin_opening(g);

    if (o->at == g->modules->count)
        return false;
    const struct module *m = g->modules->loaded[o->at];
    if (o->is_begun || begin_module(g, o, m)) {
        if (o->conf != NULL) {
            if (open_conf(g, o->conf) < 0)
                o->failed[o->at] = true;
            o->conf = next_of(o->conf->next, m);
            return true;
        }
        end_module(g, o, m);
    }
    o->any_failed = o->any_failed || o->failed[o->at];
    if (++o->at < g->modules->count)
        return true;
    if (o->any_failed && g->problems->count == 0) /* what was said of it could not be told */
        problem_add(g->problems, (struct place){ .src = NULL }, "a module cannot be opened");
    return false;
}

int generation_open(struct generation *g)
{
    while (generation_open_part(g))
        ;
    if (!g->opening->any_failed)
        return 0;
    while (generation_close_part(g))
        ;
    return -1;
}

/* In the order in which they were opened, from its end. */
bool generation_close_part(struct generation *g)
{
    struct opening *o = g->opening;

    if (o != NULL && o->is_begun) { /* it was interrupted there */
        g->problems = o->all;
        problems_finish(&o->own);
        o->is_begun = false;
        o->at++;
    }
    while (o != NULL && o->at > 0) {
        const struct module *m = g->modules->loaded[o->at - 1];

        for (o->conf = next_of(g->confs, m); o->conf != NULL && !o->conf->is_open;)
            o->conf = next_of(o->conf->next, m);
        if (o->conf != NULL) {
            close_conf(g, o->conf);
            return true;
        }
        o->at--;
    }
    return false;
}

void generation_finish(struct generation *g)
{
    while (generation_close_part(g))
        ;
    arena_finish(&g->arena);
}
