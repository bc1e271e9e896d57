/* SPDX-License-Identifier: MIT
   The helpers that suspend a request, used as they should be by tests/modules/probe.c, and what
   happens when the client leaves meanwhile. */
#include "loopback.h"
#include "unit.h"

#include <stdio.h>

static const char site[] =
    "{\"vhosts\":{\"name\":\"localhost\",\"documents\":\"%s\",\"modules\":[\"probe\"]}}";

static struct loopback *probe_site(void)
{
    static char folder[64], config[256];

    unit_folder(folder);
    unit_write(folder, "small.txt", "small content");
    (void)snprintf(config, sizeof(config), site, folder);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static void begin(struct loopback *lb, struct loopback_req *q, const char *path)
{
    char head[256];

    q->lb = lb;
    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    loopback_send(lb, q, head, NULL);
}

static void expect(struct loopback *lb, const char *path, const char *answer)
{
    struct loopback_req q = { .done = false };

    begin(lb, &q, path);
    ck_assert_msg(loopback_wait(&q), "%s: no answer", path);
    ck_assert_msg(q.status == 200, "%s: %d", path, q.status);
    ck_assert_view_eq(buffer_str(&q.answer), answer);
    loopback_end(&q);
}

START_TEST(a_sleep_goes_on_later)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/sleep");
    ck_assert(!q.done);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_descriptor_is_waited_for)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/fd");
    loopback_run(lb, 10);
    ck_assert(!q.done);
    expect(lb, "/fd-write", "written");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "piped");
    loopback_end(&q);
    expect(lb, "/fd-expire", "expired");
    loopback_destroy(lb);
}
END_TEST

START_TEST(another_request_wakes_a_ticket)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/ticket");
    loopback_run(lb, 10);
    ck_assert(!q.done);
    expect(lb, "/wake", "woken");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_ticket_that_timed_out_cannot_be_woken)
{
    struct loopback *lb = probe_site();

    expect(lb, "/ticket-expire", "expired");
    expect(lb, "/wake", "nobody");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_ticket_may_be_woken_before_the_hook_has_returned)
{
    struct loopback *lb = probe_site();

    expect(lb, "/wake-self", "done");
    loopback_destroy(lb);
}
END_TEST

START_TEST(work_on_a_thread_comes_back)
{
    struct loopback *lb = probe_site();

    expect(lb, "/offload", "42");
    loopback_destroy(lb);
}
END_TEST

