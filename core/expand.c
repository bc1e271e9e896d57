/* SPDX-License-Identifier: MIT */
#include "expand.h"

#include "suggest.h"

enum {
    TEXT_MAX = 1 << 20, /* of one string */
    DEPTH_MAX = 16      /* defines that use each other; braces inside braces */
};

struct expansion {
    struct mpx_arena *a;
    struct sources *sources;
    struct node *define;
    struct problems *problems;
    const struct node *open[DEPTH_MAX]; /* the defines that are being made, outermost first */
    unsigned depth;
};

/* One string on its way: what is wrong is told at 'where'. */
struct making {
    struct expansion *x;
    const struct node *where;
    struct buffer out;
    bool is_wrong;
    unsigned level; /* of braces inside braces */
};

static void add_text(struct making *m, struct mpx_str s);

__attribute__((format(printf, 2, 3))) static void complain(struct making *m, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    problem_vadd(m->x->problems, m->where->at, fmt, ap);
    va_end(ap);
    m->is_wrong = true;
}

static bool is_open(const struct expansion *x, const struct node *value)
{
    for (unsigned i = 0; i < x->depth; i++)
        if (x->open[i] == value)
            return true;
    return false;
}

static void make_string(struct expansion *x, struct node *j);

/* Carries out what a define itself uses; false when that cannot be done. */
static bool make_define(struct making *m, struct node *value)
{
    struct expansion *x = m->x;

    if (value->is_made || value->is_wrong)
        return !value->is_wrong;
    if (is_open(x, value)) {
        complain(m, "${%.*s} is made of itself", STR_ARGS(value->key));
        return false;
    }
    if (x->depth == DEPTH_MAX) {
        complain(m, "more than %d names lead to each other here", DEPTH_MAX);
        return false;
    }
    x->open[x->depth++] = value;
    make_string(x, value);
    x->depth--;
    value->is_made = true;
    return !value->is_wrong;
}

static void not_set(struct making *m, struct mpx_str name)
{
    struct suggestion s;

    suggest_start(&s, name);
    for (const struct node *d = m->x->define->first; d != NULL; d = d->next)
        suggest_offer(&s, d->key);
    if (s.best.n > 0)
        complain(m, "${%.*s} is not set (did you mean ${%.*s}?)", STR_ARGS(name), STR_ARGS(s.best));
    else
        complain(m, "${%.*s} is not set: add it to \"define\"", STR_ARGS(name));
}

static void add_define(struct making *m, struct mpx_str name)
{
    struct node *value = node_member_named(m->x->define, name);

    if (value == NULL) {
        not_set(m, name);
    } else if (value->kind == NODE_ARRAY || value->kind == NODE_OBJECT) {
        complain(m, "${%.*s} is %s: only a string or number can be put here", STR_ARGS(name),
                 node_kind_name(value));
    } else if (value->kind != NODE_STRING) {
        node_write(value, &m->out);
    } else if (make_define(m, value)) {
        (void)buffer_add(&m->out, value->string);
    } else {
        m->is_wrong = true; /* told where it is defined */
    }
}

static void add_env(struct making *m, struct mpx_str text)
{
    size_t end = 0;

    while (end + 1 < text.n && (text.p[end] != ':' || text.p[end + 1] != '-'))
        end++;
    bool has_default = end + 1 < text.n;
    struct mpx_str name = has_default ? str_head(text, end) : text;
    const struct source *src = source_get(m->x->sources, SOURCE_ENV, arena_copyz(m->x->a, name));
    if (src->error == 0)
        (void)buffer_add(&m->out, src->text);
    else if (has_default)
        add_text(m, str_from(text, end + 2));
    else
        complain(m, "the environment has no %.*s: set it, or write ${env:%.*s:-default}",
                 STR_ARGS(name), STR_ARGS(name));
}

