/* SPDX-License-Identifier: MIT
   Forwarded and X-Forwarded-For from the right: what our proxy wrote is read whatever a client has
   put before it. */
#include "forwarded.h"

#include "unit.h"

#include <stdio.h>

/* All elements from the right: "for|proto" each, blanks between; "!" where the form ends. */
static const char *elements(const char *field)
{
    static char text[512];
    struct mpx_str rest = str_of(field);
    struct forwarded f;
    size_t n = 0;
    int rc;

    while ((rc = forwarded_last(&rest, &f)) == 1)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%.*s|%.*s", n > 0 ? " " : "",
                              STR_ARGS(f.from), STR_ARGS(f.proto));
    (void)snprintf(text + n, sizeof(text) - n, "%s", rc < 0 ? "!" : "");
    ck_assert_uint_eq(rest.n, 0);
    return text;
}

START_TEST(elements_are_read_from_the_right)
{
    static const struct {
        const char *field, *wanted;
    } cases[] = {
        { "", "" },
        { " , ,, ", "" },
        { "for=192.0.2.1", "192.0.2.1|" },
        { "For=192.0.2.1", "192.0.2.1|" },
        { "for=192.0.2.1, for=198.51.100.17", "198.51.100.17| 192.0.2.1|" },
        { "for=192.0.2.43,for=\"[2001:db8:cafe::17]\",for=unknown",
          "unknown| [2001:db8:cafe::17]| 192.0.2.43|" },
        { "for=192.0.2.60;proto=http;by=203.0.113.43", "192.0.2.60|http" },
        { "proto=https ; for=192.0.2.60", "192.0.2.60|https" },
        { "by=203.0.113.43", "|" },
        { ";for=192.0.2.1;;proto=https;", "192.0.2.1|https" },
        { "for=\"192.0.2.1:4711\"", "192.0.2.1:4711|" },
        { "for=192.0.2.1:4711", "192.0.2.1:4711|" },
        { "for=_hidden", "_hidden|" },
        { "for=192.0.2.1;host=\"a, b; c\"", "192.0.2.1|" },
        { "for=192.0.2.1;host=\"a\\\"b, \\\\\"", "192.0.2.1|" },
        { "for=a, for=192.0.2.1;host=\"\\\\\\\"\\\\\"", "192.0.2.1| a|" },
        { "for=a,,  ,for=b,", "b| a|" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_msg(strcmp(elements(cases[i].field), cases[i].wanted) == 0, "%s: %s",
                      cases[i].field, elements(cases[i].field));
}
END_TEST

START_TEST(what_has_no_form_ends_it)
{
    static const char *const fields[] = {
        "x",
        "for",
        "for=",
        "=192.0.2.1",
        "for =192.0.2.1",
        "for=\"192.0.2.1",
        "for=192.0.2.1\"",
        "for=\"\"",
        "for=\"a\"b",
        "for=a\"b\"",
        "for=\"a\\b\"",
        "for=\"a\\\"",
        "for=a;for=b",
        "for=a;FOR=b",
        "proto=http;proto=https",
        "for=a for=b;",
        "fo(r=a",
        "for=a;\"x\"=y",
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        ck_assert_msg(strcmp(elements(fields[i]), "!") == 0, "%s: %s", fields[i],
                      elements(fields[i]));
}
END_TEST

START_TEST(what_a_client_wrote_cannot_hide_what_the_proxy_wrote)
{
    static const char *const before[] = { "for=\"",     "for=\"x, y",  "\"",
                                          "for=\"\\",   "\\",          "for=x;host=\"",
                                          ";;;=,=\"",   "for=\"a\\\"", "\"a\" \"b\" \"",
                                          "for=1.1.1.1" };
    static const char *const proxy[] = { "for=192.0.2.1", "for=\"[2001:db8::1]\";proto=https",
                                         "for=192.0.2.1;host=\"x\\\"y\"" };
    char field[128];

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++)
        for (size_t k = 0; k < sizeof(proxy) / sizeof(proxy[0]); k++) {
            struct forwarded f;

            (void)snprintf(field, sizeof(field), "%s, %s", before[i], proxy[k]);
            struct mpx_str rest = str_of(field);
            ck_assert_int_eq(forwarded_last(&rest, &f), 1);
            ck_assert_view_eq(f.from, k == 1 ? "[2001:db8::1]" : "192.0.2.1");
            ck_assert_view_eq(f.proto, k == 1 ? "https" : "");
            ck_assert_view_eq(rest, before[i]);
        }
}
END_TEST

START_TEST(items_of_a_list_are_read_from_the_right)
{
    struct mpx_str rest = MPX_STR("a, \tb,, c d ,"), item;

    ck_assert_int_eq(forwarded_last_item(&rest, &item), 1);
    ck_assert_view_eq(item, "c d");
    ck_assert_int_eq(forwarded_last_item(&rest, &item), 1);
    ck_assert_view_eq(item, "b");
    ck_assert_int_eq(forwarded_last_item(&rest, &item), 1);
    ck_assert_view_eq(item, "a");
    ck_assert_int_eq(forwarded_last_item(&rest, &item), 0);
    rest = MPX_STR(" , ");
    ck_assert_int_eq(forwarded_last_item(&rest, &item), 0);
}
END_TEST

START_TEST(nodes_have_brackets_and_ports_or_not)
{
    static const struct {
        const char *node, *address;
        unsigned port;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1", 0 },
        { "192.0.2.1:80", "192.0.2.1", 80 },
        { "192.0.2.1:65535", "192.0.2.1", 65535 },
        { "192.0.2.1:_p", "192.0.2.1", 0 },
        { "2001:db8::1", "2001:db8::1", 0 },
        { "[2001:db8::1]", "2001:db8::1", 0 },
        { "[2001:db8::1]:4711", "2001:db8::1", 4711 },
        { "[::ffff:192.0.2.1]:5", "192.0.2.1", 5 },
    };
    char text[ADDRESS_TEXT];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        union address a;

        ck_assert_msg(forwarded_address(str_of(cases[i].node), &a), "%s", cases[i].node);
        ck_assert_str_eq(address_write(&a, text), cases[i].address);
        ck_assert_uint_eq(ntohs(a.any.sa_family == AF_INET ? a.in.sin_port : a.in6.sin6_port),
                          cases[i].port);
    }
}
END_TEST

START_TEST(other_nodes_are_no_addresses)
{
    static const char *const nodes[] = { "",
                                         "unknown",
                                         "_hidden",
                                         "unix",
                                         "a.example",
                                         "192.0.2.1:",
                                         "192.0.2.1:65536",
                                         "192.0.2.1:x",
                                         "192.0.2",
                                         "[192.0.2.1]",
                                         "[::1",
                                         "[::1]x",
                                         "[::1]:",
                                         "[::1]80",
                                         "[]",
                                         "[",
                                         "]",
                                         ":80",
                                         "::1]:80",
                                         "[::1]:_",
                                         "[[::1]]:80",
                                         "192.0.2.1:+1" };

    for (size_t i = 0; i < sizeof(nodes) / sizeof(nodes[0]); i++) {
        union address a = { .any.sa_family = AF_UNIX };
        bool is_hidden_port = strcmp(nodes[i], "[::1]:_") == 0;

        ck_assert_msg(forwarded_address(str_of(nodes[i]), &a) == is_hidden_port, "%s", nodes[i]);
        if (!is_hidden_port)
            ck_assert_int_eq(a.any.sa_family, AF_UNIX);
    }
}
END_TEST

Suite *suite_forwarded(void)
{
    static const TTest **const tests[] = { &elements_are_read_from_the_right,
                                           &what_has_no_form_ends_it,
                                           &what_a_client_wrote_cannot_hide_what_the_proxy_wrote,
                                           &items_of_a_list_are_read_from_the_right,
                                           &nodes_have_brackets_and_ports_or_not,
                                           &other_nodes_are_no_addresses,
                                           NULL };

    return unit_suite("forwarded", tests);
}
