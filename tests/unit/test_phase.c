/* SPDX-License-Identifier: MIT
   What the phases make of the answers of hooks: each rule that tests/modules/evil.c breaks is
   answered and logged with the module's name; the requests after it are not touched. */
#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static const char evil_site[] = "{\"vhosts\":{\"modules\":[\"evil\"]}}";

/* One request to a path; the log is that of this request. */
static void get(struct loopback *lb, struct loopback_req *q, const char *path)
{
    char head[256];

    *q = (struct loopback_req){ .lb = lb };
    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    loopback_forget_log(lb);
    loopback_send(lb, q, head, NULL);
    ck_assert_msg(loopback_wait(q), "%s: no answer", path);
}

/* path is answered 500 and the log says why, naming the module. */
static void is_misuse(struct loopback *lb, const char *path, const char *says)
{
    struct loopback_req q;

    get(lb, &q, path);
    ck_assert_msg(q.status == 500, "%s: %d", path, q.status);
    ck_assert_msg(strstr(loopback_log(lb), says) != NULL, "%s: log is %s", path, loopback_log(lb));
    ck_assert_msg(strstr(loopback_log(lb), " evil ") != NULL, "%s: no name: %s", path,
                  loopback_log(lb));
    ck_assert_msg(strstr(q.answer.p, "<h1>500 Internal Server Error</h1>") != NULL, "%s", path);
    loopback_end(&q);
}

START_TEST(a_broken_rule_is_answered_500_and_logged_with_the_module)
{
    static const char *const cases[][2] = {
        { "/wait-without-helper", "answered WAIT without a helper" },
        { "/helper-without-wait", "began to wait but answered NEXT" },
        { "/helper-and-done", "began to wait but answered DONE" },
        { "/two-helpers", "began to wait twice" },
        { "/watch-without-wait", "began to wait but answered NEXT" },
        { "/wait-after-end", "cannot wait here" },
        { "/done-without-end", "answered DONE without having ended the response" },
        { "/end-twice", "ended the response twice" },
        { "/error-after-end", "ended the response twice" },
        { "/write-after-end", "wrote after it had ended the response" },
        { "/next-after-end", "answered NEXT after it had ended the response" },
        { "/next-after-write", "answered NEXT after it had begun a response" },
        { "/flush-and-next", "answered NEXT after it had begun a response" },
        { "/watch-ends-and-waits", "answered WAIT after it had ended the response" },
        { "/watch-overruns-and-waits", "wrote more than limits.response_buffer" },
        { "/nonsense", "answered nonsense (42)" },
        { "/grant", "answered GRANT" },
        { "/restart-without-rewrite", "answered RESTART without mpx_req_rewrite" },
        { "/restart-for-ever", "answered RESTART more than 10 times" },
        { "/rewrite-upwards", "cannot rewrite to \"/../etc\"" },
        { "/declare-more", "promised a Content-Length of 10 but wrote 4 bytes" },
        { "/declare-less", "wrote more than the Content-Length that it promised" },
        { "/ignore-mark", "wrote more than limits.response_buffer" },
        { "/bad-redirect", "cannot be sent" },
        { "/fail", "this is the cause" },
    };
    struct loopback *lb = loopback_create(evil_site);

    ck_assert_ptr_nonnull(lb);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        is_misuse(lb, cases[i][0], cases[i][1]);
    loopback_destroy(lb);
}
END_TEST

START_TEST(nobody_answers_for_a_request_that_does_not_run)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req held = { .lb = lb }, q;

    loopback_send(lb, &held, "GET /hold HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL);
    get(lb, &q, "/write-to-held");
    ck_assert_view_eq(buffer_str(&q.answer), "all refused");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "this request does not run now"));
    loopback_end(&q);
    ck_assert(loopback_wait(&held));
    ck_assert_view_eq(buffer_str(&held.answer), "first late");
    loopback_end(&held);
    loopback_destroy(lb);
}
END_TEST

