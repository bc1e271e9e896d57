/* SPDX-License-Identifier: MIT
   One listener: its short forms, unix sockets, whom it trusts, and each mistake at its place. */
#include "given.h"
#include "settings.h"

#include <stdio.h>
#include <sys/stat.h>

/* Reads a configuration whose "connection" is that text, at column 17 of its file. */
static int read_connection(struct given *t, const char *connection, struct settings *s)
{
    char text[2048];

    (void)snprintf(text, sizeof(text), "{ \"connection\": %s }", connection);
    given_file(t, "main.json", text);
    sources_finish(&t->sources); /* the file has changed */
    sources_init(&t->sources);
    return settings_read(&t->arena, &t->sources, given_config(t), &t->problems, s);
}

static const struct listener_settings *good(struct given *t, const char *connection)
{
    static struct settings s;

    ck_assert_int_eq(read_connection(t, connection, &s), 0);
    ck_assert_errors(t, "");
    ck_assert_uint_eq(s.listener_count, 1);
    return &s.listeners[0];
}

static bool trusts(const struct listener_settings *l, const char *text)
{
    union address a = { .any.sa_family = AF_UNIX };

    ck_assert(strcmp(text, "unix") == 0 || address_read(str_of(text), &a));
    return cidr_table_has(&l->trusted, &a);
}

START_TEST(a_unix_socket_is_a_path_relative_to_its_file)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(mkdir("run", 0700), 0);
    const struct listener_settings *l = good(&t, "{ \"unix\": \"run/www.sock\" }");
    const char *path = arena_printf(&t.arena, "%s/run/www.sock", t.folder).p;
    ck_assert_view_eq(l->socket, path);
    ck_assert_uint_eq(l->mode_bits, 0660);
    ck_assert_uint_eq(l->owner.n, 0);
    ck_assert_view_eq(good(&t, "\"unix:run/www.sock\"")->socket, path);
    ck_assert_view_eq(good(&t, "\"unix:/run/a:b.sock\"")->socket, "/run/a:b.sock");
    l = good(&t, "{ \"unix\": \"/run/x\", \"mode\": \"0606\", \"owner\": \"www:web\" }");
    ck_assert_uint_eq(l->mode_bits, 0606);
    ck_assert_view_eq(l->owner, "www:web");
    ck_assert_uint_eq(l->owner_at.off, 61);
    ck_assert_uint_eq(good(&t, "{ \"unix\": \"/run/x\", \"mode\": \"7\" }")->mode_bits, 07);
    ck_assert_uint_eq(good(&t, "{ \"unix\": \"/run/x\", \"host\": null }")->socket.n, 6);
    given_finish(&t);
}
END_TEST

START_TEST(a_socket_path_has_a_bound)
{
    struct given t;
    struct settings s;
    char text[256];

    given_init(&t);
    (void)snprintf(text, sizeof(text), "\"unix:/%0106d\"", 0);
    ck_assert_uint_eq(good(&t, text)->socket.n, 107);
    (void)snprintf(text, sizeof(text), "{ \"unix\": \"/%0107d\" }", 0);
    ck_assert_int_eq(read_connection(&t, text, &s), -1);
    ck_assert_errors(&t, "main.json:1:27: error: /connection/0/unix is too long for a socket: with "
                         "its folder it has 108 bytes, 107 are allowed: choose a shorter path\n");
    given_finish(&t);
}
END_TEST

START_TEST(whom_a_listener_trusts_is_a_table)
{
    struct given t;

    given_init(&t);
    const struct listener_settings *l =
        good(&t, "{ \"trust\": [ \"unix\", \"10.0.0.0/8\", \"fd00::/8\", \"192.0.2.1\" ] }");
    ck_assert(trusts(l, "unix") && trusts(l, "10.1.2.3") && trusts(l, "fd00::1"));
    ck_assert(trusts(l, "192.0.2.1") && !trusts(l, "192.0.2.2") && !trusts(l, "::1"));
    l = good(&t, "{ \"trust\": \"127.0.0.1\", \"proxy_protocol\": true }");
    ck_assert(trusts(l, "127.0.0.1") && !trusts(l, "unix") && l->proxy_protocol);
    l = good(&t, "{ \"trust\": [] }");
    ck_assert_uint_eq(l->trusted.count, 0);
    l = good(&t, "{}");
    ck_assert(l->trusted.count == 0 && !l->proxy_protocol && l->trust_header == TRUST_EITHER);
    ck_assert_int_eq(good(&t, "{ \"trust_header\": \"forwarded\" }")->trust_header,
                     TRUST_FORWARDED);
    ck_assert_int_eq(good(&t, "{ \"trust_header\": \"x-forwarded-for\" }")->trust_header,
                     TRUST_X_FORWARDED_FOR);
    given_finish(&t);
}
END_TEST

