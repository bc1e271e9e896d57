/* SPDX-License-Identifier: MIT
   Names of clients, as a small DNS server on the same loop tells them: the second number of an IPv4
   address says what it answers. */
#include "resolver.h"

#include "date.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { GOOD = 0, LIAR = 1, SILENT = 2, NOBODY = 3, ODD_NAME = 4, NO_TTL = 5 };

struct dns {
    struct loop *loop;
    struct loop_event ev;
    union address address;
    int fd;
    unsigned asked; /* names of addresses */
};

/* The name in a query as text with dots; bytes it took. */
static size_t read_name(const unsigned char *p, char *out)
{
    size_t at = 0;

    for (; p[at] != 0; at += 1 + p[at])
        out += snprintf(out, 65, "%.*s.", p[at], (const char *)p + at + 1);
    return at + 1;
}

static size_t write_name(unsigned char *p, const char *name)
{
    size_t at = 0;

    while (*name != '\0') {
        size_t n = strcspn(name, ".");

        p[at] = (unsigned char)n;
        memcpy(p + at + 1, name, n);
        at += n + 1;
        name += n + (name[n] == '.');
    }
    p[at] = 0;
    return at + 1;
}

static void answer(struct dns *d, unsigned char *q, size_t end, const void *data, size_t n, int ttl,
                   const struct sockaddr_in *to)
{
    static const unsigned char head[] = { 0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0 };
    unsigned char *p = q + end;

    memcpy(q + 2, head, sizeof(head));
    if (data == NULL) {
        q[3] = 0x83;
        q[7] = 0;
    } else {
        const unsigned char record[] = { 0xc0,
                                         12,
                                         q[end - 4],
                                         q[end - 3],
                                         0,
                                         1,
                                         0,
                                         0,
                                         (unsigned char)(ttl >> 8),
                                         (unsigned char)ttl,
                                         0,
                                         (unsigned char)n };

        memcpy(p, record, sizeof(record));
        memcpy(p + sizeof(record), data, n);
        p += sizeof(record) + n;
    }
    (void)sendto(d->fd, q, (size_t)(p - q), 0, (const struct sockaddr *)to, sizeof(*to));
}

static void on_query(int fd, short what, void *arg)
{
    struct dns *d = arg;
    unsigned char q[1024], data[256], ip[4];
    char name[512], text[64];
    struct sockaddr_in from;
    socklen_t len = sizeof(from);
    unsigned b[4];

    (void)what;
    ssize_t n = recvfrom(fd, q, 512, 0, (struct sockaddr *)&from, &len);
    ck_assert_int_gt(n, 16);
    size_t end = 12 + read_name(q + 12, name) + 4;
    if (sscanf(name, "%u.%u.%u.%u.", &b[3], &b[2], &b[1], &b[0]) == 4) {
        d->asked++;
        (void)snprintf(text, sizeof(text), "%sh-%u-%u-%u-%u.Example", b[1] == ODD_NAME ? "o/" : "",
                       b[0], b[1], b[2], b[3]);
        size_t size = write_name(data, text);
        if (b[1] != SILENT)
            answer(d, q, end, b[1] == NOBODY ? NULL : data, size, b[1] == NO_TTL ? 0 : 300, &from);
        return;
    }
    ck_assert_int_eq(sscanf(name, "%*1[hH]-%u-%u-%u-%u.", &b[0], &b[1], &b[2], &b[3]), 4);
    for (int i = 0; i < 4; i++)
        ip[i] = (unsigned char)b[i];
    ip[3] = (unsigned char)(ip[3] + (b[1] == LIAR));
    answer(d, q, end, ip, 4, 300, &from);
}

static void dns_start(struct dns *d)
{
    socklen_t len = sizeof(d->address.in);

    *d = (struct dns){ .loop = loop_create(), .fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0) };
    d->address.in = (struct sockaddr_in){ .sin_family = AF_INET };
    d->address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_eq(bind(d->fd, &d->address.any, len), 0);
    ck_assert_int_eq(getsockname(d->fd, &d->address.any, &len), 0);
    ck_assert_int_eq(loop_watch(d->loop, &d->ev, d->fd, LOOP_READ | LOOP_REPEAT, 0, on_query, d),
                     0);
}

