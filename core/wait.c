/* SPDX-License-Identifier: MIT */
#include "wait.h"

#include "must.h"

#include <poll.h>
#include <stdlib.h>

struct mpx_ticket {
    struct mpx_req *r; /* NULL: the request is gone, or does not wait for this any more */
};

/* Runs what is ready; what becomes ready meanwhile has its turn later, so that two requests that
   wake each other hold up nobody. */
static void on_go_on(int fd, short what, void *arg)
{
    struct worker *w = arg;
    struct link *k;

    (void)fd;
    (void)what;
    turn_begin(&w->turn);
    w->going_on = true;
    while ((k = list_pop(&w->ready)) != NULL)
        w->go_on(CONTAINER_OF(k, struct mpx_req, ready));
    w->going_on = false;
}

static void on_next_turn(int fd, short what, void *arg)
{
    struct worker *w = arg;
    struct link *k;

    worker_update_clock(w);
    while ((k = list_pop(&w->deferred)) != NULL)
        list_push(&w->ready, k);
    on_go_on(fd, what, w);
}

void wait_later(struct mpx_req *r)
{
    struct worker *w = r->w;

    if (link_is_in_list(&r->ready))
        return;
    if (w->going_on) {
        wait_next_turn(r);
        return;
    }
    list_push(&w->ready, &r->ready);
    MUST(loop_soon(w->loop, &w->ready_event, on_go_on, w) == 0);
}

void wait_next_turn(struct mpx_req *r)
{
    struct worker *w = r->w;

    list_remove(&r->ready);
    list_push(&w->deferred, &r->ready);
    if (!loop_is_waiting(&w->deferred_event)) {
        loop_end(&w->deferred_event);
        MUST(loop_timer(w->loop, &w->deferred_event, 0, 0, on_next_turn, w) == 0);
    }
}

struct wait *wait_begin(struct mpx_req *r, enum wait_kind kind, mpx_resume_fn fn, void *state)
{
    if (r->wait.kind != WAIT_NONE) {
        req_log(r, MPX_ERROR,
                "began to wait twice: one wait at a time, return what the first gave");
        return NULL;
    }
    if (!r->running || r->phase >= MPX_PH_RESPONSE || r->res.ended) {
        req_log(r, MPX_ERROR,
                "cannot wait here: only ROUTE, ACCESS and CONTENT hooks suspend, "
                "before the response has ended");
        return NULL;
    }
    r->wait = (struct wait){ .kind = kind, .fn = fn, .state = state };
    return &r->wait;
}

static void finish(struct mpx_req *r)
{
    r->wait.ready = true;
    if (!r->running)
        wait_later(r);
}

void wait_ready(struct mpx_req *r, enum wait_kind kind)
{
    if (kind == WAIT_DRAIN)
        wait_program_drained(r);
    if (r->wait.kind == kind && !r->wait.ready)
        finish(r);
}

void wait_go_on(struct mpx_req *r, enum wait_kind kind)
{
    if (r->wait.kind != kind || r->wait.ready)
        return;
    r->wait.ready = true;
    r->w->go_on(r);
}

/* Whoever holds the ticket finds that it is no use any more. */
static void drop_ticket(struct wait *wait)
{
    if (wait->ticket != NULL)
        wait->ticket->r = NULL;
    wait->ticket = NULL;
}

static void on_event(int fd, short what, void *arg)
{
    struct mpx_req *r = arg;

    (void)fd;
    if (r->wait.ready) /* this turn brought both */
        return;
    worker_update_clock(r->w);
    drop_ticket(&r->wait);
    r->wait.expired = (what & LOOP_TIMEOUT) != 0 && r->wait.kind != WAIT_SLEEP;
    finish(r);
}

static short to_loop(short events)
{
    return (short)(((events & POLLIN) != 0 ? LOOP_READ : 0) |
                   ((events & POLLOUT) != 0 ? LOOP_WRITE : 0));
}

static short from_loop(short what)
{
    return (short)(((what & LOOP_READ) != 0 ? POLLIN : 0) |
                   ((what & LOOP_WRITE) != 0 ? POLLOUT : 0));
}

/* Starts the event of the wait just begun. */
static enum mpx_rc start_event(struct mpx_req *r, int fd, short events, int64_t ms)
{
    struct wait *wait = &r->wait;
    int rc;

    if (r->wait_event == NULL) /* one for all waits of a request, however many there are */
        r->wait_event = arena_zero(&r->arena, sizeof(*r->wait_event));
    wait->event = r->wait_event;
    if (fd >= 0)
        rc = loop_watch(r->w->loop, wait->event, fd, to_loop(events), ms, on_event, r);
    else
        rc = loop_timer(r->w->loop, wait->event, ms, 0, on_event, r);
    if (rc == 0)
        return MPX_WAIT;
    wait_cancel(r);
    return MPX_FAIL;
}

enum mpx_rc wait_sleep(struct mpx_req *r, int64_t ms, mpx_resume_fn fn, void *state)
{
    if (wait_begin(r, WAIT_SLEEP, fn, state) == NULL)
        return MPX_FAIL;
    return start_event(r, -1, 0, ms > 0 ? ms : 0);
}

