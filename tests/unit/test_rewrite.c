/* SPDX-License-Identifier: MIT
   What the module rewrite does in plain C: tables of paths, and which expressions are worth a
   try. */
#include "../../modules/rewrite/index.h"
#include "../../modules/rewrite/table.h"
#include "arena.h"
#include "str.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

START_TEST(the_literal_beginning_of_an_expression_is_what_each_match_has)
{
    static const struct {
        const char *expression, *literal;
    } cases[] = {
        { "^/blog/(\\d+)$", "/blog/" },
        { "^/a\\.html$", "/a.html" },
        { "^/a\\/b", "/a/b" },
        { "^/ab?c", "/a" },
        { "^/ab*c", "/a" },
        { "^/ab{0,2}c", "/a" },
        { "^/ab+c", "/ab" },
        { "^/a\\d", "/a" },
        { "^/a.b", "/a" },
        { "^/a[bc]", "/a" },
        { "^/a\\.?b", "/a" },
        { "^/a(b|c)", "/a" },
        { "^/a[|]", "/a" },
        { "^/a\\|b", "/a|b" },
        { "^/a(?:b|c)d", "/a" },
        { "^/a(?<n>b)", "/a" },
        { "^/0123456789012345678901234567890123456789", "/0123456789012345678901234567890" },
        /* no beginning is common, or none that is plain to see */
        { "", "" },
        { "/a", "" },
        { "a^/b", "" },
        { "^/a|^/b", "" },
        { "^/a[b]|c", "" },
        { "^/a[]]|c", "" },
        { "(?i)^/a", "" },
        { "^/a(?i)b", "" },
        { "^/a\\Q[\\E|^/b", "" },
        { "^/a(?#[)|^/b", "" },
        { "^/a(?x) # [\n|b", "" },
        { "^(/a)", "" },
        { "^", "" },
        { "^\\", "" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char literal[INDEX_LITERAL];
        size_t n = index_literal(str_of(cases[i].expression), literal);

        ck_assert_view_eq(((struct mpx_str){ literal, n }), cases[i].literal);
    }
}
END_TEST

/* The numbers that a walk gives, in its order. */
static const char *walk(struct mpx_arena *a, const struct index *ix, const char *path)
{
    struct index_walk w;
    const char *text = "";
    int64_t n;

    if (!index_walk(ix, str_of(path), &w))
        return "none";
    while ((n = index_next(&w)) >= 0)
        text = arena_printf(a, "%s%lld ", text, (long long)n).p;
    return text;
}

START_TEST(candidates_come_in_the_order_of_the_rules)
{
    static const char *const texts[] = { "^/a/b",  "^/a/", "(?i)/x", "^/a/bc$",
                                         "^/b(.)", "",     "^/a/b",  "^/abcdefgh" };
    enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
    struct mpx_str expressions[TEXTS];
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < TEXTS; i++)
        expressions[i] = str_of(texts[i]);
    const struct index *ix = index_make(&a, expressions, TEXTS);
    ck_assert_str_eq(walk(&a, ix, "/a/bc"), "0 1 2 3 5 6 ");
    ck_assert_str_eq(walk(&a, ix, "/a/x"), "1 2 5 ");
    ck_assert_str_eq(walk(&a, ix, "/b"), "2 4 5 ");
    ck_assert_str_eq(walk(&a, ix, "/"), "2 5 ");
    ck_assert_str_eq(walk(&a, index_make(&a, expressions, 2), "/x"), "none");
    ck_assert_str_eq(walk(&a, index_make(&a, expressions, 0), "/x"), "none");
    arena_finish(&a);
}
END_TEST

static void add(struct table *t, const char *key, bool is_prefix)
{
    const struct entry e = { .key = str_of(key), .is_prefix = is_prefix, .to = str_of(key) };

    ck_assert_ptr_null(table_add(t, e));
    ck_assert_view_eq(table_add(t, e)->key, key);
}

