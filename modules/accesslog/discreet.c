/* SPDX-License-Identifier: MIT */
#include "discreet.h"

#include "../common/percent.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

enum { V4_USUAL = 24, V6_USUAL = 48 };

static void clear_behind(unsigned char *bytes, size_t count, size_t bits)
{
    for (size_t i = bits / 8; i < count; i++) {
        unsigned kept = i == bits / 8 ? 0xff00U >> bits % 8 & 0xffU : 0;

        bytes[i] = (unsigned char)(bytes[i] & kept);
    }
}

struct mpx_str mask_address(const struct mask *m, struct mpx_str address, char out[MASKED_BYTES])
{
    unsigned char bytes[sizeof(struct in6_addr)];
    int family = AF_INET;

    if (address.n == 0 || address.n >= MASKED_BYTES)
        return address;
    memcpy(out, address.p, address.n);
    out[address.n] = '\0';
    if (inet_pton(AF_INET, out, bytes) == 1) {
        clear_behind(bytes, 4, (size_t)(m->v4 > 0 ? m->v4 : V4_USUAL));
    } else if (inet_pton(AF_INET6, out, bytes) == 1) {
        family = AF_INET6;
        clear_behind(bytes, 16, (size_t)(m->v6 > 0 ? m->v6 : V6_USUAL));
    } else {
        return address;
    }
    (void)inet_ntop(family, bytes, out, MASKED_BYTES);
    return (struct mpx_str){ out, strlen(out) };
}

/* A field's name has no case; the table ends with NULL. */
static bool is_one_of(struct mpx_str name, const char *const *table)
{
    for (; *table != NULL; table++)
        if (strlen(*table) == name.n && strncasecmp(*table, name.p, name.n) == 0)
            return true;
    return false;
}

bool discreet_is_secret(struct mpx_str variable)
{
    static const char *const secrets[] = { "header.authorization", "header.proxy-authorization",
                                           "header.cookie", "response.set-cookie", NULL };

    return is_one_of(variable, secrets);
}

bool discreet_has_addresses(struct mpx_str variable)
{
    static const char *const told[] = { "header.forwarded",   "header.x-forwarded-for",
                                        "header.x-real-ip",   "header.client-ip",
                                        "header.x-client-ip", "header.true-client-ip",
                                        "header.via",         NULL };

    return is_one_of(variable, told);
}

enum query_place discreet_query_place(struct mpx_str variable)
{
    static const char *const behind_mark[] = {
        "line", "target", "header.referer", "response.location", "response.content-location", NULL
    };

    if (mpx_str_eq(variable, MPX_STR("query")))
        return QUERY_WHOLE;
    return is_one_of(variable, behind_mark) ? QUERY_BEHIND_MARK : QUERY_NOWHERE;
}

static bool is_hidden(struct mpx_str encoded, struct mpx_list names)
{
    const struct mpx_str *name = names.items;

    for (size_t i = 0; i < names.count; i++)
        if (mpx_str_eq(name[i], MPX_STR("*")) || percent_is(encoded, name[i]))
            return true;
    return false;
}

/* How many bytes s has in front of the first of these. */
static size_t span(struct mpx_str s, const char *ends)
{
    size_t n = 0;

    while (n < s.n && (s.p[n] == '\0' || strchr(ends, s.p[n]) == NULL))
        n++;
    return n;
}

struct output {
    char *p;
    size_t n, room;
};

static void put(struct output *o, struct mpx_str s)
{
    size_t n = s.n < o->room - o->n ? s.n : o->room - o->n;

    if (n > 0)
        memcpy(o->p + o->n, s.p, n);
    o->n += n;
}

/* One parameter, NAME=VALUE or a name alone, which may be the secret itself. */
static void put_parameter(struct output *o, struct mpx_str s, struct mpx_list names)
{
    struct mpx_str name = { s.p, span(s, "=") };

    if (s.n == 0 || !is_hidden(name, names)) {
        put(o, s);
        return;
    }
    if (name.n < s.n)
        put(o, (struct mpx_str){ s.p, name.n + 1 });
    put(o, MPX_STR("***"));
}

struct mpx_str discreet_query(struct mpx_str value, enum query_place place, struct mpx_list names,
                              char *out, size_t room)
{
    struct output o = { out, 0, room };
    size_t at = place == QUERY_WHOLE ? 0 : span(value, "?"), end = value.n;

    if (place == QUERY_BEHIND_MARK && at < value.n) {
        at++;
        end = at + span((struct mpx_str){ value.p + at, value.n - at }, " #");
    }
    put(&o, (struct mpx_str){ value.p, at });
    while (at < end) {
        size_t n = span((struct mpx_str){ value.p + at, end - at }, "&;");

        put_parameter(&o, (struct mpx_str){ value.p + at, n }, names);
        at += n;
        if (at < end)
            put(&o, (struct mpx_str){ value.p + at++, 1 });
    }
    put(&o, (struct mpx_str){ value.p + end, value.n - end });
    return (struct mpx_str){ out, o.n };
}
