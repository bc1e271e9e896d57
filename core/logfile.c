/* SPDX-License-Identifier: MIT */
#include "logfile.h"

#include "must.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    FLAGS = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK,
    TRIES = 3 /* somebody may make or remove it at the same time */
};

/* With the rights of now. More flags: O_NOFOLLOW. */
static int open_now(const char *path, unsigned mode, int more)
{
    int fd = -1;

    errno = ENOENT;
    for (int i = 0; i < TRIES && fd < 0 && (errno == ENOENT || errno == EEXIST); i++) {
        fd = open(path, FLAGS | more);
        if (fd >= 0 || errno != ENOENT)
            break;
        fd = open(path, FLAGS | more | O_CREAT | O_EXCL, 0600);
        if (fd >= 0)
            (void)fchmod(fd, mode); /* whatever the umask is */
    }
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

/* Whether that user may put other things into a folder. Of a folder like /tmp the entries of
   others are safe, but not the last one, which may not be there yet. */
static bool may_change(const struct stat *st, const struct child_user *user, bool is_last)
{
    if (st->st_uid == user->uid)
        return true;
    if ((st->st_mode & S_ISVTX) != 0 && !is_last)
        return false;
    return (is_in_group(user, st->st_gid) && (st->st_mode & S_IWGRP) != 0) ||
           (st->st_mode & S_IWOTH) != 0;
}

/* Whether no folder of a path without symbolic links can be changed by that user. */
static bool is_out_of_reach(const char *path, const struct child_user *user)
{
    const char *last = strrchr(path, '/');
    char folder[PATH_MAX];
    struct stat st;

    for (const char *at = path; at != NULL; at = at < last ? strchr(at + 1, '/') : NULL) {
        size_t n = at > path ? (size_t)(at - path) : 1;

        memcpy(folder, path, n);
        folder[n] = '\0';
        if (lstat(folder, &st) < 0 || may_change(&st, user, at == last))
            return false;
    }
    return true;
}

/* The path without symbolic links; of a file that is to be made, that of its folder is. False when
   there is no such folder. */
static bool resolve(const char *path, char real[PATH_MAX])
{
    struct mpx_str p = str_of(path);
    size_t slash = str_find_last(p, '/');
    char folder[PATH_MAX];

    if (realpath(path, real) != NULL)
        return true;
    if (errno != ENOENT || slash == p.n || p.n >= PATH_MAX)
        return false;
    memcpy(folder, path, slash + 1);
    folder[slash + 1] = '\0';
    if (realpath(folder, real) == NULL)
        return false;
    size_t n = strlen(real);
    if (n > 1)
        real[n++] = '/';
    if (n + p.n - slash > PATH_MAX)
        return false;
    memcpy(real + n, path + slash + 1, p.n - slash);
    return true;
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
        fd = open_now(path, mode, 0);
    MUST(seteuid(0) == 0 && setegid(gid) == 0 && setgroups((size_t)count, groups) == 0);
    return fd;
}

int logfile_open(const char *path, const struct logfile_as *as)
{
    const struct child_user *user = as->user;
    char real[PATH_MAX];

    if (user == NULL || !user->change || user->uid == 0 || geteuid() != 0)
        return open_now(path, as->mode, 0);
    if (resolve(path, real) && is_out_of_reach(real, user))
        return open_now(real, as->mode, O_NOFOLLOW);
    return open_as(path, as->mode, user);
}
