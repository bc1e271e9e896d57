/* SPDX-License-Identifier: MIT */
#include "range.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* "whole", "none", or the ranges as they would be written. */
static const char *text_of(const char *value, uint64_t length)
{
    static char text[512];
    struct ranges rs = { .count = 0 };
    size_t n = 0;

    switch (range_read(str_of(value), length, &rs)) {
    case RANGE_WHOLE:
        return "whole";
    case RANGE_NONE:
        return "none";
    case RANGE_SOME:
        break;
    }
    ck_assert_uint_gt(rs.count, 0);
    text[0] = '\0';
    for (size_t i = 0; i < rs.count; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%llu-%llu", i > 0 ? "," : "",
                              (unsigned long long)rs.list[i].first,
                              (unsigned long long)rs.list[i].end - 1);
    return text;
}

struct test {
    const char *value;
    uint64_t length;
    const char *wanted;
};

#define CHECK_ALL(tests)                                                                         \
    do {                                                                                         \
        for (size_t i = 0; i < sizeof(tests) / sizeof((tests)[0]); i++) {                        \
            const char *found = text_of((tests)[i].value, (tests)[i].length);                    \
            ck_assert_msg(strcmp(found, (tests)[i].wanted) == 0, "\"%s\" of %llu is %s, not %s", \
                          (tests)[i].value, (unsigned long long)(tests)[i].length, found,        \
                          (tests)[i].wanted);                                                    \
        }                                                                                        \
    } while (0)

