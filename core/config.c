/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "expand.h"
#include "json.h"
#include "suggest.h"

#include <errno.h>

enum { INCLUDE_DEPTH = 8 };

/* What reading all files shares. */
struct reading {
    struct mpx_arena *a;
    struct sources *sources;
    struct problems *problems;
    bool strict;
    struct node *root, *define;
    const struct source *open[INCLUDE_DEPTH]; /* the files that we are in, outermost first */
    unsigned depth;
    struct reading_file *files; /* all that were read */
};
struct reading_file {
    struct reading_file *next;
    struct mpx_str path; /* absolute, without links where it is a file */
};

static const char *const lists[] = { "connection", "vhosts", NULL };
static const char *const objects[] = { "daemon", "defaults", "process", NULL };
static const char *const others[] = { "include", "define", "$schema", NULL };

static bool is_one_of(struct mpx_str key, const char *const *words)
{
    for (; *words != NULL; words++)
        if (str_is(key, *words))
            return true;
    return false;
}

static void unknown_section(struct reading *rd, const struct node *m)
{
    const char *const *const words[] = { lists, objects, others };
    struct suggestion s;

    suggest_start(&s, m->key);
    for (size_t i = 0; i < 3; i++)
        for (const char *const *w = words[i]; *w != NULL; w++)
            suggest_offer(&s, str_of(*w));
    problem_add(rd->problems, m->key_at, "unknown key \"%.*s\" at the top level%s",
                STR_ARGS(m->key),
                s.best.n > 0 ? suggest_text(&s, rd->a)
                             : ", which holds daemon, connection, vhosts, defaults, process, "
                               "include and define");
}

struct node *config_list(struct mpx_arena *a, const struct node *value)
{
    if (value->kind == NODE_ARRAY)
        return node_copy(a, value);
    struct node *list = node_new(a, NODE_ARRAY, value->at);
    list->key_at = value->key_at;
    list->key = value->key;
    list->parent = value->parent; /* for pointers, where it is not put elsewhere */
    node_append(list, node_copy(a, value), (struct mpx_str){ NULL, 0 });
    return list;
}

static void append_list(struct reading *rd, struct node *m)
{
    struct node *list = node_member_named(rd->root, m->key), *next;

    m = config_list(rd->a, m);
    if (list == NULL) {
        node_append(rd->root, m, m->key);
        return;
    }
    for (struct node *e = m->first; e != NULL; e = next) {
        next = e->next;
        node_unlink(e);
        node_append(list, e, e->key);
    }
}

/* Moves the members of 'from' into 'to'; the same value in two files is a problem. */
static void merge_into(struct reading *rd, struct node *to, struct node *from)
{
    struct node *next, *there;

    for (struct node *m = from->first; m != NULL; m = next) {
        next = m->next;
        there = node_member_named(to, m->key);
        if (there == NULL) {
            node_unlink(m);
            node_append(to, m, m->key);
        } else if (there->kind == NODE_OBJECT && m->kind == NODE_OBJECT) {
            merge_into(rd, there, m);
        } else if (there->key_at.src != m->key_at.src) { /* else a duplicate, told already */
            problem_add(
                rd->problems, m->key_at,
                "\"%.*s\" is already set at %s: files cannot override each other: remove one",
                STR_ARGS(m->key), place_text(rd->a, there->key_at));
        }
    }
}

static bool is_object(struct reading *rd, const struct node *m)
{
    if (m->kind == NODE_OBJECT)
        return true;
    problem_add(rd->problems, m->at, "\"%.*s\" must be an object, { ... }, not %s",
                STR_ARGS(m->key), node_kind_name(m));
    return false;
}

static void merge_object(struct reading *rd, struct node *m)
{
    struct node *there = node_member_named(rd->root, m->key);

    if (!is_object(rd, m))
        return;
    if (there != NULL)
        merge_into(rd, there, m);
    else
        node_append(rd->root, node_copy(rd->a, m), m->key);
}

static void read_one(struct reading *rd, const char *name, struct place from);

