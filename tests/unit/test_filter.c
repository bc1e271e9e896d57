/* SPDX-License-Identifier: MIT
   Bodies of all kinds through the filters of tests/modules/probe_filters.c: what comes out, what is
   said of it, and that each filter ends once. */
#include "filter.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define ALPHABET "0123456789abcdefghijklmnopqrstuvwxyz"
#define UPPER    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

static struct loopback *site(void)
{
    static char folder[64], config[768];

    unit_folder(folder);
    unit_write(folder, "ten.txt", "0123456789");
    unit_write(folder, "page.html", "the page");
    (void)snprintf(
        config, sizeof(config),
        "{\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"probe\",\"refuse\",\"static\"],"
        "\"error_pages\":{\"410\":\"/page.html\"}}}",
        folder);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

/* Asks and does not wait; more is a further field line, or "". */
static void ask(struct loopback *lb, struct loopback_req *q, const char *path, const char *filters,
                const char *more)
{
    char head[1024];

    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\nX-Filter: %s\r\n%s%s\r\n",
                   path, filters, more, more[0] != '\0' ? "\r\n" : "");
    loopback_forget_log(lb);
    loopback_send(lb, q, head, NULL);
}

/* The answer to it. */
static void get(struct loopback *lb, struct loopback_req *q, const char *path, const char *filters,
                const char *more)
{
    *q = (struct loopback_req){ .lb = lb };
    ask(lb, q, path, filters, more);
    ck_assert_msg(loopback_wait(q), "%s through %s does not come", path, filters);
}

static void expect(struct loopback *lb, const char *path, const char *filters, const char *body)
{
    struct loopback_req q;

    get(lb, &q, path, filters, "");
    ck_assert_msg(q.status == 200 && !q.broken, "%s through %s: %d", path, filters, q.status);
    ck_assert_msg(str_is(buffer_str(&q.answer), body), "%s through %s is %s", path, filters,
                  q.answer.p);
    ck_assert_uint_eq(q.r->res.waiting, 0);
    ck_assert_uint_eq(q.r->res.sent, strlen(body));
    loopback_end(&q);
}

/* How often the log has it. */
static unsigned count(struct loopback *lb, const char *text)
{
    unsigned n = 0;

    for (const char *at = loopback_log(lb); (at = strstr(at, text)) != NULL; at++)
        n++;
    return n;
}

/* Each of so many filters has ended, once. */
static void expect_ends(struct loopback *lb, unsigned n)
{
    ck_assert_msg(count(lb, " ends ") == n && count(lb, " ends 1\n") == n, "not %u ends: %s", n,
                  loopback_log(lb));
}