/* RFC 9110 14.1.2 */
START_TEST(reads_the_three_forms)
{
    static const struct test tests[] = {
        { "bytes=0-0", 10, "0-0" }, { "bytes=0-9", 10, "0-9" },      { "bytes=0-10", 10, "0-9" },
        { "bytes=9-", 10, "9-9" },  { "bytes=0-", 10, "0-9" },       { "bytes=-1", 10, "9-9" },
        { "bytes=-10", 10, "0-9" }, { "bytes=-11", 10, "0-9" },      { "bytes=0-", 1, "0-0" },
        { "BYTES=1-2", 10, "1-2" }, { "bytes=007-0008", 10, "7-8" }, { "bytes= 1-2 ", 10, "1-2" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(what_is_not_there_is_left_out)
{
    static const struct test tests[] = {
        { "bytes=10-", 10, "none" },
        { "bytes=10-10", 10, "none" },
        { "bytes=-0", 10, "none" },
        { "bytes=10-,11-12,-0", 10, "none" },
        { "bytes=10-,3-4,-0", 10, "3-4" },
        { "bytes=0-", 0, "none" },
        { "bytes=0-0", 0, "none" },
        { "bytes=-0", 0, "none" },
        /* these are there, but cannot be named */
        { "bytes=-1", 0, "whole" },
        { "bytes=0-0,-1", 0, "whole" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(numbers_may_be_of_any_size)
{
    static const struct test tests[] = {
        { "bytes=18446744073709551615-", 10, "none" },
        { "bytes=18446744073709551616-", 10, "none" },
        { "bytes=1-18446744073709551615", 10, "1-9" },
        { "bytes=1-18446744073709551616", 10, "1-9" },
        { "bytes=1-999999999999999999999999999999999999999999999999", 10, "1-9" },
        { "bytes=-18446744073709551615", 10, "0-9" },
        { "bytes=-18446744073709551616", 10, "0-9" },
        { "bytes=99999999999999999999-99999999999999999999", 10, "none" },
        { "bytes=1-2, 99999999999999999999-0100000000000000000000", 10, "1-2" },
        { "bytes=1-2, 100000000000000000000-099999999999999999999", 10, "whole" },
        { "bytes=9223372036854775806-", INT64_MAX, "9223372036854775806-9223372036854775806" },
        { "bytes=-2", INT64_MAX, "9223372036854775805-9223372036854775806" },
        { "bytes=0-9223372036854775807", INT64_MAX, "0-9223372036854775806" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(what_breaks_the_grammar_is_ignored)
{
    static const char *const values[] = {
        "",
        "bytes",
        "bytes=",
        "bytes=,",
        "bytes=-",
        "bytes=--1",
        "bytes=1",
        "bytes=1-2-3",
        "bytes=2-1",
        "bytes=+1-2",
        "bytes=1 -2",
        "bytes=1- 2",
        "bytes=a-b",
        "bytes=1-b",
        "bytes=a-1",
        "bytes=0x1-",
        "bytes=1.0-",
        "bytes=1-2;3-4",
        " bytes=1-2",
        "bytes =1-2",
        "byte=1-2",
        "bytess=1-2",
        "items=1-2",
        "=1-2",
        "1-2",
        "bytes:1-2",
        "bytes=*",
        "bytes=\"1-2\"",
        "bytes=1-2,x",
        "bytes=x,1-2",
        "bytes=1-2 3-4",
        "bytes=-1-",
        "bytes=1-2,bytes=3-4",
        "bytes=\xff-",
        "bytes=1\t-2",
        "bytes==1-2",
        "none",
        "bytes=18446744073709551616-1",
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)

        ck_assert_msg(strcmp(text_of(values[i], 10), "whole") == 0, "%s", values[i]);
}
END_TEST

START_TEST(ranges_are_ordered_and_joined)
{
    static const struct test tests[] = {
        { "bytes=5-6,0-1", 10, "0-1,5-6" },
        { "bytes=0-1,2-3", 10, "0-3" },
        { "bytes=2-3,0-1", 10, "0-3" },
        { "bytes=0-1,3-4", 10, "0-1,3-4" },
        { "bytes=0-5,2-3,4-8", 10, "0-8" },
        { "bytes=2-3,2-8,2-2", 10, "2-8" },
        { "bytes=-3,0-1,5-", 10, "0-1,5-9" },
        { "bytes=0-,-1", 10, "0-9" },
        { "bytes=4-4,2-2,0-0,3-3,1-1", 10, "0-4" },
        { "bytes=,, 1-2 ,\t,4-4,", 10, "1-2,4-4" },
        { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18", 20,
          "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18" },
        { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20", 30, "whole" },
        { "bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20", 20,
          "0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(so_many_are_looked_at_and_no_more)
{
    static const char *const each[] = { "0-1", "99-" };

    for (size_t e = 0; e < 2; e++)
        for (int n = RANGE_SPECS - 1; n <= RANGE_SPECS + 1; n++) {
            struct buffer b;

            buffer_init(&b, 65536);
            (void)buffer_add(&b, MPX_STR("bytes="));
            for (int i = 0; i < n; i++)
                (void)buffer_printf(&b, ",%s", each[e]);
            (void)buffer_add_char(&b, '\0');
            ck_assert_str_eq(text_of(b.p, 10), n > RANGE_SPECS ? "whole" : e == 0 ? "0-1" : "none");
            buffer_finish(&b);
        }
}
END_TEST

enum { SHORT = 12 };

/* A few ranges at random, as text and as a picture of a representation of SHORT bytes. */
static void draw(char *text, size_t room, char picture[SHORT + 1])
{
    size_t n = (size_t)snprintf(text, room, "bytes=");

    memset(picture, '.', SHORT);
    picture[SHORT] = '\0';
    for (int left = 1 + rand() % 5; left > 0; left--) {
        int first = rand() % (SHORT + 3), last = first + rand() % 5, form = rand() % 3;

        if (form == 0)
            n += (size_t)snprintf(text + n, room - n, "%d-%d,", first, last);
        else if (form == 1)
            n += (size_t)snprintf(text + n, room - n, "%d-,", first);
        else
            n +=
                (size_t)snprintf(text + n, room - n, "-%d,", SHORT - first > 0 ? SHORT - first : 0);
        for (int i = first; i < SHORT && (form != 0 || i <= last); i++)
            picture[i] = '#';
    }
}

START_TEST(every_byte_that_is_asked_for_is_in_one_range)
{
    for (int i = 0; i < 20000; i++) {
        char text[256], wanted[SHORT + 1], found[SHORT + 1] = "............";
        struct ranges rs = { .count = 0 };

        draw(text, sizeof(text), wanted);
        enum range_answer answer = range_read(str_of(text), SHORT, &rs);
        ck_assert_int_eq(answer, strchr(wanted, '#') != NULL ? RANGE_SOME : RANGE_NONE);
        for (size_t k = 0; k < rs.count; k++) {
            ck_assert_uint_lt(rs.list[k].first, rs.list[k].end);
            ck_assert_uint_le(rs.list[k].end, SHORT);
            ck_assert(k == 0 || rs.list[k].first > rs.list[k - 1].end);
            memset(found + rs.list[k].first, '#', (size_t)(rs.list[k].end - rs.list[k].first));
        }
        ck_assert_msg(strcmp(found, wanted) == 0, "%s: %s, not %s", text, found, wanted);
    }
}
END_TEST

START_TEST(a_body_in_any_pieces_passes_alike)
{
    for (int i = 0; i < 20000; i++) {
        char text[256], wanted[SHORT + 1], found[SHORT + 1] = "............";
        struct ranges rs = { .count = 0 };
        struct range_walk w = { .ranges = &rs };
        size_t begun = 0, ended = 0;

        draw(text, sizeof(text), wanted);
        (void)range_read(str_of(text), SHORT, &rs);
        for (size_t at = 0; at < SHORT;) {
            size_t n = 1 + (size_t)rand() % (SHORT - at);
            struct range_step s = range_next(&w, n);

            ck_assert_uint_gt(s.skip + s.take, 0);
            ck_assert_uint_le(s.skip + s.take, n);
            ck_assert(s.take > 0 || s.skip == n);
            memset(found + at + s.skip, '#', s.take);
            begun += s.begins;
            ended += s.ends;
            at += s.skip + s.take;
            ck_assert_uint_eq(w.pos, at);
            ck_assert(s.take > 0 || (!s.begins && !s.ends));
        }
        ck_assert_msg(strcmp(found, wanted) == 0, "%s: %s, not %s", text, found, wanted);
        ck_assert_uint_eq(begun, rs.count);
        ck_assert_uint_eq(ended, rs.count > 0);
    }
}
END_TEST

Suite *suite_range(void)
{
    static const TTest **const tests[] = {
        &reads_the_three_forms,
        &what_is_not_there_is_left_out,
        &numbers_may_be_of_any_size,
        &what_breaks_the_grammar_is_ignored,
        &ranges_are_ordered_and_joined,
        &so_many_are_looked_at_and_no_more,
        &every_byte_that_is_asked_for_is_in_one_range,
        &a_body_in_any_pieces_passes_alike,
        NULL,
    };

    return unit_suite("range", tests);
}
