/* SPDX-License-Identifier: MIT */
#include "variable_name.h"

#include "str.h"
#include "suggest.h"

#define VARIABLE_ROW(id, name, kind, help) { name, help, MPX_VAR_##kind },
static const struct {
    const char *name, *help;
    enum mpx_var_kind kind;
} of_core[] = { VARIABLES(VARIABLE_ROW) };

/* A name that is looked for when all modules are loaded. */
struct wanted_variable {
    struct wanted_variable *next;
    struct mpx_var *var;
    struct place at;
    const char *what;
};

const char *variable_name_at(size_t i, const char **help)
{
    if (i >= VARIABLE_OF_CORE)
        return NULL;
    *help = of_core[i].help;
    return of_core[i].name;
}

static struct mpx_str head_of(struct mpx_str name)
{
    return str_head(name, str_find(name, '.'));
}

bool variable_name_of_core(struct mpx_str name, struct mpx_var *v)
{
    struct mpx_str head = head_of(name), word = str_from(name, head.n + 1);

    for (unsigned i = 0; i < VARIABLE_OF_CORE; i++) {
        struct mpx_str own = str_of(of_core[i].name), own_head = head_of(own);

        if (!str_eq(head, own_head) || (own.n > own_head.n) != (word.n > 0))
            continue;
        *v = (struct mpx_var){ (enum variable)i, of_core[i].kind, name, word, NULL, NULL };
        return true;
    }
    return false;
}

/* The entry of that table for a name, or NULL. */
static const struct mpx_variable *find(const struct mpx_variable *v, struct mpx_str head)
{
    while (v != NULL && v->name != NULL && !str_is(head, v->name))
        v++;
    return v != NULL && v->name != NULL ? v : NULL;
}

bool variable_name_of_module(const struct modules *ms, struct mpx_str name, struct mpx_var *v)
{
    struct mpx_str head = head_of(name), word = str_from(name, head.n + 1);

    for (unsigned i = 0; i < ms->count; i++) {
        const struct mpx_variable *of = find(ms->loaded[i]->d.variables, head);

        if (of == NULL)
            continue;
        *v = (struct mpx_var){ VARIABLE_OF_MODULE, MPX_VAR_TEXT, name, word, of, ms->loaded[i] };
        return true;
    }
    return false;
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_';
}

static bool is_name(struct mpx_str s)
{
    size_t n = 0;

    while (n < s.n && is_name_char(s.p[n]))
        n++;
    return n > 0 && n == s.n;
}

/* Whether core's own begin like that: "header" is taken as well. */
static bool is_taken_by_core(struct mpx_str head)
{
    for (unsigned i = 0; i < VARIABLE_OF_CORE; i++)
        if (str_eq(head, head_of(str_of(of_core[i].name))))
            return true;
    return false;
}

const char *variable_name_verify(struct mpx_arena *a, const struct modules *ms,
                                 const struct mpx_module *d)
{
    struct mpx_var v;

    for (const struct mpx_variable *of = d->variables; of != NULL && of->name != NULL; of++) {
        struct mpx_str name = str_of(of->name);

        if (!is_name(name) || of->get == NULL)
            return arena_printf(a, "its variable \"%s\" has %s", of->name,
                                of->get == NULL ? "no function" : "a name that is no word")
                .p;
        if (is_taken_by_core(name))
            return arena_printf(a, "its variable $%s is one of the server's own", of->name).p;
        if (variable_name_of_module(ms, name, &v))
            return arena_printf(a, "module \"%s\" provides the variable $%s already",
                                v.module->name, of->name)
                .p;
    }
    return NULL;
}

/* Whether core has this name and it takes no word behind a dot. */
static bool is_whole(struct mpx_str name)
{
    for (unsigned i = 0; i < VARIABLE_OF_CORE; i++)
        if (str_is(name, of_core[i].name))
            return true;
    return false;
}

/* How long the name is that s begins with: words joined by dots; behind a dot also with hyphens.
   "$path.html" is $path and ".html". */
static size_t name_length(struct mpx_str s)
{
    bool behind_dot = false;
    size_t n = 0;

    for (; n < s.n; n++) {
        bool more = n + 1 < s.n && is_name_char(s.p[n + 1]);

        if (s.p[n] == '.' && !behind_dot && is_whole(str_head(s, n)))
            break;
        if (s.p[n] == '.' && n > 0 && more)
            behind_dot = true;
        else if (!is_name_char(s.p[n]) && !(s.p[n] == '-' && behind_dot && more))
            break;
    }
    return n;
}

