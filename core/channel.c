/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

int channel_pair(int ends[2])
{
    return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends);
}

static int send_all(int end, struct mpx_str s)
{
    while (s.n > 0) {
        ssize_t n = send(end, s.p, s.n, MSG_NOSIGNAL);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return -1;
        s = str_from(s, (size_t)n);
    }
    return 0;
}

int channel_send_head(int end, char what, size_t text_bytes, const int *fds, size_t fd_count,
                      int flags)
{
    struct channel_head h = { .what = what };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec v = { &h, sizeof(h) };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };
    ssize_t n;

    errno = EMSGSIZE;
    if (fd_count > CHANNEL_FDS_MAX || text_bytes > CHANNEL_BYTES_MAX)
        return -1;
    h.text_bytes = (uint32_t)text_bytes;
    h.fd_count = (uint32_t)fd_count;
    if (fd_count > 0) {
        memset(&control, 0, sizeof(control));
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        memcpy(CMSG_DATA(c), fds, fd_count * sizeof(int));
    }
    do
        n = sendmsg(end, &m, MSG_NOSIGNAL | flags);
    while (n < 0 && errno == EINTR);
    return n == (ssize_t)sizeof(h) ? 0 : -1;
}

int channel_send(int end, char what, struct mpx_str text, const int *fds, size_t fd_count)
{
    if (channel_send_head(end, what, text.n, fds, fd_count, 0) < 0)
        return -1;
    return send_all(end, text);
}

static int receive_all(int end, char *p, size_t n)
{
    while (n > 0) {
        ssize_t got = recv(end, p, n, 0);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return -1;
        p += got;
        n -= (size_t)got;
    }
    return 0;
}

static void take_fds(struct channel_message *m, struct msghdr *h)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c != NULL; c = CMSG_NXTHDR(h, c)) {
        size_t n = c->cmsg_len > CMSG_LEN(0) ? (c->cmsg_len - CMSG_LEN(0)) / sizeof(int) : 0;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t i = 0; i < n && m->fd_count < CHANNEL_FDS_MAX; i++)
            memcpy(&m->fds[m->fd_count++], CMSG_DATA(c) + i * sizeof(int), sizeof(int));
    }
}

int channel_receive(int end, struct channel_message *m)
{
    struct channel_head h;
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec v = { &h, sizeof(h) };
    struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control };
    char piece[16384];
    ssize_t n;

    msg.msg_controllen = sizeof(control);
    m->fd_count = 0;
    buffer_init(&m->text, CHANNEL_BYTES_MAX);
    do
        n = recvmsg(end, &msg, MSG_CMSG_CLOEXEC | MSG_WAITALL);
    while (n < 0 && errno == EINTR);
    if (n <= 0)
        return n == 0 || errno == ECONNRESET ? 0 : -1;
    take_fds(m, &msg);
    if (n != (ssize_t)sizeof(h) || m->fd_count != h.fd_count || h.text_bytes > CHANNEL_BYTES_MAX) {
        errno = EPROTO;
        return -1;
    }
    m->what = h.what;
    for (size_t left = h.text_bytes; left > 0;) {
        size_t want = left < sizeof(piece) ? left : sizeof(piece);

        if (receive_all(end, piece, want) < 0)
            return 0;
        (void)buffer_add(&m->text, (struct mpx_str){ piece, want });
        left -= want;
    }
    return 1;
}

ssize_t channel_receive_some(int end, void *to, size_t n, struct channel_message *m)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(CHANNEL_FDS_MAX * sizeof(int))];
    } control;
    struct iovec v = { to, n };
    struct msghdr msg = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = &control };
    ssize_t got;

    do {
        msg.msg_controllen = sizeof(control);
        got = recvmsg(end, &msg, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    } while (got < 0 && errno == EINTR);
    if (got > 0) {
        take_fds(m, &msg);
        return got;
    }
    if (got < 0 && errno == EAGAIN)
        return 0;
    errno = got == 0 || errno == ECONNRESET ? 0 : errno;
    return -1;
}

void channel_close_fds(struct channel_message *m)
{
    for (size_t i = 0; i < m->fd_count; i++)
        if (m->fds[i] >= 0)
            close(m->fds[i]);
    m->fd_count = 0;
}

void channel_finish(struct channel_message *m)
{
    channel_close_fds(m);
    buffer_finish(&m->text);
}
