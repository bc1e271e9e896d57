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

static int change(size_t count, struct endpoints *to)
{
    settings.listener_count = count;
    error = NULL;
    return endpoints_change(&a, &settings, &e, to, &error);
}

static void note_url(void *arg, const char *url)
{
    (void)buffer_printf(arg, "%s\n", url);
}

START_TEST(another_configuration_keeps_the_sockets_that_it_has_too)
{
    size_t descriptors = aid_descriptors();
    struct endpoints next;
    struct buffer gone;

    arena_init(&a, NULL);
    buffer_init(&gone, 1000);
    listen_on(0, "127.0.0.1", 0);
    listen_on(1, "127.0.0.2", 0);
    ck_assert_int_eq(open_all(2), 0);
    unsigned first = port_of(0), second = port_of(1);
    int fd = e.list[0].fd;
    listen_on(0, "127.0.0.3", 0);
    listen_on(1, "127.0.0.1", 0);
    ck_assert_msg(change(2, &next) == 0, "%s", error);
    ck_assert_int_eq(next.list[1].fd, fd);
    ck_assert_uint_eq(next.list[1].id, e.list[0].id);
    ck_assert_uint_eq(next.list[1].listener, 1);
    ck_assert_uint_ne(next.list[0].id, e.list[1].id);
    endpoints_each_gone(&e, &next, note_url, &gone);
    ck_assert(str_eq(buffer_str(&gone), arena_printf(&a, "http://127.0.0.2:%u/\n", second)));
    endpoints_part(&e, &next);
    ck_assert_int_eq(try_connect(AF_INET, first), 0);
    ck_assert_uint_eq(aid_descriptors(), descriptors + 2);
    e = next;
    listen_on(0, "127.0.0.1", first); /* the same port, named */
    ck_assert_int_eq(change(1, &next), 0);
    ck_assert_int_eq(next.list[0].fd, fd);
    endpoints_part(&e, &next);
    endpoints_remove(&next);
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    buffer_finish(&gone);
    arena_finish(&a);
}
END_TEST

START_TEST(a_change_that_fails_leaves_all_as_it_was)
{
    size_t descriptors = aid_descriptors();
    struct endpoints next;

    arena_init(&a, NULL);
    listen_on(0, "127.0.0.1", 0);
    ck_assert_int_eq(open_all(1), 0);
    unsigned next_id = e.next_id;
    listen_on(1, "127.0.0.2", 0);
    listen_on(2, "0.0.0.0", port_of(0));
    ck_assert_int_eq(change(3, &next), -1);
    ck_assert_ptr_nonnull(strstr(error, "which is open: remove that listener first and reload"));
    ck_assert_uint_eq(next.count, 0);
    ck_assert_uint_eq(e.next_id, next_id + 1); /* a number is never given twice */
    ck_assert_int_eq(try_connect(AF_INET, port_of(0)), 0);
    ck_assert_uint_eq(aid_descriptors(), descriptors + 1);
    endpoints_remove(&e);
    arena_finish(&a);
}
END_TEST

START_TEST(a_unix_socket_is_kept_as_long_as_its_name_is_there)
{
    char folder[64], path[96];
    struct endpoints next;

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    arena_init(&a, NULL);
    listen_on_unix(0, path);
    ck_assert_int_eq(open_all(1), 0);
    ck_assert_int_eq(change(1, &next), 0);
    ck_assert_uint_eq(next.list[0].id, e.list[0].id);
    endpoints_part(&e, &next);
    ck_assert_int_eq(access(path, F_OK), 0);
    e = next;
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(change(1, &next), 0);
    ck_assert_uint_ne(next.list[0].id, e.list[0].id);
    endpoints_part(&e, &next);
    ck_assert_int_eq(access(path, F_OK), 0);
    endpoints_remove(&next);
    ck_assert_int_ne(access(path, F_OK), 0);
    arena_finish(&a);
}
END_TEST

START_TEST(each_of_several_workers_has_a_socket_of_its_own)
{
    char folder[64], path[96];
    struct buffer text;
    int fds[3][ENDPOINTS_MAX];

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/x.sock", folder);
    arena_init(&a, NULL);
    buffer_init(&text, 1000);
    settings.workers = 3;
    listen_on(0, "127.0.0.1", 0);
    listen_on_unix(1, path);
    ck_assert_msg(open_all(2) == 0, "%s", error);
    for (size_t i = 0; i < 3; i++)
        ck_assert_uint_eq(endpoints_write(&e, i, fds[i], &text), 2);
    ck_assert(str_is(buffer_str(&text), "0 1\n1 4\n0 2\n1 4\n0 3\n1 4\n"));
    ck_assert(fds[0][0] != fds[1][0] && fds[1][0] != fds[2][0] && fds[0][0] != fds[2][0]);
    ck_assert(fds[0][1] == fds[1][1] && fds[1][1] == fds[2][1]);
    struct endpoints first = e;
    listen_on(0, "127.0.0.1", port_of(0)); /* a second daemon is an error all the same */
    ck_assert_int_eq(open_all(1), -1);
    endpoints_remove(&first);
    settings.workers = 1;
    buffer_finish(&text);
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
                                           &another_configuration_keeps_the_sockets_that_it_has_too,
                                           &a_change_that_fails_leaves_all_as_it_was,
                                           &a_unix_socket_is_kept_as_long_as_its_name_is_there,
                                           &each_of_several_workers_has_a_socket_of_its_own,
                                           NULL };

    return unit_suite("endpoint", tests);
}
