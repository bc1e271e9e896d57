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
    ck_assert_ptr_null(blame_module(b, &a));
    blame_name(b, 0, "first");
    blame_set(b, 0, BLAME_CHECK, 0);
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
        { BLAME_TIMER, "module \"second\" in a timer" },
        { BLAME_WATCH, "module \"second\" in a watch" },
        { BLAME_THREAD, "module \"second\" on a thread" },
        { BLAME_FILTER, "module \"second\" in a filter" },
        { BLAME_HOOK + MPX_PH_LOG, "module \"second\" in its LOG hook" },
    };

    set_up();
    blame_name(b, 0, "first");
    blame_name(b, 1, "second");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        blame_set(b, 1, cases[i].kind, 0);
        ck_assert_str_eq(blame_text(b, &a), cases[i].text);
        ck_assert_str_eq(blame_module(b, &a), "second");
    }
    blame_request(b, 0xabc);
    ck_assert_str_eq(blame_text(b, &a),
                     "module \"second\" in its LOG hook, request 0000000000000abc");
    ck_assert_str_eq(blame_moment(b, &a), "in its LOG hook");
    blame_set(b, 1, BLAME_OPEN, 0);
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
    blame_set(b, 0, BLAME_CHECK, 0);
    ck_assert_str_eq(blame_text(b, &a), "module \"first\" in its check()");
    take_down();
}
END_TEST

START_TEST(numbers_past_the_table_share_an_entry_that_names_none)
{
    set_up();
    for (unsigned i = 0; i < 300; i++)
        blame_name(b, i, arena_printf(&a, "m%u", i).p);
    blame_set(b, BLAME_LATER - 1, BLAME_OPEN, 0);
    ck_assert_str_eq(blame_module(b, &a), "m253");
    for (unsigned i = BLAME_LATER; i < 300; i++) {
        blame_set(b, i, BLAME_OPEN, 0);
        ck_assert_str_eq(blame_module(b, &a), "(a later module)");
    }
    blame_loading(b, "m301");
    ck_assert_str_eq(blame_module(b, &a), "m301");
    take_down();
}
END_TEST

static int write_anything(void *arg)
{
    (void)arg;
    memset(b->names[7], 'x', BLAME_NAME);
    blame_set(b, 7, BLAME_OPEN, 0);
    return 0;
}

START_TEST(the_parent_sees_what_the_child_wrote_whatever_it_was)
{
    set_up();
    (void)aid_fork(write_anything, NULL);
    ck_assert_uint_eq(strlen(blame_module(b, &a)), BLAME_NAME - 1);
    atomic_store(&b->slots[0].at, UINT64_MAX);
    ck_assert_ptr_null(blame_module(b, &a));
    ck_assert_ptr_null(blame_text(b, &a));
    atomic_store(&b->slots[0].at, 0xfffffffffff00001);
    ck_assert_str_eq(blame_moment(b, &a), "");
    take_down();
}
END_TEST

START_TEST(a_virtual_host_has_one_number_and_is_told_by_it)
{
    uint32_t one, other;

    set_up();
    blame_name(b, 0, "first");
    one = blame_host(b, "www.example.org");
    other = blame_host(b, "example.net");
    ck_assert_uint_ne(one, 0);
    ck_assert_uint_ne(one, other);
    ck_assert_uint_eq(blame_host(b, "www.example.org"), one);
    ck_assert_uint_eq(blame_host(b, NULL), 0);
    blame_request(b, 1);
    blame_set(b, 0, BLAME_FILTER, other);
    ck_assert_str_eq(blame_text(b, &a), "module \"first\" in a filter, virtual host "
                                        "\"example.net\", request 0000000000000001");
    take_down();
}
END_TEST

START_TEST(more_virtual_hosts_than_there_is_room_for_have_no_number)
{
    unsigned without = 0;

    set_up();
    for (unsigned i = 0; i < 2 * BLAME_HOSTS; i++)
        without += blame_host(b, arena_printf(&a, "host-%u", i).p) == 0;
    ck_assert_uint_gt(without, BLAME_HOSTS);
    take_down();
}
END_TEST

