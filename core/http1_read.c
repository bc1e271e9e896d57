/* SPDX-License-Identifier: MIT
   The reading half of http1.h: from bytes to requests and their bodies, no more than is wanted. */
#include "head.h"
#include "http1.h"
#include "must.h"
#include "phase.h"
#include "str.h"
#include "wait.h"

#include <errno.h>
#include <stdlib.h>

enum {
    READS_PER_ROUND = 4, /* of WORKER_INPUT bytes */
    QUEUE_MAX = 32,      /* answers that may wait behind each other */
    HELD_MAX = RES_MARK, /* bytes that they may hold, then the client must take them first */
    HEAD_AT_FIRST = 2048 /* bytes of memory for a head that comes in pieces */
};

/* Bytes in memory, or in a file without a name, until the answer is sent: its own, and those of the
   request's body. */
static uint64_t held_by(const struct mpx_req *r)
{
    return r->res.waiting + (r->body.use == BODY_WHOLE ? r->body.received : 0);
}

/* cur's message is read, or will never be: the queue owns the request from here on. */
static void let_go(struct http1 *h)
{
    struct mpx_req *r = h->cur;

    h->cur = NULL;
    if (h->delivered)
        req_destroy(r);
    else
        h->queued_bytes += held_by(r);
    h->delivered = false;
}

void http1_stop_reading(struct http1 *h)
{
    let_go(h);
    h->closing = true;
    h->linger = true;
}

static void enqueue(struct http1 *h, struct mpx_req *r)
{
    if (h->last != NULL)
        h->last->next = r;
    else
        h->first = r;
    h->last = r;
    h->queued++;
    r->number = ++h->c->requests;
}

void http1_refuse(struct http1 *h, int status)
{
    struct mpx_req *r = h->cur;
    struct mpx_str seen = str_from((struct mpx_str){ h->head, h->head_n }, h->guard.line_start);

    r->is_head = str_starts(seen, MPX_STR("HEAD ")); /* its line may not have been read yet */
    r->keep_alive = false;
    r->head_bytes = h->head_n;
    enqueue(h, r);
    phase_refuse(r, status);
    http1_stop_reading(h);
}

static void next_request(struct http1 *h)
{
    struct mpx_req *r = req_create(h->c->w, &http1_carrier, h);

    r->conn = h->c;
    r->res.waiting_max = (size_t)h->c->settings->limits.response_buffer;
    h->cur = r;
    h->reading = HTTP1_HEAD;
    h->head = NULL;
    h->head_n = h->head_room = 0;
    h->drained = 0;
    h->line_checked = false;
    h->in.running = false;
    guard_start(&h->guard);
}

/* Appends to the head; the guard bounds it. */
static void keep_head(struct http1 *h, struct mpx_str s)
{
    if (h->head_n + s.n > h->head_room) {
        size_t room = h->head_room != 0 ? 2 * h->head_room : HEAD_AT_FIRST;

        while (room < h->head_n + s.n)
            room *= 2;
        char *bigger = arena_take(&h->cur->arena, room);
        if (h->head_n > 0)
            memcpy(bigger, h->head, h->head_n);
        h->head = bigger;
        h->head_room = room;
    }
    memcpy(h->head + h->head_n, s.p, s.n);
    h->head_n += s.n;
}

static void head_complete(struct http1 *h)
{
    struct mpx_req *r = h->cur;
    struct mpx_str head = { h->head, h->head_n };
    bool close;

    r->head_bytes = h->head_n;
    int status = head_read(r, &h->parser, head, &h->guard, &h->c->settings->limits, &close);

    if (status != 0 && close) {
        http1_refuse(h, status);
        return;
    }
    r->body.complete = h->parser.complete;
    h->reading = r->body.complete ? HTTP1_DONE : HTTP1_BODY;
    enqueue(h, r);
    if (status != 0)
        phase_decline(r, status);
    else
        phase_start(r);
}

/* The request line is whole but the head is not: what is wrong with it is told at once. */
static int check_line(struct http1 *h)
{
    const struct guard *g = &h->guard;
    struct mpx_str head = { h->head, h->head_n }, target;

    if (g->line_end == 0 || h->line_checked)
        return 0;
    h->line_checked = true;
    return head_line(h->cur, str_head(str_from(head, g->line_start), g->line_end - g->line_start),
                     &h->c->settings->limits, &target);
}

