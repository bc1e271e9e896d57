/* SPDX-License-Identifier: MIT
   Who the client of a request is: of whom trusted proxies tell, and what nobody can make us
   believe. */
#include "client.h"

#include "loopback.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static struct loopback *site(const char *listener)
{
    static char config[512];

    (void)snprintf(config, sizeof(config),
                   "{\"connection\":{%s},\"vhosts\":{\"modules\":[\"probe\"]}}", listener);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

/* "CLIENT,SCHEME" as a module sees them, for a request of that peer with these field lines. */
static const char *seen(struct loopback *lb, const char *peer, const char *fields)
{
    static char text[2048];
    struct wire *w = wire_open_from(lb, peer);

    (void)snprintf(text, sizeof(text),
                   "GET /expand?$remote_addr,$scheme HTTP/1.1\r\nHost: a\r\n%s\r\n", fields);
    wire_write(w, str_of(text));
    const char *body = memmem(w->out.p, w->out.n, "\r\n\r\n", 4);
    ck_assert_ptr_nonnull(body);
    (void)snprintf(text, sizeof(text), "%.*s", (int)(w->out.p + w->out.n - body - 4), body + 4);
    wire_free(w);
    return text;
}

struct expected {
    const char *fields, *seen;
};

static void check(const char *listener, const char *peer, const struct expected *cases,
                  size_t count)
{
    struct loopback *lb = site(listener);

    for (size_t i = 0; i < count; i++)
        ck_assert_msg(strcmp(seen(lb, peer, cases[i].fields), cases[i].seen) == 0,
                      "%s%s is seen as %s, not %s", cases[i].fields, peer != NULL ? peer : "unix",
                      seen(lb, peer, cases[i].fields), cases[i].seen);
    loopback_destroy(lb);
}
#define CHECK(listener, peer, cases) \
    check(listener, peer, cases, sizeof(cases) / sizeof((cases)[0]))

#define TRUST "\"trust\":[\"10.0.0.0/8\",\"2001:db8::/32\",\"unix\"]"

START_TEST(nobody_is_believed_without_trust)
{
    static const struct expected cases[] = {
        { "", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1,http" },
        { "Forwarded: for=192.0.2.1;proto=https\r\n", "10.0.0.1,http" },
    };

    CHECK("", "10.0.0.1", cases);
}
END_TEST

START_TEST(a_peer_that_is_not_trusted_is_not_believed)
{
    static const struct expected cases[] = {
        { "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1,http" },
        { "Forwarded: for=10.0.0.9;proto=https\r\n", "192.0.2.1,http" },
    };

    CHECK(TRUST, "192.0.2.1", cases);
}
END_TEST

START_TEST(the_right_most_address_that_is_not_trusted_is_the_client)
{
    static const struct expected cases[] = {
        { "", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1,http" },
        { "x-forwarded-for: 192.0.2.1:4711\r\n", "192.0.2.1,http" },
        { "X-Forwarded-For: 203.0.113.9, 192.0.2.1\r\n", "192.0.2.1,http" },
        { "X-Forwarded-For: 203.0.113.9, 192.0.2.1, 10.9.9.9\r\n", "192.0.2.1,http" },
        { "X-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 10.9.9.9\r\n", "203.0.113.9,http" },
        { "X-Forwarded-For: 2001:db8::5, 10.9.9.9\r\n", "2001:db8::5,http" },
        { "X-Forwarded-For: [2001:db9::5]:80, 10.9.9.9\r\n", "2001:db9::5,http" },
        { "X-Forwarded-For: 10.1.1.1, 10.2.2.2\r\n", "10.1.1.1,http" }, /* all are trusted */
        { "X-Forwarded-For: ::ffff:192.0.2.7\r\n", "192.0.2.7,http" },
        { "X-Forwarded-For:\r\n", "10.0.0.1,http" },
        { "Forwarded: for=192.0.2.1\r\n", "192.0.2.1,http" },
        { "Forwarded: for=\"[2001:db9::1]:80\"\r\n", "2001:db9::1,http" },
        { "Forwarded: for=203.0.113.9, for=192.0.2.1, for=10.9.9.9\r\n", "192.0.2.1,http" },
        { "Forwarded: for=192.0.2.1\r\nForwarded: for=10.9.9.9\r\n", "192.0.2.1,http" },
    };
    static const struct expected six[] = {
        { "", "2001:db8::1,http" },
        { "X-Forwarded-For: 192.0.2.1, 2001:db8:9::1\r\n", "192.0.2.1,http" },
    };

    CHECK(TRUST, "10.0.0.1", cases);
    CHECK(TRUST, "2001:db8::1", six);
}
END_TEST

START_TEST(a_name_that_is_no_address_ends_the_search)
{
    static const struct expected cases[] = {
        { "X-Forwarded-For: unknown\r\n", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1, unknown\r\n", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1, _hidden, 10.9.9.9\r\n", "10.9.9.9,http" },
        { "X-Forwarded-For: 192.0.2.1, 10.9.9.9 x\r\n", "10.0.0.1,http" },
        { "Forwarded: for=192.0.2.1, for=unknown\r\n", "10.0.0.1,http" },
        { "Forwarded: for=192.0.2.1, for=_hidden, for=10.9.9.9\r\n", "10.9.9.9,http" },
        { "Forwarded: for=192.0.2.1, by=10.9.9.9\r\n", "10.0.0.1,http" },
        { "Forwarded: nonsense\r\n", "10.0.0.1,http" },
        { "Forwarded: for=192.0.2.1, nonsense, for=10.9.9.9\r\n", "10.9.9.9,http" },
    };

    CHECK(TRUST, "10.0.0.1", cases);
}
END_TEST

START_TEST(what_a_client_puts_before_it_changes_nothing)
{
    static const struct expected cases[] = {
        { "Forwarded: for=\", for=192.0.2.1\r\n", "192.0.2.1,http" },
        { "Forwarded: for=\"x\r\nForwarded: for=192.0.2.1\r\n", "192.0.2.1,http" },
        { "X-Forwarded-For: \", ,,;, 192.0.2.1\r\n", "192.0.2.1,http" },
        { "Forwarded: for=192.0.2.1;host=\"a\\\"b, for=1.1.1.1\"\r\n", "192.0.2.1,http" },
    };

    CHECK(TRUST, "10.0.0.1", cases);
}
END_TEST

START_TEST(forwarded_goes_before_the_other_field)
{
    static const struct expected either[] = {
        { "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n", "192.0.2.2,http" },
        { "X-Forwarded-Proto: https\r\nForwarded: for=192.0.2.2\r\n", "192.0.2.2,http" },
        { "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=unknown\r\n", "10.0.0.1,http" },
    };
    static const struct expected forwarded[] = {
        { "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n", "192.0.2.2,http" },
    };
    static const struct expected x_forwarded[] = {
        { "Forwarded: for=192.0.2.1;proto=https\r\n", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1\r\nForwarded: for=192.0.2.2\r\n", "192.0.2.1,http" },
    };

    CHECK(TRUST, "10.0.0.1", either);
    CHECK(TRUST ",\"trust_header\":\"forwarded\"", "10.0.0.1", forwarded);
    CHECK(TRUST ",\"trust_header\":\"x-forwarded-for\"", "10.0.0.1", x_forwarded);
}
END_TEST

START_TEST(the_scheme_is_the_one_that_the_client_used)
{
    static const struct expected cases[] = {
        { "X-Forwarded-Proto: https\r\n", "10.0.0.1,https" },
        { "X-Forwarded-Proto: HTTPS\r\n", "10.0.0.1,https" },
        { "X-Forwarded-Proto: http\r\n", "10.0.0.1,http" },
        { "X-Forwarded-Proto: wss\r\n", "10.0.0.1,http" },
        { "X-Forwarded-Proto: https\"><script>\r\n", "10.0.0.1,http" },
        { "X-Forwarded-Proto:\r\n", "10.0.0.1,http" },
        { "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https\r\n", "192.0.2.1,https" },
        /* the client's word stands left of the proxy's */
        { "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n", "192.0.2.1,http" },
        { "X-Forwarded-For: 1.1.1.1, 192.0.2.1\r\nX-Forwarded-Proto: https, http\r\n",
          "192.0.2.1,http" },
        { "X-Forwarded-For: 192.0.2.1, 10.9.9.9\r\nX-Forwarded-Proto: https, http\r\n",
          "192.0.2.1,https" },
        { "X-Forwarded-For: 192.0.2.1, 10.9.9.9\r\nX-Forwarded-Proto: https\r\n",
          "192.0.2.1,https" },
        { "Forwarded: for=192.0.2.1;proto=https\r\n", "192.0.2.1,https" },
        { "Forwarded: proto=https\r\n", "10.0.0.1,https" },
        { "Forwarded: for=1.1.1.1;proto=https, for=192.0.2.1;proto=http\r\n", "192.0.2.1,http" },
        { "Forwarded: for=192.0.2.1;proto=https, for=10.9.9.9;proto=http\r\n", "192.0.2.1,https" },
        { "Forwarded: for=192.0.2.1, for=10.9.9.9;proto=https\r\n", "192.0.2.1,https" },
        { "Forwarded: for=192.0.2.1;proto=gopher\r\n", "192.0.2.1,http" },
    };

    CHECK(TRUST, "10.0.0.1", cases);
}
END_TEST

START_TEST(a_client_on_a_unix_socket_has_a_name)
{
    static const struct expected cases[] = {
        { "", "unix,http" },
        { "X-Forwarded-For: 192.0.2.1\r\n", "192.0.2.1,http" },
    };
    static const struct expected untrusted[] = {
        { "X-Forwarded-For: 192.0.2.1\r\n", "unix,http" },
    };

    CHECK(TRUST, NULL, cases);
    CHECK("\"trust\":\"127.0.0.1\"", NULL, untrusted);
}
END_TEST

START_TEST(a_request_without_a_connection_has_no_client)
{
    struct loopback *lb = site(TRUST);
    struct loopback_req q = { .lb = lb };

    loopback_send(lb, &q, "GET /expand?$remote_addr,$scheme HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    ck_assert_ptr_null(client_address(q.r));
    ck_assert_view_eq(buffer_str(&q.answer), ",http");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_client(void)
{
    static const TTest **const tests[] = {
        &nobody_is_believed_without_trust,
        &a_peer_that_is_not_trusted_is_not_believed,
        &the_right_most_address_that_is_not_trusted_is_the_client,
        &a_name_that_is_no_address_ends_the_search,
        &what_a_client_puts_before_it_changes_nothing,
        &forwarded_goes_before_the_other_field,
        &the_scheme_is_the_one_that_the_client_used,
        &a_client_on_a_unix_socket_has_a_name,
        &a_request_without_a_connection_has_no_client,
        NULL
    };

    return unit_suite("client", tests);
}
