/* SPDX-License-Identifier: MIT
   Stands between a program and libc (LD_PRELOAD), counts its system calls, and makes the n-th one
   of a kind fail or fall short, in one process alone: see faults.h. FAULTS_CONTROL names the file
   that says which. A call that "would block" or falls short is no lie: the event that a real one
   would be followed by comes. */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

enum { DESCRIPTORS = 4096 };

static struct fault_control *control;

/* What is watched in which epoll, to make its event come again. */
static struct watched {
    int epoll;
    struct epoll_event event;
} watched[DESCRIPTORS];

static void next(const char *name, void *out, size_t size)
{
    void *p = dlsym(RTLD_NEXT, name);

    if (p == NULL)
        abort();
    memcpy(out, &p, size);
}

/* The function behind ours, found once. */
#define REAL(name)                        \
    static __typeof__(&name) real_##name; \
    if (real_##name == NULL)              \
    next(#name, &real_##name, sizeof(real_##name))

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAULTS_CONTROL");
    int fd = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;

    if (fd < 0)
        return;
    void *p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (p != MAP_FAILED)
        control = p;
}

static bool is_watched_process(void)
{
    struct fault_control *c = control;
    int32_t pid;

    if (c == NULL || (pid = __atomic_load_n(&c->pid, __ATOMIC_ACQUIRE)) == 0)
        return false;
    return pid == -1 ? getpid() != c->main_pid : getpid() == pid;
}

/* Counts a call. 0: it goes on as it is; else the errno that is due, or FAULT_SHORT. */
static int due(enum fault_call call)
{
    struct fault_control *c = control;

    if (!is_watched_process())
        return 0;
    __atomic_add_fetch(&c->counts[call], 1, __ATOMIC_RELAXED);
    if (__atomic_load_n(&c->call, __ATOMIC_ACQUIRE) != (int32_t)call ||
        __atomic_sub_fetch(&c->nth, 1, __ATOMIC_ACQ_REL) != 0)
        return 0;
    __atomic_add_fetch(&c->hits, 1, __ATOMIC_RELAXED);
    return c->error;
}

/* The event of fd comes (again), if what it waits for is there. */
static void again(int fd)
{
    if (fd < 0 || fd >= DESCRIPTORS || watched[fd].epoll == 0)
        return;
    struct epoll_event ev = watched[fd].event;
    (void)syscall(SYS_epoll_ctl, watched[fd].epoll, EPOLL_CTL_MOD, fd, &ev);
}

/* True when the call is to fail; *n is what it may do at most. */
static bool fails(enum fault_call call, int fd, size_t *n)
{
    int error = due(call);

    if (error == 0)
        return false;
    if (error == FAULT_SHORT) {
        if (n != NULL && *n > 1)
            *n = 1;
        again(fd);
        return false;
    }
    if (error == EAGAIN)
        again(fd);
    errno = error;
    return true;
}

EXPORT ssize_t recv(int fd, void *to, size_t n, int flags)
{
    REAL(recv);
    return fails(FAULT_recv, fd, &n) ? -1 : real_recv(fd, to, n, flags);
}

ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags);
EXPORT ssize_t __recv_chk(int fd, void *to, size_t n, size_t room, int flags)
{
    if (n > room)
        abort();
    return recv(fd, to, n, flags);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
    size_t n = SIZE_MAX;
    REAL(sendmsg);

    if (fails(FAULT_sendmsg, fd, &n))
        return -1;
    if (n != 1 || m->msg_iovlen == 0)
        return real_sendmsg(fd, m, flags);
    struct iovec first = { m->msg_iov[0].iov_base, m->msg_iov[0].iov_len > 0 };
    struct msghdr one = *m;
    one.msg_iov = &first;
    one.msg_iovlen = 1;
    return real_sendmsg(fd, &one, flags);
}

EXPORT ssize_t sendfile(int to, int from, off_t *off, size_t n)
{
    REAL(sendfile);
    return fails(FAULT_sendfile, to, &n) ? -1 : real_sendfile(to, from, off, n);
}

EXPORT ssize_t sendfile64(int to, int from, off64_t *off, size_t n)
{
    return sendfile(to, from, (off_t *)off, n);
}

EXPORT int accept4(int fd, struct sockaddr *peer, socklen_t *len, int flags)
{
    REAL(accept4);
    return fails(FAULT_accept4, fd, NULL) ? -1 : real_accept4(fd, peer, len, flags);
}

static mode_t mode_of(int flags, va_list ap)
{
    return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(ap, mode_t) : 0;
}

EXPORT int openat(int at, const char *path, int flags, ...)
{
    va_list ap;
    REAL(openat);

    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return fails(FAULT_open, -1, NULL) ? -1 : real_openat(at, path, flags, mode);
}

