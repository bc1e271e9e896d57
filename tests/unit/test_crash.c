/* SPDX-License-Identifier: MIT
   The handler, in children that crash. */
#include "crash.h"

#include "child.h"
#include "must.h"
#include "unit.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static struct blame *b;
static volatile uintptr_t nowhere = 16;

static void fault(void)
{
    *(volatile int *)nowhere = 1;
}

static int depth(volatile char *from, int n)
{
    volatile char room[1024];

    room[0] = from[0];
    return nowhere == 0 ? n : depth(room, n + 1) + room[0];
}

static void overflow(void)
{
    volatile char start[1] = { 0 };

    (void)depth(start, 0);
}

static void for_memory(void)
{
    (void)pthread_sigqueue(pthread_self(), SIGABRT, (union sigval){ .sival_int = MUST_NO_MEMORY });
}

static void tell_and_abort(void)
{
    abort();
}

static void *on_thread(void *arg)
{
    void (*fn)(void);

    memcpy(&fn, arg, sizeof(fn));
    crash_begin_thread(9);
    fn();
    return NULL;
}

/* The wait status of a child that does this. */
static int child(void (*fn)(void), bool in_thread)
{
    pthread_t t;

    b = blame_create();
    pid_t pid = fork();
    if (pid != 0)
        return child_wait(pid);
    (void)!freopen("/dev/null", "w", stderr); /* what a sanitizer has to say */
    crash_begin(b);
    if (in_thread && pthread_create(&t, NULL, on_thread, &fn) == 0)
        (void)pthread_join(t, NULL);
    fn();
    _exit(0);
}

static void take_down(void)
{
    blame_destroy(b);
}

/* A sanitizer exits after its report. */
static void assert_died(int status, int number)
{
#ifdef IS_SANITIZED
    (void)number;
    ck_assert(!WIFEXITED(status) || WEXITSTATUS(status) != 0);
#else
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), number);
#endif
}

START_TEST(a_fault_is_noted_and_then_what_would_have_happened_does)
{
    assert_died(child(fault, false), SIGSEGV);
    ck_assert_uint_eq(atomic_load(&b->crash.state), BLAME_CRASHED);
    ck_assert_int_eq(b->crash.number, SIGSEGV);
    ck_assert_uint_eq(b->crash.thread, 0);
    ck_assert_uint_eq(b->crash.flags, BLAME_ADDRESS);
    ck_assert_uint_eq(b->crash.address, 16);
    take_down();
}
END_TEST

START_TEST(an_abort_is_noted)
{
    assert_died(child(tell_and_abort, false), SIGABRT);
    ck_assert_int_eq(b->crash.number, SIGABRT);
    ck_assert_uint_eq(b->crash.flags, 0);
    take_down();
}
END_TEST

START_TEST(a_thread_notes_its_own_slot)
{
    assert_died(child(fault, true), SIGSEGV);
    ck_assert_uint_eq(b->crash.thread, 9);
    take_down();
}
END_TEST

START_TEST(a_stack_that_overflows_is_noted)
{
    assert_died(child(overflow, false), SIGSEGV);
    ck_assert_int_eq(b->crash.number, SIGSEGV);
    ck_assert_uint_eq(b->crash.flags, BLAME_ADDRESS | BLAME_OVERFLOW);
    take_down();
}
END_TEST

START_TEST(that_of_a_thread_too)
{
    assert_died(child(overflow, true), SIGSEGV);
    ck_assert_uint_eq(b->crash.flags, BLAME_ADDRESS | BLAME_OVERFLOW);
    ck_assert_uint_eq(b->crash.thread, 9);
    take_down();
}
END_TEST

START_TEST(want_of_memory_is_told_apart)
{
    assert_died(child(for_memory, false), SIGABRT);
    ck_assert_uint_eq(b->crash.flags, BLAME_MEMORY);
    take_down();
}
END_TEST

START_TEST(what_another_process_sent_is_told_apart)
{
    b = blame_create();
    pid_t pid = fork();
    if (pid == 0) {
        crash_begin(b);
        blame_name(b, 0, "ready");
        for (;;)
            (void)pause();
    }
    while (b->names[0][0] == '\0')
        (void)usleep(1000);
    (void)kill(pid, SIGABRT);
    ck_assert_int_eq(WTERMSIG(child_wait(pid)), SIGABRT);
    ck_assert_uint_eq(b->crash.flags, BLAME_SENT);
    take_down();
}
END_TEST

START_TEST(a_process_that_is_forked_later_notes_nothing)
{
    b = blame_create();
    pid_t pid = fork();
    if (pid == 0) {
        crash_begin(b);
        pid_t grandchild = fork();
        if (grandchild == 0)
            abort();
        (void)child_wait(grandchild);
        _exit(0);
    }
    ck_assert_int_eq(child_wait(pid), 0);
    ck_assert_uint_eq(atomic_load(&b->crash.state), BLAME_NO_CRASH);
    take_down();
}
END_TEST

START_TEST(no_set_of_blocked_signals_holds_ours)
{
    sigset_t set;

    sigfillset(&set);
    crash_unblock(&set);
    ck_assert(!sigismember(&set, SIGSEGV) && !sigismember(&set, SIGABRT));
    ck_assert(sigismember(&set, SIGTERM));
}
END_TEST

Suite *suite_crash(void)
{
    static const TTest **const tests[] = { &a_fault_is_noted_and_then_what_would_have_happened_does,
                                           &an_abort_is_noted,
                                           &a_thread_notes_its_own_slot,
                                           &a_stack_that_overflows_is_noted,
                                           &that_of_a_thread_too,
                                           &want_of_memory_is_told_apart,
                                           &what_another_process_sent_is_told_apart,
                                           &a_process_that_is_forked_later_notes_nothing,
                                           &no_set_of_blocked_signals_holds_ours,
                                           NULL };

    return unit_suite("crash", tests);
}
