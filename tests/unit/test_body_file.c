/* SPDX-License-Identifier: MIT
   Whole bodies that are too long for memory: real files, threads that write them, and disks that
   take nothing. */
#include "aid.h"
#include "bodies.h"
#include "unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

START_TEST(past_the_limit_of_memory_a_body_lies_in_a_file)
{
    static const size_t sizes[] = { 4095, 4096, 4097, 8192, 70000, 200000, BODIES_BYTES };
    static const size_t steps[] = { 0, 1000, 4096, 4097 };
    struct loopback *lb = bodies_site("", "\"body_memory\":4096");
    size_t before = aid_descriptors();

    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (size_t k = 0; k < sizeof(steps) / sizeof(steps[0]); k++)
            for (int chunked = 0; chunked < 2; chunked++) {
                const char *body = bodies_text(sizes[i]);

                bodies_expect(lb, "/body-where", body, steps[k], chunked,
                              bodies_report(sizes[i] > 4096 ? "file: " : "memory: ", body));
                bodies_expect(lb, "/parts-after-whole", body, steps[k], chunked,
                              bodies_report("", body));
            }
    loopback_run(lb, 20); /* threads close */
    ck_assert_uint_le(aid_descriptors(), before);
    ck_assert_str_eq(loopback_complaints(lb), "");
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_write_that_has_not_begun_is_dropped_with_its_client)
{
    struct loopback *lb = bodies_site(",\"pool\":{\"threads\":1}", "\"body_memory\":4096");
    struct loopback_req busy = { .step = 0 }, q = { .step = 0 };

    loopback_run(lb, 30);
    loopback_send(lb, &busy, "GET /offload HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    aid_pause_ms(5); /* it has begun */
    bodies_post(lb, &q, "/body-where", bodies_text(10000), true);
    ck_assert_uint_eq(q.r->holds, 1);
    loopback_end(&q);
    ck_assert_uint_eq(loopback_worker(lb)->generation->uses, 1);
    ck_assert(loopback_wait(&busy));
    loopback_end(&busy);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_folder_that_cannot_be_written_is_500_and_named)
{
    char folder[64], daemon[128], said[200];

    unit_folder(folder);
    (void)snprintf(daemon, sizeof(daemon), ",\"temp_dir\":\"%s\"", folder);
    struct loopback *lb = bodies_site(daemon, "\"body_memory\":4096");
    ck_assert_int_eq(rmdir(folder), 0);
    bodies_expect_status(lb, "/body-where", bodies_text(4096), true, 200);
    bodies_expect_status(lb, "/body-where", bodies_text(4200), true, 500);
    (void)snprintf(said, sizeof(said),
                   "a body cannot be kept in %s, daemon.temp_dir: No such file or directory",
                   folder);
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), said));
    bodies_expect_status(lb, "/parts", bodies_text(5000), true, 200);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_full_disk_is_500_and_said_once)
{
    const struct rlimit few = { 100000, 100000 };
    struct loopback *lb = bodies_usual();
    size_t before = aid_descriptors();

    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    for (int chunked = 0; chunked < 2; chunked++) {
        struct loopback_req q = { .step = 0 };

        loopback_forget_log(lb);
        bodies_post(lb, &q, "/body-where", bodies_text(200000), chunked);
        ck_assert(loopback_wait(&q));
        ck_assert_int_eq(q.status, 500);
        ck_assert_uint_lt(q.body_at, 200000);
        loopback_end(&q);
        const char *said = strstr(loopback_log(lb), "daemon.temp_dir: File too large");
        ck_assert_ptr_nonnull(said);
        ck_assert_ptr_null(strstr(said + 1, "daemon.temp_dir"));
    }
    bodies_expect(lb, "/body-where", bodies_text(90000), 0, true,
                  bodies_report("file: ", bodies_text(90000)));
    loopback_run(lb, 20);
    ck_assert_uint_le(aid_descriptors(), before);
    loopback_destroy(lb);
}
END_TEST

/* The virtual host's own page for it is made while nothing is read. */
START_TEST(a_full_disk_may_have_a_page_that_waits)
{
    const struct rlimit few = { 100000, 100000 };
    struct loopback *lb = loopback_create(
        "{\"connection\":{\"limits\":{\"body_memory\":\"16k\"}},\"vhosts\":{"
        "\"name\":\"a\",\"modules\":\"probe\",\"error_pages\":{\"500\":\"/sleep\"}}}");
    struct loopback_req q = { .step = 0 };

    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    bodies_post(lb, &q, "/body-where", bodies_text(200000), true);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 500);
    ck_assert(!q.r->keep_alive);
    ck_assert_view_eq(buffer_str(&q.answer), "done");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_full_queue_is_503)
{
    struct loopback *lb =
        bodies_site(",\"pool\":{\"threads\":1,\"queue\":1}", "\"body_memory\":4096");
    struct loopback_req busy[2] = { { .step = 0 } }, q = { .step = 0 };

    loopback_run(lb, 30); /* the background work of open() */
    loopback_send(lb, &busy[0], "GET /offload HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    aid_pause_ms(5); /* it has begun */
    loopback_send(lb, &busy[1], "GET /offload HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    bodies_post(lb, &q, "/body-where", bodies_text(10000), true);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 503);
    loopback_end(&q);
    for (int i = 0; i < 2; i++) {
        ck_assert(loopback_wait(&busy[i]));
        loopback_end(&busy[i]);
    }
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "the queue of the thread pool is full"));
    loopback_destroy(lb);
}
END_TEST

/* A thread writes: nothing more is taken until it has. */
START_TEST(nothing_is_taken_while_a_thread_writes)
{
    struct loopback *lb = bodies_site(",\"pool\":{\"threads\":1}", "\"body_memory\":4096");
    struct loopback_req busy = { .step = 0 }, q = { .step = 1000, .holds_body = true };
    const char *body = bodies_text(20000);

    loopback_run(lb, 30);
    bodies_post(lb, &q, "/body-where", body, true);
    loopback_send(lb, &busy, "GET /offload HTTP/1.1\r\nHost: a\r\n\r\n", NULL);
    while (loopback_give_part(&q))
        ;
    ck_assert_uint_eq(q.body_at, 5000);
    ck_assert(!body_is_wanted(q.r));
    q.holds_body = false;
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), bodies_report("file: ", body));
    loopback_end(&q);
    ck_assert(loopback_wait(&busy));
    loopback_end(&busy);
    loopback_destroy(lb);
}
END_TEST

Suite *suite_body_file(void)
{
    static const TTest **const tests[] = {
        &past_the_limit_of_memory_a_body_lies_in_a_file,
        &a_write_that_has_not_begun_is_dropped_with_its_client,
        &a_folder_that_cannot_be_written_is_500_and_named,
        &a_full_disk_is_500_and_said_once,
        &a_full_disk_may_have_a_page_that_waits,
        &a_full_queue_is_503,
        &nothing_is_taken_while_a_thread_writes,
        NULL,
    };

    return unit_suite("body_file", tests);
}
