/* SPDX-License-Identifier: MIT
   Bodies on the loopback, whole and in parts, with every kind of reader in
   tests/modules/probe_bodies.c, limits, and clients that leave. */
#include "body.h"

#include "aid.h"
#include "bodies.h"
#include "unit.h"

#include <stdio.h>

START_TEST(parts_of_any_size_make_the_whole)
{
    static const size_t steps[] = { 1, 2, 3, 7, 64, 1000, 4096, 20000, 65536 };
    static const char *const paths[] = { "/parts", "/parts-late", "/parts-after-whole" };
    struct loopback *lb = bodies_usual();

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        const char *body = bodies_text(steps[i] < 64 ? 3000 : 200000);

        for (int chunked = 0; chunked < 2; chunked++) {
            for (size_t k = 0; k < sizeof(paths) / sizeof(paths[0]); k++)
                bodies_expect(lb, paths[k], body, steps[i], chunked, bodies_report("", body));
            bodies_expect(lb, "/parts-echo", body, steps[i], chunked, body);
            bodies_expect(lb, "/body", body, steps[i], chunked, body);
        }
    }
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_part_is_the_same_when_its_reader_has_waited)
{
    struct loopback *lb = bodies_usual();

    for (size_t step = 500; step <= 65536; step = step * 3 + 1)
        bodies_expect(lb, "/parts-slow", bodies_text(20 * step < 200000 ? 20 * step : 200000), step,
                      true,
                      bodies_report("", bodies_text(20 * step < 200000 ? 20 * step : 200000)));
    loopback_destroy(lb);
}
END_TEST

START_TEST(no_body_is_an_empty_one)
{
    static const char *const paths[][2] = {
        { "/parts", "bytes 0 sum 0000000000000000" },
        { "/parts-after-whole", "bytes 0 sum 0000000000000000" },
        { "/parts-stop", "no body" },
        { "/parts-before", "end 0" },
        { "/parts-echo", "" },
        { "/body", "" },
        { "/body-where", "memory: bytes 0 sum 0000000000000000" }
    };
    struct loopback *lb = bodies_usual();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct loopback_req q = { .step = 0 };
        char head[100];

        (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\n\r\n", paths[i][0]);
        loopback_send(lb, &q, head, NULL);
        ck_assert(loopback_wait(&q));
        ck_assert_view_eq(buffer_str(&q.answer), paths[i][1]);
        ck_assert_msg(!q.asked, "%s", paths[i][0]);
        loopback_end(&q);
        bodies_expect(lb, paths[i][0], "", 0, true,
                      strcmp(paths[i][0], "/parts-before") == 0 ? "more 0" : paths[i][1]);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_body_is_asked_for_by_its_reader_and_no_earlier)
{
    struct loopback *lb = bodies_usual();
    struct loopback_req q = { .step = 10 };

    bodies_post(lb, &q, "/parts-late", "0123456789", true);
    ck_assert(!q.asked);
    ck_assert(!loopback_give_part(&q));
    ck_assert(loopback_wait(&q));
    ck_assert(q.asked);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(nothing_is_taken_while_its_reader_does_not_ask)
{
    struct loopback *lb = bodies_usual();
    struct loopback_req q = { .step = 50000 };

    bodies_post(lb, &q, "/parts-hold", bodies_text(200000), false);
    loopback_run(lb, 5);
    ck_assert_uint_eq(q.body_at, 50000);
    ck_assert(!loopback_give_part(&q));
    ck_assert_uint_eq(q.r->body.bytes.n, 50000);
    struct mpx_str part;
    ck_assert(body_part(q.r, &part));
    ck_assert(str_eq(part, str_head(str_of(bodies_text(200000)), 50000)));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_reader_that_has_what_it_wants_may_end)
{
    struct loopback *lb = bodies_usual();
    struct loopback_req q = { .step = 10 };

    bodies_post(lb, &q, "/parts-stop", bodies_text(1000), false);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "stopped");
    ck_assert_uint_eq(q.body_at, 10);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_echo_waits_for_whoever_is_slow)
{
    struct loopback *lb = bodies_usual();
    struct loopback_req q = { .step = 10000, .holds_answer = true };
    const char *body = bodies_text(BODIES_BYTES);

    bodies_post(lb, &q, "/parts-echo", body, true);
    loopback_run(lb, 5);
    ck_assert(q.started);
    ck_assert_uint_le(q.body_at, RES_MARK + 2 * 10000);
    ck_assert_uint_le(q.r->res.waiting, RES_MARK + 10000);
    loopback_take_answer(&q);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), body);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_longer_body_than_allowed_is_413)
{
    static const char *const paths[] = { "/parts", "/body", "/body-where", "/parts-late" };
    struct loopback *lb = bodies_site("", "\"body\":2000");

    for (int chunked = 0; chunked < 2; chunked++) {
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            bodies_expect_status(lb, paths[i], bodies_text(2000), chunked, 200);
            bodies_expect_status(lb, paths[i], bodies_text(2001), chunked, 413);
        }
        bodies_expect_status(lb, "/body-small", bodies_text(16), chunked, 200);
        bodies_expect_status(lb, "/body-small", bodies_text(17), chunked, 413);
        bodies_expect_status(lb, "/body-twice", bodies_text(4), chunked, 200);
    }
    struct loopback_req q = { .step = 0 };
    bodies_post(lb, &q, "/body-twice", bodies_text(5), true);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 413);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_innermost_limit_rules)
{
    struct loopback *lb = bodies_site("", "\"body\":2000");

    for (int chunked = 0; chunked < 2; chunked++) {
        bodies_expect_status(lb, "/tiny/parts", bodies_text(5), chunked, 200);
        bodies_expect_status(lb, "/tiny/parts", bodies_text(6), chunked, 413);
        bodies_expect_status(lb, "/large/body-where", bodies_text(200000), chunked, 200);
        bodies_expect_status(lb, "/large/inner/parts", bodies_text(200000), chunked, 200);
        bodies_expect_status(lb, "/parts", bodies_text(2001), chunked, 413);
    }
    bodies_expect_status(lb, "/tiny/none", bodies_text(6), false,
                         413); /* whoever would have answered */
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_response_that_has_begun_is_broken_off)
{
    struct loopback *lb = bodies_site("", "\"body\":2000");
    struct loopback_req q = { .step = 100 };

    bodies_post(lb, &q, "/parts-flush", bodies_text(2001), true);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 200);
    ck_assert(q.broken);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

