/* SPDX-License-Identifier: MIT
   How connections end, and what is left of them. */
#include "http1.h"
#include "loopback.h"
#include "unit.h"
#include "wire.h"

#include <stdio.h>
#include <stdlib.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

static struct loopback *site(void)
{
    struct loopback *lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");

    ck_assert_ptr_nonnull(lb);
    return lb;
}

static unsigned count(const struct wire *w, const char *text)
{
    struct mpx_str rest = buffer_str(&w->out);
    unsigned n = 0;

    for (const char *at; (at = memmem(rest.p, rest.n, text, strlen(text))) != NULL; n++)
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(text));
    return n;
}

static bool has(const struct wire *w, const char *text)
{
    return count(w, text) > 0;
}

/* Until the server has closed it. */
static void until_closed(struct loopback *lb, const struct wire *w)
{
    for (int i = 0; i < 5000 && w->c != NULL; i++)
        loopback_run(lb, 1);
}

START_TEST(after_an_error_the_connection_lingers_then_closes)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("BAD\r\n\r\n"));
    ck_assert(has(w, "400 Bad Request"));
    ck_assert(has(w, "Connection: close"));
    ck_assert(w->shut);
    ck_assert_ptr_nonnull(w->c);
    wire_write(w, MPX_STR(GET("/ten.txt")));
    ck_assert_uint_eq(count(w, "HTTP/1.1"), 1);
    loopback_sweep(lb, 3000);
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* What came while the answer could not go out is read then, no event tells of it again: unread, it
   would turn the close into a reset. */
START_TEST(what_came_before_lingering_is_read)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    w->room = 0;
    wire_write(w, MPX_STR("BAD\r\n\r\n"));
    wire_write(w, MPX_STR("more"));
    wire_write_end(w);
    wire_allow(w, SIZE_MAX);
    loopback_turn(lb);
    ck_assert(has(w, "400 Bad Request"));
    ck_assert_uint_eq(w->in_at, w->in.n);
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

/* The same for what is in our memory already: who sent it may be sending more. */
START_TEST(a_client_that_asked_for_more_than_it_gets_is_lingered_for)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w,
               MPX_STR("GET /sleep HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" GET("/fd")));
    loopback_run(lb, 50);
    ck_assert_uint_eq(count(w, "HTTP/1.1"), 1);
    ck_assert(w->shut);
    ck_assert_ptr_nonnull(w->c);
    wire_write(w, MPX_STR(GET("/fd")));
    wire_write_end(w);
    until_closed(lb, w);
    ck_assert_ptr_null(w->c);
    ck_assert(!w->reset);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(after_a_rush_what_was_kept_for_it_is_given_back)
{
    struct loopback *lb = site();
    struct worker *w = loopback_worker(lb);
    struct wire *wires[300];

    for (size_t i = 0; i < 300; i++) {
        wires[i] = wire_open(lb);
        wire_write(wires[i], MPX_STR("GET /ten.txt HTTP/1.1\r\nX: "));
    }
    worker_tick(w);
    ck_assert_uint_eq(w->conn_peak, 300);
    for (size_t i = 0; i < 300; i++)
        wire_free(wires[i]);
    ck_assert_ptr_nonnull(w->spares);
    worker_tick(w);
    ck_assert_ptr_null(w->spares);
    ck_assert_uint_eq(w->arenas.count, 0);
    ck_assert_uint_eq(w->conn_peak, 0);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_stopping_server_says_close)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(GET("/sleep")));
    loopback_worker(lb)->stopping = true;
    until_closed(lb, w);
    ck_assert(has(w, "Connection: close"));
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_http1_end(void)
{
    static const TTest **const tests[] = {
        &after_an_error_the_connection_lingers_then_closes,
        &what_came_before_lingering_is_read,
        &a_client_that_asked_for_more_than_it_gets_is_lingered_for,
        &after_a_rush_what_was_kept_for_it_is_given_back,
        &a_stopping_server_says_close,
        NULL,
    };

    return unit_suite("http1_end", tests);
}
