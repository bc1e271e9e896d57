/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "aid.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static struct loop *l;
/* What was called, in order, as letters; each thing waited for has its own. */
static char calls[128];
static size_t call_count;

struct waiter {
    struct loop_event ev;
    char letter;
    int fd;
    short what;                      /* of the last call */
    int times;                       /* called so far */
    void (*then)(struct waiter *me); /* what it does when called; may be NULL */
};

static void on_call(int fd, short what, void *arg)
{
    struct waiter *w = arg;

    ck_assert_uint_lt(call_count, sizeof(calls) - 1);
    calls[call_count++] = w->letter;
    calls[call_count] = '\0';
    w->fd = fd;
    w->what = what;
    w->times++;
    if (w->then != NULL)
        w->then(w);
}

static int64_t ms_now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void stop(struct waiter *me)
{
    (void)me;
    loop_stop(l);
}

static size_t descriptors_before;

static void set_up(void)
{
    descriptors_before = aid_descriptors();
    l = loop_create();
    ck_assert_ptr_nonnull(l);
}

static void pair(int ends[2])
{
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
}

static void take_down(int ends[2])
{
    close(ends[0]);
    close(ends[1]);
    loop_destroy(l);
    ck_assert_uint_eq(aid_descriptors(), descriptors_before);
}

static void send_byte(int fd)
{
    ck_assert_int_eq(write(fd, "x", 1), 1);
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l, false);
}

START_TEST(a_timer_fires_once_and_not_too_early)
{
    struct waiter t = { .letter = 't', .then = stop };

    set_up();
    int64_t begun = ms_now();
    ck_assert_int_eq(loop_timer(l, &t.ev, 30, 0, on_call, &t), 0);
    ck_assert(loop_is_waiting(&t.ev));
    loop_run(l);
    ck_assert_int_ge(ms_now() - begun, 29); /* the loop's clock may be a moment behind */
    ck_assert_int_eq(t.what, LOOP_TIMEOUT);
    ck_assert(!loop_is_waiting(&t.ev));
    aid_pause_ms(40);
    turns(3);
    ck_assert_str_eq(calls, "t");
    loop_destroy(l);
}
END_TEST

START_TEST(a_repeating_timer_goes_on_until_it_is_ended)
{
    struct waiter t = { .letter = 't', .then = stop };

    set_up();
    int64_t begun = ms_now();
    ck_assert_int_eq(loop_timer(l, &t.ev, 10, LOOP_REPEAT, on_call, &t), 0);
    for (int i = 0; i < 3; i++)
        loop_run(l);
    ck_assert_str_eq(calls, "ttt");
    ck_assert_int_ge(ms_now() - begun, 28);
    ck_assert(loop_is_waiting(&t.ev));
    loop_end(&t.ev);
    ck_assert(!loop_is_waiting(&t.ev));
    aid_pause_ms(20);
    turns(3);
    ck_assert_str_eq(calls, "ttt");
    loop_destroy(l);
}
END_TEST

static struct waiter late, middle, early;

static void start_timers(struct waiter *me) /* at one moment, by the loop's clock */
{
    (void)me;
    ck_assert_int_eq(loop_timer(l, &late.ev, 20, 0, on_call, &late), 0);
    ck_assert_int_eq(loop_timer(l, &early.ev, 1, 0, on_call, &early), 0);
    ck_assert_int_eq(loop_timer(l, &middle.ev, 10, 0, on_call, &middle), 0);
}

START_TEST(timers_fire_in_the_order_of_their_times)
{
    struct waiter begin = { .letter = '.', .then = start_timers };

    set_up();
    early.letter = 'e';
    middle.letter = 'm';
    late = (struct waiter){ .letter = 'l', .then = stop };
    ck_assert_int_eq(loop_soon(l, &begin.ev, on_call, &begin), 0);
    loop_run(l);
    ck_assert_str_eq(calls, ".eml");
    loop_destroy(l);
}
END_TEST

