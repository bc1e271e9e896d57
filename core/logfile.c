/* SPDX-License-Identifier: MIT */
#include "logfile.h"

#include "must.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
    TRIES = 3, /* somebody may make or remove it at the same time */
    LINKS_MAX = 40
};

/* With the rights of now. More flags: O_NOFOLLOW. */
static int open_now(int folder, const char *path, unsigned mode, int more)
{
    int fd = -1;

    errno = ENOENT;
    for (int i = 0; i < TRIES && fd < 0 && (errno == ENOENT || errno == EEXIST); i++) {
        fd = openat(folder, path, FLAGS | more);
        if (fd >= 0 || errno != ENOENT)
            break;
        fd = openat(folder, path, FLAGS | more | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            (void)fchmod(fd, mode); /* whatever the umask is */
    }
    if (fd < 0 && errno == EEXIST && (more & O_NOFOLLOW) == 0) /* a link to what is to be made */
        fd = openat(folder, path, FLAGS | O_CREAT, mode);
    if (fd < 0)
        return -errno;
    int flags = fcntl(fd, F_GETFL);
    if (flags >= 0)
        (void)fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

static bool is_in_group(const struct child_user *user, gid_t gid)
{
    for (size_t i = 0; i < user->group_count; i++)
        if (user->groups[i] == gid)
            return true;
    return user->gid == gid;
}

/* Whether that user may put other things into a folder. */
static bool may_change(const struct stat *st, const struct child_user *user)
{
    return st->st_uid == user->uid || (st->st_mode & S_IWOTH) != 0 ||
           ((st->st_mode & S_IWGRP) != 0 && is_in_group(user, st->st_gid));
}

/* On the way to a log file. */
struct walk {
    const struct child_user *user;
    int folder;              /* where we are */
    char rest[PATH_MAX];     /* what is still to go */
    char name[NAME_MAX + 1]; /* the step that is at its turn */
    unsigned links;          /* that were followed */
};

/* Takes the next step out of the rest; whether it is the last. -ENAMETOOLONG. */
static int take_name(struct walk *w, bool *is_last)
{
    struct mpx_str rest = str_of(w->rest);

    while (rest.n > 0 && rest.p[0] == '/')
        rest = str_from(rest, 1);
    struct mpx_str name = str_head(rest, str_find(rest, '/'));
    if (name.n > NAME_MAX)
        return -ENAMETOOLONG;
    if (name.n > 0)
        memcpy(w->name, name.p, name.n);
    w->name[name.n] = '\0';
    rest = str_from(rest, name.n);
    memmove(w->rest, rest.p, rest.n);
    w->rest[rest.n] = '\0';
    *is_last = rest.n == 0;
    return name.n > 0 ? 0 : -EISDIR;
}

/* Goes into a folder of where we are, or to "/". */
static int enter(struct walk *w, const char *name)
{
    int fd = openat(w->folder, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

    if (fd < 0)
        return -errno;
    if (w->folder >= 0)
        close(w->folder);
    w->folder = fd;
    return 0;
}

/* A symbolic link: what it names stands in its place. */
static int follow(struct walk *w)
{
    char target[PATH_MAX];
    ssize_t n = readlinkat(w->folder, w->name, target, sizeof(target));
    size_t rest = strlen(w->rest);

    if (n < 0)
        return -errno;
    if (++w->links > LINKS_MAX)
        return -ELOOP;
    if ((size_t)n + rest >= PATH_MAX)
        return -ENAMETOOLONG;
    memmove(w->rest + n, w->rest, rest + 1);
    memcpy(w->rest, target, (size_t)n);
    return target[0] == '/' ? enter(w, "/") : 0;
}

/* 1: the name is that of the file; 0: there is more to go; -EPERM: the user who serves could lead
   us elsewhere. Of a folder like /tmp the folders of others are safe; links and files are not. */
static int step(struct walk *w)
{
    struct stat folder, st;
    bool is_last;
    int rc = take_name(w, &is_last);

    if (rc < 0)
        return rc;
    if (fstat(w->folder, &folder) < 0)
        return -errno;
    bool within_reach = may_change(&folder, w->user);
    bool is_sticky = (folder.st_mode & S_ISVTX) != 0 && folder.st_uid != w->user->uid;
    if (within_reach && (is_last || !is_sticky))
        return -EPERM;
    if (fstatat(w->folder, w->name, &st, AT_SYMLINK_NOFOLLOW) < 0)
        return errno == ENOENT && is_last ? 1 : -errno;
    if (S_ISLNK(st.st_mode))
        return within_reach ? -EPERM : follow(w);
    return is_last ? 1 : enter(w, w->name);
}

/* Opens it in a folder that only we can change. */
static int open_guarded(const char *path, const struct logfile_as *as)
{
    struct walk w = { .user = as->user, .folder = -1 };
    int rc = strlen(path) < PATH_MAX ? enter(&w, "/") : -ENAMETOOLONG;

    if (rc == 0)
        memcpy(w.rest, path, strlen(path) + 1);
    while (rc == 0)
        rc = step(&w);
    if (rc == 1)
        rc = open_now(w.folder, w.name, as->mode, O_NOFOLLOW);
    if (w.folder >= 0)
        close(w.folder);
    return rc;
}

/* As that user, for as long as it takes. A process that cannot come back must not go on. */
static int open_as(const char *path, unsigned mode, const struct child_user *user)
{
    gid_t groups[NGROUPS_MAX + 1], gid = getegid();
    int count = getgroups(NGROUPS_MAX, groups), fd = -EPERM;

    if (count < 0)
        return -errno;
    if (setgroups(user->group_count, user->groups) == 0 && setegid(user->gid) == 0 &&
        seteuid(user->uid) == 0)
        fd = open_now(AT_FDCWD, path, mode, 0);
    MUST(seteuid(0) == 0 && setegid(gid) == 0 && setgroups((size_t)count, groups) == 0);
    return fd;
}

int logfile_open(const char *path, const struct logfile_as *as)
{
    const struct child_user *user = as->user;

    if (user == NULL || !user->change || user->uid == 0 || geteuid() != 0 || path[0] != '/')
        return open_now(AT_FDCWD, path, as->mode, 0);
    int fd = open_guarded(path, as);
    return fd == -EPERM ? open_as(path, as->mode, user) : fd;
}
