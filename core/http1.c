/* SPDX-License-Identifier: MIT */
#include "http1.h"

#include "must.h"
#include "phase.h"
#include "str.h"
#include "wait.h"

#include <stdlib.h>

enum { ROUNDS_PER_TURN = 4 }; /* of reading and sending, then others have a turn */

static struct http1 *session(struct mpx_conn *c)
{
    struct http1 *h = c->session;

    if (h != NULL)
        return h;
    if (c->w->spares != NULL) {
        h = CONTAINER_OF(c->w->spares, struct http1, spare);
        c->w->spares = c->w->spares->next;
    } else {
        h = must_alloc(sizeof(*h));
    }
    *h = (struct http1){ .c = c };
    c->session = h;
    return h;
}

/* Nothing is under way: an idle connection owns no buffer, no arena, no parser. */
static void session_end(struct http1 *h)
{
    struct worker *w = h->c->w;

    loop_end(&h->again);
    free(h->stash);
    h->c->session = NULL;
    h->spare.next = w->spares;
    w->spares = &h->spare;
}

static void on_again(int fd, short what, void *arg)
{
    struct http1 *h = arg;

    (void)fd;
    (void)what;
    worker_update_clock(h->c->w);
    conn_drive(h->c);
}

void http1_drive_again(struct http1 *h)
{
    if (loop_is_waiting(&h->again))
        return;
    loop_end(&h->again);
    (void)loop_timer(h->c->w->loop, &h->again, 0, 0, on_again, h);
}

void http1_deliver(struct http1 *h, struct mpx_req *r)
{
    phase_log(r);
    if (r == h->cur) /* the rest of its message is still to be read */
        h->delivered = true;
    else
        req_destroy(r);
}

/* The client has closed its half: most often all of the connection, which looks the same until
   something is sent. */
static bool has_closed_its_half(struct http1 *h)
{
    char byte;

    return h->stash_n == 0 && h->c->transport->peek(h->c, &byte, 1) == 0;
}

/* A request that holds its connection with nothing to read or write would not notice a client
   that is gone. A program does not run for one who has but closed its half. */
static bool has_left(struct http1 *h)
{
    struct mpx_conn *c = h->c;

    if (h->cur == NULL || !h->cur->suspended || http1_wants_input(h))
        return false;
    return c->transport->is_gone(c) || (h->cur->run != NULL && has_closed_its_half(h));
}

static void close_gently(struct http1 *h)
{
    struct mpx_conn *c = h->c;
    bool has_unread = c->readable || h->stash_n > 0;

    if (!(h->linger || has_unread) || h->read_end) {
        conn_close(c, false);
        return;
    }
    if (!h->lingering) {
        h->lingering = true;
        c->transport->shutdown(c);
        conn_set_timer(c, CONN_LINGER);
        if (has_unread) /* no event tells of it again */
            http1_drive_again(h);
    }
}

/* Empty lines are no request that could be late (RFC 9112 2.2). */
static bool is_between_requests(const struct http1 *h)
{
    return h->cur == NULL || (h->reading == HTTP1_HEAD && h->guard.seen == h->guard.line_start);
}

static enum conn_timer timer_for(struct http1 *h)
{
    if (h->lingering)
        return CONN_LINGER;
    if (http1_has_output(h))
        return h->load == NULL ? CONN_SEND : CONN_NO_TIMER;
    if (h->first != NULL && h->first->finished && h->first->res.filtering)
        return CONN_NO_TIMER; /* we have to do something first */
    if (is_between_requests(h))
        return h->c->requests == 0 ? CONN_HEADER : CONN_KEEPALIVE;
    if (h->reading == HTTP1_HEAD)
        return CONN_HEADER;
    if (h->reading == HTTP1_BODY && http1_wants_input(h))
        return CONN_BODY;
    return CONN_NO_TIMER;
}

/* What the client is waited for under this time-out, or NULL. */
static struct http1_rate *rate_of(struct http1 *h, enum conn_timer timer)
{
    if (h->c->settings->min_rate == 0)
        return NULL;
    return timer == CONN_BODY ? &h->in : timer == CONN_SEND ? &h->out : NULL;
}

/* The wait up to now counts for what was waited for. */
static void count_wait(struct http1 *h)
{
    struct http1_rate *rate = rate_of(h, h->c->timer);
    int64_t now = h->c->w->now_ms;

    if (rate != NULL)
        rate->waited_ms += now - h->since_ms;
    h->since_ms = now;
}

static void begin_timer(struct http1 *h, enum conn_timer timer)
{
    struct http1_rate *rate = rate_of(h, timer);

    count_wait(h);
    conn_set_timer(h->c, timer);
    if (timer == CONN_SEND)
        h->unsent = h->c->transport->unsent(h->c);
    if (rate == NULL || rate->running)
        return;
    *rate = (struct http1_rate){ .running = true };
    pace_start(&rate->pace);
    if (timer == CONN_SEND)
        h->held = h->unsent;
}

