/* SPDX-License-Identifier: MIT
   min_rate on connections: clients that are too slow are ended, those that a module keeps waiting
   are not. Time passes as the tests say. */
#include "loopback.h"
#include "pace.h"
#include "unit.h"

#include <stdlib.h>

enum { RATE = 1000, GRACE_S = PACE_GRACE_MS / 1000 };

static struct loopback *site(void)
{
    struct loopback *lb = loopback_create(
        "{\"connection\":{\"min_rate\":1000,\"timeouts\":{\"body\":\"1h\",\"send\":\"1h\"}},"
        "\"vhosts\":{\"modules\":[\"probe\"]}}");

    ck_assert_ptr_nonnull(lb);
    return lb;
}

/* So many bytes more come, or are taken, without time passing. */
static void give(struct wire *w, size_t n)
{
    static const char bytes[RATE];

    for (size_t k; n > 0; n -= k) {
        k = n < RATE ? n : RATE;
        (void)buffer_add(&w->in, (struct mpx_str){ bytes, k });
    }
    w->c->readable = true;
    conn_drive(w->c);
}

static void take(struct wire *w, size_t n)
{
    w->room = n;
    w->c->writable = true;
    conn_drive(w->c);
}

/* After how many seconds with so much of that in each it is over; 0 when it is not in 100 s. */
static int lasts(struct loopback *lb, struct wire *w, void (*step)(struct wire *, size_t), size_t n)
{
    for (int i = 1; i <= 100; i++) {
        if (n > 0)
            step(w, n);
        loopback_sweep(lb, 1000);
        if (w->c == NULL || w->shut)
            return i;
    }
    return 0;
}

static struct wire *upload(struct loopback *lb)
{
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n\r\n"));
    ck_assert_int_eq(w->c->timer, CONN_BODY);
    return w;
}

static struct wire *download(struct loopback *lb)
{
    struct wire *w = wire_open(lb);

    w->room = 4096;
    wire_write(w, MPX_STR("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(w->c->timer, CONN_SEND);
    return w;
}

START_TEST(a_body_that_is_too_slow_is_408)
{
    static const struct {
        size_t bytes;
        int seconds;
    } cases[] = { { 0, GRACE_S + 1 }, { RATE / 2, 2 * GRACE_S + 1 }, { RATE, 0 }, { 5000, 0 } };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *w = upload(lb);

        ck_assert_int_eq(lasts(lb, w, give, cases[i].bytes), cases[i].seconds);
        if (cases[i].seconds > 0) {
            ck_assert_ptr_nonnull(memmem(w->out.p, w->out.n, "HTTP/1.1 408 ", 13));
            ck_assert_ptr_nonnull(memmem(w->out.p, w->out.n, "\r\nConnection: close\r\n", 21));
        } else {
            ck_assert_uint_eq(w->out.n, 0);
        }
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(an_answer_that_is_taken_too_slowly_is_cut)
{
    static const struct {
        size_t bytes;
        int seconds;
    } cases[] = { { 0, GRACE_S + 1 }, { RATE / 2, 2 * GRACE_S + 1 }, { RATE, 0 } };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wire *w = download(lb);

        ck_assert_int_eq(lasts(lb, w, take, cases[i].bytes), cases[i].seconds);
        ck_assert((w->c == NULL) == (cases[i].seconds > 0));
        ck_assert(w->c != NULL || w->reset); /* the client sees that something is missing */
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

/* The socket takes nothing for a long time, but the client takes what is in it. */
static void take_from_socket(struct wire *w, size_t n)
{
    w->held -= w->held < n ? w->held : n;
}

START_TEST(bytes_that_lie_in_the_socket_are_not_taken)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    w->held = 100000;
    w->room = 4096;
    wire_write(w, MPX_STR("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(lasts(lb, w, take_from_socket, RATE), 0);
    wire_free(w);
    w = wire_open(lb);
    w->held = 100000;
    w->room = 4096;
    wire_write(w, MPX_STR("GET /stream HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(lasts(lb, w, take_from_socket, RATE / 2), 2 * GRACE_S + 1);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* Our socket takes all, but what it took stays there. */
static void fill_socket(struct wire *w, size_t n)
{
    w->held += n;
    take(w, n);
}

START_TEST(what_only_the_socket_took_does_not_count)
{
    struct loopback *lb = site();
    struct wire *w = download(lb);

    ck_assert_int_eq(lasts(lb, w, fill_socket, 4000), GRACE_S + 1);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_that_waits_for_a_module_is_not_slow)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("GET /sleep-long HTTP/1.1\r\nHost: a\r\n\r\n"));
    ck_assert_int_eq(lasts(lb, w, give, 0), 0);
    wire_free(w);
    w = wire_open(lb); /* a body that nobody reads yet */
    wire_write(w, MPX_STR("POST /sleep-long HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n"));
    ck_assert_int_eq(lasts(lb, w, give, 0), 0);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(each_body_begins_with_the_whole_grace)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    for (int i = 0; i < 3; i++) {
        w->out.n = 0;
        (void)buffer_add(&w->in,
                         MPX_STR("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"));
        give(w, 1);
        for (int k = 0; k < GRACE_S; k++)
            loopback_sweep(lb, 1000);
        give(w, 9);
        loopback_turn(lb);
        ck_assert_msg(memmem(w->out.p, w->out.n, "HTTP/1.1 200 ", 13) != NULL, "%d: %.*s", i,
                      STR_ARGS(buffer_str(&w->out)));
    }
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(without_min_rate_anybody_may_be_slow)
{
    struct loopback *lb =
        loopback_create("{\"connection\":{\"timeouts\":{\"body\":\"1h\",\"send\":\"1h\"}},"
                        "\"vhosts\":{\"modules\":[\"probe\"]}}");
    struct wire *up = upload(lb), *down = download(lb);

    ck_assert_int_eq(lasts(lb, up, give, 1), 0);
    ck_assert_int_eq(lasts(lb, down, take, 1), 0);
    wire_free(up);
    wire_free(down);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_http1_rate(void)
{
    static const TTest **const tests[] = { &a_body_that_is_too_slow_is_408,
                                           &an_answer_that_is_taken_too_slowly_is_cut,
                                           &bytes_that_lie_in_the_socket_are_not_taken,
                                           &what_only_the_socket_took_does_not_count,
                                           &a_client_that_waits_for_a_module_is_not_slow,
                                           &each_body_begins_with_the_whole_grace,
                                           &without_min_rate_anybody_may_be_slow,
                                           NULL };

    return unit_suite("http1_rate", tests);
}
