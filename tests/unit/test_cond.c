/* SPDX-License-Identifier: MIT
   Each case is a request that really waits in a module, whose response is made by hand. */
#include "cond.h"

#include "loopback.h"
#include "str.h"
#include "unit.h"

#include <stdio.h>

#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define DATE   "Sun, 06 Nov 1994 08:49:37 GMT"
#define AFTER  "Sun, 06 Nov 1994 08:49:38 GMT"

static struct loopback *lb;

/* NULL or 0 is what most cases have: GET, 200, the tag "a", DATE. "" is a field left out. */
struct test {
    const char *fields; /* of the request, each with CRLF */
    int judged;
    const char *tag, *date, *method;
    int status;
};

static void set_up(void)
{
    lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");
    ck_assert_ptr_nonnull(lb);
}

/* A request that waits, with these fields in its response; it is not ended. */
static struct loopback_req waiting(const char *fields, const char *method, const char *tag,
                                   const char *date)
{
    struct loopback_req q = { .lb = lb };
    char head[1024];

    (void)snprintf(head, sizeof(head), "%s /sleep-long HTTP/1.1\r\nHost: localhost\r\n%s\r\n",
                   method != NULL ? method : "GET", fields);
    loopback_send(lb, &q, head, NULL);
    ck_assert(q.r->suspended);
    if (tag[0] != '\0')
        ck_assert_int_eq(res_set(q.r, MPX_STR("ETag"), str_of(tag)), 0);
    if (date[0] != '\0')
        ck_assert_int_eq(res_set(q.r, MPX_STR("Last-Modified"), str_of(date)), 0);
    return q;
}

static void check(const struct test *t)
{
    const char *tag = t->tag != NULL ? t->tag : "\"a\"", *date = t->date != NULL ? t->date : DATE;
    struct loopback_req q = waiting(t->fields, t->method, tag, date);

    q.r->res.status = t->status != 0 ? t->status : 200;
    int judged = cond_judge(q.r);
    ck_assert_msg(judged == t->judged, "%s for %s, %s is %d", t->fields, tag, date, judged);
    loopback_end(&q);
}

#define CHECK_ALL(tests)                                                \
    do {                                                                \
        set_up();                                                       \
        for (size_t i = 0; i < sizeof(tests) / sizeof((tests)[0]); i++) \
            check(&(tests)[i]);                                         \
        loopback_destroy(lb);                                           \
    } while (0)

START_TEST(without_a_condition_it_is_sent)
{
    static const struct test tests[] = {
        { .fields = "", .judged = 0 },
        { .fields = "If-Range: \"x\"\r\n", .judged = 0 },
        { .fields = "X-If-None-Match: \"a\"\r\n", .judged = 0 },
    };

    CHECK_ALL(tests);
}
END_TEST

/* RFC 9110 13.1.2: weak comparison. */
START_TEST(if_none_match_is_304_for_a_tag_that_matches_weakly)
{
    static const struct test tests[] = {
        { .fields = "If-None-Match: \"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: W/\"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: \"a\"\r\n", .judged = 304, .tag = "W/\"a\"" },
        { .fields = "If-None-Match: W/\"a\"\r\n", .judged = 304, .tag = "W/\"a\"" },
        { .fields = "If-None-Match: \"x\" ,, W/\"y\",\"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: \"x\"\r\nIf-None-Match: \"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: \"a,b\"\r\n", .judged = 304, .tag = "\"a,b\"" },
        { .fields = "If-None-Match: *\r\n", .judged = 304 },
        { .fields = "If-None-Match: *\r\n", .judged = 304, .tag = "" },
        { .fields = "If-None-Match: \"A\"\r\n", .judged = 0 },
        { .fields = "If-None-Match: a\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"\"\r\n", .judged = 0 },
        { .fields = "If-None-Match:\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"aa\", \"b,\"a\"\r\n", .judged = 0 },
        { .fields = "If-None-Match: w/\"a\"\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"a\"\r\n", .judged = 0, .tag = "" },
        { .fields = "If-None-Match: W/\r\n", .judged = 0, .tag = "" },
        { .fields = "If-None-Match: \"\"\r\n", .judged = 304, .tag = "\"\"" },
        { .fields = "If-None-Match: \"x\\\", \"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: \"a\\\"\r\n", .judged = 304, .tag = "\"a\\\"" },
        { .fields = "If-None-Match: x, \"y\"z, \"a\"\r\n", .judged = 304 },
        { .fields = "If-None-Match: \"a\"z, z\"a\", \"a\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"a\"\"a\"\r\n", .judged = 0 },
        { .fields = "If-None-Match: W/, W, \", W/\"\r\n", .judged = 0 },
    };

    CHECK_ALL(tests);
}
END_TEST

