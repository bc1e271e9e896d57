/* SPDX-License-Identifier: MIT */
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum { ASSUMED_MAX = 65536 }; /* where the kernel has no close_range and no limit is set */

/* One by one, for kernels without close_range(2). */
static void each(unsigned first, unsigned last, unsigned flags)
{
    struct rlimit rl = { .rlim_cur = RLIM_INFINITY };

    (void)getrlimit(RLIMIT_NOFILE, &rl);
    unsigned end = rl.rlim_cur < ASSUMED_MAX ? (unsigned)rl.rlim_cur : ASSUMED_MAX;
    for (unsigned fd = first; fd <= last && fd < end; fd++)
        if (flags != 0)
            (void)fcntl((int)fd, F_SETFD, FD_CLOEXEC);
        else
            (void)close((int)fd);
}

static void range(unsigned first, unsigned last, unsigned flags)
{
    if (first <= last && syscall(SYS_close_range, first, last, flags) < 0)
        each(first, last, flags);
}

void descriptors_begin(void)
{
    int fd = open("/dev/null", O_RDWR | O_NOCTTY);

    while (fd >= 0 && fd <= STDERR_FILENO)
        fd = dup(fd);
    if (fd > STDERR_FILENO)
        (void)close(fd);
    range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

void descriptors_hide(void)
{
    range(STDERR_FILENO + 1, UINT_MAX, CLOSE_RANGE_CLOEXEC);
}

void descriptors_keep(int fd)
{
    unsigned first = STDERR_FILENO + 1;

    if (fd >= (int)first) {
        range(first, (unsigned)fd - 1, 0);
        first = (unsigned)fd + 1;
    }
    range(first, UINT_MAX, 0);
}

uint64_t descriptors_raise(uint64_t wanted)
{
    struct rlimit rl;

    if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
        return UINT64_MAX;
    if (rl.rlim_max < wanted) {
        const struct rlimit more = { .rlim_cur = wanted, .rlim_max = wanted };

        if (setrlimit(RLIMIT_NOFILE, &more) == 0)
            rl = more;
    }
    if (rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &rl);
        (void)getrlimit(RLIMIT_NOFILE, &rl);
    }
    return rl.rlim_cur == RLIM_INFINITY ? UINT64_MAX : rl.rlim_cur;
}
