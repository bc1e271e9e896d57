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
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

enum {
    OPEN_FLAGS = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
    STEP_FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW,
    ROOT_FLAGS = O_PATH | O_DIRECTORY | O_CLOEXEC,
    LINK_FLAGS = O_PATH | O_NOFOLLOW | O_CLOEXEC,
    LEADS_OUT = BENEATH_OWNER | BENEATH_FOLLOW, /* where a link may */
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

/* Whether rel itself leads nowhere but down. Only the kernel's RESOLVE_BENEATH, and the walk that
   does the same, can follow a ".." without leaving the root. */
static bool is_down(const char *rel, unsigned flags)
{
    if (rel[0] == '/')
        return false;
    while ((flags & LEADS_OUT) != 0 && rel[0] != '\0') {
        size_t n = strcspn(rel, "/");

        if (n == 2 && memcmp(rel, "..", 2) == 0)
            return false;
        rel += n + strspn(rel + n, "/");
    }
    return true;
}

/* An owner's links are tried without links first: only the walk can tell whose they are. */
static uint64_t resolve_of(unsigned flags)
{
    uint64_t resolve = (flags & BENEATH_CACHED) != 0 ? RESOLVE_CACHED : 0;

    if ((flags & BENEATH_FOLLOW) != 0)
        return resolve | RESOLVE_NO_MAGICLINKS;
    if ((flags & (BENEATH_DENY | BENEATH_OWNER)) != 0)
        return resolve | RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    return resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
}

int beneath_open(int root, const char *rel, unsigned flags)
{
    bool cached = (flags & BENEATH_CACHED) != 0;

    if (!is_down(rel, flags))
        return -EXDEV;
    int fd = openat2(root, rel[0] != '\0' ? rel : ".", last_flags(flags), resolve_of(flags));
    bool is_somebodys = (flags & BENEATH_OWNER) != 0 && fd == -ELOOP;
    /* -EAGAIN without CACHED: a rename somewhere made the kernel unsure of a ".." */
    if (!is_unknown(fd) && !is_somebodys && (cached || fd != -EAGAIN))
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

/* Where a walk stands. Where links must stay beneath, every component of 'done' was opened as a
   real directory. */
struct walk {
    int root, at; /* at is ours unless it is root */
    unsigned flags;
    char done[PATH_MAX], rest[PATH_MAX];
    int links, owed_count;
    /* Links whose targets are still to be reached: the owner that each must have, and how much of
       rest will be left then. */
    struct owed {
        uid_t owner;
        size_t left;
    } owed[LINKS_MAX];
};

static void step_to(struct walk *w, int fd)
{
    if (w->at != w->root)
        close(w->at);
    w->at = fd;
}

/* How much of a path is left, whatever slashes it begins with. */
static size_t left_of(const char *path)
{
    return strlen(path + strspn(path, "/"));
}

/* fd is where the walk has come to: does it belong to whom the links before it belong to? */
static int pay(struct walk *w, int fd)
{
    struct stat st;

    while (w->owed_count > 0 && left_of(w->rest) <= w->owed[w->owed_count - 1].left) {
        if (fstat(fd, &st) < 0)
            return -errno;
        if (st.st_uid != w->owed[--w->owed_count].owner)
            return -ELOOP;
    }
    return 0;
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
    if ((w->flags & LEADS_OUT) != 0)
        return 0;
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

    if ((w->flags & LEADS_OUT) != 0)
        return enter(w, "..");
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

/* Puts a link's text in front of the rest. */
static int put_before(struct walk *w, const char *text, size_t n)
{
    size_t rest = strlen(w->rest);

    if (n + rest + 2 > sizeof(w->rest))
        return -ENAMETOOLONG;
    memmove(w->rest + n + 1, w->rest, rest + 1);
    memcpy(w->rest, text, n);
    w->rest[n] = '/';
    if (rest == 0) /* what was last stays last: no slash behind it */
        w->rest[n] = '\0';
    return 0;
}

/* An absolute text: from the root of the file system on. */
static int start_again(struct walk *w)
{
    if ((w->flags & LEADS_OUT) == 0)
        return -EXDEV;
    int fd = open("/", STEP_FLAGS);
    if (fd < 0)
        return -errno;
    step_to(w, fd);
    return pay(w, fd);
}

/* Goes where a symbolic link, which is open, leads. */
static int follow_open(struct walk *w, int link, uid_t owner)
{
    char target[PATH_MAX];
    int rc = pay(w, link);

    if (rc < 0)
        return rc;
    if ((w->flags & BENEATH_DENY) != 0 || ++w->links > LINKS_MAX)
        return -ELOOP;
    ssize_t n = readlinkat(link, "", target, sizeof(target));
    if (n <= 0)
        return n == 0 ? -ENOENT : -errno;
    if ((w->flags & BENEATH_OWNER) != 0)
        w->owed[w->owed_count++] = (struct owed){ .owner = owner, .left = left_of(w->rest) };
    rc = put_before(w, target, (size_t)n);
    return rc == 0 && target[0] == '/' ? start_again(w) : rc;
}

/* -EINVAL when name is no link. It is opened first: its owner and its text are of one link. */
static int follow(struct walk *w, const char *name)
{
    int link = openat(w->at, name, LINK_FLAGS), rc = -EINVAL;
    struct stat st;

    if (link < 0)
        return -errno;
    if (fstat(link, &st) < 0)
        rc = -errno;
    else if (S_ISLNK(st.st_mode))
        rc = follow_open(w, link, st.st_uid);
    close(link);
    return rc;
}

/* The walk has come to its end with fd, which is taken: it + 1, or -errno. */
static int arrive(struct walk *w, int fd)
{
    int rc = fd < 0 ? -errno : pay(w, fd);

    if (rc == 0)
        return fd + 1;
    if (fd >= 0)
        close(fd);
    return rc;
}

/* One component: 0 to go on, a descriptor + 1 when it was the last, or -errno. */
static int step(struct walk *w)
{
    char name[NAME_MAX + 1];
    int rc = next_component(w->rest, name);

    if (rc < 0)
        return rc;
    bool slash = w->rest[0] == '/', last = w->rest[strspn(w->rest, "/")] == '\0';
    if (name[0] == '\0' || strcmp(name, ".") == 0) {
        rc = 0;
    } else if (strcmp(name, "..") == 0) {
        rc = leave(w);
    } else if (last) {
        int how = last_flags(w->flags) | O_NOFOLLOW | (slash ? O_DIRECTORY : 0);
        int fd = openat(w->at, name, how);

        if (fd >= 0)
            return arrive(w, fd);
        rc = -errno;
    } else {
        rc = enter(w, name);
    }
    if (rc == -ELOOP || rc == -ENOTDIR) { /* perhaps a symbolic link */
        int followed = follow(w, name);

        return followed == -EINVAL ? rc : followed;
    }
    if (rc == 0)
        rc = pay(w, w->at);
    if (rc == 0 && last && w->rest[0] == '\0') /* ended by "", "." or ".." */
        return arrive(w, openat(w->at, ".", last_flags(w->flags)));
    if (rc == 0 && last)
        w->rest[0] = '\0';
    return rc;
}

int beneath_walk(int root, const char *rel, unsigned flags)
{
    struct walk w = { .root = root, .at = root, .flags = flags };
    int rc = 0;

    if (!is_down(rel, flags))
        return -EXDEV;
    if (strlen(rel) >= sizeof(w.rest))
        return -ENAMETOOLONG;
    memcpy(w.rest, rel, strlen(rel) + 1);
    while (rc == 0)
        rc = step(&w);
    step_to(&w, root);
    return rc > 0 ? rc - 1 : rc;
}
