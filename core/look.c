/* SPDX-License-Identifier: MIT */
#include "look.h"

#include "beneath.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Where a link leads depends on the root: what is above the directory may still be beneath it. */
static int look_through(const struct mpx_file *dir, const char *name, unsigned flags,
                        struct stat *found)
{
    char rel[PATH_MAX];
    size_t n = strlen(dir->name);
    const char *slash = n > 0 && dir->name[n - 1] != '/' ? "/" : "";

    if (dir->anchor == NULL)
        return -ENOTDIR;
    if (snprintf(rel, sizeof(rel), "%s%s%s", dir->name, slash, name) >= (int)sizeof(rel))
        return -ENAMETOOLONG;
    int fd =
        beneath_open(dir->anchor->fd, rel, file_beneath_flags(flags | (dir->flags & FILE_OWNED)));
    if (fd < 0)
        return fd;
    int rc = fstat(fd, found) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

/* What opening it for reading would say. */
static int may_open(const struct mpx_file *dir, const char *name, unsigned flags,
                    const struct stat *st)
{
    if ((flags & MPX_OPEN_DIRECTORY) != 0 && !S_ISDIR(st->st_mode))
        return -ENOTDIR;
    if (S_ISSOCK(st->st_mode))
        return -ENXIO;
    return faccessat(dir->fd, name, R_OK, AT_EACCESS) < 0 ? -errno : 0;
}

int look_up(const struct mpx_file *dir, const char *name, unsigned flags, struct stat *entry,
            struct stat *found)
{
    size_t n = strlen(name);
    struct stat own, end;

    if (n == 0 || strchr(name, '/') != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
        return -EINVAL;
    if (!S_ISDIR(dir->st.st_mode) || dir->fd < 0)
        return -ENOTDIR;
    if (fstatat(dir->fd, name, &own, AT_SYMLINK_NOFOLLOW) < 0)
        return -errno;
    if (entry != NULL)
        *entry = own;
    int rc;
    if (S_ISLNK(own.st_mode)) {
        rc = look_through(dir, name, flags, &end);
    } else {
        end = own;
        rc = may_open(dir, name, flags, &own);
    }
    if (rc == 0 && found != NULL)
        *found = end;
    return rc;
}
