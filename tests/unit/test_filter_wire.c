/* SPDX-License-Identifier: MIT
   Filtered responses on connections: clients that are slow, that ask for several, that leave. */
#include "filter.h"

#include "http1.h"
#include "loopback.h"
#include "unit.h"

#include <stdio.h>

#define ALPHABET "0123456789abcdefghijklmnopqrstuvwxyz"
#define UPPER    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"

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

/* Each of so many filters has ended, once. */
static void expect_ends(struct loopback *lb, unsigned n)
{
    unsigned all = 0;

    for (const char *at = loopback_log(lb); (at = strstr(at, " ends ")) != NULL; at++, all++)
        ck_assert_int_eq(strncmp(at, " ends 1\n", 8), 0);
    ck_assert_msg(all == n, "not %u ends: %s", n, loopback_log(lb));
}

/* A slow client: neither what is written nor what filters make of it waits without a bound. */
START_TEST(what_waits_for_a_slow_client_is_bounded)
{
    static const struct {
        const char *filters;
        size_t most; /* of one call, beside what waits */
    } tests[] = { { "upper", 64 << 10 },
                  { "twice,twice,twice", 256 << 10 },
                  { "thousandfold", 1000 << 10 },
                  { "drop,hold", 64 << 10 },
                  { "hold,hold,twice", 128 << 10 } };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct wire *w = wire_open(lb);
        size_t most = 0, total = 0;
        char head[256];

        w->room = 0;
        (void)snprintf(head, sizeof(head),
                       "GET /range/long HTTP/1.1\r\nHost: a\r\nX-Filter: %s\r\n\r\n",
                       tests[i].filters);
        wire_write(w, str_of(head));
        while (w->c != NULL && w->c->session != NULL && total < (30 << 20)) {
            const struct http1 *h = w->c->session;
            size_t waiting = h->first != NULL ? h->first->res.waiting : 0;

            most = waiting > most ? waiting : most;
            total += w->out.n;
            w->out.n = 0;
            wire_allow(w, 50000);
            loopback_turn(lb);
        }
        ck_assert_ptr_nonnull(w->c);
        ck_assert_uint_ge(total, 200000);
        ck_assert_msg(most <= 3 * RES_MARK + tests[i].most, "%s: %zu bytes", tests[i].filters,
                      most);
        wire_free(w);
    }
    loopback_destroy(lb);
}
END_TEST

/* All that is sent to a pipeline, taken so many bytes at a time; lengths do not change with the
   Date. The caller frees it. */
static struct buffer pipeline(struct loopback *lb, size_t step)
{
    static const char asked[] =
        "GET /range/page?strong HTTP/1.1\r\nHost: a\r\nX-Filter: twice\r\n\r\n"
        "GET /range/page?strong HTTP/1.1\r\nHost: a\r\n\r\n"
        "GET /ten.txt HTTP/1.1\r\nHost: a\r\nX-Filter: drop_all,mark\r\n\r\n"
        "HEAD /ten.txt HTTP/1.1\r\nHost: a\r\nX-Filter: hold\r\n\r\n"
        "GET /range/stream HTTP/1.1\r\nHost: a\r\nX-Filter: hold,upper\r\n\r\n"
        "GET /range/blob?strong HTTP/1.1\r\nHost: a\r\nX-Filter: upper\r\n"
        "Range: bytes=10-11,20-21\r\n\r\n"
        "GET /none HTTP/1.1\r\nHost: a\r\nX-Filter: upper,watch\r\n\r\n";
    struct wire *w = wire_open(lb);

    w->room = step > 0 ? 0 : SIZE_MAX;
    wire_write(w, str_of(asked));
    for (int i = 0; i < 5000 && w->c->session != NULL; i++) {
        loopback_run(lb, 1);
        if (step > 0)
            wire_allow(w, step);
    }
    ck_assert_ptr_nonnull(w->c);
    ck_assert_ptr_null(w->c->session);
    struct buffer out = w->out;
    buffer_init(&w->out, 0);
    wire_free(w);
    return out;
}

START_TEST(a_pipeline_is_answered_in_order_and_whole)
{
    static const char *const wanted[] = {
        "\r\n48\r\n00112233",
        "zz\r\n0\r\n\r\n",
        "HTTP/1.1 200",
        "Content-Length: 36",
        "\r\n\r\n" ALPHABET,
        "HTTP/1.1 200",
        "\r\n1\r\n!\r\n0\r\n\r\n",
        "HTTP/1.1 200",
        "\r\n\r\nHTTP/1.1 200",
        "\r\n24\r\n" UPPER,
        "\r\n0\r\n\r\n",
        "\r\n\r\nAB\r\n--",
        "\r\n\r\nKL\r\n--",
        "<H1>404 NOT FOUND</H1>\n",
    };
    static const size_t steps[] = { 1, 7, 100, 333 };
    struct loopback *lb = site();
    struct buffer whole = pipeline(lb, 0);
    struct mpx_str rest = buffer_str(&whole);

    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        const char *at = memmem(rest.p, rest.n, wanted[i], strlen(wanted[i]));

        ck_assert_msg(at != NULL, "\"%s\" is missing in %.*s", wanted[i],
                      STR_ARGS(buffer_str(&whole)));
        rest = str_from(rest, (size_t)(at - rest.p) + strlen(wanted[i]));
    }
    ck_assert_uint_eq(rest.n, 0);
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        struct buffer out = pipeline(lb, steps[i]);

        ck_assert_uint_eq(out.n, whole.n);
        buffer_finish(&out);
    }
    buffer_finish(&whole);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_may_leave_at_any_time)
{
    static const char *const paths[] = { "/range/long", "/range/stream", "/range/stuck?strong",
                                         "/range/busy?strong", "/sleep-long" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        for (size_t room = 0; room < 1200; room += 100) {
            struct wire *w = wire_open(lb);
            char head[256];

            loopback_forget_log(lb);
            w->room = room;
            (void)snprintf(head, sizeof(head),
                           "GET %s HTTP/1.1\r\nHost: a\r\nX-Filter: twice,hold,upper\r\n\r\n",
                           paths[i]);
            wire_write(w, str_of(head));
            loopback_turn(lb);
            wire_break(w);
            for (int k = 0; k < 1000 && w->c != NULL; k++)
                loopback_run(lb, 1);
            ck_assert_ptr_null(w->c);
            wire_free(w);
            expect_ends(lb, i < 4 ? 3 : 0);
        }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_broken_response_ends_its_connection)
{
    struct loopback *lb = site();
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR("GET /range/page HTTP/1.1\r\nHost: a\r\nX-Filter: fail_last\r\n\r\n"
                          "GET /range/page HTTP/1.1\r\nHost: a\r\n\r\n"));
    for (int i = 0; i < 1000 && w->c != NULL; i++)
        loopback_run(lb, 1);
    ck_assert_ptr_null(w->c);
    ck_assert(w->reset);
    ck_assert_ptr_null(memmem(w->out.p, w->out.n, "0\r\n\r\n", 5));
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_filter_wire(void)
{
    static const TTest **const tests[] = {
        &what_waits_for_a_slow_client_is_bounded,
        &a_pipeline_is_answered_in_order_and_whole,
        &a_client_may_leave_at_any_time,
        &a_broken_response_ends_its_connection,
        NULL,
    };

    return unit_suite("filter_wire", tests);
}
