/* SPDX-License-Identifier: MIT */
#include "variable.h"

#include "client.h"
#include "str.h"

static struct mpx_str remote_addr(struct mpx_req *r)
{
    const union address *client = client_address(r);
    char text[ADDRESS_TEXT];

    return client != NULL ? arena_copy(&r->arena, str_of(address_write(client, text)))
                          : MPX_STR("");
}

static struct mpx_str scheme(struct mpx_req *r)
{
    return client_scheme(r);
}

static struct mpx_str status(struct mpx_req *r)
{
    return arena_printf(&r->arena, "%d", r->res.status);
}

static struct mpx_str bytes_sent(struct mpx_req *r)
{
    return arena_printf(&r->arena, "%llu", (unsigned long long)r->res.sent);
}

static struct mpx_str request_id(struct mpx_req *r)
{
    return arena_printf(&r->arena, "%016llx", (unsigned long long)r->id);
}

static int get_core(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    const struct {
        const char *name;
        struct mpx_str value;
    } plain[] = {
        { "method", r->method }, { "path", r->path },         { "query", r->query },
        { "host", r->host },     { "vhost", r->vhost->name }, { "user", r->user },
        { "line", r->line },
    };
    static const struct {
        const char *name;
        struct mpx_str (*get)(struct mpx_req *r);
    } made[] = {
        { "remote_addr", remote_addr }, { "scheme", scheme },         { "status", status },
        { "bytes_sent", bytes_sent },   { "request_id", request_id },
    };

    for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++)
        if (str_is(name, plain[i].name)) {
            *value = plain[i].value;
            return 0;
        }
    for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
        if (str_is(name, made[i].name)) {
            *value = made[i].get(r);
            return 0;
        }
    if (str_starts(name, MPX_STR("header.")))
        return req_header(r, str_from(name, 7), value) ? 0 : -1;
    return -1;
}

/* Asks a module, whoever is at work at the moment. */
static int get_provided(struct mpx_req *r, const struct provided_variable *v, struct mpx_str name,
                        struct mpx_str *value)
{
    uint32_t before = blame_get(r->w->blame);

    blame_set(r->w->blame, v->module->index, BLAME_CALLBACK);
    int rc = v->fn(r, name, value);
    blame_put(r->w->blame, before);
    return rc;
}

int variable_get(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    size_t dot = str_find(name, '.');

    for (const struct provided_variable *v = r->g->variables; v != NULL; v = v->next)
        if (str_eq(str_head(name, dot), v->prefix))
            return get_provided(r, v, str_from(name, dot + 1), value);
    return get_core(r, name, value);
}

static bool is_name_char(char c)
{
    return (c >= '0' && c <= '9') || (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '_';
}

/* How long the name is that s begins with: words joined by dots; behind a dot also with hyphens. */
static size_t name_length(struct mpx_str s)
{
    bool behind_dot = false;
    size_t n = 0;

    for (; n < s.n; n++) {
        bool more = n + 1 < s.n && is_name_char(s.p[n + 1]);

        if (s.p[n] == '.' && n > 0 && more)
            behind_dot = true;
        else if (!is_name_char(s.p[n]) && !(s.p[n] == '-' && behind_dot && more))
            break;
    }
    return n;
}

int variable_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out)
{
    struct buffer b;
    int rc = 0;

    buffer_init(&b, VARIABLE_TEXT_MAX);
    while (text.n > 0) {
        size_t dollar = str_find(text, '$');
        struct mpx_str rest = str_from(text, dollar + 1), value = { NULL, 0 };
        size_t n = name_length(rest);

        (void)buffer_add(&b, str_head(text, dollar));
        if (dollar == text.n)
            break;
        if (n == 0) { /* "$$", or a dollar that names nothing */
            (void)buffer_add_char(&b, '$');
            text = str_from(rest, rest.n > 0 && rest.p[0] == '$' ? 1 : 0);
            continue;
        }
        if (variable_get(r, str_head(rest, n), &value) == 0)
            (void)buffer_add(&b, value);
        text = str_from(rest, n);
    }
    if (b.full)
        rc = -1;
    else
        *out = arena_copy(&r->arena, buffer_str(&b));
    buffer_finish(&b);
    return rc;
}