START_TEST(limits_of_clients_are_read)
{
    struct given t;

    given_init(&t);
    const struct listener_settings *l =
        good(&t, "{ \"min_rate\": \"1k\", \"v6only\": false, \"limits\": { \"per_address\": 8 } }");
    ck_assert_int_eq(l->min_rate, 1024);
    ck_assert_int_eq(l->limits.per_address, 8);
    ck_assert(!l->v6only);
    l = good(&t, "{}");
    ck_assert(l->min_rate == 0 && l->limits.per_address == 0 && l->v6only);
    given_finish(&t);
}
END_TEST

static const struct {
    const char *connection, *errors;
} wrong[] = {
    { "{ \"unix\": \"/run/x\", \"host\": \"::\", \"port\": 80, \"v6only\": true }",
      "main.json:1:37: error: \"host\" cannot stand here: the listener has a \"unix\" socket\n"
      "main.json:1:51: error: \"port\" cannot stand here: the listener has a \"unix\" socket\n"
      "main.json:1:63: error: \"v6only\" cannot stand here: the listener has a \"unix\" socket\n" },
    { "{ \"port\": 80, \"mode\": \"0660\", \"owner\": \"www\" }",
      "main.json:1:31: error: \"mode\" cannot stand here: it is for a \"unix\" socket\n"
      "main.json:1:47: error: \"owner\" cannot stand here: it is for a \"unix\" socket\n" },
    { "{ \"unix\": \"/run/x\", \"mode\": \"0680\" }",
      "main.json:1:45: error: /connection/0/mode must be octal digits such as \"0660\", not the "
      "string \"0680\"\n" },
    { "{ \"unix\": \"/run/x\", \"mode\": \"\" }",
      "main.json:1:45: error: /connection/0/mode must be octal digits such as \"0660\", not the "
      "string \"\"\n" },
    { "{ \"unix\": \"/run/x\", \"mode\": \"7777\" }",
      "main.json:1:45: error: /connection/0/mode must be octal digits such as \"0660\", not the "
      "string \"7777\"\n" },
    { "{ \"unix\": \"/run/x\", \"mode\": 660 }",
      "main.json:1:45: error: /connection/0/mode must be a string, not 660\n" },
    { "\"unix:\"",
      "main.json:1:17: error: /connection/0/unix must be the name of a file or folder, not the "
      "string \"\"\n" },
    { "{ \"trust\": [ \"10.0.0.0/8\", \"10.1.2.3/8\", \"10.0.0.0/33\", \"proxy.example\", 1 ] }",
      "main.json:1:44: error: /connection/0/trust/1 must be a whole network: write "
      "\"10.0.0.0/8\", not the string \"10.1.2.3/8\"\n"
      "main.json:1:58: error: /connection/0/trust/2 must have a prefix of at most 32 bits, not the "
      "string \"10.0.0.0/33\"\n"
      "main.json:1:73: error: /connection/0/trust/3 must be an address, a network such as "
      "\"10.0.0.0/8\", a range such as \"10.0.0.1-10.0.0.9\", or \"unix\", "
      "not the string \"proxy.example\"\n"
      "main.json:1:90: error: /connection/0/trust/4 must be a string, not 1\n" },
    { "{ \"trust\": \"::/129\" }",
      "main.json:1:28: error: /connection/0/trust must have a prefix of at most 128 bits, not the "
      "string \"::/129\"\n" },
    { "{ \"trust\": true }",
      "main.json:1:28: error: /connection/0/trust must be a string or a list of strings, not "
      "true\n" },
    { "{ \"proxy_protocol\": true }",
      "main.json:1:37: error: /connection/0/proxy_protocol needs \"trust\": name the proxies that "
      "may tell who the client is\n" },
    { "{ \"proxy_protocol\": true, \"trust\": [] }",
      "main.json:1:37: error: /connection/0/proxy_protocol needs \"trust\": name the proxies that "
      "may tell who the client is\n" },
    { "{ \"trust_header\": \"X-Real-IP\" }",
      "main.json:1:35: error: /connection/0/trust_header must be one of \"either\", \"forwarded\", "
      "\"x-forwarded-for\", not the string \"X-Real-IP\"\n" },
    { "{ \"min_rate\": -1 }",
      "main.json:1:31: error: /connection/0/min_rate must be a size such as 4096, \"64k\" or "
      "\"10M\", not -1\n" },
    { "{ \"limits\": { \"per_address\": -1 } }",
      "main.json:1:46: error: /connection/0/limits/per_address must be a number from 0 to 1000000, "
      "not -1\n" },
};

START_TEST(mistakes_are_told_with_place_and_cure)
{
    struct given t;
    struct settings s;

    given_init(&t);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        ck_assert_msg(read_connection(&t, wrong[i].connection, &s) == -1, "%s",
                      wrong[i].connection);
        ck_assert_errors(&t, wrong[i].errors);
    }
    given_finish(&t);
}
END_TEST

Suite *suite_settings_listener(void)
{
    static const TTest **const tests[] = { &a_unix_socket_is_a_path_relative_to_its_file,
                                           &a_socket_path_has_a_bound,
                                           &whom_a_listener_trusts_is_a_table,
                                           &limits_of_clients_are_read,
                                           &mistakes_are_told_with_place_and_cure,
                                           NULL };

    return unit_suite("settings_listener", tests);
}
