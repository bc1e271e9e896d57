/* SPDX-License-Identifier: MIT
   Bodies that probe writes in every way it knows, cut in many ways: what comes is compared with
   what the whole would have been. */
#include "cut.h"

#include "loopback.h"
#include "unit.h"
#include "wait.h"

#include <stdio.h>
#include <stdlib.h>

enum { SMALL = 36, LINE = 9, LONG = 200 * 1000 * LINE };

static const char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static struct loopback *site(void)
{
    static char folder[64], config[512];

    unit_folder(folder);
    unit_write(folder, "ten.txt", "0123456789");
    (void)snprintf(config, sizeof(config),
                   "{\"vhosts\":{\"documents\":\"%s\",\"modules\":[\"probe\",\"static\"]}}",
                   folder);
    struct loopback *lb = loopback_create(config);
    ck_assert_ptr_nonnull(lb);
    return lb;
}

/* Asks and does not wait. */
static void ask(struct loopback *lb, struct loopback_req *q, const char *path, const char *range)
{
    char head[1024];

    (void)snprintf(head, sizeof(head), "GET %s HTTP/1.1\r\nHost: a\r\nRange: %s\r\n\r\n", path,
                   range);
    loopback_send(lb, q, head, NULL);
}

/* What the line generator of probe has at a place. */
static char long_byte(size_t at)
{
    char line[32];

    (void)snprintf(line, sizeof(line), "%08zu\n", at / LINE);
    return line[at % LINE];
}

