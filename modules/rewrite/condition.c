/* SPDX-License-Identifier: MIT
   "if": what must hold besides a rule's expression. */
#include "rewrite.h"

#include "../common/percent.h"
#include "../common/pointer.h"

#include <strings.h>

/* A name and the expression for its value. */
struct test {
    const char *name;
    struct pattern *value;
};
struct condition {
    const struct condition_option *o;
    const struct test *headers, *parameters;
    struct pattern *query;
    const struct mpx_networks *from;
    const struct target *exists;
};

static int compile_tests(struct mpx_conf *c, const char *below, const struct mpx_list *pairs,
                         const struct test **out)
{
    const struct mpx_pair *pair = pairs->items;
    struct test *tests = mpx_alloc(mpx_conf_arena(c), pairs->count * sizeof(*tests));
    int rc = 0;

    for (size_t i = 0; i < pairs->count; i++) {
        tests[i].name = mpx_printf(mpx_conf_arena(c), "%.*s", (int)pair[i].key.n, pair[i].key.p).p;
        tests[i].value = pattern_compile(c, pointer_below(c, below, pair[i].key), pair[i].value);
        if (tests[i].value == NULL)
            rc = -1;
    }
    *out = tests;
    return rc;
}

static int compile_from(struct mpx_conf *c, const char *below, const struct mpx_list *from,
                        const struct mpx_networks **out)
{
    const struct mpx_str *texts = from->items;
    struct mpx_network *list = mpx_alloc(mpx_conf_arena(c), from->count * sizeof(*list));
    int rc = 0;

    if (from->count == 0)
        return 0;
    for (size_t i = 0; i < from->count; i++)
        if (mpx_conf_network(c, mpx_printf(mpx_conf_arena(c), "%s/from/%zu", below, i).p, texts[i],
                             &list[i]) < 0)
            rc = -1;
    *out = mpx_networks_make(mpx_conf_arena(c), list, from->count);
    return rc;
}

static int check_words(struct mpx_conf *c, const char *below, const struct condition_option *o)
{
    const struct mpx_str *words = o->method.items;
    int rc = 0;

    for (size_t i = 0; i < o->method.count; i++)
        for (size_t k = 0; k <= words[i].n; k++)
            if (k == words[i].n ? k == 0 : words[i].p[k] >= 'a' && words[i].p[k] <= 'z') {
                rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "%s/method/%zu", below, i).p,
                                    "\"%.*s\" is no method: they are in capitals, \"GET\"",
                                    (int)words[i].n, words[i].p);
                break;
            }
    words = o->scheme.items;
    for (size_t i = 0; i < o->scheme.count; i++)
        if (!mpx_str_eq(words[i], MPX_STR("http")) && !mpx_str_eq(words[i], MPX_STR("https")))
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "%s/scheme/%zu", below, i).p,
                                "must be \"http\" or \"https\", not \"%.*s\"", (int)words[i].n,
                                words[i].p);
    return rc;
}

static int compile(struct mpx_conf *c, const char *below, const struct condition_option *o,
                   const struct pattern *match, struct condition *k)
{
    int rc = check_words(c, below, o);

    k->o = o;
    if (compile_tests(c, pointer_below(c, below, MPX_STR("header")), &o->header, &k->headers) < 0 ||
        compile_tests(c, pointer_below(c, below, MPX_STR("query")), &o->query.parameters,
                      &k->parameters) < 0 ||
        compile_from(c, below, &o->from, &k->from) < 0)
        rc = -1;
    if (o->query.whole.p != NULL) {
        k->query = pattern_compile(c, pointer_below(c, below, MPX_STR("query")), o->query.whole);
        rc = k->query != NULL ? rc : -1;
    }
    if (o->exists.p != NULL) {
        const char *at = pointer_below(c, below, MPX_STR("exists"));

        if (o->exists.n == 0 || (o->exists.p[0] != '/' && o->exists.p[0] != '$'))
            return mpx_conf_error(c, at, "must be a path, \"/...\", or begin with a variable");
        k->exists = rewrite_target(c, at, o->exists, match, TARGET_TEXT);
        rc = k->exists != NULL ? rc : -1;
    }
    return rc;
}

