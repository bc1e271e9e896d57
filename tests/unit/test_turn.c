/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include "log.h"
#include "unit.h"

#include <stdio.h>
#include <time.h>

static struct blame *b;
static struct turn t;
static char line[1024];
static unsigned lines;

static void keep(void *arg, enum mpx_level level, struct mpx_str text)
{
    (void)arg;
    (void)level;
    (void)snprintf(line, sizeof(line), "%.*s", STR_ARGS(text));
    lines++;
}

static void set_up(int64_t warn_ms)
{
    const struct log_target target = { .level = MPX_WARN, .format = LOG_BARE, .write = keep };

    b = blame_create();
    blame_name(b, 1, "slow");
    blame_name(b, 2, "quick");
    turn_init(&t, b, warn_ms);
    turn_tick(&t);
    lines = 0;
    log_set_targets(&target, 1);
}

static void take_down(void)
{
    log_set_targets(NULL, 0);
    blame_destroy(b);
}

static void doze(long ms)
{
    (void)nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 },
                    NULL);
}

START_TEST(a_turn_is_counted_where_it_begins_and_where_it_ends)
{
    set_up(0);
    turn_begin(&t);
    turn_begin(&t);
    ck_assert_uint_eq(blame_turns(b), 1);
    turn_end(&t);
    turn_end(&t);
    ck_assert_uint_eq(blame_turns(b), 2);
    turn_begin(&t);
    turn_forget(&t);
    turn_forget(&t);
    ck_assert_uint_eq(blame_turns(b), 4);
    take_down();
}
END_TEST

START_TEST(a_turn_that_takes_too_long_names_who_took_the_longest)
{
    set_up(200);
    turn_begin(&t);
    blame_set(b, 2, BLAME_TIMER, 0);
    doze(20);
    blame_request(b, 5);
    blame_set(b, 1, BLAME_HOOK + MPX_PH_CONTENT, blame_host(b, "v"));
    doze(800);
    blame_set(b, 2, BLAME_FILTER, 0);
    blame_clear(b);
    turn_end(&t);
    ck_assert_uint_eq(lines, 1);
    ck_assert_ptr_nonnull(strstr(line, " of them in module \"slow\" in its CONTENT hook, virtual "
                                       "host \"v\", request 0000000000000005: all clients waited"));
    take_down();
}
END_TEST

START_TEST(many_of_them_are_one_line)
{
    set_up(20);
    for (int i = 0; i < 3; i++) {
        turn_begin(&t);
        blame_set(b, 1, BLAME_TIMER, 0);
        doze(300);
        blame_clear(b);
        turn_end(&t);
    }
    ck_assert_uint_eq(lines, 1);
    take_down();
}
END_TEST

START_TEST(a_short_turn_is_not_told_and_without_a_limit_none_is)
{
    set_up(10000);
    turn_begin(&t);
    turn_end(&t);
    turn_set_warn(&t, 0);
    turn_begin(&t);
    doze(50);
    turn_end(&t);
    ck_assert_uint_eq(lines, 0);
    take_down();
}
END_TEST

START_TEST(what_a_module_did_is_its_own_though_another_was_called_meanwhile)
{
    set_up(100);
    turn_begin(&t);
    blame_set(b, 1, BLAME_HOOK, 0);
    doze(600);
    uint64_t before = blame_get(b);
    blame_set(b, 2, BLAME_CALLBACK, 0);
    blame_put(b, before);
    blame_clear(b);
    turn_end(&t);
    ck_assert_ptr_nonnull(strstr(line, "module \"slow\" in its ROUTE hook"));
    take_down();
}
END_TEST

Suite *suite_turn(void)
{
    static const TTest **const tests[] = {
        &a_turn_is_counted_where_it_begins_and_where_it_ends,
        &a_turn_that_takes_too_long_names_who_took_the_longest,
        &many_of_them_are_one_line,
        &a_short_turn_is_not_told_and_without_a_limit_none_is,
        &what_a_module_did_is_its_own_though_another_was_called_meanwhile,
        NULL
    };

    return unit_suite("turn", tests);
}
