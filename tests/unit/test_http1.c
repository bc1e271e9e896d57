/* SPDX-License-Identifier: MIT
   HTTP/1 on connections without a socket: order, cuts, back-pressure, time-outs, what an idle
   connection owns. */
#include "http1.h"
#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct loopback *site(void)
{
    static char folder[64], config[512];

    unit_folder(folder);
    unit_write(folder, "ten.txt", "0123456789");
    (void)snprintf(config, sizeof(config),
                   "{\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"probe\",\"static\"]}}",
                   folder);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static unsigned count(const struct wire *w, const char *text)
{
    struct mpx_str rest = buffer_str(&w->out);
    unsigned n = 0;

    for (const char *at; rest.n > 0 && (at = memmem(rest.p, rest.n, text, strlen(text))) != NULL;
         n++)
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(text));
    return n;
}

static bool has(const struct wire *w, const char *text)
{
    return count(w, text) > 0;
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define POST_TO(path)                                                                     \
    "POST " path " HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n" \
    "2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n"

static const char mixed[] = "\r\n" GET("/ten.txt") POST_TO(
    "/body") "HEAD /ten.txt HTTP/1.1\r\nHost: a\r\n\r\n"
             "POST /ten.txt HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nwxyz" GET("/none")
                 GET("/blob") POST_TO("/none") GET("/ten.txt");

/* Until nothing is under way: a file may be opened on a thread. */
static void settle(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 1000 && w->c != NULL && w->c->session != NULL; i++)
        loopback_run(lb, 1);
}

/* Until the server has closed it. */
static void until_closed(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 5000 && w->c != NULL; i++)
        loopback_run(lb, 1);
}

/* Until an answer waits for the client to take it. */
static void until_it_waits(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 5000 && w->c != NULL && w->c->timer != CONN_SEND; i++)
        loopback_run(lb, 1);
}

/* What comes back for bytes that are sent in two pieces; the caller frees it. */
static struct buffer answer(struct loopback *lb, const char *bytes, size_t cut)
{
    struct mpx_str all = str_of(bytes);
    struct wire *w = wire_open(lb);

    wire_write(w, str_head(all, cut));
    loopback_turn(lb);
    wire_write(w, str_from(all, cut));
    settle(lb, w);
    struct buffer out = w->out;
    buffer_init(&w->out, 0);
    wire_free(w);
    return out;
}

START_TEST(a_pipeline_cut_at_any_place_has_the_same_answers)
{
    struct loopback *lb = site();
    struct buffer whole = answer(lb, mixed, 0);

    for (size_t cut = 1; cut < sizeof(mixed) - 1; cut++) {
        struct buffer out = answer(lb, mixed, cut);

        /* the Date may have changed meanwhile, lengths do not */
        ck_assert_msg(out.n == whole.n, "cut at %zu: %zu bytes, not %zu:\n%.*s", cut, out.n,
                      whole.n, STR_ARGS(buffer_str(&out)));
        buffer_finish(&out);
    }
    buffer_finish(&whole);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_pipeline_is_answered_in_order_and_whole)
{
    struct loopback *lb = site();
    struct buffer out = answer(lb, mixed, 0);
    static const char *const wanted[] = { "200 OK", "0123456789", "200 OK",  "abcde",
                                          "200 OK", "405 Method", "404 Not", "200 OK",
                                          "a blob", "404 Not",    "200 OK",  "0123456789" };
    struct mpx_str rest = buffer_str(&out);

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const char *at = memmem(rest.p, rest.n, wanted[i], strlen(wanted[i]));

        ck_assert_msg(at != NULL, "%s is missing", wanted[i]);
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(wanted[i]));
    }
    ck_assert_uint_eq(rest.n, 0);
    buffer_finish(&out);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_suspended_request_holds_back_those_behind_it)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(GET("/sleep") GET("/ten.txt")));
    ck_assert_uint_eq(w->out.n, 0);
    settle(lb, w);
    ck_assert_uint_eq(count(w, "HTTP/1.1 200"), 2);
    ck_assert_ptr_nonnull(memmem(w->out.p, w->out.n, "\r\n\r\ndone", 8));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_idle_connection_owns_nothing)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    ck_assert_ptr_null(w->c->session);
    wire_write(w, MPX_STR(GET("/ten.txt")));
    settle(lb, w);
    ck_assert(has(w, "200 OK"));
    ck_assert_ptr_null(w->c->session);
    ck_assert_int_eq(w->c->timer, CONN_KEEPALIVE);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* A client that asks and asks and takes nothing: the server must stop reading. */