START_TEST(every_range_of_every_body_is_right)
{
    static const char *const paths[] = { "/range/page?strong", "/range/bytes?strong",
                                         "/range/blob?strong", "/range/mixed?strong" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        for (int first = 0; first < SMALL; first++)
            for (int last = first; last < SMALL; last++) {
                struct loopback_req q = { .lb = lb };
                char range[64], field[64];

                (void)snprintf(range, sizeof(range), "bytes=%d-%d", first, last);
                (void)snprintf(field, sizeof(field), "Content-Range: bytes %d-%d/%d", first, last,
                               SMALL);
                ask(lb, &q, paths[i], range);
                ck_assert(loopback_wait(&q));
                ck_assert_int_eq(q.status, 206);
                ck_assert_msg(loopback_has_field(&q, field), "%s: %s", range, q.fields);
                ck_assert_uint_eq(q.answer.n, (size_t)(last - first + 1));
                ck_assert_int_eq(memcmp(q.answer.p, alphabet + first, q.answer.n), 0);
                ck_assert_int_eq(q.r->res.length, (int64_t)q.answer.n);
                ck_assert_uint_eq(q.r->res.sent, q.answer.n);
                ck_assert_uint_eq(q.r->res.written, SMALL);
                ck_assert_uint_eq(q.r->res.waiting, 0);
                loopback_end(&q);
            }
    loopback_destroy(lb);
}
END_TEST

/* What several parts have to look like. */
static void expect_parts(struct buffer *b, const struct loopback_req *q, const char *list)
{
    const char *boundary = strstr(q->fields, "boundary=");
    struct mpx_str rest = str_of(list), item;
    bool more = false;

    ck_assert_ptr_nonnull(boundary);
    boundary += 9;
    int n = (int)strcspn(boundary, "\n");
    buffer_init(b, 1 << 20);
    while (str_next_item(&rest, &item)) {
        size_t hyphen = str_find(item, '-');
        uint64_t first = 0, last = 0;

        ck_assert_int_eq(str_to_u64(str_head(item, hyphen), &first), 0);
        ck_assert_int_eq(str_to_u64(str_from(item, hyphen + 1), &last), 0);
        (void)buffer_printf(b, "%s--%.*s\r\nContent-Range: bytes %.*s/%d\r\n\r\n",
                            more ? "\r\n" : "", n, boundary, STR_ARGS(item), SMALL);
        (void)buffer_add(b, (struct mpx_str){ alphabet + first, (size_t)(last - first + 1) });
        more = true;
    }
    (void)buffer_printf(b, "\r\n--%.*s--\r\n", n, boundary);
}

START_TEST(several_ranges_of_every_body_are_right)
{
    static const char *const paths[] = { "/range/page?strong", "/range/bytes?strong",
                                         "/range/blob?strong", "/range/mixed?strong",
                                         "/range/stream?strong" };
    static const char *const lists[] = { "0-0,2-2",      "0-9,11-35",        "1-3,5-7,9-30",
                                         "0-0,35-35",    "8-12,14-14,16-17", "3-3,7-7,11-11",
                                         "0-3,5-8,10-19" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        for (size_t k = 0; k < sizeof(lists) / sizeof(lists[0]); k++) {
            struct loopback_req q = { .lb = lb };
            struct buffer wanted;
            char range[64];

            (void)snprintf(range, sizeof(range), "bytes=%s", lists[k]);
            ask(lb, &q, paths[i], range);
            ck_assert(loopback_wait(&q));
            ck_assert_int_eq(q.status, 206);
            expect_parts(&wanted, &q, lists[k]);
            ck_assert_msg(str_eq(buffer_str(&q.answer), buffer_str(&wanted)), "%s %s: %.*s",
                          paths[i], range, STR_ARGS(buffer_str(&q.answer)));
            ck_assert_int_eq(q.r->res.length, (int64_t)q.answer.n);
            ck_assert_uint_eq(q.r->res.sent, q.answer.n);
            buffer_finish(&wanted);
            loopback_end(&q);
        }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_boundary_is_never_the_same)
{
    struct loopback *lb = site();
    char seen[8][64];

    for (size_t i = 0; i < 8; i++) {
        struct loopback_req q = { .lb = lb };

        ask(lb, &q, "/range/page?strong", "bytes=0-0,2-2");
        (void)snprintf(seen[i], sizeof(seen[i]), "%.*s",
                       (int)strcspn(strstr(q.fields, "boundary=") + 9, "\n"),
                       strstr(q.fields, "boundary=") + 9);
        ck_assert_uint_eq(strlen(seen[i]), 32);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(seen[i], seen[k]);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

/* A client that takes a little at a time. What is skipped is written without waiting for it, what
   it is to get waits no more than any other body does. */
START_TEST(a_long_body_waits_for_what_is_wanted_of_it)
{
    static const struct {
        const char *range;
        size_t first, n;
    } tests[] = { { "bytes=0-199999", 0, 200000 },
                  { "bytes=1000000-1200000", 1000000, 200001 },
                  { "bytes=-300001", LONG - 300001, 300001 },
                  { "bytes=1799999-", LONG - 1, 1 } };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
        struct loopback_req q = { .lb = lb, .holds_answer = true };
        struct res *res;
        size_t most = 0;

        ask(lb, &q, "/range/long?strong", tests[i].range);
        res = &q.r->res;
        for (int turns = 0; turns < 20000 && !q.r->finished; turns++) {
            loopback_turn(lb);
            most = res->waiting > most ? res->waiting : most;
            if (res->waiting >= RES_DRAINED && q.r->suspended) {
                q.holds_answer = false;
                loopback_take_answer(&q);
                q.holds_answer = true;
            }
        }
        loopback_take_answer(&q);
        ck_assert(q.done && !q.broken);
        ck_assert_uint_le(most, RES_MARK + 100 * LINE);
        ck_assert_uint_eq(q.answer.n, tests[i].n);
        for (size_t k = 0; k < q.answer.n; k++)
            ck_assert_int_eq(q.answer.p[k], long_byte(tests[i].first + k));
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

/* Its module is resumed again and again, though nothing of what it writes ever waits. */
START_TEST(what_is_skipped_is_written_all_the_same)
{
    struct loopback *lb = site();
    struct loopback_req q = { .lb = lb, .holds_answer = true };

    ask(lb, &q, "/range/long?strong", "bytes=1799990-");
    for (int i = 0; i < 1000 && !q.r->finished; i++)
        loopback_turn(lb);
    ck_assert(q.r->finished);
    ck_assert_uint_eq(q.r->res.written, LONG);
    ck_assert_uint_eq(q.r->res.waiting, 10);
    loopback_take_answer(&q);
    ck_assert_str_eq(q.answer.p, "\n00199999\n");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

/* As if the client had left: nothing of what the module would write could go out. */
START_TEST(with_the_last_part_the_request_is_over)
{
    static const char *const paths[] = { "/range/stuck?strong", "/range/busy?strong" };
    static const char *const ranges[] = { "bytes=0-3", "bytes=0-0,35-35" };
    struct loopback *lb = site();

    for (size_t i = 0; i < 4; i++) {
        struct loopback_req q = { .lb = lb };

        ask(lb, &q, paths[i / 2], ranges[i % 2]);
        ck_assert(q.done && !q.broken && !q.r->suspended);
        ck_assert_int_eq(q.r->wait.kind, WAIT_NONE);
        ck_assert_int_eq(q.status, 206);
        loopback_end(&q);
    }
    loopback_destroy(lb);
}
END_TEST

START_TEST(a_part_that_never_comes_breaks_the_response)
{
    struct loopback *lb = site();
    struct loopback_req q = { .lb = lb };

    ask(lb, &q, "/range/short?strong", "bytes=30-36");
    ck_assert(loopback_wait(&q));
    ck_assert(q.broken);
    ck_assert_str_eq(q.answer.p, "uvwxyz");
    ck_assert_ptr_nonnull(strstr(loopback_log(lb), "promised a Content-Length of 37 but wrote 36"));
    loopback_end(&q);
    /* one that came before the fault is whole */
    q = (struct loopback_req){ .lb = lb };
    ask(lb, &q, "/range/short?strong", "bytes=30-35");
    ck_assert(loopback_wait(&q));
    ck_assert(!q.broken);
    ck_assert_str_eq(q.answer.p, "uvwxyz");
    loopback_end(&q);
    loopback_destroy(lb);
}
END_TEST

/* All that was sent, but for what differs from answer to answer. */
static struct buffer sent(const struct wire *w)
{
    struct mpx_str rest = buffer_str(&w->out);
    const char *boundary = memmem(rest.p, rest.n, "boundary=", 9);
    struct buffer b;

    ck_assert_ptr_nonnull(boundary);
    buffer_init(&b, 1 << 20);
    while (rest.n > 0) {
        struct mpx_str tail = str_head(rest, 32);

        if (str_eq(tail, (struct mpx_str){ boundary + 9, 32 })) {
            (void)buffer_add_char(&b, 'B');
            rest = str_from(rest, 32);
        } else {
            (void)buffer_add_char(&b, rest.p[0]);
            rest = str_from(rest, 1);
        }
    }
    return b;
}

START_TEST(parts_leave_in_pieces_of_any_size)
{
    static const char asked[] = "GET /range/file?strong,type HTTP/1.1\r\nHost: a\r\n"
                                "Range: bytes=0-1,3-4,6-6,10-11\r\n\r\n";
    struct loopback *lb = site();
    struct buffer whole = { .n = 0 };

    for (size_t step = 0; step < 80; step++) {
        struct wire *w = wire_open(lb);

        w->room = step > 0 ? 0 : SIZE_MAX; /* the first one is sent whole */
        wire_write(w, str_of(asked));
        for (int i = 0; i < 3000 && (w->c->session != NULL || w->out.n == 0); i++) {
            loopback_turn(lb);
            if (step > 0)
                wire_allow(w, step);
        }
        struct buffer out = sent(w);
        if (step == 0)
            whole = out;
        /* the Date may have changed meanwhile */
        struct mpx_str a = buffer_str(&whole), b = buffer_str(&out);
        const char *body_a = memmem(a.p, a.n, "\r\n\r\n", 4);
        const char *body_b = memmem(b.p, b.n, "\r\n\r\n", 4);
        ck_assert(body_a != NULL && body_b != NULL);
        ck_assert_msg(
            str_eq(str_from(a, (size_t)(body_a - a.p)), str_from(b, (size_t)(body_b - b.p))),
            "%zu at a time: %.*s", step, STR_ARGS(b));
        if (step > 0)
            buffer_finish(&out);
        wire_free(w);
    }
    ck_assert_ptr_nonnull(memmem(whole.p, whole.n, "bytes 3-4/12\r\n\r\n23\r\n--B\r\n", 25));
    buffer_finish(&whole);
    loopback_destroy(lb);
}
END_TEST

/* Pages that were written before the cut are shared by the parts that lie in them. */
START_TEST(a_client_may_leave_in_the_middle_of_a_part)
{
    static const char *const paths[] = { "/range/page?strong", "/range/blob?strong",
                                         "/range/file?strong", "/range/long?strong" };
    struct loopback *lb = site();

    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
        for (size_t sent = 0; sent < 250; sent += 7) {
            struct loopback_req q = { .lb = lb, .holds_answer = true };

            ask(lb, &q, paths[i], "bytes=0-1,3-4,6-6,8-11");
            loopback_turn(lb);
            (void)res_took(q.r, sent);
            loopback_end(&q);
        }
    loopback_destroy(lb);
}
END_TEST

Suite *suite_cut(void)
{
    static const TTest **const tests[] = {
        &every_range_of_every_body_is_right,
        &several_ranges_of_every_body_are_right,
        &a_boundary_is_never_the_same,
        &a_long_body_waits_for_what_is_wanted_of_it,
        &what_is_skipped_is_written_all_the_same,
        &with_the_last_part_the_request_is_over,
        &a_part_that_never_comes_breaks_the_response,
        &parts_leave_in_pieces_of_any_size,
        &a_client_may_leave_in_the_middle_of_a_part,
        NULL,
    };

    return unit_suite("cut", tests);
}
