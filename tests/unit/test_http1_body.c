/* SPDX-License-Identifier: MIT
   Bodies on connections without a socket: cuts, back-pressure in both directions, whose time runs,
   100 Continue, what nobody reads, and clients that leave. */
#include "aid.h"
#include "bodies.h"
#include "http1.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define HEAD(path, fields) "POST " path " HTTP/1.1\r\nHost: a\r\n" fields "\r\n"
#define CHUNKED            "Transfer-Encoding: chunked\r\n"
#define EXPECT             "Expect: 100-continue\r\n"
#define GET(path)          "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

enum { BIG = 5 << 20 };

static struct loopback *big_site(void)
{
    return bodies_site("", "\"body\":\"10M\",\"body_memory\":\"16k\"");
}

static unsigned count(const struct wire *w, const char *text)
{
    struct mpx_str rest = buffer_str(&w->out);
    unsigned n = 0;

    while (rest.n > 0) {
        const char *at = memmem(rest.p, rest.n, text, strlen(text));

        if (at == NULL)
            break;
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(text));
        n++;
    }
    return n;
}

static bool has(const struct wire *w, const char *text)
{
    return count(w, text) > 0;
}

/* Until nothing is under way. */
static void settle(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 2000 && w->c != NULL && w->c->session != NULL; i++)
        loopback_run(lb, 1);
}

static void until(struct loopback *lb, const struct wire *w, const char *text)
{
    for (int i = 0; i < 5000 && !has(w, text) && w->c != NULL; i++)
        loopback_run(lb, 1);
    ck_assert_msg(has(w, text), "\"%s\" does not come: %.*s", text,
                  STR_ARGS(str_head(buffer_str(&w->out), 300)));
}

/* How much of a request's body is in memory. */
static size_t held(const struct wire *w)
{
    const struct http1 *h = w->c->session;

    return h->stash_n - h->stash_at + (h->cur != NULL ? h->cur->body.bytes.n : 0);
}

/* ---- cuts */

/* Requests in a row, and how their answers end; NULL: with a report of the body that follows. */
static const struct {
    const char *request, *answer, *body;
} mixed[] = {
    { HEAD("/parts", CHUNKED) "3\r\nabc\r\n2 ; x = \"y\\\"\" ;z\r\nde\r\n0;end\r\nT: u\r\n\r\n",
      NULL, "abcde" },
    { HEAD("/parts-echo", "Content-Length: 7\r\n") "0123456", "\r\n\r\n0123456", NULL },
    { GET("/parts"), NULL, "" },
    { HEAD("/parts-slow", CHUNKED) "1\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n", NULL,
      "x0123456789abcdef" },
    { HEAD("/parts-late", "Content-Length: 4\r\n") "late", NULL, "late" },
    { HEAD("/body", CHUNKED) "4\r\nbody\r\n0\r\n\r\n", "\r\n\r\nbody", NULL },
    { GET("/parts-before"), "\r\n\r\nend 0", NULL },
};

static void check_mixed(const struct wire *w)
{
    struct mpx_str rest = buffer_str(&w->out);

    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++) {
        const char *text = mixed[i].answer;

        if (text == NULL)
            text = bodies_report("\r\n\r\n", mixed[i].body);
        const char *at = memmem(rest.p, rest.n, text, strlen(text));
        ck_assert_msg(at != NULL, "answer %zu, %s, is not in %.*s", i, text,
                      STR_ARGS(buffer_str(&w->out)));
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(text));
    }
    ck_assert_uint_eq(rest.n, 0);
}

START_TEST(bodies_that_are_cut_at_any_place_are_the_same)
{
    struct loopback *lb = big_site();
    struct buffer b;

    buffer_init(&b, 10000);
    for (size_t i = 0; i < sizeof(mixed) / sizeof(mixed[0]); i++)
        (void)buffer_add(&b, str_of(mixed[i].request));
    struct mpx_str all = buffer_str(&b);
    for (size_t cut = 0; cut < all.n; cut++) {
        struct wire *w = wire_open(lb);

        wire_write(w, str_head(all, cut));
        loopback_turn(lb);
        wire_write(w, str_from(all, cut));
        settle(lb, w);
        check_mixed(w);
        wire_free(w);
    }
    buffer_finish(&b);
    loopback_destroy(lb);
}
END_TEST