START_TEST(a_level_is_told_in_every_turn_while_it_lasts)
{
    struct waiter r = { .letter = 'r' };
    int ends[2];
    char byte;

    set_up();
    pair(ends);
    ck_assert_int_eq(loop_watch(l, &r.ev, ends[0], LOOP_READ | LOOP_REPEAT, 0, on_call, &r), 0);
    turns(2);
    ck_assert_str_eq(calls, "");
    send_byte(ends[1]);
    turns(3);
    ck_assert_str_eq(calls, "rrr");
    ck_assert_int_eq(r.fd, ends[0]);
    ck_assert_int_eq(r.what, LOOP_READ);
    ck_assert_int_eq(read(ends[0], &byte, 1), 1);
    turns(3);
    ck_assert_str_eq(calls, "rrr");
    loop_end(&r.ev);
    take_down(ends);
}
END_TEST

START_TEST(an_edge_is_told_once_for_each_change)
{
    struct waiter r = { .letter = 'r' };
    int ends[2];

    set_up();
    pair(ends);
    ck_assert_int_eq(
        loop_watch(l, &r.ev, ends[0], LOOP_READ | LOOP_REPEAT | LOOP_EDGE, 0, on_call, &r), 0);
    send_byte(ends[1]);
    turns(3);
    ck_assert_str_eq(calls, "r"); /* though nobody read it */
    send_byte(ends[1]);
    turns(3);
    ck_assert_str_eq(calls, "rr");
    loop_end(&r.ev);
    take_down(ends);
}
END_TEST

START_TEST(a_watch_without_repeat_tells_once)
{
    struct waiter r = { .letter = 'r' };
    int ends[2];

    set_up();
    pair(ends);
    ck_assert_int_eq(loop_watch(l, &r.ev, ends[0], LOOP_READ, 0, on_call, &r), 0);
    send_byte(ends[1]);
    turns(3);
    ck_assert_str_eq(calls, "r");
    ck_assert(!loop_is_waiting(&r.ev));
    ck_assert_int_eq(loop_watch(l, &r.ev, ends[0], LOOP_READ, 0, on_call, &r), 0);
    turns(1);
    ck_assert_str_eq(calls, "rr");
    take_down(ends);
}
END_TEST

START_TEST(writing_is_told_when_there_is_room)
{
    struct waiter w = { .letter = 'w' };
    char block[4096] = { 0 };
    int ends[2];

    set_up();
    pair(ends);
    do {
    } while (write(ends[0], block, sizeof(block)) > 0);
    ck_assert_int_eq(
        loop_watch(l, &w.ev, ends[0], LOOP_WRITE | LOOP_REPEAT | LOOP_EDGE, 0, on_call, &w), 0);
    turns(3);
    ck_assert_str_eq(calls, "");
    while (read(ends[1], block, sizeof(block)) > 0)
        ;
    turns(3);
    ck_assert_int_ge(w.times, 1);
    ck_assert_int_eq(w.what & ~LOOP_EDGE, LOOP_WRITE);
    loop_end(&w.ev);
    take_down(ends);
}
END_TEST

START_TEST(the_other_side_closing_its_half_is_told)
{
    struct waiter c = { .letter = 'c' };
    int ends[2];

    set_up();
    pair(ends);
    ck_assert_int_eq(
        loop_watch(l, &c.ev, ends[0], LOOP_CLOSED | LOOP_REPEAT | LOOP_EDGE, 0, on_call, &c), 0);
    turns(2);
    ck_assert_str_eq(calls, "");
    ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
    turns(2);
    ck_assert_str_eq(calls, "c");
    ck_assert_int_eq(c.what & ~LOOP_EDGE, LOOP_CLOSED);
    loop_end(&c.ev);
    take_down(ends);
}
END_TEST

START_TEST(a_watch_with_a_time_out_tells_which_of_both_came)
{
    struct waiter r = { .letter = 'r' };
    int ends[2];

    set_up();
    pair(ends);
    ck_assert_int_eq(loop_watch(l, &r.ev, ends[0], LOOP_READ, 10, on_call, &r), 0);
    loop_turn(l, true);
    ck_assert_str_eq(calls, "r");
    ck_assert_int_eq(r.what, LOOP_TIMEOUT);
    send_byte(ends[1]);
    ck_assert_int_eq(loop_watch(l, &r.ev, ends[0], LOOP_READ, 60000, on_call, &r), 0);
    loop_turn(l, true);
    ck_assert_int_eq(r.what, LOOP_READ);
    aid_pause_ms(1);
    turns(2);
    ck_assert_str_eq(calls, "rr"); /* its time-out went with it */
    take_down(ends);
}
END_TEST

