/* SPDX-License-Identifier: MIT */
#include "peer.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PIECE = 16384, OUT_MAX = CHANNEL_BYTES_MAX + 65536 };

void peer_open(struct peer *p, int end, size_t most)
{
    *p = (struct peer){ .end = end, .most = most };
    buffer_init(&p->in.text, most);
    buffer_init(&p->out, OUT_MAX);
}

void peer_close(struct peer *p)
{
    if (p->end < 0)
        return;
    close(p->end);
    p->end = -1;
    channel_finish(&p->in);
    buffer_finish(&p->out);
}

/* Up to n bytes; 0: not now. */
static ssize_t receive(const struct peer *p, void *bytes, size_t n)
{
    ssize_t got;

    do
        got = recv(p->end, bytes, n, MSG_DONTWAIT); /* a descriptor with it is lost: as it should */
    while (got < 0 && errno == EINTR);
    if (got > 0)
        return got;
    if (got < 0 && errno == EAGAIN)
        return 0;
    errno = got == 0 || errno == ECONNRESET ? 0 : errno;
    return -1;
}

/* The head, as far as it has come. */
static int take_head(struct peer *p)
{
    size_t left = sizeof(p->head) - p->head_got;
    char *to = (char *)&p->head + p->head_got;
    ssize_t got =
        p->takes_fds ? channel_receive_some(p->end, to, left, &p->in) : receive(p, to, left);

    if (got <= 0)
        return (int)got;
    p->head_got += (size_t)got;
    if (p->head_got < sizeof(p->head))
        return 0;
    p->in.what = p->head.what;
    p->in.text.n = 0;
    if (p->head.fd_count == p->in.fd_count && p->head.text_bytes <= p->most)
        return 1;
    errno = EPROTO;
    return -1;
}

int peer_take(struct peer *p)
{
    char piece[PIECE];

    if (p->head_got == sizeof(p->head) && p->in.text.n == p->head.text_bytes) {
        p->head_got = 0; /* the message before is done with */
        channel_close_fds(&p->in);
    }
    while (p->head_got < sizeof(p->head)) {
        size_t before = p->head_got;
        int rc = take_head(p);

        if (rc < 0 || (rc == 0 && p->head_got == before))
            return rc;
    }
    while (p->in.text.n < p->head.text_bytes) {
        size_t left = p->head.text_bytes - p->in.text.n;
        ssize_t got = receive(p, piece, left < PIECE ? left : PIECE);

        if (got <= 0)
            return (int)got;
        (void)buffer_add(&p->in.text, (struct mpx_str){ piece, (size_t)got });
    }
    return 1;
}

bool peer_has_more(const struct peer *p)
{
    return p->out.n > p->out_taken;
}

int peer_push(struct peer *p)
{
    while (peer_has_more(p)) {
        ssize_t n = send(p->end, p->out.p + p->out_taken, p->out.n - p->out_taken,
                         MSG_NOSIGNAL | MSG_DONTWAIT);

        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN ? 0 : -1;
        p->out_taken += (size_t)n;
    }
    p->out.n = p->out_taken = 0;
    return 0;
}

int peer_put(struct peer *p, char what, struct mpx_str text, const int *fds, size_t fd_count)
{
    const struct channel_head head = { .what = what, .text_bytes = (uint32_t)text.n };

    if (!peer_has_more(p) &&
        channel_send_head(p->end, what, text.n, fds, fd_count, MSG_DONTWAIT) == 0) {
        (void)buffer_add(&p->out, text);
    } else if (fd_count == 0 && text.n <= CHANNEL_BYTES_MAX) {
        (void)buffer_add(&p->out, (struct mpx_str){ (const char *)&head, sizeof(head) });
        (void)buffer_add(&p->out, text);
    } else {
        return -1;
    }
    if (!p->out.full)
        return peer_push(p);
    errno = EMSGSIZE;
    return -1;
}
