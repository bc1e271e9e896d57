/* SPDX-License-Identifier: MIT */
#include "client.h"

#include "conn.h"
#include "forwarded.h"
#include "str.h"

/* The search, from the proxy next to us towards the client. */
struct search {
    const struct cidr_table *trusted;
    union address at; /* who is known to have sent it */
    struct mpx_str scheme;
};

static void set_scheme(struct search *s, struct mpx_str proto)
{
    if (str_same_word(proto, MPX_STR("https")))
        s->scheme = MPX_STR("https");
    else if (str_same_word(proto, MPX_STR("http")))
        s->scheme = MPX_STR("http");
}

static void read_forwarded(struct search *s, struct mpx_str field)
{
    struct forwarded f;

    while (cidr_table_has(s->trusted, &s->at) && forwarded_last(&field, &f) == 1) {
        set_scheme(s, f.proto);
        if (!forwarded_address(f.from, &s->at))
            break;
    }
}

/* X-Forwarded-For; how many items of it trusted proxies wrote. */
static unsigned read_list(struct search *s, struct mpx_str field)
{
    struct mpx_str item;
    unsigned n = 0;

    while (cidr_table_has(s->trusted, &s->at) && forwarded_last_item(&field, &item) == 1) {
        n++;
        if (!forwarded_address(item, &s->at))
            break;
    }
    return n;
}

/* X-Forwarded-Proto: one word, or as many as there are addresses; never one that was not written by
   a proxy that is trusted. */
static void read_protocols(struct search *s, struct mpx_str field, unsigned written)
{
    struct mpx_str item = MPX_STR("");

    do
        if (forwarded_last_item(&field, &item) == 0)
            break;
    while (written-- > 1);
    set_scheme(s, item);
}

static void read_fields(struct search *s, const struct mpx_req *r, enum trust_header header)
{
    struct mpx_str field;
    unsigned written = 0;

    if (header != TRUST_X_FORWARDED_FOR && req_header(r, MPX_STR("Forwarded"), &field)) {
        read_forwarded(s, field);
    } else if (header != TRUST_FORWARDED) {
        if (req_header(r, MPX_STR("X-Forwarded-For"), &field))
            written = read_list(s, field);
        if (req_header(r, MPX_STR("X-Forwarded-Proto"), &field))
            read_protocols(s, field, written);
    }
}

static void find(struct mpx_req *r)
{
    const struct mpx_conn *c = r->conn;
    const union address *sender = c->told != NULL ? c->told : &c->peer;
    struct search s = { &c->settings->trusted, *sender, MPX_STR("http") };

    r->client = sender;
    r->scheme = s.scheme;
    if (s.trusted->count == 0 || !cidr_table_has(s.trusted, sender))
        return;
    read_fields(&s, r, (enum trust_header)c->settings->trust_header);
    union address *copy = arena_take(&r->arena, sizeof(*copy));
    *copy = s.at;
    r->client = copy;
    r->scheme = s.scheme;
}

const union address *client_address(const struct mpx_req *r)
{
    if (r->client == NULL && r->conn != NULL)
        find((struct mpx_req *)(uintptr_t)r);
    return r->client;
}

struct mpx_str client_scheme(const struct mpx_req *r)
{
    return client_address(r) != NULL ? r->scheme : MPX_STR("http");
}
