/* SPDX-License-Identifier: MIT */
#include "option.h"

#include "json.h"
#include "must.h"
#include "option_value.h"
#include "suggest.h"

#include <stdio.h>

struct mpx_option option_get(struct option_table t, size_t i)
{
    struct mpx_option o = { .name = NULL };

    if (t.first != NULL)
        memcpy(&o, (const char *)t.first + i * t.stride,
               t.stride < sizeof(o) ? t.stride : sizeof(o));
    return o;
}

bool option_find(struct option_table t, struct mpx_str name, struct mpx_option *o)
{
    for (size_t i = 0; (*o = option_get(t, i)).name != NULL; i++)
        if (str_is(name, o->name))
            return true;
    for (size_t i = 0; (*o = option_get(t, i)).name != NULL; i++)
        if ((o->flags & MPX_OPT_PREFIX) != 0 && str_starts(name, str_of(o->name)))
            return true;
    return false;
}

/* The option that a value fills which stands in the place of the object. Where there are two, a
   list fills the one that is a list. */
static struct mpx_option find_bare(struct option_table t, const struct node *value)
{
    struct mpx_option o, found = { .name = NULL };
    bool is_array = value != NULL && value->kind == NODE_ARRAY;

    for (size_t i = 0; (o = option_get(t, i)).name != NULL; i++)
        if ((o.flags & MPX_OPT_BARE) != 0 &&
            (found.name == NULL || (o.type == MPX_T_LIST) == is_array))
            found = o;
    return found;
}

const char *option_pointer(const struct option_reading *rd, const struct node *value)
{
    const char *pointer = node_pointer(rd->a, value);

    return rd->pointer != NULL ? arena_printf(rd->a, "%s%s", rd->pointer, pointer).p : pointer;
}

static int unknown_key(const struct option_reading *rd, struct option_table t,
                       const struct node *member)
{
    struct suggestion s;
    struct mpx_option o;

    if (rd->problems == NULL)
        return -1;
    const char *elsewhere = rd->belongs != NULL ? rd->belongs(member->key) : NULL;
    if (elsewhere != NULL) {
        problem_add(rd->problems, member->key_at, "\"%.*s\" cannot stand here: it belongs in %s",
                    STR_ARGS(member->key), elsewhere);
        return -1;
    }
    suggest_start(&s, member->key);
    for (size_t i = 0; (o = option_get(t, i)).name != NULL; i++)
        if ((o.flags & MPX_OPT_PREFIX) == 0)
            suggest_offer(&s, str_of(o.name));
    const char *pointer = option_pointer(rd, member->parent);
    problem_add(rd->problems, member->key_at, "unknown key \"%.*s\" at %s%s", STR_ARGS(member->key),
                pointer[0] != '\0' ? pointer : "the top level", suggest_text(&s, rd->a));
    return -1;
}

static const char *where_text(unsigned where)
{
    if (where == MPX_AT_PROCESS)
        return "it is set once for all, in \"process\"";
    if (where == MPX_AT_DIRECTORY)
        return "it belongs in a directory";
    if ((where & MPX_AT_DIRECTORY) == 0)
        return "it belongs in a virtual host or in \"defaults\"";
    return "it belongs in a virtual host or directory";
}

/* Whether this option may stand at this level; a problem is added when not. */
static bool may_stand(const struct option_reading *rd, const struct mpx_option *o,
                      const struct node *member)
{
    unsigned where = o->where != 0 ? o->where : MPX_AT_VHOST | MPX_AT_DIRECTORY;

    if ((o->flags & OPTION_LATER) != 0) {
        if (rd->problems != NULL)
            problem_add(rd->problems, member->key_at,
                        "\"%s\" is not supported by this version of multiplexd: remove it",
                        o->name);
        return false;
    }
    if (rd->at == 0 || (where & rd->at) != 0)
        return true;
    if (rd->problems != NULL)
        problem_add(rd->problems, member->key_at, "\"%s\" cannot stand here: %s", o->name,
                    where_text(where));
    return false;
}

