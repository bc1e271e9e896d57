/* SPDX-License-Identifier: MIT */
#include "conn.h"

#include "log.h"
#include "must.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_MS = 100, LINGER_MS = 2000 };

static void on_accept(int fd, short what, void *arg);

static void listen_on(struct listener *l)
{
    l->paused =
        loop_watch(l->w->loop, &l->event, l->fd, LOOP_READ | LOOP_REPEAT, 0, on_accept, l) < 0;
}

static void on_pause_over(int fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)fd;
    (void)what;
    if (l->fd >= 0 && l->paused && l->count < (unsigned)l->settings->limits.connections)
        listen_on(l);
}

/* ms 0: until a connection is closed. */
static void pause_listening(struct listener *l, int64_t ms)
{
    loop_end(&l->event);
    l->paused = true;
    if (ms > 0) {
        loop_end(&l->pause);
        (void)loop_timer(l->w->loop, &l->pause, ms, 0, on_pause_over, l);
    }
}

struct listener *listener_create(struct worker *w, const struct listener_settings *s,
                                 const struct protocol *protocol, int fd)
{
    struct listener *l = must_calloc(sizeof(*l));

    l->w = w;
    l->settings = s;
    l->protocol = protocol;
    l->fd = fd;
    list_init(&l->conns);
    for (int i = 0; i < CONN_TIMERS; i++)
        list_init(&l->timed[i]);
    if (fd >= 0)
        listen_on(l);
    return l;
}

void listener_stop(struct listener *l)
{
    loop_end(&l->event);
    loop_end(&l->pause);
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
}

void listener_destroy(struct listener *l)
{
    struct link *k;

    listener_stop(l);
    while ((k = list_first(&l->conns)) != NULL)
        conn_close(CONTAINER_OF(k, struct mpx_conn, link), true);
    free(l);
}

void listener_close_idle(struct listener *l)
{
    struct link *next;

    for (struct link *k = list_first(&l->conns); k != NULL; k = next) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, link);

        next = list_next(&l->conns, k);
        if (c->session == NULL)
            conn_close(c, false);
    }
}

static int64_t duration(const struct listener *l, enum conn_timer timer)
{
    const struct listener_timeouts *t = &l->settings->timeouts;

    switch (timer) {
    case CONN_HEADER:
        return t->header;
    case CONN_BODY:
        return t->body;
    case CONN_KEEPALIVE:
        return t->keepalive;
    case CONN_SEND:
        return t->send;
    case CONN_LINGER:
    case CONN_NO_TIMER:
        break;
    }
    return LINGER_MS;
}

void conn_set_timer(struct mpx_conn *c, enum conn_timer timer)
{
    struct listener *l = c->listener;

    list_remove(&c->timed);
    c->timer = timer;
    if (timer == CONN_NO_TIMER)
        return;
    c->deadline_ms = c->w->now_ms + duration(l, timer);
    list_push(&l->timed[timer], &c->timed);
}

static void end_slots(struct mpx_conn *c)
{
    const struct modules *ms = c->w->generation->modules;

    for (unsigned i = 0; i < c->slot_count; i++) {
        const struct module *m = ms->loaded[i];

        if (c->slots[i] == NULL)
            continue;
        blame_set(c->w->blame, m->index, BLAME_END);
        if (m->d.conn_end != NULL)
            m->d.conn_end(c, c->slots[i]);
        blame_clear(c->w->blame);
        free(c->slots[i]);
    }
    free(c->slots);
}

static void conn_free(struct mpx_conn *c)
{
    struct listener *l = c->listener;

    l->protocol->finish(c);
    end_slots(c);
    loop_end(&c->event);
    list_remove(&c->timed);
    list_remove(&c->link);
    c->transport->close(c, c->reset);
    l->count--;
    c->w->conn_count--;
    if (c->w->stopping && c->w->conn_count == 0)
        loop_stop(c->w->loop);
    free(c);
    if (l->paused && l->fd >= 0 && !loop_is_waiting(&l->pause))
        on_pause_over(-1, 0, l);
}

void conn_close(struct mpx_conn *c, bool reset)
{
    if (c->dead)
        return;
    c->dead = true;
    c->reset = reset;
    if (!c->driving)
        conn_free(c);
}

void conn_drive(struct mpx_conn *c)
{
    if (c->driving)
        return;
    c->driving = true;
    if (!c->dead)
        c->listener->protocol->drive(c);
    c->driving = false;
    if (c->dead)
        conn_free(c);
}

/* A time-out has run out: the protocol is told, then goes on. */
static void time_out(struct mpx_conn *c, enum conn_timer timer)
{
    c->driving = true;
    c->listener->protocol->timeout(c, timer);
    c->driving = false;
    conn_drive(c);
}

void listener_sweep(struct listener *l)
{
    int64_t now = l->w->now_ms;

    for (int i = 0; i < CONN_TIMERS; i++) {
        struct link *k;

        while ((k = list_first(&l->timed[i])) != NULL) {
            struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, timed);

            if (c->deadline_ms > now)
                break;
            conn_set_timer(c, CONN_NO_TIMER);
            time_out(c, (enum conn_timer)i);
        }
    }
}

static void on_ready(int fd, short what, void *arg)
{
    struct mpx_conn *c = arg;

    (void)fd;
    worker_update_clock(c->w);
    c->woken = true;
    c->readable = c->readable || (what & (LOOP_READ | LOOP_CLOSED)) != 0;
    c->writable = c->writable || (what & LOOP_WRITE) != 0;
    c->peer_closed = c->peer_closed || (what & LOOP_CLOSED) != 0;
    conn_drive(c);
}

struct mpx_conn *conn_create(struct listener *l, const struct transport *t, int fd)
{
    struct mpx_conn *c = must_calloc(sizeof(*c));

    c->w = l->w;
    c->listener = l;
    c->settings = l->settings;
    c->transport = t;
    c->fd = fd;
    c->writable = true;
    list_push(&l->conns, &c->link);
    l->count++;
    c->w->conn_count++;
    conn_set_timer(c, CONN_HEADER);
    if (fd >= 0 && loop_watch(l->w->loop, &c->event, fd,
                              LOOP_READ | LOOP_WRITE | LOOP_CLOSED | LOOP_EDGE | LOOP_REPEAT, 0,
                              on_ready, c) < 0) {
        conn_close(c, true);
        return NULL;
    }
    return c;
}

/* The descriptors are used up, or the kernel's memory: whoever waits is not lost, but must wait. */
static void cannot_accept(struct listener *l)
{
    if (errno == EAGAIN || errno == EINTR || errno == ECONNABORTED)
        return;
    if (l->w->now_ms - l->warned_ms >= 10000 || l->warned_ms == 0) {
        l->warned_ms = l->w->now_ms;
        log_warn("cannot accept a connection: %s (%u are open); trying again every %d ms",
                 strerror(errno), l->w->conn_count, PAUSE_MS);
    }
    pause_listening(l, PAUSE_MS);
}

static void on_accept(int fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)what;
    worker_update_clock(l->w);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        union {
            struct sockaddr any;
            struct sockaddr_in6 in6;
        } peer;
        socklen_t len = sizeof(peer);

        if (l->count >= (unsigned)l->settings->limits.connections) {
            pause_listening(l, 0);
            return;
        }
        int client = accept4(fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (client < 0) {
            cannot_accept(l);
            return;
        }
        struct mpx_conn *c = conn_create(l, &transport_socket, client);
        if (c != NULL) {
            c->peer_len = len < sizeof(c->peer) ? len : sizeof(c->peer);
            memcpy(&c->peer, &peer, c->peer_len);
        }
    }
}
