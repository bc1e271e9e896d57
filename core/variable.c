/* SPDX-License-Identifier: MIT */
#include "variable.h"

#include "client.h"
#include "confine.h"
#include "conn.h"
#include "str.h"

static struct mpx_str address(struct mpx_req *r, const union address *from)
{
    char *text;

    if (from == NULL)
        return MPX_STR("");
    text = arena_take(&r->arena, ADDRESS_TEXT);
    return str_of(address_write(from, text));
}

static struct mpx_str number(struct mpx_req *r, uint64_t n)
{
    enum { DIGITS = 20 };
    char *text = arena_take(&r->arena, DIGITS);
    size_t i = DIGITS;

    do
        text[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return (struct mpx_str){ text + i, DIGITS - i };
}

/* n units, of which so many decimals are less than one. */
static struct mpx_str decimal(struct mpx_req *r, uint64_t n, unsigned decimals)
{
    enum { ROOM = 24 };
    char *text = arena_take(&r->arena, ROOM);
    size_t i = ROOM;

    for (unsigned place = 0; n != 0 || place <= decimals; n /= 10, place++) {
        if (place == decimals)
            text[--i] = '.';
        text[--i] = (char)('0' + n % 10);
    }
    return (struct mpx_str){ text + i, ROOM - i };
}

static struct mpx_str id(struct mpx_req *r, uint64_t n)
{
    static const char hex[] = "0123456789abcdef";
    enum { DIGITS = 16 };
    char *text = arena_take(&r->arena, DIGITS);

    for (size_t i = DIGITS; i > 0; n >>= 4)
        text[--i] = hex[n & 15];
    return (struct mpx_str){ text, DIGITS };
}

static struct mpx_str port(struct mpx_req *r, const union address *of)
{
    unsigned n = of != NULL ? address_port(of) : 0;

    return n != 0 ? number(r, n) : MPX_STR("");
}

static struct mpx_str target(const struct mpx_req *r)
{
    struct mpx_str behind = str_from(r->line, str_find(r->line, ' ') + 1);

    return str_head(behind, str_find(behind, ' '));
}

static struct mpx_str protocol(const struct mpx_req *r)
{
    return r->version == 11   ? MPX_STR("HTTP/1.1")
           : r->version == 10 ? MPX_STR("HTTP/1.0")
                              : MPX_STR("");
}

static uint64_t bytes_in(const struct mpx_req *r)
{
    return r->head_bytes + r->body.received;
}

static struct mpx_str seconds_since_start(struct mpx_req *r)
{
    int64_t us = clock_us() - r->started_us;

    return decimal(r, us > 0 ? (uint64_t)us : 0, 6);
}

static struct mpx_str iso_time(struct mpx_req *r)
{
    struct timespec ts;
    char *text = arena_take(&r->arena, DATE_ISO);

    clock_gettime(CLOCK_REALTIME, &ts);
    if (ts.tv_sec != r->w->iso_second)
        date_iso(ts.tv_sec, r->w->iso);
    r->w->iso_second = ts.tv_sec;
    memcpy(text, r->w->iso, DATE_ISO);
    date_iso_ms(text, (unsigned)(ts.tv_nsec / 1000000));
    return (struct mpx_str){ text, DATE_ISO - 1 };
}

/* As log files have had it since the Common Log Format. */
static struct mpx_str local_time(struct mpx_req *r)
{
    struct worker *w = r->w;
    time_t now = time(NULL);
    struct tm tm;

    if (now != w->local_second && localtime_r(&now, &tm) != NULL) {
        date_log(&tm, w->local);
        w->local_second = now;
    }
    return arena_copy(&r->arena, str_of(w->local));
}

static struct mpx_str epoch(struct mpx_req *r)
{
    struct timespec ts;

