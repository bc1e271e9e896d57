/* SPDX-License-Identifier: MIT */
#include "expand.h"

#include "suggest.h"

enum { TEXT_MAX = 1 << 20 }; /* of one string */

struct expansion {
    struct mpx_arena *a;
    struct sources *sources;
    const struct node *define;
    struct problems *problems;
    struct buffer out;
};

static void add_define(struct expansion *x, const struct node *where, struct mpx_str name)
{
    const struct node *value = node_member_named(x->define, name);
    struct suggestion s;

    if (value != NULL && value->kind == NODE_STRING) {
        (void)buffer_add(&x->out, value->string);
    } else if (value != NULL && value->kind != NODE_ARRAY && value->kind != NODE_OBJECT) {
        node_write(value, &x->out);
    } else if (value != NULL) {
        problem_add(x->problems, where->at,
                    "${%.*s} is %s: only a string or number can be put here", STR_ARGS(name),
                    node_kind_name(value));
    } else {
        suggest_start(&s, name);
        for (const struct node *d = x->define->first; d != NULL; d = d->next)
            suggest_offer(&s, d->key);
        if (s.best.n > 0)
            problem_add(x->problems, where->at, "${%.*s} is not set (did you mean ${%.*s}?)",
                        STR_ARGS(name), STR_ARGS(s.best));
        else
            problem_add(x->problems, where->at, "${%.*s} is not set: add it to \"define\"",
                        STR_ARGS(name));
    }
}

static void add_env(struct expansion *x, const struct node *where, struct mpx_str text)
{
    size_t end = 0;

    while (end + 1 < text.n && (text.p[end] != ':' || text.p[end + 1] != '-'))
        end++;
    bool has_default = end + 1 < text.n;
    struct mpx_str name = has_default ? str_head(text, end) : text;
    const struct source *src = source_get(x->sources, SOURCE_ENV, arena_copyz(x->a, name));
    if (src->error == 0)
        (void)buffer_add(&x->out, src->text);
    else if (has_default)
        (void)buffer_add(&x->out, str_from(text, end + 2));
    else
        problem_add(x->problems, where->at,
                    "the environment has no %.*s: set it, or write ${env:%.*s:-default}",
                    STR_ARGS(name), STR_ARGS(name));
}

static void add_file(struct expansion *x, const struct node *where, struct mpx_str path)
{
    const char *name = source_resolve(x->sources, where->at.src, path);
    const struct source *src = source_get(x->sources, SOURCE_VALUE, name);

    if (src->error == 0)
        (void)buffer_add(&x->out, src->text);
    else
        problem_add(x->problems, where->at, "the file \"%s\" cannot be read: %s", name,
                    strerror(src->error));
}

static void add_named(struct expansion *x, const struct node *where, struct mpx_str name)
{
    static const struct mpx_str env = { "env:", 4 }, file = { "file:", 5 };

    if (str_starts(name, env))
        add_env(x, where, str_from(name, env.n));
    else if (str_starts(name, file))
        add_file(x, where, str_from(name, file.n));
    else
        add_define(x, where, name);
}

/* Where "${" stands in s, or s.n. */
static size_t find_mark(struct mpx_str s)
{
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '$' && s.p[i + 1] == '{')
            return i;
    return s.n;
}

static void expand_string(struct expansion *x, struct node *j)
{
    struct mpx_str s = j->string;

    if (find_mark(s) == s.n)
        return;
    x->out.n = 0;
    while (s.n > 0) {
        size_t mark = find_mark(s);
        struct mpx_str before = str_head(s, mark), rest = str_from(s, mark + 2);
        size_t end = str_find(rest, '}');

        if (mark < s.n && mark > 0 && s.p[mark - 1] == '$') { /* "$${" */
            (void)buffer_add(&x->out, str_head(before, mark - 1));
            (void)buffer_add(&x->out, MPX_STR("${"));
            s = rest;
            continue;
        }
        (void)buffer_add(&x->out, before);
        if (mark < s.n && end == rest.n) {
            problem_add(x->problems, j->at,
                        "\"${\" without \"}\" (a plain \"${\" is written \"$${\")");
            return;
        }
        if (mark < s.n)
            add_named(x, j, str_head(rest, end));
        j->expanded = mark == 0 && end + 3 == j->string.n;
        s = str_from(rest, end + 1);
    }
    if (x->out.full) {
        problem_add(x->problems, j->at,
                    "with what \"${...}\" stands for it is longer than %d bytes", TEXT_MAX);
        x->out.full = false;
    }
    j->string = arena_copy(x->a, buffer_str(&x->out));
}

static void expand_node(struct expansion *x, struct node *j)
{
    if (j->kind == NODE_STRING)
        expand_string(x, j);
    for (struct node *k = j->first; k != NULL; k = k->next)
        expand_node(x, k);
}

void expand_tree(struct mpx_arena *a, struct sources *sources, struct node *tree,
                 const struct node *define, struct problems *problems)
{
    struct expansion x = { .a = a, .sources = sources, .define = define, .problems = problems };

    buffer_init(&x.out, TEXT_MAX);
    expand_node(&x, tree);
    buffer_finish(&x.out);
}
