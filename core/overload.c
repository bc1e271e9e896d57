/* SPDX-License-Identifier: MIT */
#include "overload.h"

#include "log.h"
#include "refuse.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { WARN_MS = 10000, LOOKS = 32, OWN = 16, KEPT_MOST = 64, CLOSED_AT_ONCE = 8 };

void overload_take_reserve(struct worker *w)
{
    if (w->reserve < 0)
        w->reserve = eventfd(0, EFD_CLOEXEC);
}

bool overload_is_awaited(const struct listener *l)
{
    struct pollfd p = { .fd = l->fd, .events = POLLIN };

    return poll(&p, 1, 0) > 0;
}

/* No request is on its way, as far as we can know. */
static bool is_quiet(struct mpx_conn *c)
{
    char byte;

    if (c->session != NULL)
        return false;
    ssize_t n = c->transport->peek(c, &byte, 1);
    return n == 0 || (n < 0 && errno == EAGAIN);
}

/* The one of l that has been idle longest; those with a request under way are passed over, but not
   any number of them. */
static struct mpx_conn *first_idle(struct listener *l)
{
    const struct list *idle = &l->timed[CONN_KEEPALIVE];
    struct link *k = list_first(idle);

    for (int i = 0; i < LOOKS && k != NULL; i++, k = list_next(idle, k)) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, timed);

        if (is_quiet(c))
            return c;
    }
    return NULL;
}

bool overload_make_room(struct worker *w)
{
    struct mpx_conn *longest = NULL;

    for (struct link *k = list_first(&w->listeners); k != NULL; k = list_next(&w->listeners, k)) {
        struct mpx_conn *c = first_idle(CONTAINER_OF(k, struct listener, link));

        if (c != NULL && (longest == NULL || conn_timer_began(c) < conn_timer_began(longest)))
            longest = c;
    }
    if (longest == NULL)
        return false;
    conn_close(longest, false);
    w->overload.closed++;
    return true;
}

/* Those that we know of, or as many as the new number tells: the kernel gives the lowest one that
   is free. */
static unsigned count_used(const struct worker *w, int fd)
{
    unsigned known = w->conn_count + 1 + files_descriptors(w->files) + OWN;

    return known > (unsigned)fd ? known : (unsigned)fd + 1;
}

bool overload_has_room(struct worker *w, int fd)
{
    unsigned kept = w->descriptors / 8 < KEPT_MOST ? w->descriptors / 8 : KEPT_MOST;
    unsigned most = w->descriptors - kept, used = count_used(w, fd), closed = 0;

    if (used <= most)
        return true;
    while (closed < used - most && closed < CLOSED_AT_ONCE && overload_make_room(w))
        closed++;
    overload_warn(w, EMFILE);
    return closed > 0;
}

void overload_refuse(struct listener *l, int fd, const union address *peer)
{
    if (l->settings->proxy_protocol && !cidr_table_has(&l->settings->trusted, peer)) {
        close(fd);
        return;
    }
    refuse_descriptor(l->w, fd);
    l->w->overload.refused++;
}

void overload_refuse_one(struct listener *l)
{
    struct worker *w = l->w;
    union address peer;
    socklen_t len = sizeof(peer);

    if (w->reserve < 0)
        return;
    close(w->reserve);
    w->reserve = -1;
    memset(&peer, 0, sizeof(peer));
    int fd = accept4(l->fd, &peer.any, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    address_unmap(&peer);
    if (fd >= 0)
        overload_refuse(l, fd, &peer);
    overload_take_reserve(w);
}

void overload_warn(struct worker *w, int error)
{
    if (w->overload.warned_ms != 0 && w->now_ms - w->overload.warned_ms < WARN_MS)
        return;
    log_warn("cannot accept a connection: %s (%u are open); %u idle ones were closed, %u clients "
             "were answered 503: raise the limit of descriptors (ulimit -n, LimitNOFILE) or lower "
             "limits.connections",
             strerror(error), w->conn_count, w->overload.closed, w->overload.refused);
    w->overload.warned_ms = w->now_ms;
    w->overload.closed = w->overload.refused = 0;
}
