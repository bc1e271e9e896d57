/* SPDX-License-Identifier: MIT */
#include "feasible.h"

#include "given.h"

static struct given t;

/* What is said of these listeners. */
static void check(const char *listeners, const char *errors)
{
    struct settings s;

    given_init(&t);
    given_file(&t, "main.json", arena_printf(&t.arena, "{ \"connection\": [\n%s ] }", listeners).p);
    ck_assert_int_eq(settings_read(&t.arena, &t.sources, given_config(&t), &t.problems, &s), 0);
    feasible_listeners(&s, &t.problems);
    ck_assert_errors(&t, errors);
    given_finish(&t);
}

#define TWICE                                                                        \
    "error: this address is listened on already, by the listener at main.json:2:1: " \
    "remove one, or give it another port\n"

START_TEST(one_address_is_listened_on_once)
{
    static const char *const pairs[] = {
        "\"127.0.0.1:80\",\n\"127.0.0.1:80\"",
        "\"127.0.0.1:80\",\n{ \"port\": 80 }", /* 0.0.0.0 */
        "{ \"port\": 80 },\n\"127.0.0.1:80\"",
        "{},\n{}",
        "\"*:80\",\n\"*:80\"",
        "\"*:80\",\n\"0.0.0.0:80\"",
        "\"[::1]:80\",\n\"*:80\"",
        "\"[::1]:80\",\n\"[0:0::1]:80\"",
        "\"[::]:80\",\n\"[fe80::1]:80\"",
        "\"localhost:80\",\n\"LocalHost:80\"",
        "{ \"host\": \"::\", \"v6only\": false },\n\"127.0.0.1:80\"",
        "\"unix:a.sock\",\n{ \"unix\": \"./a.sock\" }",
    };

    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
        check(pairs[i], "main.json:3:1: " TWICE);
}
END_TEST

START_TEST(other_addresses_and_ports_stand_beside_each_other)
{
    check("\"127.0.0.1:80\", \"127.0.0.1:81\", \"127.0.0.2:80\", \"[::1]:80\", \"[::2]:80\"", "");
    check("\"0.0.0.0:80\", \"[::]:80\", \"*:81\"", "");
    check("\"unix:a.sock\", \"unix:b.sock\", \"*:80\"", "");
    check("\"localhost:80\", \"127.0.0.1:80\", \"a.example:80\", \"*:82\"", "");
    check("\"127.0.0.1:0\", \"127.0.0.1:0\", \"*:0\", \"*:0\"", ""); /* the kernel chooses */
}
END_TEST

START_TEST(a_host_is_an_address_or_a_name)
{
    check("{ \"host\": \"\" }", "main.json:2:1: error: /connection/0/host must not be empty: "
                                "\"*\" stands for all addresses, not \"\"\n");
    check("\"127.0.0.1:80\",\n{ \"host\": \"300.0.0.1\" }",
          "main.json:3:1: error: /connection/1/host is no IPv4 address: that is four numbers from "
          "0 to 255, not \"300.0.0.1\"\n");
    check("{ \"host\": \"10.1\" }", "main.json:2:1: error: /connection/0/host is no IPv4 address: "
                                    "that is four numbers from 0 to 255, not \"10.1\"\n");
    check("{ \"host\": \"::1::2\" }",
          "main.json:2:1: error: /connection/0/host is no IPv6 address, not \"::1::2\"\n");
    check("{ \"host\": \"127.0.0.1:80\" }",
          "main.json:2:1: error: /connection/0/host is an address alone: the port stands in "
          "\"port\", not \"127.0.0.1:80\"\n");
    check("{ \"host\": \"[::1]\" }", "main.json:2:1: error: /connection/0/host stands without "
                                     "brackets here, not \"[::1]\"\n");
    check("{ \"host\": \"a b\" }",
          "main.json:2:1: error: /connection/0/host is no host name, not \"a b\"\n");
    check("{ \"host\": \"fe80::1%eth0\" }, { \"host\": \"www.example.org\", \"port\": 81 }", "");
}
END_TEST

START_TEST(there_is_room_for_so_many_addresses)
{
    struct buffer b;

    buffer_init(&b, 65536);
    for (int i = 0; i < 64; i++)
        (void)buffer_printf(&b, "%s\"127.0.0.1:%d\"", i > 0 ? "," : "", 1000 + i);
    (void)buffer_add_char(&b, '\0');
    check(b.p, "");
    b.n--;
    (void)buffer_printf(&b, ",\n\"127.0.0.1:2000\", \"127.0.0.1:2001\"");
    (void)buffer_add_char(&b, '\0');
    check(b.p,
          "main.json:3:1: error: from here on there are more than 64 addresses to listen on\n");
    b.n = 0;
    for (int i = 0; i < 33; i++)
        (void)buffer_printf(&b, "%s\"*:%d\"", i > 0 ? ",\n" : "", 1000 + i);
    (void)buffer_add_char(&b, '\0');
    check(b.p,
          "main.json:34:1: error: from here on there are more than 64 addresses to listen on\n");
    buffer_finish(&b);
}
END_TEST

Suite *suite_feasible(void)
{
    static const TTest **const tests[] = { &one_address_is_listened_on_once,
                                           &other_addresses_and_ports_stand_beside_each_other,
                                           &a_host_is_an_address_or_a_name,
                                           &there_is_room_for_so_many_addresses, NULL };

    return unit_suite("feasible", tests);
}
