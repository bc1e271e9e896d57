/* SPDX-License-Identifier: MIT */
#include "verdict.h"

#include "unit.h"

#include <signal.h>

static struct blame *b;
static struct mpx_arena a;
static struct verdict v;

static void set_up(void)
{
    arena_init(&a, NULL);
    b = blame_create();
    blame_name(b, 1, "one");
    blame_name(b, 2, "two");
    blame_file(b, "/m/one.so", 0x10000, 0x20000, 0x10000, true);
    blame_file(b, "/lib/libc.so.6", 0x50000, 0x60000, 0x50000, false);
}

static void take_down(void)
{
    blame_destroy(b);
    arena_finish(&a);
}

/* As waitpid has them. */
static int died(int number)
{
    return number;
}

static int ended(int status)
{
    return status << 8;
}

static void note(int number, unsigned thread, uintptr_t pc)
{
    b->crash.number = number;
    b->crash.thread = thread;
    b->crash.pc = pc;
    atomic_store(&b->crash.state, BLAME_CRASHED);
}

START_TEST(a_crash_is_told_with_its_module_and_place)
{
    set_up();
    blame_request(b, 0xab);
    blame_set(b, 1, BLAME_HOOK + MPX_PH_CONTENT, blame_host(b, "v"));
    note(SIGSEGV, 0, 0x10123);
    b->crash.flags = BLAME_ADDRESS;
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 11 (Segmentation fault) at one.so+0x123, address 0x0, "
                             "module \"one\" in its CONTENT hook, virtual host \"v\", request "
                             "00000000000000ab");
    ck_assert_str_eq(v.module, "one");
    ck_assert(!v.at_load);
    take_down();
}
END_TEST

START_TEST(who_called_the_library_that_crashed_is_told)
{
    set_up();
    blame_set(b, 1, BLAME_TIMER, 0);
    note(SIGABRT, 0, 0x50007);
    b->crash.caller = 0x10008;
    verdict_find(b, &a, died(SIGABRT), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 6 (Aborted) at libc.so.6+0x7, called from one.so+0x8, "
                             "module \"one\" in a timer");
    take_down();
}
END_TEST

START_TEST(a_thread_is_blamed_for_what_it_did_and_not_for_what_the_loop_did)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    blame_work_put(b, 3, (struct blame_work){ blame_at(2, BLAME_THREAD, 0), 0 });
    note(SIGSEGV, 3, 0);
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.module, "two");
    take_down();
}
END_TEST

START_TEST(a_thread_that_is_none_of_ours_is_nobodys)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    note(SIGSEGV, BLAME_THREADS, 0x10001);
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 11 (Segmentation fault) at one.so+0x1");
    ck_assert_ptr_null(v.module);
    take_down();
}
END_TEST

START_TEST(a_stack_that_overflowed_is_told_as_that)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    note(SIGSEGV, 0, 0x10001);
    b->crash.flags = BLAME_OVERFLOW | BLAME_ADDRESS;
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 11 (Segmentation fault) at one.so+0x1, its stack "
                             "overflowed, module \"one\" in its ROUTE hook");
    take_down();
}
END_TEST

START_TEST(a_kill_is_nobodys_crash_but_the_watchdogs)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    verdict_find(b, &a, died(SIGKILL), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 9 (Killed), module \"one\" in its ROUTE hook");
    ck_assert_ptr_null(v.module);
    verdict_find(b, &a, died(SIGTERM), 0, &v);
    ck_assert_ptr_null(v.module);
    verdict_find(b, &a, died(SIGKILL), 10000, &v);
    ck_assert_str_eq(v.text, "was killed, for its loop had not turned for 10000 ms: signal 9 "
                             "(Killed), module \"one\" in its ROUTE hook");
    ck_assert_str_eq(v.module, "one");
    take_down();
}
END_TEST

