/* SPDX-License-Identifier: MIT */
#include "heritage.h"

#include "inherited.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { TEXT_MAX = 4 << 20 };
static const char variable[] = "MULTIPLEXD_HERITAGE", first_line[] = "multiplexd heritage 1";

/* ---- leaving */

static void write_address(struct buffer *b, const union endpoint_address *address)
{
    const unsigned char *p = (const unsigned char *)address;

    (void)buffer_add_char(b, ' ');
    for (size_t i = 0; i < sizeof(*address); i++)
        (void)buffer_printf(b, "%02x", p[i]);
}

static void write_endpoint(struct buffer *b, const struct endpoint *e)
{
    (void)buffer_printf(b, "socket %d %u %d %d", e->fd, e->id, e->v6only, e->inherited);
    write_address(b, &e->address);
    write_address(b, &e->bound);
    (void)buffer_add_char(b, '\n');
    for (size_t i = 0; i < e->others_count; i++)
        (void)buffer_printf(b, "other %d\n", e->others[i]);
    if (e->file.path != NULL)
        (void)buffer_printf(b, "file %ju %ju %jd %ld %s\n", (uintmax_t)e->file.device,
                            (uintmax_t)e->file.inode, (intmax_t)e->file.made.tv_sec,
                            e->file.made.tv_nsec, e->file.path);
}

static void write_all(const struct heritage *h, struct buffer *b)
{
    (void)buffer_printf(b, "%s\nnext %u\n", first_line, h->endpoints.next_id);
    if (h->pid_fd >= 0)
        (void)buffer_printf(b, "pid %d %s\n", h->pid_fd, h->pid_path);
    for (size_t i = 0; i < h->elder_count; i++)
        (void)buffer_printf(b, "worker %zu %ld %d\n", h->elders[i].number, (long)h->elders[i].pid,
                            h->elders[i].peer.end);
    for (size_t i = 0; i < h->endpoints.count; i++)
        write_endpoint(b, &h->endpoints.list[i]);
}

/* All descriptors that go along: whether they are passed on. */
static void set_passing(const struct heritage *h, bool pass)
{
    int flag = pass ? 0 : FD_CLOEXEC;

    if (h->pid_fd >= 0)
        (void)fcntl(h->pid_fd, F_SETFD, flag);
    for (size_t i = 0; i < h->elder_count; i++)
        (void)fcntl(h->elders[i].peer.end, F_SETFD, flag);
    for (size_t i = 0; i < h->endpoints.count; i++) {
        const struct endpoint *e = &h->endpoints.list[i];

        (void)fcntl(e->fd, F_SETFD, flag);
        for (size_t k = 0; k < e->others_count; k++)
            (void)fcntl(e->others[k], F_SETFD, flag);
    }
}

int heritage_leave(const struct heritage *h)
{
    struct buffer b;
    char number[16];
    int fd = memfd_create("multiplexd-heritage", 0);

    if (fd < 0)
        return -1;
    buffer_init(&b, TEXT_MAX);
    write_all(h, &b);
    bool written = !b.full && pwrite(fd, b.p, b.n, 0) == (ssize_t)b.n;
    buffer_finish(&b);
    (void)snprintf(number, sizeof(number), "%d", fd);
    if (!written || setenv(variable, number, 1) < 0) {
        close(fd);
        errno = ENOSPC;
        return -1;
    }
    set_passing(h, true);
    return fd;
}

void heritage_take_back(const struct heritage *h, int fd)
{
    set_passing(h, false);
    (void)unsetenv(variable);
    close(fd);
}

/* ---- taking */

static int read_address(const char *hex, union endpoint_address *address)
{
    unsigned char *p = (unsigned char *)address;

    if (strlen(hex) != 2 * sizeof(*address))
        return -1;
    for (size_t i = 0; i < sizeof(*address); i++) {
        unsigned byte;

        if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
            return -1;
        p[i] = (unsigned char)byte;
    }
    return 0;
}

