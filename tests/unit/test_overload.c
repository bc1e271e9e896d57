/* SPDX-License-Identifier: MIT
   Descriptors that run out: who goes first, and what is kept for bad times. */
#include "overload.h"

#include "aid.h"
#include "loopback.h"
#include "unit.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define ASK "GET /expand?x HTTP/1.1\r\nHost: a\r\n\r\n"

static struct loopback *site(const char *listener)
{
    static char config[256];

    (void)snprintf(config, sizeof(config),
                   "{\"connection\":{%s},\"vhosts\":{\"modules\":[\"probe\"]}}", listener);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

/* A connection on which a request was answered, seconds ago. */
static struct wire *idle_since(struct loopback *lb, struct listener *l, int64_t seconds)
{
    struct wire *w = wire_open(lb);

    wire_write(w, MPX_STR(ASK));
    ck_assert(w->c != NULL && w->c->session == NULL && w->c->timer == CONN_KEEPALIVE);
    w->c->deadline_ms -= seconds * 1000;
    list_remove(&w->c->timed);
    list_push(&l->timed[CONN_KEEPALIVE], &w->c->timed);
    return w;
}

START_TEST(the_connection_that_is_idle_longest_goes_first)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);
    struct listener *l = loopback_listener(lb),
                    *other = listener_create(worker, l->settings, l->protocol, -1);
    struct wire *fresh = wire_open(lb), *busy = wire_open(lb), *w[3];

    wire_write(busy, MPX_STR("GET /sleep-long HTTP/1.1\r\nHost: a\r\n\r\n"));
    w[1] = idle_since(lb, l, 20);
    w[0] = idle_since(lb, other, 30);
    w[2] = idle_since(lb, l, 10);
    for (int i = 0; i < 3; i++) {
        for (int k = 0; k < 3; k++)
            ck_assert((w[k]->c == NULL) == (k < i));
        ck_assert(overload_make_room(worker));
        ck_assert(!w[i]->reset);
    }
    ck_assert(!overload_make_room(worker));
    ck_assert(fresh->c != NULL && busy->c != NULL);
    ck_assert_uint_eq(worker->overload.closed, 3);
    for (int i = 0; i < 3; i++)
        wire_free(w[i]);
    wire_free(fresh);
    wire_free(busy);
    listener_destroy(other);
    loopback_destroy(lb);
}
END_TEST

START_TEST(one_whose_next_request_is_there_already_stays)
{
    struct loopback *lb = site("");
    struct listener *l = loopback_listener(lb);
    struct wire *asks = idle_since(lb, l, 30), *quiet = idle_since(lb, l, 20);

    (void)buffer_add(&asks->in, MPX_STR("G")); /* the loop has not told yet */
    ck_assert(overload_make_room(loopback_worker(lb)));
    ck_assert(asks->c != NULL && quiet->c == NULL);
    ck_assert(!overload_make_room(loopback_worker(lb)));
    asks->end_sent = true;
    asks->in_at = asks->in.n; /* a client that has left is no loss */
    ck_assert(overload_make_room(loopback_worker(lb)));
    ck_assert_ptr_null(asks->c);
    wire_free(asks);
    wire_free(quiet);
    loopback_destroy(lb);
}
END_TEST

START_TEST(some_descriptors_are_kept_for_files)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);
    struct wire *w[12];

    worker->descriptors = 100; /* 12 are kept */
    ck_assert(overload_has_room(worker, 10) && overload_has_room(worker, 87));
    ck_assert(!overload_has_room(worker, 88) && !overload_has_room(worker, 99));
    for (int i = 0; i < 12; i++)
        w[i] = idle_since(lb, loopback_listener(lb), 30 - i);
    ck_assert(overload_has_room(worker, 87));
    ck_assert_uint_eq(worker->conn_count, 12);
    ck_assert(overload_has_room(worker, 88)); /* one is too many, one goes */
    ck_assert_uint_eq(worker->conn_count, 11);
    ck_assert(overload_has_room(worker, 90));
    ck_assert_uint_eq(worker->conn_count, 8);
    ck_assert(w[3]->c == NULL && w[4]->c != NULL);
    for (int i = 4; i < 12; i++)
        wire_free(w[i]);
    for (int i = 0; i < 12; i++) { /* many at once, but not all */
        if (i < 4)
            wire_free(w[i]);
        w[i] = idle_since(lb, loopback_listener(lb), 30 - i);
    }
    ck_assert(overload_has_room(worker, 99));
    ck_assert_uint_eq(worker->conn_count, 4);
    for (int i = 0; i < 12; i++)
        wire_free(w[i]);
    loopback_destroy(lb);
}
END_TEST

