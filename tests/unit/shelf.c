/* SPDX-License-Identifier: MIT */
#include "shelf.h"

#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

static enum shelf_disk disk_now;

void shelf_disk(enum shelf_disk disk)
{
    disk_now = disk;
}

/* These two stand in the way of libc's: what file.c reads and looks by. */
int fstat(int fd, struct stat *st)
{
    int rc = fstatat(fd, "", st, AT_EMPTY_PATH);

    if (disk_now == SHELF_COARSE)
        st->st_mtim.tv_nsec = st->st_ctim.tv_nsec = 0;
    return rc;
}

ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
    if (disk_now == SHELF_BAD || ((flags & RWF_NOWAIT) != 0 && disk_now == SHELF_COLD)) {
        errno = disk_now == SHELF_BAD ? EIO : EAGAIN;
        return -1;
    }
    if ((flags & RWF_NOWAIT) != 0 && disk_now == SHELF_DUMB) {
        errno = EOPNOTSUPP;
        return -1;
    }
    if (disk_now == SHELF_SHORT)
        return 0;
    return syscall(SYS_preadv2, fd, v, (long)count, (long)off, 0L, flags);
}

void shelf_init_with(struct shelf *s, const struct files_limits *limits)
{
    *s = (struct shelf){ .now_ms = 1000000, .owner = getuid() };
    unit_folder(s->folder);
    s->files = files_create(limits);
}

void shelf_init(struct shelf *s)
{
    static const struct files_limits roomy = { 1000, 1000, 100, 64 << 20 };

    shelf_init_with(s, &roomy);
}

void shelf_finish(struct shelf *s)
{
    files_destroy(s->files);
    shelf_disk(SHELF_REAL);
}

struct mpx_file *shelf_open(struct shelf *s, const char *root, const char *rel, unsigned flags,
                            int *rc)
{
    struct file_open o = { .files = s->files,
                           .root = root != NULL ? root : s->folder,
                           .rel = rel,
                           .flags = flags,
                           .owner = s->owner };
    struct mpx_file *f = NULL;

    s->asked_thread = file_open_now(&o, s->now_ms, &f, rc) == 0;
    if (s->asked_thread) {
        file_open_work(&o);
        *rc = file_open_finish(&o, s->now_ms, &f);
    }
    ck_assert_msg((*rc == 0) == (f != NULL), "\"%s\": %d with %p", rel, *rc, (void *)f);
    return f;
}

struct mpx_file *shelf_get(struct shelf *s, const char *rel, unsigned flags)
{
    int rc;
    struct mpx_file *f = shelf_open(s, NULL, rel, flags, &rc);

    ck_assert_msg(f != NULL, "\"%s\": %s", rel, strerror(-rc));
    return f;
}

const char *shelf_text(const struct mpx_file *f)
{
    static char text[256];
    size_t n = (size_t)f->st.st_size < sizeof(text) - 1 ? (size_t)f->st.st_size : sizeof(text) - 1;

    if (f->bytes != NULL)
        memcpy(text, f->bytes, n);
    else
        ck_assert_int_eq(pread(f->fd, text, n, 0), (ssize_t)n);
    text[n] = '\0';
    return text;
}

static int open_in(const struct shelf *s, const char *name, int flags)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    int fd = open(path, flags | O_CLOEXEC, 0644);
    ck_assert_msg(fd >= 0, "%s: %s", path, strerror(errno));
    return fd;
}

void shelf_write_big(struct shelf *s, const char *name, size_t n)
{
    int fd = open_in(s, name, O_CREAT | O_TRUNC | O_WRONLY);
    char *bytes = malloc(n);

    ck_assert_ptr_nonnull(bytes);
    memset(bytes, 'x', n);
    ck_assert_int_eq(write(fd, bytes, n), (ssize_t)n);
    free(bytes);
    close(fd);
}

void shelf_remove(struct shelf *s, const char *name)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", s->folder, name);
    ck_assert_int_eq(remove(path), 0);
}

bool shelf_chill(struct shelf *s, const char *name)
{
    enum { PAGES = 1024 };
    int fd = open_in(s, name, O_RDONLY);
    unsigned char in_core[PAGES] = { 0 };
    long page = sysconf(_SC_PAGESIZE);
    struct stat st;
    bool warm = fsync(fd) < 0 || posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) != 0 ||
                fstat(fd, &st) < 0 || st.st_size > PAGES * page;
    size_t n = warm ? 0 : (size_t)st.st_size;
    void *map = n > 0 ? mmap(NULL, n, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;

    warm = warm || map == MAP_FAILED || mincore(map, n, in_core) < 0;
    for (size_t i = 0; !warm && i < PAGES; i++)
        warm = (in_core[i] & 1) != 0;
    if (map != MAP_FAILED)
        munmap(map, n);
    close(fd);
    if (warm)
        (void)fprintf(stderr, "# left out: this disk keeps its pages in memory\n");
    return !warm;
}