START_TEST(a_client_that_takes_nothing_is_not_read_without_bound)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    w->room = 0;
    for (int i = 0; i < 20000; i++)
        (void)buffer_add(&w->in, MPX_STR(GET("/ten.txt")));
    wire_write(w, MPX_STR(""));
    until_it_waits(lb, w);
    loopback_run(lb, 20);
    ck_assert_uint_le(w->in_at, 2 * WORKER_INPUT);
    ck_assert_int_eq(w->c->timer, CONN_SEND);
    wire_allow(w, SIZE_MAX);
    for (int i = 0; i < 200 && count(w, "HTTP/1.1 200") < 20000; i++)
        loopback_run(lb, 50);
    ck_assert_uint_eq(count(w, "HTTP/1.1 200"), 20000);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_answer_leaves_in_pieces_of_any_size)
{
    struct loopback *lb = site();
    struct buffer whole = answer(lb, GET("/ten.txt") GET("/blob"), 0);

    for (size_t step = 1; step < 40; step++) {
        struct wire *w = wire_open(lb);

        w->room = 0;
        wire_write(w, MPX_STR(GET("/ten.txt") GET("/blob")));
        until_it_waits(lb, w);
        for (int i = 0; i < 2000 && w->out.n < whole.n; i++)
            wire_allow(w, step);
        ck_assert_msg(w->out.n == whole.n, "%zu at a time: %zu bytes", step, w->out.n);
        wire_free(w);
    }
    buffer_finish(&whole);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_stream_waits_for_a_slow_client)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    w->room = 0;
    wire_write(w, MPX_STR(GET("/stream")));
    until_it_waits(lb, w);
    const struct http1 *h = w->c->session;
    ck_assert_uint_le(h->cur->res.waiting, 2 * RES_MARK);
    for (int i = 0; i < 200; i++) {
        wire_allow(w, 10000);
        loopback_turn(lb);
    }
    ck_assert(has(w, "\r\n0\r\n\r\n"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_that_is_gone_ends_its_request)
{
    static const char half_a_body[] = "POST /body HTTP/1.1\r\nHost: a\r\n"
                                      "Content-Length: 9\r\n\r\nabc";
    static const char *const requests[] = {
        GET("/sleep-long"), GET("/fd"),     GET("/ticket"), GET("/offload"),
        GET("/watch"),      GET("/stream"), GET("/pieces"), half_a_body,
    };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct wire *w = wire_open(lb);

        w->room = 0;
        wire_write(w, str_of(requests[i]));
        wire_break(w);
        until_closed(lb, w);
        ck_assert_msg(w->c == NULL, "%s", requests[i]);
        wire_free(w);
        if (strncmp(requests[i], "GET /ticket", 11) == 0) {
            struct buffer out = answer(lb, GET("/wake"), 0);

            ck_assert_ptr_nonnull(memmem(out.p, out.n, "nobody", 6));
            buffer_finish(&out);
        }
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_end_of_the_clients_half_is_not_leaving)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(GET("/sleep")));
    wire_write_end(w);
    until_closed(lb, w);
    ck_assert(has(w, "200 OK"));
    ck_assert_ptr_null(w->c);
    ck_assert(!w->reset);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_end_inside_a_head_is_no_request)
{
    static const char *const parts[] = { "GET / HT", "\r\n" };
    struct loopback *lb = site();

    for (size_t i = 0; i < 2; i++) {
        struct wire *w = wire_open(lb);

        wire_write(w, str_of(parts[i]));
        wire_write_end(w);
        until_closed(lb, w);
        ck_assert_ptr_null(w->c);
        ck_assert(!w->reset);
        ck_assert_uint_eq(w->out.n, 0);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_end_inside_a_body_is_400)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc"));
    wire_write_end(w);
    until_closed(lb, w);
    ck_assert(has(w, "HTTP/1.1 400 "));
    ck_assert(has(w, "Connection: close"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_was_asked_before_the_end_is_answered)
{
    static const char *const behind[] = { "", "\r\n", "\r\n\r\n", "GET /sm",
                                          "POST /body HTTP/1.1\r\nHost: a\r\n" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(behind) / sizeof(behind[0]); i++) {
        struct wire *w = wire_open(lb);

        w->in_at = w->in.n;
        (void)buffer_add(&w->in, MPX_STR(GET("/ten.txt") GET("/sleep")));
        (void)buffer_add(&w->in, str_of(behind[i]));
        w->end_sent = true;
        wire_write(w, MPX_STR(""));
        until_closed(lb, w);
        ck_assert_uint_eq(count(w, "HTTP/1.1 200 OK\r\n"), 2);
        ck_assert(has(w, "\r\n\r\n0123456789"));
        ck_assert(!w->reset);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(no_100_continue_follows_the_beginning_of_an_answer)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /flush-body HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
                          "Expect: 100-continue\r\n\r\n"));
    loopback_run(lb, 20);
    wire_write(w, MPX_STR("abc"));
    settle(lb, w);
    ck_assert(!has(w, "100 Continue"));
    ck_assert(has(w, "3\r\nabc\r\n0\r\n\r\n"));
    wire_free(w);
    w = wire_open(lb);
    wire_write(w, MPX_STR("POST /body-small HTTP/1.1\r\nHost: a\r\nContent-Length: 99\r\n"
                          "Expect: 100-continue\r\n\r\n"));
    ck_assert(!has(w, "100 Continue")); /* nor a wait for what is too long */
    ck_assert(has(w, "HTTP/1.1 413 "));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(bytes_that_come_do_not_keep_a_client_that_takes_none)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    w->room = 100;
    wire_write(w, MPX_STR(GET("/big") "POST /body HTTP/1.1\r\nHost: a\r\n"
                                      "Content-Length: 99\r\n\r\n"));
    until_it_waits(lb, w);
    int64_t deadline = w->c->deadline_ms;
    loopback_run(lb, 5);
    wire_write(w, MPX_STR("x"));
    ck_assert_int_eq(w->c->timer, CONN_SEND);
    ck_assert_int_eq(w->c->deadline_ms, deadline);
    wire_allow(w, 10);
    ck_assert_int_gt(w->c->deadline_ms, deadline);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(time_runs_out_where_it_should)
{
    static const struct {
        const char *sent;
        int64_t after;      /* ms that pass without harm */
        int64_t more;       /* ms that then are too many */
        const char *answer; /* "": none */
    } cases[] = {
        { "", 9000, 2000, "" },
        { "GET / HTTP/1.1\r\n", 9000, 2000, "HTTP/1.1 408 Request Timeout\r\n" },
        { GET("/ten.txt"), 29000, 2000, "HTTP/1.1 200 OK\r\n" },
        { GET("/ten.txt") "GET /", 9000, 2000, "HTTP/1.1 408 Request Timeout\r\n" },
        { "POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", 29000, 2000,
          "HTTP/1.1 408 Request Timeout\r\n" },
        /* empty lines are no request that could be late (RFC 9112 2.2) */
        { "\r\n", 9000, 2000, "" },
        { GET("/ten.txt") "\r\n", 29000, 2000, "HTTP/1.1 200 OK\r\n" },
    };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *w = wire_open(lb);

        wire_write(w, str_of(cases[i].sent));
        loopback_run(lb, 20);
        loopback_sweep(lb, cases[i].after);
        ck_assert_msg(w->c != NULL && !w->shut, "case %zu: too early", i);
        loopback_sweep(lb, cases[i].more);
        ck_assert_msg(w->c == NULL || w->shut, "case %zu: too late", i);
        ck_assert_msg(cases[i].answer[0] == '\0' ? w->out.n == 0 : has(w, cases[i].answer),
                      "case %zu: %.*s", i, STR_ARGS(buffer_str(&w->out)));
        ck_assert_msg(i < 5 || !has(w, "408"), "case %zu: 408 for nothing", i);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_slow_header_is_not_helped_by_bytes_now_and_then)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("GET / HTTP/1.1\r\nHost: a\r\n"));
    for (int i = 0; i < 9; i++) {
        loopback_sweep(lb, 1000);
        (void)buffer_add(&w->in, MPX_STR("X: y\r\n"));
        w->c->readable = true;
        conn_drive(w->c); /* wire_write would put the clock right */
    }
    loopback_sweep(lb, 2000);
    ck_assert(has(w, "408 Request Timeout"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_http1(void)
{
    static const TTest **const tests[] = {
        &a_pipeline_cut_at_any_place_has_the_same_answers,
        &a_pipeline_is_answered_in_order_and_whole,
        &a_suspended_request_holds_back_those_behind_it,
        &an_idle_connection_owns_nothing,
        &a_client_that_takes_nothing_is_not_read_without_bound,
        &an_answer_leaves_in_pieces_of_any_size,
        &a_stream_waits_for_a_slow_client,
        &a_client_that_is_gone_ends_its_request,
        &the_end_of_the_clients_half_is_not_leaving,
        &the_end_inside_a_head_is_no_request,
        &the_end_inside_a_body_is_400,
        &what_was_asked_before_the_end_is_answered,
        &no_100_continue_follows_the_beginning_of_an_answer,
        &bytes_that_come_do_not_keep_a_client_that_takes_none,
        &time_runs_out_where_it_should,
        &a_slow_header_is_not_helped_by_bytes_now_and_then,
        NULL,
    };

    return unit_suite("http1", tests);
}
