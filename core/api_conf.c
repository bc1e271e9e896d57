/* SPDX-License-Identifier: MIT
   The public calls about configuration and services between modules, memory and the log (module.h
   sections 5, 10, 11). */
#include "cidr.h"
#include "confine.h"
#include "conn.h"
#include "must.h"
#include "quantity.h"
#include "req.h"
#include "str.h"
#include "uri.h"
#include "variable.h"

#include <errno.h>
#include <stdlib.h>

struct mpx_arena *mpx_conf_arena(struct mpx_conf *c)
{
    return &c->g->arena;
}

bool mpx_conf_given(const struct mpx_conf *c)
{
    return c->is_given;
}

bool mpx_conf_is_tried(const struct mpx_conf *c)
{
    return !c->g->sources->frozen;
}

const void *mpx_conf_outer(const void *conf)
{
    const struct mpx_conf *outer = conf_of(conf)->outer;

    return outer != NULL ? outer->data : NULL;
}

unsigned mpx_conf_at(const struct mpx_conf *c)
{
    return c->level;
}

unsigned mpx_conf_workers(const struct mpx_conf *c)
{
    int64_t workers = c->g->settings.workers;

    return workers > 1 ? (unsigned)workers : 1;
}

/* A step of a JSON pointer as the key that it names (RFC 6901 4). */
static struct mpx_str key_of(struct mpx_arena *a, struct mpx_str step)
{
    char *key;
    size_t n = 0;

    if (str_find(step, '~') == step.n)
        return step;
    key = arena_take(a, step.n);
    for (size_t i = 0; i < step.n; i++) {
        bool is_escape = step.p[i] == '~' && i + 1 < step.n;

        i += is_escape;
        key[n++] = !is_escape ? step.p[i] : step.p[i] == '1' ? '/' : '~';
    }
    return (struct mpx_str){ key, n };
}

/* The value that "rules/0/to" leads to, as far as it is there. One item is a list of one. */
static const struct node *walk(struct mpx_arena *a, const struct node *from, struct mpx_str path)
{
    while (from != NULL && path.n > 0) {
        struct mpx_str step = str_head(path, str_find(path, '/'));
        const struct node *next = node_member_named(from, key_of(a, step));
        uint64_t index;

        if (from->kind == NODE_ARRAY && str_to_u64(step, &index) == 0)
            for (next = from->first; next != NULL && index > 0; index--)
                next = next->next;
        else if (next == NULL && str_is(step, "0"))
            next = from;
        if (next == NULL)
            return from;
        from = next;
        path = str_from(path, step.n + 1);
    }
    return from;
}

/* Where that stands in the file, as far as it is there. */
static struct place place_below(const struct mpx_conf *c, const char *below)
{
    const struct node *value = walk(&c->g->arena, c->merged, str_of(below));
    bool is_below = below != NULL && below[0] != '\0';

    return value != NULL && value->at.src != NULL && is_below ? value->at : c->at;
}

__attribute__((format(printf, 3, 0))) static void vcomplain(struct mpx_conf *c, const char *below,
                                                            const char *fmt, va_list ap)
{
    struct mpx_str what = arena_vprintf(&c->g->arena, fmt, ap);
    bool is_below = below != NULL && below[0] != '\0';

    if (c->g->problems == NULL) {
        mpx_log(c, MPX_ERROR, "%s%s%s: %.*s", c->pointer, is_below ? "/" : "",
                is_below ? below : "", STR_ARGS(what));
        return;
    }
    problem_add(c->g->problems, place_below(c, below), "%s%s%s: %.*s", c->pointer,
                is_below ? "/" : "", is_below ? below : "", STR_ARGS(what));
}

int mpx_conf_error(struct mpx_conf *c, const char *below, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vcomplain(c, below, fmt, ap);
    va_end(ap);
    return -1;
}

/* A block of mpx_keep. It lives as long as a generation has asked for it. */
struct kept {
    struct kept *next;
    struct worker *w;
    const char *module; /* the name lives as long as the process */
    char *key;
    unsigned uses;
    void (*end)(void *block);
    _Alignas(max_align_t) char block[];
};

static void keep_release(void *arg)
{
    struct kept *k = arg, **link = &k->w->kept;

    if (--k->uses > 0)
        return;
    while (*link != k)
        link = &(*link)->next;
    *link = k->next;
    if (k->end != NULL)
        k->end(k->block);
    free(k->key);
    free(k);
}

