/* SPDX-License-Identifier: MIT
   Connections by address: who is one client, and that nothing is left of those who have gone. */
#include "crowd.h"

#include "unit.h"

#include <stdlib.h>

static union address address(const char *text)
{
    union address a;

    ck_assert_msg(address_read(str_of(text), &a), "%s", text);
    return a;
}

static struct crowd_entry *enter(struct crowd *w, const char *text, unsigned most)
{
    const union address a = address(text);

    return crowd_enter(w, &a, most);
}

START_TEST(an_address_has_so_many_and_no_more)
{
    struct crowd w = { .seed = 1 };
    struct crowd_entry *a = enter(&w, "192.0.2.1", 2), *b = enter(&w, "192.0.2.1", 2);

    ck_assert_ptr_nonnull(a);
    ck_assert_ptr_eq(a, b);
    ck_assert_ptr_null(enter(&w, "192.0.2.1", 2));
    ck_assert_ptr_null(enter(&w, "192.0.2.1", 2));
    crowd_leave(&w, a);
    ck_assert_ptr_eq(enter(&w, "192.0.2.1", 2), b);
    crowd_leave(&w, b);
    crowd_leave(&w, b);
    ck_assert_uint_eq(w.entry_count, 0);
}
END_TEST

START_TEST(another_address_is_counted_by_itself)
{
    static const char *const texts[] = { "192.0.2.1",   "192.0.2.2",       "::c000:201",
                                         "2001:db8::1", "2001:db8:0:1::1", "c000:201::" };
    struct crowd_entry *entries[6];
    struct crowd w = { .seed = 1 };

    for (size_t i = 0; i < 6; i++) {
        entries[i] = enter(&w, texts[i], 1);
        ck_assert_ptr_nonnull(entries[i]);
        ck_assert_ptr_null(enter(&w, texts[i], 1));
    }
    ck_assert_uint_eq(w.entry_count, 6);
    for (size_t i = 0; i < 6; i++)
        crowd_leave(&w, entries[i]);
    ck_assert_ptr_null(w.buckets);
}
END_TEST

START_TEST(an_ipv6_network_of_64_bits_is_one_client)
{
    struct crowd w = { .seed = 1 };
    struct crowd_entry *e = enter(&w, "2001:db8::1", 2);

    ck_assert_ptr_eq(enter(&w, "2001:db8::ffff:ffff:ffff:ffff", 2), e);
    ck_assert_ptr_null(enter(&w, "2001:db8::2", 2));
    crowd_leave(&w, e);
    crowd_leave(&w, e);
}
END_TEST

START_TEST(ports_make_no_difference)
{
    struct crowd w = { .seed = 1 };
    union address a = address("192.0.2.1"), b = a;

    a.in.sin_port = 1;
    b.in.sin_port = 2;
    struct crowd_entry *e = crowd_enter(&w, &a, 1);
    ck_assert_ptr_null(crowd_enter(&w, &b, 1));
    crowd_leave(&w, e);
}
END_TEST

START_TEST(nobody_may_enter_where_none_is_allowed)
{
    struct crowd w = { .seed = 1 };

    ck_assert_ptr_null(enter(&w, "192.0.2.1", 0));
    ck_assert_ptr_null(w.buckets);
    crowd_leave(&w, NULL);
}
END_TEST

/* Many come and go in any order, with addresses that differ in few bits. */
START_TEST(the_table_grows_and_shrinks_with_its_entries)
{
    enum { ADDRESSES = 20000 };
    struct crowd_entry **entries = calloc(ADDRESSES, sizeof(struct crowd_entry *));
    struct crowd w = { .seed = UINT64_C(0x123456789abcdef) };
    size_t longest = 0;

    ck_assert_ptr_nonnull(entries);
    for (int round = 0; round < 2; round++) {
        for (uint32_t i = 0; i < ADDRESSES; i++) {
            union address a = { .in = { .sin_family = AF_INET } };

            a.in.sin_addr.s_addr = htonl(i << 8 * round);
            entries[i] = crowd_enter(&w, &a, 1);
            ck_assert_ptr_nonnull(entries[i]);
        }
        ck_assert_uint_eq(w.entry_count, ADDRESSES);
        ck_assert_uint_ge(w.bucket_count, ADDRESSES / 2);
        size_t used = 0;
        for (size_t i = 0; i < w.bucket_count; i++)
            used += w.buckets[i] != NULL;
        ck_assert_uint_gt(used, ADDRESSES / 3); /* they are spread */
        longest = w.bucket_count;
        for (uint32_t i = 0; i < ADDRESSES; i++)
            crowd_leave(&w, entries[(i * 7919) % ADDRESSES]);
        ck_assert_uint_eq(w.entry_count, 0);
        ck_assert_uint_eq(w.bucket_count, 0);
        ck_assert_ptr_null(w.buckets);
    }
    ck_assert_uint_le(longest, 2 * ADDRESSES + 16);
    free(entries);
}
END_TEST

START_TEST(a_few_that_stay_hold_little_memory)
{
    struct crowd w = { .seed = 3 };
    struct crowd_entry *entries[1000], *stays = enter(&w, "192.0.2.1", 1);

    for (uint32_t i = 0; i < 1000; i++) {
        union address a = { .in = { .sin_family = AF_INET, .sin_addr = { htonl(i) } } };

        entries[i] = crowd_enter(&w, &a, 1);
    }
    for (size_t i = 0; i < 1000; i++)
        crowd_leave(&w, entries[i]);
    ck_assert_uint_le(w.bucket_count, 16);
    ck_assert_ptr_null(enter(&w, "192.0.2.1", 1));
    crowd_leave(&w, stays);
}
END_TEST

Suite *suite_crowd(void)
{
    static const TTest **const tests[] = {
        &an_address_has_so_many_and_no_more,       &another_address_is_counted_by_itself,
        &an_ipv6_network_of_64_bits_is_one_client, &ports_make_no_difference,
        &nobody_may_enter_where_none_is_allowed,   &the_table_grows_and_shrinks_with_its_entries,
        &a_few_that_stay_hold_little_memory,       NULL
    };

    return unit_suite("crowd", tests);
}
