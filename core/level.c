/* SPDX-License-Identifier: MIT */
#include "level.h"

#include "confine.h"
#include "shorthand.h"
#include "suggest.h"

struct option_reading level_reading(const struct building *b, unsigned at, const char *who)
{
    return (struct option_reading){
        .a = &b->g->arena,
        .sources = b->g->sources,
        .problems = b->g->problems,
        .at = at,
        .who = who,
        .read_private = b->request->read_private,
        .on_sink = b->request->on_sink,
        .arg = b->request->arg,
    };
}

/* Takes out of the settings of outer levels, a tree of our own, what holds for those alone. */
static struct node *without_own(struct node *outer, const struct module *m)
{
    struct option_table t = module_options(m);
    struct mpx_option o;

    for (size_t i = 0; outer != NULL && (o = option_get(t, i)).name != NULL; i++) {
        struct node *member = node_member(outer, o.name);

        if ((o.flags & MPX_OPT_OWN) != 0 && member != NULL)
            node_unlink(member);
    }
    return outer;
}

/* What this level and those further out say of a module; NULL: nothing. */
static struct node *merged_levels(const struct building *b, const struct level *l,
                                  const struct module *m)
{
    struct mpx_arena *a = &b->g->arena;

    if (l == NULL)
        return NULL;
    struct node *outer = merged_levels(b, l->outer, m);
    const struct node *own = node_member(l->keys, m->name);
    if (own == NULL)
        return outer;
    return node_merge(a, without_own(outer, m), option_object(a, module_options(m), own));
}

/* The same upon what "process" says, which no level takes back. */
static const struct node *merged_for(const struct building *b, const struct level *l,
                                     const struct module *m)
{
    struct mpx_arena *a = &b->g->arena;
    const struct node *process = node_member(b->process, m->name);
    const struct node *levels = merged_levels(b, l, m);

    if (process == NULL || process->kind == NODE_NULL || level_is_off(levels))
        return levels;
    return node_merge(a, option_object(a, module_options(m), process), levels);
}

/* Holds what "process" says of a module against its table; false when something is wrong. */
static bool check_process(const struct building *b, const struct module *m)
{
    const struct node *own = node_member(b->process, m->name);
    struct option_reading rd = level_reading(b, MPX_AT_PROCESS, NULL);

    if (own == NULL || own->kind == NODE_NULL || m->is_absent)
        return true;
    rd.partial = true;
    rd.stride = m->d.option_size;
    void *scratch = arena_zero(&b->g->arena, m->d.conf_size);
    return option_read(&rd, module_options(m), own, own->at, scratch) == 0;
}

/* Holds what this level says of a module against its table; false when something is wrong. */
static bool check_settings(const struct building *b, const struct level *l, const struct module *m)
{
    const char *who = arena_printf(&b->g->arena, "module \"%s\"", m->name).p;
    struct option_reading rd = level_reading(b, l->at, who);
    void *scratch = arena_zero(&b->g->arena, m->d.conf_size);

    rd.partial = true;
    rd.stride = m->d.option_size;
    return shorthand_check(&rd, l->node, m, scratch) == 0;
}

/* Whether the module was selected further out. */
static bool is_inherited(const struct level *l, const struct level_use *use)
{
    const struct level_use *outer = level_find(l->outer, use->name);

    return outer != NULL && outer->at.src == use->at.src && outer->at.off == use->at.off;
}

static struct mpx_conf *make_conf(const struct building *b, const struct level *l,
                                  const struct level_use *use, const struct node *merged)
{
    struct module *m = use->module;
    const struct node *key = node_member(l->keys, m->name);
    struct mpx_arena *a = &b->g->arena;
    struct mpx_conf *c = arena_zero(a, sizeof(*c) + m->d.conf_size);
    struct option_reading rd = level_reading(b, 0, arena_printf(a, "module \"%s\"", m->name).p);

    c->g = b->g;
    c->module = m;
    c->merged = merged;
    c->vhost = l->vhost;
    c->level = l->at;
    c->at = key != NULL ? key->key_at : use->at;
    if (key == NULL && l->node != NULL && is_inherited(l, use))
        c->at = l->node->at;
    c->pointer =
        l->node != NULL ? arena_printf(a, "%s/%s", node_pointer(a, l->node), m->name).p : m->name;
    rd.pointer = c->pointer;
    rd.stride = m->d.option_size;
    if (l->is_template)
        rd.problems = NULL;
    if (!m->is_absent && option_read(&rd, module_options(m), merged, c->at, c->data) < 0)
        return NULL;
    return c;
}

