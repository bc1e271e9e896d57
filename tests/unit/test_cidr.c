/* SPDX-License-Identifier: MIT
   Networks: what is one, who is in it, which of several that is, and that many of them cost no
   more than a few looks. */
#include "cidr.h"

#include "unit.h"

#include <stdlib.h>
#include <time.h>

static struct mpx_network network(const char *text)
{
    struct mpx_network net;
    struct mpx_arena a;

    arena_init(&a, NULL);
    const char *wrong = cidr_read(&a, str_of(text), &net);
    ck_assert_msg(wrong == NULL, "%s %s", text, wrong);
    arena_finish(&a);
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
        { "10/8", "10.0.0.0 10.255.255.255", "9.255.255.255 11.0.0.0" },
        { "10.1/16", "10.1.0.0 10.1.255.255", "10.0.255.255 10.2.0.0" },
        { "192.168.7/24", "192.168.7.9", "192.168.8.0" },
        { "10/32", "10.0.0.0", "10.0.0.1" },
        { "10.0.0.9-10.0.1.1", "10.0.0.9 10.0.0.255 10.0.1.1", "10.0.0.8 10.0.1.2 ::a00:9" },
        { "10.0.0.9-10.0.0.9", "10.0.0.9", "10.0.0.8 10.0.0.10" },
        { "fd00::1-fd00::ff", "fd00::1 fd00::7f fd00::ff", "fd00:: fd00::100 10.0.0.1" },
        { "::ffff:10.0.0.1-10.0.0.3", "10.0.0.1 10.0.0.3", "10.0.0.4" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mpx_network net = network(cases[i].text);
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
    static const char any[] = "must be an address, a network such as \"10.0.0.0/8\", a range such "
                              "as \"10.0.0.1-10.0.0.9\", or \"unix\"";
    static const struct {
        const char *text, *wrong; /* NULL: any */
    } cases[] = {
        { "", NULL },
        { "/8", NULL },
        { "10.0.0.0/x", NULL },
        { "10.0.0.0/-1", NULL },
        { "10.0.0.0/08", NULL },
        { "10.0.0.0/8/8", NULL },
        { "10.0.0.0/255.0.0.0", NULL },
        { "10.0.0.0/99999999999999999999", NULL },
        { "10./8", NULL },
        { ".10/8", NULL },
        { "10..1/16", NULL },
        { "256/8", NULL },
        { "a/8", NULL },
        { "fd00/8", NULL },
        { "localhost", NULL },
        { "unix/0", NULL },
        { "Unix", NULL },
        { "*", NULL },
        { "fe80::1%eth0", NULL },
        { "[::1]", NULL },
        { "::ffff:0:0/95", NULL },
        { "10.0.0.1-", NULL },
        { "-10.0.0.1", NULL },
        { "10.0.0.1-10", NULL },
        { "10.0.0.1-fd00::1", NULL },
        { "10.0.0.1-10.0.0.2-10.0.0.3", NULL },
        { "10.0.0.1-10.0.0.9/32", NULL },
        { "10.0.0.0/33", "must have a prefix of at most 32 bits" },
        { "::1/129", "must have a prefix of at most 128 bits" },
        { "::ffff:10.0.0.0/129", "must have a prefix of at most 128 bits" },
        { "10.1.2.3/8", "must be a whole network: write \"10.0.0.0/8\"" },
        { "10.1/8", "must be a whole network: write \"10.0.0.0/8\"" },
        { "192.0.2.1/31", "must be a whole network: write \"192.0.2.0/31\"" },
        { "10.0.0.0/", NULL },
        { "0.0.0.1/0", "must be a whole network: write \"0.0.0.0/0\"" },
        { "2001:db8::1/32", "must be a whole network: write \"2001:db8::/32\"" },
        { "::ffff:10.1.2.3/104", "must be a whole network: write \"10.0.0.0/8\"" },
        { "10", "must say how long the network's prefix is: write \"10/8\"" },
        { "10.1", "must say how long the network's prefix is: write \"10.1/16\"" },
        { "10.1.2", "must say how long the network's prefix is: write \"10.1.2/24\"" },
        { "10.0.0.9-10.0.0.1", "ends before it begins: write \"10.0.0.1-10.0.0.9\"" },
        { "fd00::2-fd00::1", "ends before it begins: write \"fd00::1-fd00::2\"" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mpx_network net;
        const char *wrong = cidr_read(&a, str_of(cases[i].text), &net);

        ck_assert_msg(wrong != NULL, "%s", cases[i].text);
        ck_assert_str_eq(wrong, cases[i].wrong != NULL ? cases[i].wrong : any);
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
        const struct mpx_network net = network(texts[i]);

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
    struct mpx_network nets[8];
    struct cidr_table t;
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < 8; i++)
        nets[i] = network(texts[i]);
    cidr_table_make(&a, nets, 8, &t);
    ck_assert_uint_eq(t.count, 8); /* 10.0.0.0/8 is three stretches, two of them around 10.1 */
    ck_assert(has(&t, "10.1.2.3") && has(&t, "10.200.0.1") && has(&t, "10.255.255.255"));
    ck_assert(has(&t, "192.0.2.1") && has(&t, "fd12::1") && has(&t, "::1") && has(&t, "unix"));
    ck_assert(!has(&t, "11.0.0.0") && !has(&t, "192.0.2.2") && !has(&t, "::2"));
    arena_finish(&a);
}
END_TEST

static int find(const struct cidr_table *t, const char *text)
{
    union address a;

    ck_assert(address_read(str_of(text), &a));
    return cidr_table_find(t, &a);
}

START_TEST(the_narrowest_network_is_the_one_that_is_found)
{
    static const char *const texts[] = { "10.0.0.0/8",         "10.1.0.0/16", "10.1.2.0/24",
                                         "10.1.0.0/16",        "10.1.2.3",    "10.1.2.200-10.1.5.0",
                                         "10.1.4.0-10.200.0.0" };
    struct mpx_network nets[8];
    struct cidr_table t;
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < 7; i++)
        nets[i] = network(texts[i]);
    cidr_everybody(&nets[7]);
    cidr_table_make(&a, nets, 8, &t);
    ck_assert_int_eq(find(&t, "10.0.0.1"), 0);
    ck_assert_int_eq(find(&t, "10.1.0.1"), 1);
    ck_assert_int_eq(find(&t, "10.1.2.2"), 2);
    ck_assert_int_eq(find(&t, "10.1.2.3"), 4);
    ck_assert_int_eq(find(&t, "10.1.2.4"), 2);
    ck_assert_int_eq(find(&t, "10.1.3.0"), 5);
    ck_assert_int_eq(find(&t, "10.1.4.0"), 6);
    ck_assert_int_eq(find(&t, "10.1.9.0"), 6);
    ck_assert_int_eq(find(&t, "10.200.0.0"), 6);
    ck_assert_int_eq(find(&t, "10.200.0.1"), 0);
    ck_assert_int_eq(find(&t, "11.0.0.0"), 7);
    ck_assert_int_eq(find(&t, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 7);
    arena_finish(&a);
}
END_TEST

static struct mpx_network *many(struct mpx_arena *a, size_t count)
{
    struct mpx_network *nets = arena_take(a, count * sizeof(*nets));

    for (size_t i = 0; i < count; i++) {
        long first = random() % (8 << 24), last = first + random() % 4096;

        if (i % 3 == 0) /* a range, often across others */
            nets[i] =
                network(arena_printf(a, "%ld.%ld.%ld.%ld-%ld.%ld.%ld.%ld", first >> 24,
                                     first >> 16 & 255, first >> 8 & 255, first & 255, last >> 24,
                                     last >> 16 & 255, last >> 8 & 255, last & 255)
                            .p);
        else
            (void)cidr_read(a,
                            arena_printf(a, "%ld.%ld.%ld.0/%ld", first >> 24, first >> 16 & 255,
                                         first >> 8 & 255, 14 + random() % 19),
                            &nets[i]); /* host bits are cleared */
    }
    return nets;
}

static union address anybody(void)
{
    union address address = { .in = { .sin_family = AF_INET } };

    address.in.sin_addr.s_addr = htonl((uint32_t)(random() % (8 << 24)));
    return address;
}

/* What the header of cidr.h promises, found by looking at each: the one that begins last, of these
   the one that ends first, of these the first. */
static int find_plainly(const struct mpx_network *nets, size_t count, const union address *address)
{
    unsigned char key[ADDRESS_KEY];
    int best = -1;

    address_key(address, key);
    for (size_t k = 0; k < count; k++) {
        if (memcmp(nets[k].first, key, ADDRESS_KEY) > 0 ||
            memcmp(key, nets[k].last, ADDRESS_KEY) > 0)
            continue;
        int begin = best < 0 ? 1 : memcmp(nets[k].first, nets[best].first, ADDRESS_KEY);
        if (begin > 0 || (begin == 0 && memcmp(nets[k].last, nets[best].last, ADDRESS_KEY) < 0))
            best = (int)k;
    }
    return best;
}

START_TEST(a_table_of_thousands_answers_as_each_network_would)
{
    enum { NETWORKS = 3000, LOOKS = 20000 };
    struct cidr_table t;
    struct mpx_arena a;
    unsigned found = 0;

    srandom(1);
    arena_init(&a, NULL);
    const struct mpx_network *nets = many(&a, NETWORKS);
    cidr_table_make(&a, nets, NETWORKS, &t);
    ck_assert_uint_le(t.count, 2 * NETWORKS);
    for (int i = 0; i < LOOKS; i++) {
        union address address = anybody();
        int is = cidr_table_find(&t, &address);

        ck_assert_int_eq(is, find_plainly(nets, NETWORKS, &address));
        found += is >= 0;
    }
    ck_assert_uint_gt(found, LOOKS / 20);
    ck_assert_uint_lt(found, LOOKS);
    arena_finish(&a);
}
END_TEST

/* How long some looks take, in nanoseconds; the best of several turns. */
static int64_t time_looks(const struct cidr_table *t)
{
    int64_t best = INT64_MAX;

    for (int turn = 0; turn < 20; turn++) {
        struct timespec from, to;
        int sum = 0;

        srandom(3);
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
        for (int i = 0; i < 2000; i++) {
            union address address = anybody();

            sum += cidr_table_find(t, &address);
        }
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
        ck_assert_int_ge(sum, -2000);
        int64_t took = (to.tv_sec - from.tv_sec) * 1000000000 + to.tv_nsec - from.tv_nsec;
        best = took < best ? took : best;
    }
    return best;
}

/* A search takes 14 looks in place of 4; one at each would be a thousand times as many. */
START_TEST(ten_thousand_networks_cost_a_few_looks_more_than_ten)
{
    struct cidr_table few, lots;
    struct mpx_arena a;

    srandom(2);
    arena_init(&a, NULL);
    cidr_table_make(&a, many(&a, 10), 10, &few);
    cidr_table_make(&a, many(&a, 10000), 10000, &lots);
    ck_assert_int_lt(time_looks(&lots), 20 * time_looks(&few));
    arena_finish(&a);
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
        &the_narrowest_network_is_the_one_that_is_found,
        &a_table_of_thousands_answers_as_each_network_would,
        &ten_thousand_networks_cost_a_few_looks_more_than_ten,
        NULL
    };

    return unit_suite("cidr", tests);
}
