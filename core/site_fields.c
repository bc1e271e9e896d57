/* SPDX-License-Identifier: MIT */
#include "site_fields.h"

#include "option_value.h"
#include "str.h"
#include "variable_name.h"

/* What one level says. */
struct reading {
    const struct building *b;
    struct option_reading rd;
    struct field_rule *rules;
    size_t count;
    struct said { /* every name, also one that is taken back */
        struct mpx_str name;
        struct place at;
    } * said;
    size_t said_count;
};

/* Fields that no level can speak of, and what to do instead. */
static const char *whose_field(struct mpx_str name)
{
    static const char connection[] = "the server frames messages itself: leave it out";
    static const char body[] = "it tells what a body is, and error pages have bodies of their own: "
                               "who makes the body sets it (module static: types, default_type, "
                               "charset)";
    static const struct {
        const char *name, *cure;
    } fields[] = {
        { "Connection", connection },
        { "Content-Length", connection },
        { "Keep-Alive", connection },
        { "Trailer", connection },
        { "Transfer-Encoding", connection },
        { "Upgrade", connection },
        { "Content-Encoding", body },
        { "Content-Range", body },
        { "Content-Type", body },
        { "Date", "the server dates its answers itself: leave it out" },
        { "Server", "use \"server_id\" in \"daemon\", false for none" },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (str_same_word(name, str_of(fields[i].name)))
            return fields[i].cure;
    return NULL;
}

/* Notes the name; false when it cannot be one, or stands here already. */
static bool read_name(struct reading *rg, struct mpx_str name, struct place at)
{
    struct problems *problems = rg->b->g->problems;
    unsigned line, column;
    struct mpx_str text;

    if (!str_is_token(name)) {
        problem_add(problems, at,
                    "\"%.*s\" is no name of a field: letters, digits, hyphens, no blank and no "
                    "colon",
                    STR_ARGS(name));
        return false;
    }
    if (whose_field(name) != NULL) {
        problem_add(problems, at, "\"%.*s\" is not for \"headers\": %s", STR_ARGS(name),
                    whose_field(name));
        return false;
    }
    for (size_t i = 0; i < rg->said_count; i++)
        if (str_same_word(name, rg->said[i].name)) {
            place_find(&rg->said[i].at, &line, &column, &text);
            problem_add(problems, at,
                        "\"%.*s\" stands in these \"headers\" already (line %u, column %u): one "
                        "name, one rule; several values are a list",
                        STR_ARGS(name), line, column);
            return false;
        }
    rg->said[rg->said_count++] = (struct said){ name, at };
    return true;
}

static struct mpx_list take_apart(struct reading *rg, struct mpx_str text, const struct node *value)
{
    if (str_find(text, '$') == text.n)
        return (struct mpx_list){ NULL, 0 };
    return variable_name_pieces(rg->b->g, text, value->at, node_pointer(rg->rd.a, value));
}

static void add_rule(struct reading *rg, enum field_deed deed, struct mpx_str name,
                     const struct node *value)
{
    struct mpx_str text = str_trim(value->string);

    if (value->kind != NODE_STRING)
        (void)option_complain(&rg->rd, NULL, value, "must be a string");
    else if (!str_is_field_value(text))
        problem_add(rg->b->g->problems, value->at,
                    "%s has a control character, which no field may hold (RFC 9110 5.5)",
                    node_pointer(rg->rd.a, value));
    else
        rg->rules[rg->count++] = (struct field_rule){
            .deed = deed,
            .name = name,
            .value = text,
            .pieces = take_apart(rg, text, value),
        };
}

/* { NAME: value }, { NAME: [ values ] } */
static void read_values(struct reading *rg, enum field_deed deed, const struct node *object)
{
    for (const struct node *m = object->first; m != NULL; m = m->next) {
        enum field_deed next = deed;

        if (!read_name(rg, m->key, m->key_at) || m->kind == NODE_NULL)
            continue;
        if (m->kind != NODE_ARRAY)
            add_rule(rg, deed, m->key, m);
        else if (m->first == NULL)
            (void)option_complain(&rg->rd, NULL, m, "must be a string or some, null to take back");
        for (const struct node *e = m->kind == NODE_ARRAY ? m->first : NULL; e != NULL;
             e = e->next) {
            add_rule(rg, next, m->key, e);
            next = FIELD_ADD; /* beside the first one */
        }
    }
}

static void read_removed(struct reading *rg, const struct node *list)
{
    const struct node *e = list->kind == NODE_ARRAY ? list->first : list;

    for (; e != NULL; e = list->kind == NODE_ARRAY ? e->next : NULL) {
        if (e->kind != NODE_STRING)
            (void)option_complain(&rg->rd, NULL, e, "must be the name of a field");
        else if (read_name(rg, e->string, e->at))
            rg->rules[rg->count++] = (struct field_rule){ .deed = FIELD_REMOVE, .name = e->string };
    }
}

/* One member of the object where it has "set", "add" or "remove". */
static void read_part(struct reading *rg, const struct node *m)
{
    enum field_deed deed = str_is(m->key, "add") ? FIELD_ADD : FIELD_SET;

    if (str_is(m->key, "remove")) {
        if (m->kind != NODE_NULL)
            read_removed(rg, m);
    } else if (!str_is(m->key, "set") && !str_is(m->key, "add")) {
        problem_add(
            rg->b->g->problems, m->key_at,
            "\"%.*s\" cannot stand beside \"set\", \"add\" and \"remove\": put it in one of "
            "them",
            STR_ARGS(m->key));
    } else if (m->kind == NODE_OBJECT) {
        read_values(rg, deed, m);
    } else if (m->kind != NODE_NULL) {
        (void)option_complain(&rg->rd, NULL, m, "must be an object, { NAME: value }");
    }
}

static bool has_parts(const struct node *object)
{
    return node_member(object, "set") != NULL || node_member(object, "add") != NULL ||
           node_member(object, "remove") != NULL;
}

/* How many names or values there are at most. */
static size_t count_all(const struct node *j)
{
    size_t n = 1;

    for (const struct node *k = j->first; k != NULL; k = k->next)
        n += count_all(k);
    return n;
}

static bool is_said(const struct reading *rg, struct mpx_str name)
{
    for (size_t i = 0; i < rg->said_count; i++)
        if (str_same_word(name, rg->said[i].name))
            return true;
    return false;
}

/* The outer level's rules for names that were not said, then the new ones. */
static void merge(struct reading *rg, const struct field_rules *outer, struct field_rules *out)
{
    struct field_rule *all = arena_zero(rg->rd.a, (outer->count + rg->count) * sizeof(*all));
    size_t n = 0;

    for (size_t i = 0; i < outer->count; i++)
        if (!is_said(rg, outer->list[i].name))
            all[n++] = outer->list[i];
    if (rg->count > 0)
        memcpy(all + n, rg->rules, rg->count * sizeof(*all));
    *out = (struct field_rules){ all, n + rg->count };
}

void site_fields_read(const struct building *b, struct level *l)
{
    const struct node *own = node_member(l->node, "headers");
    const struct field_rules none = { NULL, 0 };
    struct field_rules outer = l->outer != NULL ? l->outer->fields : none;
    struct reading rg = { .b = b, .rd = level_reading(b, 0, NULL) };

    l->fields = own != NULL ? none : outer;
    if (own == NULL || own->kind == NODE_NULL || level_is_off(own))
        return;
    if (own->kind != NODE_OBJECT) {
        (void)option_complain(&rg.rd, NULL, own, "must be an object, { NAME: value }");
        return;
    }
    size_t room = count_all(own);
    rg.rules = arena_zero(rg.rd.a, room * sizeof(*rg.rules));
    rg.said = arena_zero(rg.rd.a, room * sizeof(*rg.said));
    if (!has_parts(own))
        read_values(&rg, FIELD_SET, own);
    for (const struct node *m = has_parts(own) ? own->first : NULL; m != NULL; m = m->next)
        read_part(&rg, m);
    merge(&rg, &outer, &l->fields);
}