/* -1 when the module refuses it. */
static int link_conf(struct generation *g, struct mpx_conf *c)
{
    *g->confs_end = c;
    g->confs_end = &c->next;
    if (c->module->d.check == NULL || confine_has(g, c->module->name))
        return 0;
    if (g->blame != NULL)
        blame_set(g->blame, c->module->index, BLAME_CHECK, 0);
    unsigned before = g->problems->count;
    int rc = c->module->d.check(c, c->data);
    if (g->blame != NULL)
        blame_clear(g->blame);
    if (rc < 0 && g->problems->count == before)
        problem_add(g->problems, c->at, "module \"%s\" refuses its settings at %s", c->module->name,
                    c->pointer);
    return rc;
}

static const struct level_use *outer_use(const struct level *l, const struct module *m)
{
    for (const struct level *o = l->outer; o != NULL; o = o->outer) {
        const struct level_use *use = level_find(o, str_of(m->name));

        if (use != NULL)
            return use;
    }
    return NULL;
}

/* Finds or makes the settings of one selected module. */
static void activate(const struct building *b, const struct level *l, struct level_use *use)
{
    const struct level_use *outer = outer_use(l, use->module);
    const struct node *own = node_member(l->keys, use->module->name);

    if (own != NULL && !level_is_off(own) && !use->module->is_absent &&
        !check_settings(b, l, use->module))
        use->is_wrong = true;
    if (outer == NULL && !check_process(b, use->module))
        use->is_wrong = true;
    if (use->is_wrong || (outer != NULL && outer->is_wrong)) {
        use->is_wrong = true;
        return;
    }
    if (own == NULL && outer != NULL && outer->conf != NULL) {
        use->conf = outer->conf;
        return;
    }
    const struct node *merged = merged_for(b, l, use->module);
    if (level_is_off(merged))
        return;
    use->conf = make_conf(b, l, use, merged);
    use->is_wrong = use->conf == NULL && !l->is_template;
    if (use->conf == NULL)
        return;
    use->conf->outer = outer != NULL ? outer->conf : NULL;
    use->conf->is_given = merged_levels(b, l, use->module) != NULL;
    if (link_conf(b->g, use->conf) < 0)
        use->is_wrong = true;
}

void level_build(const struct building *b, struct level *l)
{
    level_list(b, l);
    for (size_t i = 0; i < l->use_count; i++)
        if (l->uses[i].module != NULL)
            activate(b, l, &l->uses[i]);
}

/* A module that is not even loaded may have had any hook: nothing passes the first ones. */
static bool is_guard(const struct module *m, int phase)
{
    return m->is_absent && (phase == MPX_PH_ROUTE || phase == MPX_PH_ACCESS);
}

void level_chain(const struct building *b, const struct level *l, struct chain *chain)
{
    struct mpx_arena *a = &b->g->arena;

    chain->confs = arena_zero(a, l->use_count * sizeof(struct mpx_conf *));
    for (size_t i = 0; i < l->use_count; i++)
        if (l->uses[i].conf != NULL)
            chain->confs[chain->conf_count++] = l->uses[i].conf;
    for (int ph = 0; ph < MPX_PH_COUNT; ph++) {
        chain->hooks[ph] = arena_zero(a, chain->conf_count * sizeof(struct hook));
        for (unsigned i = 0; i < chain->conf_count; i++) {
            const struct mpx_conf *c = chain->confs[i];

            if (c->module->d.on[ph] != NULL || is_guard(c->module, ph))
                chain->hooks[ph][chain->count[ph]++] = (struct hook){ c->module->d.on[ph], c };
        }
    }
}

void level_check_process(const struct building *b)
{
    for (const struct node *k = b->process != NULL ? b->process->first : NULL; k != NULL;
         k = k->next) {
        struct suggestion s;

        if (module_find(b->g->modules, k->key) != NULL)
            continue; /* checked when it was selected */
        suggest_start(&s, k->key);
        for (unsigned i = 0; i < b->g->modules->count; i++)
            suggest_offer(&s, str_of(b->g->modules->loaded[i]->name));
        problem_add(b->g->problems, k->key_at,
                    "\"%.*s\" is configured in \"process\" but no virtual host uses a module of "
                    "that name%s",
                    STR_ARGS(k->key), suggest_text(&s, &b->g->arena));
    }
}
