/* SPDX-License-Identifier: MIT */
#include "shorthand.h"

static const struct shorthand {
    const char *key, *module;
    const char *member; /* NULL: the module's settings as a whole */
} shorthands[] = {
    { "index_file", "static", "index_file" }, { "directory_list", "dirlist", NULL },
    { "allow", "access", "allow" },           { "deny", "access", "deny" },
    { "redirect", "rewrite", "redirect" },    { "user_dirs", "userdir", NULL },
    { "fallback", "rewrite", "fallback" },
};
enum { SHORTHANDS = sizeof(shorthands) / sizeof(shorthands[0]) };

static const struct shorthand *find(struct mpx_str key)
{
    for (size_t i = 0; i < SHORTHANDS; i++)
        if (str_is(key, shorthands[i].key))
            return &shorthands[i];
    return NULL;
}

void shorthand_offer(struct suggestion *s)
{
    for (size_t i = 0; i < SHORTHANDS; i++)
        suggest_offer(s, str_of(shorthands[i].key));
}

struct mpx_str shorthand_of(const struct node *level, struct mpx_str module)
{
    for (const struct node *m = level != NULL ? level->first : NULL; m != NULL; m = m->next) {
        const struct shorthand *s = find(m->key);

        if (s != NULL && str_is(module, s->module))
            return m->key;
    }
    return (struct mpx_str){ NULL, 0 };
}

static void set_twice(struct problems *problems, const struct node *m, const struct node *there)
{
    const char *place = place_text(&problems->arena, there->key_at);

    if (there->kind == NODE_BOOL && !there->boolean)
        problem_add(problems, m->key_at,
                    "\"%.*s\" sets what \"%.*s\": false switches off at %s: remove one",
                    STR_ARGS(m->key), STR_ARGS(there->key), place);
    else
        problem_add(problems, m->key_at, "\"%.*s\" is set here and also at %s: remove one",
                    STR_ARGS(m->key), place);
}

/* What stands there, of any kind, becomes the first member of an object that can take more: its
   module's table, which is not known here, says what it fills. */
static void wrap(struct mpx_arena *a, struct node *there)
{
    struct node *own = node_copy(a, there);

    own->is_bare = true;
    there->kind = NODE_OBJECT;
    there->first = there->last = NULL;
    there->count = 0;
    node_append(there, own, own->key);
}

/* Puts a member's value where its shorthand says; m is one that is a shorthand. */
static void carry_out(struct mpx_arena *a, struct problems *problems, struct node *keys,
                      const struct shorthand *s, const struct node *m)
{
    struct node *there = node_member(keys, s->module);
    struct node *value = node_copy(a, m);

    if (s->member == NULL) {
        if (there != NULL)
            set_twice(problems, m, there);
        else
            node_append(keys, value, str_of(s->module));
        return;
    }
    if (there == NULL) {
        there = node_new(a, NODE_OBJECT, m->at);
        there->key_at = m->key_at;
        node_append(keys, there, str_of(s->module));
        node_append(there, value, str_of(s->member));
        return;
    }
    if (there->kind == NODE_NULL || (there->kind == NODE_BOOL && !there->boolean)) {
        set_twice(problems, m, there);
        return;
    }
    if (there->first == NULL || !there->first->is_bare)
        wrap(a, there);
    if (node_member(there->first, s->member) != NULL)
        set_twice(problems, m, there);
    else
        node_append(there, value, str_of(s->member));
}

struct node *shorthand_keys(struct mpx_arena *a, struct problems *problems,
                            const struct node *level, struct option_table core)
{
    struct node *keys = node_new(a, NODE_OBJECT, (struct place){ .src = NULL });
    struct mpx_option o;

    for (const struct node *m = level != NULL ? level->first : NULL; m != NULL; m = m->next)
        if (!option_find(core, m->key, &o) && find(m->key) == NULL &&
            node_member_named(keys, m->key) == NULL)
            node_append(keys, node_copy(a, m), m->key);
    for (const struct node *m = level != NULL ? level->first : NULL; m != NULL; m = m->next) {
        const struct shorthand *s = find(m->key);

        if (s != NULL && !option_find(core, m->key, &o))
            carry_out(a, problems, keys, s, m);
    }
    return keys;
}

/* Whether a value in the place of the module's object fills what the shorthand sets. */
static bool is_set_bare(struct mpx_arena *a, struct option_table t, const struct node *own,
                        const char *member)
{
    return own != NULL && node_member(own, member) == NULL &&
           node_member(option_object(a, t, own), member) != NULL;
}

int shorthand_check(const struct option_reading *rd, const struct node *level,
                    const struct module *m, void *scratch)
{
    struct option_table table = module_options(m);
    struct mpx_option o;
    int rc = 0;

    for (const struct node *k = level != NULL ? level->first : NULL; k != NULL; k = k->next) {
        const struct shorthand *s = find(k->key);

        if (s == NULL ? str_is(k->key, m->name)
                      : s->member == NULL && strcmp(s->module, m->name) == 0) {
            if (k->kind != NODE_NULL && !(k->kind == NODE_BOOL && !k->boolean) &&
                option_read(rd, table, k, k->key_at, scratch) < 0)
                rc = -1;
        } else if (s != NULL && strcmp(s->module, m->name) == 0) {
            if (!option_find(table, str_of(s->member), &o)) {
                problem_add(rd->problems, k->key_at, "module \"%s\" (%s) has no option \"%s\"",
                            m->name, m->file, s->member);
                rc = -1;
            } else if (is_set_bare(rd->a, table, node_member(level, m->name), s->member)) {
                set_twice(rd->problems, k, node_member(level, m->name));
                rc = -1;
            } else if (option_read_member(rd, &o, k, scratch) < 0) {
                rc = -1;
            }
        }
    }
    return rc;
}