/* The client leaves when it has sent n steps, and some turns have passed. */
static void leave(struct loopback *lb, const char *path, bool chunked, unsigned n, unsigned turns)
{
    struct loopback_req q = { .step = 10000, .holds_body = true, .holds_answer = true };

    bodies_post(lb, &q, path, bodies_text(100000), chunked);
    q.holds_body = n == 0;
    q.giving = true; /* by us alone */
    for (unsigned i = 0; i < n; i++) {
        q.giving = false;
        (void)loopback_give_part(&q);
        q.giving = true;
        for (unsigned k = 0; k < turns; k++)
            loopback_turn(lb);
    }
    loopback_end(&q);
}

START_TEST(a_client_may_leave_at_every_point)
{
    static const char *const paths[] = {
        "/body",       "/body-where", "/body-hold",  "/parts",       "/parts-late",
        "/parts-hold", "/parts-slow", "/parts-echo", "/parts-never", "/parts-after-whole"
    };
    struct loopback *lb = bodies_usual();
    size_t before = aid_descriptors();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        for (unsigned n = 0; n <= 10; n++)
            for (unsigned turns = 0; turns < 4; turns++)
                leave(lb, paths[i], n % 2, n, turns * turns);
    ck_assert(aid_wait_until(bodies_is_idle, lb));
    ck_assert_uint_le(aid_descriptors(), before);
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_two_ways_of_reading_are_not_mixed)
{
    static const char *const cases[][2] = {
        { "/read-after-parts", "mpx_read_body: the body is read in parts already" },
        { "/two-bodies", "began to wait twice" },
        { "/half/parts", "mpx_body_next: the body is read as a whole already" },
    };
    struct loopback *lb =
        loopback_create("{\"vhosts\":{\"name\":\"a\",\"modules\":[\"evil\",\"probe\"]}}");

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct loopback_req q = { .step = 4, .holds_body = i == 2 };

        loopback_forget_log(lb);
        bodies_post(lb, &q, cases[i][0], "0123456789", false);
        if (q.holds_body)
            (void)loopback_give_part(&q);
        ck_assert(loopback_wait(&q));
        ck_assert_int_eq(q.status, 500);
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), cases[i][1]));
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

Suite *suite_body(void)
{
    static const TTest **const tests[] = {
        &parts_of_any_size_make_the_whole,
        &a_part_is_the_same_when_its_reader_has_waited,
        &no_body_is_an_empty_one,
        &a_body_is_asked_for_by_its_reader_and_no_earlier,
        &nothing_is_taken_while_its_reader_does_not_ask,
        &a_reader_that_has_what_it_wants_may_end,
        &an_echo_waits_for_whoever_is_slow,
        &a_longer_body_than_allowed_is_413,
        &the_innermost_limit_rules,
        &a_response_that_has_begun_is_broken_off,
        &a_client_may_leave_at_every_point,
        &the_two_ways_of_reading_are_not_mixed,
        NULL,
    };

    return unit_suite("body", tests);
}
