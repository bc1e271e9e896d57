/* SPDX-License-Identifier: MIT
   Which modules are active at a level, and in what order. */
#include "confine.h"
#include "level.h"
#include "shorthand.h"
#include "site_keys.h"
#include "suggest.h"

bool level_is_off(const struct node *value)
{
    return value != NULL && value->kind == NODE_BOOL && !value->boolean;
}

struct level_use *level_find(const struct level *l, struct mpx_str name)
{
    for (size_t i = 0; l != NULL && i < l->use_count; i++)
        if (str_eq(l->uses[i].name, name))
            return &l->uses[i];
    return NULL;
}

static void add_use(struct level *l, struct mpx_str name, struct place at)
{
    l->uses[l->use_count++] = (struct level_use){ .name = name, .at = at };
}

static void remove_use(struct level *l, const struct level_use *use)
{
    size_t i = (size_t)(use - l->uses);

    l->use_count--;
    memmove(l->uses + i, l->uses + i + 1, (l->use_count - i) * sizeof(*l->uses));
}

/* Carries out one "+name" or "-name". In a computed list "+name" may be there by its key. */
static void edit_list(const struct building *b, struct level *l, const struct node *item)
{
    struct mpx_str name = str_from(item->string, 1);
    struct level_use *there = level_find(l, name);

    if (item->string.p[0] == '+' && there == NULL)
        add_use(l, name, item->at);
    else if (item->string.p[0] == '-' && there != NULL)
        remove_use(l, there);
    else if (there == NULL || l->is_explicit)
        problem_add(b->g->problems, item->at, "module \"%.*s\" is %s the list that this edits",
                    STR_ARGS(name), there != NULL ? "already in" : "not in");
}

static bool is_edit(const struct node *item)
{
    return item->kind == NODE_STRING && item->string.n > 1 &&
           (item->string.p[0] == '+' || item->string.p[0] == '-');
}

/* One name of a list without signs. */
static void select_module(const struct building *b, struct level *l, const struct node *item)
{
    if (level_find(l, item->string) != NULL)
        problem_add(b->g->problems, item->at, "module \"%.*s\" is in this list twice",
                    STR_ARGS(item->string));
    else
        add_use(l, item->string, item->at);
}

/* Where a module stands in a computed list: those first, others as first named, these last. */
static int computed_rank(struct mpx_str name)
{
    static const char *const first[] = { "accesslog", "access", "userdir", "rewrite", "session" };
    static const char *const last[] = { "exec", "static", "dirlist" };

    for (int i = 0; i < 5; i++)
        if (str_is(name, first[i]))
            return i - 5;
    for (int i = 0; i < 3; i++)
        if (str_is(name, last[i]))
            return i + 1;
    return 0;
}

static void sort_computed(struct level *l)
{
    for (size_t i = 1; i < l->use_count; i++)
        for (size_t k = i;
             k > 0 && computed_rank(l->uses[k - 1].name) > computed_rank(l->uses[k].name); k--) {
            struct level_use u = l->uses[k];

            l->uses[k] = l->uses[k - 1];
            l->uses[k - 1] = u;
        }
}

/* Where files are named that nothing but "static" serves: a folder, or those of users. */
static void add_static(struct level *l)
{
    const struct level_use *users = level_find(l, MPX_STR("userdir"));

    if (level_find(l, MPX_STR("static")) != NULL)
        return;
    if (l->serves_files)
        add_use(l, MPX_STR("static"), l->files_at);
    else if (users != NULL)
        add_use(l, MPX_STR("static"), users->at);
}

/* Without a list the keys that are used select the modules. */
static void compute_list(struct level *l)
{
    for (const struct node *k = l->keys->first; k != NULL; k = k->next)
        if (k->kind != NODE_NULL && !level_is_off(k) && level_find(l, k->key) == NULL)
            add_use(l, k->key, k->key_at);
    add_static(l);
    sort_computed(l);
}

/* Whether an earlier item edits the same module. */
static bool is_edited_twice(const struct node *list, const struct node *item)
{
    const struct node *e = list->kind == NODE_ARRAY ? list->first : item;

    for (; e != item; e = e->next)
        if (is_edit(e) && str_eq(str_from(e->string, 1), str_from(item->string, 1)))
            return true;
    return false;
}

static void read_list(const struct building *b, struct level *l, const struct node *value)
{
    const struct node *item = value->kind == NODE_ARRAY ? value->first : value;
    bool edits = item != NULL && is_edit(item);

    if (!edits)
        l->use_count = 0;
    else if (!l->is_explicit)
        compute_list(l);
    for (; item != NULL; item = value->kind == NODE_ARRAY ? item->next : NULL) {
        if (item->is_wrong)
            continue;
        if (item->kind != NODE_STRING || item->string.n == 0)
            problem_add(b->g->problems, item->at, "\"modules\" holds names of modules, not %s",
                        item->kind == NODE_STRING ? "an empty one" : node_kind_name(item));
        else if (is_edit(item) != edits)
            problem_add(
                b->g->problems, item->at,
                "either all names have a sign, which edits the inherited list, or none has");
        else if (edits && is_edited_twice(value, item))
            problem_add(b->g->problems, item->at, "module \"%.*s\" is in this list twice",
                        STR_ARGS(str_from(item->string, 1)));
        else if (edits)
            edit_list(b, l, item);
        else
            select_module(b, l, item);
    }
    l->is_explicit = true;
}

struct offering {
    struct suggestion *s;
    struct mpx_arena *a;
};

/* The name goes with its directory entry. */
static void offer_name(void *arg, struct mpx_str name)
{
    const struct offering *o = arg;

    suggest_offer(o->s, name);
    if (o->s->best.p == name.p)
        o->s->best = arena_copy(o->a, name);
}

