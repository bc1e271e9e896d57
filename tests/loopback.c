/* SPDX-License-Identifier: MIT */
#include "loopback.h"

#include "filter.h"
#include "head.h"
#include "http1.h"
#include "listener.h"
#include "log.h"
#include "must.h"
#include "phase.h"
#include "str.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { LOG_BYTES = 1 << 20, ANSWER_BYTES = 64 << 20 };

struct loopback {
    struct worker *w;
    struct generation g;
    struct sources sources;
    struct modules modules;
    struct blame *blame;
    struct listener *listener;
    struct buffer log, complaints;
};

static void keep_log(void *arg, enum mpx_level level, struct mpx_str line)
{
    struct loopback *lb = arg;

    (void)buffer_add(&lb->log, line);
    (void)buffer_add_char(&lb->log, '\n');
    if (level > MPX_WARN)
        return;
    (void)buffer_add(&lb->complaints, line);
    (void)buffer_add_char(&lb->complaints, '\n');
}

static int open_log(void *arg, const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    (void)arg;
    return fd < 0 ? -errno : fd;
}

static int load(struct loopback *lb, const char *config, const char *quarantine)
{
    const struct generation_request request = { .file = "test.json",
                                                .overrides = "(modules)",
                                                .quarantine = str_of(quarantine) };
    const char *build = getenv("MPX_BUILD") != NULL ? getenv("MPX_BUILD") : ".";
    struct problems problems;
    char path[1024];
    int rc = -1;

    (void)snprintf(
        path, sizeof(path),
        "{\"daemon\":{\"module_path\":[\"%s/modules/.libs\",\"%s/tests/modules/.libs\"]}}", build,
        build);
    (void)source_add(&lb->sources, "test.json", str_of(config));
    (void)source_add(&lb->sources, "(modules)", str_of(path));
    problems_init(&problems);
    generation_build(&lb->g, &lb->sources, &lb->modules, &problems, lb->blame, &request);
    lb->w = must_calloc(sizeof(*lb->w));
    if (problems.count == 0 && worker_init(lb->w, &lb->g.settings, lb->blame) == 0) {
        lb->w->generation = &lb->g;
        lb->w->go_on = phase_go_on;
        lb->w->open_log = open_log;
        lb->g.worker = lb->w;
        rc = generation_open(&lb->g);
    }
    if (problems.count > 0) {
        struct buffer b;

        buffer_init(&b, LOG_BYTES);
        problems_print(&problems, &b);
        (void)fprintf(stderr, "%.*s", STR_ARGS(buffer_str(&b)));
        buffer_finish(&b);
    }
    lb->g.problems = NULL;
    problems_finish(&problems);
    return rc;
}

void loopback_add_module(struct modules *ms, const struct mpx_module *d)
{
    struct module *m = arena_zero(&ms->arena, sizeof(*m));

    m->d = *d;
    m->name = d->name;
    m->file = "(built in)";
    m->index = ms->count;
    ms->room = ms->count + 1;
    ms->loaded = must_realloc(ms->loaded, ms->room * sizeof(struct module *));
    ms->loaded[ms->count++] = m;
}

struct loopback *loopback_create(const char *config)
{
    static const struct mpx_module *const none[] = { NULL };

    return loopback_create_with(config, none);
}

struct loopback *loopback_create_with(const char *config, const struct mpx_module *const *built_in)
{
    return loopback_create_confined(config, built_in, "");
}

struct loopback *loopback_create_confined(const char *config,
                                          const struct mpx_module *const *built_in,
                                          const char *quarantine)
{
    struct loopback *lb = must_calloc(sizeof(*lb));
    const struct log_target target = { .level = MPX_DEBUG, .write = keep_log, .arg = lb };

    buffer_init(&lb->log, LOG_BYTES);
    buffer_init(&lb->complaints, LOG_BYTES);
    (void)buffer_add_char(&lb->log, '\0');
    lb->log.n = lb->complaints.n = 0;
    sources_init(&lb->sources);
    modules_init(&lb->modules);
    for (; *built_in != NULL; built_in++)
        loopback_add_module(&lb->modules, *built_in);
    lb->blame = blame_create();
    log_set_targets(&target, 1);
    if (load(lb, config, quarantine) == 0) {
        lb->listener = listener_create(lb->w, &lb->g.settings.listeners[0], &http1_protocol, -1);
        return lb;
    }
    loopback_destroy(lb);
    return NULL;
}

