/* SPDX-License-Identifier: MIT
   PROXY headers of both versions: whole, byte by byte and cut at each place they mean the same. */
#include "proxy.h"

#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

/* What came of a header. */
struct outcome {
    enum proxy_rc rc;
    size_t used;
    union address client;
};

/* Reads it in pieces that end at cut and then in steps. */
static struct outcome read_cut(struct mpx_str text, size_t cut, size_t step)
{
    struct outcome o = { .rc = PROXY_MORE };
    struct proxy p;

    memset(&p, 0, sizeof(p));
    for (size_t at = 0; at < text.n && o.rc == PROXY_MORE;) {
        size_t n = at < cut ? cut - at : step, used;

        o.rc = proxy_read(&p, str_head(str_from(text, at), n), &used, &o.client);
        ck_assert(used == n || at + used == text.n || o.rc != PROXY_MORE);
        at += used;
        o.used = at;
    }
    return o;
}

/* All ways to cut it must agree; the exact bytes lie at the end of their memory. */
static struct outcome read_header(struct mpx_str text)
{
    char *exact = malloc(text.n + 1);
    struct outcome first;

    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text.p, text.n);
    text.p = exact;
    first = read_cut(text, 0, text.n + 1);
    for (size_t i = 0; i < text.n && text.n < 400; i++) {
        struct outcome o = read_cut(text, i, i % 2 == 0 ? text.n : 1);

        ck_assert_msg(o.rc == first.rc && o.used == first.used, "cut at %zu", i);
    }
    free(exact);
    return first;
}

static void check_client(const struct outcome *o, const char *address, unsigned port)
{
    char text[ADDRESS_TEXT];

    ck_assert_int_eq(o->rc, PROXY_TOLD);
    ck_assert_str_eq(address_write(&o->client, text), address);
    if (o->client.any.sa_family != AF_UNIX)
        ck_assert_uint_eq(ntohs(o->client.any.sa_family == AF_INET ? o->client.in.sin_port
                                                                   : o->client.in6.sin6_port),
                          port);
}