static struct waiter soon[3];

static void call_the_others_soon(struct waiter *me)
{
    (void)me;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(loop_soon(l, &soon[i].ev, on_call, &soon[i]), 0);
    ck_assert_int_eq(loop_soon(l, &soon[0].ev, on_call, &soon[0]), 0); /* again: harmless */
    ck_assert(loop_is_waiting(&soon[0].ev));
    calls[call_count++] = '.';
}

START_TEST(soon_means_this_turn_after_the_running_call_in_order)
{
    struct waiter t = { .letter = 't', .then = call_the_others_soon };

    set_up();
    for (int i = 0; i < 3; i++)
        soon[i].letter = (char)('1' + i);
    ck_assert_int_eq(loop_timer(l, &t.ev, 0, 0, on_call, &t), 0);
    loop_turn(l, true);
    ck_assert_str_eq(calls, "t.123");
    ck_assert(!loop_is_waiting(&soon[0].ev));
    ck_assert_int_eq(loop_soon(l, &soon[1].ev, on_call, &soon[1]), 0);
    turns(1);
    ck_assert_str_eq(calls, "t.1232");
    loop_destroy(l);
}
END_TEST

static void end_second_soon(struct waiter *me)
{
    (void)me;
    loop_end(&soon[1].ev);
}

START_TEST(soon_can_be_called_off)
{
    set_up();
    for (int i = 0; i < 3; i++)
        soon[i].letter = (char)('1' + i);
    soon[0].then = end_second_soon;
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(loop_soon(l, &soon[i].ev, on_call, &soon[i]), 0);
    turns(2);
    ck_assert_str_eq(calls, "13");
    loop_destroy(l);
}
END_TEST

START_TEST(soon_calls_what_it_was_told_last)
{
    struct waiter a = { .letter = 'a' }, b = { .letter = 'b' };

    set_up();
    ck_assert_int_eq(loop_soon(l, &a.ev, on_call, &a), 0);
    turns(1);
    ck_assert_int_eq(loop_soon(l, &a.ev, on_call, &b), 0);
    turns(1);
    ck_assert_str_eq(calls, "ab");
    loop_destroy(l);
}
END_TEST

static void free_me(struct waiter *me)
{
    loop_end(&me->ev);
    free(me);
}

static struct waiter *on_the_heap(char letter)
{
    struct waiter *w = calloc(1, sizeof(*w));

    ck_assert_ptr_nonnull(w);
    w->letter = letter;
    w->then = free_me;
    return w;
}

START_TEST(a_callback_may_end_its_own_event_and_free_it)
{
    struct waiter *t = on_the_heap('t'), *r = on_the_heap('r'), *s = on_the_heap('s');
    struct waiter *n = on_the_heap('n');
    int ends[2];

    set_up();
    pair(ends);
    send_byte(ends[1]);
    ck_assert_int_eq(loop_timer(l, &t->ev, 1, LOOP_REPEAT, on_call, t), 0);
    ck_assert_int_eq(loop_watch(l, &r->ev, ends[0], LOOP_READ | LOOP_REPEAT, 50, on_call, r), 0);
    ck_assert_int_eq(loop_signal(l, &s->ev, SIGUSR1, on_call, s), 0);
    ck_assert_int_eq(loop_soon(l, &n->ev, on_call, n), 0);
    ck_assert_int_eq(raise(SIGUSR1), 0);
    for (int i = 0; i < 500 && call_count < 4; i++) {
        loop_turn(l, false);
        aid_pause_ms(1);
    }
    aid_pause_ms(2);
    turns(3);
    ck_assert_uint_eq(call_count, 4);
    ck_assert(strchr(calls, 't') && strchr(calls, 'r') && strchr(calls, 's') && strchr(calls, 'n'));
    take_down(ends);
}
END_TEST

static struct waiter one, two;

static void end_the_other(struct waiter *me)
{
    loop_end(me == &one ? &two.ev : &one.ev);
}

