/* SPDX-License-Identifier: MIT */
#include "req.h"

#include "admission.h"
#include "confine.h"
#include "log.h"
#include "must.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>

struct mpx_req *req_create(struct worker *w, const struct carrier *carrier, void *data)
{
    struct mpx_arena arena;

    arena_init(&arena, &w->arenas);
    struct mpx_req *r = arena_zero(&arena, sizeof(*r));
    r->arena = arena;
    r->w = w;
    r->g = w->generation;
    r->g->uses++;
    r->carrier = carrier;
    r->carrier_data = data;
    r->id = w->next_id++;
    r->started_us = clock_us();
    r->vhost = &r->g->defaults;
    r->chain = &r->g->defaults.chain;
    r->limits = &r->g->settings.listeners[0].limits;
    list_init(&r->watches);
    r->client_name_rc = -EINPROGRESS;
    r->run_rc = -EINPROGRESS;
    body_init(r);
    res_init(r);
    return r;
}

static void end_slots(struct mpx_req *r)
{
    for (unsigned i = 0; i < r->slot_count; i++) {
        const struct module *m = r->g->modules->loaded[i];

        if (r->slots[i] == NULL || m->d.req_end == NULL)
            continue;
        blame_set(r->w->blame, m->index, BLAME_END, r->vhost->host);
        m->d.req_end(r, r->slots[i]);
        blame_clear(r->w->blame);
    }
    r->slot_count = 0;
}

void req_destroy(struct mpx_req *r)
{
    r->gone = true;
    MUST(r->wait.kind == WAIT_NONE && list_is_empty(&r->watches));
    list_remove(&r->ready);
    end_slots(r);
    body_release(r);
    if (r->holds > 0) /* the last one of them calls again */
        return;
    admission_forget(r);
    res_finish(r);
    file_drop(r->open_file);
    body_finish(r);
    struct generation *g = r->g;
    arena_finish(&r->arena);
    g->uses--;
}

const char *req_rc_name(enum mpx_rc rc)
{
    static const char *const names[] = { "NEXT", "DONE", "WAIT", "RESTART", "FAIL", "GRANT" };

    return (unsigned)rc < sizeof(names) / sizeof(names[0]) ? names[rc] : "nonsense";
}

static int known_field(struct mpx_str name)
{
    static const struct {
        struct mpx_str name;
        enum req_field field;
    } known[] = {
        { { "host", 4 }, REQ_HOST },
        { { "range", 5 }, REQ_RANGE },
        { { "expect", 6 }, REQ_EXPECT },
        { { "if-match", 8 }, REQ_IF_MATCH },
        { { "if-range", 8 }, REQ_IF_RANGE },
        { { "connection", 10 }, REQ_CONNECTION },
        { { "if-none-match", 13 }, REQ_IF_NONE_MATCH },
        { { "content-length", 14 }, REQ_CONTENT_LENGTH },
        { { "transfer-encoding", 17 }, REQ_TRANSFER_ENCODING },
        { { "if-modified-since", 17 }, REQ_IF_MODIFIED_SINCE },
        { { "if-unmodified-since", 19 }, REQ_IF_UNMODIFIED_SINCE },
    };

    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        if (name.n == known[i].name.n && str_same_word(name, known[i].name))
            return (int)known[i].field;
    return -1;
}

void req_index_fields(struct mpx_req *r)
{
    for (size_t i = 0; i < r->field_count; i++) {
        int f = known_field(r->fields[i].key);

        if (f < 0)
            continue;
        if (r->known[f].count++ == 0)
            r->known[f].index = (uint16_t)i;
    }
}

/* The lines of a field from the first one on, joined by ", ". */
static struct mpx_str join(const struct mpx_req *r, struct mpx_str name, size_t first)
{
    struct mpx_arena *a = (struct mpx_arena *)(uintptr_t)&r->arena;
    size_t n = 0, lines = 0;

    for (size_t i = first; i < r->field_count; i++)
        if (str_same_word(r->fields[i].key, name)) {
            n += r->fields[i].value.n + 2;
            lines++;
        }
    if (lines == 1)
        return r->fields[first].value;
    char *p = arena_take(a, n), *at = p;
    for (size_t i = first; i < r->field_count; i++)
        if (str_same_word(r->fields[i].key, name)) {
            struct mpx_str value = r->fields[i].value;

            memcpy(at, value.p, value.n);
            memcpy(at + value.n, ", ", 2);
            at += value.n + 2;
        }
    return (struct mpx_str){ p, n - 2 };
}

bool req_known(const struct mpx_req *r, enum req_field f, struct mpx_str *value)
{
    if (r->known[f].count == 0)
        return false;
    *value = r->fields[r->known[f].index].value;
    if (r->known[f].count > 1)
        *value = join(r, r->fields[r->known[f].index].key, r->known[f].index);
    return true;
}

