/* SPDX-License-Identifier: MIT
   Bytes in and out of a plain socket. */
#include "conn.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

static ssize_t socket_recv(struct mpx_conn *c, void *to, size_t n)
{
    ssize_t got;

    do
        got = recv(c->fd, to, n, 0);
    while (got < 0 && errno == EINTR);
    return got;
}

static ssize_t socket_peek(struct mpx_conn *c, void *to, size_t n)
{
    ssize_t got;

    do
        got = recv(c->fd, to, n, MSG_PEEK);
    while (got < 0 && errno == EINTR);
    return got;
}

static ssize_t socket_sendv(struct mpx_conn *c, const struct iovec *v, int count, bool more_follows)
{
    struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)count };
    int flags = MSG_NOSIGNAL | (more_follows ? MSG_MORE : 0);
    ssize_t sent;

    do
        sent = sendmsg(c->fd, &m, flags);
    while (sent < 0 && errno == EINTR);
    return sent;
}

static ssize_t socket_sendfile(struct mpx_conn *c, int fd, off_t off, size_t n)
{
    ssize_t sent;

    do
        sent = sendfile(c->fd, fd, &off, n);
    while (sent < 0 && errno == EINTR);
    return sent;
}

static void socket_shutdown(struct mpx_conn *c)
{
    (void)shutdown(c->fd, SHUT_WR);
}

static bool socket_is_gone(struct mpx_conn *c)
{
    struct pollfd p = { .fd = c->fd };

    return poll(&p, 1, 0) > 0 && (p.revents & (POLLERR | POLLHUP)) != 0;
}

static size_t socket_unsent(struct mpx_conn *c)
{
    int bytes = 0;

    return ioctl(c->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (size_t)bytes : 0;
}

static void socket_close(struct mpx_conn *c, bool reset)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    if (reset)
        (void)setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    close(c->fd);
}

const struct transport transport_socket = {
    .recv = socket_recv,
    .peek = socket_peek,
    .sendv = socket_sendv,
    .sendfile = socket_sendfile,
    .shutdown = socket_shutdown,
    .is_gone = socket_is_gone,
    .unsent = socket_unsent,
    .close = socket_close,
};