/* Of an answer the bytes count that the client has taken, not those that lie in the socket. */
static bool measure(struct mpx_conn *c, enum conn_timer timer)
{
    struct http1 *h = c->session;
    struct http1_rate *rate = rate_of(h, timer);

    count_wait(h);
    if (timer == CONN_SEND) {
        size_t held = c->transport->unsent(c);

        rate->bytes += h->held;
        rate->bytes -= held < rate->bytes ? held : rate->bytes;
        h->held = held;
    }
    bool is_fast = pace_note(&rate->pace, c->settings->min_rate, rate->waited_ms, rate->bytes);
    rate->waited_ms = 0;
    rate->bytes = 0;
    if (!is_fast && timer == CONN_BODY)
        http1_body_fails(h, 408);
    else if (!is_fast)
        conn_close(c, true);
    return is_fast;
}

/* A header's time is that of the whole; others begin anew with each byte that goes their way. */
static void update_timer(struct http1 *h)
{
    enum conn_timer timer = timer_for(h);
    bool moved = (timer == CONN_BODY && h->received) || (timer == CONN_SEND && h->sent);

    if (timer != h->c->timer || moved)
        begin_timer(h, timer);
    h->received = h->sent = false;
}

/* Nothing more can be done now: what does the connection wait for? */
static void settle(struct http1 *h)
{
    struct mpx_conn *c = h->c;

    http1_advance(h);
    if (h->cur == NULL && h->first == NULL) {
        if (h->read_end || conn_is_ending(c))
            h->closing = true;
        if (h->closing) {
            close_gently(h);
            return;
        }
        if (h->stash_n == 0 && !c->readable) {
            session_end(h);
            conn_set_timer(c, c->requests == 0 ? CONN_HEADER : CONN_KEEPALIVE);
            return;
        }
    }
    if (h->cur != NULL && h->cur->res.waiting < RES_DRAINED)
        wait_ready(h->cur, WAIT_DRAIN);
    update_timer(h);
}

/* Whether there is something to go on with: bytes that came, and room for what they ask. */
static bool can_go_on(struct http1 *h)
{
    return http1_wants_input(h) && (h->stash_n > 0 || h->c->readable);
}

/* Whether a client sees by itself when the first answer is not whole. If so, no reset tells it:
   that would take back what waits in the socket, answers before it too. */
static bool is_delimited(const struct http1 *h)
{
    const struct mpx_req *r = h->first;

    return r != NULL && (r->is_head || r->res.no_body || r->res.chunked || r->res.length >= 0);
}

/* A client that left before has its event behind it. */
static bool begins_program(struct http1 *h)
{
    bool begins = h->cur != NULL && h->cur->run_is_new;

    if (begins)
        h->cur->run_is_new = false;
    return begins;
}

static void drive(struct mpx_conn *c)
{
    struct http1 *h = session(c);
    unsigned rounds = 0;
    bool woken = c->woken || begins_program(h);

    c->woken = false;
    if (woken && has_left(h)) {
        conn_close(c, true);
        return;
    }
    do {
        http1_read(h);
        if (c->dead)
            return;
        if (!http1_flush(h)) {
            conn_close(c, !is_delimited(h));
            return;
        }
    } while (can_go_on(h) && ++rounds < ROUNDS_PER_TURN);
    if (can_go_on(h))
        http1_drive_again(h);
    /* a reset that came together with the request has no event of its own */
    if (woken && has_left(h))
        conn_close(c, true);
    else
        settle(h);
}

/* The socket took nothing more, but the client may still be taking what is in it. */
static bool is_taking(struct http1 *h)
{
    size_t before = h->unsent;

    if (h->c->transport->unsent(h->c) >= before)
        return false;
    begin_timer(h, CONN_SEND);
    return true;
}

static void timeout(struct mpx_conn *c, enum conn_timer timer)
{
    struct http1 *h = c->session;
    bool in_head = h != NULL && !is_between_requests(h) && h->reading == HTTP1_HEAD;
    bool in_body = h != NULL && h->cur != NULL && h->reading == HTTP1_BODY;

    if (timer == CONN_HEADER && in_head) {
        http1_refuse(h, 408);
    } else if (timer == CONN_BODY && in_body) {
        http1_body_fails(h, 408);
    } else if (timer != CONN_SEND || h == NULL || !is_taking(h)) {
        conn_close(c, timer == CONN_SEND);
    }
}

static void finish(struct mpx_conn *c)
{
    struct http1 *h = c->session;
    struct mpx_req *next;

    if (h == NULL)
        return;
    http1_cancel_load(h);
    if (h->cur != NULL && (h->reading == HTTP1_HEAD || h->delivered))
        req_destroy(h->cur);
    for (struct mpx_req *r = h->first; r != NULL; r = next) {
        next = r->next;
        r->gone = true;
        if (!r->res.seen)
            r->res.status = 499; /* the client closed the request */
        wait_cancel(r);
        wait_end_watches(r);
        phase_log(r);
        r->conn = NULL;
        req_destroy(r);
    }
    session_end(h);
}

const struct protocol http1_protocol = {
    .drive = drive,
    .timeout = timeout,
    .measure = measure,
    .finish = finish,
};