static void read_head(struct http1 *h, struct mpx_str in, size_t *used)
{
    const struct listener_limits *limits = &h->c->settings->limits;
    const struct guard_limits bounds = { .bytes = (size_t)limits->header_bytes,
                                         .uri = (size_t)limits->uri,
                                         .fields = (uint32_t)limits->headers };

    if (h->cur == NULL)
        next_request(h);
    *used = in.n;
    int rc = guard_scan(&h->guard, &bounds, in.p, in.n, used);
    keep_head(h, str_head(in, *used));
    if (rc == GUARD_COMPLETE) {
        head_complete(h);
        return;
    }
    if (rc == GUARD_MORE)
        rc = check_line(h);
    if (rc != 0) {
        struct mpx_str seen = str_from((struct mpx_str){ h->head, h->head_n }, h->guard.line_start);

        h->cur->line = str_head(seen, str_find(seen, '\r'));
        http1_refuse(h, rc);
    }
}

void http1_advance(struct http1 *h)
{
    const struct mpx_req *r = h->cur;

    if (r == NULL || !r->finished || h->reading == HTTP1_HEAD)
        return;
    if (h->reading == HTTP1_BODY) {
        if (!r->keep_alive)
            http1_stop_reading(h);
        return;
    }
    bool keep = r->keep_alive;
    let_go(h);
    h->closing = !keep;
}

bool http1_wants_input(struct http1 *h)
{
    http1_advance(h);
    if (h->closing)
        return h->lingering;
    if (h->cur == NULL)
        return h->queued < QUEUE_MAX && h->queued_bytes < HELD_MAX;
    if (h->reading == HTTP1_HEAD)
        return true;
    if (h->reading == HTTP1_BODY)
        return body_is_wanted(h->cur) || h->cur->finished;
    return false;
}

/* Reads what is there as far as it is wanted; says how much of it is behind us. */
static size_t consume(struct http1 *h, struct mpx_str in)
{
    size_t done = 0;

    while (done < in.n) {
        struct mpx_str rest = str_from(in, done);
        size_t used = 0;

        bool wanted = http1_wants_input(h);
        if (h->closing) { /* nothing behind the last request is answered */
            h->linger = true;
            return in.n;
        }
        if (!wanted)
            break;
        if (h->cur == NULL || h->reading == HTTP1_HEAD)
            read_head(h, rest, &used);
        else
            http1_read_body(h, rest, &used);
        done += used;
    }
    return done;
}

/* Bytes that must wait: on the heap, until they are wanted. */
static void stash(struct http1 *h, struct mpx_str rest)
{
    h->stash = must_alloc(rest.n);
    memcpy(h->stash, rest.p, rest.n);
    h->stash_n = rest.n;
    h->stash_at = 0;
}

static void read_stash(struct http1 *h)
{
    struct mpx_str in = { h->stash + h->stash_at, h->stash_n - h->stash_at };

    h->stash_at += consume(h, in);
    if (h->stash_at < h->stash_n)
        return;
    free(h->stash);
    h->stash = NULL;
    h->stash_n = h->stash_at = 0;
}

/* The client will send no more. Closing its half is not leaving: it may wait for answers. A head
   that is not whole was no request; a body that is not whole ends its own. */
static void read_end(struct http1 *h)
{
    h->read_end = true;
    h->c->readable = false;
    if (h->cur == NULL || h->reading == HTTP1_HEAD) {
        if (h->cur != NULL)
            req_destroy(h->cur);
        h->cur = NULL;
        h->closing = true;
    } else if (h->reading == HTTP1_BODY) {
        http1_body_fails(h, 400);
    }
}

static void read_socket(struct http1 *h)
{
    struct mpx_conn *c = h->c;
    struct worker *w = c->w;
    ssize_t n = c->transport->recv(c, w->input, sizeof(w->input));

    if (n == 0) {
        read_end(h);
        return;
    }
    if (n < 0) {
        c->readable = false;
        if (errno != EAGAIN)
            conn_close(c, true);
        return;
    }
    /* less than there was room for: an edge will tell of more, unless the end is there already */
    c->readable = (size_t)n == sizeof(w->input) || c->peer_closed;
    struct mpx_str in = { w->input, (size_t)n };
    struct mpx_str rest = str_from(in, consume(h, in));
    if (rest.n > 0)
        stash(h, rest);
}

void http1_read(struct http1 *h)
{
    unsigned reads = 0;

    while (!h->c->dead && http1_wants_input(h)) {
        if (h->stash_n > 0) {
            read_stash(h);
        } else if (!h->c->readable || ++reads > READS_PER_ROUND) {
            return;
        } else {
            read_socket(h);
        }
    }
}
