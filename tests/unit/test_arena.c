/* SPDX-License-Identifier: MIT */
#include "arena.h"
#include "unit.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>

/* Set directly: under a sanitizer arena_pool_init() keeps nothing. */
static struct arena_pool pool_of(unsigned most)
{
    struct arena_pool pool;

    arena_pool_init(&pool, most);
    pool.most = most;
    return pool;
}

static bool is_aligned(const void *p)
{
    return (uintptr_t)p % _Alignof(max_align_t) == 0;
}

START_TEST(takes_memory_that_is_aligned_for_any_type)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t n = 0; n < 2 * ARENA_BLOCK; n += n < 100 ? 1 : 97)
        ck_assert_msg(is_aligned(arena_take(&a, n)), "%zu bytes", n);
    arena_finish(&a);
}
END_TEST

START_TEST(never_gives_null_not_even_for_nothing)
{
    void *volatile p; /* the compiler believes returns_nonnull */
    struct mpx_arena a;

    arena_init(&a, NULL);
    p = arena_take(&a, 0);
    ck_assert_ptr_nonnull(p);
    arena_finish(&a);
    arena_init(&a, NULL);
    p = arena_zero(&a, 0);
    ck_assert_ptr_nonnull(p);
    arena_finish(&a);
}
END_TEST

/* Every piece is filled, then all are looked at: none overlaps another or leaves its block. */
START_TEST(gives_each_piece_bytes_of_its_own)
{
    static const size_t sizes[] = { 1,    15,   16,   17,   100,  4000, 4087, 4088, 4089, 4095,
                                    4096, 4097, 8175, 8176, 8177, 8191, 8192, 8193, 70000 };
    enum { SIZES = sizeof(sizes) / sizeof(sizes[0]), PIECES = 20 * SIZES };
    unsigned char *pieces[PIECES];
    struct arena_pool pool = pool_of(3);
    struct mpx_arena a;

    arena_init(&a, &pool);
    for (size_t i = 0; i < PIECES; i++) {
        pieces[i] = arena_take(&a, sizes[i % SIZES]);
        memset(pieces[i], (int)(i % 251), sizes[i % SIZES]);
    }
    for (size_t i = 0; i < PIECES; i++)
        for (size_t k = 0; k < sizes[i % SIZES]; k++)
            if (pieces[i][k] != i % 251)
                ck_abort_msg("byte %zu of piece %zu was overwritten", k, i);
    arena_finish(&a);
    arena_pool_finish(&pool);
}
END_TEST

START_TEST(zeroed_memory_is_zero_in_a_block_used_before)
{
    struct arena_pool pool = pool_of(1);
    struct mpx_arena a;

    arena_init(&a, &pool);
    memset(arena_take(&a, 4000), 0xff, 4000);
    arena_finish(&a);
    ck_assert_uint_eq(pool.count, 1);
    arena_init(&a, &pool);
    const char *p = arena_zero(&a, 4000);
    for (size_t i = 0; i < 4000; i++)
        if (p[i] != 0)
            ck_abort_msg("byte %zu", i);
    arena_finish(&a);
    arena_pool_finish(&pool);
}
END_TEST

START_TEST(a_big_piece_leaves_the_newest_block_in_use)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    char *first = arena_take(&a, 16);
    (void)arena_take(&a, (size_t)3 * ARENA_BLOCK);
    (void)arena_take(&a, ARENA_BLOCK);
    ck_assert_ptr_eq(arena_take(&a, 16), first + 16);
    arena_finish(&a);
}
END_TEST

START_TEST(fills_a_block_to_its_last_byte)
{
    struct arena_pool pool = pool_of(8);
    struct mpx_arena a;

    arena_init(&a, &pool);
    (void)arena_take(&a, 16);
    while (a.at < a.end)
        (void)arena_take(&a, 16);
    ck_assert_ptr_eq(a.at, a.end);
    (void)arena_take(&a, 16);
    arena_finish(&a);
    ck_assert_uint_eq(pool.count, 2);
    arena_pool_finish(&pool);
}
END_TEST

START_TEST(takes_blocks_from_the_pool_before_the_system)
{
    struct arena_pool pool = pool_of(4);
    struct mpx_arena a;

    arena_init(&a, &pool);
    void *first = arena_take(&a, 100);
    arena_finish(&a);
    ck_assert_uint_eq(pool.count, 1);
    arena_init(&a, &pool);
    ck_assert_ptr_eq(arena_take(&a, 100), first);
    ck_assert_uint_eq(pool.count, 0);
    arena_finish(&a);
    arena_pool_finish(&pool);
    ck_assert_uint_eq(pool.count, 0);
    ck_assert_ptr_null(pool.free);
}
END_TEST

START_TEST(the_pool_keeps_no_more_than_it_may)
{
    struct arena_pool pool = pool_of(3);
    struct mpx_arena a;

    arena_init(&a, &pool);
    for (size_t i = 0; i < 40; i++)
        (void)arena_take(&a, 4000);
    arena_finish(&a);
    ck_assert_uint_eq(pool.count, 3);
    arena_pool_finish(&pool);
}
END_TEST