void loopback_destroy(struct loopback *lb)
{
    struct link *l;

    if (lb->listener != NULL)
        listener_destroy(lb->listener);
    for (int i = 0; i < 500 && lb->g.uses > 0; i++)
        loopback_run(lb, 10);
    MUST(lb->g.uses == 0);
    while ((l = list_first(&lb->g.watches)) != NULL)
        wait_end_watch(CONTAINER_OF(l, struct mpx_watch, link));
    generation_finish(&lb->g);
    if (lb->w->loop != NULL)
        worker_finish(lb->w);
    free(lb->w);
    modules_finish(&lb->modules);
    sources_finish(&lb->sources);
    blame_destroy(lb->blame);
    log_set_targets(NULL, 0);
    buffer_finish(&lb->log);
    buffer_finish(&lb->complaints);
    free(lb);
}

struct worker *loopback_worker(struct loopback *lb)
{
    return lb->w;
}

struct listener *loopback_listener(struct loopback *lb)
{
    return lb->listener;
}

static const char *text_of(const struct buffer *lines)
{
    struct buffer *b = (struct buffer *)(uintptr_t)lines;

    (void)buffer_add_char(b, '\0');
    b->n--;
    return b->p;
}

const char *loopback_log(const struct loopback *lb)
{
    return text_of(&lb->log);
}

const char *loopback_complaints(const struct loopback *lb)
{
    return text_of(&lb->complaints);
}

void loopback_forget_log(struct loopback *lb)
{
    lb->log.n = lb->complaints.n = 0;
}

void loopback_turn(struct loopback *lb)
{
    worker_update_clock(lb->w);
    for (int i = 0; i < 16; i++)
        loop_turn(lb->w->loop, false);
}

void loopback_run(struct loopback *lb, int64_t ms)
{
    int64_t end = clock_ms() + ms;

    do {
        loopback_turn(lb);
        if (clock_ms() < end)
            usleep(500);
    } while (clock_ms() < end);
}

void loopback_sweep(struct loopback *lb, int64_t ms)
{
    lb->w->now_ms += ms;
    listener_sweep(lb->listener);
}

/* ---- a request without a connection: a carrier of its own */

static void add_fields(struct loopback_req *q)
{
    const struct res *res = &q->r->res;
    struct buffer b;

    buffer_init(&b, LOG_BYTES);
    for (size_t i = 0; i < res->count; i++)
        (void)buffer_printf(&b, "%.*s: %.*s\n", STR_ARGS(res->fields[i].key),
                            STR_ARGS(res->fields[i].value));
    (void)buffer_add_char(&b, '\0');
    free(q->fields);
    q->fields = b.p;
}

static void on_start(struct mpx_req *r)
{
    struct loopback_req *q = r->carrier_data;

    q->started = true;
    q->status = r->res.status;
    add_fields(q);
}

static void take_file(struct loopback_req *q, const struct piece *p)
{
    char part[65536];
    off_t off = p->off;

    for (size_t left = p->n; left > 0;) {
        ssize_t n = pread(p->owner.file->fd, part, left < sizeof(part) ? left : sizeof(part), off);

        MUST(n > 0);
        (void)buffer_add(&q->answer, (struct mpx_str){ part, (size_t)n });
        off += n;
        left -= (size_t)n;
    }
}

static void take(struct loopback_req *q)
{
    struct mpx_req *r = q->r;

    while (r->res.started && r->res.queue.first != NULL) {
        const struct piece *p = r->res.queue.first;

        if (p->kind == PIECE_FILE)
            take_file(q, p);
        else
            (void)buffer_add(&q->answer, (struct mpx_str){ p->p, p->n });
        (void)res_took(r, p->n);
    }
}

