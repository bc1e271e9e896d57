/* SPDX-License-Identifier: MIT */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int spool_open_named(struct spool *s, const char *folder)
{
    char path[4096];
    int n = snprintf(path, sizeof(path), "%s/multiplexd-XXXXXX", folder);

    if (n < 0 || (size_t)n >= sizeof(path))
        return ENAMETOOLONG;
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return errno;
    (void)unlink(path);
    *s = (struct spool){ .fd = fd };
    return 0;
}

int spool_open(struct spool *s, const char *folder)
{
    int fd = open(folder, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
        return spool_open_named(s, folder);
    if (fd < 0)
        return errno;
    *s = (struct spool){ .fd = fd };
    return 0;
}

int spool_append(struct spool *s, const char *p, size_t n)
{
    while (n > 0) {
        ssize_t done = pwrite(s->fd, p, n, (off_t)s->n);

        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return done < 0 ? errno : ENOSPC;
        s->n += (size_t)done;
        p += done;
        n -= (size_t)done;
    }
    return 0;
}

int spool_map(struct spool *s)
{
    if (s->n == 0)
        return 0;
    void *p = mmap(NULL, s->n, PROT_READ, MAP_PRIVATE, s->fd, 0);
    if (p == MAP_FAILED)
        return errno;
    s->map = p;
    return 0;
}

void spool_close(struct spool *s)
{
    if (s->map != NULL)
        (void)munmap(s->map, s->n);
    if (s->fd >= 0)
        (void)close(s->fd);
    *s = (struct spool)SPOOL_CLOSED;
}