void *mpx_keep(struct mpx_conf *c, const char *key, size_t size, void (*end)(void *block))
{
    struct worker *w = c->g->worker;
    struct kept *k;

    if (w == NULL)
        return NULL;
    for (k = w->kept; k != NULL; k = k->next)
        if (k->module == c->module->name && strcmp(k->key, key) == 0)
            break;
    if (k == NULL) {
        k = must_calloc(sizeof(*k) + size);
        k->w = w;
        k->module = c->module->name;
        k->key = must_alloc(strlen(key) + 1);
        memcpy(k->key, key, strlen(key) + 1);
        k->next = w->kept;
        w->kept = k;
    }
    k->end = end;
    k->uses++;
    arena_defer(&c->g->arena, keep_release, k);
    return k->block;
}

/* How messages name what lies at "below". */
static const char *name_below(struct mpx_conf *c, const char *below)
{
    if (below == NULL || below[0] == '\0')
        return c->pointer;
    return arena_printf(&c->g->arena, "%s/%s", c->pointer, below).p;
}

struct mpx_list mpx_text_pieces(struct mpx_conf *c, const char *below, struct mpx_str text)
{
    return variable_name_pieces(c->g, arena_copy(&c->g->arena, text), place_below(c, below),
                                name_below(c, below));
}

const struct mpx_var *mpx_var_find(struct mpx_conf *c, const char *below, struct mpx_str text,
                                   size_t *length)
{
    return variable_name_find(c->g, text, place_below(c, below), name_below(c, below), length);
}

enum mpx_var_kind mpx_var_kind(const struct mpx_var *v)
{
    return v->kind;
}

bool mpx_var_get(struct mpx_req *r, const struct mpx_var *v, struct mpx_str *value)
{
    return variable_get(r, v, value);
}

int mpx_join(struct mpx_req *r, struct mpx_list pieces, struct mpx_str *out)
{
    return variable_join(r, pieces, out);
}

int mpx_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out)
{
    return variable_expand(r, text, out);
}

static struct provided_service *find_service(const struct generation *g, const char *name)
{
    for (struct provided_service *s = g->services; s != NULL; s = s->next)
        if (strcmp(s->name, name) == 0)
            return s;
    return NULL;
}

int mpx_provide(struct mpx_conf *c, const char *name, const struct mpx_service *table)
{
    struct provided_service *s = find_service(c->g, name);

    if (s != NULL) {
        if (strcmp(s->module, c->module->name) == 0)
            return 0;
        return mpx_conf_error(c, "", "module \"%s\" provides the service \"%s\" already", s->module,
                              name);
    }
    s = arena_zero(&c->g->arena, sizeof(*s));
    *s = (struct provided_service){ c->g->services, name, c->module->name, table };
    c->g->services = s;
    return 0;
}

const struct mpx_service *mpx_require(struct mpx_conf *c, const char *name, unsigned major,
                                      unsigned minor)
{
    const struct provided_service *s = find_service(c->g, name);

    if (s == NULL) {
        c->g->lacks_service = true;
        return NULL;
    }
    if (s->table->major == major && s->table->minor >= minor)
        return s->table;
    mpx_log(c, MPX_ERROR, "service \"%s\" %u.%u is needed, module \"%s\" provides %u.%u", name,
            major, minor, s->module, s->table->major, s->table->minor);
    return NULL;
}

const void *mpx_req_conf(const struct mpx_req *r, const char *module)
{
    const struct module *m = module_find(r->g->modules, str_of(module));
    const struct mpx_conf *c = m != NULL ? chain_conf(r->chain, m) : NULL;

    return c != NULL && !confine_has(r->g, m->name) ? c->data : NULL;
}

void *mpx_alloc(struct mpx_arena *a, size_t n)
{
    return arena_zero(a, n);
}

struct mpx_str mpx_printf(struct mpx_arena *a, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    struct mpx_str s = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return s;
}

void mpx_defer(struct mpx_arena *a, void (*fn)(void *), void *arg)
{
    arena_defer(a, fn, arg);
}

size_t mpx_utf8_length(struct mpx_str text)
{
    return str_utf8_length(text);
}

struct mpx_str mpx_encode_path(struct mpx_arena *a, struct mpx_str path)
{
    char *out = arena_take(a, 3 * path.n + 1);

