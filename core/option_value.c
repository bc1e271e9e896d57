/* SPDX-License-Identifier: MIT */
#include "option_value.h"

#include "must.h"
#include "quantity.h"
#include "suggest.h"

#include <stdlib.h>

size_t option_size(const struct mpx_option *o)
{
    switch ((enum mpx_type)o->type) {
    case MPX_T_BOOL:
        return sizeof(bool);
    case MPX_T_INT:
    case MPX_T_SIZE:
    case MPX_T_MSEC:
        return sizeof(int64_t);
    case MPX_T_STRING:
    case MPX_T_PATH:
    case MPX_T_JSON:
        return sizeof(struct mpx_str);
    case MPX_T_ENUM:
        return sizeof(int);
    case MPX_T_LIST:
    case MPX_T_MAP:
        return sizeof(struct mpx_list);
    case MPX_T_OBJECT:
        return 1; /* its members are checked one by one */
    }
    return 0;
}

static bool is_secret(const struct mpx_option *o)
{
    return o != NULL && (o->flags & MPX_OPT_SECRET) != 0;
}

/* Where a message points. A place without length shows nothing of the line. */
static struct place place_of(const struct mpx_option *o, const struct node *value)
{
    struct place at = value->at;

    if (is_secret(o))
        at.len = 0;
    return at;
}

/* A value as a message shows it. */
static const char *describe(struct mpx_arena *a, const struct mpx_option *o,
                            const struct node *value)
{
    if (is_secret(o))
        return node_kind_name(value);
    if (value->kind == NODE_STRING)
        return arena_printf(a, "the string \"%.*s\"", STR_ARGS(str_head(value->string, 80))).p;
    if (value->kind == NODE_INT)
        return arena_printf(a, "%lld", (long long)value->integer).p;
    if (value->kind == NODE_REAL)
        return arena_printf(a, "%g", value->real).p;
    return node_kind_name(value);
}

int option_complain(const struct option_reading *rd, const struct mpx_option *o,
                    const struct node *value, const char *fmt, ...)
{
    va_list ap;

    if (rd->problems == NULL)
        return -1;
    va_start(ap, fmt);
    struct mpx_str what = arena_vprintf(rd->a, fmt, ap);
    va_end(ap);
    problem_add(rd->problems, place_of(o, value), "%s %.*s, not %s", option_pointer(rd, value),
                STR_ARGS(what), describe(rd->a, o, value));
    return -1;
}

static int read_bool(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, bool *field)
{
    if (value->kind == NODE_BOOL)
        *field = value->boolean;
    else if (value->expanded && str_is(value->string, "true"))
        *field = true;
    else if (value->expanded && str_is(value->string, "false"))
        *field = false;
    else
        return option_complain(rd, o, value, "must be true or false%s",
                               str_is(value->string, "true") || str_is(value->string, "false")
                                   ? " without quotes"
                                   : "");
    return 0;
}

/* The text that a quantity is read from; false when the value is of another kind. */
static bool number_text(const struct option_reading *rd, const struct node *value,
                        struct mpx_str *text)
{
    if (value->kind == NODE_INT)
        *text = arena_printf(rd->a, "%lld", (long long)value->integer);
    else if (value->kind == NODE_STRING)
        *text = value->string;
    else
        return false;
    return true;
}

/* A bound in the unit that its option is written in. */
static const char *bound(const struct option_reading *rd, const struct mpx_option *o, int64_t n)
{
    static const struct {
        uint32_t type;
        int64_t factor;
        const char *unit;
    } units[] = {
        { MPX_T_MSEC, 86400000, "d" }, { MPX_T_MSEC, 3600000, "h" }, { MPX_T_MSEC, 60000, "m" },
        { MPX_T_MSEC, 1000, "s" },     { MPX_T_MSEC, 1, "ms" },      { MPX_T_SIZE, 1 << 30, "G" },
        { MPX_T_SIZE, 1 << 20, "M" },  { MPX_T_SIZE, 1 << 10, "k" },
    };

    for (size_t i = 0; n != 0 && i < sizeof(units) / sizeof(units[0]); i++)
        if (units[i].type == o->type && n % units[i].factor == 0)
            return arena_printf(rd->a, "\"%lld%s\"", (long long)(n / units[i].factor),
                                units[i].unit)
                .p;
    return arena_printf(rd->a, "%lld", (long long)n).p;
}

/* " from 1 to 64", " from 1" where the upper bound is none; "" without bounds. */
static const char *bounds(const struct option_reading *rd, const struct mpx_option *o)
{
    if (o->min == 0 && o->max == 0)
        return "";
    if (o->max == INT64_MAX)
        return arena_printf(rd->a, " from %s", bound(rd, o, o->min)).p;
    return arena_printf(rd->a, " from %s to %s", bound(rd, o, o->min), bound(rd, o, o->max)).p;
}

