/* SPDX-License-Identifier: MIT */
#include "page.h"
#include "unit.h"

#include <stdlib.h>

/* Set directly: under a sanitizer pages_init() keeps nothing. */
static struct pages pages_of(unsigned most)
{
    struct pages ps;

    pages_init(&ps, most);
    ps.most = most;
    return ps;
}

START_TEST(a_page_is_empty_whoever_used_it_before)
{
    struct pages ps = pages_of(2);
    struct page *first = page_get(&ps), *second = page_get(&ps);

    ck_assert_ptr_ne(first, second);
    memset(first->bytes, 'x', PAGE_BYTES);
    first->n = PAGE_BYTES;
    first->next = second;
    second->n = 7;
    page_put(&ps, first);
    page_put(&ps, second);
    for (int i = 0; i < 3; i++) {
        struct page *p = page_get(&ps);

        ck_assert_uint_eq(p->n, 0);
        ck_assert_ptr_null(p->next);
        free(p);
    }
    ck_assert_uint_eq(ps.count, 0);
}
END_TEST

START_TEST(gives_the_page_that_was_put_back_last)
{
    struct pages ps = pages_of(4);
    struct page *p = page_get(&ps);

    page_put(&ps, p);
    ck_assert_uint_eq(ps.count, 1);
    ck_assert_ptr_eq(page_get(&ps), p);
    ck_assert_uint_eq(ps.count, 0);
    page_put(&ps, p);
    pages_finish(&ps);
}
END_TEST

START_TEST(is_free_when_the_last_use_is_put_back)
{
    struct pages ps = pages_of(4);
    struct page *p = page_get(&ps);

    p->uses += 2;
    page_put(&ps, p);
    page_put(&ps, p);
    ck_assert_uint_eq(ps.count, 0);
    page_put(&ps, p);
    ck_assert_uint_eq(ps.count, 1);
    ck_assert_uint_eq(page_get(&ps)->uses, 1);
    free(p);
}
END_TEST

START_TEST(keeps_no_more_than_it_may)
{
    struct pages ps = pages_of(3);
    struct page *pages[10];

    for (int i = 0; i < 10; i++)
        pages[i] = page_get(&ps);
    for (int i = 0; i < 10; i++)
        page_put(&ps, pages[i]);
    ck_assert_uint_eq(ps.count, 3);
    pages_finish(&ps);
    ck_assert_uint_eq(ps.count, 0);
    ck_assert_ptr_null(ps.free);
}
END_TEST

START_TEST(keeps_nothing_when_it_may_keep_nothing)
{
    struct pages ps;

    pages_init(&ps, 0);
    page_put(&ps, page_get(&ps));
    ck_assert_uint_eq(ps.count, 0);
    ck_assert_ptr_null(ps.free);
}
END_TEST

START_TEST(a_page_with_its_head_is_16_kib_at_most)
{
    ck_assert_uint_le(sizeof(struct page), 16384);
    ck_assert_uint_ge(PAGE_BYTES, 16000);
}
END_TEST

Suite *suite_page(void)
{
    static const TTest **const tests[] = {
        &a_page_is_empty_whoever_used_it_before,
        &gives_the_page_that_was_put_back_last,
        &is_free_when_the_last_use_is_put_back,
        &keeps_no_more_than_it_may,
        &keeps_nothing_when_it_may_keep_nothing,
        &a_page_with_its_head_is_16_kib_at_most,
        NULL,
    };

    return unit_suite("page", tests);
}
