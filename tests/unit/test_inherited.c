/* SPDX-License-Identifier: MIT
   What a process may have begun with, each tried in a child of its own. */
#include "inherited.h"

#include "aid.h"
#include "str.h"
#include "unit.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static int stream(bool listens)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    return fd >= 0 && (!listens || listen(fd, 1) == 0) ? fd : -1;
}

/* Descriptors 3, 4 and 5 listen, 6 and 7 are other sockets, 8 is none; the next is free. */
static bool arrange(const char *count, const char *names, long pid)
{
    char number[24];

    for (int fd = 3; fd < 20; fd++)
        (void)close(fd);
    (void)snprintf(number, sizeof(number), "%ld", pid);
    if (stream(true) != 3 || stream(true) != 4 || stream(true) != 5 || stream(false) != 6 ||
        socket(AF_INET, SOCK_DGRAM, 0) != 7 || open("/dev/null", O_RDONLY) != 8)
        return false;
    (void)setenv("LISTEN_PID", number, 1);
    (void)setenv("LISTEN_FDS", count, 1);
    if (names != NULL)
        (void)setenv("LISTEN_FDNAMES", names, 1);
    inherited_begin();
    return true;
}

static int by_name(void *arg)
{
    struct mpx_arena a;

    (void)arg;
    if (!arrange("5", "http:https:http::x", getpid()))
        return 1;
    if (inherited_by_name(MPX_STR("http"), 0) != 3 || inherited_by_name(MPX_STR("http"), 3) != 5 ||
        inherited_by_name(MPX_STR("http"), 5) != -1 || inherited_by_name(MPX_STR("https"), 0) != 4)
        return 2;
    if (inherited_by_name(MPX_STR("unknown"), 0) != 6 || inherited_by_name(MPX_STR("x"), 0) != 7 ||
        inherited_by_name(MPX_STR("htt"), 0) != -1 || inherited_name(8).n != 0)
        return 3;
    if (inherited_next(0) != 3 || inherited_next(6) != 7 || inherited_next(7) != -1)
        return 4;
    arena_init(&a, NULL);
    bool same = strcmp(inherited_names(&a), "\"http\", \"https\", \"unknown\", \"x\"") == 0;
    arena_finish(&a);
    if (!same)
        return 5;
    return getenv("LISTEN_PID") == NULL && getenv("LISTEN_FDS") == NULL &&
                   getenv("LISTEN_FDNAMES") == NULL
               ? 0
               : 6;
}

START_TEST(sockets_of_systemd_have_names_that_no_child_inherits)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(by_name, NULL)), 0);
}
END_TEST

static int without_names(void *arg)
{
    (void)arg;
    return arrange("2", NULL, getpid()) && inherited_by_name(MPX_STR("unknown"), 0) == 3 &&
                   inherited_by_name(MPX_STR("unknown"), 3) == 4 && inherited_next(4) == -1
               ? 0
               : 1;
}

START_TEST(without_names_all_are_unknown)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(without_names, NULL)), 0);
}
END_TEST

static int of_another(void *arg)
{
    (void)arg;
    return arrange("2", "http:https", getppid()) && inherited_next(0) == -1 &&
                   getenv("LISTEN_FDS") == NULL && inherited_fault(3) == NULL
               ? 0
               : 1;
}

START_TEST(what_systemd_passed_to_another_process_has_no_name_here)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(of_another, NULL)), 0);
}
END_TEST

static int nonsense(void *arg)
{
    return arrange(arg, "http", getpid()) && inherited_next(0) == -1 ? 0 : 1;
}

START_TEST(a_count_that_is_none_passes_nothing)
{
    static const char *const counts[] = { "", "-1", "two", "1024", "99999999999999999999" };

    for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
        ck_assert_msg(WEXITSTATUS(aid_fork(nonsense, (void *)(uintptr_t)counts[i])) == 0, "%s",
                      counts[i]);
}
END_TEST