EXPORT int open(const char *path, int flags, ...)
{
    va_list ap;

    va_start(ap, flags);
    mode_t mode = mode_of(flags, ap);
    va_end(ap);
    return openat(AT_FDCWD, path, flags, mode);
}

/* The core calls openat2 through here: libc has no function for it. */
EXPORT long syscall(long number, ...)
{
    long a[6];
    va_list ap;
    REAL(syscall);

    va_start(ap, number);
    for (int i = 0; i < 6; i++)
        a[i] = va_arg(ap, long);
    va_end(ap);
    if (number == SYS_openat2 && fails(FAULT_openat2, -1, NULL))
        return -1;
    return real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

EXPORT int fstat(int fd, struct stat *st)
{
    REAL(fstat);
    return fails(FAULT_fstat, -1, NULL) ? -1 : real_fstat(fd, st);
}

EXPORT ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
    size_t n = SIZE_MAX;
    REAL(preadv2);

    if (fails(FAULT_preadv2, -1, &n))
        return -1;
    if (n != 1 || count == 0)
        return real_preadv2(fd, v, count, off, flags);
    struct iovec first = { v[0].iov_base, v[0].iov_len > 0 };
    return real_preadv2(fd, &first, 1, off, flags);
}

EXPORT int epoll_ctl(int epoll, int op, int fd, struct epoll_event *ev)
{
    REAL(epoll_ctl);

    if (fails(FAULT_epoll_ctl, -1, NULL))
        return -1;
    int rc = real_epoll_ctl(epoll, op, fd, ev);
    if (rc == 0 && fd >= 0 && fd < DESCRIPTORS)
        watched[fd] =
            op == EPOLL_CTL_DEL ? (struct watched){ .epoll = 0 } : (struct watched){ epoll, *ev };
    return rc;
}

EXPORT int epoll_wait(int epoll, struct epoll_event *events, int most, int ms)
{
    REAL(epoll_wait);
    return fails(FAULT_epoll_wait, -1, NULL) ? -1 : real_epoll_wait(epoll, events, most, ms);
}

EXPORT ssize_t read(int fd, void *to, size_t n)
{
    REAL(read);
    return fails(FAULT_read, -1, NULL) ? -1 : real_read(fd, to, n);
}

ssize_t __read_chk(int fd, void *to, size_t n, size_t room);
EXPORT ssize_t __read_chk(int fd, void *to, size_t n, size_t room)
{
    if (n > room)
        abort();
    return read(fd, to, n);
}

EXPORT ssize_t write(int fd, const void *from, size_t n)
{
    REAL(write);
    return fails(FAULT_write, -1, NULL) ? -1 : real_write(fd, from, n);
}

EXPORT int setsockopt(int fd, int level, int name, const void *value, socklen_t n)
{
    REAL(setsockopt);
    return fails(FAULT_setsockopt, -1, NULL) ? -1 : real_setsockopt(fd, level, name, value, n);
}

EXPORT int shutdown(int fd, int how)
{
    REAL(shutdown);
    return fails(FAULT_shutdown, -1, NULL) ? -1 : real_shutdown(fd, how);
}

EXPORT int eventfd(unsigned value, int flags)
{
    REAL(eventfd);
    return fails(FAULT_eventfd, -1, NULL) ? -1 : real_eventfd(value, flags);
}

EXPORT int ioctl(int fd, unsigned long request, ...)
{
    va_list ap;
    REAL(ioctl);

    va_start(ap, request);
    void *arg = va_arg(ap, void *);
    va_end(ap);
    return fails(FAULT_ioctl, -1, NULL) ? -1 : real_ioctl(fd, request, arg);
}

EXPORT int poll(struct pollfd *fds, nfds_t n, int ms)
{
    REAL(poll);
    return fails(FAULT_poll, -1, NULL) ? -1 : real_poll(fds, n, ms);
}

int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room);
EXPORT int __poll_chk(struct pollfd *fds, nfds_t n, int ms, size_t room)
{
    if (n * sizeof(*fds) > room)
        abort();
    return poll(fds, n, ms);
}

/* ---- the calendar's clock, which may jump; the monotonic one never does */

EXPORT int clock_gettime(clockid_t id, struct timespec *ts)
{
    REAL(clock_gettime);

    (void)due(FAULT_clock_gettime);
    int rc = real_clock_gettime(id, ts);
    if (rc == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE) && is_watched_process())
        ts->tv_sec += control->jump_s;
    return rc;
}

EXPORT time_t time(time_t *t)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_REALTIME, &ts);
    if (t != NULL)
        *t = ts.tv_sec;
    return ts.tv_sec;
}

EXPORT int gettimeofday(struct timeval *restrict tv, void *restrict zone)
{
    struct timespec ts;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    *tv = (struct timeval){ ts.tv_sec, ts.tv_nsec / 1000 };
    return 0;
}