static int read_int(const struct option_reading *rd, const struct mpx_option *o,
                    const struct node *value, int64_t *field)
{
    uint64_t n;

    if (value->kind == NODE_INT) {
        *field = value->integer;
        return 0;
    }
    bool is_number =
        value->kind == NODE_STRING && str_to_u64(value->string, &n) == 0 && n <= INT64_MAX;
    if (!is_number || !value->expanded)
        return option_complain(rd, o, value, "must be a %s%s%s",
                               value->kind == NODE_REAL ? "whole number" : "number", bounds(rd, o),
                               is_number ? " without quotes" : "");
    *field = (int64_t)n;
    return 0;
}

static int read_size(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, int64_t *field)
{
    struct mpx_str text;

    if (!number_text(rd, value, &text) || quantity_bytes(text, field) < 0)
        return option_complain(rd, o, value, "must be a size such as 4096, \"64k\" or \"10M\"");
    return 0;
}

static int read_msec(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, int64_t *field)
{
    struct mpx_str text;

    if (number_text(rd, value, &text) && quantity_ms(text, field) == 0)
        return 0;
    if (value->kind == NODE_INT && value->integer > 0 && !is_secret(o))
        return option_complain(rd, o, value, "needs a unit: \"%llds\" or \"%lldms\"",
                               (long long)value->integer, (long long)value->integer);
    return option_complain(rd, o, value, "must be a time such as \"250ms\", \"30s\" or \"5m\"");
}

static int check_range(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *value, int64_t n)
{
    if (o->min == 0 && o->max == 0)
        return n >= 0 ? 0 : option_complain(rd, o, value, "must not be negative");
    if (n >= o->min && n <= o->max)
        return 0;
    return option_complain(rd, o, value, "must be a %s%s",
                           o->type == MPX_T_MSEC   ? "time"
                           : o->type == MPX_T_SIZE ? "size"
                                                   : "number",
                           bounds(rd, o));
}

static int read_number(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *value, int64_t *field)
{
    int rc = o->type == MPX_T_INT    ? read_int(rd, o, value, field)
             : o->type == MPX_T_SIZE ? read_size(rd, o, value, field)
                                     : read_msec(rd, o, value, field);

    return rc < 0 ? -1 : check_range(rd, o, value, *field);
}

int option_read_string(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *value, struct mpx_str *field)
{
    bool or_false = (o->flags & OPTION_OR_FALSE) != 0;

    if (or_false && value->kind == NODE_BOOL && !value->boolean) {
        *field = (struct mpx_str){ NULL, 0 };
        return 0;
    }
    if (value->kind != NODE_STRING)
        return option_complain(rd, o, value,
                               or_false ? "must be a string or false" : "must be a string");
    *field = arena_copy(rd->a, value->string);
    return 0;
}

static int read_enum(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, int *field)
{
    struct suggestion s;
    struct buffer words;

    suggest_start(&s, value->string);
    buffer_init(&words, 1024);
    for (int i = 0; o->names[i] != NULL; i++) {
        if (value->kind == NODE_STRING && str_is(value->string, o->names[i])) {
            *field = i;
            buffer_finish(&words);
            return 0;
        }
        (void)buffer_printf(&words, "%s\"%s\"", i > 0 ? ", " : "", o->names[i]);
        suggest_offer(&s, str_of(o->names[i]));
    }
    if (rd->problems != NULL)
        problem_add(rd->problems, place_of(o, value), "%s must be one of %.*s, not %s%s",
                    option_pointer(rd, value), STR_ARGS(buffer_str(&words)),
                    describe(rd->a, o, value),
                    value->kind == NODE_STRING ? suggest_text(&s, rd->a) : "");
    buffer_finish(&words);
    return -1;
}

static size_t stride_of(const struct option_reading *rd)
{
    return rd->stride != 0 ? rd->stride : sizeof(struct mpx_option);
}

static int read_list(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, struct mpx_list *field)
{
    struct mpx_option of = option_get((struct option_table){ o->of, stride_of(rd) }, 0);
    struct option_reading whole = *rd; /* no other level adds to an element */
    unsigned count = value->kind == NODE_ARRAY ? value->count : 1;
    char *items = arena_zero(rd->a, (size_t)count * o->of_size);
    int rc = 0;

    if (value->kind != NODE_ARRAY && value->kind != NODE_STRING &&
        (of.type == MPX_T_STRING || of.type == MPX_T_PATH))
        return option_complain(rd, o, value, "must be a string or a list of strings");
    whole.partial = false;
    of.flags |= o->flags & MPX_OPT_SECRET;
    *field = (struct mpx_list){ items, count };
    if (value->kind != NODE_ARRAY)
        return option_read_value(&whole, &of, value, items);
    for (const struct node *e = value->first; e != NULL; e = e->next, items += o->of_size)
        if (option_read_value(&whole, &of, e, items) < 0)
            rc = -1;
    return rc;
}

