/* SPDX-License-Identifier: MIT */
#include "site.h"

#include "child.h"
#include "config.h"
#include "must.h"
#include "site_fields.h"
#include "site_keys.h"
#include "site_pages.h"
#include "uri.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* Is it given? null stands for the default. */
static bool is_given(const struct node *value)
{
    return value != NULL && value->kind != NODE_NULL;
}

/* A directory while it is built. */
struct draft {
    const struct node *node; /* NULL: the "/" that every virtual host has */
    struct mpx_str path, location;
    const struct draft *outer;
    struct level level;
    struct directory *made;
};

/* Reads core's keys alone; modules' keys are the level's business. */
static int read_core(const struct building *b, struct option_table t, const struct node *node,
                     void *settings)
{
    struct option_reading rd = level_reading(b, 0, "this object");

    rd.open_ended = true;
    return option_read(&rd, t, node, node->at, settings);
}

/* Whether this process is the user that will serve; somebody who only tests may be another. */
static bool is_the_one_who_serves(const struct building *b)
{
    struct mpx_str name = b->g->settings.user;
    struct child_user user;
    const char *error;

    return name.n == 0 ||
           (child_find_user(&b->g->arena, name.p, &user, &error) == 0 && user.uid == geteuid());
}

static void check_folder(const struct building *b, const struct node *value, struct mpx_str path)
{
    struct mpx_arena *a = &b->g->arena;
    struct stat st;

    if (b->g->sources->frozen || path.n == 0 || stat(path.p, &st) < 0)
        return;
    if (!S_ISDIR(st.st_mode))
        problem_add(b->g->problems, value->at, "%s: \"%s\" is a file, not a folder",
                    node_pointer(a, value), path.p);
    else if (access(path.p, X_OK) < 0 && errno == EACCES && is_the_one_who_serves(b))
        problem_add(b->g->problems, value->at,
                    "%s: user \"%s\" cannot enter \"%s\": give it the right to search that folder "
                    "(chmod o+x), or serve as another \"user\"",
                    node_pointer(a, value), child_name(a), path.p);
}

static void not_a_host(const struct building *b, struct mpx_str given, struct place at)
{
    size_t colon = str_find(given, ':');
    const char *cure = "";

    if (str_is(given, "*"))
        cure = ": the virtual host named \"default\" answers to all other names";
    else if (colon < given.n && str_find(str_from(given, colon + 1), ':') == given.n - colon - 1)
        cure = ": ports belong in \"connection\"";
    else if (colon < given.n)
        cure = ": an IPv6 address stands in brackets, ports belong in \"connection\"";
    problem_add(b->g->problems, at, "\"%.*s\" is not a host name%s", STR_ARGS(given), cure);
}

static void add_name(const struct building *b, struct vhost *v, struct mpx_str given,
                     struct place at)
{
    char host[URI_HOST_MAX];
    bool wild = str_starts(given, MPX_STR("*."));
    int n = uri_parse_host(wild ? str_from(given, 2) : given, host);
    struct mpx_str name;

    bool has_port = str_find(given, ':') < given.n && given.p[given.n - 1] != ']';
    if (n <= 0 || has_port) {
        not_a_host(b, given, at);
        return;
    }
    name = arena_printf(&b->g->arena, "%s%.*s", wild ? "." : "", n, host);
    struct vhost_name *slot = vhost_name_slot(b->g, name);
    if (slot->vhost == NULL) {
        *slot = (struct vhost_name){ .name = name, .vhost = v, .at = at };
        return;
    }
    const char *first = place_text(&b->g->arena, slot->at);
    if (at.len == 1) /* the whole object: it has no name */
        problem_add(b->g->problems, at,
                    "a virtual host without \"name\" is \"default\", and so is the one at %s: name "
                    "one of them",
                    first);
    else
        problem_add(b->g->problems, at, "the host name \"%.*s\" is used twice (first at %s)",
                    STR_ARGS(given), first);
}