enum mpx_rc wait_fd(struct mpx_req *r, int fd, short events, int64_t ms, mpx_resume_fn fn,
                    void *state)
{
    if (wait_begin(r, WAIT_FD, fn, state) == NULL)
        return MPX_FAIL;
    if (fd < 0 || to_loop(events) == 0) {
        req_log(r, MPX_ERROR, "mpx_wait_fd needs a descriptor and POLLIN or POLLOUT");
        wait_cancel(r);
        return MPX_FAIL;
    }
    return start_event(r, fd, events, ms);
}

enum mpx_rc wait_drain(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    if (wait_begin(r, WAIT_DRAIN, fn, state) == NULL)
        return MPX_FAIL;
    if (r->res.waiting < RES_DRAINED)
        finish(r);
    else
        r->res.drains = true; /* nothing drains before the header is out */
    return MPX_WAIT;
}

enum mpx_rc wait_ticket(struct mpx_req *r, struct mpx_ticket **out, int64_t ms, mpx_resume_fn fn,
                        void *state)
{
    struct wait *wait = wait_begin(r, WAIT_TICKET, fn, state);

    *out = NULL;
    if (wait == NULL)
        return MPX_FAIL;
    *out = must_calloc(sizeof(**out));
    (*out)->r = r;
    wait->ticket = *out;
    return ms > 0 ? start_event(r, -1, 0, ms) : MPX_WAIT;
}

bool wait_wake(struct mpx_ticket *t)
{
    struct mpx_req *r = t != NULL ? t->r : NULL;

    free(t);
    if (r == NULL)
        return false;
    r->wait.ticket = NULL;
    if (r->wait.event != NULL)
        loop_end(r->wait.event);
    finish(r);
    return true;
}

void wait_cancel(struct mpx_req *r)
{
    struct wait *wait = &r->wait;

    if (wait->event != NULL)
        loop_end(wait->event);
    drop_ticket(wait);
    if (wait->job != NULL)
        wait_cancel_job(r);
    if (wait->name != NULL)
        wait_cancel_name(r);
    *wait = (struct wait){ .kind = WAIT_NONE };
}

static void on_watch(int fd, short what, void *arg)
{
    struct mpx_watch *k = arg;

    worker_update_clock(k->w);
    if (k->r != NULL) {
        k->fired = true;
        wait_later(k->r);
        return;
    }
    const struct mpx_conf *conf = k->conf;
    struct blame *blame = k->w->blame;
    blame_set(blame, conf->module->index, BLAME_WATCH, conf->host);
    k->fn(fd, from_loop(what), k->arg);
    blame_clear(blame);
}

void wait_want(struct mpx_watch *k, short events)
{
    loop_end(&k->event);
    k->fired = k->fired && to_loop(events) != 0;
    if (to_loop(events) != 0)
        (void)loop_watch(k->w->loop, &k->event, k->fd, (short)(to_loop(events) | LOOP_REPEAT), 0,
                         on_watch, k);
}

static struct mpx_watch *watch_create(struct worker *w, int fd, short events)
{
    struct mpx_watch *k = must_calloc(sizeof(*k));

    k->w = w;
    k->fd = fd;
    if (events != 0 && loop_watch(w->loop, &k->event, fd, (short)(to_loop(events) | LOOP_REPEAT), 0,
                                  on_watch, k) < 0) {
        free(k);
        return NULL;
    }
    return k;
}

static void watch_for(struct mpx_watch *k, struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    k->r = r;
    k->resume = fn;
    k->arg = state;
    list_push(&r->watches, &k->link);
}

struct mpx_watch *wait_bell(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    struct mpx_watch *k = watch_create(r->w, -1, 0);

    if (k != NULL)
        watch_for(k, r, fn, state);
    return k;
}

void wait_ring(struct mpx_watch *k)
{
    if (k == NULL)
        return;
    k->fired = true;
    wait_later(k->r);
}

struct mpx_watch *wait_watch(struct mpx_req *r, int fd, short events, mpx_resume_fn fn, void *state)
{
    if (!r->running || r->phase >= MPX_PH_RESPONSE || r->res.ended || fd < 0) {
        req_log(r, MPX_ERROR, "mpx_req_watch needs a descriptor, in a hook that may suspend");
        return NULL;
    }
    struct mpx_watch *k = watch_create(r->w, fd, events);
    if (k == NULL)
        return NULL;
    watch_for(k, r, fn, state);
    return k;
}

struct mpx_watch *wait_watch_own(struct worker *w, const struct mpx_conf *conf, int fd,
                                 short events, void (*fn)(int fd, short events, void *arg),
                                 void *arg, struct list *owner)
{
    struct mpx_watch *k = watch_create(w, fd, events);

    if (k != NULL) {
        k->conf = conf;
        k->fn = fn;
        k->arg = arg;
        list_push(owner, &k->link);
    }
    return k;
}

void wait_end_watch(struct mpx_watch *k)
{
    loop_end(&k->event);
    list_remove(&k->link);
    free(k);
}

void wait_end_conf_watches(struct generation *g)
{
    struct link *l;

    while ((l = list_first(&g->watches)) != NULL)
        wait_end_watch(CONTAINER_OF(l, struct mpx_watch, link));
}

void wait_end_watches(struct mpx_req *r)
{
    struct link *l;

    wait_end_program(r);
    while ((l = list_first(&r->watches)) != NULL)
        wait_end_watch(CONTAINER_OF(l, struct mpx_watch, link));
}