static int read_default(const struct option_reading *rd, const struct mpx_option *o,
                        struct place place, char *conf)
{
    struct option_reading quiet = *rd;

    if (o->fallback == NULL && o->type == MPX_T_OBJECT) /* its members have defaults of their own */
        return option_read(
            rd, (struct option_table){ o->of, rd->stride != 0 ? rd->stride : sizeof(*o) }, NULL,
            place, conf + o->offset);
    if (o->fallback == NULL)
        return 0;
    struct node *value = json_read_value(rd->a, o->fallback);
    quiet.problems = NULL;
    if (value != NULL && option_read_value(&quiet, o, value, conf + o->offset) == 0)
        return 0;
    if (rd->problems == NULL)
        return -1;
    if (o->type == MPX_T_PATH)
        problem_add(rd->problems, place, "%s needs \"%s\": the default, %s, cannot be used here",
                    rd->who != NULL ? rd->who : "\"daemon\"", o->name, o->fallback);
    else
        problem_add(rd->problems, (struct place){ .src = NULL },
                    "%s: the default of \"%s\", %s, is not "
                    "of its type: the module must be mended",
                    rd->who, o->name, o->fallback);
    return -1;
}

static int missing(const struct option_reading *rd, const struct mpx_option *o,
                   const struct node *object, struct place place)
{
    if (rd->problems == NULL)
        return -1;
    const char *who = rd->who, *pointer = rd->pointer != NULL ? rd->pointer : "";
    if (object != NULL)
        pointer = option_pointer(rd, object);
    if (who == NULL) {
        who = pointer;
        pointer = "";
    }
    problem_add(rd->problems, place, "%s needs \"%s\"%s%s%s%s", who, o->name,
                pointer[0] != '\0' ? " at " : "", pointer, o->help != NULL ? ": " : "",
                o->help != NULL ? o->help : "");
    return -1;
}

/* Whether another option has been given in its place: one of two that a bare value may fill. */
static bool is_replaced(struct option_table t, const struct mpx_option *o,
                        const struct node *object, const char *filled)
{
    struct mpx_option other;

    for (size_t i = 0; (o->flags & MPX_OPT_BARE) != 0 && (other = option_get(t, i)).name != NULL;
         i++) {
        const struct node *given = node_member(object, other.name);

        if ((other.flags & MPX_OPT_BARE) != 0 && other.name != o->name &&
            (other.name == filled || (given != NULL && given->kind != NODE_NULL)))
            return true;
    }
    return false;
}

/* What is not given: the defaults, and complaints about what has none. */
static int read_absent(const struct option_reading *rd, struct option_table t,
                       const struct node *object, const char *filled, struct place place,
                       void *conf)
{
    struct mpx_option o;
    int rc = 0;

    for (size_t i = 0; (o = option_get(t, i)).name != NULL; i++) {
        const struct node *given = node_member(object, o.name);

        if ((given != NULL && given->kind != NODE_NULL) || o.name == filled ||
            (o.flags & MPX_OPT_PREFIX) != 0)
            continue;
        if ((o.flags & MPX_OPT_REQUIRED) != 0 && is_replaced(t, &o, object, filled))
            continue;
        if ((o.flags & MPX_OPT_REQUIRED) != 0)
            rc = missing(rd, &o, object, place);
        else if ((o.flags & OPTION_LATER) == 0 && read_default(rd, &o, place, conf) < 0)
            rc = -1;
    }
    return rc;
}

/* Whether value, which is no object, only switches the defaults on. */
static bool is_switch(const struct node *value, const struct mpx_option *bare)
{
    return value->kind == NODE_BOOL && value->boolean &&
           (bare->name == NULL || bare->type != MPX_T_BOOL);
}

