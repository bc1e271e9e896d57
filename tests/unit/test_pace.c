/* SPDX-License-Identifier: MIT
   Least rates: who keeps one, who falls behind, and for how long. */
#include "pace.h"

#include "unit.h"

/* After how many seconds of so many bytes each it is too slow; -1 when it is not within an hour. */
static int lasts(struct pace *p, int64_t rate, uint64_t bytes)
{
    for (int i = 1; i <= 3600; i++)
        if (!pace_note(p, rate, 1000, bytes))
            return i;
    return -1;
}

START_TEST(who_sends_nothing_has_the_grace)
{
    struct pace p;

    pace_start(&p);
    ck_assert_int_eq(lasts(&p, 1000, 0), PACE_GRACE_MS / 1000 + 1);
}
END_TEST

START_TEST(who_keeps_the_rate_may_go_on_for_ever)
{
    struct pace p;

    pace_start(&p);
    ck_assert_int_eq(lasts(&p, 1000, 1000), -1);
    ck_assert_int_eq(lasts(&p, 1, 1), -1);
    ck_assert_int_eq(lasts(&p, INT64_C(1) << 40, UINT64_C(1) << 40), -1);
}
END_TEST

START_TEST(half_the_rate_lasts_twice_the_grace)
{
    struct pace p;

    pace_start(&p);
    ck_assert_int_eq(lasts(&p, 1000, 500), 2 * PACE_GRACE_MS / 1000 + 1);
}
END_TEST

START_TEST(a_fast_start_does_not_pay_for_more_than_the_grace)
{
    struct pace p;

    pace_start(&p);
    ck_assert(pace_note(&p, 1000, 0, UINT64_C(1) << 40));
    ck_assert_int_eq(lasts(&p, 1000, 0), PACE_GRACE_MS / 1000 + 1);
}
END_TEST

START_TEST(bytes_in_bursts_count_like_others)
{
    struct pace p;

    pace_start(&p);
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < 7; k++)
            ck_assert(pace_note(&p, 1000, 1000, 0));
        ck_assert(pace_note(&p, 1000, 1000, 8000));
    }
}
END_TEST

START_TEST(who_is_not_waited_for_loses_nothing)
{
    struct pace p;

    pace_start(&p);
    for (int i = 0; i < 1000; i++)
        ck_assert(pace_note(&p, 1000, 0, 0));
    ck_assert_int_eq(lasts(&p, 1000, 0), PACE_GRACE_MS / 1000 + 1);
}
END_TEST

Suite *suite_pace(void)
{
    static const TTest **const tests[] = { &who_sends_nothing_has_the_grace,
                                           &who_keeps_the_rate_may_go_on_for_ever,
                                           &half_the_rate_lasts_twice_the_grace,
                                           &a_fast_start_does_not_pay_for_more_than_the_grace,
                                           &bytes_in_bursts_count_like_others,
                                           &who_is_not_waited_for_loses_nothing,
                                           NULL };

    return unit_suite("pace", tests);
}
