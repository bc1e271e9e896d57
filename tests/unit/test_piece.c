/* SPDX-License-Identifier: MIT
   The queue of a request that waits; what its pieces hold is looked at in their owners. */
#include "piece.h"

#include "loopback.h"
#include "unit.h"

static struct loopback *lb;
static struct loopback_req q;

static void set_up(void)
{
    lb = loopback_create("{\"vhosts\":{\"modules\":[\"probe\"]}}");
    ck_assert_ptr_nonnull(lb);
    q = (struct loopback_req){ .lb = lb };
    loopback_send(lb, &q, "GET /sleep-long HTTP/1.1\r\nHost: localhost\r\n\r\n", NULL);
    ck_assert(q.r->suspended);
}

static void tear_down(void)
{
    loopback_end(&q);
    loopback_destroy(lb);
}

/* All that is in the queue, as text. */
static const char *queue(void)
{
    static char text[256];
    size_t n = 0;

    for (const struct piece *p = q.r->res.queue.first; p != NULL; p = p->next) {
        memcpy(text + n, p->p, p->n);
        n += p->n;
        ck_assert(p->next != NULL || p == q.r->res.queue.last);
    }
    text[n] = '\0';
    return text;
}

static struct piece text_piece(const char *text)
{
    return (struct piece){ .kind = PIECE_BYTES, .p = text, .n = strlen(text) };
}

START_TEST(bytes_are_borrowed_or_copied)
{
    char text[] = "0123456789";
    struct piece from = text_piece(text);

    set_up();
    piece_append(q.r, &q.r->res.queue, &from, 2, 3);
    piece_copy(q.r, &q.r->res.queue, &from, 5, 2);
    piece_copy(q.r, &q.r->res.queue, &from, 9, 1);
    memset(text, 'x', 10);
    ck_assert_str_eq(queue(), "xxx569");
    ck_assert_uint_eq(q.r->res.waiting, 6);
    ck_assert_ptr_eq(q.r->res.queue.first->next,
                     q.r->res.queue.last); /* one page for both copies */
    tear_down();
}
END_TEST

START_TEST(a_copy_fills_pages)
{
    static char text[2 * PAGE_BYTES];
    struct piece from = { .kind = PIECE_BYTES, .p = text, .n = sizeof(text) };
    size_t n = 0, count = 0;

    set_up();
    piece_copy(q.r, &q.r->res.queue, &from, 0, 10);
    piece_copy(q.r, &q.r->res.queue, &from, 0, sizeof(text));
    for (const struct piece *p = q.r->res.queue.first; p != NULL; p = p->next, count++)
        n += p->n;
    ck_assert_uint_eq(n, 10 + sizeof(text));
    ck_assert_uint_eq(count, 3);
    ck_assert_uint_eq(q.r->res.waiting, n);
    tear_down();
}
END_TEST

/* The first of them gives the page back only when the others do. */
START_TEST(a_page_is_held_by_all_that_show_it)
{
    struct piece from = text_piece("0123456789");

    set_up();
    piece_copy(q.r, &q.r->res.queue, &from, 0, 10);
    struct piece *p = piece_detach_behind(q.r, &q.r->res.queue, NULL);
    struct page *page = p->owner.page;
    ck_assert_str_eq(queue(), "");
    piece_append(q.r, &q.r->res.queue, p, 1, 2);
    piece_append(q.r, &q.r->res.queue, p, 5, 3);
    piece_release(q.r, p);
    ck_assert_uint_eq(page->uses, 2);
    ck_assert_str_eq(queue(), "12567");
    /* what comes next is written behind the last byte that is shown, and hides nothing of it */
    from = text_piece("abcdef");
    piece_copy(q.r, &q.r->res.queue, &from, 0, 6);
    ck_assert_str_eq(queue(), "12567abcdef");
    ck_assert_ptr_eq(q.r->res.queue.first->next, q.r->res.queue.last);
    ck_assert_uint_eq(res_took(q.r, 2), 0);
    ck_assert_uint_eq(page->uses, 1);
    ck_assert_str_eq(queue(), "567abcdef");
    tear_down();
}
END_TEST