START_TEST(what_a_broken_process_left_is_escaped_and_ends)
{
    set_up();
    memset(b->names[3], '"', BLAME_NAME);
    b->names[3][0] = '\n';
    b->names[3][2] = '\0';
    blame_set(b, 3, BLAME_HOOK, UINT32_MAX);
    ck_assert_str_eq(blame_text(b, &a), "module \"\\x0a\\x22\" in its ROUTE hook");
    take_down();
}
END_TEST

START_TEST(an_address_is_told_as_a_place_in_its_file)
{
    set_up();
    blame_files_begin(b);
    blame_file(b, "", 0x1000, 0x2000, 0, false);
    blame_file(b, "/usr/lib/multiplexd/x.so", 0x71000, 0x72000, 0x70000, true);
    ck_assert_str_eq(blame_place(b, &a, 0x71234), "x.so+0x1234");
    ck_assert_str_eq(blame_place(b, &a, 0x1fff), "multiplexd+0x1fff");
    ck_assert_ptr_null(blame_place(b, &a, 0x2000));
    ck_assert_ptr_null(blame_place(b, &a, 0));
    ck_assert(blame_is_in_module(b, 0x71000));
    ck_assert(!blame_is_in_module(b, 0x1000));
    atomic_store(&b->file_count, UINT32_MAX); /* believed by nobody */
    ck_assert_ptr_null(blame_place(b, &a, 0x2000));
    take_down();
}
END_TEST

START_TEST(more_files_than_there_is_room_for_are_left_out)
{
    set_up();
    for (unsigned i = 1; i < 2 * BLAME_FILES; i++)
        blame_file(b, "x.so", i * 16, i * 16 + 16, 0, true);
    ck_assert_ptr_nonnull(blame_place(b, &a, BLAME_FILES * 16));
    ck_assert_ptr_null(blame_place(b, &a, (BLAME_FILES + 1) * 16));
    take_down();
}
END_TEST

START_TEST(work_on_a_thread_is_that_of_who_gave_it)
{
    set_up();
    blame_name(b, 2, "giver");
    blame_request(b, 0x5);
    blame_set(b, 2, BLAME_HOOK + MPX_PH_CONTENT, 0);
    struct blame_work w = blame_work(b);
    blame_clear(b);
    blame_work_put(b, 4, w);
    ck_assert_str_eq(
        blame_text_of(b, &a, atomic_load(&b->slots[4].at), atomic_load(&b->slots[4].request)),
        "module \"giver\" on a thread, request 0000000000000005");
    ck_assert_ptr_null(blame_text(b, &a));
    take_down();
}
END_TEST

START_TEST(a_fresh_process_finds_nothing_of_the_one_before)
{
    set_up();
    blame_name(b, 2, "old");
    blame_set(b, 2, BLAME_OPEN, blame_host(b, "old.example"));
    blame_reset(b);
    ck_assert_ptr_null(blame_text(b, &a));
    ck_assert_uint_eq(blame_turns(b), 0);
    blame_set(b, 2, BLAME_OPEN, 0);
    ck_assert_str_eq(blame_module(b, &a), "");
    take_down();
}
END_TEST

Suite *suite_blame(void)
{
    static const TTest **const tests[] = {
        &nobody_is_blamed_when_nobody_is_at_work,
        &who_is_at_work_is_told_with_what_it_does,
        &one_that_is_being_loaded_takes_the_name_of_no_other,
        &numbers_past_the_table_share_an_entry_that_names_none,
        &the_parent_sees_what_the_child_wrote_whatever_it_was,
        &a_virtual_host_has_one_number_and_is_told_by_it,
        &more_virtual_hosts_than_there_is_room_for_have_no_number,
        &what_a_broken_process_left_is_escaped_and_ends,
        &an_address_is_told_as_a_place_in_its_file,
        &more_files_than_there_is_room_for_are_left_out,
        &work_on_a_thread_is_that_of_who_gave_it,
        &a_fresh_process_finds_nothing_of_the_one_before,
        NULL
    };

    return unit_suite("blame", tests);
}
