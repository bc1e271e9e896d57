/* SPDX-License-Identifier: MIT
   Filling of targets: each value is encoded for where it stands, so that nothing a client sends
   becomes more than a segment, a parameter or a label. */
#include "target.h"

#include "../common/percent.h"

#include <string.h>

enum { FILLED_MAX = 64 << 10 };

/* Bytes of a URI while they are put together. */
struct text {
    char *p;
    size_t n, room;
    bool is_full;
};

static void put(struct text *t, char c)
{
    if (t->n < t->room)
        t->p[t->n++] = c;
    else
        t->is_full = true;
}

static void put_escaped(struct text *t, char c)
{
    static const char hex[] = "0123456789ABCDEF";

    put(t, '%');
    put(t, hex[(unsigned char)c >> 4]);
    put(t, hex[(unsigned char)c & 15]);
}

static bool is_unreserved(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
           (c != '\0' && strchr("-._~", c) != NULL);
}

/* What the configuration says is a URI already: only what no URI may hold is escaped. */
static void put_written(struct text *t, struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] <= 0x20 || (unsigned char)s.p[i] >= 0x7f ||
            strchr("\"<>\\^`{|}", s.p[i]) != NULL)
            put_escaped(t, s.p[i]);
        else
            put(t, s.p[i]);
}

static void put_value(struct text *t, struct mpx_str s, const char *also)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_unreserved(s.p[i]) || (s.p[i] != '\0' && strchr(also, s.p[i]) != NULL))
            put(t, s.p[i]);
        else
            put_escaped(t, s.p[i]);
}

/* The reading has seen to it that two digits follow each "%". */
static void put_decoded(struct text *t, struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        int byte = percent_byte((struct mpx_str){ s.p + i, s.n - i });

        put(t, byte >= 0 ? (char)byte : s.p[i]);
        i += byte >= 0 ? 2 : 0;
    }
}

static void put_plain(struct text *t, struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        put(t, s.p[i]);
}

static void put_part(struct text *t, const struct part *p, struct mpx_str value, bool decoded)
{
    bool is_text = p->kind == PART_TEXT;

    switch (p->zone) {
    case ZONE_AUTHORITY:
        if (is_text)
            put_written(t, value);
        else /* core knows what is one to be a host name, perhaps in brackets */
            put_value(t, value, p->is_host ? "[:]" : "");
        return;
    case ZONE_PATH:
        if (is_text && decoded)
            put_decoded(t, value);
        else if (is_text)
            put_written(t, value);
        else if (decoded)
            put_plain(t, value);
        else
            put_value(t, value, "/");
        return;
    case ZONE_QUERY:
    case ZONE_FRAGMENT:
        if (is_text || p->is_query)
            put_written(t, value);
        else
            put_value(t, value, "/");
        return;
    }
}

/* What each part stands for. */
static void get_values(struct mpx_req *r, const struct target *t, const struct filling *f,
                       struct mpx_str *values)
{
    for (size_t i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];

        values[i] = p->text;
        if (p->kind == PART_GROUP)
            values[i] = f->groups != NULL ? f->groups[p->group] : MPX_STR("");
        else if (p->kind == PART_REST)
            values[i] = f->rest;
        else if (p->kind == PART_VARIABLE && !mpx_var_get(r, p->var, &values[i]))
            values[i] = MPX_STR("");
    }
}

/* All parts of a zone. */
static int join(struct mpx_req *r, const struct target *t, const struct mpx_str *values,
                enum zone zone, bool decoded, struct mpx_str *out)
{
    struct text text = { .room = 0 };

    for (size_t i = 0; i < t->count; i++)
        if (t->parts[i].zone == zone)
            text.room += 3 * values[i].n;
    text.room += 1;
    if (text.room > 3 * FILLED_MAX)
        return -1;
    text.p = mpx_alloc(mpx_req_arena(r), text.room);
    for (size_t i = 0; i < t->count; i++)
        if (t->parts[i].zone == zone)
            put_part(&text, &t->parts[i], values[i], decoded);
    *out = (struct mpx_str){ text.p, text.n };
    return text.is_full || text.n > FILLED_MAX ? -1 : 0;
}

/* With one slash at its begin: two would make a host name of what follows. */
static struct mpx_str with_slash(struct mpx_req *r, struct mpx_str path)
{
    while (path.n > 0 && path.p[0] == '/')
        path = (struct mpx_str){ path.p + 1, path.n - 1 };
    char *p = mpx_alloc(mpx_req_arena(r), path.n + 1);
    p[0] = '/';
    if (path.n > 0)
        memcpy(p + 1, path.p, path.n);
    return (struct mpx_str){ p, path.n + 1 };
}

int target_fill(struct mpx_req *r, const struct target *t, const struct filling *f,
                struct place *place)
{
    struct mpx_str values[TARGET_PARTS];

    get_values(r, t, f, values);
    if (join(r, t, values, ZONE_AUTHORITY, false, &place->authority) < 0 ||
        join(r, t, values, ZONE_PATH, true, &place->path) < 0 ||
        join(r, t, values, ZONE_PATH, false, &place->encoded) < 0 ||
        join(r, t, values, ZONE_QUERY, false, &place->query) < 0 ||
        join(r, t, values, ZONE_FRAGMENT, false, &place->fragment) < 0)
        return -1;
    place->path = with_slash(r, place->path);
    if (place->encoded.n > 0 || t->scheme == NULL)
        place->encoded = with_slash(r, place->encoded);
    if (place->fragment.n > 0)
        place->fragment =
            mpx_printf(mpx_req_arena(r), "#%.*s", (int)place->fragment.n, place->fragment.p);
    if (!t->has_query)
        place->query = mpx_req_query(r);
    return 0;
}

int target_fill_text(struct mpx_req *r, const struct target *t, const struct filling *f,
                     struct mpx_str *text)
{
    struct mpx_str values[TARGET_PARTS];
    struct text out = { .room = 0 };

    get_values(r, t, f, values);
    for (size_t i = 0; i < t->count; i++)
        out.room += values[i].n;
    if (out.room > FILLED_MAX)
        return -1;
    out.p = mpx_alloc(mpx_req_arena(r), out.room + 1);
    for (size_t i = 0; i < t->count; i++)
        put_plain(&out, values[i]);
    *text = (struct mpx_str){ out.p, out.n };
    return 0;
}
