/* SPDX-License-Identifier: MIT
   Pages of a virtual host's own for errors, where it matters when things happen: hooks that wait,
   bodies that cannot be read, clients that leave. */
#include "own_page.h"

#include "http1.h"
#include "loopback.h"
#include "unit.h"

#include <stdio.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* A site whose folder holds page.html, with these members of error_pages. */
static struct loopback *site(const char *pages)
{
    static char folder[64], config[1024];

    unit_folder(folder);
    unit_write(folder, "page.html", "the page");
    (void)snprintf(
        config, sizeof(config),
        "{\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"refuse\",\"probe\",\"static\"],"
        "\"error_pages\":{%s}}}",
        folder, pages);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static void get(struct loopback *lb, struct loopback_req *q, const char *head)
{
    *q = (struct loopback_req){ .lb = lb };
    loopback_send(lb, q, head, NULL);
    ck_assert(loopback_wait(q));
}

START_TEST(the_page_may_wait)
{
    struct loopback *lb = site("\"404\":\"/sleep\",\"409\":\"/page.html\",\"410\":\"/offload\"");
    struct loopback_req q = { .lb = lb };

    loopback_send(lb, &q, GET("/nowhere"), NULL);
    for (int i = 0; i < 1000 && q.r->own_page == NULL; i++) /* the file is looked for on a thread */
        loopback_run(lb, 1);
    ck_assert(!q.started && q.r->suspended);
    ck_assert_view_eq(q.r->path, "/sleep");
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 404);
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    ck_assert_view_eq(q.r->path, "/nowhere");
    loopback_end(&q);
    get(lb, &q, GET("/error?409"));
    ck_assert_int_eq(q.status, 409);
    ck_assert_view_eq(buffer_str(&q.answer), "the page");
    loopback_end(&q);
    get(lb, &q, GET("/closed"));
    ck_assert_int_eq(q.status, 410);
    ck_assert_view_eq(buffer_str(&q.answer), "42");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(log_sees_what_the_client_sent)
{
    static const char *const pages[] = { "\"409\":\"/page.html\"", "\"409\":\"/sleep\"",
                                         "\"409\":\"/late\"",      "\"409\":\"/fail\"",
                                         "\"409\":\"/nowhere\"",   "\"409\":\"/rewrite\"",
                                         "\"409\":\"/error?409\"" };

    for (size_t i = 0; i < sizeof(pages) / sizeof(pages[0]); i++) {
        struct loopback *lb = site(pages[i]);
        struct loopback_req q;

        get(lb, &q, "DELETE /error?409 HTTP/1.1\r\nHost: a\r\n\r\n");
        ck_assert_int_eq(q.status, 409);
        loopback_end(&q);
        get(lb, &q, GET("/logged"));
        ck_assert_view_eq(buffer_str(&q.answer), "DELETE /error 409");
        loopback_end(&q);
        loopback_destroy(lb);
    }
}
END_TEST

START_TEST(a_client_that_leaves_during_the_page_leaves_nothing)
{
    static const char *const paths[] = { "/sleep-long", "/offload", "/fd", "/page.html" };

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        char pages[64];
        struct loopback_req q;

        (void)snprintf(pages, sizeof(pages), "\"409\":\"%s\"", paths[i]);
        struct loopback *lb = site(pages);
        q = (struct loopback_req){ .lb = lb };
        loopback_send(lb, &q, GET("/error?409"), NULL);
        loopback_end(&q);
        get(lb, &q, GET("/logged"));
        ck_assert_ptr_nonnull(strstr(q.answer.p, "GET /error "));
        loopback_end(&q);
        loopback_destroy(lb);
    }
}
END_TEST

START_TEST(a_page_that_is_missing_is_told_from_time_to_time)
{
    struct loopback *lb = site("\"409\":\"/missing\"");
    struct worker *w = loopback_worker(lb);
    struct loopback_req q;
    unsigned told = 0;

    for (int i = 0; i < 4; i++) {
        loopback_forget_log(lb);
        if (i == 3)
            w->warned_ms -= 10001;
        get(lb, &q, GET("/error?409"));
        ck_assert_int_eq(q.status, 409);
        ck_assert(loopback_has_field(&q, "X-Why: because"));
        loopback_end(&q);
        told += strstr(loopback_log(lb), "error_pages: \"/missing\" for 409 gives no page") != NULL;
        ck_assert_uint_eq(told, i < 3 ? 1 : 2);
    }
    loopback_destroy(lb);
}
END_TEST

/* ---- on a connection */

static bool has(const struct wire *w, const char *text)
{
    return w->out.n > 0 && memmem(w->out.p, w->out.n, text, strlen(text)) != NULL;
}

/* Until the server has closed the connection, or waits for the client. */
static void until_quiet(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 5000 && w->c != NULL && !w->shut && w->c->session != NULL; i++)
        loopback_run(lb, 1);
}

#define CHUNKED_TOO_LONG                                                         \
    "POST /body-small HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" \
    "40\r\n0123456789012345678901234567890123456789012345678901234567890123\r\n"

