/* SPDX-License-Identifier: MIT */
#include "reign.h"

#include "http1.h"
#include "listener.h"
#include "log.h"

#include <unistd.h>

void reign_init(struct reign *r, struct worker *w)
{
    *r = (struct reign){ .w = w };
    list_init(&r->before);
}

/* Takes the descriptor. */
static void listen_on(struct reign *r, struct endpoint *e)
{
    const struct listener_settings *s = &r->now->g.settings.listeners[e->listener];
    struct listener *l = listener_create(r->w, s, &http1_protocol, e->fd);

    l->id = e->id;
    e->fd = -1;
}

/* It is what new requests use, and where the log goes. */
static void put_in_force(struct reign *r, struct edition *e)
{
    r->now = e;
    r->w->generation = &e->g;
    e->g.problems = NULL;
    logging_use(&e->logs);
    turn_set_warn(&r->w->turn, e->g.settings.watchdog.warn);
}

void reign_begin(struct reign *r, struct edition *first, struct endpoints *e)
{
    put_in_force(r, first);
    for (size_t i = 0; i < e->count; i++)
        listen_on(r, &e->list[i]);
}

static void close_sockets(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].fd >= 0)
            close(e->list[i].fd);
    e->count = 0;
}

void reign_prepare(struct reign *r, struct edition *e, struct endpoints *sockets,
                   void (*done)(struct edition *e, void *arg), void *arg)
{
    reign_abandon(r);
    r->next = e;
    r->next_stands = false;
    r->sockets = *sockets;
    sockets->count = 0;
    edition_prepare(e, done, arg);
}

static struct endpoint *socket_of(struct endpoints *e, const struct listener *l)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].id == l->id)
            return &e->list[i];
    return NULL;
}

/* Listeners go on with the new settings, or leave with the old ones. */
static void pass_listeners(struct reign *r, struct edition *old)
{
    struct worker *w = r->w;

    for (struct link *k = list_first(&w->listeners); k != NULL; k = list_next(&w->listeners, k)) {
        struct listener *l = CONTAINER_OF(k, struct listener, link);
        struct endpoint *same = l->leaving ? NULL : socket_of(&r->sockets, l);

        if (same != NULL) {
            listener_settle(l, &r->now->g.settings.listeners[same->listener]);
            close(same->fd); /* another one of the same socket */
            same->fd = -1;
        } else if (!l->leaving) {
            listener_leave(l, &old->g);
        }
    }
}

void reign_commit(struct reign *r)
{
    struct edition *old = r->now;

    put_in_force(r, r->next);
    r->next = NULL;
    r->next_stands = false;
    modules_warn_of_changed(r->now->modules);
    pass_listeners(r, old);
    for (size_t i = 0; i < r->sockets.count; i++)
        if (r->sockets.list[i].fd >= 0)
            listen_on(r, &r->sockets.list[i]);
    r->sockets.count = 0;
    list_push(&r->before, &old->link);
    reign_tick(r);
}

void reign_abandon(struct reign *r)
{
    if (r->next == NULL)
        return;
    close_sockets(&r->sockets);
    edition_give_up(r->next);
    list_push(&r->before, &r->next->link);
    r->next = NULL;
    r->next_stands = false;
    reign_tick(r);
}

static void end_listeners(struct worker *w)
{
    struct link *next;

    for (struct link *k = list_first(&w->listeners); k != NULL; k = next) {
        struct listener *l = CONTAINER_OF(k, struct listener, link);

        next = list_next(&w->listeners, k);
        if (listener_is_over(l))
            listener_destroy(l);
    }
}

/* Whether another configuration than this one has a module. */
static bool has_elsewhere(const struct reign *r, const struct edition *e, const struct module *m)
{
    bool has = generation_has(&r->now->g, m) || (r->next_stands && generation_has(&r->next->g, m));

    for (struct link *k = list_first(&r->before); k != NULL && !has; k = list_next(&r->before, k)) {
        const struct edition *other = CONTAINER_OF(k, struct edition, link);

        has = other != e && !other->is_closing && generation_has(&other->g, m);
    }
    return has;
}

/* Modules that go with this one: what they keep for connections goes before. */
static void end_slots(struct reign *r, const struct edition *e)
{
    const struct modules *ms = e->modules;

    for (unsigned i = 0; i < ms->count; i++) {
        const struct module *m = ms->loaded[i];

        if (m->d.conn_size == 0 || !generation_has(&e->g, m) || has_elsewhere(r, e, m))
            continue;
        for (struct link *k = list_first(&r->w->listeners); k != NULL;
             k = list_next(&r->w->listeners, k))
            conn_end_slots_of(CONTAINER_OF(k, struct listener, link), m);
    }
}

void reign_tick(struct reign *r)
{
    struct link *next;

    end_listeners(r->w);
    for (struct link *k = list_first(&r->before); k != NULL; k = next) {
        struct edition *e = CONTAINER_OF(k, struct edition, link);

        next = list_next(&r->before, k);
        if (e->is_closing || edition_uses(e) > 0)
            continue;
        if (e->g.opening != NULL)
            end_slots(r, e);
        edition_retire(e);
    }
}

unsigned reign_uses(const struct reign *r)
{
    unsigned uses = r->now != NULL ? r->now->g.uses : 0;

    uses += r->next != NULL ? edition_uses(r->next) : 0;
    for (struct link *k = list_first(&r->before); k != NULL; k = list_next(&r->before, k))
        uses += edition_uses(CONTAINER_OF(k, struct edition, link));
    return uses;
}

void reign_end(struct reign *r)
{
    struct link *k;

    if (r->next != NULL)
        edition_destroy(r->next);
    close_sockets(&r->sockets);
    while ((k = list_first(&r->before)) != NULL)
        edition_destroy(CONTAINER_OF(k, struct edition, link));
    if (r->now != NULL)
        edition_destroy(r->now);
    r->now = r->next = NULL;
}
