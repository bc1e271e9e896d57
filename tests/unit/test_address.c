/* SPDX-License-Identifier: MIT
   Addresses: what is one, how it is written, IPv4 in the clothes of IPv6. */
#include "address.h"

#include "unit.h"

START_TEST(ports_are_told)
{
    union address a = { .in = { .sin_family = AF_INET, .sin_port = htons(80) } };

    ck_assert_uint_eq(address_port(&a), 80);
    a.in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(65535) };
    ck_assert_uint_eq(address_port(&a), 65535);
    a.any.sa_family = AF_UNIX;
    ck_assert_uint_eq(address_port(&a), 0);
}
END_TEST

START_TEST(an_address_is_read_and_written)
{
    static const struct {
        const char *text, *written;
        int family;
    } cases[] = {
        { "192.0.2.1", "192.0.2.1", AF_INET },
        { "0.0.0.0", "0.0.0.0", AF_INET },
        { "255.255.255.255", "255.255.255.255", AF_INET },
        { "::1", "::1", AF_INET6 },
        { "::", "::", AF_INET6 },
        { "2001:DB8:0:0:0:0:0:1", "2001:db8::1", AF_INET6 },
        { "::ffff:192.0.2.1", "192.0.2.1", AF_INET },
        { "::ffff:c000:201", "192.0.2.1", AF_INET },
        { "::192.0.2.1", "::192.0.2.1", AF_INET6 },
        { "ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255",
          "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6 },
    };
    char text[ADDRESS_TEXT];

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        union address a;

        ck_assert_msg(address_read(str_of(cases[i].text), &a), "%s", cases[i].text);
        ck_assert_int_eq(a.any.sa_family, cases[i].family);
        ck_assert_str_eq(address_write(&a, text), cases[i].written);
    }
}
END_TEST

START_TEST(anything_else_is_none)
{
    static const char *const texts[] = {
        "",
        "unix",
        "localhost",
        "192.0.2",
        "192.0.2.256",
        "192.0.2.01",
        "192.0.2.1 ",
        " 192.0.2.1",
        "192.0.2.1:80",
        "0x7f.0.0.1",
        "1",
        "[::1]",
        "::1%lo",
        "::1/128",
        "1::2::3",
        "12345::",
        "1:2:3:4:5:6:7",
        "192.0.2.1.",
        ":",
        "::ffff:300.1.1.1",
        "1:2:3:4:5:6:7:8:9",
        "0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000",
    };
    union address a = { .any.sa_family = AF_UNIX };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_msg(!address_read(str_of(texts[i]), &a), "%s", texts[i]);
    ck_assert(!address_read((struct mpx_str){ "::1\0", 4 }, &a));
    ck_assert_int_eq(a.any.sa_family, AF_UNIX);
}
END_TEST

START_TEST(a_mapped_peer_is_ipv4_and_keeps_its_port)
{
    union address a = {
        .in6 = { .sin6_family = AF_INET6,
                 .sin6_port = htons(4711),
                 .sin6_addr = { { { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 1, 2, 3 } } } }
    };
    union address six = { .in6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) } };
    char text[ADDRESS_TEXT];

    address_unmap(&a);
    ck_assert_str_eq(address_write(&a, text), "10.1.2.3");
    ck_assert_uint_eq(ntohs(a.in.sin_port), 4711);
    ck_assert_uint_eq(address_length(&a), sizeof(struct sockaddr_in));
    address_unmap(&six);
    ck_assert_int_eq(six.any.sa_family, AF_INET6);
    ck_assert_uint_eq(address_length(&six), sizeof(struct sockaddr_in6));
}
END_TEST

START_TEST(clients_without_an_address_have_a_name_or_none)
{
    const union address local = { .any.sa_family = AF_UNIX }, unknown = { .any.sa_family = 0 };
    char text[ADDRESS_TEXT];

    ck_assert_str_eq(address_write(&local, text), "unix");
    ck_assert_uint_eq(address_length(&local), sizeof(sa_family_t));
    ck_assert_str_eq(address_write(&unknown, text), "");
    ck_assert_uint_eq(address_length(&unknown), 0);
}
END_TEST

START_TEST(keys_tell_families_apart_and_know_no_port)
{
    union address four, six, other;
    unsigned char a[ADDRESS_KEY], b[ADDRESS_KEY];

    ck_assert(address_read(MPX_STR("1.2.3.4"), &four));
    ck_assert(address_read(MPX_STR("102:304::"), &six));
    other = four;
    other.in.sin_port = htons(80);
    address_key(&four, a);
    address_key(&six, b);
    ck_assert_mem_eq(a + 1, b + 1, ADDRESS_KEY - 1);
    ck_assert_mem_ne(a, b, ADDRESS_KEY);
    address_key(&other, b);
    ck_assert_mem_eq(a, b, ADDRESS_KEY);
}
END_TEST

Suite *suite_address(void)
{
    static const TTest **const tests[] = { &ports_are_told,
                                           &an_address_is_read_and_written,
                                           &anything_else_is_none,
                                           &a_mapped_peer_is_ipv4_and_keeps_its_port,
                                           &clients_without_an_address_have_a_name_or_none,
                                           &keys_tell_families_apart_and_know_no_port,
                                           NULL };

    return unit_suite("address", tests);
}
