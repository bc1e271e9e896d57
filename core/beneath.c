/* SPDX-License-Identifier: MIT */
#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum {
    OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
    STEP_FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
    ROOT_FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC,
    LINKS_MAX = 40
};

static int last_flags(unsigned flags)
{
    return OPEN_FLAGS | ((flags & BENEATH_DIRECTORY) != 0 ? O_DIRECTORY : 0);
}

static int openat2(int at, const char *path, int flags, uint64_t resolve)
{
    struct open_how how = { .flags = (unsigned)flags, .resolve = resolve };
    long fd;

    do
        fd = syscall(SYS_openat2, at, path, &how, sizeof(how));
    while (fd < 0 && errno == EINTR);
    return fd < 0 ? -errno : (int)fd;
}

/* There is no such call here, or not with RESOLVE_CACHED. */
static bool is_unknown(int error)
{
    return error == -ENOSYS || error == -EPERM || error == -EINVAL;
}

int beneath_open(int root, const char *rel, unsigned flags)
{
    bool cached = (flags & BENEATH_CACHED) != 0;
    uint64_t resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | (cached ? RESOLVE_CACHED : 0);
    int fd = openat2(root, rel[0] != '\0' ? rel : ".", last_flags(flags), resolve);

    /* -EAGAIN without CACHED: a rename somewhere made the kernel unsure of a ".." */
    if (!is_unknown(fd) && (cached || fd != -EAGAIN))
        return fd;
    return cached ? -EAGAIN : beneath_walk(root, rel, flags); /* a walk might wait for the disk */
}

int beneath_root(const char *path, unsigned flags)
{
    int fd;

    if ((flags & BENEATH_CACHED) != 0) {
        fd = openat2(AT_FDCWD, path, ROOT_FLAGS, RESOLVE_CACHED);
        return is_unknown(fd) ? -EAGAIN : fd;
    }
    fd = open(path, ROOT_FLAGS);
    return fd < 0 ? -errno : fd;
}

/* Where a walk stands. Every component of 'done' was opened as a real directory. */
struct walk {
    int root, at; /* at is ours unless it is root */
    char done[PATH_MAX], rest[PATH_MAX];
    int links;
};

static void step_to(struct walk *w, int fd)
{
    if (w->at != w->root)
        close(w->at);
    w->at = fd;
}

/* The next component off the front of *path; "" at the end. */
static int next_component(char *path, char name[NAME_MAX + 1])
{
    size_t skip = strspn(path, "/"), n = strcspn(path + skip, "/");

    if (n > NAME_MAX)
        return -ENAMETOOLONG;
    memcpy(name, path + skip, n);
    name[n] = '\0';
    memmove(path, path + skip + n, strlen(path + skip + n) + 1);
    return 0;
}

static int enter(struct walk *w, const char *name)
{
    size_t n = strlen(w->done);
    int fd = openat(w->at, name, STEP_FLAGS);

    if (fd < 0)
        return -errno;
    step_to(w, fd);
    if (n + strlen(name) + 2 > sizeof(w->done))
        return -ENAMETOOLONG;
    snprintf(w->done + n, sizeof(w->done) - n, "%s/", name);
    return 0;
}

/* ".." of a symbolic link's text: from the root again, one component less. */
static int leave(struct walk *w)
{
    char again[PATH_MAX], name[NAME_MAX + 1];
    size_t n = strlen(w->done);

    if (n == 0)
        return -EXDEV;
    for (n--; n > 0 && w->done[n - 1] != '/'; n--)
        ;
    w->done[n] = '\0';
    memcpy(again, w->done, n + 1);
    w->done[0] = '\0';
    step_to(w, w->root);
    while (again[0] != '\0') {
        int rc = next_component(again, name);

        if (rc == 0 && name[0] != '\0')
            rc = enter(w, name);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Puts a link's text in front of the rest; -EINVAL when name is no link. */
static int follow(struct walk *w, const char *name)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(w->at, name, target, sizeof(target));

    if (n < 0)
        return -errno;
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if (n == 0 || target[0] == '/')
        return n == 0 ? -ENOENT : -EXDEV;
    size_t len = (size_t)n, rest = strlen(w->rest);
    if (len + rest + 2 > sizeof(w->rest))
        return -ENAMETOOLONG;
    memmove(w->rest + len + 1, w->rest, rest + 1);
    memcpy(w->rest, target, len);
    w->rest[len] = '/';
    if (rest == 0) /* what was last stays last: no slash behind it */
        w->rest[len] = '\0';
    return 0;
}

/* One component: 0 to go on, a descriptor + 1 when it was the last, or -errno. */
static int step(struct walk *w, unsigned flags)
{
    char name[NAME_MAX + 1];
    int rc = next_component(w->rest, name);

    if (rc < 0)
        return rc;
    bool slash = w->rest[0] == '/', last = w->rest[strspn(w->rest, "/")] == '\0';
    if (name[0] == '\0' || strcmp(name, ".") == 0)
        rc = 0;
    else if (strcmp(name, "..") == 0)
        rc = leave(w);
    else if (last) {
        int fd = openat(w->at, name, last_flags(flags) | O_NOFOLLOW | (slash ? O_DIRECTORY : 0));

        if (fd >= 0)
            return fd + 1;
        rc = -errno;
    } else {
        rc = enter(w, name);
    }
    if (rc == -ELOOP || rc == -ENOTDIR) { /* perhaps a symbolic link */
        int followed = follow(w, name);

        return followed == -EINVAL ? rc : followed;
    }
    if (rc == 0 && last && w->rest[0] == '\0') { /* ended by "", "." or ".." */
        rc = openat(w->at, ".", last_flags(flags));
        return rc < 0 ? -errno : rc + 1;
    }
    if (rc == 0 && last)
        w->rest[0] = '\0';
    return rc;
}

int beneath_walk(int root, const char *rel, unsigned flags)
{
    struct walk w = { .root = root, .at = root };
    int rc = 0;

    if (rel[0] == '/')
        return -EXDEV;
    if (strlen(rel) >= sizeof(w.rest))
        return -ENAMETOOLONG;
    memcpy(w.rest, rel, strlen(rel) + 1);
    while (rc == 0)
        rc = step(&w, flags);
    step_to(&w, root);
    return rc > 0 ? rc - 1 : rc;
}