    return (struct mpx_str){ out, uri_encode_path(path, out) };
}

int mpx_duration(struct mpx_str text, int64_t *ms)
{
    return quantity_ms(text, ms);
}

struct mpx_str mpx_http_date(struct mpx_arena *a, int64_t seconds)
{
    char *text = arena_take(a, DATE_HTTP);

    date_http((time_t)seconds, text);
    return (struct mpx_str){ text, DATE_HTTP - 1 };
}

int mpx_conf_network(struct mpx_conf *c, const char *below, struct mpx_str text,
                     struct mpx_network *network)
{
    const char *wrong = NULL;

    if (str_is(text, "*"))
        cidr_everybody(network);
    else
        wrong = cidr_read(&c->g->arena, text, network);
    if (wrong == NULL)
        return 0;
    return mpx_conf_error(c, below, "\"%.*s\" %s", STR_ARGS(text), wrong);
}

struct mpx_networks {
    struct cidr_table table;
};

const struct mpx_networks *mpx_networks_make(struct mpx_arena *a, const struct mpx_network *list,
                                             size_t count)
{
    struct mpx_networks *n = arena_take(a, sizeof(*n));

    cidr_table_make(a, list, count, &n->table);
    return n;
}

int mpx_networks_find(const struct mpx_networks *n, const struct sockaddr *address)
{
    union address client = { .any.sa_family = AF_UNSPEC };

    if (address != NULL && address->sa_family == AF_INET)
        memcpy(&client.in, address, sizeof(client.in));
    else if (address != NULL && address->sa_family == AF_INET6)
        memcpy(&client.in6, address, sizeof(client.in6));
    else if (address != NULL)
        client.any.sa_family = address->sa_family;
    address_unmap(&client);
    return cidr_table_find(&n->table, &client);
}

struct every {
    struct loop_event event;
    const struct mpx_conf *conf;
    void (*fn)(void *arg);
    void *arg;
};

static void on_every(int fd, short what, void *arg)
{
    const struct every *e = arg;
    struct worker *w = e->conf->g->worker;

    (void)fd;
    (void)what;
    worker_update_clock(w);
    blame_set(w->blame, e->conf->module->index, BLAME_TIMER, e->conf->host);
    e->fn(e->arg);
    blame_clear(w->blame);
}

static void every_end(void *arg)
{
    loop_end(&((struct every *)arg)->event);
}

int mpx_every(struct mpx_conf *c, int64_t ms, void (*fn)(void *), void *arg)
{
    struct every *e;

    if (c->g->worker == NULL || ms <= 0)
        return -1;
    e = arena_zero(&c->g->arena, sizeof(*e));
    e->conf = c;
    e->fn = fn;
    e->arg = arg;
    arena_defer(&c->g->arena, every_end, e);
    return loop_timer(c->g->worker->loop, &e->event, ms, LOOP_REPEAT, on_every, e);
}

static void close_sink(void *sink)
{
    sink_close(sink);
}

struct mpx_sink *mpx_sink_open(struct mpx_conf *c, struct mpx_str target)
{
    struct worker *w = c->g->worker;
    const char *path = arena_copyz(&c->g->arena, target);
    int fd = -1;

    if (w == NULL)
        return NULL;
    struct mpx_sink *sink = sink_find(w->sinks, target);
    if (sink == NULL) {
        if (sink_is_file(target)) {
            fd = w->open_log(w->open_log_arg, path);
            if (fd < 0) {
                (void)mpx_conf_error(c, "", "cannot open \"%s\": %s", path, strerror(-fd));
                return NULL;
            }
        }
        sink = sink_open(w->sinks, target, fd);
    }
    arena_defer(&c->g->arena, close_sink, sink);
    return sink;
}

void mpx_sink_write(struct mpx_sink *s, struct mpx_str line)
{
    sink_write(s, MPX_INFO, line);
}

void mpx_log(const struct mpx_conf *c, enum mpx_level level, const char *fmt, ...)
{
    const struct log_about about = { .vhost = c->vhost, .module = c->module->name };
    va_list ap;

    va_start(ap, fmt);
    log_vabout(level, &about, fmt, ap);
    va_end(ap);
}

void mpx_rlog(const struct mpx_req *r, enum mpx_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    req_vlog(r, level, fmt, ap);
    va_end(ap);
}
