/* SPDX-License-Identifier: MIT */
#include "descriptors.h"

#include "aid.h"
#include "unit.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0;
}

static bool closes_on_exec(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0;
}

/* All that are missing at a start are there afterwards, the others are as they were. */
static int begin_without(void *arg)
{
    unsigned shut = *(unsigned *)arg;
    int fds[2];

    if (pipe(fds) < 0 || dup2(fds[0], 100) < 0)
        return 1;
    for (int fd = 0; fd < 3; fd++)
        if (((shut >> fd) & 1) != 0)
            close(fd);
    size_t before = aid_descriptors();
    descriptors_begin();
    for (int fd = 0; fd < 3; fd++)
        if (!is_open(fd) || closes_on_exec(fd))
            return 10 + fd;
    if (!closes_on_exec(fds[0]) || !closes_on_exec(fds[1]) || !closes_on_exec(100))
        return 20;
    return aid_descriptors() == before + (size_t)__builtin_popcount(shut) ? 0 : 21;
}

START_TEST(the_standard_ones_are_open_from_the_beginning)
{
    for (unsigned shut = 0; shut < 8; shut++)
        ck_assert_int_eq(WEXITSTATUS(aid_fork(begin_without, &shut)), 0);
}
END_TEST

static int keep(void *arg)
{
    int kept = *(int *)arg;

    for (int fd = 3; fd < 40; fd++)
        if (dup2(0, fd) < 0)
            return 1;
    if (dup2(0, 900) < 0)
        return 2;
    descriptors_keep(kept);
    for (int fd = 0; fd < 1000; fd++)
        if (is_open(fd) != (fd < 3 || fd == kept))
            return 3;
    return 0;
}

START_TEST(a_child_keeps_the_standard_ones_and_one_more)
{
    static const int kept[] = { -1, 3, 4, 17, 39, 900 };

    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
        ck_assert_int_eq(WEXITSTATUS(aid_fork(keep, (void *)(uintptr_t)&kept[i])), 0);
}
END_TEST

static int raise_limit(void *arg)
{
    struct rlimit rl = { .rlim_cur = 40, .rlim_max = 60 };

    (void)arg;
    if (setrlimit(RLIMIT_NOFILE, &rl) < 0 || descriptors_raise(50) != 60)
        return 1;
    return getrlimit(RLIMIT_NOFILE, &rl) == 0 && rl.rlim_cur == 60 ? 0 : 2;
}

START_TEST(the_limit_is_raised_as_far_as_it_goes)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(raise_limit, NULL)), 0);
}
END_TEST

/* Only with the right to, CAP_SYS_RESOURCE. */
static int raise_beyond(void *arg)
{
    const struct rlimit few = { .rlim_cur = 40, .rlim_max = 60 }, more = { 40, 61 };

    (void)arg;
    if (setrlimit(RLIMIT_NOFILE, &few) < 0)
        return 1;
    bool may = setrlimit(RLIMIT_NOFILE, &more) == 0;
    return descriptors_raise(100) == (may ? 100 : 60) ? 0 : 2;
}

START_TEST(who_may_raises_it_to_what_is_wanted)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(raise_beyond, NULL)), 0);
}
END_TEST

Suite *suite_descriptors(void)
{
    static const TTest **const tests[] = { &the_standard_ones_are_open_from_the_beginning,
                                           &a_child_keeps_the_standard_ones_and_one_more,
                                           &the_limit_is_raised_as_far_as_it_goes,
                                           &who_may_raises_it_to_what_is_wanted, NULL };

    return unit_suite("descriptors", tests);
}
