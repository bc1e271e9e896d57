/* SPDX-License-Identifier: MIT
   Files through filters: read in pieces, by a thread where the disk alone has them, and what
   happens when they cannot be had. */
#include "filter.h"

#include "http1.h"
#include "loopback.h"
#include "shelf.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { SIZE = 300000 };

static char folder[64];

static struct loopback *site(const char *daemon)
{
    static char config[512], text[SIZE + 1];

    for (size_t i = 0; i < SIZE; i++)
        text[i] = (char)('a' + i % 23);
    unit_folder(folder);
    unit_write(folder, "big.txt", text);
    (void)snprintf(config, sizeof(config),
                   "{\"daemon\":{%s},\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"probe\","
                   "\"static\"]}}",
                   daemon, folder);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

static void begin(struct loopback *lb, struct loopback_req *q, const char *more)
{
    char head[512];

    (void)snprintf(head, sizeof(head), "GET /big.txt HTTP/1.1\r\nHost: a\r\n%s\r\n\r\n", more);
    loopback_forget_log(lb);
    loopback_send(lb, q, head, NULL);
}

/* n bytes of the file, in upper case, from a place on. */
static void is_upper(const struct loopback_req *q, size_t first, size_t n)
{
    ck_assert(!q->broken);
    ck_assert_uint_eq(q->answer.n, n);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(q->answer.p[i], (char)('A' + (first + i) % 23));
}

static void get_upper(struct loopback *lb)
{
    struct loopback_req q = { .lb = lb };

    begin(lb, &q, "X-Filter: upper");
    ck_assert(loopback_wait(&q));
    is_upper(&q, 0, SIZE);
    loopback_end(&q);
    q = (struct loopback_req){ .lb = lb };
    begin(lb, &q, "X-Filter: upper\r\nRange: bytes=123456-234567");
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 206);
    is_upper(&q, 123456, 234567 - 123456 + 1);
    loopback_end(&q);
}

START_TEST(a_file_is_read_for_a_filter)
{
    struct loopback *lb = site("");

    get_upper(lb);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_file_that_is_not_in_memory_is_read_by_a_thread)
{
    static const enum shelf_disk disks[] = { SHELF_COLD, SHELF_DUMB };
    struct loopback *lb = site("");

    for (size_t i = 0; i < 2; i++) {
        shelf_disk(disks[i]);
        get_upper(lb);
    }
    shelf_disk(SHELF_REAL);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_file_is_not_read_for_one_that_watches)
{
    struct loopback *lb = site("");
    struct loopback_req q = { .lb = lb, .holds_answer = true };

    begin(lb, &q, "X-Filter: watch,watch");
    while (!q.r->finished)
        loopback_turn(lb);
    ck_assert_int_eq(q.r->res.queue.first->kind, PIECE_FILE);
    ck_assert_uint_eq(q.r->res.waiting, 0);
    loopback_take_answer(&q);
    ck_assert_uint_eq(q.answer.n, SIZE);
    ck_assert_ptr_nonnull(
        strstr(loopback_log(lb), "seen 0 unseen 300000 flushes 0 lasts 1 ends 1"));
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_file_is_read_while_the_client_takes_it)
{
    struct loopback *lb = site("");
    struct loopback_req q = { .lb = lb, .holds_answer = true };

    begin(lb, &q, "X-Filter: upper");
    loopback_run(lb, 20);
    ck_assert(q.r->finished && q.r->res.filtering);
    ck_assert_uint_gt(q.r->res.waiting, RES_MARK);
    ck_assert_uint_le(q.r->res.waiting, RES_MARK + WORKER_READ);
    loopback_take_answer(&q);
    is_upper(&q, 0, SIZE);
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_file_that_becomes_shorter_breaks_the_response_off)
{
    static const enum shelf_disk disks[] = { SHELF_REAL, SHELF_COLD };

    for (size_t i = 0; i < 2; i++) {
        struct loopback *lb = site("");
        struct loopback_req q = { .lb = lb, .holds_answer = true };
        char path[128];

        shelf_disk(disks[i]);
        begin(lb, &q, "X-Filter: twice");
        for (int k = 0; k < 200 && !(q.r->finished && q.r->res.waiting > RES_MARK); k++)
            loopback_run(lb, 1);
        (void)snprintf(path, sizeof(path), "%s/big.txt", folder);
        ck_assert_int_eq(truncate(path, 200000), 0);
        loopback_take_answer(&q);
        ck_assert(loopback_wait(&q));
        ck_assert(q.broken);
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), "it became shorter meanwhile"));
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), " ends 1\n"));
        loopback_end(&q);
        shelf_disk(SHELF_REAL);
        loopback_destroy(lb);
    }
}
END_TEST