START_TEST(what_a_callback_ends_is_not_called_though_it_was_ready)
{
    int ends[2], more[2];

    set_up();
    pair(ends);
    pair(more);
    one = (struct waiter){ .letter = '1', .then = end_the_other };
    two = (struct waiter){ .letter = '2', .then = end_the_other };
    send_byte(ends[1]);
    send_byte(more[1]);
    ck_assert_int_eq(loop_watch(l, &one.ev, ends[0], LOOP_READ, 0, on_call, &one), 0);
    ck_assert_int_eq(loop_watch(l, &two.ev, more[0], LOOP_READ, 0, on_call, &two), 0);
    turns(3);
    ck_assert_uint_eq(call_count, 1);
    close(more[0]);
    close(more[1]);
    take_down(ends);
}
END_TEST

START_TEST(ending_what_does_not_wait_is_harmless)
{
    static const struct loop_event zeroed;
    struct waiter t = { .letter = 't' };

    set_up();
    loop_end(&t.ev);
    ck_assert(!loop_is_waiting(&t.ev));
    ck_assert_int_eq(loop_timer(l, &t.ev, 1, 0, on_call, &t), 0);
    loop_end(&t.ev);
    ck_assert_mem_eq(&t.ev, &zeroed, sizeof(zeroed));
    loop_end(&t.ev);
    aid_pause_ms(2);
    turns(2);
    ck_assert_str_eq(calls, "");
    loop_destroy(l);
    loop_destroy(NULL);
}
END_TEST

START_TEST(a_signal_is_told_on_the_loop_each_time)
{
    struct waiter s = { .letter = 's', .then = stop };

    set_up();
    ck_assert_int_eq(loop_signal(l, &s.ev, SIGUSR2, on_call, &s), 0);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(raise(SIGUSR2), 0);
        loop_run(l);
    }
    ck_assert_str_eq(calls, "ss");
    ck_assert_int_eq(s.fd, SIGUSR2);
    ck_assert_int_eq(s.what, LOOP_SIGNAL);
    loop_end(&s.ev);
    loop_destroy(l);
}
END_TEST

START_TEST(a_descriptor_that_cannot_be_watched_is_an_error_with_a_cause)
{
    struct waiter r = { .letter = 'r' };
    FILE *plain = tmpfile();

    set_up();
    ck_assert_ptr_nonnull(strstr(loop_version(), "libevent 2."));
    aid_log_start();
    ck_assert_ptr_nonnull(plain);
    (void)fflush(NULL);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* libevent speaks as well */
    ck_assert_int_eq(loop_watch(l, &r.ev, fileno(plain), LOOP_READ, 0, on_call, &r), -1);
    ck_assert(!loop_is_waiting(&r.ev));
    ck_assert_msg(strstr(aid_log(), "error: cannot wait for descriptor ") != NULL &&
                      strstr(aid_log(), ": Operation not permitted\n") != NULL,
                  "%s", aid_log());
    (void)fclose(plain);
    loop_destroy(l);
}
END_TEST

Suite *suite_loop(void)
{
    static const TTest **const tests[] = {
        &a_timer_fires_once_and_not_too_early,
        &a_repeating_timer_goes_on_until_it_is_ended,
        &timers_fire_in_the_order_of_their_times,
        &a_level_is_told_in_every_turn_while_it_lasts,
        &an_edge_is_told_once_for_each_change,
        &a_watch_without_repeat_tells_once,
        &writing_is_told_when_there_is_room,
        &the_other_side_closing_its_half_is_told,
        &a_watch_with_a_time_out_tells_which_of_both_came,
        &soon_means_this_turn_after_the_running_call_in_order,
        &soon_can_be_called_off,
        &soon_calls_what_it_was_told_last,
        &a_callback_may_end_its_own_event_and_free_it,
        &what_a_callback_ends_is_not_called_though_it_was_ready,
        &ending_what_does_not_wait_is_harmless,
        &a_signal_is_told_on_the_loop_each_time,
        &a_descriptor_that_cannot_be_watched_is_an_error_with_a_cause,
        NULL,
    };

    return unit_suite("loop", tests);
}