START_TEST(chunks_that_come_together_are_one_part)
{
    struct loopback *lb = big_site();
    struct wire *w = wire_open(lb);

    (void)buffer_add(&w->in, MPX_STR(HEAD("/parts-count", CHUNKED)));
    for (int i = 0; i < 1000; i++)
        (void)buffer_add(&w->in, MPX_STR("1;x=\"y\"\r\na\r\n2\r\nbc\r\n"));
    wire_write(w, MPX_STR("0\r\n\r\n" GET("/parts-count")));
    settle(lb, w);
    ck_assert(has(w, "parts 1"));
    ck_assert(has(w, "parts 0"));
    wire_free(w);

    char body[3001];
    w = wire_open(lb);
    for (size_t i = 0; i < 3000; i++)
        body[i] = "abc"[i % 3];
    body[3000] = '\0';
    (void)buffer_add(&w->in, MPX_STR(HEAD("/parts", CHUNKED)));
    for (int i = 0; i < 1000; i++)
        (void)buffer_add(&w->in, MPX_STR("1;x=\"y\"\r\na\r\n2\r\nbc\r\n"));
    wire_write(w, MPX_STR("0\r\n\r\n"));
    settle(lb, w);
    ck_assert(has(w, bodies_report("", body)));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* ---- back-pressure */

START_TEST(a_reader_that_does_not_ask_holds_64_kib_and_the_rest_is_not_read)
{
    static const char *const paths[] = { "/parts-hold", "/parts-never" };
    struct loopback *lb = big_site();

    for (size_t i = 0; i < 2; i++) {
        struct wire *w = wire_open(lb);

        bodies_send(w, paths[i], BIG);
        loopback_run(lb, 10);
        ck_assert_uint_le(w->in_at, WORKER_INPUT);
        ck_assert_uint_gt(held(w), WORKER_INPUT - 200);
        ck_assert_uint_le(held(w), WORKER_INPUT);
        for (int k = 0; k < 5; k++) { /* more bytes are no reason to read */
            wire_write(w, MPX_STR("more"));
            loopback_turn(lb);
        }
        ck_assert_uint_le(w->in_at, WORKER_INPUT);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(no_time_runs_while_the_server_does_not_read)
{
    static const char *const paths[] = { "/parts-hold", "/parts-never", "/body-hold" };
    struct loopback *lb = big_site();

    for (size_t i = 0; i < 3; i++) {
        struct wire *w = wire_open(lb);

        bodies_send(w, paths[i], 200000);
        loopback_run(lb, 20);
        ck_assert_int_eq(w->c->timer, CONN_NO_TIMER);
        loopback_sweep(lb, 50000);
        ck_assert_msg(w->c != NULL && w->out.n == 0, "%s", paths[i]);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(time_runs_while_a_reader_waits_for_bytes)
{
    static const char *const paths[] = { "/parts", "/body", "/body-where", "/parts-slow" };
    struct loopback *lb = big_site();

    for (size_t i = 0; i < 4; i++) {
        struct wire *w = wire_open(lb);
        char head[200];

        (void)snprintf(head, sizeof(head), HEAD("%s", "Content-Length: 9\r\n") "abc", paths[i]);
        wire_write(w, str_of(head));
        loopback_run(lb, 20);
        ck_assert_int_eq(w->c->timer, CONN_BODY);
        loopback_sweep(lb, 29000);
        ck_assert_uint_eq(w->out.n, 0);
        wire_write(w, MPX_STR("def")); /* begins anew */
        loopback_run(lb, 20);
        loopback_sweep(lb, 29000);
        ck_assert_uint_eq(w->out.n, 0);
        loopback_sweep(lb, 2000);
        ck_assert_msg(has(w, "HTTP/1.1 408 Request Timeout\r\n"), "%s", paths[i]);
        ck_assert(has(w, "Connection: close\r\n"));
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_echo_of_5_mib_is_bounded_in_both_directions)
{
    struct loopback *lb = big_site();
    struct wire *w = wire_open(lb);
    size_t most_held = 0, most_waiting = 0, ahead = 0;

    w->room = 0;
    bodies_send(w, "/parts-echo", BIG);
    for (int i = 0; i < 20000 && w->c->session != NULL; i++) {
        const struct http1 *h = w->c->session;
        size_t held_now = held(w), waiting = h->cur != NULL ? h->cur->res.waiting : 0;

        most_held = held_now > most_held ? held_now : most_held;
        most_waiting = waiting > most_waiting ? waiting : most_waiting;
        ahead = w->in_at - w->out.n > ahead && w->in_at > w->out.n ? w->in_at - w->out.n : ahead;
        wire_allow(w, 10000);
        loopback_turn(lb);
    }
    ck_assert_ptr_null(w->c->session);
    ck_assert_uint_gt(w->out.n, BIG);
    ck_assert_uint_le(most_held, WORKER_INPUT);
    ck_assert_uint_le(most_waiting, RES_MARK + WORKER_INPUT);
    ck_assert_uint_le(ahead, RES_MARK + 2 * WORKER_INPUT);
    ck_assert(!has(w, "Connection: close"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* One thread, which is busy: the first write has to wait, and so has the client. */
START_TEST(a_client_is_not_read_while_a_thread_writes)
{
    struct loopback *lb =
        bodies_site(",\"pool\":{\"threads\":1}", "\"body\":\"10M\",\"body_memory\":\"16k\"");
    struct wire *busy = wire_open(lb), *w = wire_open(lb);

    loopback_run(lb, 30); /* the background work of open() */
    wire_write(busy, MPX_STR(GET("/offload")));
    bodies_send(w, "/body-where", BIG);
    ck_assert_uint_le(w->in_at, 2 * WORKER_INPUT);
    ck_assert_int_eq(w->c->timer, CONN_NO_TIMER);
    until(lb, w, "file: bytes 5242880");
    wire_free(busy);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* ---- 100 Continue */

static void check_continue(struct loopback *lb, const char *request, unsigned interim,
                           const char *status)
{
    struct wire *w = wire_open(lb);

    wire_write(w, str_of(request));
    loopback_run(lb, 30);
    ck_assert_msg(count(w, "HTTP/1.1 100 Continue\r\n\r\n") == interim, "%u for %s", interim,
                  request);
    if (interim > 0) {
        ck_assert(memcmp(w->out.p, "HTTP/1.1 100", 12) == 0);
        wire_write(w, MPX_STR("0123456789"));
    }
    until(lb, w, status);
    ck_assert_uint_eq(count(w, "HTTP/1.1 100"), interim);
    ck_assert_msg(has(w, "Connection: close") == (interim == 0), "%s", request);
    wire_free(w);
}

START_TEST(continue_is_sent_when_a_reader_asks_and_no_answer_is_there)
{
    struct loopback *lb = bodies_site("", "\"body\":1000");

    check_continue(lb, HEAD("/parts", EXPECT "Content-Length: 10\r\n"), 1, "HTTP/1.1 200");
    check_continue(lb, HEAD("/parts-late", EXPECT "Content-Length: 10\r\n"), 1, "HTTP/1.1 200");
    check_continue(lb, HEAD("/body", EXPECT "Content-Length: 10\r\n"), 1, "HTTP/1.1 200");
    check_continue(lb, HEAD("/body-small", EXPECT "Content-Length: 10\r\n"), 1, "HTTP/1.1 200");
    check_continue(lb, HEAD("/none", EXPECT "Content-Length: 10\r\n"), 0, "HTTP/1.1 404");
    check_continue(lb, HEAD("/parts-before", EXPECT "Content-Length: 10\r\n"), 0, "HTTP/1.1 200");
    check_continue(lb, HEAD("/parts", EXPECT "Content-Length: 1001\r\n"), 0, "HTTP/1.1 413");
    check_continue(lb, HEAD("/tiny/parts", EXPECT "Content-Length: 10\r\n"), 0, "HTTP/1.1 413");
    check_continue(lb, HEAD("/body-small", EXPECT "Content-Length: 17\r\n"), 0, "HTTP/1.1 413");
    check_continue(lb, HEAD("/parts", "Expect: 100-continue, x\r\nContent-Length: 10\r\n"), 0,
                   "HTTP/1.1 417");
    loopback_destroy(lb);
}
END_TEST

START_TEST(continue_does_not_follow_a_final_answer)
{
    struct loopback *lb = big_site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(HEAD("/parts-flush", EXPECT "Content-Length: 10\r\n")));
    ck_assert(has(w, "HTTP/1.1 200 OK"));
    loopback_run(lb, 20);
    wire_write(w, MPX_STR("0123456789"));
    until(lb, w, "0\r\n\r\n");
    ck_assert(!has(w, "HTTP/1.1 100"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(continue_waits_for_the_answers_before_it)
{
    struct loopback *lb = big_site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(GET("/parts-late") HEAD("/parts", EXPECT "Content-Length: 10\r\n")));
    until(lb, w, "HTTP/1.1 100 Continue\r\n\r\n");
    ck_assert(memcmp(w->out.p, "HTTP/1.1 200", 12) == 0);
    wire_write(w, MPX_STR("0123456789"));
    until(lb, w, bodies_report("", "0123456789"));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* ---- what nobody reads */

START_TEST(a_rest_that_nobody_reads_is_passed_over_or_closes)
{
    static const struct {
        size_t n;
        bool keeps;
    } cases[] = { { 70000, true }, { 300000, true }, { 400000, false }, { BIG, false } };
    struct loopback *lb = big_site();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *w = wire_open(lb);

        bodies_send(w, "/parts-stop", cases[i].n);
        until(lb, w, "stopped");
        ck_assert_uint_eq(has(w, "Connection: close"), !cases[i].keeps);
        if (cases[i].keeps) {
            wire_write(w, MPX_STR(GET("/parts")));
            until(lb, w, "bytes 0");
        } else {
            loopback_run(lb, 5); /* it can be read: our half is closed, the other one is not */
            ck_assert(w->shut && w->c != NULL);
            loopback_sweep(lb, 3000);
            ck_assert_ptr_null(w->c);
        }
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(chunks_that_nobody_reads_are_passed_over_to_a_limit)
{
    struct loopback *lb = bodies_site("", "\"body\":100");
    static const struct {
        unsigned chunks;
        bool keeps;
    } cases[] = { { 10, true }, { 260, true }, { 270, false } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *w = wire_open(lb);

        (void)buffer_add(&w->in, MPX_STR(HEAD("/none", CHUNKED)));
        for (unsigned k = 0; k < cases[i].chunks; k++) {
            (void)buffer_printf(&w->in, "%x\r\n", 1000);
            (void)buffer_add(&w->in, str_head(str_of(bodies_text(1000)), 1000));
            (void)buffer_add(&w->in, MPX_STR("\r\n"));
        }
        wire_write(w, MPX_STR("0\r\n\r\n" GET("/parts")));
        loopback_run(lb, 20);
        ck_assert_uint_eq(count(w, "HTTP/1.1 404"), 1);
        ck_assert_uint_eq(count(w, "HTTP/1.1 200"), cases[i].keeps);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

/* ---- clients that leave */

/* Sends the first n bytes and is gone: a reset, or the end of its half. */
static void leave_at(struct loopback *lb, struct mpx_str request, size_t n, bool reset,
                     bool at_once)
{
    struct wire *w = wire_open(lb);

    wire_write(w, str_head(request, n));
    if (!at_once)
        loopback_run(lb, 2);
    if (reset)
        wire_break(w);
    else
        wire_write_end(w);
    loopback_turn(lb);
    ck_assert_msg(!reset || w->c == NULL, "%zu bytes of %.*s", n, STR_ARGS(request));
    wire_free(w);
}

START_TEST(a_client_may_leave_at_every_byte)
{
    static const char *const requests[] = {
        HEAD("/parts", CHUNKED) "3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: u\r\n\r\n",
        HEAD("/parts-slow", "Content-Length: 9\r\n") "012345678",
        HEAD("/parts-hold", "Content-Length: 9\r\n") "012345678",
        HEAD("/parts-never", CHUNKED) "3\r\nabc\r\n0\r\n\r\n",
        HEAD("/parts-flush", CHUNKED) "3\r\nabc\r\n0\r\n\r\n",
        HEAD("/body-hold", "Content-Length: 9\r\n") "012345678",
        HEAD("/body", EXPECT "Content-Length: 9\r\n") "012345678",
    };
    struct loopback *lb = big_site();
    size_t before = aid_descriptors();

    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct mpx_str r = str_of(requests[i]);

        for (size_t n = (size_t)(strstr(r.p, "\r\n\r\n") - r.p) + 3; n <= r.n; n++)
            for (unsigned how = 0; how < 4; how++)
                leave_at(lb, r, n, how % 2, how / 2);
    }
    ck_assert(aid_wait_until(bodies_is_idle, lb));
    ck_assert_uint_le(aid_descriptors(), before);
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_may_leave_while_its_body_is_written)
{
    struct loopback *lb = big_site();
    size_t before = aid_descriptors();

    for (size_t n = 20000; n < 300000; n += 20000)
        for (unsigned turns = 0; turns < 20; turns += 3) {
            struct wire *w = wire_open(lb);

            bodies_send(w, turns % 2 != 0 ? "/body-where" : "/body-hold", n);
            for (unsigned i = 0; i < turns; i++)
                loopback_turn(lb);
            wire_break(w);
            loopback_turn(lb);
            ck_assert_ptr_null(w->c);
            wire_free(w);
        }
    ck_assert(aid_wait_until(bodies_is_idle, lb));
    ck_assert_uint_le(aid_descriptors(), before);
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

Suite *suite_http1_body(void)
{
    static const TTest **const tests[] = {
        &bodies_that_are_cut_at_any_place_are_the_same,
        &chunks_that_come_together_are_one_part,
        &a_reader_that_does_not_ask_holds_64_kib_and_the_rest_is_not_read,
        &no_time_runs_while_the_server_does_not_read,
        &time_runs_while_a_reader_waits_for_bytes,
        &an_echo_of_5_mib_is_bounded_in_both_directions,
        &a_client_is_not_read_while_a_thread_writes,
        &continue_is_sent_when_a_reader_asks_and_no_answer_is_there,
        &continue_does_not_follow_a_final_answer,
        &continue_waits_for_the_answers_before_it,
        &a_rest_that_nobody_reads_is_passed_over_or_closes,
        &chunks_that_nobody_reads_are_passed_over_to_a_limit,
        &a_client_may_leave_at_every_byte,
        &a_client_may_leave_while_its_body_is_written,
        NULL,
    };

    return unit_suite("http1_body", tests);
}
