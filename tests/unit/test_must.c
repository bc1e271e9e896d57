/* SPDX-License-Identifier: MIT */
#include "must.h"

#include "aid.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64], said_path[128], said[4096];

/* Runs fn in a child and keeps what it says on standard error; its status. */
static int run(int (*fn)(void *arg), void *arg)
{
    const struct rlimit none = { 0, 0 };

    ck_assert_int_eq(setrlimit(RLIMIT_CORE, &none), 0);
    if (folder[0] == '\0')
        unit_folder(folder);
    (void)snprintf(said_path, sizeof(said_path), "%s/said", folder);
    (void)fflush(NULL);
    int kept = dup(STDERR_FILENO), fd = open(said_path, O_RDWR | O_CREAT | O_TRUNC, 0600);
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    int status = aid_fork(fn, arg);
    ck_assert_int_eq(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    ssize_t n = pread(fd, said, sizeof(said) - 1, 0);
    ck_assert_int_ge(n, 0);
    said[n] = '\0';
    close(fd);
    close(kept);
    return status;
}

static void is_aborted(int status)
{
    ck_assert_msg(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "status %d", status);
}

START_TEST(memory_is_given_and_none_is_some_as_well)
{
    static const size_t sizes[] = { 0, 1, 4096, 1 << 22 };

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        char *p = must_alloc(sizes[i]), *q = must_calloc(sizes[i]);

        ck_assert_ptr_nonnull(p);
        ck_assert_ptr_nonnull(q);
        ck_assert_ptr_ne(p, q);
        memset(p, 'x', sizes[i]);
        for (size_t at = 0; at < sizes[i]; at++)
            ck_assert_int_eq(q[at], 0);
        free(p);
        free(q);
    }
}
END_TEST

START_TEST(calloc_zeroes_what_was_used_before)
{
    for (int i = 0; i < 100; i++) {
        char *p = must_alloc(200);

        memset(p, 'x', 200);
        free(p);
        p = must_calloc(200);
        for (int at = 0; at < 200; at++)
            ck_assert_int_eq(p[at], 0);
        free(p);
    }
}
END_TEST

START_TEST(realloc_keeps_what_fits)
{
    char *p = must_realloc(NULL, 4);

    memcpy(p, "abcd", 4);
    for (size_t n = 8; n <= 1 << 20; n *= 2) {
        p = must_realloc(p, n);
        ck_assert_mem_eq(p, "abcd", 4);
        p[n - 1] = 'x';
    }
    p = must_realloc(p, 2);
    ck_assert_mem_eq(p, "ab", 2);
    p = must_realloc(p, 0);
    ck_assert_ptr_nonnull(p);
    free(p);
}
END_TEST

static volatile size_t too_much = SIZE_MAX / 2;

static int alloc_too_much(void *arg)
{
    (void)arg;
    free(must_alloc(too_much));
    return 0;
}

static int calloc_too_much(void *arg)
{
    (void)arg;
    free(must_calloc(too_much));
    return 0;
}

static int realloc_too_much(void *arg)
{
    (void)arg;
    free(must_realloc(must_alloc(10), too_much));
    return 0;
}

START_TEST(without_memory_the_process_ends_and_says_so)
{
    static int (*const fns[])(void *arg) = { alloc_too_much, calloc_too_much, realloc_too_much };
    char wanted[128];

    (void)snprintf(wanted, sizeof(wanted), "multiplexd: out of memory (%zu bytes wanted)\n",
                   too_much);
    for (size_t i = 0; i < sizeof(fns) / sizeof(fns[0]); i++) {
        int status = run(fns[i], NULL);

        ck_assert_int_ne(status, 0);
        if (aid_has_sanitizers()) /* their own words come first */
            continue;
        is_aborted(status);
        ck_assert_str_eq(said, wanted);
    }
}
END_TEST

enum { PLACE = __LINE__ + 4 };
static int break_it(void *arg)
{
    (void)arg;
    MUST(1 + 1 == 3);
    return 0;
}

START_TEST(what_must_hold_and_does_not_aborts_with_its_place)
{
    char wanted[256];

    is_aborted(run(break_it, NULL));
    (void)snprintf(wanted, sizeof(wanted), "multiplexd: %s:%d: this must hold: 1 + 1 == 3\n",
                   __FILE__, PLACE);
    ck_assert_str_eq(said, wanted);
}
END_TEST

static int fail_directly(void *arg)
{
    must_fail("core/x.c", 42, arg);
}

START_TEST(must_fail_says_what_it_is_told)
{
    char what[] = "100%s";

    is_aborted(run(fail_directly, what));
    ck_assert_str_eq(said, "multiplexd: core/x.c:42: this must hold: 100%s\n");
}
END_TEST

static int count_up(void *arg)
{
    int *n = arg;

    MUST(++*n > 0);
    return *n;
}

START_TEST(what_holds_is_asked_once_and_says_nothing)
{
    int n = 0;

    ck_assert_int_eq(WEXITSTATUS(run(count_up, &n)), 1);
    ck_assert_str_eq(said, "");
    MUST(true);
}
END_TEST

Suite *suite_must(void)
{
    static const TTest **const tests[] = {
        &memory_is_given_and_none_is_some_as_well,
        &calloc_zeroes_what_was_used_before,
        &realloc_keeps_what_fits,
        &without_memory_the_process_ends_and_says_so,
        &what_must_hold_and_does_not_aborts_with_its_place,
        &must_fail_says_what_it_is_told,
        &what_holds_is_asked_once_and_says_nothing,
        NULL,
    };

    return unit_suite("must", tests);
}