START_TEST(two_requests_that_wake_each_other_hold_up_nobody)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req left = { .lb = lb }, right = { .lb = lb }, q;

    loopback_send(lb, &left, "GET /rally-left HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL);
    loopback_send(lb, &right, "GET /rally-right HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL);
    loopback_turn(lb);
    get(lb, &q, "/rally-turns");
    ck_assert_int_lt(strtol(q.answer.p, NULL, 10), 1000);
    loopback_end(&q);
    loopback_end(&left);
    loopback_end(&right);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_response_hook_that_fails_is_answered_500)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/response-fail");
    ck_assert_int_eq(q.status, 500);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_response_hook_cannot_suspend)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/response-wait");
    ck_assert_int_eq(q.status, 500);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "cannot wait here"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_log_hook_cannot_suspend)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/log-wait");
    ck_assert_int_eq(q.status, 200);
    loopback_end(&q);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "in LOG, where only NEXT has a meaning"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_promise_broken_after_the_header_breaks_the_response_off)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/declare-more-late");
    ck_assert_int_eq(q.status, 200);
    ck_assert(q.broken);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "promised a Content-Length of 10 but wrote 4"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(fields_that_cannot_be_sent_are_refused)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/bad-headers");
    ck_assert_view_eq(buffer_str(&q.answer), "all refused");
    ck_assert_str_eq(q.fields, "");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_status_that_is_none_is_refused)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/bad-status");
    ck_assert_int_eq(q.status, 202);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "100 is no final status"));
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "1000 is no final status"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(nobody_wants_it_is_404)
{
    struct loopback *lb = loopback_create(evil_site);
    struct loopback_req q;

    get(lb, &q, "/no-such-deed");
    ck_assert_int_eq(q.status, 404);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_unknown_host_is_421_without_a_default)
{
    struct loopback *lb = loopback_create("{\"vhosts\":{\"name\":\"www.example\"}}");
    struct loopback_req q;

    get(lb, &q, "/");
    ck_assert_int_eq(q.status, 421);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(without_virtual_hosts_there_is_a_welcome_page)
{
    struct loopback *lb = loopback_create("{}");
    struct loopback_req q;

    get(lb, &q, "/");
    ck_assert_int_eq(q.status, 200);
    ck_assert_ptr_nonnull(strstr(q.answer.p, "multiplexd is running"));
    loopback_end(&q);
    get(lb, &q, "/other");
    ck_assert_int_eq(q.status, 404);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(response_hooks_see_pages_that_core_makes)
{
    struct loopback *lb =
        loopback_create("{\"vhosts\":{\"modules\":[\"probe\"],\"probe\":{\"header\":\"seen\"}}}");
    struct loopback_req q;

    get(lb, &q, "/no-such-deed");
    ck_assert_int_eq(q.status, 404);
    ck_assert(loopback_has_field(&q, "X-Probe: seen"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_rewrite_begins_again_with_the_normal_path)
{
    struct loopback *lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");
    struct loopback_req q;

    get(lb, &q, "/rewrite");
    ck_assert_view_eq(buffer_str(&q.answer), "/expand");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_longest_directory_rules)
{
    struct loopback *lb = loopback_create(
        "{\"vhosts\":{\"name\":\"localhost\",\"modules\":[\"probe\"],\"documents\":\"/usr\","
        "\"directories\":[{\"path\":\"/request/share\"},"
        "{\"path\":\"/request/share/doc\",\"location\":\"/etc\"}]}}");
    static const char *const cases[][2] = {
        { "/request", "prefix= rest=request location=/usr" },
        { "/request/sharex", "prefix= rest=request/sharex location=/usr" },
        { "/request/share", "prefix=/request/share rest= location=/usr/request/share" },
        { "/request/share/", "prefix=/request/share rest= location=/usr/request/share" },
        { "/request/share/a/b", "prefix=/request/share rest=a/b location=/usr/request/share" },
        { "/request/share/doc/x/", "prefix=/request/share/doc rest=x/ location=/etc" },
    };

    ck_assert_ptr_nonnull(lb);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char wanted[256];
        struct loopback_req q;

        get(lb, &q, cases[i][0]);
        (void)snprintf(wanted, sizeof(wanted), "%s host=localhost vhost=localhost", cases[i][1]);
        ck_assert_view_eq(buffer_str(&q.answer), wanted);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(access_hooks_are_all_asked_after_a_grant)
{
    struct loopback *lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");
    struct loopback_req q;

    get(lb, &q, "/granted");
    ck_assert_int_eq(q.status, 404);
    loopback_end(&q);
    get(lb, &q, "/counts");
    ck_assert_int_eq(q.status, 200);
    ck_assert_ptr_nonnull(strstr(q.answer.p, "requests 2 ended 1"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_phase(void)
{
    static const TTest **const tests[] = {
        &a_broken_rule_is_answered_500_and_logged_with_the_module,
        &nobody_answers_for_a_request_that_does_not_run,
        &two_requests_that_wake_each_other_hold_up_nobody,
        &a_response_hook_that_fails_is_answered_500,
        &a_response_hook_cannot_suspend,
        &a_log_hook_cannot_suspend,
        &a_promise_broken_after_the_header_breaks_the_response_off,
        &fields_that_cannot_be_sent_are_refused,
        &a_status_that_is_none_is_refused,
        &nobody_wants_it_is_404,
        &an_unknown_host_is_421_without_a_default,
        &without_virtual_hosts_there_is_a_welcome_page,
        &response_hooks_see_pages_that_core_makes,
        &a_rewrite_begins_again_with_the_normal_path,
        &the_longest_directory_rules,
        &access_hooks_are_all_asked_after_a_grant,
        NULL,
    };

    return unit_suite("phase", tests);
}
