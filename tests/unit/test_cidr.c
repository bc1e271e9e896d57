/* SPDX-License-Identifier: MIT
   Networks: what is one, who is in it, and that many of them cost no more than a few looks. */
#include "cidr.h"

#include "unit.h"

#include <stdlib.h>

static struct cidr network(const char *text)
{
    struct cidr net;

    ck_assert_msg(cidr_read(str_of(text), &net) == CIDR_OK, "%s", text);
    return net;
}

static bool has(const struct cidr_table *t, const char *text)
{
    union address a = { .any.sa_family = AF_UNIX };

    ck_assert_msg(strcmp(text, "unix") == 0 || address_read(str_of(text), &a), "%s", text);
    return cidr_table_has(t, &a);
}

START_TEST(a_network_is_what_it_says)
{
    static const struct {
        const char *text, *in, *out; /* blanks between */
    } cases[] = {
        { "10.0.0.0/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0 ::a00:0 unix" },
        { "192.0.2.1", "192.0.2.1 ::ffff:192.0.2.1", "192.0.2.0 192.0.2.2" },
        { "192.0.2.2/31", "192.0.2.2 192.0.2.3", "192.0.2.1 192.0.2.4" },
        { "0.0.0.0/0", "0.0.0.0 255.255.255.255", "::1 unix" },
        { "fd00::/8", "fd00:: fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fc00:: fe00:: 253.0.0.0" },
        { "::1", "::1", ":: ::2 0.0.0.1" },
        { "2001:db8::8/125", "2001:db8::8 2001:db8::f", "2001:db8::7 2001:db8::10" },
        { "::/0", ":: ffff::", "0.0.0.0 ::ffff:1.2.3.4 unix" },
        { "::ffff:10.0.0.0/104", "10.1.2.3", "11.0.0.0 ::ffff:0:a01:203" },
        { "::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2" },
        { "::ffff:0:0/96", "1.2.3.4", "::1" },
        { "unix", "unix", "0.0.0.0 ::" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct cidr net = network(cases[i].text);
        struct cidr_table t;

        cidr_table_make(&a, &net, 1, &t);
        for (int in = 0; in < 2; in++)
            for (struct mpx_str rest = str_of(in == 1 ? cases[i].in : cases[i].out); rest.n > 0;) {
                const char *word = arena_copyz(&a, str_head(rest, str_find(rest, ' ')));

                ck_assert_msg(has(&t, word) == (in == 1), "%s, %s", cases[i].text, word);
                rest = str_from(rest, strlen(word) + 1);
            }
    }
    arena_finish(&a);
}
END_TEST

START_TEST(anything_else_is_refused_and_says_how)
{
    static const struct {
        const char *text;
        int rc;
        const char *meant;
    } cases[] = {
        { "", CIDR_BAD, NULL },
        { "/8", CIDR_BAD, NULL },
        { "10.0.0.0/", CIDR_BAD, NULL },
        { "10.0.0.0/x", CIDR_BAD, NULL },
        { "10.0.0.0/-1", CIDR_BAD, NULL },
        { "10.0.0.0/08", CIDR_BAD, NULL },
        { "10.0.0.0/8/8", CIDR_BAD, NULL },
        { "10.0.0.0/255.0.0.0", CIDR_BAD, NULL },
        { "10.0.0.0/99999999999999999999", CIDR_BAD, NULL },
        { "10.0.0/24", CIDR_BAD, NULL },
        { "localhost", CIDR_BAD, NULL },
        { "unix/0", CIDR_BAD, NULL },
        { "Unix", CIDR_BAD, NULL },
        { "fe80::1%eth0", CIDR_BAD, NULL },
        { "[::1]", CIDR_BAD, NULL },
        { "::ffff:0:0/95", CIDR_BAD, NULL },
        { "10.0.0.0/33", CIDR_LONG_PREFIX, NULL },
        { "::1/129", CIDR_LONG_PREFIX, NULL },
        { "::ffff:10.0.0.0/129", CIDR_LONG_PREFIX, NULL },
        { "10.1.2.3/8", CIDR_HOST_BITS, "10.0.0.0/8" },
        { "192.0.2.1/31", CIDR_HOST_BITS, "192.0.2.0/31" },
        { "0.0.0.1/0", CIDR_HOST_BITS, "0.0.0.0/0" },
        { "2001:db8::1/32", CIDR_HOST_BITS, "2001:db8::/32" },
        { "::ffff:10.1.2.3/104", CIDR_HOST_BITS, "10.0.0.0/8" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct cidr net;

        ck_assert_msg(cidr_read(str_of(cases[i].text), &net) == cases[i].rc, "%s", cases[i].text);
        if (cases[i].meant != NULL)
            ck_assert_view_eq(cidr_text(&a, &net), cases[i].meant);
    }
    arena_finish(&a);
}
END_TEST

START_TEST(a_network_is_written_as_it_is_read)
{
    static const char *const texts[] = { "10.0.0.0/8",    "192.0.2.1/32", "0.0.0.0/0", "::/0",
                                         "2001:db8::/32", "::1/128",      "unix" };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const struct cidr net = network(texts[i]);

        ck_assert_view_eq(cidr_text(&a, &net), texts[i]);
    }
    arena_finish(&a);
}
END_TEST

START_TEST(an_empty_table_has_nobody)
{
    struct cidr_table t = { NULL, 0 };

    ck_assert(!has(&t, "127.0.0.1"));
    ck_assert(!has(&t, "unix"));
}
END_TEST

START_TEST(networks_in_any_order_and_inside_each_other_are_one_table)
{
    static const char *const texts[] = { "fd00::/8",  "10.1.0.0/16",   "10.0.0.0/8", "10.0.0.0/8",
                                         "192.0.2.1", "10.255.0.0/16", "::1",        "unix" };
    struct cidr nets[8];
    struct cidr_table t;
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < 8; i++)
        nets[i] = network(texts[i]);
    cidr_table_make(&a, nets, 8, &t);
    ck_assert_uint_eq(t.count, 5);
    ck_assert(has(&t, "10.1.2.3") && has(&t, "10.200.0.1") && has(&t, "10.255.255.255"));
    ck_assert(has(&t, "192.0.2.1") && has(&t, "fd12::1") && has(&t, "::1") && has(&t, "unix"));
    ck_assert(!has(&t, "11.0.0.0") && !has(&t, "192.0.2.2") && !has(&t, "::2"));
    arena_finish(&a);
}
END_TEST