START_TEST(a_body_that_is_too_long_has_a_page_whatever_it_waits_for)
{
    static const char *const cases[][2] = { { "/page.html", "the page" },
                                            { "/sleep", "done" },
                                            { "/pieces", "piece 3" },
                                            { "/long", "0123456789abcdef" } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char pages[64];

        (void)snprintf(pages, sizeof(pages), "\"413\":\"%s\"", cases[i][0]);
        struct loopback *lb = site(pages);
        struct wire *w = wire_open(lb);
        wire_write(w, MPX_STR(CHUNKED_TOO_LONG));
        wire_write(w, MPX_STR("40\r\n01234")); /* goes on meanwhile */
        until_quiet(lb, w);
        ck_assert_msg(has(w, "HTTP/1.1 413 ") && has(w, "Connection: close\r\n"), "%s: %.*s",
                      cases[i][0], STR_ARGS(buffer_str(&w->out)));
        ck_assert_msg(has(w, cases[i][1]), "%s", cases[i][0]);
        ck_assert(w->shut || w->c == NULL);
        wire_free(w);
        loopback_destroy(lb);
    }
}
END_TEST

/* A page that reads a body: there is none that is its own, whatever became of the client's. */
START_TEST(the_page_has_no_body)
{
    static const char *const requests[][2] = {
        { "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01234", "404" },
        { "POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", "404" },
        { CHUNKED_TOO_LONG, "413" },
        { "POST /body HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nx", "400" },
    };
    static const char *const pages[][2] = { { "/body-where", "memory: bytes 0 " },
                                            { "/parts", "bytes 0 " },
                                            { "/parts-after-whole", "bytes 0 " },
                                            { "/parts-before", "end 0" } };

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++)
        for (size_t k = 0; k < sizeof(pages) / sizeof(pages[0]); k++) {
            char text[64];

            (void)snprintf(text, sizeof(text), "\"4xx\":\"%s\"", pages[k][0]);
            struct loopback *lb = site(text);
            struct wire *w = wire_open(lb);
            wire_write(w, str_of(requests[i][0]));
            for (int turns = 0; turns < 200 && w->out.n == 0; turns++)
                loopback_run(lb, 1);
            (void)snprintf(text, sizeof(text), "HTTP/1.1 %s ", requests[i][1]);
            ck_assert_msg(has(w, text) && has(w, pages[k][1]), "%s by %s: %.*s", requests[i][1],
                          pages[k][0], STR_ARGS(buffer_str(&w->out)));
            wire_free(w);
            loopback_destroy(lb);
        }
}
END_TEST

START_TEST(a_long_page_waits_for_a_client_that_is_slow)
{
    struct loopback *lb = site("\"413\":\"/long\"");
    struct wire *w = wire_open(lb);

    wire_allow(w, 1000);
    wire_write(w, MPX_STR(CHUNKED_TOO_LONG));
    for (int i = 0; i < 5000 && w->c != NULL && !w->shut; i++) {
        loopback_turn(lb);
        wire_allow(w, 10000);
    }
    ck_assert_uint_gt(w->out.n, 1 << 20);
    ck_assert(has(w, "\r\n0\r\n\r\n"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_body_that_stops_has_a_page)
{
    struct loopback *lb = site("\"408\":\"/sleep\"");
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234"));
    loopback_sweep(lb, 31000);
    until_quiet(lb, w);
    ck_assert(has(w, "HTTP/1.1 408 ") && has(w, "\r\n\r\ndone"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_body_that_ends_too_soon_has_a_page)
{
    struct loopback *lb = site("\"400\":\"/sleep\"");
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n01234"));
    wire_write_end(w);
    for (int i = 0; i < 5000 && w->c != NULL; i++)
        loopback_run(lb, 1);
    ck_assert(has(w, "HTTP/1.1 400 ") && has(w, "\r\n\r\ndone"));
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_connection_that_breaks_during_the_page_leaves_nothing)
{
    struct loopback *lb = site("\"413\":\"/sleep-long\",\"404\":\"/sleep-long\"");
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(CHUNKED_TOO_LONG));
    ck_assert_uint_eq(w->out.n, 0);
    wire_break(w);
    ck_assert_ptr_null(w->c);
    wire_free(w);
    w = wire_open(lb);
    wire_write(w, MPX_STR("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01"));
    loopback_run(lb, 20);
    wire_break(w);
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_body_that_nobody_reads_is_drained_behind_the_page)
{
    struct loopback *lb = site("\"404\":\"/sleep\"");
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /nowhere HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n01"));
    loopback_run(lb, 5);
    wire_write(w, MPX_STR("234" GET("/page.html")));
    until_quiet(lb, w);
    ck_assert(has(w, "HTTP/1.1 404 ") && has(w, "\r\n\r\ndoneHTTP/1.1 200 OK\r\n"));
    ck_assert(has(w, "\r\n\r\nthe page"));
    ck_assert_ptr_nonnull(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_own_page(void)
{
    static const TTest **const tests[] = {
        &the_page_may_wait,
        &log_sees_what_the_client_sent,
        &a_client_that_leaves_during_the_page_leaves_nothing,
        &a_page_that_is_missing_is_told_from_time_to_time,
        &a_body_that_is_too_long_has_a_page_whatever_it_waits_for,
        &the_page_has_no_body,
        &a_long_page_waits_for_a_client_that_is_slow,
        &a_body_that_stops_has_a_page,
        &a_body_that_ends_too_soon_has_a_page,
        &a_connection_that_breaks_during_the_page_leaves_nothing,
        &a_body_that_nobody_reads_is_drained_behind_the_page,
        NULL,
    };

    return unit_suite("own_page", tests);
}
