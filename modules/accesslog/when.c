/* SPDX-License-Identifier: MIT */
#include "when.h"

#include "../common/glob.h"

#include <stdio.h>
#include <string.h>

struct span {
    int first, last;
};

static const struct mpx_option text = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option number_or_text = { .name = "", .type = MPX_T_JSON };

#define TEXTS(key, field, words)                                                  \
    {                                                                             \
        .name = key, .help = words, .type = MPX_T_LIST, .of = &text,              \
        .of_size = sizeof(struct mpx_str), .offset = offsetof(struct when, field) \
    }

const struct mpx_option when_options[] = {
    TEXTS("path", path, "the path, decoded; \"*\" stands for any characters"),
    TEXTS("host", host, "the host that was asked for; the same"),
    TEXTS("method", method, "the method"),
    { .name = "status",
      .help = "the status: 404, \"4xx\" or \"500-504\"",
      .type = MPX_T_LIST,
      .of = &number_or_text,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct when, status) },
    { .name = "header",
      .help = "fields of the request and their values, \"*\" for any",
      .type = MPX_T_MAP,
      .offset = offsetof(struct when, header) },
    { .name = "slower",
      .help = "it took longer than that",
      .type = MPX_T_MSEC,
      .offset = offsetof(struct when, slower) },
    MPX_OPTION_END,
};

/* Three digits at *s, which goes on behind them; -1 when there are none. */
static int read_status(struct mpx_str *s)
{
    int n = 0;

    for (size_t i = 0; i < 3; i++) {
        if (i >= s->n || s->p[i] < '0' || s->p[i] > '9')
            return -1;
        n = 10 * n + (s->p[i] - '0');
    }
    *s = (struct mpx_str){ s->p + 3, s->n - 3 };
    return n;
}

static bool read_span(struct mpx_str s, struct span *out)
{
    if (s.n >= 2 && s.p[0] == '"')
        s = (struct mpx_str){ s.p + 1, s.n - 2 };
    if (s.n == 3 && s.p[0] >= '1' && s.p[0] <= '5' && memcmp(s.p + 1, "xx", 2) == 0) {
        *out = (struct span){ 100 * (s.p[0] - '0'), 100 * (s.p[0] - '0') + 99 };
        return true;
    }
    out->first = out->last = read_status(&s);
    if (s.n > 1 && s.p[0] == '-') {
        s = (struct mpx_str){ s.p + 1, s.n - 1 };
        out->last = read_status(&s);
    }
    return s.n == 0 && out->first >= 100 && out->first <= out->last && out->last <= 599;
}

/* The names of fields as strings. */
static void name_fields(struct mpx_conf *c, struct when *w)
{
    const struct mpx_pair *field = w->header.items;

    w->fields = mpx_alloc(mpx_conf_arena(c), w->header.count * sizeof(*w->fields));
    for (size_t i = 0; i < w->header.count; i++) {
        char *name = mpx_alloc(mpx_conf_arena(c), field[i].key.n + 1);

        memcpy(name, field[i].key.p, field[i].key.n);
        w->fields[i] = name;
    }
}

int when_check(struct mpx_conf *c, const char *below, struct when *w)
{
    const struct mpx_str *status = w->status.items;
    char at[128];
    int rc = 0;

    name_fields(c, w);
    w->statuses = mpx_alloc(mpx_conf_arena(c), w->status.count * sizeof(*w->statuses));
    for (size_t i = 0; i < w->status.count; i++) {
        (void)snprintf(at, sizeof(at), "%s/status/%zu", below, i);
        if (!read_span(status[i], &w->statuses[i]))
            rc = mpx_conf_error(c, at, "%.*s is no status: 404, \"4xx\" or \"500-504\"",
                                (int)(status[i].n < 80 ? status[i].n : 80), status[i].p);
    }
    return rc;
}

static bool is_like_one(struct mpx_str s, struct mpx_list patterns)
{
    const struct mpx_str *p = patterns.items;

    for (size_t i = 0; i < patterns.count; i++)
        if (glob_matches(p[i], s))
            return true;
    return patterns.count == 0;
}

static bool has_status(const struct when *w, int status)
{
    for (size_t i = 0; i < w->status.count; i++)
        if (status >= w->statuses[i].first && status <= w->statuses[i].last)
            return true;
    return w->status.count == 0;
}

static bool has_fields(const struct when *w, const struct mpx_req *r)
{
    const struct mpx_pair *field = w->header.items;
    struct mpx_str value;

    for (size_t i = 0; i < w->header.count; i++)
        if (!mpx_req_header(r, w->fields[i], &value) || !glob_matches(field[i].value, value))
            return false;
    return true;
}

bool when_holds(const struct when *w, const struct mpx_req *r)
{
    return has_status(w, mpx_res_get_status(r)) && is_like_one(mpx_req_path(r), w->path) &&
           is_like_one(mpx_req_host(r), w->host) && is_like_one(mpx_req_method(r), w->method) &&
           has_fields(w, r) && (w->slower == 0 || mpx_req_elapsed_us(r) > w->slower * 1000);
}
