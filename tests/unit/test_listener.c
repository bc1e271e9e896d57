/* SPDX-License-Identifier: MIT
   Connections of a listener: how many an address may have, and what those hear who are too many. */
#include "listener.h"

#include "loopback.h"
#include "refuse.h"
#include "unit.h"

#include <stdlib.h>

static struct loopback *site(const char *config)
{
    struct loopback *lb = loopback_create(config);

    ck_assert_ptr_nonnull(lb);
    return lb;
}
#define TWO_EACH                                        \
    "{\"connection\":{\"limits\":{\"per_address\":2}}," \
    "\"vhosts\":{\"modules\":[\"probe\"]}}"

#define ASK "GET /expand?$remote_addr HTTP/1.1\r\nHost: a\r\n\r\n"

static bool has(const struct wire *w, const char *text)
{
    return memmem(w->out.p, w->out.n, text, strlen(text)) != NULL;
}

static void check_refused(const struct wire *w)
{
    ck_assert(has(w, "HTTP/1.1 503 Service Unavailable\r\n"));
    ck_assert(has(w, "\r\nRetry-After: 1\r\n"));
    ck_assert(has(w, "\r\nConnection: close\r\n"));
    ck_assert(has(w, "\r\nDate: "));
    ck_assert(has(w, "\r\nContent-Length: 24\r\n"));
    ck_assert(has(w, "\r\n\r\n503 Service Unavailable\n"));
    ck_assert(w->shut);
}

START_TEST(an_address_with_too_many_is_told_so)
{
    struct loopback *lb = site(TWO_EACH);
    struct wire *w[3], *other = wire_open_from(lb, "192.0.2.2");

    for (int i = 0; i < 3; i++)
        w[i] = wire_open_from(lb, "192.0.2.1");
    check_refused(w[2]);
    for (int i = 0; i < 2; i++) {
        ck_assert_uint_eq(w[i]->out.n, 0);
        wire_write(w[i], MPX_STR(ASK));
        ck_assert(has(w[i], "\r\n\r\n192.0.2.1"));
    }
    wire_write(other, MPX_STR(ASK));
    ck_assert(has(other, "\r\n\r\n192.0.2.2"));
    ck_assert_ptr_nonnull(strstr(loopback_log(lb),
                                 "192.0.2.1 has 2 connections, as many as limits.per_address "
                                 "allows: more are answered 503"));
    for (int i = 0; i < 3; i++)
        wire_free(w[i]);
    wire_free(other);
    loopback_destroy(lb);
}
END_TEST

START_TEST(one_that_goes_makes_room_for_another)
{
    struct loopback *lb = site(TWO_EACH);
    struct wire *a = wire_open_from(lb, "2001:db8::1"), *b = wire_open_from(lb, "2001:db8::2"),
                *c = wire_open_from(lb, "2001:db8::3");

    check_refused(c); /* all of the /64 */
    wire_free(a);
    a = wire_open_from(lb, "2001:db8::4");
    ck_assert_uint_eq(a->out.n, 0);
    wire_free(a);
    wire_free(b);
    wire_free(c);
    ck_assert_uint_eq(loopback_listener(lb)->crowd.entry_count, 0);
    loopback_destroy(lb);
}
END_TEST

START_TEST(unix_clients_are_not_counted)
{
    struct loopback *lb = site(TWO_EACH);
    struct wire *w[5];

    for (int i = 0; i < 5; i++)
        w[i] = wire_open(lb);
    for (int i = 0; i < 5; i++) {
        ck_assert_uint_eq(w[i]->out.n, 0);
        wire_free(w[i]);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(those_who_are_trusted_speak_for_many)
{
    struct loopback *lb = site("{\"connection\":{\"limits\":{\"per_address\":1},"
                               "\"trust\":\"10.0.0.0/8\"},\"vhosts\":{\"modules\":[\"probe\"]}}");
    struct wire *proxy[3], *first = wire_open_from(lb, "192.0.2.1"),
                           *second = wire_open_from(lb, "192.0.2.1");

    check_refused(second);
    for (int i = 0; i < 3; i++) {
        proxy[i] = wire_open_from(lb, "10.0.0.1");
        ck_assert_uint_eq(proxy[i]->out.n, 0);
    }
    for (int i = 0; i < 3; i++)
        wire_free(proxy[i]);
    wire_free(first);
    wire_free(second);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_refused_are_read_until_they_end_and_not_counted)
{
    struct loopback *lb = site(TWO_EACH);
    struct listener *l = loopback_listener(lb);
    struct wire *a = wire_open_from(lb, "192.0.2.1"), *b = wire_open_from(lb, "192.0.2.1"),
                *c = wire_open_from(lb, "192.0.2.1"), *d = wire_open_from(lb, "192.0.2.1");
    size_t n = c->out.n;

    ck_assert(l->count == 2 && l->refused == 2);
    wire_write(c, MPX_STR(ASK ASK));
    ck_assert_ptr_nonnull(c->c);
    wire_write_end(c);
    ck_assert(c->c == NULL && !c->reset && c->out.n == n);
    ck_assert(l->count == 2 && l->refused == 1);
    loopback_sweep(lb, 1000);
    ck_assert_ptr_nonnull(d->c);
    loopback_sweep(lb, 1001); /* who does not end is not waited for */
    ck_assert(d->c == NULL && !d->reset && l->refused == 0);
    wire_free(a);
    wire_free(b);
    wire_free(c);
    wire_free(d);
    loopback_destroy(lb);
}
END_TEST

START_TEST(only_so_many_of_the_refused_are_waited_for)
{
    enum { MORE = 10 };
    struct loopback *lb = site(TWO_EACH);
    struct wire *w[2 + REFUSE_LINGER_MAX + MORE];
    int gone = 0;

    for (int i = 0; i < 2 + REFUSE_LINGER_MAX + MORE; i++)
        w[i] = wire_open_from(lb, "192.0.2.1");
    ck_assert_uint_eq(loopback_listener(lb)->refused, REFUSE_LINGER_MAX);
    for (int i = 2; i < 2 + REFUSE_LINGER_MAX + MORE; i++) {
        check_refused(w[i]);
        gone += w[i]->c == NULL;
    }
    ck_assert_int_eq(gone, MORE);
    for (int i = 0; i < 2 + REFUSE_LINGER_MAX + MORE; i++)
        wire_free(w[i]);
    ck_assert_uint_eq(loopback_listener(lb)->refused, 0);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_log_hears_of_it_every_ten_seconds)
{
    struct loopback *lb = site(TWO_EACH);
    struct wire *w[2] = { wire_open_from(lb, "192.0.2.1"), wire_open_from(lb, "192.0.2.1") };

    for (int i = 0; i < 4; i++) {
        loopback_forget_log(lb);
        wire_free(wire_open_from(lb, "192.0.2.1"));
        ck_assert((strstr(loopback_log(lb), "per_address") != NULL) == (i % 2 == 0));
        if (i == 1)
            loopback_listener(lb)->warned_ms -= 10000;
    }
    wire_free(w[0]);
    wire_free(w[1]);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_listener(void)
{
    static const TTest **const tests[] = { &an_address_with_too_many_is_told_so,
                                           &one_that_goes_makes_room_for_another,
                                           &unix_clients_are_not_counted,
                                           &those_who_are_trusted_speak_for_many,
                                           &the_refused_are_read_until_they_end_and_not_counted,
                                           &only_so_many_of_the_refused_are_waited_for,
                                           &the_log_hears_of_it_every_ten_seconds,
                                           NULL };

    return unit_suite("listener", tests);
}