/* As a connection would: bytes that are gone when the module has waited once. */
bool loopback_give_part(struct loopback_req *q)
{
    struct mpx_req *r = q->r;
    size_t most = q->step != 0 && q->step < WORKER_INPUT ? q->step : WORKER_INPUT;
    struct mpx_str part = str_head(str_from(q->body, q->body_at), most);

    if (!body_is_wanted(r))
        return false;
    char *bytes = must_alloc(part.n);
    memcpy(bytes, part.p, part.n);
    q->body_at += part.n;
    q->giving = true;
    int status = body_take(r, (struct mpx_str){ bytes, part.n });
    r->body.complete = status == 0 && q->body_at == q->body.n;
    if (status == 0) {
        body_go_on(r);
    } else {
        r->keep_alive = false;
        phase_break(r, status);
    }
    q->giving = false;
    free(bytes);
    return true;
}

static void on_more(struct mpx_req *r)
{
    struct loopback_req *q = r->carrier_data;

    if (!q->holds_body && !q->giving)
        while (loopback_give_part(q))
            ;

    if (!q->holds_answer)
        do
            take(q);
        while (phase_refill(r, &(size_t){ FILTER_PER_TURN }));
    q->broken = r->res.broken;
    if (r->res.waiting < RES_DRAINED)
        wait_ready(r, WAIT_DRAIN);
    q->done = r->finished && !r->res.filtering && (r->res.queue.first == NULL || q->broken);
    (void)buffer_add_char(&q->answer, '\0'); /* for string functions; not part of it */
    q->answer.n--;
}

static void on_want_body(struct mpx_req *r)
{
    struct loopback_req *q = r->carrier_data;

    q->asked = true;
}

static const struct carrier loopback_carrier = {
    .start = on_start,
    .more = on_more,
    .want_body = on_want_body,
};

void loopback_give_body(struct loopback_req *q)
{
    q->holds_body = false;
    on_more(q->r);
}

void loopback_take_answer(struct loopback_req *q)
{
    q->holds_answer = false;
    on_more(q->r);
}

void loopback_send(struct loopback *lb, struct loopback_req *q, const char *head, const char *body)
{
    const struct listener_limits *limits = &lb->g.settings.listeners[0].limits;
    const struct guard_limits bounds = { .bytes = 65536, .uri = 8192, .fields = 100 };
    struct parser parser;
    struct guard guard;
    bool close;
    size_t used;

    q->lb = lb;
    q->body = str_of(body);
    buffer_init(&q->answer, ANSWER_BYTES);
    worker_update_clock(lb->w);
    q->r = req_create(lb->w, &loopback_carrier, q);
    struct mpx_str text = arena_copy(&q->r->arena, str_of(head));
    guard_start(&guard);
    MUST(guard_scan(&guard, &bounds, text.p, text.n, &used) == GUARD_COMPLETE);
    q->r->res.waiting_max = (size_t)limits->response_buffer;
    int status = head_read(q->r, &parser, text, &guard, limits, &close);
    q->r->body.complete = body == NULL;
    if (status != 0 && close)
        phase_refuse(q->r, status);
    else if (status != 0)
        phase_decline(q->r, status);
    else
        phase_start(q->r);
}

bool loopback_wait(struct loopback_req *q)
{
    int64_t end = clock_ms() + 5000;

    while (!q->done && clock_ms() < end)
        loopback_run(q->lb, 1);
    return q->done;
}

bool loopback_has_field(const struct loopback_req *q, const char *field)
{
    const char *at = q->fields != NULL ? strstr(q->fields, field) : NULL;

    return at != NULL && at[strlen(field)] == '\n' && (at == q->fields || at[-1] == '\n');
}

void loopback_end(struct loopback_req *q)
{
    if (!q->done) {
        q->r->gone = true;
        wait_cancel(q->r);
        wait_end_watches(q->r);
    }
    phase_log(q->r);
    req_destroy(q->r);
    q->r = NULL;
    free(q->fields);
    q->fields = NULL;
    buffer_finish(&q->answer);
}