    clock_gettime(CLOCK_REALTIME, &ts);
    return decimal(r, (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000, 3);
}

static const union address *peer(const struct mpx_req *r)
{
    return r->conn != NULL ? &r->conn->peer : NULL;
}

static const union address *own(const struct mpx_req *r)
{
    return r->conn != NULL ? conn_local(r->conn) : NULL;
}

/* Values that are made when somebody asks. */
static struct mpx_str made(struct mpx_req *r, enum variable which)
{
    switch (which) {
    case VARIABLE_REMOTE_ADDR:
        return address(r, client_address(r));
    case VARIABLE_REMOTE_PORT:
        return port(r, client_address(r));
    case VARIABLE_PEER_ADDR:
        return address(r, peer(r));
    case VARIABLE_PEER_PORT:
        return port(r, peer(r));
    case VARIABLE_SERVER_ADDR:
        return address(r, own(r));
    case VARIABLE_SERVER_PORT:
        return port(r, own(r));
    case VARIABLE_CONNECTION_ID:
        return r->conn != NULL ? id(r, conn_id(r->conn)) : MPX_STR("");
    case VARIABLE_CONNECTION_REQUESTS:
        return r->number != 0 ? number(r, r->number) : MPX_STR("");
    case VARIABLE_REQUEST_ID:
        return id(r, r->id);
    case VARIABLE_STATUS:
        return number(r, (uint64_t)r->res.status);
    case VARIABLE_BYTES_SENT:
        return number(r, r->res.sent);
    case VARIABLE_BYTES_OUT:
        return number(r, r->res.out);
    case VARIABLE_BYTES_IN:
        return number(r, bytes_in(r));
    case VARIABLE_REQUEST_TIME:
        return seconds_since_start(r);
    case VARIABLE_TIME_ISO8601:
        return iso_time(r);
    case VARIABLE_TIME_LOCAL:
        return local_time(r);
    case VARIABLE_TIME_EPOCH:
        return epoch(r);
    default:
        return MPX_STR("");
    }
}

/* "" is no value. */
static struct mpx_str value_of(struct mpx_req *r, const struct mpx_var *v)
{
    struct mpx_str value = { NULL, 0 };

    switch (v->which) {
    case VARIABLE_LINE:
        return r->line;
    case VARIABLE_METHOD:
        return r->method;
    case VARIABLE_TARGET:
        return target(r);
    case VARIABLE_PROTOCOL:
        return protocol(r);
    case VARIABLE_PATH:
        return r->path;
    case VARIABLE_QUERY:
        return r->query;
    case VARIABLE_SCHEME:
        return client_scheme(r);
    case VARIABLE_HOST:
        return r->host;
    case VARIABLE_VHOST:
        return r->vhost->name;
    case VARIABLE_USER:
        return r->user;
    case VARIABLE_HEADER:
        (void)req_header(r, v->word, &value);
        return value;
    case VARIABLE_RESPONSE:
        (void)res_get(r, v->word, &value);
        return value;
    default:
        return made(r, v->which);
    }
}

/* Asks a module, whoever is at work at the moment. */
static bool get_provided(struct mpx_req *r, const struct mpx_var *v, struct mpx_str *value)
{
    uint64_t before = blame_get(r->w->blame);

    if (confine_has(r->g, v->module->name)) {
        r->lacks = v->module;
        return false;
    }
    blame_set(r->w->blame, v->module->index, BLAME_CALLBACK, r->vhost->host);
    int rc = v->of->get(r, v->word, value);
    blame_put(r->w->blame, before);
    return rc == 0;
}

bool variable_get(struct mpx_req *r, const struct mpx_var *v, struct mpx_str *value)
{
    if (v->which != VARIABLE_OF_MODULE)
        *value = value_of(r, v);
    else if (v->of == NULL || !get_provided(r, v, value))
        return false;
    return value->n > 0;
}

/* For a text that nobody has seen before. */
static bool get_by_name(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    struct mpx_var v;

    return (variable_name_of_core(name, &v) || variable_name_of_module(r->g->modules, name, &v)) &&
           variable_get(r, &v, value);
}

/* What was put together, in the request's memory. 0, or -1 when it is too long. */
static int finish(struct mpx_req *r, struct buffer *b, struct mpx_str *out)
{
    int rc = b->full ? -1 : 0;

    if (rc == 0)
        *out = arena_copy(&r->arena, buffer_str(b));
    buffer_finish(b);
    return rc;
}

int variable_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out)
{
    struct mpx_str piece, value;
    struct buffer b;
    bool is_name;

    buffer_init(&b, VARIABLE_TEXT_MAX);
    while (variable_name_next(&text, &piece, &is_name))
        if (!is_name)
            (void)buffer_add(&b, piece);
        else if (get_by_name(r, piece, &value))
            (void)buffer_add(&b, value);
    return finish(r, &b, out);
}

int variable_join(struct mpx_req *r, struct mpx_list pieces, struct mpx_str *out)
{
    const struct mpx_piece *p = pieces.items;
    struct mpx_str value;
    struct buffer b;

    buffer_init(&b, VARIABLE_TEXT_MAX);
    for (size_t i = 0; i < pieces.count; i++)
        if (p[i].var == NULL)
            (void)buffer_add(&b, p[i].text);
        else if (variable_get(r, p[i].var, &value))
            (void)buffer_add(&b, value);
    return finish(r, &b, out);
}
