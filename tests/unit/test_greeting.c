/* SPDX-License-Identifier: MIT
   PROXY headers on connections: cut anywhere, refused, and whom the requests behind them are of. */
#include "greeting.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

#define PROXY_LINE "PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n"
#define ASK                                                    \
    "GET /expand?$remote_addr,$scheme HTTP/1.1\r\nHost: a\r\n" \
    "X-Forwarded-For: 203.0.113.7\r\n\r\n"

static struct loopback *site(const char *more)
{
    static char config[512];

    (void)snprintf(config, sizeof(config),
                   "{\"connection\":{\"proxy_protocol\":true,\"trust\":[\"10.0.0.0/8\","
                   "\"198.51.100.0/24\"]%s},\"vhosts\":{\"modules\":[\"probe\"]}}",
                   more);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static bool has(const struct wire *w, const char *text)
{
    return memmem(w->out.p, w->out.n, text, strlen(text)) != NULL;
}

/* What comes back for a header, a request and another request behind it. */
static void check(struct loopback *lb, struct mpx_str header, size_t cut, const char *client)
{
    char wanted[64];
    struct wire *w = wire_open_from(lb, "10.0.0.1");
    struct buffer all;

    buffer_init(&all, 65536);
    (void)buffer_add(&all, header);
    (void)buffer_add(&all, MPX_STR(ASK));
    (void)snprintf(wanted, sizeof(wanted), "\r\n\r\n%s,http", client);
    wire_write(w, str_head(buffer_str(&all), cut));
    wire_write(w, str_from(buffer_str(&all), cut));
    ck_assert_ptr_nonnull(w->c);
    ck_assert_msg(has(w, wanted), "cut at %zu: %.*s", cut, STR_ARGS(buffer_str(&w->out)));
    ck_assert_ptr_null(w->c->session); /* nothing is kept for it */
    w->out.n = 0;
    wire_write(w, MPX_STR(ASK));
    ck_assert(has(w, wanted));
    wire_free(w);
    buffer_finish(&all);
}

START_TEST(a_header_cut_at_any_place_tells_the_client)
{
    static const char binary[] =
        "\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0f\xc0\0\2\1\xc0\0\2\2\0\1\0\2\4\0\0";
    struct loopback *lb = site("");

    for (size_t cut = 0; cut <= sizeof(PROXY_LINE) + 8; cut++)
        check(lb, MPX_STR(PROXY_LINE), cut, "192.0.2.1");
    for (size_t cut = 0; cut <= sizeof(binary) + 8; cut++)
        check(lb, (struct mpx_str){ binary, sizeof(binary) - 1 }, cut, "192.0.2.1");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_proxy_that_speaks_for_itself_is_the_client_or_names_it)
{
    struct loopback *lb = site("");

    check(lb, MPX_STR("PROXY UNKNOWN\r\n"), 0, "203.0.113.7");
    check(lb, (struct mpx_str){ "\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16 }, 5, "203.0.113.7");
    loopback_destroy(lb);
}
END_TEST

START_TEST(fields_count_when_the_address_in_the_header_is_trusted)
{
    struct loopback *lb = site("");

    check(lb, MPX_STR("PROXY TCP4 198.51.100.1 192.0.2.2 4711 80\r\n"), 0, "203.0.113.7");
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_peer_stays_the_peer)
{
    struct loopback *lb = site("");
    struct wire *w = wire_open_from(lb, "10.0.0.1");
    union address expected;
    socklen_t len;

    ck_assert(address_read(MPX_STR("10.0.0.1"), &expected));
    wire_write(w, MPX_STR(PROXY_LINE ASK));
    const struct sockaddr *peer = mpx_conn_peer(w->c, &len);
    ck_assert_uint_eq(len, sizeof(struct sockaddr_in));
    ck_assert_mem_eq(peer, &expected.in, sizeof(struct sockaddr_in));
    ck_assert_uint_eq(ntohs(w->c->told->in.sin_port), 4711);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_peer_that_is_not_trusted_is_closed_at_once)
{
    struct loopback *lb = site("");
    struct wire *w = wire_open_from(lb, "192.0.2.9");

    ck_assert_ptr_null(w->c);
    ck_assert_uint_eq(w->out.n, 0);
    ck_assert_ptr_nonnull(
        strstr(loopback_log(lb), "closed a connection of 192.0.2.9: \"trust\" does not name it"));
    wire_free(w);
    w = wire_open_from(lb, NULL);
    ck_assert_ptr_null(w->c);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_is_no_header_is_closed_without_an_answer)
{
    static const struct {
        const char *bytes, *said;
    } cases[] = {
        { "GET / HTTP/1.1\r\nHost: a\r\n\r\n", "it does not begin with a PROXY header" },
        { "PROXY TCP4 192.0.2.1 192.0.2.2 4711 65536\r\n", "its PROXY header breaks the rules" },
    };
    struct loopback *lb = site("");

    for (size_t i = 0; i < 2; i++)
        for (size_t cut = 0; cut < 2; cut++) {
            struct wire *w = wire_open_from(lb, "10.0.0.1");

            loopback_forget_log(lb);
            wire_write(w, str_head(str_of(cases[i].bytes), cut));
            wire_write(w, str_from(str_of(cases[i].bytes), cut));
            ck_assert_ptr_null(w->c);
            ck_assert_uint_eq(w->out.n, 0);
            ck_assert_msg(strstr(loopback_log(lb), cases[i].said) != NULL, "%s", loopback_log(lb));
            wire_free(w);
        }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_header_that_does_not_end_is_closed_when_its_time_is_over)
{
    struct loopback *lb = site("");
    struct wire *silent = wire_open_from(lb, "10.0.0.1"), *half = wire_open_from(lb, "10.0.0.1");

    wire_write(half, MPX_STR("PROXY TCP4 "));
    ck_assert_ptr_nonnull(half->c->session);
    loopback_sweep(lb, 9000);
    ck_assert(half->c != NULL && silent->c != NULL);
    loopback_sweep(lb, 1001);
    ck_assert(half->c == NULL && silent->c == NULL);
    ck_assert_uint_eq(half->out.n + silent->out.n, 0);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "its PROXY header does not end"));
    wire_free(half);
    wire_free(silent);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_client_that_ends_before_the_header_does_is_closed)
{
    struct loopback *lb = site("");
    struct wire *silent = wire_open_from(lb, "10.0.0.1"), *half = wire_open_from(lb, "10.0.0.1"),
                *gone = wire_open_from(lb, "10.0.0.1");

    wire_write_end(silent);
    ck_assert_ptr_null(silent->c);
    ck_assert_str_eq(loopback_complaints(lb), "");
    wire_write(half, MPX_STR("PROXY"));
    wire_write_end(half);
    ck_assert_ptr_null(half->c);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "its PROXY header does not end"));
    wire_break(gone);
    ck_assert_ptr_null(gone->c);
    wire_free(silent);
    wire_free(half);
    wire_free(gone);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_told_address_counts_for_per_address)
{
    struct loopback *lb = site(",\"limits\":{\"per_address\":1}");
    struct wire *first = wire_open_from(lb, "10.0.0.1"), *second = wire_open_from(lb, "10.0.0.1"),
                *third = wire_open_from(lb, "10.0.0.1");

    wire_write(first, MPX_STR(PROXY_LINE));
    wire_write(second, MPX_STR("PROXY TCP4 192.0.2.9 192.0.2.2 1 2\r\n"));
    wire_write(third, MPX_STR(PROXY_LINE));
    ck_assert(first->out.n == 0 && second->out.n == 0);
    ck_assert(has(third, "HTTP/1.1 503 ") && third->shut);
    wire_write(second, MPX_STR(ASK));
    ck_assert(has(second, "200 OK"));
    wire_free(first);
    wire_free(second);
    wire_free(third);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_greeting(void)
{
    static const TTest **const tests[] = {
        &a_header_cut_at_any_place_tells_the_client,
        &a_proxy_that_speaks_for_itself_is_the_client_or_names_it,
        &fields_count_when_the_address_in_the_header_is_trusted,
        &the_peer_stays_the_peer,
        &a_peer_that_is_not_trusted_is_closed_at_once,
        &what_is_no_header_is_closed_without_an_answer,
        &a_header_that_does_not_end_is_closed_when_its_time_is_over,
        &a_client_that_ends_before_the_header_does_is_closed,
        &the_told_address_counts_for_per_address,
        NULL
    };

    return unit_suite("greeting", tests);
}