/* Whether value, all of it, fills the bare option of t. */
static bool fills_bare(struct option_table t, const struct node *value,
                       const struct mpx_option *bare)
{
    struct mpx_option o;

    if (value->kind != NODE_OBJECT)
        return true;
    if (bare->name == NULL || (bare->flags & MPX_OPT_WHOLE) == 0 || value->first == NULL)
        return false;
    for (const struct node *m = value->first; m != NULL; m = m->next)
        if (m->is_bare || (option_find(t, m->key, &o) && (o.flags & MPX_OPT_PREFIX) == 0))
            return false;
    return true;
}

/* An object that shorthands have added to what stood in its place. */
static const struct node *unwrap(struct mpx_arena *a, struct option_table t,
                                 const struct node *value)
{
    struct node *object = node_new(a, NODE_OBJECT, value->at);
    const struct node *own = option_object(a, t, value->first);

    object->key = value->key;
    object->key_at = value->key_at;
    object->is_wrong = value->is_wrong || own->is_wrong;
    for (const struct node *m = own->first; m != NULL; m = m->next)
        node_append(object, node_copy(a, m), m->key);
    for (const struct node *m = value->first->next; m != NULL; m = m->next)
        node_append(object, node_copy(a, m), m->key);
    return object;
}

const struct node *option_object(struct mpx_arena *a, struct option_table t,
                                 const struct node *value)
{
    struct mpx_option bare = find_bare(t, value), o;

    if (value->kind == NODE_OBJECT && value->first != NULL && value->first->is_bare)
        return unwrap(a, t, value);
    if (!fills_bare(t, value, &bare) || value->kind == NODE_NULL ||
        (value->kind == NODE_BOOL && !value->boolean) ||
        (bare.name == NULL && !is_switch(value, &bare)))
        return value;
    struct node *object = node_new(a, NODE_OBJECT, value->at);
    object->key = value->key;
    object->key_at = value->key_at;
    if (is_switch(value, &bare))
        return object;
    struct node *own = node_copy(a, value);
    own->is_bare = false;
    node_append(object, own, str_of(bare.name));
    for (size_t i = 0; (o = option_get(t, i)).name != NULL; i++) /* takes the place of the other */
        if ((o.flags & MPX_OPT_BARE) != 0 && o.name != bare.name)
            node_append(object, node_new(a, NODE_NULL, value->at), str_of(o.name));
    return object;
}

int option_read_member(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *member, void *conf)
{
    if (!may_stand(rd, o, member))
        return -1;
    if (member->kind == NODE_NULL)
        return 0;
    return option_read_value(rd, o, member, (char *)conf + o->offset);
}

/* Says nothing of the value itself: its members may be secret. */
static int no_object(const struct option_reading *rd, const struct node *value)
{
    if (rd->problems != NULL)
        problem_add(rd->problems, value->at, "%s must be an object, { ... }, not %s",
                    option_pointer(rd, value), node_kind_name(value));
    return -1;
}

/* Members that come one by one go to a list that begins empty. */
static void begin_prefixes(struct option_table t, void *conf)
{
    const struct mpx_list none = { NULL, 0 };
    struct mpx_option o;

    for (size_t i = 0; (o = option_get(t, i)).name != NULL; i++)
        if ((o.flags & MPX_OPT_PREFIX) != 0)
            memcpy((char *)conf + o.offset, &none, sizeof(none));
}

int option_read(const struct option_reading *rd, struct option_table t, const struct node *object,
                struct place place, void *conf)
{
    struct mpx_option o, bare = find_bare(t, object);
    const char *filled = NULL;
    int rc = 0;

