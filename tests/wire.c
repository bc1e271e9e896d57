/* SPDX-License-Identifier: MIT */
#include "wire.h"

#include "listener.h"
#include "loopback.h"
#include "must.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum { WIRE_BYTES = 64 << 20 };

static struct wire *wire_of(const struct mpx_conn *c)
{
    return c->transport_data;
}

static ssize_t wire_peek(struct mpx_conn *c, void *to, size_t n)
{
    struct wire *w = wire_of(c);
    struct mpx_str rest = str_from(buffer_str(&w->in), w->in_at);

    if (w->gone) {
        errno = ECONNRESET;
        return -1;
    }
    if (rest.n == 0 && w->end_sent)
        return 0;
    if (rest.n == 0) {
        errno = EAGAIN;
        return -1;
    }
    rest = str_head(rest, n);
    memcpy(to, rest.p, rest.n);
    return (ssize_t)rest.n;
}

static ssize_t wire_recv(struct mpx_conn *c, void *to, size_t n)
{
    ssize_t got = wire_peek(c, to, n);

    wire_of(c)->in_at += got > 0 ? (size_t)got : 0;
    return got;
}

static ssize_t wire_put(struct wire *w, struct mpx_str bytes)
{
    if (w->gone) {
        errno = EPIPE;
        return -1;
    }
    bytes = str_head(bytes, w->room);
    if (bytes.n == 0) {
        errno = EAGAIN;
        return -1;
    }
    (void)buffer_add(&w->out, bytes);
    if (w->room != SIZE_MAX)
        w->room -= bytes.n;
    return (ssize_t)bytes.n;
}

static ssize_t wire_sendv(struct mpx_conn *c, const struct iovec *v, int count, bool more)
{
    ssize_t total = 0;

    (void)more;
    for (int i = 0; i < count; i++) {
        ssize_t n = wire_put(wire_of(c), (struct mpx_str){ v[i].iov_base, v[i].iov_len });

        if (n < 0)
            return total > 0 ? total : -1;
        total += n;
        if ((size_t)n < v[i].iov_len)
            break;
    }
    return total;
}

static ssize_t wire_sendfile(struct mpx_conn *c, int fd, off_t off, size_t n)
{
    char part[65536];
    ssize_t got = pread(fd, part, n < sizeof(part) ? n : sizeof(part), off);

    return got <= 0 ? got : wire_put(wire_of(c), (struct mpx_str){ part, (size_t)got });
}

static void wire_shutdown(struct mpx_conn *c)
{
    wire_of(c)->shut = true;
}

static bool wire_is_gone(struct mpx_conn *c)
{
    return wire_of(c)->gone;
}

static size_t wire_unsent(struct mpx_conn *c)
{
    return wire_of(c)->held;
}

static void wire_close(struct mpx_conn *c, bool reset)
{
    wire_of(c)->reset = reset;
    wire_of(c)->c = NULL;
}

static const struct transport transport_wire = {
    .recv = wire_recv,
    .peek = wire_peek,
    .sendv = wire_sendv,
    .sendfile = wire_sendfile,
    .shutdown = wire_shutdown,
    .is_gone = wire_is_gone,
    .unsent = wire_unsent,
    .close = wire_close,
};

struct wire *wire_open_from(struct loopback *lb, const char *peer)
{
    union address address = { .any.sa_family = AF_UNIX };
    struct wire *w = must_calloc(sizeof(*w));

    buffer_init(&w->in, WIRE_BYTES);
    buffer_init(&w->out, WIRE_BYTES);
    w->room = SIZE_MAX;
    worker_update_clock(loopback_worker(lb));
    MUST(peer == NULL || address_read(str_of(peer), &address));
    w->c = conn_create(loopback_listener(lb), &transport_wire, -1, &address);
    w->c->transport_data = w;
    listener_begin(w->c);
    return w;
}

static void wake(struct wire *w)
{
    if (w->c == NULL)
        return;
    worker_update_clock(w->c->w);
    w->c->woken = true;
    conn_drive(w->c);
}

void wire_write(struct wire *w, struct mpx_str bytes)
{
    (void)buffer_add(&w->in, bytes);
    if (w->c != NULL)
        w->c->readable = true;
    wake(w);
}

void wire_write_end(struct wire *w)
{
    w->end_sent = true;
    if (w->c != NULL)
        w->c->readable = w->c->peer_closed = true;
    wake(w);
}

void wire_allow(struct wire *w, size_t room)
{
    w->room = room;
    if (w->c != NULL)
        w->c->writable = true;
    wake(w);
}

void wire_break(struct wire *w)
{
    w->gone = true;
    if (w->c != NULL)
        w->c->readable = w->c->writable = true;
    wake(w);
}

void wire_free(struct wire *w)
{
    if (w->c != NULL)
        conn_close(w->c, true);
    buffer_finish(&w->in);
    buffer_finish(&w->out);
    free(w);
}