static void dns_stop(struct dns *d)
{
    loop_end(&d->ev);
    close(d->fd);
    loop_destroy(d->loop);
}

static struct resolver *resolver_for(const struct dns *d, int64_t cache_ms, unsigned entries)
{
    const struct resolver_settings s = { .servers = &d->address,
                                         .server_count = 1,
                                         .timeout_ms = 300,
                                         .cache_ms = cache_ms,
                                         .entries = entries,
                                         .seed = 7 };

    return resolver_create(d->loop, &s);
}

struct asker {
    struct resolver_wait w;
    struct resolver *rs;
    union address address;
    bool is_told, asks_again, again_at_once;
    enum resolver_result result;
    char name[300];
};

static void told(struct asker *a, enum resolver_result result, struct mpx_str name)
{
    a->is_told = true;
    a->result = result;
    (void)snprintf(a->name, sizeof(a->name), "%.*s", STR_ARGS(name));
}

static void on_done(struct resolver_wait *w, enum resolver_result result, struct mpx_str name)
{
    struct asker *a = CONTAINER_OF(w, struct asker, w);

    ck_assert(!a->is_told);
    told(a, result, name);
    if (a->asks_again)
        a->again_at_once = resolver_ask(a->rs, &a->address, w, &result, &name);
}

/* Whether the answer was there at once. */
static bool ask(struct asker *a, struct resolver *rs, const char *address)
{
    enum resolver_result result;
    struct mpx_str name;

    *a = (struct asker){ .w.done = on_done, .rs = rs, .asks_again = a->asks_again };
    ck_assert(address_read(str_of(address), &a->address));
    if (!resolver_ask(rs, &a->address, &a->w, &result, &name))
        return false;
    told(a, result, name);
    return true;
}

static void wait_for(struct dns *d, const struct asker *a)
{
    int64_t until = clock_ms() + 5000;

    while (!a->is_told && clock_ms() < until)
        loop_turn(d->loop, true);
    ck_assert_msg(a->is_told, "nobody was told");
}

/* The whole of it; whether it was there at once. */
static bool look_up(struct dns *d, struct resolver *rs, struct asker *a, const char *address)
{
    bool at_once = ask(a, rs, address);

    wait_for(d, a);
    return at_once;
}

START_TEST(a_name_is_what_its_address_confirms)
{
    static const struct {
        const char *address, *name;
        enum resolver_result result;
    } cases[] = {
        { "10.0.0.1", "h-10-0-0-1.example", RESOLVER_NAME },
        { "10.1.0.1", "", RESOLVER_UNSURE },
        { "10.2.0.1", "", RESOLVER_UNSURE },
        { "10.3.0.1", "", RESOLVER_NONE },
        { "10.4.0.1", "", RESOLVER_UNSURE },
    };
    struct asker a = { .is_told = false };
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 60000, 100);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        for (int again = 0; again < 2; again++) {
            unsigned asked = d.asked;

            ck_assert(look_up(&d, rs, &a, cases[i].address) == (again == 1));
            ck_assert_msg(a.result == cases[i].result, "%s: %d", cases[i].address, (int)a.result);
            ck_assert_str_eq(a.name, cases[i].name);
            ck_assert(again == 0 || d.asked == asked);
        }
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

START_TEST(those_who_ask_meanwhile_share_a_look_up)
{
    struct asker many[50];
    struct dns d;

    memset(many, 0, sizeof(many));
    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 60000, 100);
    for (int i = 0; i < 50; i++)
        ck_assert(!ask(&many[i], rs, "10.0.0.9"));
    resolver_forget(&many[0].w);
    resolver_forget(&many[0].w);
    for (int i = 1; i < 50; i++)
        wait_for(&d, &many[i]);
    ck_assert(!many[0].is_told);
    ck_assert_uint_eq(d.asked, 1);
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

