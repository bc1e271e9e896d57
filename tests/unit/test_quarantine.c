/* SPDX-License-Identifier: MIT */
#include "quarantine.h"

#include "unit.h"

#include <stdio.h>

static struct quarantine q;
static const struct quarantine_rules three = { .crashes = 3,
                                               .window_ms = 60000,
                                               .length_ms = 600000 };

static bool crash(const char *name, int64_t now)
{
    return quarantine_note(&q, str_of(name), false, now);
}

static const char *list_at(int64_t now)
{
    static char text[4096];
    struct buffer b;

    buffer_init(&b, sizeof(text) - 1);
    quarantine_write(&q, now, &b);
    memcpy(text, b.p != NULL ? b.p : "", b.n);
    text[b.n] = '\0';
    buffer_finish(&b);
    return text;
}

START_TEST(the_third_crash_in_the_window_is_one_too_many)
{
    quarantine_init(&q, &three);
    ck_assert(!crash("x", 1000));
    ck_assert(!crash("x", 2000));
    ck_assert_str_eq(list_at(2000), "");
    ck_assert_int_eq(quarantine_due(&q), 0);
    ck_assert(crash("x", 60999));
    ck_assert_uint_eq(quarantine_crashes(&q, MPX_STR("x"), 60999), 3);
    ck_assert_str_eq(list_at(60999), "x 600 o\n");
    ck_assert_int_eq(quarantine_due(&q), 660999);
}
END_TEST

START_TEST(crashes_that_lie_far_apart_are_none_too_many)
{
    quarantine_init(&q, &three);
    for (int64_t i = 0; i < 50; i++)
        ck_assert(!crash("x", 1000 + i * 30001));
}
END_TEST

START_TEST(modules_are_counted_one_by_one)
{
    quarantine_init(&q, &three);
    ck_assert(!crash("x", 1));
    ck_assert(!crash("y", 2));
    ck_assert(!crash("x", 3));
    ck_assert(!crash("y", 4));
    ck_assert(crash("y", 5));
    ck_assert_str_eq(list_at(6), "y 600 o\n");
}
END_TEST

START_TEST(when_its_time_is_over_it_is_tried_once)
{
    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("x", i);
    ck_assert_ptr_null(quarantine_release(&q, 600002));
    ck_assert_str_eq(quarantine_release(&q, 600003), "x");
    ck_assert_ptr_null(quarantine_release(&q, 600003));
    ck_assert_str_eq(list_at(600003), "");
    ck_assert(crash("x", 900000));
    ck_assert_int_eq(quarantine_due(&q), 1500000);
}
END_TEST

START_TEST(one_that_has_stood_its_trial_has_three_again)
{
    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("x", i);
    ck_assert_ptr_nonnull(quarantine_release(&q, 600003));
    ck_assert(!crash("x", 1200003));
    ck_assert(!crash("x", 1200004));
    ck_assert(crash("x", 1200005));
}
END_TEST

START_TEST(what_is_left_is_rounded_up_and_never_nothing)
{
    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("x", i);
    ck_assert_str_eq(list_at(4), "x 600 o\n");
    ck_assert_str_eq(list_at(599003), "x 1 o\n");
    ck_assert_str_eq(list_at(700000), "x 1 o\n");
}
END_TEST

START_TEST(one_that_cannot_even_be_loaded_is_marked)
{
    quarantine_init(&q, &three);
    (void)crash("x", 1);
    (void)crash("x", 2);
    ck_assert(quarantine_note(&q, MPX_STR("x"), true, 3));
    ck_assert_str_eq(list_at(3), "x 600 l\n");
    ck_assert(crash("y", 3) == false);
}
END_TEST

START_TEST(one_that_crashes_in_quarantine_where_it_is_loaded_is_loaded_no_more)
{
    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("x", i);
    ck_assert(!crash("x", 4));
    ck_assert(quarantine_note(&q, MPX_STR("x"), true, 5));
    ck_assert(!quarantine_note(&q, MPX_STR("x"), true, 6));
    ck_assert_str_eq(list_at(7), "x 600 l\n");
}
END_TEST