/* RFC 9110 13.1.1: strong comparison. */
START_TEST(if_match_is_412_unless_a_tag_matches_strongly)
{
    static const struct test tests[] = {
        { .fields = "If-Match: \"a\"\r\n", .judged = 0 },
        { .fields = "If-Match: \"x\", \"a\"\r\n", .judged = 0 },
        { .fields = "If-Match: *\r\n", .judged = 0 },
        { .fields = "If-Match: *\r\n", .judged = 0, .tag = "W/\"a\"" },
        { .fields = "If-Match: \"x\"\r\n", .judged = 412 },
        { .fields = "If-Match: W/\"a\"\r\n", .judged = 412 },
        { .fields = "If-Match: \"a\"\r\n", .judged = 412, .tag = "W/\"a\"" },
        { .fields = "If-Match: W/\"a\"\r\n", .judged = 412, .tag = "W/\"a\"" },
        { .fields = "If-Match: \"a\"\r\n", .judged = 412, .tag = "" },
        { .fields = "If-Match: W/\"a\", \"a\"\r\n", .judged = 0 },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(if_modified_since_is_304_unless_it_is_newer)
{
    static const struct test tests[] = {
        { .fields = "If-Modified-Since: " DATE "\r\n", .judged = 304 },
        { .fields = "If-Modified-Since: " AFTER "\r\n", .judged = 304 },
        { .fields = "If-Modified-Since: " BEFORE "\r\n", .judged = 0 },
        { .fields = "If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT\r\n", .judged = 304 },
        { .fields = "If-Modified-Since: Sun Nov  6 08:49:37 1994\r\n", .judged = 304 },
        { .fields = "If-Modified-Since: yesterday\r\n", .judged = 0 },
        { .fields = "If-Modified-Since:\r\n", .judged = 0 },
        { .fields = "If-Modified-Since: " AFTER "\r\n", .judged = 0, .date = "" },
        { .fields = "If-Modified-Since: " AFTER "\r\n", .judged = 0, .date = "today" },
        { .fields = "If-Modified-Since: " DATE "\r\n", .judged = 304, .tag = "" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(if_unmodified_since_is_412_when_it_is_newer)
{
    static const struct test tests[] = {
        { .fields = "If-Unmodified-Since: " DATE "\r\n", .judged = 0 },
        { .fields = "If-Unmodified-Since: " AFTER "\r\n", .judged = 0 },
        { .fields = "If-Unmodified-Since: " BEFORE "\r\n", .judged = 412 },
        { .fields = "If-Unmodified-Since: yesterday\r\n", .judged = 0 },
        { .fields = "If-Unmodified-Since: " BEFORE "\r\n", .judged = 0, .date = "" },
        { .fields = "If-Unmodified-Since: " BEFORE "\r\n", .judged = 412, .tag = "" },
    };

    CHECK_ALL(tests);
}
END_TEST

START_TEST(conditions_are_judged_in_their_order)
{
    static const struct test tests[] = {
        /* tags hide dates */
        { .fields = "If-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"x\"\r\nIf-Modified-Since: " AFTER "\r\n", .judged = 0 },
        { .fields = "If-None-Match: \"a\"\r\nIf-Modified-Since: " BEFORE "\r\n", .judged = 304 },
        /* what fails hides what is not modified */
        { .fields = "If-None-Match: \"a\"\r\nIf-Match: \"x\"\r\n", .judged = 412 },
        { .fields = "If-None-Match: \"a\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", .judged = 412 },
        { .fields = "If-None-Match: \"a\"\r\nIf-Match: \"a\"\r\n", .judged = 304 },
        { .fields = "If-Unmodified-Since: " DATE "\r\nIf-Modified-Since: " DATE "\r\n",
          .judged = 304 },
    };

    CHECK_ALL(tests);
}
END_TEST

/* In others the validators are of something else (RFC 9110 8.8). */
START_TEST(only_what_was_selected_for_get_or_head_is_judged)
{
    static const char none[] = "If-None-Match: *\r\n", match[] = "If-Match: \"x\"\r\n";
    static const struct test tests[] = {
        { .fields = none, .judged = 304, .method = "HEAD" },
        { .fields = match, .judged = 412, .method = "HEAD" },
        { .fields = none, .judged = 0, .method = "POST" },
        { .fields = match, .judged = 0, .method = "PUT" },
        { .fields = none, .judged = 0, .status = 404 },
        { .fields = none, .judged = 304, .status = 206 },
        { .fields = none, .judged = 304, .status = 203 },
        { .fields = none, .judged = 0, .status = 204 },
        { .fields = none, .judged = 0, .status = 201 },
        { .fields = match, .judged = 0, .status = 302 },
    };

    CHECK_ALL(tests);
}
END_TEST

/* RFC 9110 13.1.5: by the byte, and strongly. */
START_TEST(if_range_allows_a_range_of_the_same_alone)
{
    static const struct {
        const char *field, *tag, *date;
        bool allowed;
    } tests[] = {
        { "", "\"a\"", DATE, true },
        { "If-Range: \"a\"\r\n", "\"a\"", DATE, true },
        { "If-Range: \"b\"\r\n", "\"a\"", DATE, false },
        { "If-Range: \"a\"\r\n", "W/\"a\"", DATE, false },
        { "If-Range: W/\"a\"\r\n", "\"a\"", DATE, false },
        { "If-Range: W/\"a\"\r\n", "W/\"a\"", DATE, false },
        { "If-Range: \"a\"\r\n", "", DATE, false },
        { "If-Range: \"a\", \"a\"\r\n", "\"a\"", DATE, false },
        { "If-Range: \"a\r\n", "\"a\"", DATE, false },
        { "If-Range: *\r\n", "\"a\"", DATE, false },
        { "If-Range:\r\n", "\"a\"", DATE, false },
        { "If-Range: " DATE "\r\n", "\"a\"", DATE, true },
        { "If-Range: " DATE "\r\n", "", DATE, true },
        { "If-Range: Sunday, 06-Nov-94 08:49:37 GMT\r\n", "", DATE, true },
        { "If-Range: " BEFORE "\r\n", "", DATE, false },
        { "If-Range: " AFTER "\r\n", "", DATE, false },
        { "If-Range: " DATE "\r\n", "\"a\"", "", false },
        { "If-Range: today\r\n", "\"a\"", "today", false },
    };

    set_up();
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct loopback_req q = waiting(tests[i].field, NULL, tests[i].tag, tests[i].date);

        ck_assert_msg(cond_allows_range(q.r) == tests[i].allowed, "%zu: %s", i, tests[i].field);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

/* RFC 9110 8.8.2.2: what was changed in this very second may change again in it. */
START_TEST(a_date_is_strong_when_its_second_is_over)
{
    set_up();
    for (int age = 0; age < 3; age++) {
        char date[DATE_HTTP], field[64];

        date_http(loopback_worker(lb)->now - age, date);
        (void)snprintf(field, sizeof(field), "If-Range: %s\r\n", date);
        struct loopback_req q = waiting(field, NULL, "", date);
        ck_assert_int_eq(cond_allows_range(q.r), age > 0);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

/* RFC 9110 8.8.2.1 */
START_TEST(a_last_modified_in_the_future_is_now)
{
    /* another form of date; what is none is not for us to change */
    static const char *const others[] = { "Saturday, 01-Jan-72 00:00:00 GMT",
                                          "Xxx, 99 Xxx 9999 99:99:99 GMT", "tomorrow" };

    set_up();
    for (int age = -2; age < 3; age++) {
        char date[DATE_HTTP];
        struct mpx_str value;

        date_http(loopback_worker(lb)->now - age, date);
        struct loopback_req q = waiting("", NULL, "", date);
        cond_apply(q.r);
        ck_assert(res_get(q.r, MPX_STR("Last-Modified"), &value));
        ck_assert_view_eq(value, age < 0 ? loopback_worker(lb)->date : date);
        loopback_end(&q);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct loopback_req q = waiting("", NULL, "", others[i]);
        struct mpx_str value;

        cond_apply(q.r);
        ck_assert(res_get(q.r, MPX_STR("Last-Modified"), &value));
        ck_assert_view_eq(value, i == 0 ? loopback_worker(lb)->date : others[i]);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_response_without_validators_is_not_judged)
{
    static const struct test tests[] = {
        { .fields = "If-None-Match: *\r\n", .judged = 0, .tag = "", .date = "" },
        { .fields = "If-Match: \"a\"\r\n", .judged = 0, .tag = "", .date = "" },
        { .fields = "If-Modified-Since: " AFTER "\r\n", .judged = 0, .tag = "", .date = "" },
    };

    CHECK_ALL(tests);
}
END_TEST

Suite *suite_cond(void)
{
    static const TTest **const tests[] = {
        &without_a_condition_it_is_sent,
        &if_none_match_is_304_for_a_tag_that_matches_weakly,
        &if_match_is_412_unless_a_tag_matches_strongly,
        &if_modified_since_is_304_unless_it_is_newer,
        &if_unmodified_since_is_412_when_it_is_newer,
        &conditions_are_judged_in_their_order,
        &only_what_was_selected_for_get_or_head_is_judged,
        &if_range_allows_a_range_of_the_same_alone,
        &a_date_is_strong_when_its_second_is_over,
        &a_last_modified_in_the_future_is_now,
        &a_response_without_validators_is_not_judged,
        NULL,
    };

    return unit_suite("cond", tests);
}
