/* SPDX-License-Identifier: MIT */
#include "endpoint.h"

#include "inherited.h"
#include "str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>
#include <unistd.h>

/* One without a path is abstract: its name begins behind a NUL (unix(7)). */
static void write_unix(char url[ENDPOINT_URL], const struct sockaddr_un *un, socklen_t len)
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    struct mpx_str name = { un->sun_path, len > before ? len - before : 0 };
    bool is_abstract = name.n > 0 && name.p[0] == '\0';

    name = is_abstract ? str_from(name, 1) : str_head(name, str_find(name, '\0'));
    snprintf(url, ENDPOINT_URL, "unix:%s%.*s", is_abstract ? "@" : "", STR_ARGS(name));
}

static void write_url(char url[ENDPOINT_URL], const struct sockaddr *address, socklen_t len)
{
    char host[64], port[8];
    int rc = getnameinfo(address, len, host, sizeof(host), port, sizeof(port),
                         NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = address->sa_family == AF_INET6;

    if (rc != 0)
        snprintf(host, sizeof(host), "?");
    snprintf(url, ENDPOINT_URL, "http://%s%s%s:%s/", six ? "[" : "", host, six ? "]" : "", port);
}

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

static void write_own_url(char url[ENDPOINT_URL], int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    } bound;
    socklen_t len = sizeof(bound);

    if (getsockname(fd, &bound.any, &len) < 0)
        return;
    if (bound.any.sa_family == AF_UNIX)
        write_unix(url, &bound.un, len);
    else
        write_url(url, &bound.any, len);
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

/* Accepted sockets have these from the one that listens. */
static void prepare(int fd, const struct listener_settings *s)
{
    int sndbuf = (int)s->sndbuf, one = 1;

    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    keep_alive(fd);
    if (sndbuf > 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof(sndbuf));
}

static int open_socket(const struct listener_settings *s, const struct addrinfo *ai)
{
    int fd = socket(ai->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), one = 1;
    int v6only = s->v6only;

    if (fd < 0)
        return -1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    prepare(fd, s);
    if (ai->ai_family == AF_INET6)
        (void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof(v6only));
    if (bind(fd, ai->ai_addr, ai->ai_addrlen) == 0 && listen(fd, (int)s->backlog) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

/* The next free place, for a socket of that listener; NULL when there is none. */
static struct endpoint *next(struct endpoints *e, size_t listener, const char **error)
{
    if (e->count == ENDPOINTS_MAX) {
        *error = "there are too many addresses to listen on";
        return NULL;
    }
    e->list[e->count] = (struct endpoint){ .fd = -1, .listener = listener };
    return &e->list[e->count];
}

static int add(struct mpx_arena *a, const struct settings *s, size_t listener,
               const struct addrinfo *ai, struct endpoints *e, const char **error)
{
    struct endpoint *new = next(e, listener, error);

    if (new == NULL)
        return -1;
    write_url(new->url, ai->ai_addr, ai->ai_addrlen);
    new->fd = open_socket(&s->listeners[listener], ai);
    if (new->fd < 0) {
        *error = why(a, new->url, errno);
        return -1;
    }
    write_own_url(new->url, new->fd); /* with the port that the kernel chose */
    e->count++;
    return 0;
}

static int add_unix(struct mpx_arena *a, const struct settings *s, size_t listener,
                    struct endpoints *e, const char **error)
{
    const struct listener_settings *l = &s->listeners[listener];
    struct endpoint *new = next(e, listener, error);

    if (new == NULL)
        return -1;
    new->file = (struct socket_file){ .path = l->socket.p,
                                      .mode = l->mode_bits,
                                      .give = l->owner.n > 0,
                                      .uid = l->uid,
                                      .gid = l->gid,
                                      .backlog = (int)l->backlog };
    snprintf(new->url, sizeof(new->url), "unix:%s", l->socket.p);
    new->fd = socket_file_open(&new->file, a, error);
    if (new->fd < 0)
        return -1;
    e->count++;
    return 0;
}

/* what: how the message calls it. */
static int add_passed(struct mpx_arena *a, const struct settings *s, size_t listener, int fd,
                      const char *what, struct endpoints *e, const char **error)
{
    const char *fault = inherited_fault(fd);
    struct endpoint *new = next(e, listener, error);

    if (new == NULL)
        return -1;
    if (fault == NULL) {
        new->fd = inherited_copy(fd);
        fault = new->fd < 0 ? strerror(errno) : NULL;
    }
    if (fault != NULL) {
        *error =
            arena_printf(a, "cannot listen on %s: it %s: it must be a stream socket that listens",
                         what, fault)
                .p;
        return -1;
    }
    new->inherited = fd;
    prepare(new->fd, &s->listeners[listener]);
    write_own_url(new->url, new->fd);
    e->count++;
    return 0;
}

static int add_fd(struct mpx_arena *a, const struct settings *s, size_t listener,
                  struct endpoints *e, const char **error)
{
    int fd = (int)s->listeners[listener].inherited;

    return add_passed(a, s, listener, fd, arena_printf(a, "descriptor %d", fd).p, e, error);
}

/* All sockets of that name: a unit may have several addresses, and a name several units. */
static int add_systemd(struct mpx_arena *a, const struct settings *s, size_t listener,
                       struct endpoints *e, const char **error)
{
    struct mpx_str name = s->listeners[listener].systemd;
    const char *what = arena_printf(a, "systemd's socket \"%.*s\"", STR_ARGS(name)).p;
    const char *names = inherited_names(a);
    int fd = inherited_by_name(name, 0), rc = 0;

    if (fd < 0) {
        *error = arena_printf(a, "cannot listen on %s: systemd passed %s%s: %s", what,
                              *names != '\0' ? "only " : "no sockets", names,
                              *names != '\0'
                                  ? "name one of these, or set FileDescriptorName= in the unit"
                                  : "start multiplexd by its socket unit, or name host and port")
                     .p;
        return -1;
    }
    for (; fd >= 0 && rc == 0; fd = inherited_by_name(name, fd))
        rc = add_passed(a, s, listener, fd, what, e, error);
    return rc;
}

/* A name may have the same address twice, in a file of hosts for example. */
static bool is_repeated(const struct addrinfo *first, const struct addrinfo *ai)
{
    for (const struct addrinfo *k = first; k != ai; k = k->ai_next)
        if (k->ai_addrlen == ai->ai_addrlen && memcmp(k->ai_addr, ai->ai_addr, ai->ai_addrlen) == 0)
            return true;
    return false;
}

static int add_host(struct mpx_arena *a, const struct settings *s, size_t listener,
                    const char *host, struct endpoints *e, const char **error)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE };
    struct addrinfo *found;
    const char *port = arena_printf(a, "%lld", (long long)s->listeners[listener].port).p;
    int rc = getaddrinfo(host, port, &hints, &found);

    if (rc != 0) {
        *error = arena_printf(a, "cannot listen on \"%s\": %s", host, gai_strerror(rc)).p;
        return -1;
    }
    for (const struct addrinfo *ai = found; ai != NULL && rc == 0; ai = ai->ai_next)
        if (!is_repeated(found, ai))
            rc = add(a, s, listener, ai, e, error);
    freeaddrinfo(found);
    return rc;
}

static int add_listener(struct mpx_arena *a, const struct settings *s, size_t listener,
                        struct endpoints *e, const char **error)
{
    const struct listener_settings *l = &s->listeners[listener];

    if (l->systemd.n > 0)
        return add_systemd(a, s, listener, e, error);
    if (l->inherited > 0)
        return add_fd(a, s, listener, e, error);
    if (l->socket.n > 0)
        return add_unix(a, s, listener, e, error);
    if (!str_is(l->host, "*"))
        return add_host(a, s, listener, arena_copyz(a, l->host), e, error);
    if (l->v6only && add_host(a, s, listener, "0.0.0.0", e, error) < 0)
        return -1;
    return add_host(a, s, listener, "::", e, error);
}

int endpoints_open(struct mpx_arena *a, const struct settings *s, struct endpoints *e,
                   const char **error)
{
    e->count = 0;
    for (size_t i = 0; i < s->listener_count; i++) {
        errno = 0;
        if (add_listener(a, s, i, e, error) < 0) {
            int cause = errno;
            endpoints_remove(e);
            errno = cause;
            return -1;
        }
    }
    return 0;
}

static bool is_used(const struct settings *s, int fd)
{
    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].inherited == fd || str_eq(s->listeners[i].systemd, inherited_name(fd)))
            return true;
    return false;
}

const char *endpoints_unused(struct mpx_arena *a, const struct settings *s)
{
    struct mpx_str all = MPX_STR("");

    for (int fd = inherited_next(0); fd >= 0; fd = inherited_next(fd)) {
        struct mpx_str name = inherited_name(fd);

        if (!is_used(s, fd) && inherited_by_name(name, 0) == fd)
            all = arena_printf(a, "%.*s%s\"%.*s\"", STR_ARGS(all), all.n > 0 ? ", " : "",
                               STR_ARGS(name));
    }
    return arena_copyz(a, all);
}

void endpoints_close(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].fd >= 0)
            close(e->list[i].fd);
    e->count = 0;
}

void endpoints_remove(struct endpoints *e)
{
    for (size_t i = 0; i < e->count; i++)
        if (e->list[i].file.path != NULL)
            socket_file_remove(&e->list[i].file);
    endpoints_close(e);
}
