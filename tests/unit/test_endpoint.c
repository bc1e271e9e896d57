/* SPDX-License-Identifier: MIT
   Sockets of a configuration: which addresses are bound, how they are called, what is left when one
   cannot be had. */
#include "endpoint.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct mpx_arena a;
static struct listener_settings listeners[4];
static struct settings settings;
static struct endpoints e;
static const char *error;

static int open_all(size_t count)
{
    settings.listeners = listeners;
    settings.listener_count = count;
    error = NULL;
    return endpoints_open(&a, &settings, &e, &error);
}

static void listen_on(size_t i, const char *host, int64_t port)
{
    listeners[i] = (struct listener_settings){
        .host = str_of(host), .port = port, .backlog = 16, .v6only = true
    };
}

static void listen_on_unix(size_t i, const char *path)
{
    listeners[i] = (struct listener_settings){
        .socket = str_of(path), .mode_bits = 0600, .backlog = 16, .v6only = true
    };
}

static unsigned port_of(size_t i)
{
    const char *colon = strrchr(e.list[i].url, ':');

    return (unsigned)strtoul(colon + 1, NULL, 10);
}

/* 0, or the errno of a connect by the other protocol's loopback address. */
static int try_connect(int family, unsigned port)
{
    struct sockaddr_in in = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)port),
                              .sin_addr = { htonl(INADDR_LOOPBACK) } };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
                                .sin6_port = htons((uint16_t)port),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = family == AF_INET ? connect(fd, (const struct sockaddr *)&in, sizeof(in))
                               : connect(fd, (const struct sockaddr *)&in6, sizeof(in6));
    int failed = rc < 0 ? errno : 0;

    close(fd);
    return failed;
}

START_TEST(each_listener_has_its_address)
{
    char folder[64], path[96], url[128];

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    (void)snprintf(url, sizeof(url), "unix:%s", path);
    arena_init(&a, NULL);
    listen_on(0, "127.0.0.1", 0);
    listen_on_unix(1, path);
    listen_on(2, "::1", 0);
    ck_assert_msg(open_all(3) == 0, "%s", error);
    ck_assert_uint_eq(e.count, 3);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(e.list[i].listener, i);
    ck_assert_int_eq(strncmp(e.list[0].url, "http://127.0.0.1:", 17), 0);
    ck_assert_str_eq(e.list[1].url, url);
    ck_assert_int_eq(strncmp(e.list[2].url, "http://[::1]:", 13), 0);
    ck_assert_uint_ne(port_of(0), 0);
    ck_assert_int_eq(try_connect(AF_INET, port_of(0)), 0);
    ck_assert_int_eq(access(path, F_OK), 0);
    endpoints_close(&e);
    ck_assert_int_eq(access(path, F_OK), 0); /* others may have it still */
    arena_finish(&a);
}
END_TEST

START_TEST(names_of_sockets_are_removed_when_nobody_is_to_come)
{
    char folder[64], path[96];
    size_t descriptors = aid_descriptors();

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    arena_init(&a, NULL);
    listen_on_unix(0, path);
    ck_assert_msg(open_all(1) == 0, "%s", error);
    endpoints_remove(&e);
    ck_assert_int_ne(access(path, F_OK), 0);
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    arena_finish(&a);
}
END_TEST

START_TEST(one_that_cannot_be_had_leaves_nothing_behind)
{
    char folder[64], path[96];
    size_t descriptors = aid_descriptors();

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    arena_init(&a, NULL);
    listen_on(0, "127.0.0.1", 0);
    listen_on_unix(1, path);
    listen_on_unix(2, path); /* the same one again */
    ck_assert_int_eq(open_all(3), -1);
    ck_assert_ptr_nonnull(strstr(error, "x.sock: somebody listens on it"));
    ck_assert_int_ne(access(path, F_OK), 0);
    listen_on(1, "127.0.0.1", 0);
    listen_on(2, "no-such-host.invalid", 80);
    ck_assert_int_eq(open_all(3), -1);
    ck_assert_ptr_nonnull(strstr(error, "cannot listen on \"no-such-host.invalid\": "));
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    arena_finish(&a);
}
END_TEST

START_TEST(an_ipv6_listener_takes_ipv4_only_when_it_is_told_to)
{
    arena_init(&a, NULL);
    for (int v6only = 0; v6only < 2; v6only++) {
        listen_on(0, "::", 0);
        listeners[0].v6only = v6only;
        ck_assert_msg(open_all(1) == 0, "%s", error);
        ck_assert_int_eq(try_connect(AF_INET6, port_of(0)), 0);
        ck_assert_int_eq(try_connect(AF_INET, port_of(0)), v6only ? ECONNREFUSED : 0);
        endpoints_remove(&e);
    }
    arena_finish(&a);
}
END_TEST

START_TEST(a_star_is_both_protocols)
{
    arena_init(&a, NULL);
    listen_on(0, "*", 0);
    ck_assert_msg(open_all(1) == 0, "%s", error);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_int_eq(try_connect(AF_INET, port_of(0)), 0);
    ck_assert_int_eq(try_connect(AF_INET6, port_of(1)), 0);
    endpoints_remove(&e);
    listeners[0].v6only = false; /* one socket does for both */
    ck_assert_msg(open_all(1) == 0, "%s", error);
    ck_assert_uint_eq(e.count, 1);
    ck_assert_int_eq(try_connect(AF_INET, port_of(0)), 0);
    ck_assert_int_eq(try_connect(AF_INET6, port_of(0)), 0);
    endpoints_remove(&e);
    arena_finish(&a);
}
END_TEST

START_TEST(a_port_that_is_taken_is_told)
{
    arena_init(&a, NULL);
    listen_on(0, "127.0.0.1", 0);
    ck_assert_int_eq(open_all(1), 0);
    struct endpoints first = e;
    listen_on(0, "127.0.0.1", port_of(0));
    ck_assert_int_eq(open_all(1), -1);
    ck_assert_str_eq(error, arena_printf(&a,
                                         "cannot listen on 127.0.0.1:%lld: Address already in use: "
                                         "stop the process that has it, or choose another port",
                                         (long long)listeners[0].port)
                                .p);
    endpoints_close(&first);
    arena_finish(&a);
}
END_TEST

Suite *suite_endpoint(void)
{
    static const TTest **const tests[] = { &each_listener_has_its_address,
                                           &names_of_sockets_are_removed_when_nobody_is_to_come,
                                           &one_that_cannot_be_had_leaves_nothing_behind,
                                           &an_ipv6_listener_takes_ipv4_only_when_it_is_told_to,
                                           &a_star_is_both_protocols,
                                           &a_port_that_is_taken_is_told,
                                           NULL };

    return unit_suite("endpoint", tests);
}