bool req_has_condition(const struct mpx_req *r)
{
    return r->known[REQ_IF_MATCH].count + r->known[REQ_IF_NONE_MATCH].count +
               r->known[REQ_IF_MODIFIED_SINCE].count + r->known[REQ_IF_UNMODIFIED_SINCE].count >
           0;
}

bool req_header(const struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    for (size_t i = 0; i < r->field_count; i++)
        if (str_same_word(r->fields[i].key, name)) {
            *value = join(r, name, i);
            return true;
        }
    return false;
}

bool req_choose_vhost(struct mpx_req *r)
{
    const struct generation *g = r->g;
    const struct vhost *v = r->host.n > 0 ? vhost_find(g, r->host) : NULL;

    if (v == NULL)
        v = g->fallback;
    if (v == NULL && r->host.n == 0)
        v = &g->vhosts[0];
    if (v == NULL)
        return false;
    r->vhost = v;
    r->chain = &v->chain;
    return true;
}

/* What stands in the path beneath a directory whose path is n bytes long. */
static struct mpx_str rest_of(struct mpx_str path, size_t n)
{
    path = str_from(path, n);
    while (path.n > 0 && path.p[0] == '/')
        path = str_from(path, 1);
    return path;
}

void req_choose_directory(struct mpx_req *r)
{
    r->directory = directory_find(r->vhost, r->path);
    r->chain = &r->directory->chain;
    r->body.limit =
        (uint64_t)(r->directory->body_limit >= 0 ? r->directory->body_limit : r->limits->body);
    r->rest = rest_of(r->path, r->directory->path.n);
}

/* Whether the path is prefix or lies beneath it. */
static bool is_at_or_beneath(struct mpx_str path, struct mpx_str prefix)
{
    return str_eq(str_head(path, prefix.n), prefix) && path.n >= prefix.n &&
           (path.n == prefix.n || path.p[prefix.n] == '/');
}

int req_set_root(struct mpx_req *r, struct mpx_str prefix, struct mpx_str folder, uid_t owner)
{
    const char *error = NULL;

    if (!r->running || r->directory == NULL || r->phase > MPX_PH_CONTENT || r->res.started)
        error = "that is for ACCESS and CONTENT hooks, before the response has begun";
    else if (!is_at_or_beneath(r->path, prefix))
        error = "the request's path does not lie there";
    else if (folder.n == 0 || folder.p[0] != '/' || str_find(folder, '\0') < folder.n)
        error = "the folder is no absolute path";
    if (error != NULL) {
        req_log(r, MPX_ERROR, "mpx_req_set_root: \"%.*s\" for \"%.*s/\": %s", STR_ARGS(folder),
                STR_ARGS(prefix), error);
        return -1;
    }
    struct directory *d = arena_take(&r->arena, sizeof(*d));
    *d = *r->directory;
    d->path = arena_copy(&r->arena, prefix);
    d->root = d->location = (struct mpx_str){ arena_copyz(&r->arena, folder), folder.n };
    d->base = MPX_STR("");
    d->is_set = true;
    d->is_owned = owner != (uid_t)-1;
    d->owner = owner;
    r->directory = d;
    r->rest = rest_of(r->path, prefix.n);
    return 0;
}

const struct directory *req_directory_of(const struct mpx_req *r, struct mpx_str path)
{
    const struct directory *d = directory_find(r->vhost, path), *own = r->directory;

    if (own == NULL || !own->is_set || !is_at_or_beneath(path, own->path))
        return d;
    return d->root.n > 0 && d->path.n - d->base.n > own->path.n ? d : own;
}

enum mpx_rc req_refuse_confined(struct mpx_req *r, const struct module *m)
{
    int64_t seconds = confine_seconds(r->g, m, r->w->now_ms);

    r->fail_status = 503;
    res_set_own(r, MPX_STR("Retry-After"), arena_printf(&r->arena, "%lld", (long long)seconds));
    return MPX_FAIL;
}

void req_vlog(const struct mpx_req *r, enum mpx_level level, const char *fmt, va_list ap)
{
    char id[17];
    struct log_about about = { .request = id };

    if (!log_wants(level))
        return;
    snprintf(id, sizeof(id), "%016llx", (unsigned long long)r->id);
    if (r->caller != NULL)
        about.module = r->caller->module->name;
    if (r->vhost != &r->g->defaults)
        about.vhost = r->vhost->name.p;
    log_vabout(level, &about, fmt, ap);
}

void req_log(const struct mpx_req *r, enum mpx_level level, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    req_vlog(r, level, fmt, ap);
    va_end(ap);
}