START_TEST(files_are_opened_beneath_the_location)
{
    struct loopback *lb = probe_site();

    expect(lb, "/open?small.txt", "small content");
    expect(lb, "/open-fd?small.txt", "small content");
    expect(lb, "/open?none.txt", "error 2");
    expect(lb, "/open?../etc/passwd", "error 18");
    expect(lb, "/open?../localhost", "error 18");
    expect(lb, "/open?/small.txt", "error 18");
    expect(lb, "/open-directory?small.txt", "error 20");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_ticket_woken_in_the_turn_of_its_time_out_did_not_expire)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/ticket-expire");
    const struct timespec late = { .tv_nsec = 30000000 };
    nanosleep(&late, NULL); /* its time is over, but the loop has not turned yet */
    expect(lb, "/wake", "woken");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_wait_for_the_client_lets_the_answer_begin)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/drain");
    ck_assert(loopback_wait(&q));
    ck_assert_uint_eq(q.answer.n, 30004);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_watch_holds_the_request_until_it_answers)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/watch");
    loopback_run(lb, 10);
    ck_assert(!q.done);
    expect(lb, "/fd-write", "written");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "pip");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_wait_beside_a_watch_ends_it)
{
    struct loopback *lb = probe_site();

    expect(lb, "/watch-expire", "done");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_thousand_resumes_in_a_row_are_no_recursion)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/busy");
    ck_assert_msg(!q.done, "more than its share of one turn");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_body_is_given_whole)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .holds_body = true };

    loopback_send(lb, &q, "POST /body HTTP/1.1\r\nHost: localhost\r\n\r\n", "the body");
    ck_assert(!q.done);
    loopback_give_body(&q);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "the body");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(no_body_is_an_empty_one)
{
    struct loopback *lb = probe_site();

    expect(lb, "/body", "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_stream_waits_for_its_client)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .holds_answer = true };

    begin(lb, &q, "/stream");
    loopback_run(lb, 20);
    ck_assert(q.started);
    ck_assert(!q.done);
    ck_assert_uint_le(q.r->res.waiting, 2 * RES_MARK);
    loopback_take_answer(&q);
    ck_assert(loopback_wait(&q));
    ck_assert_uint_eq(q.answer.n, 1 << 20);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(flushed_pieces_are_sent_one_by_one)
{
    struct loopback *lb = probe_site();
    struct loopback_req q = { .done = false };

    begin(lb, &q, "/pieces");
    ck_assert_view_eq(buffer_str(&q.answer), "piece 1\n");
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "piece 1\npiece 2\npiece 3\n");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_may_leave_during_every_helper)
{
    static const char *const paths[] = { "/sleep-long", "/fd",     "/ticket", "/offload",
                                         "/watch",      "/stream", "/pieces", "/busy" };
    struct loopback *lb = probe_site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        struct loopback_req q = { .holds_answer = true };

        begin(lb, &q, paths[i]);
        ck_assert_msg(!q.done, "%s", paths[i]);
        loopback_end(&q);
        loopback_run(lb, 40);
        if (strcmp(paths[i], "/ticket") == 0)
            expect(lb, "/wake", "nobody");
    }
    struct loopback_req q = { .holds_body = true };
    loopback_send(lb, &q, "POST /body HTTP/1.1\r\nHost: localhost\r\n\r\n", "x");
    loopback_end(&q);
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_full_pool_is_answered_503)
{
    struct loopback *lb = loopback_create("{\"daemon\":{\"pool\":{\"threads\":1,\"queue\":1}},"
                                          "\"vhosts\":{\"modules\":[\"probe\"]}}");
    struct loopback_req q[4] = { { .done = false } };
    int refused = 0;

    loopback_run(lb, 30); /* the background work of open() */
    for (int i = 0; i < 4; i++)
        begin(lb, &q[i], "/offload");
    for (int i = 0; i < 4; i++) {
        ck_assert(loopback_wait(&q[i]));
        refused += q[i].status == 503 && loopback_has_field(&q[i], "Retry-After: 1");
        loopback_end(&q[i]);
    }
    ck_assert_int_ge(refused, 2);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "the queue of the thread pool is full"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(timers_and_background_work_run_beside_requests)
{
    struct loopback *lb = probe_site();
    struct loopback_req q;
    bool both = false;

    for (int i = 0; i < 500; i++) {
        q = (struct loopback_req){ .done = false };
        begin(lb, &q, "/counts");
        ck_assert(loopback_wait(&q));
        both = strstr(q.answer.p, "background 1") && !strstr(q.answer.p, "ticks 0");
        loopback_end(&q);
        if (both)
            break;
        loopback_run(lb, 10);
    }
    ck_assert(both);
    loopback_destroy(lb);
}
END_TEST

START_TEST(variables_are_expanded)
{
    struct loopback *lb = probe_site();

    expect(lb, "/expand?$method,$path,$probe.path,$nothing,$$x,$header.host,$host.",
           "GET,/expand,/expand,,$x,localhost,localhost.");
    loopback_destroy(lb);
}
END_TEST

Suite *suite_wait(void)
{
    static const TTest **const tests[] = {
        &a_sleep_goes_on_later,
        &a_descriptor_is_waited_for,
        &another_request_wakes_a_ticket,
        &a_ticket_that_timed_out_cannot_be_woken,
        &a_ticket_may_be_woken_before_the_hook_has_returned,
        &work_on_a_thread_comes_back,
        &files_are_opened_beneath_the_location,
        &a_ticket_woken_in_the_turn_of_its_time_out_did_not_expire,
        &a_wait_for_the_client_lets_the_answer_begin,
        &a_watch_holds_the_request_until_it_answers,
        &a_wait_beside_a_watch_ends_it,
        &a_thousand_resumes_in_a_row_are_no_recursion,
        &a_body_is_given_whole,
        &no_body_is_an_empty_one,
        &a_stream_waits_for_its_client,
        &flushed_pieces_are_sent_one_by_one,
        &a_client_may_leave_during_every_helper,
        &a_full_pool_is_answered_503,
        &timers_and_background_work_run_beside_requests,
        &variables_are_expanded,
        NULL,
    };

    return unit_suite("wait", tests);
}
