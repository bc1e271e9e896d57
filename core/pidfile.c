/* SPDX-License-Identifier: MIT */
#include "pidfile.h"

#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whether the name still leads to the file that we have open. */
static bool is_ours(const struct pidfile *p)
{
    struct stat mine, there;

    return fstat(p->fd, &mine) == 0 &&
           fstatat(p->folder, p->name, &there, AT_SYMLINK_NOFOLLOW) == 0 &&
           mine.st_dev == there.st_dev && mine.st_ino == there.st_ino;
}

static void close_both(struct pidfile *p)
{
    if (p->fd >= 0)
        close(p->fd);
    if (p->folder >= 0)
        close(p->folder);
    p->fd = p->folder = -1;
}

/* 0, or an errno; EWOULDBLOCK when another process holds it. */
static int open_locked(struct pidfile *p)
{
    for (;;) {
        p->fd = openat(p->folder, p->name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                       0644);
        if (p->fd < 0 || flock(p->fd, LOCK_EX | LOCK_NB) < 0)
            return errno;
        if (is_ours(p))
            return 0;
        close(p->fd); /* whoever had it has removed it meanwhile */
    }
}

static int write_pid(const struct pidfile *p)
{
    struct stat st;

    if (fstat(p->fd, &st) < 0)
        return errno;
    if (!S_ISREG(st.st_mode))
        return EINVAL;
    return ftruncate(p->fd, 0) < 0 || dprintf(p->fd, "%ld\n", (long)getpid()) < 0 ? errno : 0;
}

int pidfile_open(struct pidfile *p, struct mpx_arena *a, const char *path, const char **error)
{
    struct mpx_str whole = str_of(path);
    size_t slash = str_find_last(whole, '/');
    const char *folder = slash > 0 ? arena_copyz(a, str_head(whole, slash)) : "/";

    *p = (struct pidfile){ .fd = -1, .name = arena_copyz(a, str_from(whole, slash + 1)) };
    p->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int rc = p->folder < 0 ? errno : open_locked(p);
    if (rc == 0)
        rc = write_pid(p);
    if (rc == 0)
        return 0;
    if (rc == EWOULDBLOCK)
        *error = arena_printf(a, "another one is running: it holds the pid file \"%s\"", path).p;
    else
        *error = arena_printf(a, "cannot write the pid file \"%s\": %s", path, strerror(rc)).p;
    close_both(p);
    return -1;
}

int pidfile_adopt(struct pidfile *p, struct mpx_arena *a, const char *path, int fd)
{
    struct mpx_str whole = str_of(path);
    size_t slash = str_find_last(whole, '/');
    const char *folder = slash > 0 ? arena_copyz(a, str_head(whole, slash)) : "/";

    *p = (struct pidfile){ .fd = fd, .name = arena_copyz(a, str_from(whole, slash + 1)) };
    p->folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return p->folder < 0 ? -1 : 0;
}

void pidfile_close(struct pidfile *p)
{
    if (p->fd >= 0 && (!is_ours(p) || unlinkat(p->folder, p->name, 0) < 0))
        (void)!ftruncate(p->fd, 0); /* ours in any case */
    close_both(p);
}