START_TEST(big_blocks_do_not_go_to_the_pool)
{
    struct arena_pool pool = pool_of(8);
    struct mpx_arena a;

    arena_init(&a, &pool);
    (void)arena_take(&a, (size_t)2 * ARENA_BLOCK);
    (void)arena_take(&a, 5000);
    arena_finish(&a);
    ck_assert_uint_eq(pool.count, 0);
    arena_pool_finish(&pool);
}
END_TEST

static char order[16];

static void note(void *arg)
{
    const char *letter = arg;

    order[strlen(order)] = *letter;
}

/* A letter that lies in the arena: still to be read when what was deferred runs. */
static void *letter(struct mpx_arena *a, char c)
{
    char *p = arena_take(a, 1);

    *p = c;
    return p;
}

START_TEST(runs_what_was_deferred_last_in_first_out)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    arena_defer(&a, note, letter(&a, 'a'));
    arena_defer(&a, note, letter(&a, 'b'));
    arena_defer(&a, note, letter(&a, 'c'));
    ck_assert_str_eq(order, "");
    arena_finish(&a);
    ck_assert_str_eq(order, "cba");
}
END_TEST

static void note_and_defer(void *arg)
{
    struct mpx_arena *a = arg;

    note((char[]){ "b" });
    arena_defer(a, note, letter(a, 'c'));
    (void)arena_take(a, (size_t)2 * ARENA_BLOCK);
}

START_TEST(what_is_deferred_while_it_ends_runs_too)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    arena_defer(&a, note, letter(&a, 'a'));
    arena_defer(&a, note_and_defer, &a);
    arena_finish(&a);
    ck_assert_str_eq(order, "bca");
}
END_TEST

/* What is freed is overwritten here, by libc or by the sanitizer. */
START_TEST(an_arena_may_lie_in_its_own_block)
{
    struct mpx_arena a;

    (void)mallopt(M_PERTURB, 0x5a);
    arena_init(&a, NULL);
    (void)arena_take(&a, 4000);
    (void)arena_take(&a, 4000);
    (void)arena_take(&a, 4000);
    struct mpx_arena *inside = arena_take(&a, sizeof(*inside));
    *inside = a;
    arena_defer(inside, note, letter(inside, 'a'));
    arena_finish(inside);
    ck_assert_str_eq(order, "a");
}
END_TEST

START_TEST(copies_end_with_a_nul_that_does_not_count)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    struct mpx_str s = arena_copy(&a, (struct mpx_str){ "abcdef", 3 });
    ck_assert_uint_eq(s.n, 3);
    ck_assert_str_eq(s.p, "abc");
    s = arena_copy(&a, (struct mpx_str){ NULL, 0 });
    ck_assert_uint_eq(s.n, 0);
    ck_assert_str_eq(s.p, "");
    ck_assert_str_eq(arena_copyz(&a, (struct mpx_str){ "xyz", 2 }), "xy");
    s = arena_copy(&a, (struct mpx_str){ "a\0b", 3 });
    ck_assert_mem_eq(s.p, "a\0b", 4);
    arena_finish(&a);
}
END_TEST

START_TEST(prints_text_of_any_length)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    ck_assert_view_eq(arena_printf(&a, "%s-%d", "x", 7), "x-7");
    struct mpx_str s = arena_printf(&a, "%s", "");
    ck_assert_uint_eq(s.n, 0);
    ck_assert_str_eq(s.p, "");
    s = arena_printf(&a, "%020000d", 5);
    ck_assert_uint_eq(s.n, 20000);
    ck_assert_int_eq(s.p[19999], '5');
    ck_assert_int_eq(s.p[20000], '\0');
    arena_finish(&a);
}
END_TEST

START_TEST(aborts_for_a_size_that_cannot_be)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
    (void)arena_take(&a, SIZE_MAX - (size_t)_i);
}
END_TEST

Suite *suite_arena(void)
{
    static const TTest **const tests[] = {
        &takes_memory_that_is_aligned_for_any_type,
        &never_gives_null_not_even_for_nothing,
        &gives_each_piece_bytes_of_its_own,
        &zeroed_memory_is_zero_in_a_block_used_before,
        &a_big_piece_leaves_the_newest_block_in_use,
        &fills_a_block_to_its_last_byte,
        &takes_blocks_from_the_pool_before_the_system,
        &the_pool_keeps_no_more_than_it_may,
        &big_blocks_do_not_go_to_the_pool,
        &runs_what_was_deferred_last_in_first_out,
        &what_is_deferred_while_it_ends_runs_too,
        &an_arena_may_lie_in_its_own_block,
        &copies_end_with_a_nul_that_does_not_count,
        &prints_text_of_any_length,
        NULL,
    };
    Suite *s = unit_suite("arena", tests);
    TCase *aborting = tcase_create("arena that aborts");

    tcase_add_loop_test_raise_signal(aborting, aborts_for_a_size_that_cannot_be, SIGABRT, 0, 32);
    suite_add_tcase(s, aborting);
    return s;
}