START_TEST(a_blob_is_held_by_all_that_show_it)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR("0123456789"));
    const struct piece from = {
        .kind = PIECE_BLOB, .p = b->bytes.p, .n = b->bytes.n, .owner.blob = b
    };

    set_up();
    piece_append(q.r, &q.r->res.queue, &from, 0, 1);
    piece_append(q.r, &q.r->res.queue, &from, 9, 1);
    ck_assert_uint_eq(b->uses, 3);
    ck_assert_str_eq(queue(), "09");
    ck_assert_uint_eq(res_took(q.r, 1), 0);
    ck_assert_uint_eq(b->uses, 2);
    tear_down();
    ck_assert_uint_eq(b->uses, 1);
    mpx_blob_drop(b);
}
END_TEST

static void count_release(void *owner)
{
    ++*(unsigned *)owner;
}

START_TEST(what_a_blob_took_is_released_with_its_last_use)
{
    static const char bytes[] = "0123456789";
    unsigned released = 0;
    struct mpx_blob *b = mpx_blob_take((struct mpx_str){ bytes, 10 }, count_release, &released);
    const struct piece from = { .kind = PIECE_BLOB, .p = bytes, .n = 10, .owner.blob = b };

    set_up();
    piece_append(q.r, &q.r->res.queue, &from, 4, 2);
    ck_assert_ptr_eq(q.r->res.queue.first->p, bytes + 4);
    mpx_blob_drop(b);
    ck_assert_uint_eq(released, 0);
    tear_down();
    ck_assert_uint_eq(released, 1);
}
END_TEST

/* A file's bytes do not wait in memory; that of a small one do. */
START_TEST(a_file_is_held_by_all_that_show_it)
{
    char bytes[] = "0123456789";
    struct mpx_file small = { .bytes = bytes, .fd = -1, .uses = 1 }, big = { .fd = -1, .uses = 1 };
    struct piece from = { .kind = PIECE_SMALL, .p = bytes, .n = 10, .owner.file = &small };

    set_up();
    piece_append(q.r, &q.r->res.queue, &from, 4, 2);
    ck_assert_str_eq(queue(), "45");
    ck_assert_uint_eq(q.r->res.waiting, 2);
    from = (struct piece){ .kind = PIECE_FILE, .n = 1000, .off = 100, .owner.file = &big };
    piece_append(q.r, &q.r->res.queue, &from, 7, 50);
    piece_append(q.r, &q.r->res.queue, &from, 900, 100);
    ck_assert_uint_eq(q.r->res.waiting, 2);
    ck_assert_int_eq(q.r->res.queue.last->off, 1000);
    ck_assert_uint_eq(small.uses, 2);
    ck_assert_uint_eq(big.uses, 3);
    ck_assert_uint_eq(res_took(q.r, 2 + 20), 0);
    ck_assert_uint_eq(small.uses, 1);
    ck_assert_int_eq(q.r->res.queue.first->off, 127);
    ck_assert_uint_eq(q.r->res.queue.first->n, 30);
    tear_down();
    ck_assert_uint_eq(big.uses, 1);
}
END_TEST

START_TEST(framing_in_front_stays)
{
    struct piece from = text_piece("body"), *p;

    set_up();
    ck_assert_ptr_null(piece_last_framed(&q.r->res.queue));
    piece_append(q.r, &q.r->res.queue, &from, 0, 4);
    ck_assert_ptr_null(piece_last_framed(&q.r->res.queue));
    (void)res_insert(q.r, res_insert(q.r, NULL, MPX_STR("100 ")), MPX_STR("continue "));
    ck_assert_str_eq(queue(), "100 continue body");
    p = piece_last_framed(&q.r->res.queue);
    ck_assert_str_eq(p->text, "continue ");
    p = piece_detach_behind(q.r, &q.r->res.queue, p);
    ck_assert_str_eq(queue(), "100 continue ");
    ck_assert_ptr_null(p->next);
    piece_insert(&q.r->res.queue, NULL, p);
    ck_assert_str_eq(queue(), "body100 continue ");
    tear_down();
}
END_TEST

