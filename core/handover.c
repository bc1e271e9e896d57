/* SPDX-License-Identifier: MIT */
#include "handover.h"

#include "listener.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { WAIT_MS = 200, TAKES_PER_TURN = 64 };

/* What is said of a connection. Workers of two versions speak it: it does not change. */
struct given {
    uint32_t listener; /* the number of its socket */
    uint32_t requests;
};

int handover_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends);
}

static bool has_slots(const struct mpx_conn *c)
{
    for (unsigned i = 0; i < c->slot_count; i++)
        if (c->slots[i] != NULL)
            return true;
    return false;
}

static bool can_be_given(const struct mpx_conn *c)
{
    return c->session == NULL && c->protocol == c->listener->protocol && c->fd >= 0 &&
           c->transport == &transport_socket && !c->driving && !c->dead && !c->refused &&
           !c->peer_closed && !c->listener->leaving && !c->settings->proxy_protocol &&
           c->told == NULL && !has_slots(c);
}

static int send_one(int end, const struct mpx_conn *c)
{
    struct given given = { .listener = c->listener->id, .requests = c->requests };
    struct iovec v = { &given, sizeof(given) };
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    struct pollfd p = { .fd = end, .events = POLLOUT };
    struct cmsghdr *h;

    memset(&control, 0, sizeof(control));
    h = CMSG_FIRSTHDR(&m);
    h->cmsg_level = SOL_SOCKET;
    h->cmsg_type = SCM_RIGHTS;
    h->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(h), &c->fd, sizeof(int));
    while (sendmsg(end, &m, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
        if (errno != EINTR && (errno != EAGAIN || poll(&p, 1, WAIT_MS) <= 0))
            return -1;
    return 0;
}

/* False when the taker takes no more. */
static bool give_all(struct listener *l, int end)
{
    struct link *next;

    for (struct link *k = list_first(&l->conns); k != NULL; k = next) {
        struct mpx_conn *c = CONTAINER_OF(k, struct mpx_conn, link);

        next = list_next(&l->conns, k);
        if (!can_be_given(c))
            continue;
        if (send_one(end, c) < 0)
            return false;
        conn_close(c, false); /* our descriptor: the other one has the connection */
    }
    return true;
}

void handover_give(struct worker *w, int end)
{
    bool more = true;

    for (struct link *k = list_first(&w->listeners); more && k != NULL;
         k = list_next(&w->listeners, k))
        more = give_all(CONTAINER_OF(k, struct listener, link), end);
    close(end);
}

static struct listener *find(struct worker *w, uint32_t id)
{
    for (struct link *k = list_first(&w->listeners); k != NULL; k = list_next(&w->listeners, k)) {
        struct listener *l = CONTAINER_OF(k, struct listener, link);

        if (l->id == id && !l->leaving)
            return l;
    }
    return NULL;
}

/* As if it had been accepted here, but that it may have had answers before. */
static void begin(struct worker *w, const struct given *given, int fd)
{
    struct listener *l = find(w, given->listener);
    union address peer;
    socklen_t len = sizeof(peer);

    memset(&peer, 0, sizeof(peer));
    if (l == NULL || l->settings->proxy_protocol ||
        l->count >= (unsigned)l->settings->limits.connections ||
        getpeername(fd, &peer.any, &len) < 0) {
        close(fd);
        return;
    }
    address_unmap(&peer);
    struct mpx_conn *c = conn_create(l, &transport_socket, fd, &peer);
    if (c == NULL || !listener_admit(c))
        return;
    c->requests = given->requests;
    if (c->requests > 0)
        conn_set_timer(c, CONN_KEEPALIVE);
}

/* 1: one was taken; 0: there is none now; -1: there will be none. */
static int take_one(struct handover *h)
{
    struct given given;
    struct iovec v = { &given, sizeof(given) };
    union {
        struct cmsghdr align;
        char room[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr m = {
        .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
    };
    ssize_t n = recvmsg(h->end, &m, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    int fd = -1;

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -1;
    const struct cmsghdr *head = n > 0 ? CMSG_FIRSTHDR(&m) : NULL;
    if (head != NULL && head->cmsg_type == SCM_RIGHTS && head->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    if (fd >= 0 && n == (ssize_t)sizeof(given))
        begin(h->w, &given, fd);
    else if (fd >= 0)
        close(fd);
    return n > 0 ? 1 : -1;
}

static void on_given(int fd, short what, void *arg)
{
    struct handover *h = arg;
    int rc = 1;

    (void)fd;
    (void)what;
    worker_update_clock(h->w);
    for (int i = 0; i < TAKES_PER_TURN && rc == 1; i++)
        rc = take_one(h);
    if (rc < 0)
        handover_finish(h);
}

void handover_take(struct handover *h, struct worker *w, int end)
{
    handover_finish(h);
    h->w = w;
    h->end = end;
    if (loop_watch(w->loop, &h->event, end, LOOP_READ | LOOP_REPEAT, 0, on_given, h) < 0)
        handover_finish(h);
}

void handover_finish(struct handover *h)
{
    if (h->w == NULL)
        return;
    loop_end(&h->event);
    close(h->end);
    h->w = NULL;
}
