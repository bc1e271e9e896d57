/* SPDX-License-Identifier: MIT */
#include "listener.h"

#include "greeting.h"
#include "log.h"
#include "must.h"
#include "overload.h"
#include "refuse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

enum { ACCEPTS_PER_TURN = 64, PAUSE_MS = 100, WARN_MS = 10000 };

static void on_accept(int fd, short what, void *arg);

static bool is_full(const struct listener *l)
{
    return l->count >= (unsigned)l->settings->limits.connections;
}

static void listen_on(struct listener *l)
{
    l->paused =
        loop_watch(l->w->loop, &l->event, l->fd, LOOP_READ | LOOP_REPEAT, 0, on_accept, l) < 0;
}

void listener_resume(struct listener *l)
{
    if (l->fd < 0 || !l->paused || is_full(l))
        return;
    loop_end(&l->pause);
    listen_on(l);
}

static void on_pause_over(int fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)fd;
    (void)what;
    overload_take_reserve(l->w);
    listener_resume(l);
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
    if (getrandom(&l->crowd.seed, sizeof(l->crowd.seed), 0) < 0)
        l->crowd.seed = w->next_id;
    list_init(&l->conns);
    for (int i = 0; i < CONN_TIMERS; i++)
        list_init(&l->timed[i]);
    list_push(&w->listeners, &l->link);
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

void listener_settle(struct listener *l, const struct listener_settings *s)
{
    conn_settle_all(l, s);
    listener_resume(l);
}

void listener_leave(struct listener *l, struct generation *g)
{
    listener_stop(l);
    l->leaving = true;
    l->holds = g;
    g->uses++;
}

bool listener_is_over(const struct listener *l)
{
    return l->leaving && list_is_empty(&l->conns);
}

void listener_destroy(struct listener *l)
{
    struct link *k;

    listener_stop(l);
    while ((k = list_first(&l->conns)) != NULL)
        conn_close(CONTAINER_OF(k, struct mpx_conn, link), true);
    list_remove(&l->link);
    if (l->holds != NULL)
        l->holds->uses--;
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

static void sweep_timed_out(struct listener *l, enum conn_timer timer)
{
    struct link *k;

    while ((k = list_first(&l->timed[timer])) != NULL) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, timed);

        if (c->deadline_ms > l->w->now_ms)
            break;
        conn_set_timer(c, CONN_NO_TIMER);
        c->driving = true;
        c->protocol->timeout(c, timer);
        c->driving = false;
        conn_drive(c);
    }
}

static void sweep_slow(struct listener *l, enum conn_timer timer)
{
    struct link *next;

    for (struct link *k = list_first(&l->timed[timer]); k != NULL; k = next) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, timed);

        next = list_next(&l->timed[timer], k);
        c->driving = true;
        bool is_fast = c->protocol->measure(c, timer);
        c->driving = false;
        if (!is_fast)
            conn_drive(c);
    }
}

void listener_sweep(struct listener *l)
{
    if (l->settings->min_rate > 0) {
        sweep_slow(l, CONN_BODY);
        sweep_slow(l, CONN_SEND);
    }
    for (int i = 0; i < CONN_TIMERS; i++)
        sweep_timed_out(l, (enum conn_timer)i);
}

/* Who has too many connections, now and then. */
static void warn_of_crowd(struct listener *l, const union address *client)
{
    char text[ADDRESS_TEXT];

    if (l->warned_ms != 0 && l->w->now_ms - l->warned_ms < WARN_MS)
        return;
    l->warned_ms = l->w->now_ms;
    log_warn("%s has %lld connections, as many as limits.per_address allows: more are answered 503",
             address_write(client, text), (long long)l->settings->limits.per_address);
}

/* Who has no address cannot be counted by it; who is trusted speaks for many. */
static bool is_counted(const struct mpx_conn *c, const union address *client)
{
    return (client->any.sa_family == AF_INET || client->any.sa_family == AF_INET6) &&
           !cidr_table_has(&c->settings->trusted, client);
}

bool listener_admit(struct mpx_conn *c)
{
    const union address *client = c->told != NULL ? c->told : &c->peer;
    int64_t most = c->settings->limits.per_address;

    if (most == 0 || !is_counted(c, client))
        return true;
    c->counted = crowd_enter(&c->listener->crowd, client, (unsigned)most);
    if (c->counted != NULL)
        return true;
    warn_of_crowd(c->listener, client);
    refuse_conn(c);
    return false;
}

void listener_begin(struct mpx_conn *c)
{
    if (c->settings->proxy_protocol)
        greeting_start(c);
    else
        (void)listener_admit(c);
}

/* Whether to try again at once. Who waits is not lost, but must wait: descriptors are used up, or
   the kernel's memory. */
static bool cannot_accept(struct listener *l, int error)
{
    if (error == EAGAIN || error == EINTR || error == ECONNABORTED)
        return false;
    if (error != EMFILE && error != ENFILE) {
        overload_warn(l->w, error);
    } else if (!overload_is_awaited(l)) {
        return false;
    } else if (overload_make_room(l->w)) {
        overload_warn(l->w, error);
        return true;
    } else {
        overload_refuse_one(l);
        overload_warn(l->w, error);
    }
    pause_listening(l, PAUSE_MS);
    return false;
}

/* A unix socket does not inherit it from the one that listens. */
static void set_send_buffer(const struct listener *l, int fd)
{
    int bytes = (int)l->settings->sndbuf;

    if (settings_has_no_address(l->settings) && bytes > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
}

/* False when nobody waits, or nobody can be taken. */
static bool accept_one(struct listener *l)
{
    union address peer;
    socklen_t len = sizeof(peer);

    if (is_full(l)) {
        pause_listening(l, 0);
        return false;
    }
    memset(&peer, 0, sizeof(peer));
    int fd = accept4(l->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return cannot_accept(l, errno);
    address_unmap(&peer);
    if (!overload_has_room(l->w, fd)) {
        overload_refuse(l, fd, &peer);
        pause_listening(l, PAUSE_MS);
        return false;
    }
    set_send_buffer(l, fd);
    struct mpx_conn *c = conn_create(l, &transport_socket, fd, &peer);
    if (c != NULL)
        listener_begin(c);
    return true;
}

static void on_accept(int fd, short what, void *arg)
{
    struct listener *l = arg;

    (void)fd;
    (void)what;
    worker_update_clock(l->w);
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l); i++)
        ;
}
