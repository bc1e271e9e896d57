/* SPDX-License-Identifier: MIT */
#include "date.h"
#include "str.h"
#include "unit.h"

#include <stdio.h>
#include <time.h>

enum { DAY = 86400, LAST_DAY = 2932896 }; /* 9999-12-31 */

static const time_t now = 1600000000; /* 2020-09-13 12:26:40 */

static time_t parse_at(time_t when, const char *text)
{
    time_t t = -1;

    return date_parse(str_of(text), when, &t) == 0 ? t : -1;
}

static time_t parse(const char *text)
{
    return parse_at(now, text);
}

static int days_in(int year, int month)
{
    static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return days[month - 1] + (leap && month == 2 ? 1 : 0);
}

START_TEST(the_calendar_is_right_for_each_day_of_ten_thousand_years)
{
    int year = 0, month = 1, day = 1; /* 0000-01-01 */

    for (int64_t i = -719528; i <= LAST_DAY; i++) {
        int y, m, d;

        date_civil(i, &y, &m, &d);
        if (y != year || m != month || d != day)
            ck_abort_msg("%d-%d-%d is %d-%d-%d", year, month, day, y, m, d);
        if (++day > days_in(year, month)) {
            day = 1;
            month = month % 12 + 1;
            year += month == 1;
        }
    }
    ck_assert_int_eq(year, 10000);
}
END_TEST

START_TEST(writes_what_strftime_writes)
{
    for (time_t t = 0; t / DAY <= LAST_DAY; t += 86399 * 101) {
        char ours[DATE_HTTP], theirs[DATE_HTTP];
        struct tm tm;

        date_http(t, ours);
        ck_assert_ptr_nonnull(gmtime_r(&t, &tm));
        ck_assert_uint_eq(strftime(theirs, sizeof(theirs), "%a, %d %b %Y %H:%M:%S GMT", &tm), 29);
        ck_assert_str_eq(ours, theirs);
    }
}
END_TEST

START_TEST(dates_out_of_range_are_brought_into_it)
{
    static const char first[] = "Thu, 01 Jan 1970 00:00:00 GMT";
    static const char last[] = "Fri, 31 Dec 9999 23:59:59 GMT";
    const time_t end = ((time_t)LAST_DAY + 1) * DAY;
    char out[DATE_HTTP];

    date_http(0, out);
    ck_assert_str_eq(out, first);
    date_http(-1, out);
    ck_assert_str_eq(out, first);
    date_http(INT64_MIN, out);
    ck_assert_str_eq(out, first);
    date_http(end - 1, out);
    ck_assert_str_eq(out, last);
    date_http(end, out);
    ck_assert_str_eq(out, last);
    date_http(INT64_MAX, out);
    ck_assert_str_eq(out, last);
}
END_TEST

START_TEST(reads_back_what_it_wrote)
{
    for (time_t t = 0; t / DAY <= LAST_DAY; t += 3 * DAY + 4567) {
        char text[DATE_HTTP];
        time_t back = -1;

        date_http(t, text);
        if (date_parse(str_of(text), now, &back) != 0 || back != t)
            ck_abort_msg("%s", text);
    }
}
END_TEST

START_TEST(reads_each_second_of_a_day)
{
    for (time_t t = 784080000; t < 784080000 + DAY; t++) {
        char text[DATE_HTTP];
        time_t back = -1;

        date_http(t, text);
        if (date_parse(str_of(text), now, &back) != 0 || back != t)
            ck_abort_msg("%s", text);
    }
}
END_TEST

START_TEST(dates_of_logs_have_their_forms)
{
    char iso[DATE_ISO], text[DATE_LOG];
    struct tm tm = { .tm_year = 94,
                     .tm_mon = 10,
                     .tm_mday = 6,
                     .tm_hour = 8,
                     .tm_min = 49,
                     .tm_sec = 7,
                     .tm_gmtoff = -12600 };

    date_iso(784111777, iso);
    ck_assert_str_eq(iso, "1994-11-06T08:49:37.000Z");
    date_iso_ms(iso, 42);
    ck_assert_str_eq(iso, "1994-11-06T08:49:37.042Z");
    date_iso_ms(iso, 999);
    ck_assert_str_eq(iso, "1994-11-06T08:49:37.999Z");
    date_iso(-1, iso);
    ck_assert_str_eq(iso, "1970-01-01T00:00:00.000Z");
    date_iso(INT64_MAX, iso);
    ck_assert_str_eq(iso, "9999-12-31T23:59:59.000Z");
    date_log(&tm, text);
    ck_assert_str_eq(text, "06/Nov/1994:08:49:07 -0330");
    tm.tm_gmtoff = 20700;
    date_log(&tm, text);
    ck_assert_str_eq(text, "06/Nov/1994:08:49:07 +0545");
}
END_TEST