/* A key that is neither core's nor an installed module's. */
static void unknown_key(const struct building *b, const struct level *l, const struct node *key)
{
    struct mpx_arena *a = &b->g->arena;
    const char *pointer = node_pointer(a, l->node);
    struct suggestion s;
    struct mpx_option o;

    if (site_key_belongs(key->key) != NULL) {
        problem_add(b->g->problems, key->key_at, "\"%.*s\" cannot stand here: it belongs in %s",
                    STR_ARGS(key->key), site_key_belongs(key->key));
        return;
    }
    suggest_start(&s, key->key);
    for (size_t i = 0; (o = option_get(l->core, i)).name != NULL; i++)
        suggest_offer(&s, str_of(o.name));
    shorthand_offer(&s);
    for (unsigned i = 0; i < b->g->modules->count; i++)
        suggest_offer(&s, str_of(b->g->modules->loaded[i]->name));
    modules_each_installed(b->g->modules, offer_name, &(struct offering){ &s, a });
    problem_add(
        b->g->problems, key->key_at, "unknown key \"%.*s\" at %s%s", STR_ARGS(key->key), pointer,
        s.best.n > 0 && !str_eq(s.best, key->key) ? suggest_text(&s, a)
                                                  : ", and no module of that name is installed");
}

/* Every key must belong to a module that is there and selected. */
static void check_keys(const struct building *b, struct level *l)
{
    for (const struct node *k = l->keys->first; k != NULL; k = k->next) {
        bool installed = module_is_installed(b->g->modules, k->key);
        struct mpx_str shorthand = shorthand_of(l->node, k->key);
        struct level_use *use = level_find(l, k->key);

        if (shorthand.n > 0 && (level_is_off(k) || k->kind == NODE_NULL))
            continue;
        if (!installed && shorthand.n > 0)
            problem_add(b->g->problems, k->key_at,
                        "\"%.*s\" needs module \"%.*s\", which is not installed",
                        STR_ARGS(shorthand), STR_ARGS(k->key));
        else if (!installed && (use == NULL || !l->is_explicit))
            unknown_key(b, l, k);
        else if (use == NULL && !level_is_off(k) && k->kind != NODE_NULL)
            problem_add(b->g->problems, k->key_at,
                        "\"%.*s\" is configured but not active: add \"%.*s\" to \"modules\"",
                        STR_ARGS(shorthand.n > 0 ? shorthand : k->key), STR_ARGS(k->key));
        if (!installed && use != NULL && !l->is_explicit)
            remove_use(l, use); /* told already */
    }
}

static void load(const struct building *b, struct level_use *use)
{
    const char *error;
    unsigned before = b->g->modules->count;

    const struct confined *c = confine_find(b->g, use->name);

    if (c != NULL && c->is_not_loaded)
        use->module = module_absent(b->g->modules, use->name);
    else
        use->module = module_load(b->g->modules, use->name, b->request->careful, &error);
    if (use->module == NULL) {
        problem_add(b->g->problems, use->at, "%s", error);
        use->is_wrong = true;
    } else if (b->g->blame != NULL && b->g->modules->count > before) {
        blame_name(b->g->blame, use->module->index, use->module->name);
        generation_tell_files(b->g);
    }
}

/* The first module in the list that stands before one it must follow; NULL when the order is
   right. */
static struct level_use *misplaced(const struct level *l, struct level_use **later)
{
    for (size_t i = 0; i < l->use_count; i++) {
        const struct module *m = l->uses[i].module;

        for (const char *const *a = m != NULL ? m->d.after : NULL; a != NULL && *a != NULL; a++) {
            *later = level_find(l, str_of(*a));
            if (*later > &l->uses[i])
                return &l->uses[i];
        }
    }
    return NULL;
}

static void check_order(const struct building *b, struct level *l)
{
    struct level_use *use, *later;

    /* a computed list is put right: each turn moves one module back, no more turns than pairs */
    for (size_t turns = l->use_count * l->use_count; turns > 0; turns--) {
        use = misplaced(l, &later);
        if (use == NULL)
            return;
        if (l->is_explicit)
            break;
        struct level_use moved = *use;
        memmove(use, use + 1, (size_t)(later - use) * sizeof(*use));
        *later = moved;
    }
    use = misplaced(l, &later);
    if (use != NULL)
        problem_add(b->g->problems, use->at,
                    "module \"%.*s\" must stand behind \"%.*s\" in this list", STR_ARGS(use->name),
                    STR_ARGS(later->name));
}

static size_t names_at_most(const struct level *l)
{
    const struct node *list = node_member(l->node, "modules");
    size_t own = list != NULL ? list->count + 1 : 0;

    return own + l->keys->count + 1 + (l->outer != NULL ? l->outer->use_count : 0);
}

static void inherit_list(struct level *l)
{
    if (l->outer == NULL)
        return;
    for (size_t i = 0; i < l->outer->use_count; i++)
        add_use(l, l->outer->uses[i].name, l->outer->uses[i].at);
    l->is_explicit = l->outer->is_explicit;
}

void level_list(const struct building *b, struct level *l)
{
    const struct node *list = node_member(l->node, "modules");

    if (list != NULL && list->kind == NODE_NULL) /* as if it were not there */
        list = NULL;
    l->keys = shorthand_keys(&b->g->arena, b->g->problems, l->node, l->core);
    l->uses = arena_zero(&b->g->arena, names_at_most(l) * sizeof(*l->uses));
    inherit_list(l);
    if (list != NULL)
        read_list(b, l, list);
    else if (!l->is_explicit)
        compute_list(l);
    check_keys(b, l);
    for (size_t i = 0; i < l->use_count; i++)
        load(b, &l->uses[i]);
    check_order(b, l);
}