START_TEST(what_is_not_remembered_is_asked_again)
{
    struct asker a = { .is_told = false };
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 0, 100);
    for (int i = 0; i < 3; i++)
        ck_assert(!look_up(&d, rs, &a, "10.0.0.1"));
    ck_assert_uint_eq(d.asked, 3);
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

START_TEST(whoever_is_told_may_ask_again)
{
    struct asker a = { .asks_again = true };
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 0, 1);
    (void)look_up(&d, rs, &a, "10.0.0.1");
    ck_assert(a.again_at_once);
    ck_assert_int_eq(a.result, RESOLVER_NAME);
    (void)look_up(&d, rs, &a, "10.2.0.1"); /* told by the deadline */
    ck_assert(a.again_at_once);
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

/* A TTL of 0 would make every request a look-up. */
START_TEST(a_name_is_remembered_for_a_while_whatever_its_ttl)
{
    struct asker a = { .is_told = false };
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 60000, 100);
    (void)look_up(&d, rs, &a, "10.5.0.1");
    ck_assert_int_eq(a.result, RESOLVER_NAME);
    ck_assert(look_up(&d, rs, &a, "10.5.0.1"));
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

START_TEST(the_one_not_asked_for_longest_gives_way)
{
    static const char *const addresses[] = { "10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.1",
                                             "10.0.0.4" };
    struct asker a = { .is_told = false };
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 60000, 3);
    for (size_t i = 0; i < 5; i++)
        (void)look_up(&d, rs, &a, addresses[i]);
    ck_assert_uint_eq(d.asked, 4);
    ck_assert(ask(&a, rs, "10.0.0.1") && ask(&a, rs, "10.0.0.3") && ask(&a, rs, "10.0.0.4"));
    ck_assert(!look_up(&d, rs, &a, "10.0.0.2"));
    resolver_destroy(rs);
    dns_stop(&d);
}
END_TEST

/* ... and those who wait at the end are not told. */
START_TEST(too_many_look_ups_fail_at_once_and_the_end_harms_nobody)
{
    struct asker *many = calloc(RESOLVER_LOOKUPS, sizeof(*many)), other = { .is_told = false };
    char address[32];
    struct dns d;

    dns_start(&d);
    struct resolver *rs = resolver_for(&d, 60000, 100);
    for (int i = 0; i < RESOLVER_LOOKUPS; i++) {
        (void)snprintf(address, sizeof(address), "10.2.%d.%d", i / 256, i % 256);
        ck_assert(!ask(&many[i], rs, address));
    }
    ck_assert(ask(&other, rs, "10.0.0.1"));
    ck_assert_int_eq(other.result, RESOLVER_UNSURE);
    ck_assert(!ask(&other, rs, "10.2.0.0")); /* shares one */
    loop_turn(d.loop, false);
    resolver_destroy(rs);
    ck_assert(!many[0].is_told && !other.is_told);
    dns_stop(&d);
    free(many);
}
END_TEST

START_TEST(nothing_is_opened_before_somebody_asks)
{
    struct dns d;

    dns_start(&d);
    resolver_destroy(resolver_for(&d, 60000, 100));
    ck_assert_uint_eq(d.asked, 0);
    dns_stop(&d);
}
END_TEST

Suite *suite_resolver(void)
{
    static const TTest **const tests[] = { &a_name_is_what_its_address_confirms,
                                           &those_who_ask_meanwhile_share_a_look_up,
                                           &what_is_not_remembered_is_asked_again,
                                           &whoever_is_told_may_ask_again,
                                           &a_name_is_remembered_for_a_while_whatever_its_ttl,
                                           &the_one_not_asked_for_longest_gives_way,
                                           &too_many_look_ups_fail_at_once_and_the_end_harms_nobody,
                                           &nothing_is_opened_before_somebody_asks,
                                           NULL };

    return unit_suite("resolver", tests);
}