START_TEST(a_signal_that_another_process_sent_is_nobodys_crash)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    note(SIGABRT, 0, 0);
    b->crash.flags = BLAME_SENT;
    verdict_find(b, &a, died(SIGABRT), 0, &v);
    ck_assert_ptr_null(v.module);
    verdict_find(b, &a, died(SIGABRT), 500, &v); /* it was the watchdog */
    ck_assert_str_eq(v.module, "one");
    take_down();
}
END_TEST

START_TEST(want_of_memory_is_nobodys_crash)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    note(SIGABRT, 0, 0);
    b->crash.flags = BLAME_MEMORY;
    verdict_find(b, &a, died(SIGABRT), 0, &v);
    ck_assert_str_eq(v.text,
                     "died: signal 6 (Aborted), out of memory, module \"one\" in its ROUTE hook");
    ck_assert_ptr_null(v.module);
    take_down();
}
END_TEST

START_TEST(a_crash_with_nobody_at_work_is_nobodys)
{
    set_up();
    note(SIGSEGV, 0, 0);
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.text, "died: signal 11 (Segmentation fault)");
    ck_assert_ptr_null(v.module);
    take_down();
}
END_TEST

START_TEST(an_exit_in_a_module_is_its_crash_and_another_is_none)
{
    set_up();
    verdict_find(b, &a, ended(1), 0, &v);
    ck_assert_str_eq(v.text, "ended: exit status 1");
    ck_assert_ptr_null(v.module);
    blame_work_put(b, 2, (struct blame_work){ blame_at(2, BLAME_THREAD, 0), 0 });
    verdict_find(b, &a, ended(1), 0, &v);
    ck_assert_str_eq(v.text, "ended: exit status 1, module \"two\" on a thread");
    ck_assert_str_eq(v.module, "two");
    take_down();
}
END_TEST

START_TEST(one_that_was_being_loaded_is_told_apart)
{
    set_up();
    blame_loading(b, "new");
    note(SIGILL, 0, 0);
    verdict_find(b, &a, died(SIGILL), 0, &v);
    ck_assert_str_eq(v.module, "new");
    ck_assert(v.at_load);
    take_down();
}
END_TEST

START_TEST(what_was_noted_of_another_signal_is_not_believed)
{
    set_up();
    blame_set(b, 1, BLAME_HOOK, 0);
    note(SIGABRT, 5, 0x10001);
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_str_eq(v.text,
                     "died: signal 11 (Segmentation fault), module \"one\" in its ROUTE hook");
    take_down();
}
END_TEST

START_TEST(nonsense_in_the_memory_blames_nobody)
{
    set_up();
    memset(b, 0xff, sizeof(*b));
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_ptr_null(v.module);
    atomic_store(&b->crash.state, BLAME_CRASHED);
    b->crash.number = SIGSEGV;
    b->crash.thread = 7;
    atomic_store(&b->slots[7].at, blame_at(1, BLAME_HOOK, 0));
    memcpy(b->names[1], "../x\n", 6);
    verdict_find(b, &a, died(SIGSEGV), 0, &v);
    ck_assert_ptr_null(v.module);
    ck_assert_ptr_nonnull(strstr(v.text, "module \"../x\\x0a\""));
    take_down();
}
END_TEST

Suite *suite_verdict(void)
{
    static const TTest **const tests[] = {
        &a_crash_is_told_with_its_module_and_place,
        &who_called_the_library_that_crashed_is_told,
        &a_thread_is_blamed_for_what_it_did_and_not_for_what_the_loop_did,
        &a_thread_that_is_none_of_ours_is_nobodys,
        &a_stack_that_overflowed_is_told_as_that,
        &a_kill_is_nobodys_crash_but_the_watchdogs,
        &a_signal_that_another_process_sent_is_nobodys_crash,
        &want_of_memory_is_nobodys_crash,
        &a_crash_with_nobody_at_work_is_nobodys,
        &an_exit_in_a_module_is_its_crash_and_another_is_none,
        &one_that_was_being_loaded_is_told_apart,
        &what_was_noted_of_another_signal_is_not_believed,
        &nonsense_in_the_memory_blames_nobody,
        NULL
    };

    return unit_suite("verdict", tests);
}
