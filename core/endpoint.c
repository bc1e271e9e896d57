/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include "inherited.h"
#include "log.h"
#include "must.h"
#include "passed.h"
#include "str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *why(struct mpx_arena *a, const char *url, int error)
{
    struct mpx_str where = str_from(str_of(url), 7);

    where.n -= where.n > 0 ? 1 : 0; /* without the slash at its end */
    const char *cure = "";
    if (error == EADDRINUSE)
        cure = ": stop the process that has it, or choose another port";
    else if (error == EACCES)
        cure = ": ports below 1024 are for root; start as root, or choose another port";
    else if (error == EADDRNOTAVAIL)
        cure = ": this machine has no such address";
    return arena_printf(a, "cannot listen on %.*s: %s%s", STR_ARGS(where), strerror(error), cure).p;
}

/* A client that vanished while its answer is being made is found out: the kernel asks for it. */
static void keep_alive(int fd)
{
    static const int on = 1, idle_s = 30, interval_s = 10, probes = 3;

    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof(idle_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

/* Sockets that are accepted have these from the one that listens. */
static void prepare(int fd, const struct listener_settings *s)
{
    int one = 1, sndbuf = (int)s->sndbuf;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    keep_alive(fd);
    if (sndbuf > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

static int make_socket(const struct listener_settings *s, const struct endpoint *new)
{
    int fd = socket(new->address.any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int one = 1, v6only = new->v6only;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    prepare(fd, s);
    if (new->address.any.sa_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    return fd;
}

static socklen_t length_of(const union endpoint_address *address)
{
    return address->any.sa_family == AF_INET6 ? sizeof(address->in6) : sizeof(address->in);
}

enum sharing {
    ALONE,
    FIRST, /* others are to share the address: of this process, as bind(2) sees to */
    OTHER
};

/* The first one is bound as if it were alone: whoever else has the address is an error. */
static int open_socket(const struct listener_settings *s, const struct endpoint *new,
                       const union endpoint_address *at, enum sharing sharing)
{
    int fd = make_socket(s, new), one = 1, rc = fd < 0 ? -1 : 0;

    if (rc == 0 && sharing == OTHER)
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (rc == 0)
        rc = bind(fd, &at->any, length_of(at));
    if (rc == 0 && sharing == FIRST)
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    if (rc == 0)
        rc = listen(fd, (int)s->backlog);
    if (rc == 0 || fd < 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* One opening or change of endpoints. */
struct opening {
    struct mpx_arena *a;
    const struct settings *s;
    const struct endpoints *old;
    struct endpoints *e;
    const char **error;
};

/* The next free place, for a socket of that listener; NULL when there is none. */
static struct endpoint *next(struct opening *o, size_t listener)
{
    if (o->e->count == ENDPOINTS_MAX) {
        *o->error = "there are too many addresses to listen on";
        return NULL;
    }
    struct endpoint *new = &o->e->list[o->e->count];
    *new = (struct endpoint){ .fd = -1, .listener = listener };
    return new;
}

/* It is open; numbers for its sockets. */
static void count_in(struct opening *o, struct endpoint *new)
{
    new->id = o->e->next_id;
    o->e->next_id += 1 + (unsigned)new->others_count;
    o->e->count++;
}

static bool has(const struct endpoints *e, unsigned id)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].id == id)
            return true;
    return false;
}

static bool is_equal(const union endpoint_address *x, const union endpoint_address *y)
{
    return memcmp(x, y, length_of(y)) == 0;
}

/* The same socket as one that is wanted, and not taken by another yet. */
static bool is_same(const struct opening *o, const struct endpoint *old, const struct endpoint *new)
{
    if (has(o->e, old->id) || old->inherited != new->inherited ||
        (old->file.path != NULL) != (new->file.path != NULL))
        return false;
    if (new->inherited > 0)
        return true;
    if (new->file.path != NULL)
        return strcmp(old->file.path, new->file.path) == 0 && socket_file_is_there(&old->file);
    return old->v6only == new->v6only && old->address.any.sa_family == new->address.any.sa_family &&
           (is_equal(&old->address, &new->address) || is_equal(&old->bound, &new->address));
}

/* Whether it was there before; then new is it. */
static bool keep(struct opening *o, struct endpoint *new)
{
    for (size_t i = 0; o->old != NULL && i < o->old->count; i++) {
        const struct endpoint *old = &o->old->list[i];

        if (!is_same(o, old, new))
            continue;
        const struct endpoint wanted = *new;
        struct socket_file file = new->file;
        *new = *old;
        new->listener = wanted.listener;
        new->address = wanted.address;
        file.device = old->file.device;
        file.inode = old->file.inode;
        file.made = old->file.made;
        new->file = file;
        o->e->count++;
        return true;
    }
    return false;
}

static unsigned port_of(const struct endpoint *e)
{
    return e->bound.any.sa_family == AF_INET6 ? e->bound.in6.sin6_port : e->bound.in.sin_port;
}

/* An address that we have ourselves, as part of another or with other parts. */
static const char *own_place(const struct opening *o, const struct endpoint *new)
{
    for (size_t i = 0; o->old != NULL && i < o->old->count; i++) {
        const struct endpoint *old = &o->old->list[i];

        if (old->file.path == NULL && port_of(old) == port_of(new))
            return arena_printf(
                       o->a,
                       "cannot listen on %s beside %s, which is open: remove that listener "
                       "first and reload, or restart",
                       new->url, old->url)
                .p;
    }
    return NULL;
}

static int fail(struct opening *o, struct endpoint *new)
{
    int error = errno;
    const char *own = error == EADDRINUSE ? own_place(o, new) : NULL;

    *o->error = own != NULL ? own : why(o->a, new->url, error);
    if (new->fd >= 0)
        close(new->fd);
    for (size_t i = 0; i < new->others_count; i++)
        close(new->others[i]);
    free(new->others);
    return -1;
}

/* A socket for each further worker. */
static int open_others(struct opening *o, const struct listener_settings *l, struct endpoint *new)
{
    size_t wanted = o->s->workers > 1 ? (size_t)o->s->workers - 1 : 0;
    socklen_t len = sizeof(new->bound);

    if (getsockname(new->fd, &new->bound.any, &len) == 0)
        endpoint_url(new->url, &new->bound.any, len);
    if (wanted == 0)
        return 0;
    new->others = must_calloc(wanted * sizeof(*new->others));
    for (; new->others_count < wanted; new->others_count++) {
        int fd = open_socket(l, new, &new->bound, OTHER);

        if (fd < 0)
            return -1;
        new->others[new->others_count] = fd;
    }
    return 0;
}

static int add(struct opening *o, size_t listener, const struct addrinfo *ai)
{
    const struct listener_settings *l = &o->s->listeners[listener];
    struct endpoint *new = next(o, listener);

    if (new == NULL)
        return -1;
    new->v6only = l->v6only && ai->ai_family == AF_INET6;
    if (ai->ai_addrlen <= sizeof(new->address))
        memcpy(&new->address, ai->ai_addr, ai->ai_addrlen);
    new->bound = new->address;
    if (keep(o, new))
        return 0;
    endpoint_url(new->url, ai->ai_addr, ai->ai_addrlen);
    new->fd = open_socket(l, new, &new->address, o->s->workers > 1 ? FIRST : ALONE);
    if (new->fd < 0 || open_others(o, l, new) < 0)
        return fail(o, new);
    count_in(o, new);
    return 0;
}

static int add_unix(struct opening *o, size_t listener)
{
    const struct listener_settings *l = &o->s->listeners[listener];
    struct endpoint *new = next(o, listener);

    if (new == NULL)
        return -1;
    new->file = (struct socket_file){ .path = l->socket.p,
                                      .mode = l->mode_bits,
                                      .give = l->owner.n > 0,
                                      .uid = l->uid,
                                      .gid = l->gid,
                                      .backlog = (int)l->backlog };
    if (keep(o, new))
        return 0;
    snprintf(new->url, sizeof(new->url), "unix:%s", l->socket.p);
    new->fd = socket_file_open(&new->file, o->a, o->error);
    if (new->fd < 0)
        return -1;
    count_in(o, new);
    return 0;
}

/* Several workers share them. */
static int add_passed(struct opening *o, size_t listener)
{
    const struct listener_settings *l = &o->s->listeners[listener];
    int fd = 0;

    while ((fd = passed_next(o->a, l, fd, o->error)) > 0) {
        struct endpoint *new = next(o, listener);

        if (new == NULL)
            return -1;
        new->inherited = fd;
        if (keep(o, new))
            continue;
        new->fd = inherited_copy(fd);
        if (new->fd < 0) {
            *o->error = arena_printf(o->a, "cannot use descriptor %d: %s", fd, strerror(errno)).p;
            return -1;
        }
        prepare(new->fd, l);
        endpoint_url_of(new->url, new->fd);
        count_in(o, new);
    }
    return fd;
}

/* A name may have the same address twice, in a file of hosts for example. */
static bool is_repeated(const struct addrinfo *first, const struct addrinfo *ai)
{
    for (const struct addrinfo *k = first; k != ai; k = k->ai_next)
        if (k->ai_addrlen == ai->ai_addrlen && memcmp(k->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    return false;
}

static int add_host(struct opening *o, size_t listener, const char *host)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found;
    const char *port = arena_printf(o->a, "%lld", (long long)o->s->listeners[listener].port).p;
    int rc = getaddrinfo(host, port, &hints, &found);

    if (rc != 0) {
        *o->error = arena_printf(o->a, "cannot listen on \"%s\": %s", host, gai_strerror(rc)).p;
        return -1;
    }
    for (const struct addrinfo *ai = found; ai != NULL && rc == 0; ai = ai->ai_next)
        if (!is_repeated(found, ai))
            rc = add(o, listener, ai);
    freeaddrinfo(found);
    return rc;
}

static int add_listener(struct opening *o, size_t listener)
{
    const struct listener_settings *l = &o->s->listeners[listener];

    if (passed_is(l))
        return add_passed(o, listener);
    if (l->socket.n > 0)
        return add_unix(o, listener);
    if (!str_is(l->host, "*"))
        return add_host(o, listener, arena_copyz(o->a, l->host));
    if (l->v6only && add_host(o, listener, "0.0.0.0") < 0)
        return -1;
    return add_host(o, listener, "::");
}

int endpoints_change(struct mpx_arena *a, const struct settings *s, struct endpoints *old,
                     struct endpoints *e, const char **error)
{
    static const struct endpoints none;
    struct opening o = { .a = a, .s = s, .old = old, .e = e, .error = error };
    int rc = 0;

    e->count = 0;
    e->next_id = old != NULL ? old->next_id : 1;
    for (size_t i = 0; i < s->listener_count && rc == 0; i++) {
        errno = 0;
        rc = add_listener(&o, i);
    }
    if (old != NULL)
        old->next_id = e->next_id; /* also of those that are thrown away */
    int cause = errno;
    if (rc < 0)
        endpoints_part(e, old != NULL ? old : &none);
    errno = cause;
    return rc;
}

int endpoints_open(struct mpx_arena *a, const struct settings *s, struct endpoints *e,
                   const char **error)
{
    return endpoints_change(a, s, NULL, e, error);
}

void endpoints_each_gone(const struct endpoints *e, const struct endpoints *other,
                         void (*fn)(void *arg, const char *url), void *arg)
{
    for (size_t i = 0; i < e->count; i++)
        if (!has(other, e->list[i].id))
            fn(arg, e->list[i].url);
}

static void close_one(struct endpoint *e)
{
    if (e->fd >= 0)
        close(e->fd);
    for (size_t i = 0; i < e->others_count; i++)
        close(e->others[i]);
    free(e->others);
    *e = (struct endpoint){ .fd = -1 };
}

void endpoints_part(struct endpoints *e, const struct endpoints *kept)
{
    for (size_t i = 0; i < e->count; i++) {
        if (has(kept, e->list[i].id))
            continue;
        if (e->list[i].file.path != NULL)
            socket_file_remove(&e->list[i].file);
        close_one(&e->list[i]);
    }
    e->count = 0;
}

static void settle(int fd, const struct listener_settings *l)
{
    int sndbuf = (int)l->sndbuf;

    (void)listen(fd, (int)l->backlog);
    if (sndbuf > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

void endpoints_settle(const struct endpoints *e, const struct settings *s)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct endpoint *one = &e->list[i];
        const struct listener_settings *l = &s->listeners[one->listener];

        if (one->inherited > 0) { /* the backlog is set where it was made */
            prepare(one->fd, l);
            continue;
        }
        if (one->file.path != NULL) {
            if (socket_file_change(&one->file, one->fd) < 0)
                log_error("%s: its mode or owner cannot be changed: %s", one->url, strerror(errno));
            continue;
        }
        settle(one->fd, l);
        for (size_t k = 0; k < one->others_count; k++)
            settle(one->others[k], l);
    }
}

size_t endpoints_write(const struct endpoints *e, size_t worker, int fds[ENDPOINTS_MAX],
                       struct buffer *text)
{
    for (size_t i = 0; i < e->count; i++) {
        const struct endpoint *one = &e->list[i];
        bool own = worker > 0 && worker <= one->others_count;

        fds[i] = own ? one->others[worker - 1] : one->fd;
        (void)buffer_printf(text, "%zu %u\n", one->listener,
                            one->id + (own ? (unsigned)worker : 0));
    }
    return e->count;
}

void endpoints_close(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++)
        close_one(&e->list[i]);
    e->count = 0;
}

void endpoints_remove(struct endpoints *e)
{
    static const struct endpoints none;

    endpoints_part(e, &none);
}
