/* SPDX-License-Identifier: MIT
   The tables of a configuration, put into one; circles in them are found. */
#include "rewrite.h"

#include "../common/pointer.h"

#include <string.h>

static void destroy(void *table)
{
    table_destroy(table);
}

/* One entry; status is what its list has. */
static int add(struct mpx_conf *c, const char *below, const struct entry_option *o, int64_t status,
               bool last, struct table *t)
{
    char *room = mpx_alloc(mpx_conf_arena(c), o->key.n + 1);
    const char *name = pointer_below(c, below, o->key);
    struct entry e = { .to = o->to, .last = o->last || last, .name = name };
    const char *what = table_key(o->key, room, &e.key, &e.is_prefix);

    if (what != NULL)
        return mpx_conf_error(c, name, "%s", what);
    if (o->to.n == 0 && o->status == 0)
        return mpx_conf_error(c, name, "needs \"to\": a path, or an absolute URI");
    if (rewrite_check_status(c, name, o->status, o->to.n > 0) < 0)
        return -1;
    e.status = o->status != 0 ? (int)o->status : (int)status;
    if (o->to.n > 0) {
        e.target = rewrite_target(c, name, o->to, NULL, e.is_prefix ? TARGET_REST : TARGET_NO_REST);
        if (e.target == NULL)
            return -1;
    }
    const struct entry *there = table_add(t, e);
    if (there != NULL)
        return mpx_conf_error(c, name, "\"%.*s\" stands in a table already, at %s: remove one",
                              (int)o->key.n, o->key.p, there->name);
    return 0;
}

static int add_all(struct mpx_conf *c, const char *below, const struct mpx_list *entries,
                   int64_t status, bool last, struct table *t)
{
    const struct entry_option *o = entries->items;
    int rc = 0;

    for (size_t i = 0; i < entries->count; i++)
        if (add(c, below, &o[i], status, last, t) < 0)
            rc = -1;
    return rc;
}

static int add_list(struct mpx_conf *c, const char *key, const struct mpx_list *rules,
                    int64_t status, struct table *t)
{
    const struct rule_option *o = rules->items;
    int rc = 0;

    for (size_t i = 0; i < rules->count; i++) {
        const char *below = mpx_printf(mpx_conf_arena(c), "%s/%zu", key, i).p;

        if (o[i].table.count == 0)
            continue;
        if (rewrite_check_status(c, below, o[i].status, true) < 0 ||
            add_all(c, below, &o[i].table, o[i].status != 0 ? o[i].status : status, o[i].last, t) <
                0)
            rc = -1;
    }
    return rc;
}

/* The path that an entry's target is, whatever request comes; false where that cannot be told. The
   rest of a path, which is not known, is taken for one that no exact entry has. */
static bool target_path(const struct entry *e, char *room, size_t size, struct mpx_str *path)
{
    const struct target *to = e->target;
    size_t n = 0;
    bool is_prefix;

    if (to == NULL || to->scheme != NULL)
        return false;
    for (size_t i = 0; i < to->count && to->parts[i].zone == ZONE_PATH; i++) {
        const struct part *p = &to->parts[i];
        struct mpx_str text = p->kind == PART_REST ? MPX_STR("\001rest") : p->text;

        if (p->kind == PART_VARIABLE || n + text.n > size)
            return false;
        memcpy(room + n, text.p, text.n);
        n += text.n;
    }
    return table_key((struct mpx_str){ room, n }, room, path, &is_prefix) == NULL && !is_prefix;
}

/* The entry that surely applies to an entry's target, or NULL. Where that leaves the path as it is,
   as "/app/x" is left by an entry for all below "/app/" that leads to "/app/x", it ends. */
static const struct entry *leads_to(const struct table *t, const struct entry *e, char *room,
                                    size_t size)
{
    struct mpx_str path, again, rest;

    if ((e->last && e->status == 0) || !target_path(e, room, size, &path))
        return NULL;
    const struct entry *found = table_exact(t, path);
    if (found == NULL)
        found = table_prefix(t, path, &rest);
    if (found != NULL && target_path(found, room + size, size, &again) && mpx_str_eq(path, again) &&
        memchr(path.p, '\001', path.n) == NULL)
        return NULL;
    return found;
}

enum { STEPS = 10 };

/* The circle that begins at an entry, as people read it. */
static int tell_circle(struct mpx_conf *c, const struct table *t, const struct entry *from,
                       char *room, size_t size)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    const struct entry *e = from;
    struct mpx_str way =
        mpx_printf(a, "\"%.*s%s\"", (int)e->key.n, e->key.p, e->is_prefix ? "*" : "");

    do {
        e = leads_to(t, e, room, size);
        way = mpx_printf(a, "%.*s -> \"%.*s%s\"", (int)way.n, way.p, (int)e->key.n, e->key.p,
                         e->is_prefix ? "*" : "");
    } while (e != from);
    return mpx_conf_error(
        c, from->name, "leads in a circle, %.*s: mend one of them, or end it with \"last\": true",
        (int)way.n, way.p);
}

/* Whether an entry comes back to itself. A circle is told at the first of its entries. */
static int check_circle(struct mpx_conf *c, const struct table *t, const struct entry *from,
                        char *room, size_t size)
{
    const struct entry *e = from;

    for (int i = 0; i < STEPS; i++) {
        e = leads_to(t, e, room, size);
        if (e == NULL || e < from)
            return 0;
        if (e == from)
            return tell_circle(c, t, from, room, size);
    }
    return 0;
}

static size_t count(const struct mpx_list *rules)
{
    const struct rule_option *o = rules->items;
    size_t n = 0;

    for (size_t i = 0; i < rules->count; i++)
        n += o[i].table.count;
    return n;
}

static size_t longest_target(const struct table *t)
{
    size_t n = 0;

    for (size_t i = 0; i < t->count; i++)
        n = t->entries[i].to.n > n ? t->entries[i].to.n : n;
    return n;
}

int tables_compile(struct mpx_conf *c, const struct conf *conf, struct engine *engine)
{
    size_t entries = count(&conf->rules) + count(&conf->redirect) + conf->table.count;
    struct table *t = table_create(entries);
    int rc;

    if (t == NULL)
        return mpx_conf_error(c, "", "there is no memory for %zu entries", entries);
    mpx_defer(mpx_conf_arena(c), destroy, t);
    engine->table = t;
    rc = add_list(c, "redirect", &conf->redirect, 301, t);
    if (add_list(c, "rules", &conf->rules, 0, t) < 0 ||
        add_all(c, "", &conf->table, 0, false, t) < 0)
        return -1;
    size_t size = longest_target(t) + 16;
    char *room = mpx_alloc(mpx_conf_arena(c), 2 * size);
    for (size_t i = 0; i < t->count; i++)
        if (check_circle(c, t, &t->entries[i], room, size) < 0)
            rc = -1;
    return rc;
}
