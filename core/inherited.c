/* SPDX-License-Identifier: MIT */
#include "inherited.h"

#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIRST = STDERR_FILENO + 1, COUNT = INHERITED_FD_MAX + 1 };

enum kind { CLOSED, NO_SOCKET, NO_STREAM, NO_LISTENER, LISTENS };

/* The one mutable state of this file, written once: what the process began with. */
static struct {
    unsigned char kinds[COUNT]; /* enum kind */
    unsigned passed;            /* so many from FIRST on are systemd's */
    char *names;                /* theirs, colons between them; or NULL */
} begun;

static enum kind kind_of(int fd)
{
    int value;
    socklen_t len = sizeof(value);

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &value, &len) < 0)
        return NO_SOCKET;
    if (value != SOCK_STREAM)
        return NO_STREAM;
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &value, &len) < 0 || value == 0)
        return NO_LISTENER;
    return LISTENS;
}

/* One call tells which are open. */
static void see_descriptors(void)
{
    struct pollfd p[COUNT];
    struct rlimit rl = { .rlim_cur = COUNT };

    (void)getrlimit(RLIMIT_NOFILE, &rl);
    nfds_t count = rl.rlim_cur < COUNT ? (nfds_t)rl.rlim_cur : COUNT;
    for (int fd = 0; fd < COUNT; fd++)
        p[fd] = (struct pollfd){ .fd = fd };
    if (poll(p, count, 0) < 0)
        return;
    for (nfds_t fd = FIRST; fd < count; fd++)
        if ((p[fd].revents & POLLNVAL) == 0)
            begun.kinds[fd] = (unsigned char)kind_of((int)fd);
}

static uint64_t number_of(const char *text)
{
    uint64_t n;

    return text != NULL && str_to_u64(str_of(text), &n) == 0 ? n : 0;
}

void inherited_begin(void)
{
    const char *names = getenv("LISTEN_FDNAMES");
    uint64_t count = number_of(getenv("LISTEN_FDS"));

    see_descriptors();
    if (number_of(getenv("LISTEN_PID")) == (uint64_t)getpid()) {
        begun.passed = count <= INHERITED_FD_MAX - FIRST ? (unsigned)count : 0;
        free(begun.names);
        begun.names = names != NULL ? strdup(names) : NULL;
    }
    (void)unsetenv("LISTEN_PID");
    (void)unsetenv("LISTEN_FDS");
    (void)unsetenv("LISTEN_FDNAMES");
}

struct mpx_str inherited_name(int fd)
{
    struct mpx_str rest = begun.names != NULL ? str_of(begun.names) : MPX_STR("");

    if (fd < FIRST || fd >= FIRST + (int)begun.passed)
        return MPX_STR("");
    for (int i = FIRST; i < fd; i++)
        rest = str_from(rest, str_find(rest, ':') + 1);
    rest = str_head(rest, str_find(rest, ':'));
    return rest.n > 0 ? rest : MPX_STR("unknown"); /* as systemd calls one without a name */
}

int inherited_next(int after)
{
    int fd = after < FIRST ? FIRST : after + 1;

    return fd < FIRST + (int)begun.passed ? fd : -1;
}

int inherited_by_name(struct mpx_str name, int after)
{
    int fd = inherited_next(after);

    while (fd >= 0 && !str_eq(inherited_name(fd), name))
        fd = inherited_next(fd);
    return fd;
}

const char *inherited_fault(int fd)
{
    static const char *const faults[] = {
        [CLOSED] = "was not open when multiplexd was started",
        [NO_SOCKET] = "is not a socket",
        [NO_STREAM] = "is not a stream socket",
        [NO_LISTENER] = "is a socket that does not listen",
        [LISTENS] = NULL,
    };

    return faults[fd >= FIRST && fd < COUNT ? begun.kinds[fd] : CLOSED];
}

int inherited_copy(int fd)
{
    int copy = fcntl(fd, F_DUPFD_CLOEXEC, FIRST);
    int flags = copy >= 0 ? fcntl(copy, F_GETFL) : -1;

    if (flags >= 0 && fcntl(copy, F_SETFL, flags | O_NONBLOCK) == 0)
        return copy;
    int error = errno;
    if (copy >= 0)
        close(copy);
    errno = error;
    return -1;
}

const char *inherited_names(struct mpx_arena *a)
{
    struct mpx_str all = MPX_STR("");

    for (int fd = inherited_next(0); fd >= 0; fd = inherited_next(fd)) {
        struct mpx_str name = inherited_name(fd);

        if (inherited_by_name(name, 0) == fd)
            all = arena_printf(a, "%.*s%s\"%.*s\"", STR_ARGS(all), all.n > 0 ? ", " : "",
                               STR_ARGS(name));
    }
    return arena_copyz(a, all);
}

void inherited_close(void)
{
    for (int fd = FIRST; fd < COUNT; fd++)
        if (begun.kinds[fd] == LISTENS) {
            begun.kinds[fd] = CLOSED;
            (void)close(fd);
        }
}
