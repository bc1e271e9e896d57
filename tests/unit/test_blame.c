/* SPDX-License-Identifier: MIT */
#include "blame.h"

#include "aid.h"
#include "unit.h"

#include <unistd.h>

static struct blame *b;
static struct mpx_arena a;

static void set_up(void)
{
    arena_init(&a, NULL);
    b = blame_create();
}

static void take_down(void)
{
    blame_destroy(b);
    blame_destroy(NULL);
    arena_finish(&a);
}

START_TEST(nobody_is_blamed_when_nobody_is_at_work)
{
    set_up();
    ck_assert_ptr_null(blame_text(b, &a));
    ck_assert_ptr_null(blame_module(b));
    blame_name(b, 0, "first");
    blame_set(b, 0, BLAME_CHECK);
    blame_clear(b);
    ck_assert_ptr_null(blame_text(b, &a));
    take_down();
}
END_TEST

START_TEST(who_is_at_work_is_told_with_what_it_does)
{
    static const struct {
        unsigned kind;
        const char *text;
    } cases[] = {
        { BLAME_CHECK, "module \"second\" in its check()" },
        { BLAME_OPEN, "module \"second\" in its open()" },
        { BLAME_CLOSE, "module \"second\" in its close()" },
        { BLAME_CALLBACK, "module \"second\" in a callback" },
        { BLAME_END, "module \"second\" in its req_end() or conn_end()" },
        { BLAME_HOOK + MPX_PH_ROUTE, "module \"second\" in its ROUTE hook" },
        { BLAME_FILTER, "module \"second\" in a filter" },
        { BLAME_HOOK + MPX_PH_LOG, "module \"second\" in its LOG hook" },
    };

    set_up();
    blame_name(b, 0, "first");
    blame_name(b, 1, "second");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        blame_set(b, 1, cases[i].kind);
        ck_assert_str_eq(blame_text(b, &a), cases[i].text);
        ck_assert_str_eq(blame_module(b), "second");
    }
    atomic_store(&b->request, 0xabc);
    ck_assert_str_eq(blame_text(b, &a),
                     "module \"second\" in its LOG hook, request 0000000000000abc");
    ck_assert_str_eq(blame_moment(b, &a), "in its LOG hook");
    blame_set(b, 1, BLAME_OPEN);
    ck_assert_str_eq(blame_text(b, &a), "module \"second\" in its open()");
    take_down();
}
END_TEST

START_TEST(one_that_is_being_loaded_takes_the_name_of_no_other)
{
    set_up();
    blame_name(b, 0, "first");
    blame_loading(b, "second");
    ck_assert_str_eq(blame_text(b, &a), "module \"second\" while it was loaded");
    blame_set(b, 0, BLAME_CHECK);
    ck_assert_str_eq(blame_text(b, &a), "module \"first\" in its check()");
    take_down();
}
END_TEST

START_TEST(numbers_past_the_table_share_an_entry_that_names_none)
{
    set_up();
    for (unsigned i = 0; i < 300; i++)
        blame_name(b, i, arena_printf(&a, "m%u", i).p);
    blame_set(b, BLAME_LATER - 1, BLAME_OPEN);
    ck_assert_str_eq(blame_module(b), "m253");
    for (unsigned i = BLAME_LATER; i < 300; i++) {
        blame_set(b, i, BLAME_OPEN);
        ck_assert_str_eq(blame_module(b), "(a later module)");
    }
    blame_loading(b, "m301");
    ck_assert_str_eq(blame_module(b), "m301");
    take_down();
}
END_TEST

static int write_anything(void *arg)
{
    (void)arg;
    memset(b->names[7], 'x', BLAME_NAME);
    blame_set(b, 7, BLAME_OPEN);
    return 0;
}

START_TEST(the_parent_sees_what_the_child_wrote_whatever_it_was)
{
    set_up();
    (void)aid_fork(write_anything, NULL);
    ck_assert_uint_eq(strlen(blame_module(b)), BLAME_NAME - 1);
    atomic_store(&b->at, UINT32_MAX);
    ck_assert_ptr_null(blame_module(b));
    atomic_store(&b->at, 0xfff00001);
    ck_assert_str_eq(blame_moment(b, &a), "");
    take_down();
}
END_TEST

Suite *suite_blame(void)
{
    static const TTest **const tests[] = { &nobody_is_blamed_when_nobody_is_at_work,
                                           &who_is_at_work_is_told_with_what_it_does,
                                           &one_that_is_being_loaded_takes_the_name_of_no_other,
                                           &numbers_past_the_table_share_an_entry_that_names_none,
                                           &the_parent_sees_what_the_child_wrote_whatever_it_was,
                                           NULL };

    return unit_suite("blame", tests);
}