START_TEST(reads_the_three_forms)
{
    static const struct {
        const char *text;
        time_t t;
    } dates[] = {
        { "Sun, 06 Nov 1994 08:49:37 GMT", 784111777 },
        { "Sunday, 06-Nov-94 08:49:37 GMT", 784111777 },
        { "Sun Nov  6 08:49:37 1994", 784111777 },
        { "Sun Nov 06 08:49:37 1994", 784111777 },
        { "Wed Nov 16 08:49:37 1994", 784975777 },
        { "Wednesday, 16-Nov-94 08:49:37 GMT", 784975777 },
        { "Thu, 29 Feb 2024 12:00:00 GMT", 1709208000 },
        { "Tue, 29 Feb 2000 23:59:59 GMT", 951868799 },
        { "Thu, 01 Jan 1970 00:00:00 GMT", 0 },
    };

    for (size_t i = 0; i < sizeof(dates) / sizeof(dates[0]); i++)
        ck_assert_msg(parse(dates[i].text) == dates[i].t, "%s", dates[i].text);
}
END_TEST

START_TEST(reads_dates_before_1970)
{
    time_t t = 0;

    ck_assert_int_eq(date_parse(MPX_STR("Wed, 31 Dec 1969 23:59:58 GMT"), now, &t), 0);
    ck_assert_int_eq(t, -2);
    ck_assert_int_eq(date_parse(MPX_STR("Sat, 01 Jan 0000 00:00:00 GMT"), now, &t), 0);
    ck_assert_int_eq(t, -719528 * (int64_t)DAY);
}
END_TEST

START_TEST(a_leap_second_is_the_next_minute)
{
    ck_assert_int_eq(parse("Sat, 31 Dec 2016 23:59:60 GMT"), 1483228800);
    ck_assert_int_eq(parse("Sat, 31 Dec 2016 23:59:61 GMT"), -1);
}
END_TEST