/* Against the plain look at each of them. */
START_TEST(a_table_of_thousands_answers_as_each_network_would)
{
    enum { NETWORKS = 3000, LOOKS = 20000 };
    struct cidr *nets = calloc(NETWORKS, sizeof(*nets));
    struct cidr_table t;
    struct mpx_arena a;
    unsigned found = 0;

    ck_assert_ptr_nonnull(nets);
    srandom(1);
    arena_init(&a, NULL);
    for (size_t i = 0; i < NETWORKS; i++)
        ck_assert_int_ne(cidr_read(arena_printf(&a, "%ld.%ld.%ld.0/%ld", random() % 8,
                                                random() % 256, random() % 256, 14 + random() % 19),
                                   &nets[i]),
                         CIDR_BAD);
    cidr_table_make(&a, nets, NETWORKS, &t);
    ck_assert_uint_le(t.count, NETWORKS);
    for (int i = 0; i < LOOKS; i++) {
        union address address = { .in = { .sin_family = AF_INET } };
        struct cidr one;
        bool is_in = false;

        address.in.sin_addr.s_addr = htonl((uint32_t)(random() % (8 << 24)));
        address_key(&address, one.first);
        for (size_t k = 0; k < NETWORKS && !is_in; k++)
            is_in = memcmp(nets[k].first, one.first, ADDRESS_KEY) <= 0 &&
                    memcmp(one.first, nets[k].last, ADDRESS_KEY) <= 0;
        ck_assert(cidr_table_has(&t, &address) == is_in);
        found += is_in;
    }
    ck_assert_uint_gt(found, LOOKS / 20);
    ck_assert_uint_lt(found, LOOKS);
    arena_finish(&a);
    free(nets);
}
END_TEST

Suite *suite_cidr(void)
{
    static const TTest **const tests[] = {
        &a_network_is_what_it_says,
        &anything_else_is_refused_and_says_how,
        &a_network_is_written_as_it_is_read,
        &an_empty_table_has_nobody,
        &networks_in_any_order_and_inside_each_other_are_one_table,
        &a_table_of_thousands_answers_as_each_network_would,
        NULL
    };

    return unit_suite("cidr", tests);
}