static int faults(void *arg)
{
    static const struct {
        int fd;
        const char *fault;
    } cases[] = { { 6, "is a socket that does not listen" },
                  { 7, "is not a stream socket" },
                  { 8, "is not a socket" },
                  { 9, "was not open when multiplexd was started" },
                  { 1023, "was not open when multiplexd was started" },
                  { 2, "was not open when multiplexd was started" },
                  { 5000, "was not open when multiplexd was started" } };

    (void)arg;
    if (!arrange("0", NULL, getpid()) || dup2(3, 9) != 9) /* opened later: not inherited */
        return 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (inherited_fault(cases[i].fd) == NULL ||
            strcmp(inherited_fault(cases[i].fd), cases[i].fault) != 0)
            return 10 + (int)i;
    return inherited_fault(3) == NULL && inherited_fault(5) == NULL ? 0 : 2;
}

START_TEST(only_what_listened_at_the_beginning_can_be_used)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(faults, NULL)), 0);
}
END_TEST

static int copies(void *arg)
{
    (void)arg;
    if (!arrange("1", "http", getpid()))
        return 1;
    int copy = inherited_copy(3);
    if (copy <= 8 || (fcntl(copy, F_GETFD) & FD_CLOEXEC) == 0 ||
        (fcntl(copy, F_GETFL) & O_NONBLOCK) == 0)
        return 2;
    if (fcntl(3, F_GETFD) < 0)
        return 3;
    inherited_close();
    if (fcntl(3, F_GETFD) >= 0 || fcntl(4, F_GETFD) >= 0 || fcntl(5, F_GETFD) >= 0)
        return 4;
    for (int fd = 6; fd <= 8; fd++)
        if (fcntl(fd, F_GETFD) < 0) /* others are none of its business */
            return 5;
    return fcntl(copy, F_GETFD) >= 0 && inherited_copy(3) == -1 ? 0 : 6;
}

START_TEST(a_copy_does_not_wait_and_outlives_what_was_passed)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(copies, NULL)), 0);
}
END_TEST

static int pass_on(void *arg)
{
    char pid[24];

    (void)arg;
    if (!arrange("2", "http:x", getpid()))
        return 1;
    for (int fd = 3; fd <= 8; fd++)
        (void)fcntl(fd, F_SETFD, FD_CLOEXEC);
    inherited_pass_on(true);
    (void)snprintf(pid, sizeof(pid), "%ld", (long)getpid());
    if (getenv("LISTEN_PID") == NULL || strcmp(getenv("LISTEN_PID"), pid) != 0 ||
        strcmp(getenv("LISTEN_FDS"), "2") != 0 || strcmp(getenv("LISTEN_FDNAMES"), "http:x") != 0)
        return 2;
    for (int fd = 3; fd <= 8; fd++) /* those that listen, named or not */
        if (fcntl(fd, F_GETFD) != (fd <= 5 ? 0 : FD_CLOEXEC))
            return 3;
    inherited_begin(); /* as the other image does */
    if (inherited_by_name(MPX_STR("x"), 0) != 4 || inherited_fault(5) != NULL)
        return 4;
    inherited_pass_on(false);
    return getenv("LISTEN_FDS") == NULL && fcntl(4, F_GETFD) == FD_CLOEXEC ? 0 : 5;
}

START_TEST(another_image_begins_with_the_same)
{
    ck_assert_int_eq(WEXITSTATUS(aid_fork(pass_on, NULL)), 0);
}
END_TEST

Suite *suite_inherited(void)
{
    static const TTest **const tests[] = { &sockets_of_systemd_have_names_that_no_child_inherits,
                                           &without_names_all_are_unknown,
                                           &what_systemd_passed_to_another_process_has_no_name_here,
                                           &a_count_that_is_none_passes_nothing,
                                           &only_what_listened_at_the_beginning_can_be_used,
                                           &a_copy_does_not_wait_and_outlives_what_was_passed,
                                           &another_image_begins_with_the_same,
                                           NULL };

    return unit_suite("inherited", tests);
}