int condition_compile(struct mpx_conf *c, const char *below, const struct condition_option *o,
                      const struct pattern *match, const struct condition **list, size_t *count)
{
    const struct condition_option *none = o->none.items;
    struct condition *k = mpx_alloc(mpx_conf_arena(c), (1 + o->none.count) * sizeof(*k));
    int rc = compile(c, below, o, match, k);

    for (size_t i = 0; i < o->none.count; i++) {
        const char *at = mpx_printf(mpx_conf_arena(c), "%s/not/%zu", below, i).p;

        if (none[i].none.count > 0)
            rc = mpx_conf_error(c, pointer_below(c, at, MPX_STR("not")),
                                "\"not\" cannot stand in \"not\"");
        else if (compile(c, at, &none[i], match, &k[1 + i]) < 0)
            rc = -1;
    }
    *list = k;
    *count = 1 + o->none.count;
    return rc;
}

const struct condition *condition_at(const struct condition *list, size_t i)
{
    return &list[i];
}

static bool is_in(struct mpx_str s, const struct mpx_list *list)
{
    const struct mpx_str *words = list->items;

    for (size_t i = 0; i < list->count; i++)
        if (mpx_str_eq(s, words[i]))
            return true;
    return list->count == 0;
}

/* Hosts are told in lower case; "*.example.org" stands for all below. */
static bool is_host(struct mpx_str host, const struct mpx_list *list)
{
    const struct mpx_str *words = list->items;

    for (size_t i = 0; i < list->count; i++) {
        struct mpx_str w = words[i];
        bool below = w.n > 2 && w.p[0] == '*' && w.p[1] == '.';

        if (below)
            w = (struct mpx_str){ w.p + 1, w.n - 1 };
        if (below ? host.n > w.n && strncasecmp(host.p + host.n - w.n, w.p, w.n) == 0
                  : host.n == w.n && strncasecmp(host.p, w.p, w.n) == 0)
            return true;
    }
    return list->count == 0;
}

/* 1, 0, or -1 when an expression was given up. */
static int fields_hold(struct mpx_req *r, const struct condition *k)
{
    int rc = 1;

    for (size_t i = 0; i < k->o->header.count && rc == 1; i++) {
        struct mpx_str value = { NULL, 0 };

        (void)mpx_req_header(r, k->headers[i].name, &value);
        rc = pattern_match(k->headers[i].value, value, NULL);
    }
    return rc;
}

static int query_holds(struct mpx_req *r, const struct condition *k)
{
    const struct mpx_pair *names = k->o->query.parameters.items;
    int rc = k->query != NULL ? pattern_match(k->query, mpx_req_query(r), NULL) : 1;

    for (size_t i = 0; i < k->o->query.parameters.count && rc == 1; i++) {
        struct mpx_str value;

        rc = percent_parameter(mpx_req_query(r), names[i].key, &value)
                 ? pattern_match(k->parameters[i].value, percent_decode(mpx_req_arena(r), value),
                                 NULL)
                 : 0;
    }
    return rc;
}

static bool client_holds(struct mpx_req *r, const struct condition *k)
{
    socklen_t len;

    return k->from == NULL || mpx_networks_find(k->from, mpx_req_client(r, &len)) >= 0;
}

int condition_holds(struct mpx_req *r, const struct condition *k, const struct target **exists)
{
    *exists = k->exists;
    if (!is_in(mpx_req_method(r), &k->o->method) || !is_host(mpx_req_host(r), &k->o->host) ||
        (k->o->scheme.count > 0 && !is_in(mpx_req_scheme(r), &k->o->scheme)) || !client_holds(r, k))
        return 0;
    int rc = fields_hold(r, k);
    return rc == 1 ? query_holds(r, k) : rc;
}