static void add_names(const struct building *b, struct vhost *v, const struct node *node,
                      const struct vhost_settings *s)
{
    const struct node *name = node_member(node, "name"), *aliases = node_member(node, "aliases");
    const struct mpx_str *items = s->aliases.items;
    const struct node *e = aliases;

    if (!is_given(name))
        add_name(b, v, v->name, node->at);
    else if (name->kind == NODE_STRING && !name->is_wrong)
        add_name(b, v, s->name, name->at);
    if (e != NULL && e->kind == NODE_ARRAY)
        e = e->first;
    for (size_t i = 0; i < s->aliases.count && e != NULL; i++, e = e->next)
        if (e->kind == NODE_STRING && !e->is_wrong)
            add_name(b, v, items[i], e->at);
}

/* The directory among the drafts that encloses this one most closely; drafts are sorted by path. */
static const struct draft *find_outer(const struct draft *drafts, size_t i)
{
    for (size_t k = i; k > 0; k--) {
        const struct draft *d = &drafts[k - 1];

        if (d->path.n < drafts[i].path.n && str_starts(drafts[i].path, d->path) &&
            drafts[i].path.p[d->path.n] == '/')
            return d;
    }
    return NULL;
}

/* The normal form of a directory's path, without a slash at its end; p NULL when it has none. */
static struct mpx_str normal_path(const struct building *b, const struct node *value,
                                  struct mpx_str path)
{
    char *out = arena_take(&b->g->arena, path.n + 1);
    size_t n;

    if (uri_normal_decoded(path, out, &n) != 0) {
        problem_add(b->g->problems, value->at,
                    "%s must begin with a slash and stay below it, not \"%.*s\"",
                    node_pointer(&b->g->arena, value), STR_ARGS(path));
        return (struct mpx_str){ NULL, 0 };
    }
    while (n > 0 && out[n - 1] == '/')
        n--;
    return (struct mpx_str){ out, n };
}

static void report_double_path(const struct building *b, const struct draft *d,
                               const struct draft *first)
{
    if (first->node == NULL) { /* the "/" that "documents" makes */
        problem_add(b->g->problems, d->node->at,
                    "the directory \"/\" is set already, by \"documents\": what it needs belongs "
                    "in the virtual host itself");
        return;
    }
    problem_add(b->g->problems, d->node->at, "the directory \"%.*s/\" is set twice (first at %s)",
                STR_ARGS(d->path), place_text(&b->g->arena, first->node->at));
}

/* Adds a directory of the list to the sorted drafts. */
static void add_draft(const struct building *b, struct draft *drafts, size_t *count,
                      const struct node *node)
{
    struct directory_settings s = { .path.n = 0 };
    const struct node *location = node_member(node, "location"), *path = node_member(node, "path");
    size_t at = *count;

    if (node->is_wrong)
        return;
    if (node->kind != NODE_OBJECT) {
        problem_add(b->g->problems, node->at, "%s must be an object, { \"path\": ... }, not %s",
                    node_pointer(&b->g->arena, node), node_kind_name(node));
        return;
    }
    if (!is_given(path))
        problem_add(b->g->problems, node->at, "%s needs \"path\": %s",
                    node_pointer(&b->g->arena, node), option_get(site_directory_keys, 0).help);
    if (read_core(b, site_directory_keys, node, &s) < 0 || !is_given(path))
        return;
    struct draft d = { .node = node, .path = normal_path(b, path, s.path), .location = s.location };
    if (location != NULL)
        check_folder(b, location, s.location);
    if (d.path.p == NULL)
        return;
    for (size_t i = 0; i < *count; i++)
        if (str_eq(drafts[i].path, d.path)) {
            if (i == 0 && drafts[0].node == NULL && drafts[0].location.n == 0)
                drafts[0] = d; /* settings for "/" where there are no documents */
            else
                report_double_path(b, &d, &drafts[i]);
            return;
        }
    while (at > 0 && (drafts[at - 1].path.n > d.path.n ||
                      (drafts[at - 1].path.n == d.path.n &&
                       memcmp(drafts[at - 1].path.p, d.path.p, d.path.n) > 0)))
        at--;
    memmove(drafts + at + 1, drafts + at, (*count - at) * sizeof(*drafts));
    drafts[at] = d;
    ++*count;
}