static void include_pattern(struct reading *rd, const struct node *pattern)
{
    if (pattern->is_wrong)
        return;
    if (pattern->kind != NODE_STRING) {
        problem_add(rd->problems, pattern->at, "\"include\" must be a file name or pattern, not %s",
                    node_kind_name(pattern));
        return;
    }
    const char *path = source_resolve(rd->sources, pattern->at.src, pattern->string);
    if (strpbrk(path, "*?[") == NULL) {
        read_one(rd, path, pattern->at);
        return;
    }
    const struct source *found = source_get(rd->sources, SOURCE_GLOB, path);
    if (found->error != 0 && found->error != ENOENT)
        problem_add(rd->problems, pattern->at, "\"%s\" cannot be searched: %s", path,
                    strerror(found->error));
    for (struct mpx_str names = found->text; names.n > 0;) {
        struct mpx_str line = str_head(names, str_find(names, '\n'));

        read_one(rd, arena_copyz(rd->a, line), pattern->at);
        names = str_from(names, line.n + 1);
    }
}

static void merge_sections(struct reading *rd, struct node *root)
{
    struct node *next;

    for (struct node *m = root->first; m != NULL; m = next) {
        next = m->next;
        if (is_one_of(m->key, lists))
            append_list(rd, m);
        else if (is_one_of(m->key, objects))
            merge_object(rd, m);
        else if (!is_one_of(m->key, others))
            unknown_section(rd, m);
    }
}

/* The file name that a message shows for a source that cannot be read. */
static void cannot_read(struct reading *rd, const struct source *src, struct place from)
{
    if (src->error == ENOENT)
        problem_add(rd->problems, from, "the file \"%s\" does not exist", src->name);
    else
        problem_add(rd->problems, from, "the file \"%s\" cannot be read: %s", src->name,
                    strerror(src->error));
}

static struct mpx_str path_of(struct reading *rd, const struct source *src)
{
    const struct source nowhere = { .name = "" };

    if (src->real[0] != '\0')
        return str_of(src->real);
    return source_absolute(rd->sources, &nowhere, str_of(src->name), rd->a);
}

static bool is_open(struct reading *rd, const struct source *src, struct place from)
{
    for (unsigned i = 0; i < rd->depth; i++)
        if (str_eq(path_of(rd, rd->open[i]), path_of(rd, src))) {
            problem_add(rd->problems, from, "\"%s\" includes itself: remove this include",
                        src->name);
            return true;
        }
    if (rd->depth < INCLUDE_DEPTH)
        return false;
    problem_add(rd->problems, from, "includes go deeper than %d files here", INCLUDE_DEPTH);
    return true;
}

/* Notes that a file is read. False when it was before, by another include: what it says counts
   once. */
static bool is_new(struct reading *rd, const struct source *src)
{
    struct mpx_str path = path_of(rd, src);

    for (const struct reading_file *f = rd->files; f != NULL; f = f->next)
        if (str_eq(f->path, path))
            return false;
    struct reading_file *f = arena_take(rd->a, sizeof(*f));
    *f = (struct reading_file){ .next = rd->files, .path = path };
    rd->files = f;
    return true;
}

static void read_one(struct reading *rd, const char *name, struct place from)
{
    const struct source *src = source_get(rd->sources, SOURCE_CONFIG, name);

    if (is_open(rd, src, from))
        return;
    if (src->error != 0) {
        cannot_read(rd, src, from);
        return;
    }
    if (!is_new(rd, src))
        return;
    struct node *root = json_read(rd->a, src, rd->strict, rd->problems);
    if (root == NULL)
        return;
    rd->open[rd->depth++] = src;
    struct node *define = node_member(root, "define"), *include = node_member(root, "include");
    if (define != NULL && is_object(rd, define)) {
        merge_into(rd, rd->define, node_copy(rd->a, define));
    }
    merge_sections(rd, root);
    if (include != NULL) {
        include = config_list(rd->a, include);
        expand_tree(rd->a, rd->sources, include, rd->define, rd->problems);
        for (const struct node *p = include->first; p != NULL; p = p->next)
            include_pattern(rd, p);
    }
    rd->depth--;
}

struct node *config_read(struct mpx_arena *a, struct sources *sources, const char *file,
                         const char *overrides, bool strict, struct problems *problems)
{
    const struct place nowhere = { .src = NULL };
    struct reading rd = { .a = a, .sources = sources, .problems = problems, .strict = strict };

    rd.root = node_new(a, NODE_OBJECT, nowhere);
    rd.define = node_new(a, NODE_OBJECT, nowhere);
    read_one(&rd, file, nowhere);
    expand_tree(a, sources, rd.root, rd.define, problems);
    expand_defines(a, sources, rd.define, problems);
    if (overrides != NULL) {
        const struct source *src = source_get(sources, SOURCE_CONFIG, overrides);

        return node_merge(a, rd.root, json_read(a, src, true, problems));
    }
    return rd.root;
}