START_TEST(bodies_of_all_kinds_are_filtered_alike)
{
    static const char *const paths[] = { "/range/page",  "/range/bytes", "/range/blob",
                                         "/range/mixed", "/range/open",  "/range/stream" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        expect(lb, paths[i], "upper", UPPER);
        expect(lb, paths[i], "drop", &ALPHABET[10]);
        expect(lb, paths[i], "drop,twice", "aabbccddeeffgghhiijjkkllmmnnooppqqrrssttuuvvwwxxyyzz");
        expect(lb, paths[i], "hold", ALPHABET);
        expect(lb, paths[i], "drop_all", "");
        expect(lb, paths[i], "watch", ALPHABET);
    }
    expect(lb, "/range/file", "upper,twice", "<<00112233445566778899>>");
    expect(lb, "/range/empty", "upper,mark", "!");
    expect(lb, "/range/empty", "hold", "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(filters_run_in_the_order_in_which_they_were_pushed)
{
    struct loopback *lb = site();

    expect(lb, "/range/file", "mark,drop", "<>!");
    expect(lb, "/range/file", "drop,mark", "<>!");
    expect(lb, "/range/file", "drop,mark,twice", "<<>>!!");
    expect(lb, "/range/file", "drop,twice,mark", "<<>>!");
    expect(lb, "/range/file", "drop,mark,mark,mark", "<>!!!");
    expect(lb, "/range/page", "rot,rot,upper,hold,hold,watch,rot", UPPER);
    loopback_destroy(lb);
}
END_TEST

START_TEST(each_flush_comes_to_a_filter)
{
    struct loopback *lb = site();

    expect(lb, "/range/stream", "mark", "0123|4567|89ab|cdef|ghij|klmn|opqr|stuv|wxyz|!");
    expect(lb, "/range/stream", "hold,mark", ALPHABET "!");
    loopback_destroy(lb);
}
END_TEST

/* What a module waits for is nothing that a filter has to hurry for. */
START_TEST(waiting_for_the_client_is_no_flush)
{
    struct loopback *lb = site();
    struct loopback_req q;

    get(lb, &q, "/stream", "watch", "");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "flushes 0 lasts 1"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_changes_the_length_changes_what_is_said_of_it)
{
    struct loopback *lb = site();
    struct loopback_req q;

    get(lb, &q, "/range/page?strong,date", "twice", "Range: bytes=0-3");
    ck_assert_int_eq(q.status, 200);
    ck_assert_int_eq((int)q.r->res.length, -1);
    ck_assert(q.r->res.chunked);
    ck_assert(loopback_has_field(&q, "ETag: W/\"a\""));
    ck_assert_ptr_null(strstr(q.fields, "Accept-Ranges"));
    loopback_end(&q);
    get(lb, &q, "/range/page?weak,none", "twice", "");
    ck_assert(loopback_has_field(&q, "ETag: W/\"a\""));
    ck_assert_ptr_null(strstr(q.fields, "Accept-Ranges"));
    loopback_end(&q);
    /* a promise of the module's is its own */
    get(lb, &q, "/range/long?strong", "drop", "");
    ck_assert(!q.broken);
    ck_assert_int_eq((int)q.r->res.length, -1);
    ck_assert_uint_eq(q.answer.n, 200000);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_keeps_the_length_keeps_what_is_said_of_it)
{
    static const char *const filters[] = { "upper", "watch", "upper,watch" };
    struct loopback *lb = site();
    struct loopback_req q;

    for (size_t i = 0; i < 3; i++) {
        get(lb, &q, "/range/page?strong,date", filters[i], "");
        ck_assert_int_eq((int)q.r->res.length, 36);
        ck_assert(loopback_has_field(&q, "ETag: \"a\""));
        ck_assert(loopback_has_field(&q, "Accept-Ranges: bytes"));
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(ranges_are_cut_behind_a_filter_that_keeps_the_length)
{
    static const char *const paths[] = { "/range/page?strong", "/range/bytes?strong",
                                         "/range/blob?strong", "/range/mixed?strong" };
    struct loopback *lb = site();

    for (size_t i = 0; i < 4; i++)
        for (int first = 0; first < 36; first++)
            for (int last = first; last < 36; last += 5) {
                struct loopback_req q;
                char range[64];

                (void)snprintf(range, sizeof(range), "Range: bytes=%d-%d", first, last);
                get(lb, &q, paths[i], i % 2 == 0 ? "upper" : "watch,upper,watch", range);
                ck_assert_int_eq(q.status, 206);
                ck_assert_uint_eq(q.answer.n, (size_t)(last - first + 1));
                ck_assert_int_eq(memcmp(q.answer.p, &UPPER[first], q.answer.n), 0);
                loopback_end(&q);
                expect_ends(lb, i % 2 == 0 ? 1 : 3);
            }
    loopback_destroy(lb);
}
END_TEST

/* Its module waits for what never comes. */
START_TEST(with_the_last_part_the_request_is_over)
{
    struct loopback *lb = site();
    struct loopback_req q;

    get(lb, &q, "/range/stuck?strong", "upper", "Range: bytes=0-0,12-13");
    ck_assert(!q.broken && !q.r->suspended);
    ck_assert_ptr_nonnull(strstr(q.answer.p, "\r\n\r\nCD\r\n--"));
    loopback_end(&q);
    expect_ends(lb, 1);
    loopback_destroy(lb);
}
END_TEST

START_TEST(conditions_are_judged_by_the_tag_as_it_is_sent)
{
    static const struct {
        const char *filters, *condition;
        int status;
    } tests[] = {
        { "twice", "If-None-Match: \"a\"", 304 },   { "twice", "If-None-Match: W/\"a\"", 304 },
        { "twice", "If-None-Match: \"b\"", 200 },   { "twice", "If-Match: \"a\"", 412 },
        { "twice", "If-Match: W/\"a\"", 412 },      { "twice", "If-Match: *", 200 },
        { "upper", "If-None-Match: W/\"a\"", 304 }, { "upper", "If-Match: \"a\"", 200 },
    };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct loopback_req q;

        get(lb, &q, "/range/page?strong", tests[i].filters, tests[i].condition);
        ck_assert_msg(q.status == tests[i].status, "%s, %s: %d", tests[i].filters,
                      tests[i].condition, q.status);
        if (q.status == 304)
            ck_assert(loopback_has_field(&q, i < 4 ? "ETag: W/\"a\"" : "ETag: \"a\""));
        if (q.status == 412) /* it is not what the filter was pushed over */
            ck_assert_ptr_nonnull(strstr(q.answer.p, "<h1>412 Precondition Failed</h1>"));
        loopback_end(&q);
        expect_ends(lb, 1);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_head_has_the_fields_of_its_get)
{
    static const char *const filters[] = { "upper", "watch", "twice", "hold,upper" };
    struct loopback *lb = site();

    for (size_t i = 0; i < 4; i++) {
        struct loopback_req q, head = { .lb = lb };
        char text[256];

        (void)snprintf(
            text, sizeof(text),
            "HEAD /range/page?strong,date,type HTTP/1.1\r\nHost: a\r\nX-Filter: %s\r\n\r\n",
            filters[i]);
        get(lb, &q, "/range/page?strong,date,type", filters[i], "");
        loopback_forget_log(lb);
        loopback_send(lb, &head, text, NULL);
        ck_assert(loopback_wait(&head));
        ck_assert_uint_eq(head.answer.n, 0);
        ck_assert_str_eq(head.fields, q.fields);
        ck_assert_int_eq((int)head.r->res.length, (int)q.r->res.length);
        loopback_end(&head);
        ck_assert_uint_eq(count(lb, "seen 0 unseen 0 flushes 0 lasts 0 ends 1\n"), i == 3 ? 2 : 1);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(error_pages_are_filtered)
{
    struct loopback *lb = site();
    struct loopback_req q;

    get(lb, &q, "/nothing-here", "upper", "");
    ck_assert_int_eq(q.status, 404);
    ck_assert_ptr_nonnull(strstr(q.answer.p, "<H1>404 NOT FOUND</H1>"));
    loopback_end(&q);
    get(lb, &q, "/error?410", "upper", "");
    ck_assert_int_eq(q.status, 410);
    ck_assert_str_eq(q.answer.p, "THE PAGE");
    loopback_end(&q);
    expect_ends(lb, 1);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_filter_that_fails_breaks_the_response_off)
{
    static const char *const filters[] = { "fail", "fail_last", "upper,fail,twice", "hold,fail" };
    struct loopback *lb = site();

    for (size_t i = 0; i < 4; i++) {
        struct loopback_req q;

        get(lb, &q, "/range/stream?strong", filters[i], "");
        ck_assert_msg(q.broken, "%s", filters[i]);
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), " probe "));
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), "failed: the response is broken off"));
        ck_assert(!q.r->suspended);
        loopback_end(&q);
        expect_ends(lb, i < 2 ? 1 : i == 2 ? 3 : 2);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_modules_promise_is_held_against_what_it_wrote)
{
    struct loopback *lb = site();
    struct loopback_req q;

    get(lb, &q, "/range/short?strong", "upper", "");
    ck_assert(q.broken);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "promised a Content-Length of 37 but wrote 36"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_filter(void)
{
    static const TTest **const tests[] = {
        &bodies_of_all_kinds_are_filtered_alike,
        &filters_run_in_the_order_in_which_they_were_pushed,
        &each_flush_comes_to_a_filter,
        &waiting_for_the_client_is_no_flush,
        &what_changes_the_length_changes_what_is_said_of_it,
        &what_keeps_the_length_keeps_what_is_said_of_it,
        &ranges_are_cut_behind_a_filter_that_keeps_the_length,
        &with_the_last_part_the_request_is_over,
        &conditions_are_judged_by_the_tag_as_it_is_sent,
        &a_head_has_the_fields_of_its_get,
        &error_pages_are_filtered,
        &a_filter_that_fails_breaks_the_response_off,
        &the_modules_promise_is_held_against_what_it_wrote,
        NULL,
    };

    return unit_suite("filter", tests);
}