static void place_folder(const struct building *b, const struct draft *d, struct directory *dir)
{
    const struct directory *outer = d->outer != NULL ? d->outer->made : NULL;
    struct mpx_arena *a = &b->g->arena;

    dir->path = d->path;
    if (d->location.n > 0) {
        dir->root = d->location;
    } else if (outer != NULL && outer->root.n > 0) {
        struct mpx_str rest = str_from(d->path, outer->path.n + 1);

        dir->root = outer->root;
        dir->base = arena_printf(a, "%.*s%.*s/", STR_ARGS(outer->base), STR_ARGS(rest));
    }
    dir->location = dir->root;
    if (dir->base.n > 0)
        dir->location = arena_printf(a, "%.*s%s%.*s", STR_ARGS(dir->root),
                                     dir->root.p[dir->root.n - 1] == '/' ? "" : "/",
                                     STR_ARGS(str_head(dir->base, dir->base.n - 1)));
}

/* What "limits" says at a level, objects merged key by key from the outside in; NULL: nothing. */
static struct node *merged_limits(const struct building *b, const struct level *l)
{
    if (l == NULL)
        return NULL;
    struct node *outer = merged_limits(b, l->outer);
    const struct node *own = node_member(l->node, "limits");
    return own != NULL ? node_merge(&b->g->arena, outer, own) : outer;
}

/* Mistakes were told where the levels were read. */
static int64_t body_limit(const struct building *b, const struct level *l)
{
    struct option_reading rd = level_reading(b, 0, NULL);
    const struct node *merged = merged_limits(b, l);
    struct site_limits limits = { .body = -1 };

    rd.problems = NULL;
    if (merged != NULL)
        (void)option_read(&rd, site_limits_keys, merged, merged->at, &limits);
    return limits.body;
}

/* What the innermost level says that says anything; mistakes were told where it was read. */
static bool satisfies_any(const struct level *l)
{
    for (; l != NULL; l = l->outer) {
        const struct node *own = node_member(l->node, "satisfy");

        if (own != NULL)
            return own->kind == NODE_STRING && str_is(own->string, "any");
    }
    return false;
}

static int by_path(const void *a, const void *b)
{
    const struct directory *x = a, *y = b;
    size_t n = x->path.n < y->path.n ? x->path.n : y->path.n;
    int order = n > 0 ? memcmp(x->path.p, y->path.p, n) : 0;

    return order != 0 ? order : (x->path.n > y->path.n) - (x->path.n < y->path.n);
}

/* The drafts are sorted by length, so that every enclosing one is made before what it encloses. */
static void make_directories(const struct building *b, struct vhost *v, const struct level *top,
                             struct draft *drafts, size_t count)
{
    v->directories = arena_zero(&b->g->arena, count * sizeof(*v->directories));
    v->directory_count = count;
    for (size_t i = 0; i < count; i++) {
        struct draft *d = &drafts[i];

        d->outer = i > 0 ? find_outer(drafts, i) : NULL;
        d->made = &v->directories[i];
        place_folder(b, d, d->made);
        if (d->node == NULL) {
            d->level = *top;
        } else {
            const struct node *location = node_member(d->node, "location");

            d->level = (struct level){
                .node = d->node,
                .outer = d->outer != NULL ? &d->outer->level : top,
                .core = site_directory_keys,
                .at = MPX_AT_DIRECTORY,
                .vhost = top->vhost,
                .serves_files = is_given(location),
                .files_at = location != NULL ? location->key_at : d->node->at,
            };
            level_build(b, &d->level);
            site_fields_read(b, &d->level);
        }
        d->made->fields = d->level.fields;
        level_chain(b, &d->level, &d->made->chain);
        d->made->body_limit = body_limit(b, &d->level);
        d->made->satisfy_any = satisfies_any(&d->level);
    }
    qsort(v->directories, count, sizeof(*v->directories), by_path);
}

static void build_directories(const struct building *b, struct vhost *v, const struct level *top,
                              struct mpx_str documents)
{
    const struct node *list = node_member(top->node, "directories");
    size_t count = 1;

    if (is_given(list))
        list = list->kind == NODE_ARRAY ? list : config_list(&b->g->arena, list);
    struct draft *drafts = must_calloc(((list != NULL ? list->count : 0) + 1) * sizeof(*drafts));
    drafts[0] = (struct draft){ .path = MPX_STR(""), .location = documents };
    for (const struct node *n = list != NULL ? list->first : NULL; n != NULL; n = n->next)
        add_draft(b, drafts, &count, n);
    make_directories(b, v, top, drafts, count);
    free(drafts);
}

