/* SPDX-License-Identifier: MIT
   What is answered where no module wanted the request, by what modules said. */
#include "unowned.h"

#include "loopback.h"
#include "method.h"
#include "unit.h"

#include <stdio.h>

static const char site[] =
    "{\"vhosts\":{\"modules\":[\"refuse\",\"probe\"],\"directories\":["
    "{\"path\":\"/none\",\"refuse\":{\"offered_at\":\"/none/x\"}},"
    "{\"path\":\"/folder\",\"refuse\":{\"offered_at\":\"/folder/x\",\"unserved\":403}},"
    "{\"path\":\"/both\",\"refuse\":{\"offered_at\":\"/both/x\",\"unserved\":403,"
    "\"offered\":\"POST\"}},"
    "{\"path\":\"/wrong\",\"refuse\":{\"offered_at\":\"/wrong/x\",\"unserved\":500}},"
    "{\"path\":\"/get\",\"refuse\":{\"offered_at\":\"/get/x\",\"offered\":\"GET\"}},"
    "{\"path\":\"/post\",\"refuse\":{\"offered_at\":\"/post/x\",\"offered\":\"POST, TRACE\"}}]}}";

/* "status allow" of the answer; the log is that of this request. */
static const char *answer(struct loopback *lb, const char *method, const char *path)
{
    static char text[256];
    char head[256];
    struct loopback_req q = { .lb = lb };

    (void)snprintf(head, sizeof(head), "%s %s HTTP/1.1\r\nHost: a\r\n\r\n", method, path);
    loopback_forget_log(lb);
    loopback_send(lb, &q, head, NULL);
    ck_assert(loopback_wait(&q));
    const char *allow = strstr(q.fields, "Allow: ");
    (void)snprintf(text, sizeof(text), "%d %.*s", q.status,
                   allow != NULL ? (int)strcspn(allow + 7, "\n") : 0,
                   allow != NULL ? allow + 7 : "");
    loopback_end(&q);
    return text;
}

START_TEST(each_method_has_its_answer)
{
    static const char *const cases[][3] = {
        { "GET", "/none/x", "404 " },
        { "OPTIONS", "/none/x", "404 " },
        { "TRACE", "/none/x", "404 " },
        { "DELETE", "/none/x", "404 " },
        { "GET", "/get/x", "404 " },
        { "HEAD", "/get/x", "404 " },
        { "OPTIONS", "/get/x", "204 GET, HEAD, OPTIONS" },
        { "TRACE", "/get/x", "405 GET, HEAD, OPTIONS" },
        { "POST", "/get/x", "405 GET, HEAD, OPTIONS" },
        { "GET", "/post/x", "405 POST, OPTIONS" },
        { "POST", "/post/x", "404 " },
        { "TRACE", "/post/x", "405 POST, OPTIONS" },
        { "OPTIONS", "/post/x", "204 POST, OPTIONS" },
        { "TRACE", "/any", "405 GET, HEAD, OPTIONS" },
        { "TRACE", "/stream", "405 GET, HEAD, OPTIONS" },
        { "TRACE", "/sleep", "405 GET, HEAD, OPTIONS" },
        { "TRACE", "/own", "404 " },
    };
    struct loopback *lb = loopback_create(site);

    ck_assert_ptr_nonnull(lb);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *got = answer(lb, cases[i][0], cases[i][1]);

        ck_assert_msg(strcmp(got, cases[i][2]) == 0, "%s %s: %s", cases[i][0], cases[i][1], got);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_is_there_but_not_served_has_a_status_of_its_own)
{
    struct loopback *lb = loopback_create(site);

    ck_assert_ptr_nonnull(lb);
    ck_assert_str_eq(answer(lb, "GET", "/folder/x"), "403 ");
    ck_assert_str_eq(answer(lb, "DELETE", "/folder/x"), "403 ");
    ck_assert_str_eq(answer(lb, "OPTIONS", "/folder/x"), "403 ");
    ck_assert_str_eq(answer(lb, "GET", "/folder/y"), "404 ");
    ck_assert_str_eq(answer(lb, "GET", "/both/x"), "405 POST, OPTIONS");
    ck_assert_str_eq(answer(lb, "POST", "/both/x"), "403 ");
    ck_assert_str_eq(answer(lb, "GET", "/wrong/x"), "404 ");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "500 is no status from 400 to 499"));
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_rewritten_request_offers_what_its_new_path_does)
{
    struct loopback *lb =
        loopback_create("{\"vhosts\":{\"modules\":[\"refuse\",\"probe\"],"
                        "\"refuse\":{\"offered_at\":\"/rewrite\",\"offered\":\"DELETE\"}}}");

    ck_assert_str_eq(answer(lb, "POST", "/rewrite"), "404 "); /* /own writes its own */
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_method_that_is_none_is_told_in_the_log)
{
    struct loopback *lb = loopback_create(site);

    ck_assert_str_eq(answer(lb, "GET", "/bad-allow"), "405 DELETE, OPTIONS");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "this server knows no method \"FETCH\""));
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), " refuse "));
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_welcome_page_is_for_get_and_head)
{
    struct loopback *lb = loopback_create("{}");

    ck_assert_str_eq(answer(lb, "GET", "/"), "200 ");
    ck_assert_str_eq(answer(lb, "HEAD", "/"), "200 ");
    ck_assert_str_eq(answer(lb, "POST", "/"), "405 GET, HEAD, OPTIONS");
    ck_assert_str_eq(answer(lb, "OPTIONS", "/"), "204 GET, HEAD, OPTIONS");
    ck_assert_str_eq(answer(lb, "TRACE", "/"), "405 GET, HEAD, OPTIONS");
    ck_assert_str_eq(answer(lb, "POST", "/x"), "404 ");
    loopback_destroy(lb);
}
END_TEST

Suite *suite_unowned(void)
{
    static const TTest **const tests[] = {
        &each_method_has_its_answer,
        &what_is_there_but_not_served_has_a_status_of_its_own,
        &a_rewritten_request_offers_what_its_new_path_does,
        &a_method_that_is_none_is_told_in_the_log,
        &the_welcome_page_is_for_get_and_head,
        NULL,
    };

    return unit_suite("unowned", tests);
}