int option_read_entry(const struct option_reading *rd, const struct mpx_option *o,
                      const struct node *member, unsigned room, struct mpx_list *list)
{
    struct mpx_option of = option_get((struct option_table){ o->of, stride_of(rd) }, 0);
    size_t size = o->of != NULL ? o->of_size : sizeof(struct mpx_pair);
    struct option_reading whole = *rd; /* no other level adds to an element */

    if (member->is_wrong)
        return -1;
    if (member->kind == NODE_NULL) /* takes away what an outer level has under this key */
        return 0;
    if (o->of == NULL && member->kind != NODE_STRING)
        return option_complain(rd, o, member, "must be a string");
    if (list->items == NULL)
        list->items = arena_zero(rd->a, room * size);
    char *element = (char *)(uintptr_t)list->items + list->count++ * size;
    struct mpx_str key = arena_copy(rd->a, member->key);
    memcpy(element, &key, sizeof(key));
    if (o->of == NULL)
        return option_read_string(rd, o, member, &((struct mpx_pair *)(void *)element)->value);
    whole.partial = false;
    of.flags |= o->flags & MPX_OPT_SECRET;
    return option_read_value(&whole, &of, member, element + of.offset);
}

static int read_map(const struct option_reading *rd, const struct mpx_option *o,
                    const struct node *value, struct mpx_list *field)
{
    bool or_text = (o->flags & MPX_OPT_OR_TEXT) != 0;
    struct mpx_list list = { NULL, 0 };
    int rc = 0;

    if (or_text && value->kind == NODE_STRING) {
        struct mpx_pair *pair = arena_zero(rd->a, sizeof(*pair));

        *pair = (struct mpx_pair){ MPX_STR(""), arena_copy(rd->a, value->string) };
        *field = (struct mpx_list){ pair, 1 };
        return 0;
    }
    if (value->kind != NODE_OBJECT)
        return option_complain(rd, o, value, "must be %san object%s",
                               or_text ? "a string, or " : "",
                               o->of == NULL ? " with strings as values" : "");
    for (const struct node *m = value->first; m != NULL; m = m->next)
        if (option_read_entry(rd, o, m, value->count, &list) < 0)
            rc = -1;
    if (list.items == NULL)
        list.items = arena_zero(rd->a, 1); /* an empty one that is given is not NULL */
    *field = list;
    return rc;
}

static int read_json(const struct option_reading *rd, const struct node *value,
                     struct mpx_str *field)
{
    struct buffer b;

    buffer_init(&b, SOURCE_BYTES_MAX);
    node_write(value, &b);
    *field = arena_copy(rd->a, buffer_str(&b));
    buffer_finish(&b);
    return 0;
}

static int read_object(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *value, void *field)
{
    struct option_reading inner = *rd;

    inner.at = 0; /* where the object may stand, its members may */
    inner.open_ended = false;
    return option_read(&inner, (struct option_table){ o->of, stride_of(rd) }, value, value->key_at,
                       field);
}

int option_read_value(const struct option_reading *rd, const struct mpx_option *o,
                      const struct node *value, void *field)
{
    if (value->is_wrong)
        return -1;
    if ((o->flags & OPTION_OR_FALSE) != 0 && o->type != MPX_T_STRING && value->kind == NODE_BOOL &&
        !value->boolean)
        return 0; /* the field is zeroed already */
    switch ((enum mpx_type)o->type) {
    case MPX_T_BOOL:
        return read_bool(rd, o, value, field);
    case MPX_T_INT:
    case MPX_T_SIZE:
    case MPX_T_MSEC:
        return read_number(rd, o, value, field);
    case MPX_T_STRING:
        return option_read_string(rd, o, value, field);
    case MPX_T_PATH:
        return option_read_path(rd, o, value, field);
    case MPX_T_ENUM:
        return read_enum(rd, o, value, field);
    case MPX_T_LIST:
        return read_list(rd, o, value, field);
    case MPX_T_MAP:
        return read_map(rd, o, value, field);
    case MPX_T_JSON:
        return read_json(rd, value, field);
    case MPX_T_OBJECT:
        return read_object(rd, o, value, field);
    }
    return -1;
}
