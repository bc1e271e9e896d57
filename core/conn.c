/* SPDX-License-Identifier: MIT */
#include "conn.h"

#include "listener.h"
#include "must.h"

#include <stdlib.h>

enum { LINGER_MS = 2000 };

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

int64_t conn_timer_began(const struct mpx_conn *c)
{
    return c->deadline_ms - duration(c->listener, c->timer);
}

void conn_settle_all(struct listener *l, const struct listener_settings *s)
{
    struct link *k;

    for (int i = 0; i < CONN_TIMERS; i++)
        for (k = list_first(&l->timed[i]); k != NULL; k = list_next(&l->timed[i], k)) {
            struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, timed);

            c->deadline_ms = conn_timer_began(c);
        }
    l->settings = s;
    for (k = list_first(&l->conns); k != NULL; k = list_next(&l->conns, k)) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, link);

        c->settings = s;
        if (c->timer != CONN_NO_TIMER)
            c->deadline_ms += duration(l, c->timer);
    }
}

static void end_slot(struct mpx_conn *c, const struct module *m)
{
    void *slot = c->slots[m->index];

    if (slot == NULL)
        return;
    c->slots[m->index] = NULL;
    blame_set(c->w->blame, m->index, BLAME_END, 0);
    if (m->d.conn_end != NULL)
        m->d.conn_end(c, slot);
    blame_clear(c->w->blame);
    free(slot);
}

static void end_slots(struct mpx_conn *c)
{
    for (unsigned i = 0; i < c->slot_count; i++)
        end_slot(c, c->w->generation->modules->loaded[i]);
    free(c->slots);
}

void conn_end_slots_of(struct listener *l, const struct module *m)
{
    for (struct link *k = list_first(&l->conns); k != NULL; k = list_next(&l->conns, k)) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, link);

        if (m->index < c->slot_count)
            end_slot(c, m);
    }
}

static void tell(const struct mpx_conn *c, const char *what)
{
    char peer[ADDRESS_TEXT];

    if (log_wants(MPX_DEBUG))
        log_debug("connection %d from %s: %s", c->fd, address_write(&c->peer, peer), what);
}

static void conn_free(struct mpx_conn *c)
{
    struct listener *l = c->listener;

    tell(c, c->reset ? "cut" : "closed");
    c->protocol->finish(c);
    end_slots(c);
    loop_end(&c->event);
    list_remove(&c->timed);
    list_remove(&c->link);
    c->transport->close(c, c->reset);
    crowd_leave(&l->crowd, c->counted);
    free(c->told);
    free(c->known);
    if (c->refused)
        l->refused--;
    else
        l->count--;
    c->w->conn_count--;
    if (c->w->stopping && c->w->conn_count == 0)
        loop_stop(c->w->loop);
    free(c);
    listener_resume(l);
}

/* What few ask for. */
struct conn_known {
    uint64_t id;
    union address local;
};

static struct conn_known *know(struct mpx_conn *c)
{
    struct conn_known *k = c->known;
    socklen_t len = sizeof(k->local);

    if (k != NULL)
        return k;
    k = c->known = must_calloc(sizeof(*k));
    k->id = c->w->next_id++;
    if (c->fd < 0 || getsockname(c->fd, &k->local.any, &len) < 0)
        k->local.any.sa_family = AF_UNSPEC;
    address_unmap(&k->local);
    return k;
}

const union address *conn_local(struct mpx_conn *c)
{
    return &know(c)->local;
}

uint64_t conn_id(struct mpx_conn *c)
{
    return know(c)->id;
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
        c->protocol->drive(c);
    c->driving = false;
    if (c->dead)
        conn_free(c);
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

struct mpx_conn *conn_create(struct listener *l, const struct transport *t, int fd,
                             const union address *peer)
{
    struct mpx_conn *c = must_calloc(sizeof(*c));

    c->w = l->w;
    c->listener = l;
    c->settings = l->settings;
    c->protocol = l->protocol;
    c->transport = t;
    c->fd = fd;
    c->peer = *peer;
    c->writable = true;
    list_push(&l->conns, &c->link);
    l->count++;
    c->w->conn_count++;
    tell(c, "opened");
    conn_set_timer(c, CONN_HEADER);
    if (fd >= 0 && loop_watch(l->w->loop, &c->event, fd,
                              LOOP_READ | LOOP_WRITE | LOOP_CLOSED | LOOP_EDGE | LOOP_REPEAT, 0,
                              on_ready, c) < 0) {
        conn_close(c, true);
        return NULL;
    }
    return c;
}