START_TEST(refuses_dates_that_do_not_exist)
{
    static const char *const wrong[] = {
        "Thu, 30 Feb 2024 12:00:00 GMT",  "Wed, 29 Feb 2023 12:00:00 GMT",
        "Thu, 29 Feb 1900 12:00:00 GMT",  "Mon, 29 Feb 2100 12:00:00 GMT",
        "Sun, 31 Apr 1994 08:49:37 GMT",  "Sun, 00 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",  "Sun, 32 Dec 1994 08:49:37 GMT",
        "Sun, 99 Dec 1994 08:49:37 GMT",  "Sun, 06 Nov 1994 24:00:00 GMT",
        "Sun, 06 Nov 1994 08:60:37 GMT",  "Sun, 06 Nov 1994 99:99:99 GMT",
        "Sunday, 29-Feb-23 08:49:37 GMT", "Sunday, 31-Jun-94 08:49:37 GMT",
        "Sun Feb 30 08:49:37 1994",       "Sun Nov  0 08:49:37 1994",
        "Sun Nov 00 08:49:37 1994",       "Sun Nov 31 08:49:37 1994",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(parse(wrong[i]) == -1, "%s", wrong[i]);
}
END_TEST

START_TEST(refuses_any_other_form)
{
    static const char *const wrong[] = {
        "",
        "0",
        "784111777",
        "Sun",
        "Sun, ",
        "Son, 06 Nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:37 gmt",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 +0000",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49 GMT",
        "Sun,  6 Nov 1994 08:49:37 GMT",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sun 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 94 08:49:37 GMT",
        "Sun, 06 Nov 19940 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun, 06 Nov 1994  08:49:37 GMT",
        "Sun, 06 Nov 1994 8:49:37 GMT",
        "Sun, 06 Nov 1994 08.49.37 GMT",
        "Sun, 06 Nov -994 08:49:37 GMT",
        "Sun, +6 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37",
        "Sunday Nov  6 08:49:37 1994",
        "Sund, 06 Nov 1994 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov   6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun Nov  6 08:49:37  1994",
        "Sun, Nov  6 08:49:37 1994",
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(parse(wrong[i]) == -1, "%s", wrong[i]);
}
END_TEST

/* A byte more, a byte less or another byte anywhere, and it is no date, or another one. */
static void check_each_byte(const char *text)
{
    char other[64];
    size_t n = strlen(text);
    time_t t;

    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(date_parse((struct mpx_str){ text, i }, now, &t), -1);
    for (int c = 0; c < 256; c++)
        for (size_t i = 0; i <= n; i++) {
            memcpy(other, text, i);
            other[i] = (char)c;
            memcpy(other + i + 1, text + i, n - i);
            if (date_parse((struct mpx_str){ other, n + 1 }, now, &t) == 0)
                ck_abort_msg("%.*s", (int)n + 1, other);
            memcpy(other, text, n);
            if (i == n || other[i] == (char)c || (c >= '0' && c <= '9'))
                continue;
            other[i] = (char)c;
            if (date_parse((struct mpx_str){ other, n }, now, &t) == 0)
                ck_abort_msg("%.*s", (int)n, other);
        }
}

START_TEST(no_byte_of_a_date_may_be_added_cut_or_changed)
{
    check_each_byte("Sun, 06 Nov 1994 08:49:37 GMT");
    check_each_byte("Sunday, 06-Nov-94 08:49:37 GMT");
    check_each_byte("Thu Nov 10 08:49:37 1994");
}
END_TEST

START_TEST(the_weekday_need_not_fit)
{
    ck_assert_int_eq(parse("Mon, 06 Nov 1994 08:49:37 GMT"), 784111777);
    ck_assert_int_eq(parse("Monday, 06-Nov-94 08:49:37 GMT"), 784111777);
    ck_assert_int_eq(parse("Mon Nov  6 08:49:37 1994"), 784111777);
}
END_TEST

START_TEST(a_refused_date_leaves_the_time_alone)
{
    time_t t = 4711;

    ck_assert_int_eq(date_parse(MPX_STR("Thu, 30 Feb 2024 12:00:00 GMT"), now, &t), -1);
    ck_assert_int_eq(date_parse(MPX_STR("Sun, 06 Nov 1994 08:49:37 GMT "), now, &t), -1);
    ck_assert_int_eq(t, 4711);
}
END_TEST

static int year_read(time_t when, const char *two_digits)
{
    char text[64];
    int year, month, day;

    (void)snprintf(text, sizeof(text), "Sunday, 06-Nov-%s 08:49:37 GMT", two_digits);
    date_civil(parse_at(when, text) / DAY, &year, &month, &day);
    return year;
}

START_TEST(a_two_digit_year_is_at_most_50_years_ahead)
{
    const time_t in_1999 = 940000000, in_2099 = 4096000000;

    ck_assert_int_eq(year_read(now, "20"), 2020);
    ck_assert_int_eq(year_read(now, "00"), 2000);
    ck_assert_int_eq(year_read(now, "70"), 2070);
    ck_assert_int_eq(year_read(now, "71"), 1971);
    ck_assert_int_eq(year_read(now, "99"), 1999);
    ck_assert_int_eq(year_read(in_1999, "99"), 1999);
    ck_assert_int_eq(year_read(in_1999, "70"), 1970);
    ck_assert_int_eq(year_read(in_2099, "94"), 2094);
}
END_TEST

START_TEST(written_dates_compare_as_their_times_do)
{
    static const time_t apart[] = { 0, 1, 59, 60, 3599, 3600, DAY - 1, DAY, 27 * DAY, 366 * DAY };

    for (time_t t = 0; t < 4102444800; t += 40 * DAY + 12345)
        for (size_t i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
            char a[DATE_HTTP], b[DATE_HTTP];

            date_http(t, a);
            date_http(t + apart[i], b);
            ck_assert_msg((date_compare(a, b) < 0) == (apart[i] > 0), "%s, %s", a, b);
            ck_assert_msg((date_compare(b, a) > 0) == (apart[i] > 0), "%s, %s", b, a);
        }
    /* what is no date is compared without harm */
    (void)date_compare("xxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "Sun, 06 Nov 1994 08:49:37 GMT");
}
END_TEST

START_TEST(the_clocks_never_go_back)
{
    int64_t us = clock_us(), ms = clock_ms();

    ck_assert_int_gt(us, 0);
    ck_assert_int_ge(ms, us / 1000);
    for (int i = 0; i < 10000; i++) {
        int64_t then = us;

        us = clock_us();
        if (us < then)
            ck_abort_msg("%lld", (long long)(us - then));
    }
    ck_assert_int_le(us / 1000 - ms, 30000);
    ck_assert_int_ge(clock_ms(), us / 1000);
}
END_TEST

Suite *suite_date(void)
{
    static const TTest **const tests[] = {
        &the_calendar_is_right_for_each_day_of_ten_thousand_years,
        &writes_what_strftime_writes,
        &dates_out_of_range_are_brought_into_it,
        &reads_back_what_it_wrote,
        &reads_each_second_of_a_day,
        &dates_of_logs_have_their_forms,
        &reads_the_three_forms,
        &reads_dates_before_1970,
        &a_leap_second_is_the_next_minute,
        &refuses_dates_that_do_not_exist,
        &refuses_any_other_form,
        &no_byte_of_a_date_may_be_added_cut_or_changed,
        &the_weekday_need_not_fit,
        &a_refused_date_leaves_the_time_alone,
        &a_two_digit_year_is_at_most_50_years_ahead,
        &written_dates_compare_as_their_times_do,
        &the_clocks_never_go_back,
        NULL,
    };

    return unit_suite("date", tests);
}