START_TEST(a_file_that_cannot_be_read_breaks_the_response_off)
{
    struct loopback *lb = site("");
    struct loopback_req q = { .lb = lb };

    shelf_disk(SHELF_BAD);
    begin(lb, &q, "X-Filter: upper");
    ck_assert(loopback_wait(&q));
    ck_assert(q.broken || q.status == 500);
    loopback_end(&q);
    shelf_disk(SHELF_REAL);
    loopback_destroy(lb);
}
END_TEST

static void wait_a_bit(void *arg)
{
    (void)arg;
    usleep(50000);
}

static void ignore(void *arg)
{
    (void)arg;
}

/* Whether its thread has begun or not. */
START_TEST(a_client_may_leave_while_a_thread_reads)
{
    for (int busy = 0; busy < 2; busy++) {
        struct loopback *lb = site("\"pool\":{\"threads\":1}");
        struct wire *w = wire_open(lb);
        struct pool_job job = { .work = wait_a_bit, .done = ignore };

        wire_write(w, MPX_STR("GET /big.txt HTTP/1.1\r\nHost: a\r\n\r\n")); /* opened, for once */
        loopback_run(lb, 20);
        shelf_disk(SHELF_COLD);
        if (busy == 1)
            ck_assert_int_eq(pool_submit(loopback_worker(lb)->pool, &job), 0);
        loopback_forget_log(lb);
        wire_write(w, MPX_STR("GET /big.txt HTTP/1.1\r\nHost: a\r\nX-Filter: upper\r\n\r\n"));
        const struct http1 *h = w->c->session;
        ck_assert_ptr_nonnull(h);
        ck_assert_ptr_nonnull(h->first->filters->load);
        wire_break(w);
        loopback_turn(lb);
        ck_assert_ptr_null(w->c);
        ck_assert_ptr_nonnull(strstr(loopback_log(lb), " ends 1\n"));
        wire_free(w);
        shelf_disk(SHELF_REAL);
        loopback_destroy(lb); /* waits for all requests */
    }
}
END_TEST

/* Nothing is to be sent meanwhile, and it is our own fault. */
START_TEST(no_time_runs_out_while_a_thread_reads)
{
    struct loopback *lb = site("\"pool\":{\"threads\":1}");
    struct wire *w = wire_open(lb);
    struct pool_job job = { .work = wait_a_bit, .done = ignore };

    wire_write(w, MPX_STR("GET /big.txt HTTP/1.1\r\nHost: a\r\n\r\n"));
    loopback_run(lb, 20);
    shelf_disk(SHELF_COLD);
    ck_assert_int_eq(pool_submit(loopback_worker(lb)->pool, &job), 0);
    w->out.n = 0;
    wire_write(w, MPX_STR("GET /big.txt HTTP/1.1\r\nHost: a\r\nX-Filter: upper\r\n\r\n"));
    ck_assert_int_eq(w->c->timer, CONN_NO_TIMER);
    loopback_sweep(lb, 3600000);
    ck_assert_ptr_nonnull(w->c);
    for (int i = 0; i < 2000 && w->out.n < SIZE; i++)
        loopback_run(lb, 1);
    ck_assert_uint_gt(w->out.n, SIZE);
    shelf_disk(SHELF_REAL);
    wire_free(w);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_filter_file(void)
{
    static const TTest **const tests[] = {
        &a_file_is_read_for_a_filter,
        &a_file_that_is_not_in_memory_is_read_by_a_thread,
        &a_file_is_not_read_for_one_that_watches,
        &a_file_is_read_while_the_client_takes_it,
        &a_file_that_becomes_shorter_breaks_the_response_off,
        &a_file_that_cannot_be_read_breaks_the_response_off,
        &a_client_may_leave_while_a_thread_reads,
        &no_time_runs_out_while_a_thread_reads,
        NULL,
    };

    return unit_suite("filter_file", tests);
}