    begin_prefixes(t, conf);
    if (object != NULL && object->is_wrong)
        return -1;
    if (object != NULL && fills_bare(t, object, &bare)) {
        if (!is_switch(object, &bare)) {
            if (bare.name == NULL)
                return no_object(rd, object);
            rc = may_stand(rd, &bare, object)
                     ? option_read_value(rd, &bare, object, (char *)conf + bare.offset)
                     : -1;
            filled = bare.name;
        }
        object = NULL;
    }
    for (const struct node *m = object != NULL ? object->first : NULL; m != NULL; m = m->next) {
        if (!option_find(t, m->key, &o))
            rc = rd->open_ended ? rc : unknown_key(rd, t, m);
        else if (!may_stand(rd, &o, m))
            rc = -1;
        else if ((o.flags & MPX_OPT_PREFIX) != 0)
            rc = option_read_entry(rd, &o, m, object->count, (void *)((char *)conf + o.offset)) < 0
                     ? -1
                     : rc;
        else if (m->kind != NODE_NULL && option_read_value(rd, &o, m, (char *)conf + o.offset) < 0)
            rc = -1;
    }
    if (!rd->partial && !rd->open_ended && read_absent(rd, t, object, filled, place, conf) < 0)
        rc = -1;
    return rc;
}

enum { VERIFY_DEPTH = 8 }; /* a table may hold itself: a tree of rules */

static const char *verify_table(struct mpx_arena *a, struct option_table t, size_t size, int depth);

/* Holds one option, whose field lies in "room" bytes, against what core can read. */
static const char *verify(struct mpx_arena *a, const struct mpx_option *o, size_t stride,
                          size_t room, int depth)
{
    const struct option_table of = { o->of, stride };
    size_t size = option_size(o);

    if (size == 0)
        return arena_printf(a, "option \"%s\" has an unknown type, %u", o->name, o->type).p;
    if (size > room)
        return arena_printf(a, "option \"%s\" lies outside of its struct", o->name).p;
    if ((o->type == MPX_T_LIST || o->type == MPX_T_OBJECT) && o->of == NULL)
        return arena_printf(a, "option \"%s\" does not say what it holds", o->name).p;
    if (o->type == MPX_T_ENUM && (o->names == NULL || o->names[0] == NULL))
        return arena_printf(a, "option \"%s\" has no words", o->name).p;
    if ((o->flags & MPX_OPT_PREFIX) != 0 && (o->type != MPX_T_MAP || o->fallback != NULL))
        return arena_printf(a, "option \"%s\" takes members by their names but is no map", o->name)
            .p;
    if (o->type == MPX_T_OBJECT && depth < VERIFY_DEPTH)
        return verify_table(a, of, room, depth + 1);
    bool has_elements = o->type == MPX_T_LIST || (o->type == MPX_T_MAP && o->of != NULL);
    if (!has_elements || depth == VERIFY_DEPTH)
        return NULL;
    struct mpx_option element = option_get(of, 0);
    size_t begin = o->type == MPX_T_MAP ? element.offset : 0;
    if (o->type == MPX_T_MAP && element.type != MPX_T_OBJECT && begin < sizeof(struct mpx_str))
        return arena_printf(a, "the elements of option \"%s\" lie upon their keys", o->name).p;
    if (begin > o->of_size || option_size(&element) > o->of_size - begin ||
        (o->type == MPX_T_MAP && o->of_size < sizeof(struct mpx_str)))
        return arena_printf(a, "the elements of option \"%s\" need more than its of_size", o->name)
            .p;
    if (element.name == NULL || element.name[0] == '\0')
        element.name = o->name;
    return verify(a, &element, stride, o->of_size - begin, depth + 1);
}

static const char *verify_table(struct mpx_arena *a, struct option_table t, size_t size, int depth)
{
    struct mpx_option o;
    const char *why = NULL;

    for (size_t i = 0; why == NULL && (o = option_get(t, i)).name != NULL; i++)
        why = verify(a, &o, t.stride, o.offset <= size ? size - o.offset : 0, depth);
    return why;
}

const char *option_verify(struct mpx_arena *a, struct option_table t, size_t conf_size)
{
    return verify_table(a, t, conf_size, 0);
}