/* One that is open; it goes no further, and is nothing that whoever started us has passed. */
static int own(int fd)
{
    if (fd <= STDERR_FILENO || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return -1;
    inherited_disown(fd);
    return 0;
}

static int read_socket(struct heritage *h, const char *line)
{
    char address[2 * sizeof(union endpoint_address) + 1], bound[sizeof(address)];
    struct endpoint e = { .fd = -1 };
    int v6only;

    _Static_assert(sizeof(union endpoint_address) == 28, "as many digits as are read below");
    if (h->endpoints.count == ENDPOINTS_MAX ||
        sscanf(line, "%d %u %d %d %56s %56s", &e.fd, &e.id, &v6only, &e.inherited, address,
               bound) != 6 ||
        read_address(address, &e.address) < 0 || read_address(bound, &e.bound) < 0)
        return -1;
    e.v6only = v6only != 0;
    endpoint_url_of(e.url, e.fd);
    h->endpoints.list[h->endpoints.count++] = e;
    return own(e.fd);
}

static int read_other(struct endpoint *e, const char *line)
{
    int fd;

    if (sscanf(line, "%d", &fd) != 1 || e->others_count >= SETTINGS_WORKERS_MAX - 1)
        return -1;
    if (e->others == NULL)
        e->others = calloc(SETTINGS_WORKERS_MAX - 1, sizeof(*e->others));
    if (e->others == NULL)
        return -1;
    e->others[e->others_count++] = fd;
    return own(fd);
}

static int read_file(struct endpoint *e, const char *line, struct mpx_arena *a)
{
    uintmax_t device, inode;
    intmax_t seconds;
    int path = 0;

    if (sscanf(line, "%ju %ju %jd %ld %n", &device, &inode, &seconds, &e->file.made.tv_nsec,
               &path) != 4 ||
        path == 0)
        return -1;
    e->file.device = (dev_t)device;
    e->file.inode = (ino_t)inode;
    e->file.made.tv_sec = (time_t)seconds;
    e->file.path = arena_copyz(a, str_of(line + path));
    (void)snprintf(e->url, sizeof(e->url), "unix:%s", e->file.path);
    return 0;
}

static int read_worker(struct heritage *h, const char *line)
{
    struct elder *e = &h->elders[h->elder_count];
    long pid;
    int fd;

    if (h->elder_count == SETTINGS_WORKERS_MAX ||
        sscanf(line, "%zu %ld %d", &e->number, &pid, &fd) != 3 || pid <= 1 || own(fd) < 0)
        return -1;
    e->pid = (pid_t)pid;
    peer_open(&e->peer, fd, 0);
    h->elder_count++;
    return 0;
}

static int read_pid(struct heritage *h, const char *line, struct mpx_arena *a)
{
    int path = 0;

    if (sscanf(line, "%d %n", &h->pid_fd, &path) != 1 || path == 0)
        return -1;
    h->pid_path = arena_copyz(a, str_of(line + path));
    return own(h->pid_fd);
}

static int read_line(struct heritage *h, struct mpx_arena *a, struct mpx_str text)
{
    size_t blank = str_find(text, ' ');
    struct mpx_str word = str_head(text, blank);
    const char *rest = arena_copyz(a, str_from(text, blank + 1));
    size_t count = h->endpoints.count;
    struct endpoint *last = count > 0 ? &h->endpoints.list[count - 1] : NULL;

    if (str_is(word, "next"))
        return sscanf(rest, "%u", &h->endpoints.next_id) == 1 ? 0 : -1;
    if (str_is(word, "pid"))
        return read_pid(h, rest, a);
    if (str_is(word, "worker"))
        return read_worker(h, rest);
    if (str_is(word, "socket"))
        return read_socket(h, rest);
    if (str_is(word, "other") && last != NULL)
        return read_other(last, rest);
    if (str_is(word, "file") && last != NULL)
        return read_file(last, rest, a);
    return -1;
}

static int read_all(struct heritage *h, struct mpx_arena *a, struct mpx_str text)
{
    size_t end = str_find(text, '\n');

    if (!str_is(str_head(text, end), first_line))
        return -1;
    for (text = str_from(text, end + 1); text.n > 0; text = str_from(text, end + 1)) {
        end = str_find(text, '\n');
        if (read_line(h, a, str_head(text, end)) < 0)
            return -1;
    }
    return 0;
}

int heritage_begin(struct heritage *h, struct mpx_arena *a)
{
    const char *number = getenv(variable);
    uint64_t fd;

    *h = (struct heritage){ .pid_fd = -1, .endpoints.next_id = 1 };
    if (number == NULL)
        return 0;
    int rc = str_to_u64(str_of(number), &fd) < 0 || fd > INT32_MAX ? -1 : 0;
    (void)unsetenv(variable);
    char *text = rc == 0 ? arena_zero(a, TEXT_MAX) : NULL;
    ssize_t n = text != NULL ? pread((int)fd, text, TEXT_MAX, 0) : -1;
    if (n < 0 || read_all(h, a, (struct mpx_str){ text, (size_t)n }) < 0)
        return -1;
    close((int)fd);
    h->is_there = true;
    return 0;
}

/* ---- elders */

void heritage_end_elders(struct heritage *h, int number)
{
    for (size_t i = 0; i < h->elder_count; i++)
        (void)kill(h->elders[i].pid, number);
}

bool heritage_on_end(struct heritage *h, pid_t pid)
{
    for (size_t i = 0; i < h->elder_count; i++) {
        if (h->elders[i].pid != pid)
            continue;
        peer_close(&h->elders[i].peer);
        h->elders[i] = h->elders[--h->elder_count];
        return true;
    }
    return false;
}