START_TEST(connections_count_even_where_low_numbers_are_free)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);

    worker->descriptors = 100;
    worker->conn_count += 71; /* and one more, and 16 of our own */
    ck_assert(overload_has_room(worker, 20));
    worker->conn_count += 1;
    ck_assert(!overload_has_room(worker, 20));
    worker->conn_count -= 72;
    worker->descriptors = 100000; /* at most 64 are kept */
    ck_assert(overload_has_room(worker, 99935));
    ck_assert(!overload_has_room(worker, 99936));
    loopback_destroy(lb);
}
END_TEST

/* A socket that listens on the loopback interface. */
static int listening(struct sockaddr_in *in)
{
    socklen_t len = sizeof(*in);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    *in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
    ck_assert_int_eq(bind(fd, (struct sockaddr *)in, sizeof(*in)), 0);
    ck_assert_int_eq(listen(fd, 8), 0);
    ck_assert_int_eq(getsockname(fd, (struct sockaddr *)in, &len), 0);
    return fd;
}

static int connect_to(const struct sockaddr_in *in)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(connect(fd, (const struct sockaddr *)in, sizeof(*in)), 0);
    return fd;
}

/* All that comes until the end. */
static const char *read_all(int fd)
{
    static char text[1024];
    size_t n = 0;
    ssize_t got;

    while ((got = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
        n += (size_t)got;
    ck_assert_int_eq(got, 0);
    text[n] = '\0';
    return text;
}

START_TEST(the_reserve_answers_one_who_waits)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);
    struct listener *l = loopback_listener(lb);
    struct sockaddr_in in;

    l->fd = listening(&in);
    ck_assert(!overload_is_awaited(l));
    int first = connect_to(&in), second = connect_to(&in);
    ck_assert(write(first, ASK, sizeof(ASK) - 1) > 0);
    ck_assert(overload_is_awaited(l));
    size_t descriptors = aid_descriptors();
    overload_refuse_one(l);
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    ck_assert_int_ge(worker->reserve, 0);
    const char *answer = read_all(first);
    ck_assert_ptr_nonnull(strstr(answer, "HTTP/1.1 503 Service Unavailable\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\nRetry-After: 1\r\n"));
    ck_assert_ptr_nonnull(strstr(answer, "\r\nConnection: close\r\n"));
    ck_assert(overload_is_awaited(l)); /* the second one waits */
    ck_assert_uint_eq(worker->overload.refused, 1);
    close(first);
    close(second);
    loopback_destroy(lb);
}
END_TEST

START_TEST(without_a_reserve_all_wait)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);
    struct listener *l = loopback_listener(lb);
    struct sockaddr_in in;

    l->fd = listening(&in);
    int fd = connect_to(&in);
    close(worker->reserve);
    worker->reserve = -1;
    overload_refuse_one(l);
    ck_assert(overload_is_awaited(l));
    overload_take_reserve(worker);
    ck_assert_int_ge(worker->reserve, 0);
    int same = worker->reserve;
    overload_take_reserve(worker);
    ck_assert_int_eq(worker->reserve, same);
    close(fd);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_peer_that_is_not_trusted_is_not_even_refused)
{
    struct loopback *lb = site("\"proxy_protocol\":true,\"trust\":\"10.0.0.1\"");
    struct listener *l = loopback_listener(lb);
    struct sockaddr_in in;

    l->fd = listening(&in);
    int fd = connect_to(&in);
    overload_refuse_one(l);
    ck_assert_str_eq(read_all(fd), "");
    ck_assert_uint_eq(loopback_worker(lb)->overload.refused, 0);
    close(fd);
    loopback_destroy(lb);
}
END_TEST

START_TEST(the_log_hears_of_it_every_ten_seconds_with_what_was_done)
{
    struct loopback *lb = site("");
    struct worker *worker = loopback_worker(lb);

    worker_update_clock(worker);
    worker->overload.closed = 1;
    overload_warn(worker, EMFILE);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb),
                                 "cannot accept a connection: Too many open files (0 are open); 1 "
                                 "idle ones were closed, 0 clients were answered 503: raise"));
    loopback_forget_log(lb);
    worker->overload.closed = 5;
    worker->overload.refused = 7;
    worker->now_ms += 9999;
    overload_warn(worker, EMFILE);
    ck_assert_str_eq(loopback_complaints(lb), "");
    worker->now_ms += 1;
    overload_warn(worker, ENFILE);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb),
                                 "Too many open files in system (0 are open); 5 idle ones were "
                                 "closed, 7 clients were answered 503"));
    ck_assert_uint_eq(worker->overload.closed + worker->overload.refused, 0);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_overload(void)
{
    static const TTest **const tests[] = {
        &the_connection_that_is_idle_longest_goes_first,
        &one_whose_next_request_is_there_already_stays,
        &some_descriptors_are_kept_for_files,
        &connections_count_even_where_low_numbers_are_free,
        &the_reserve_answers_one_who_waits,
        &without_a_reserve_all_wait,
        &a_peer_that_is_not_trusted_is_not_even_refused,
        &the_log_hears_of_it_every_ten_seconds_with_what_was_done,
        NULL
    };

    return unit_suite("overload", tests);
}
