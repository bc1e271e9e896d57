/* SPDX-License-Identifier: MIT */
#include "list.h"
#include "unit.h"

struct item {
    char letter;
    struct link link;
};

static struct list l;
static struct item a = { .letter = 'a' }, b = { .letter = 'b' }, c = { .letter = 'c' };

/* The letters from the first to the last; the way back must be the same. */
static const char *letters(void)
{
    static char out[8];
    size_t n = 0;

    for (const struct link *k = list_first(&l); k != NULL; k = list_next(&l, k))
        out[n++] = CONTAINER_OF(k, struct item, link)->letter;
    out[n] = '\0';
    for (const struct link *k = l.head.prev; k != &l.head; k = k->prev)
        ck_assert_int_eq(CONTAINER_OF(k, struct item, link)->letter, out[--n]);
    ck_assert_uint_eq(n, 0);
    return out;
}

START_TEST(a_new_list_is_empty)
{
    list_init(&l);
    ck_assert(list_is_empty(&l));
    ck_assert_ptr_null(list_first(&l));
    ck_assert_ptr_null(list_pop(&l));
    ck_assert_str_eq(letters(), "");
}
END_TEST

START_TEST(pushes_to_both_ends)
{
    list_init(&l);
    list_push(&l, &b.link);
    ck_assert(!list_is_empty(&l));
    ck_assert_str_eq(letters(), "b");
    list_push(&l, &c.link);
    list_push_first(&l, &a.link);
    ck_assert_str_eq(letters(), "abc");
}
END_TEST

START_TEST(removes_at_any_place)
{
    static const char *const left[] = { "bc", "ac", "ab" };
    struct item *const items[] = { &a, &b, &c };

    for (int i = 0; i < 3; i++) {
        list_init(&l);
        for (int k = 0; k < 3; k++)
            list_push(&l, &items[k]->link);
        list_remove(&items[i]->link);
        ck_assert_str_eq(letters(), left[i]);
        ck_assert(!link_is_in_list(&items[i]->link));
    }
}
END_TEST

START_TEST(knows_whether_a_link_is_in_a_list)
{
    list_init(&l);
    ck_assert(!link_is_in_list(&a.link));
    list_push(&l, &a.link);
    ck_assert(link_is_in_list(&a.link));
    list_remove(&a.link);
    ck_assert(!link_is_in_list(&a.link));
    ck_assert(list_is_empty(&l));
}
END_TEST

START_TEST(removing_what_is_in_no_list_does_nothing)
{
    list_init(&l);
    list_push(&l, &b.link);
    list_remove(&a.link);
    ck_assert_str_eq(letters(), "b");
    list_remove(&b.link);
    list_remove(&b.link);
    ck_assert_str_eq(letters(), "");
}
END_TEST

START_TEST(pops_in_the_order_of_pushing)
{
    list_init(&l);
    list_push(&l, &a.link);
    list_push(&l, &b.link);
    ck_assert_ptr_eq(list_pop(&l), &a.link);
    ck_assert(!link_is_in_list(&a.link));
    list_push(&l, &a.link);
    ck_assert_str_eq(letters(), "ba");
    ck_assert_ptr_eq(list_pop(&l), &b.link);
    ck_assert_ptr_eq(list_pop(&l), &a.link);
    ck_assert_ptr_null(list_pop(&l));
}
END_TEST

START_TEST(finds_the_element_around_its_link)
{
    ck_assert_ptr_eq(CONTAINER_OF(&a.link, struct item, link), &a);
}
END_TEST

Suite *suite_list(void)
{
    static const TTest **const tests[] = {
        &a_new_list_is_empty,
        &pushes_to_both_ends,
        &removes_at_any_place,
        &knows_whether_a_link_is_in_a_list,
        &removing_what_is_in_no_list_does_nothing,
        &pops_in_the_order_of_pushing,
        &finds_the_element_around_its_link,
        NULL,
    };

    return unit_suite("list", tests);
}
