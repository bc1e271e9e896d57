/* SPDX-License-Identifier: MIT
   Filters that break a rule (tests/modules/evil_filters.c): each is named in the log, and no body
   looks whole that is not. */
#include "filter.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>

static const char site[] = "{\"vhosts\":{\"modules\":[\"evil\"]}}";

static void get(struct loopback *lb, struct loopback_req *q, const char *path)
{
    char head[256];

    *q = (struct loopback_req){ .lb = lb };
    (void)snprintf(head, sizeof(head),
                   "GET %s HTTP/1.1\r\nHost: localhost\r\nX-Filter: upper\r\n\r\n", path);
    loopback_forget_log(lb);
    loopback_send(lb, q, head, NULL);
    ck_assert_msg(loopback_wait(q), "%s: no answer", path);
}

START_TEST(a_filter_that_breaks_a_rule_breaks_its_response)
{
    static const char *const cases[][2] = {
        { "/filter/no-last", "filter \"no-last\" did not pass MPX_LAST on" },
        { "/filter/early-last", "passed MPX_LAST on before it had come" },
        { "/filter/after-last", "passed something on behind MPX_LAST" },
        { "/filter/last-twice", "passed something on behind MPX_LAST" },
        { "/filter/spin", "answered MPX_FILTER_MORE, and passed nothing on" },
        { "/filter/flood", "passed on more than limits.response_buffer in one call" },
        { "/filter/nonsense", "filter \"nonsense\" failed" },
        { "/filter/odd-flags", "passed flags on that there are not" },
        { "/filter/same-grows", "passed on more than it was given" },
        { "/filter/same-shrinks", "passed on less than it was given" },
        { "/filter/watch-passes", "passed something on, but it only watches" },
        { "/filter/watch-more", "answered MPX_FILTER_MORE, but it only watches" },
        { "/filter/other", "filter \"passing\" is not in its write()" },
    };
    struct loopback *lb = loopback_create(site);

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loopback_req q;

        get(lb, &q, cases[i][0]);
        ck_assert_msg(q.broken, "%s is whole", cases[i][0]);
        ck_assert_msg(strstr(loopback_log(lb), cases[i][1]) != NULL, "%s: log is %s", cases[i][0],
                      loopback_log(lb));
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), " evil "));
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

/* The body passes as if nobody had pushed anything. */
START_TEST(a_filter_that_cannot_be_pushed_is_not_there)
{
    static const char *const cases[][2] = {
        { "/filter/unknown", "filter \"unknown\": it has flags that there are not" },
        { "/filter/no-write", "filter \"no-write\": it needs a write()" },
        { "/filter/small", "its size must be sizeof(struct mpx_filter_ops)" },
        { "/filter/many", "filter \"passing\": there are too many over this response" },
    };
    struct loopback *lb = loopback_create(site);
    struct loopback_req q;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        get(lb, &q, cases[i][0]);
        ck_assert(!q.broken && q.status == 200);
        ck_assert_str_eq(q.answer.p, "a body of some length");
        ck_assert_msg(strstr(loopback_log(lb), cases[i][1]) != NULL, "%s: log is %s", cases[i][0],
                      loopback_log(lb));
        loopback_end(&q);
    }
    get(lb, &q, "/push-in-content");
    ck_assert_str_eq(q.answer.p, "refused");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "only a RESPONSE hook can push a filter"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_filter_can_do_nothing_but_pass_on)
{
    struct loopback *lb = loopback_create(site);
    struct loopback_req q;

    get(lb, &q, "/filter/busy");
    ck_assert_str_eq(q.answer.p, "all refused");
    loopback_end(&q);
    get(lb, &q, "/filter/recursion");
    ck_assert(!q.broken);
    ck_assert_str_eq(q.answer.p, "a body of some length");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_is_passed_on_after_the_end_goes_nowhere)
{
    static const char *const paths[] = { "/filter/end-passes", "/filter/late" };
    struct loopback *lb = loopback_create(site);

    for (size_t i = 0; i < 2; i++) {
        struct loopback_req q;

        get(lb, &q, paths[i]);
        ck_assert(!q.broken);
        ck_assert_str_eq(q.answer.p, "a body of some length");
        loopback_end(&q);
        ck_assert_msg(strstr(loopback_log(lb), "is not in its write(), and has ended") != NULL,
                      "%s: log is %s", paths[i], loopback_log(lb));
    }
    loopback_destroy(lb);
}
END_TEST

/* "busy" leaves nothing of what it is given. */
START_TEST(filters_of_two_modules_run_in_the_order_of_their_list)
{
    static const char *const sites[][2] = {
        { "{\"vhosts\":{\"modules\":[\"probe\",\"evil\"]}}", "all refused" },
        { "{\"vhosts\":{\"modules\":[\"evil\",\"probe\"]}}", "ALL REFUSED" },
    };

    for (size_t i = 0; i < 2; i++) {
        struct loopback *lb = loopback_create(sites[i][0]);
        struct loopback_req q;

        get(lb, &q, "/filter/busy");
        ck_assert_str_eq(q.answer.p, sites[i][1]);
        loopback_end(&q);
        loopback_destroy(lb);
    }
}
END_TEST

Suite *suite_filter_evil(void)
{
    static const TTest **const tests[] = {
        &a_filter_that_breaks_a_rule_breaks_its_response,
        &a_filter_that_cannot_be_pushed_is_not_there,
        &a_filter_can_do_nothing_but_pass_on,
        &what_is_passed_on_after_the_end_goes_nowhere,
        &filters_of_two_modules_run_in_the_order_of_their_list,
        NULL,
    };

    return unit_suite("filter_evil", tests);
}