bool variable_name_next(struct mpx_str *text, struct mpx_str *piece, bool *is_name_of)
{
    struct mpx_str rest = str_from(*text, 1);
    size_t n;

    *is_name_of = false;
    if (text->n == 0)
        return false;
    if (text->p[0] != '$') {
        n = str_find(*text, '$');
        *piece = str_head(*text, n);
        *text = str_from(*text, n);
        return true;
    }
    n = name_length(rest);
    *is_name_of = n > 0;
    *piece = n > 0 ? str_head(rest, n) : str_head(*text, 1);
    if (n == 0 && rest.n > 0 && rest.p[0] == '$')
        n = 1;
    *text = str_from(rest, n);
    return true;
}

static const struct mpx_var *want(struct generation *g, struct mpx_str name, struct place at,
                                  const char *what)
{
    struct mpx_var *v = arena_zero(&g->arena, sizeof(*v));

    if (variable_name_of_core(name, v))
        return v;
    *v = (struct mpx_var){ .which = VARIABLE_OF_MODULE, .kind = MPX_VAR_TEXT, .name = name };
    struct wanted_variable *w = arena_zero(&g->arena, sizeof(*w));
    *w = (struct wanted_variable){ g->wanted_variables, v, at, what };
    g->wanted_variables = w;
    if (g->all_loaded)
        variable_name_settle(g);
    return v;
}

struct mpx_list variable_name_pieces(struct generation *g, struct mpx_str text, struct place at,
                                     const char *what)
{
    struct mpx_str rest = text, piece;
    size_t count = 0;
    bool is_a_name;

    while (variable_name_next(&rest, &piece, &is_a_name))
        count++;
    struct mpx_piece *pieces = arena_zero(&g->arena, count * sizeof(*pieces));
    for (size_t i = 0; variable_name_next(&text, &piece, &is_a_name); i++)
        pieces[i] = (struct mpx_piece){ piece, is_a_name ? want(g, piece, at, what) : NULL };
    return (struct mpx_list){ pieces, count };
}

const struct mpx_var *variable_name_find(struct generation *g, struct mpx_str text, struct place at,
                                         const char *what, size_t *length)
{
    *length = name_length(text);
    if (*length == 0)
        return NULL;
    return want(g, arena_copy(&g->arena, str_head(text, *length)), at, what);
}

/* Core's own; of those that stand for many, that with the word that was meant. */
static void offer_core(struct generation *g, struct suggestion *s, struct mpx_str word)
{
    for (unsigned i = 0; i < VARIABLE_OF_CORE; i++) {
        struct mpx_str own = str_of(of_core[i].name), head = head_of(own);

        if (head.n < own.n && word.n > 0)
            own = arena_printf(&g->arena, "%.*s.%.*s", STR_ARGS(head), STR_ARGS(word));
        suggest_offer(s, own);
    }
}

static void tell_unknown(struct generation *g, const struct wanted_variable *w)
{
    struct mpx_str name = w->var->name;
    struct suggestion s;

    for (unsigned i = 0; i < VARIABLE_OF_CORE; i++) {
        struct mpx_str own = str_of(of_core[i].name);

        if (head_of(own).n < own.n && str_eq(name, head_of(own))) {
            problem_add(g->problems, w->at, "%s: $%.*s needs the name of a field: $%.*s", w->what,
                        STR_ARGS(name), STR_ARGS(own));
            return;
        }
    }
    suggest_start(&s, name);
    offer_core(g, &s, str_from(name, head_of(name).n + 1));
    for (unsigned i = 0; i < g->modules->count; i++) {
        const struct mpx_variable *of = g->modules->loaded[i]->d.variables;

        for (; of != NULL && of->name != NULL; of++)
            suggest_offer(&s, str_of(of->name));
    }
    problem_add(g->problems, w->at, "%s: there is no variable $%.*s%s", w->what, STR_ARGS(name),
                suggest_text(&s, &g->arena));
}

void variable_name_settle(struct generation *g)
{
    g->all_loaded = true;
    for (struct wanted_variable *w = g->wanted_variables; w != NULL; w = w->next)
        if (!variable_name_of_module(g->modules, w->var->name, w->var) && !g->modules->is_lacking)
            tell_unknown(g, w);
    g->wanted_variables = NULL;
}