START_TEST(without_a_number_nobody_is_in)
{
    const struct quarantine_rules off = { .window_ms = 60000, .length_ms = 600000 };

    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("x", i);
    quarantine_set_rules(&q, &off);
    ck_assert_int_ne(quarantine_due(&q), 0);
    ck_assert_str_eq(quarantine_release(&q, 10), "x");
    for (int i = 11; i <= 40; i++)
        ck_assert(!crash("x", i));
}
END_TEST

START_TEST(one_crash_can_be_enough)
{
    const struct quarantine_rules one = { .crashes = 1, .window_ms = 1, .length_ms = 1000 };

    quarantine_init(&q, &one);
    ck_assert(crash("x", 5));
}
END_TEST

START_TEST(more_names_than_there_is_room_for_push_out_the_oldest_but_none_that_is_in)
{
    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++)
        (void)crash("first", i);
    for (int i = 0; i < 3 * QUARANTINE_MODULES; i++) {
        char name[16];

        (void)snprintf(name, sizeof(name), "m%d", i);
        ck_assert(!crash(name, 10 + i));
    }
    ck_assert_str_eq(list_at(500), "first 600 o\n");
    ck_assert_uint_eq(q.count, QUARANTINE_MODULES);
}
END_TEST

START_TEST(a_name_that_is_too_long_is_none)
{
    char name[200];

    memset(name, 'n', sizeof(name));
    quarantine_init(&q, &three);
    for (int i = 1; i <= 5; i++)
        ck_assert(!quarantine_note(&q, (struct mpx_str){ name, sizeof(name) }, false, i));
}
END_TEST

START_TEST(a_list_is_read_as_it_was_written)
{
    struct mpx_str list;
    struct quarantine_line line;

    quarantine_init(&q, &three);
    for (int i = 1; i <= 3; i++) {
        (void)crash("x", i);
        (void)quarantine_note(&q, MPX_STR("y_2"), true, i);
    }
    list = str_of(list_at(3));
    ck_assert(quarantine_read(&list, &line));
    ck_assert_view_eq(line.name, "x");
    ck_assert_uint_eq(line.seconds, 600);
    ck_assert(!line.is_not_loaded);
    ck_assert(quarantine_read(&list, &line));
    ck_assert_view_eq(line.name, "y_2");
    ck_assert(line.is_not_loaded);
    ck_assert(!quarantine_read(&list, &line));
}
END_TEST

START_TEST(what_is_no_list_is_read_as_none)
{
    static const char *const wrong[] = { "", "\n", "x\n", "x 5\n", "x o\n", " 5 o\n", "x 5 oo\n" };
    struct quarantine_line line;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct mpx_str list = str_of(wrong[i]);

        ck_assert_msg(!quarantine_read(&list, &line), "%s", wrong[i]);
    }
}
END_TEST

Suite *suite_quarantine(void)
{
    static const TTest **const tests[] = {
        &the_third_crash_in_the_window_is_one_too_many,
        &crashes_that_lie_far_apart_are_none_too_many,
        &modules_are_counted_one_by_one,
        &when_its_time_is_over_it_is_tried_once,
        &one_that_has_stood_its_trial_has_three_again,
        &what_is_left_is_rounded_up_and_never_nothing,
        &one_that_cannot_even_be_loaded_is_marked,
        &one_that_crashes_in_quarantine_where_it_is_loaded_is_loaded_no_more,
        &without_a_number_nobody_is_in,
        &one_crash_can_be_enough,
        &more_names_than_there_is_room_for_push_out_the_oldest_but_none_that_is_in,
        &a_name_that_is_too_long_is_none,
        &a_list_is_read_as_it_was_written,
        &what_is_no_list_is_read_as_none,
        NULL
    };

    return unit_suite("quarantine", tests);
}
