/* SPDX-License-Identifier: MIT
   The public calls about requests and connections (module.h section 7). */
#include "accept.h"
#include "client.h"
#include "conn.h"
#include "method.h"
#include "must.h"
#include "req.h"
#include "str.h"
#include "uri.h"

bool mpx_has(const char *feature)
{
    (void)feature;
    return false;
}

bool mpx_str_eq(struct mpx_str a, struct mpx_str b)
{
    return str_eq(a, b);
}

struct mpx_str mpx_req_method(const struct mpx_req *r)
{
    return r->method;
}

struct mpx_str mpx_req_path(const struct mpx_req *r)
{
    return r->path;
}

struct mpx_str mpx_req_rest(const struct mpx_req *r)
{
    return r->rest;
}

struct mpx_str mpx_req_prefix(const struct mpx_req *r)
{
    return r->directory != NULL ? r->directory->path : MPX_STR("");
}

struct mpx_str mpx_req_location(const struct mpx_req *r)
{
    return r->directory != NULL ? r->directory->location : MPX_STR("");
}

struct mpx_str mpx_req_translate(struct mpx_req *r, struct mpx_str path)
{
    struct mpx_str name =
        path.n > 0 && path.p[path.n - 1] == '/' ? str_head(path, path.n - 1) : path;
    const struct directory *d = req_directory_of(r, name);
    struct mpx_str rest = str_from(path, d->path.n);

    while (rest.n > 0 && rest.p[0] == '/')
        rest = str_from(rest, 1);
    if (d->location.n == 0)
        return MPX_STR("");
    return arena_printf(&r->arena, "%.*s%s%.*s", STR_ARGS(d->location), rest.n > 0 ? "/" : "",
                        STR_ARGS(rest));
}

struct mpx_str mpx_req_root_prefix(const struct mpx_req *r)
{
    const struct directory *d = r->directory;

    return d != NULL && d->root.n > 0 ? str_head(d->path, d->path.n - d->base.n) : MPX_STR("");
}

int mpx_req_set_root(struct mpx_req *r, struct mpx_str prefix, struct mpx_str folder, uid_t owner)
{
    return req_set_root(r, prefix, folder, owner);
}

struct mpx_str mpx_req_query(const struct mpx_req *r)
{
    return r->query;
}

struct mpx_str mpx_req_line(const struct mpx_req *r)
{
    return r->line;
}

struct mpx_str mpx_req_host(const struct mpx_req *r)
{
    return r->host;
}

struct mpx_str mpx_req_vhost(const struct mpx_req *r)
{
    return r->vhost->name;
}

bool mpx_req_owns_host(const struct mpx_req *r, struct mpx_str host)
{
    char name[URI_HOST_MAX];
    int n = uri_parse_host(host, name);

    return n > 0 && vhost_find(r->g, (struct mpx_str){ name, (size_t)n }) == r->vhost;
}

struct mpx_str mpx_req_scheme(const struct mpx_req *r)
{
    return client_scheme(r);
}

struct mpx_str mpx_req_id(const struct mpx_req *r)
{
    struct mpx_arena *a = (struct mpx_arena *)(uintptr_t)&r->arena;

    return arena_printf(a, "%016llx", (unsigned long long)r->id);
}

struct mpx_str mpx_req_user(const struct mpx_req *r)
{
    return r->user;
}

int mpx_req_set_user(struct mpx_req *r, struct mpx_str user)
{
    r->user = arena_copy(&r->arena, user);
    return 0;
}

int mpx_req_version(const struct mpx_req *r)
{
    return r->version;
}

int64_t mpx_req_elapsed_us(const struct mpx_req *r)
{
    return clock_us() - r->started_us;
}

bool mpx_req_header(const struct mpx_req *r, const char *name, struct mpx_str *value)
{
    return req_header(r, str_of(name), value);
}

size_t mpx_req_accept(const struct mpx_req *r, const struct mpx_str *types, size_t count)
{
    struct mpx_str accept;

    if (count > ACCEPT_TYPES_MAX)
        count = ACCEPT_TYPES_MAX;
    return req_header(r, MPX_STR("Accept"), &accept) ? accept_choose(accept, types, count) : 0;
}

bool mpx_req_header_at(const struct mpx_req *r, size_t i, struct mpx_pair *line)
{
    if (i >= r->field_count)
        return false;
    *line = r->fields[i];
    return true;
}

int mpx_req_rewrite(struct mpx_req *r, struct mpx_str path, struct mpx_str query)
{
    char *normal = arena_take(&r->arena, path.n + 1);
    size_t n;

    if (uri_normal_decoded(path, normal, &n) != 0 || r->res.started) {
        req_log(r, MPX_ERROR, "cannot rewrite to \"%.*s\": %s", STR_ARGS(path),
                r->res.started ? "the response has begun" : "it is no path below \"/\"");
        return -1;
    }
    normal[n] = '\0';
    r->path = (struct mpx_str){ normal, n };
    r->query = arena_copy(&r->arena, query);
    r->rewritten = true;
    return 0;
}

void mpx_req_allow(struct mpx_req *r, const char *methods)
{
    struct mpx_str unknown;

    r->allow |= method_set(str_of(methods), &unknown);
    if (unknown.n > 0)
        req_log(r, MPX_ERROR, "mpx_req_allow: this server knows no method \"%.*s\"",
                STR_ARGS(unknown));
}

void mpx_req_unserved(struct mpx_req *r, int status)
{
    if (status >= 400 && status <= 499)
        r->unserved = status;
    else
        req_log(r, MPX_ERROR, "mpx_req_unserved: %d is no status from 400 to 499", status);
}

struct mpx_arena *mpx_req_arena(struct mpx_req *r)
{
    return &r->arena;
}

void *mpx_req_slot(struct mpx_req *r, const void *conf)
{
    const struct module *m = conf_of(conf)->module;

    if (m->index >= r->slot_count) {
        unsigned count = r->g->modules->count;
        void **slots = arena_zero(&r->arena, count * sizeof(void *));

        if (r->slot_count > 0)
            memcpy(slots, r->slots, r->slot_count * sizeof(void *));
        r->slots = slots;
        r->slot_count = count;
    }
    if (r->slots[m->index] == NULL)
        r->slots[m->index] = arena_zero(&r->arena, m->d.req_size);
    return r->slots[m->index];
}

void *mpx_conn_slot(struct mpx_conn *c, const void *conf)
{
    const struct module *m = conf_of(conf)->module;

    if (m->index >= c->slot_count) {
        unsigned count = c->w->generation->modules->count;

        c->slots = must_realloc(c->slots, count * sizeof(void *));
        memset(c->slots + c->slot_count, 0, (count - c->slot_count) * sizeof(void *));
        c->slot_count = count;
    }
    if (c->slots[m->index] == NULL)
        c->slots[m->index] = must_calloc(m->d.conn_size);
    return c->slots[m->index];
}

struct mpx_conn *mpx_req_conn(struct mpx_req *r)
{
    return r->conn;
}

const struct sockaddr *mpx_conn_peer(const struct mpx_conn *c, socklen_t *len)
{
    *len = address_length(&c->peer);
    return &c->peer.any;
}

const struct sockaddr *mpx_req_client(const struct mpx_req *r, socklen_t *len)
{
    const union address *client = client_address(r);

    *len = client != NULL ? address_length(client) : 0;
    return client != NULL ? &client->any : NULL;
}