static void add_file(struct making *m, struct mpx_str path)
{
    struct making name = { .x = m->x, .where = m->where, .level = m->level };

    buffer_init(&name.out, TEXT_MAX);
    add_text(&name, path);
    m->is_wrong = m->is_wrong || name.is_wrong;
    if (!name.is_wrong) {
        const char *file = source_resolve(m->x->sources, m->where->at.src, buffer_str(&name.out));
        const struct source *src = source_get(m->x->sources, SOURCE_VALUE, file);

        if (src->error == 0)
            (void)buffer_add(&m->out, src->text);
        else
            complain(m, "the file \"%s\" cannot be read: %s", file, strerror(src->error));
    }
    buffer_finish(&name.out);
}

/* Where "${" stands in s, or s.n. */
static size_t find_mark(struct mpx_str s)
{
    for (size_t i = 0; i + 1 < s.n; i++)
        if (s.p[i] == '$' && s.p[i + 1] == '{')
            return i;
    return s.n;
}

static void add_named(struct making *m, struct mpx_str name)
{
    static const struct mpx_str env = { "env:", 4 }, file = { "file:", 5 };

    if (m->level == DEPTH_MAX) {
        complain(m, "more than %d braces stand inside each other here", DEPTH_MAX);
        return;
    }
    m->level++;
    if (str_starts(name, env))
        add_env(m, str_from(name, env.n));
    else if (str_starts(name, file))
        add_file(m, str_from(name, file.n));
    else if (find_mark(name) < name.n)
        complain(m, "a name cannot hold \"${\": it may stand in a default and in the name of a "
                    "file");
    else
        add_define(m, name);
    m->level--;
}

/* Where the "}" stands that belongs to the "${" before s, or s.n. */
static size_t find_end(struct mpx_str s)
{
    size_t open = 0;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '}' && open-- == 0)
            return i;
        if (s.p[i] == '$' && i + 1 < s.n && s.p[i + 1] == '{')
            open++;
    }
    return s.n;
}

static void add_text(struct making *m, struct mpx_str s)
{
    while (s.n > 0) {
        size_t mark = find_mark(s);
        struct mpx_str before = str_head(s, mark), rest = str_from(s, mark + 2);
        size_t end = find_end(rest);

        if (mark < s.n && mark > 0 && s.p[mark - 1] == '$') { /* "$${" */
            (void)buffer_add(&m->out, str_head(before, mark - 1));
            (void)buffer_add(&m->out, MPX_STR("${"));
            s = rest;
            continue;
        }
        (void)buffer_add(&m->out, before);
        if (mark == s.n)
            return;
        if (end == rest.n) {
            complain(m, "\"${\" without \"}\" (a plain \"${\" is written \"$${\")");
            return;
        }
        add_named(m, str_head(rest, end));
        s = str_from(rest, end + 1);
    }
}

static void make_string(struct expansion *x, struct node *j)
{
    struct making m = { .x = x, .where = j };
    size_t mark = find_mark(j->string);

    if (mark == j->string.n)
        return;
    buffer_init(&m.out, TEXT_MAX);
    add_text(&m, j->string);
    if (m.out.full)
        complain(&m, "with what \"${...}\" stands for it is longer than %d bytes", TEXT_MAX);
    j->expanded = mark == 0 && find_end(str_from(j->string, 2)) + 3 == j->string.n;
    j->is_wrong = m.is_wrong;
    j->string = arena_copy(x->a, buffer_str(&m.out));
    buffer_finish(&m.out);
}

static void expand_node(struct expansion *x, struct node *j)
{
    if (j->kind == NODE_STRING)
        make_string(x, j);
    for (struct node *k = j->first; k != NULL; k = k->next)
        expand_node(x, k);
}

void expand_tree(struct mpx_arena *a, struct sources *sources, struct node *tree,
                 struct node *define, struct problems *problems)
{
    struct expansion x = { .a = a, .sources = sources, .define = define, .problems = problems };

    expand_node(&x, tree);
}

void expand_defines(struct mpx_arena *a, struct sources *sources, struct node *define,
                    struct problems *problems)
{
    struct expansion x = { .a = a, .sources = sources, .define = define, .problems = problems };
    struct making m = { .x = &x, .where = define };

    for (struct node *value = define->first; value != NULL; value = value->next)
        if (value->kind == NODE_STRING)
            (void)make_define(&m, value);
}