START_TEST(the_longest_prefix_that_covers_a_path_is_found)
{
    static const struct {
        const char *path, *key, *rest; /* key NULL: none */
    } cases[] = {
        { "/a/x", "/a/", "x" },  { "/a/", "/a/", "" },       { "/a", "/a/", "" },
        { "/a/b", "/a/b/", "" }, { "/a/b/c", "/a/b/", "c" }, { "/a/bc", "/a/", "bc" },
        { "/ab", NULL, "" },     { "/", NULL, "" },          { "/a/b/c/d/e", "/a/b/", "c/d/e" },
    };
    struct table *t = table_create(3);
    struct mpx_str rest;

    add(t, "/a/", true);
    add(t, "/a/b/", true);
    add(t, "/a/", false);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct entry *e = table_prefix(t, str_of(cases[i].path), &rest);

        ck_assert_int_eq(e != NULL, cases[i].key != NULL);
        if (e == NULL)
            continue;
        ck_assert_view_eq(e->key, cases[i].key);
        ck_assert_view_eq(rest, cases[i].rest);
    }
    ck_assert_ptr_nonnull(table_exact(t, MPX_STR("/a/")));
    ck_assert_ptr_null(table_exact(t, MPX_STR("/a/b/")));
    table_destroy(t);
}
END_TEST

START_TEST(every_one_of_many_entries_is_found_and_no_other)
{
    enum { MANY = 20000 };
    struct table *t = table_create(MANY);
    char *text = calloc(MANY, 16);

    for (int i = 0; i < MANY; i++) {
        int n = snprintf(text + 16 * i, 16, "/%d", i);

        ck_assert_ptr_null(table_add(t, (struct entry){ .key = { text + 16 * i, (size_t)n } }));
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_ptr_eq(table_exact(t, str_of(text + 16 * i)), &t->entries[i]);
    ck_assert_ptr_null(table_exact(t, MPX_STR("/20000")));
    ck_assert_ptr_null(table_exact(t, MPX_STR("")));
    table_destroy(t);
    free(text);
}
END_TEST

START_TEST(keys_are_paths_that_a_request_can_have)
{
    static const struct {
        const char *text, *key; /* key NULL: refused */
        bool is_prefix;
    } cases[] = {
        { "/", "/", false },        { "/a%20b", "/a b", false }, { "/a/*", "/a/", true },
        { "/*", "/", true },        { "/%2A", "/*", false },     { "/a..b/.c", "/a..b/.c", false },
        { "", NULL, false },        { "a", NULL, false },        { "/a*", NULL, false },
        { "/a/*/b", NULL, false },  { "/a?b", NULL, false },     { "/a#b", NULL, false },
        { "/a//b", NULL, false },   { "//", NULL, false },       { "/./a", NULL, false },
        { "/a/..", NULL, false },   { "/a/.", NULL, false },     { "/%", NULL, false },
        { "/%4", NULL, false },     { "/%4g", NULL, false },     { "/%00", NULL, false },
        { "/%2e%2e", NULL, false }, { "*", NULL, false },        { "/a//*", NULL, false },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char out[64];
        struct mpx_str key;
        bool is_prefix;
        const char *what = table_key(str_of(cases[i].text), out, &key, &is_prefix);

        ck_assert_msg((what == NULL) == (cases[i].key != NULL), "%s: %s", cases[i].text,
                      what != NULL ? what : "taken");
        if (what != NULL)
            continue;
        ck_assert_view_eq(key, cases[i].key);
        ck_assert_int_eq(is_prefix, cases[i].is_prefix);
    }
}
END_TEST

Suite *suite_rewrite(void)
{
    static const TTest **const tests[] = {
        &the_literal_beginning_of_an_expression_is_what_each_match_has,
        &candidates_come_in_the_order_of_the_rules,
        &the_longest_prefix_that_covers_a_path_is_found,
        &every_one_of_many_entries_is_found_and_no_other,
        &keys_are_paths_that_a_request_can_have,
        NULL,
    };

    return unit_suite("rewrite", tests);
}