START_TEST(a_line_tells_the_client)
{
    static const struct {
        const char *line, *client;
        unsigned port;
    } cases[] = {
        { "PROXY TCP4 192.0.2.1 198.51.100.2 56324 443\r\n", "192.0.2.1", 56324 },
        { "PROXY TCP4 0.0.0.0 255.255.255.255 0 65535\r\n", "0.0.0.0", 0 },
        { "PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\n", "2001:db8::1", 1 },
        { "PROXY TCP6 ::ffff:192.0.2.1 ::1 80 80\r\n", "192.0.2.1", 80 },
        { "PROXY TCP6 ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", NULL, 0 },
        { "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 65535 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o = read_header(str_of(cases[i].line));

        if (cases[i].client == NULL) {
            ck_assert_int_eq(o.rc, PROXY_BAD);
            continue;
        }
        check_client(&o, cases[i].client, cases[i].port);
        ck_assert_uint_eq(o.used, strlen(cases[i].line));
    }
}
END_TEST

START_TEST(a_proxy_that_cannot_tell_speaks_for_itself)
{
    char line[PROXY_V1_MAX + 2];

    ck_assert_int_eq(read_header(MPX_STR("PROXY UNKNOWN\r\n")).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(MPX_STR("PROXY UNKNOWN ffff:: what ever\r\n")).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(MPX_STR("PROXY UNKNOWNX\r\n")).rc, PROXY_BAD);
    (void)snprintf(line, sizeof(line), "PROXY UNKNOWN %91s\r\n", "x");
    ck_assert_uint_eq(strlen(line), PROXY_V1_MAX);
    ck_assert_int_eq(read_header(str_of(line)).rc, PROXY_OWN);
}
END_TEST

START_TEST(bytes_behind_the_header_are_left_alone)
{
    static const char line[] = "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\nGET / HTTP/1.1\r\n";
    struct outcome o = read_cut(str_of(line), 0, sizeof(line));

    check_client(&o, "192.0.2.1", 1);
    ck_assert_str_eq(line + o.used, "GET / HTTP/1.1\r\n");
}
END_TEST

START_TEST(lines_that_break_a_rule_are_bad)
{
    static const char *const lines[] = {
        "GET / HTTP/1.1\r\n",
        "PROPFIND / HTTP/1.1\r\n",
        "proxy TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY\r\n",
        "PROXY \r\n",
        "PROXY TCP\r\n",
        "PROXY  TCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4  192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1  2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2 3\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 \r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 65536 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 65536\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 01 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 +1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 000002\r\n",
        "PROXY TCP4 192.0.2.01 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 a.example 1 2\r\n",
        "PROXY TCP4 ::1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 192.0.2.1 ::1 1 2\r\n",
        "PROXY TCP6 ::1%lo ::1 1 2\r\n",
        "PROXY TCP6 [::1] ::1 1 2\r\n",
        "PROXY UDP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY\tTCP4 192.0.2.1 192.0.2.2 1 2\r\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\n",
        "PROXY TCP4 192.0.2.1 192.0.2.2 1 2\rX",
        "PROXY UNKNOWN\rX\r\n",
        "PROXY UNKNOWN\n",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
        ck_assert_msg(read_header(str_of(lines[i])).rc == PROXY_BAD, "%s", lines[i]);
    ck_assert_int_eq(
        read_header((struct mpx_str){ "PROXY TCP4 192.0.2.1\0 192.0.2.2 1 2\r\n", 38 }).rc,
        PROXY_BAD);
}
END_TEST

START_TEST(a_line_without_an_end_is_bad_after_107_bytes)
{
    char line[PROXY_V1_MAX + 8];

    (void)snprintf(line, sizeof(line), "PROXY UNKNOWN %100s", "x");
    struct outcome o = read_header(str_of(line));
    ck_assert_int_eq(o.rc, PROXY_BAD);
    ck_assert_uint_eq(o.used, PROXY_V1_MAX);
    (void)snprintf(line, sizeof(line), "PROXY UNKNOWN %92s\r\n", "x"); /* 108 bytes */
    ck_assert_int_eq(read_header(str_of(line)).rc, PROXY_BAD);
}
END_TEST

START_TEST(a_header_that_goes_on_is_more)
{
    ck_assert_int_eq(read_header(MPX_STR("PROXY TCP4 192.0.2.1 ")).rc, PROXY_MORE);
    ck_assert_int_eq(read_header(MPX_STR("P")).rc, PROXY_MORE);
    ck_assert_int_eq(read_header(MPX_STR("\r\n\r\n")).rc, PROXY_MORE);
    ck_assert_int_eq(read_header(MPX_STR("")).rc, PROXY_MORE);
}
END_TEST

/* A header of version 2 with that much behind its head. */
static struct mpx_str binary(unsigned char command, unsigned char kind, size_t n, const void *body,
                             size_t body_n)
{
    static char text[PROXY_MAX + 64];

    ck_assert_uint_le(n, sizeof(text) - 16);
    memset(text, 0, sizeof(text));
    memcpy(text, "\r\n\r\n\0\r\nQUIT\n", 12);
    text[12] = (char)command;
    text[13] = (char)kind;
    text[14] = (char)(n >> 8);
    text[15] = (char)n;
    memcpy(text + 16, body, body_n);
    return (struct mpx_str){ text, 16 + n };
}

static const unsigned char four[12] = { 192, 0, 2, 1, 192, 0, 2, 2, 0x12, 0x34, 0, 80 };
static const unsigned char six[36] = { [0] = 0x20, [1] = 0x01, [15] = 1, [31] = 2, [33] = 7 };
static const unsigned char mapped[36] = { [10] = 255, [11] = 255, [12] = 10, [15] = 9, [33] = 7 };

START_TEST(version_2_tells_the_client)
{
    struct outcome o = read_header(binary(0x21, 0x11, 12, four, 12));

    check_client(&o, "192.0.2.1", 0x1234);
    ck_assert_uint_eq(o.used, 28);
    o = read_header(binary(0x21, 0x21, 36, six, 36));
    check_client(&o, "2001::1", 7);
    o = read_header(binary(0x21, 0x21, 36, mapped, 36));
    check_client(&o, "10.0.0.9", 7);
    o = read_header(binary(0x21, 0x31, 216, "/run/x", 6));
    check_client(&o, "unix", 0);
}
END_TEST

START_TEST(what_follows_the_addresses_is_passed_over)
{
    struct outcome o = read_header(binary(0x21, 0x11, 12 + 300, four, 12));

    check_client(&o, "192.0.2.1", 0x1234);
    ck_assert_uint_eq(o.used, 16 + 312);
    o = read_header(binary(0x21, 0x11, PROXY_V2_BODY, four, 12));
    check_client(&o, "192.0.2.1", 0x1234);
    ck_assert_uint_eq(o.used, PROXY_MAX);
    ck_assert_int_eq(read_header(str_head(binary(0x21, 0x11, 13, four, 12), 28)).rc, PROXY_MORE);
}
END_TEST

START_TEST(version_2_may_speak_for_the_proxy_itself)
{
    ck_assert_int_eq(read_header(binary(0x20, 0x00, 0, "", 0)).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(binary(0x20, 0x11, 12, four, 12)).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(binary(0x20, 0xff, 3, "abc", 3)).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(binary(0x21, 0x00, 0, "", 0)).rc, PROXY_OWN);
    ck_assert_int_eq(read_header(binary(0x21, 0x00, 40, "x", 1)).rc, PROXY_OWN);
}
END_TEST

START_TEST(version_2_that_breaks_a_rule_is_bad)
{
    static const struct {
        unsigned char command, kind;
        size_t n;
    } cases[] = {
        { 0x11, 0x11, 12 },                /* another version */
        { 0x31, 0x11, 12 },                /* ... */
        { 0x22, 0x11, 12 },                /* no such command */
        { 0x2f, 0x11, 12 },                /* ... */
        { 0x21, 0x12, 12 },                /* datagrams */
        { 0x21, 0x22, 36 },                /* ... */
        { 0x21, 0x10, 12 },                /* addresses without a transport */
        { 0x21, 0x01, 12 },                /* a transport without addresses */
        { 0x21, 0x41, 12 },                /* no such family */
        { 0x21, 0x11, 11 },                /* too short for its addresses */
        { 0x21, 0x21, 35 },                /* ... */
        { 0x21, 0x31, 215 },               /* ... */
        { 0x21, 0x11, 0 },                 /* ... */
        { 0x21, 0x11, PROXY_V2_BODY + 1 }, /* too long */
        { 0x20, 0x00, PROXY_V2_BODY + 1 },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o =
            read_header(binary(cases[i].command, cases[i].kind, cases[i].n, four, 12));

        ck_assert_msg(o.rc == PROXY_BAD && o.used == 16, "case %zu", i);
    }
    for (size_t i = 0; i < 12; i++) { /* a byte of the signature is another one */
        struct mpx_str text = binary(0x21, 0x11, 12, four, 12);

        ((char *)(uintptr_t)text.p)[i] ^= 1;
        struct outcome o = read_header(text);
        ck_assert_int_eq(o.rc, PROXY_BAD);
        ck_assert_uint_eq(o.used, i + 1);
    }
}
END_TEST

Suite *suite_proxy(void)
{
    static const TTest **const tests[] = { &a_line_tells_the_client,
                                           &a_proxy_that_cannot_tell_speaks_for_itself,
                                           &bytes_behind_the_header_are_left_alone,
                                           &lines_that_break_a_rule_are_bad,
                                           &a_line_without_an_end_is_bad_after_107_bytes,
                                           &a_header_that_goes_on_is_more,
                                           &version_2_tells_the_client,
                                           &what_follows_the_addresses_is_passed_over,
                                           &version_2_may_speak_for_the_proxy_itself,
                                           &version_2_that_breaks_a_rule_is_bad,
                                           NULL };

    return unit_suite("proxy", tests);
}