/* What the level says of a virtual host as a whole. */
static void finish_vhost(const struct building *b, struct vhost *v, struct level *top)
{
    site_fields_read(b, top);
    site_pages_read(b, top);
    v->fields = top->fields;
    v->error_pages = top->error_pages;
    level_chain(b, top, &v->chain);
}

static void build_vhost(const struct building *b, struct vhost *v, const struct node *node,
                        const struct level *defaults)
{
    struct vhost_settings s = { .name.n = 0 };
    const struct node *documents = node_member(node, "documents");

    if (node->is_wrong)
        return;
    if (node->kind != NODE_OBJECT) {
        problem_add(b->g->problems, node->at, "%s must be an object, { ... }, not %s",
                    node_pointer(&b->g->arena, node), node_kind_name(node));
        return;
    }
    (void)read_core(b, site_vhost_keys, node, &s);
    v->name = s.name.n > 0 ? s.name : MPX_STR("default");
    add_names(b, v, node, &s);
    if (documents != NULL)
        check_folder(b, documents, s.documents);
    struct level top = {
        .node = node,
        .outer = defaults,
        .core = site_vhost_keys,
        .at = MPX_AT_VHOST,
        .vhost = v->name.p,
        .serves_files = is_given(documents),
        .files_at = documents != NULL ? documents->key_at : node->at,
    };
    level_build(b, &top);
    finish_vhost(b, v, &top);
    build_directories(b, v, &top, s.documents);
}

/* Room for every name and alias, half of it empty. */
static void make_name_table(struct generation *g, const struct node *list)
{
    size_t names = 2;

    for (const struct node *v = list != NULL ? list->first : NULL; v != NULL; v = v->next) {
        const struct node *aliases = node_member(v, "aliases");

        names += 1 + (aliases == NULL ? 0 : aliases->kind == NODE_ARRAY ? aliases->count : 1);
    }
    g->name_slots = 8;
    while (g->name_slots < 2 * names)
        g->name_slots *= 2;
    g->names = arena_zero(&g->arena, g->name_slots * sizeof(*g->names));
}

/* Nothing is configured: one virtual host that says so. */
static void build_welcome(const struct building *b, const struct level *defaults)
{
    struct generation *g = b->g;
    struct vhost *v = arena_zero(&g->arena, sizeof(*v));
    struct level top = *defaults;

    g->vhosts = v;
    g->vhost_count = 1;
    v->name = MPX_STR("default");
    v->welcome = true;
    v->fields = top.fields;
    v->error_pages = top.error_pages;
    level_chain(b, &top, &v->chain);
    add_name(b, v, MPX_STR("default"), (struct place){ .src = NULL });
    add_name(b, v, MPX_STR("localhost"), (struct place){ .src = NULL });
    build_directories(b, v, &top, MPX_STR(""));
}

/* The level that all others lie in, and room for them. False when that is all there is. */
static bool build_defaults(struct building *b)
{
    struct generation *g = b->g;
    const struct node *list = node_member(g->root, "vhosts");
    struct level *defaults = arena_zero(&g->arena, sizeof(*defaults));

    *defaults = (struct level){
        .node = node_member(g->root, "defaults"),
        .core = site_defaults_keys,
        .at = MPX_AT_VHOST,
        .is_template = true,
    };
    if (defaults->node != NULL)
        (void)read_core(b, defaults->core, defaults->node,
                        &(struct level_settings){ .limits.body = 0 });
    level_build(b, defaults);
    finish_vhost(b, &g->defaults, defaults);
    g->defaults.name = MPX_STR("-");
    make_name_table(g, list);
    b->defaults = defaults;
    if (list == NULL || list->count == 0) {
        build_welcome(b, defaults);
        return false;
    }
    g->vhosts = arena_zero(&g->arena, list->count * sizeof(*g->vhosts));
    b->next = list->first;
    return true;
}

bool site_build_part(struct building *b)
{
    struct generation *g = b->g;
    bool has_more = true;

    if (b->defaults == NULL) {
        has_more = build_defaults(b);
    } else {
        build_vhost(b, &g->vhosts[g->vhost_count++], b->next, b->defaults);
        b->next = b->next->next;
        has_more = b->next != NULL;
    }
    if (!has_more)
        g->fallback = vhost_name_slot(g, MPX_STR("default"))->vhost;
    return has_more;
}
