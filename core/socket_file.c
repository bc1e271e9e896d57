/* SPDX-License-Identifier: MIT */
#include "socket_file.h"

#include "str.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int fail(struct mpx_arena *a, const char **error, const char *path, const char *why)
{
    *error = arena_printf(a, "cannot listen on unix:%s: %s", path, why).p;
    return -1;
}

static int fail_errno(struct mpx_arena *a, const char **error, const char *path, const char *what)
{
    const char *why = strerror(errno);

    return fail(a, error, path, what != NULL ? arena_printf(a, "%s: %s", what, why).p : why);
}

static struct sockaddr_un address_of(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t n = strlen(path);

    if (n < sizeof(un.sun_path))
        memcpy(un.sun_path, path, n);
    return un;
}

/* 0: nobody listens. An errno: somebody may. */
static int who_listens(const struct sockaddr_un *un)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int rc = fd < 0 || connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 ? errno : EISCONN;

    if (fd >= 0)
        close(fd);
    return rc == ECONNREFUSED || rc == ENOENT ? 0 : rc;
}

/* What a process has left behind that did not end by itself goes. */
static int remove_stale(const struct sockaddr_un *un, struct mpx_arena *a, const char **error)
{
    struct stat st;

    if (lstat(un->sun_path, &st) < 0)
        return errno == ENOENT ? 0 : fail_errno(a, error, un->sun_path, NULL);
    if (!S_ISSOCK(st.st_mode))
        return fail(a, error, un->sun_path,
                    "it is there and is no socket: remove it, or choose another path");
    int rc = who_listens(un);
    if (rc == EISCONN || rc == EAGAIN || rc == EPROTOTYPE)
        return fail(a, error, un->sun_path,
                    "somebody listens on it: stop the process that has it, or choose another path");
    errno = rc;
    if (rc != 0)
        return fail_errno(a, error, un->sun_path, "cannot find out who listens");
    if (unlink(un->sun_path) < 0 && errno != ENOENT)
        return fail_errno(a, error, un->sun_path,
                          "cannot remove the socket that nobody listens on");
    return 0;
}

/* Nobody can connect before listen(2). */
static int make(struct socket_file *s, int fd, const struct sockaddr_un *un, struct mpx_arena *a,
                const char **error)
{
    struct stat st;
    mode_t mask = umask(0777);
    int rc = bind(fd, (const struct sockaddr *)un, sizeof(*un));

    (void)umask(mask);
    if (rc < 0)
        return fail_errno(a, error, s->path, NULL);
    if (lstat(s->path, &st) < 0)
        return fail_errno(a, error, s->path, NULL);
    s->device = st.st_dev;
    s->inode = st.st_ino;
    s->made = st.st_mtim;
    if (chmod(s->path, s->mode) < 0) /* before it is another's: that takes no right but chown's */
        return fail_errno(a, error, s->path, NULL);
    if (s->give && lchown(s->path, s->uid, s->gid) < 0)
        return fail_errno(a, error, s->path, "cannot give it to its \"owner\"");
    if (listen(fd, s->backlog) < 0)
        return fail_errno(a, error, s->path, NULL);
    return 0;
}

int socket_file_open(struct socket_file *s, struct mpx_arena *a, const char **error)
{
    const struct sockaddr_un un = address_of(s->path);

    s->inode = 0;
    if (remove_stale(&un, a, error) < 0)
        return -1;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail_errno(a, error, s->path, NULL);
    if (make(s, fd, &un, a, error) == 0)
        return fd;
    socket_file_remove(s);
    close(fd);
    return -1;
}

bool socket_file_is_there(const struct socket_file *s)
{
    struct stat st;

    return s->inode != 0 && lstat(s->path, &st) == 0 && st.st_dev == s->device &&
           st.st_ino == s->inode && st.st_mtim.tv_sec == s->made.tv_sec &&
           st.st_mtim.tv_nsec == s->made.tv_nsec;
}

int socket_file_change(const struct socket_file *s, int fd)
{
    if (!socket_file_is_there(s))
        return 0;
    if (s->give && lchown(s->path, geteuid(), getegid()) < 0) /* back, for the mode */
        return -1;
    if (chmod(s->path, s->mode) < 0 || (s->give && lchown(s->path, s->uid, s->gid) < 0))
        return -1;
    return listen(fd, s->backlog);
}

void socket_file_remove(const struct socket_file *s)
{
    if (socket_file_is_there(s))
        (void)unlink(s->path);
}
