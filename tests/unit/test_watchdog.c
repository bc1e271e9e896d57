/* SPDX-License-Identifier: MIT */
#include "watchdog.h"

#include "child.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct blame *b;
static struct watchdog d;
static pid_t pid;

/* Until the process waits for something. */
static void wait_for_pause(void)
{
    char path[64], text[512], state = 'R';
    uint64_t cpu;

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
    while (state == 'R') {
        FILE *f = fopen(path, "r");

        ck_assert_ptr_nonnull(f);
        size_t n = fread(text, 1, sizeof(text), f);
        (void)fclose(f);
        ck_assert(watchdog_look((struct mpx_str){ text, n }, &state, &cpu));
        (void)usleep(1000);
    }
}

static void set_up(int64_t kill_ms)
{
    b = blame_create();
    pid = fork();
    if (pid == 0) {
        for (;;)
            (void)pause();
    }
    wait_for_pause();
    watchdog_start(&d, b, pid, kill_ms, 0);
    watchdog_serves(&d);
}

static int take_down(void)
{
    (void)kill(pid, SIGKILL);
    int status = child_wait(pid);
    blame_destroy(b);
    return WTERMSIG(status);
}

static void turn(void)
{
    atomic_fetch_add(&b->turn.count, 1);
}

START_TEST(a_turn_that_does_not_end_is_a_stall)
{
    int64_t stalled = 0, now = 0;

    set_up(1000);
    turn();
    for (; stalled == 0 && now < 5000; now += 100)
        stalled = watchdog_tick(&d, now);
    ck_assert_int_eq(stalled, 1000);
    ck_assert_int_ge(now, 1000);
    ck_assert_int_le(now, 1400);
    ck_assert(!watchdog_turns(&d));
    ck_assert_int_eq(WTERMSIG(child_wait(pid)), SIGABRT);
    blame_destroy(b);
}
END_TEST

START_TEST(a_loop_that_waits_is_no_stall)
{
    set_up(1000);
    turn();
    turn();
    for (int64_t now = 0; now < 5000; now += 100)
        ck_assert_int_eq(watchdog_tick(&d, now), 0);
    ck_assert(watchdog_turns(&d));
    ck_assert_int_eq(take_down(), SIGKILL);
}
END_TEST

START_TEST(a_loop_that_turns_is_no_stall_however_seldom_it_is_seen_to_wait)
{
    set_up(1000);
    turn();
    for (int64_t now = 0; now < 5000; now += 100) {
        turn();
        turn();
        ck_assert_int_eq(watchdog_tick(&d, now), 0);
    }
    ck_assert_int_eq(take_down(), SIGKILL);
}
END_TEST

START_TEST(a_clock_that_jumps_counts_as_one_tick)
{
    set_up(1000);
    turn();
    for (int64_t i = 1; i <= 9; i++)
        ck_assert_int_eq(watchdog_tick(&d, i * 1000000), 0);
    ck_assert_int_eq(take_down(), SIGKILL);
}
END_TEST

START_TEST(a_process_that_is_stopped_does_not_stall)
{
    int status;

    set_up(1000);
    turn();
    (void)kill(pid, SIGSTOP);
    ck_assert_int_eq(waitpid(pid, &status, WUNTRACED), pid);
    for (int64_t now = 0; now < 5000; now += 100)
        ck_assert_int_eq(watchdog_tick(&d, now), 0);
    ck_assert_int_eq(take_down(), SIGKILL);
}
END_TEST

START_TEST(what_does_not_heed_an_abort_is_killed)
{
    set_up(1000);
    (void)take_down();
    b = blame_create();
    pid = fork();
    if (pid == 0) {
        (void)signal(SIGABRT, SIG_IGN);
        atomic_store(&b->turn.count, 1);
        for (;;)
            (void)pause();
    }
    while (blame_turns(b) == 0)
        (void)usleep(1000);
    watchdog_start(&d, b, pid, 1000, 0);
    watchdog_serves(&d);
    int64_t first = 0;
    for (int64_t now = 0; now < 3000; now += 100) {
        int64_t stalled = watchdog_tick(&d, now);

        ck_assert(first == 0 || stalled == 0); /* told once */
        first = stalled != 0 ? stalled : first;
    }
    ck_assert_int_eq(first, 1000);
    ck_assert_int_eq(WTERMSIG(child_wait(pid)), SIGKILL);
    blame_destroy(b);
}
END_TEST

START_TEST(one_that_does_not_come_to_serve_is_killed_after_a_minute)
{
    int64_t stalled = 0, now = 0;

    set_up(1000);
    watchdog_start(&d, b, pid, 1000, 0);
    ck_assert(!watchdog_turns(&d));
    for (; stalled == 0 && now < 100000; now += 100)
        stalled = watchdog_tick(&d, now);
    ck_assert_int_eq(stalled, 60000);
    ck_assert_int_eq(WTERMSIG(child_wait(pid)), SIGABRT);
    blame_destroy(b);
}
END_TEST

START_TEST(without_a_limit_it_only_looks_on)
{
    set_up(0);
    turn();
    for (int64_t now = 0; now < 100000; now += 1000)
        ck_assert_int_eq(watchdog_tick(&d, now), 0);
    ck_assert(!watchdog_turns(&d));
    ck_assert_int_eq(take_down(), SIGKILL);
}
END_TEST

START_TEST(state_and_processor_time_are_read_whatever_the_process_is_called)
{
    static const char stat[] = "7 (a) R 1) S 1 7 7 0 -1 4194560 89 0 0 0 12 30 0 0 20 0 1 0 8 9 10";
    char state;
    uint64_t cpu;

    ck_assert(watchdog_look(str_of(stat), &state, &cpu));
    ck_assert_int_eq(state, 'S');
    ck_assert_uint_eq(cpu, 42);
    ck_assert(!watchdog_look(MPX_STR("7 (a) R 1 2"), &state, &cpu));
    ck_assert(!watchdog_look(MPX_STR(""), &state, &cpu));
}
END_TEST

Suite *suite_watchdog(void)
{
    static const TTest **const tests[] = {
        &a_turn_that_does_not_end_is_a_stall,
        &a_loop_that_waits_is_no_stall,
        &a_loop_that_turns_is_no_stall_however_seldom_it_is_seen_to_wait,
        &a_clock_that_jumps_counts_as_one_tick,
        &a_process_that_is_stopped_does_not_stall,
        &what_does_not_heed_an_abort_is_killed,
        &one_that_does_not_come_to_serve_is_killed_after_a_minute,
        &without_a_limit_it_only_looks_on,
        &state_and_processor_time_are_read_whatever_the_process_is_called,
        NULL
    };

    return unit_suite("watchdog", tests);
}
