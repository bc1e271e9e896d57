/* SPDX-License-Identifier: MIT */
#include "journal.h"

#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { WAIT_S = 1 };

static const struct mpx_str name = MPX_STR("journald");
static const struct mpx_str standard = MPX_STR("/run/systemd/journal/socket");

/* The path of the socket; n 0 where the target is no journal. */
static struct mpx_str path_of(struct mpx_str target)
{
    struct mpx_str rest = str_from(target, name.n);

    if (!str_starts(target, name))
        return MPX_STR("");
    if (rest.n == 0)
        return standard;
    rest = rest.p[0] == ':' ? str_from(rest, 1) : MPX_STR("");
    return rest.n > 0 && rest.p[0] == '/' && rest.n < sizeof(((struct sockaddr_un *)0)->sun_path)
               ? rest
               : MPX_STR("");
}

bool journal_is(struct mpx_str target)
{
    return path_of(target).n > 0;
}

int journal_open(void)
{
    const struct timeval most = { .tv_sec = WAIT_S };
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    return fd;
}

/* The entry in a file without a name that nobody can change any more; or -1 with errno. */
static int file_of(struct mpx_str entry)
{
    int fd = memfd_create("multiplexd-entry", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    int seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL;

    if (fd < 0)
        return -1;
    errno = ENOSPC;
    if (write(fd, entry.p, entry.n) == (ssize_t)entry.n && fcntl(fd, F_ADD_SEALS, seals) == 0)
        return fd;
    int error = errno;
    close(fd);
    errno = error;
    return -1;
}

static int send_file(int fd, struct msghdr *m, struct mpx_str entry, int flags)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = { .head = { .cmsg_len = CMSG_LEN(sizeof(int)),
                            .cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS } };
    int file = file_of(entry), error = 0;

    if (file < 0)
        return errno;
    memcpy(CMSG_DATA(&control.head), &file, sizeof(file));
    m->msg_iovlen = 0;
    m->msg_control = &control;
    m->msg_controllen = sizeof(control.room);
    if (sendmsg(fd, m, flags) < 0)
        error = errno;
    close(file);
    return error;
}

int journal_send(int fd, struct mpx_str target, struct mpx_str entry, bool may_wait)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    struct mpx_str path = path_of(target);
    struct iovec part = { (void *)(uintptr_t)entry.p, entry.n };
    struct msghdr m = { .msg_name = &un,
                        .msg_namelen =
                            (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.n + 1),
                        .msg_iov = &part,
                        .msg_iovlen = 1 };
    int flags = MSG_NOSIGNAL | (may_wait ? 0 : MSG_DONTWAIT);

    memcpy(un.sun_path, path.p, path.n);
    if (sendmsg(fd, &m, flags) >= 0)
        return 0;
    if (errno != EMSGSIZE && errno != ENOBUFS)
        return errno;
    return send_file(fd, &m, entry, flags);
}

size_t journal_send_all(int fd, struct mpx_str target, struct mpx_str entries)
{
    size_t at = 0;

    while (at < entries.n) {
        struct mpx_str rest = str_from(entries, at);
        struct mpx_str entry = str_head(rest, str_find(rest, '\0'));
        int error = journal_send(fd, target, entry, true);

        if (error != 0) {
            errno = error;
            break;
        }
        at += entry.n + 1;
    }
    return at;
}