/* Many small chunks do not keep a page each. */
START_TEST(a_page_goes_on_behind_framing)
{
    struct piece from = text_piece("0123456789");

    set_up();
    piece_copy(q.r, &q.r->res.queue, &from, 0, 3);
    struct page *page = q.r->res.queue.first->owner.page;
    for (int i = 0; i < 3; i++) {
        q.r->res.queue.last->is_framed = true;
        (void)res_insert(q.r, q.r->res.queue.last, MPX_STR("|"));
        piece_copy(q.r, &q.r->res.queue, &from, 3 + (size_t)i, 1);
    }
    ck_assert_str_eq(queue(), "012|3|4|5");
    ck_assert_uint_eq(page->uses, 4);
    ck_assert_uint_eq(page->n, 6);
    ck_assert_uint_eq(res_took(q.r, 5), 0);
    ck_assert_uint_eq(page->uses, 2);
    ck_assert_str_eq(queue(), "|4|5");
    /* nothing of the page is here any more: it is somebody else's */
    (void)res_insert(q.r, q.r->res.queue.last, MPX_STR("|"));
    ck_assert_uint_eq(res_took(q.r, 4), 0);
    piece_copy(q.r, &q.r->res.queue, &from, 6, 2);
    ck_assert_str_eq(queue(), "|67");
    ck_assert_ptr_ne(q.r->res.queue.last->p, page->bytes + 6);
    tear_down();
}
END_TEST

START_TEST(a_piece_moves_from_queue_to_queue)
{
    struct pieces other = { .first = NULL };
    struct piece from = text_piece("0123456789");

    set_up();
    piece_copy(q.r, &other, &from, 0, 3);
    piece_append(q.r, &other, &from, 3, 2);
    ck_assert_uint_eq(other.waiting, 5);
    ck_assert_uint_eq(q.r->res.waiting, 5);
    piece_move(&other, &q.r->res.queue);
    ck_assert_uint_eq(other.waiting, 2);
    ck_assert_uint_eq(q.r->res.queue.waiting, 3);
    ck_assert_uint_eq(q.r->res.waiting, 5);
    piece_move(&other, &q.r->res.queue);
    ck_assert_ptr_null(other.first);
    ck_assert_ptr_null(other.last);
    ck_assert_str_eq(queue(), "01234");
    ck_assert_uint_eq(q.r->res.waiting, 5);
    tear_down();
}
END_TEST

START_TEST(pieces_that_are_gone_do_not_wait)
{
    struct piece from = text_piece("0123456789");

    set_up();
    piece_append(q.r, &q.r->res.queue, &from, 0, 4);
    piece_append(q.r, &q.r->res.queue, &from, 6, 4);
    piece_took(q.r, &q.r->res.queue, 3);
    ck_assert_str_eq(queue(), "36789");
    ck_assert_uint_eq(q.r->res.queue.waiting, 5);
    piece_took(q.r, &q.r->res.queue, 1);
    ck_assert_str_eq(queue(), "6789");
    ck_assert_uint_eq(q.r->res.waiting, 4);
    piece_release(q.r, piece_detach_behind(q.r, &q.r->res.queue, NULL));
    ck_assert_uint_eq(q.r->res.waiting, 0);
    tear_down();
}
END_TEST

Suite *suite_piece(void)
{
    static const TTest **const tests[] = {
        &bytes_are_borrowed_or_copied,
        &a_copy_fills_pages,
        &a_page_is_held_by_all_that_show_it,
        &a_blob_is_held_by_all_that_show_it,
        &what_a_blob_took_is_released_with_its_last_use,
        &a_file_is_held_by_all_that_show_it,
        &framing_in_front_stays,
        &a_page_goes_on_behind_framing,
        &a_piece_moves_from_queue_to_queue,
        &pieces_that_are_gone_do_not_wait,
        NULL,
    };

    return unit_suite("piece", tests);
}
