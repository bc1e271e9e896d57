/* SPDX-License-Identifier: MIT */
#include "suggest.h"
#include "unit.h"

static struct mpx_str best_of(const char *wrong, const char *const *words, size_t count)
{
    struct suggestion s;

    suggest_start(&s, str_of(wrong));
    for (size_t i = 0; i < count; i++)
        suggest_offer(&s, str_of(words[i]));
    return s.best;
}

static bool is_offered(const char *wrong, const char *word)
{
    return str_is(best_of(wrong, &word, 1), word);
}

START_TEST(finds_the_word_that_was_meant)
{
    static const char *const words[] = { "documents", "directories", "directory_list",
                                         "redirect",  "aliases",     "allow",
                                         "deny",      "error_pages", "name",
                                         "modules",   "index_file" };
    static const char *const slips[][2] = {
        { "directory_lst", "directory_list" },
        { "direcotries", "directories" },
        { "Documents", "documents" },
        { "dcuments", "documents" },
        { "documentss", "documents" },
        { "alow", "allow" },
        { "alias", "aliases" },
        { "module", "modules" },
        { "names", "name" },
        { "indexfile", "index_file" },
        { "errorpages", "error_pages" },
        { "dney", "deny" },
    };

    for (size_t i = 0; i < sizeof(slips) / sizeof(slips[0]); i++) {
        struct mpx_str best = best_of(slips[i][0], words, sizeof(words) / sizeof(words[0]));

        ck_assert_msg(str_is(best, slips[i][1]), "%s: %.*s", slips[i][0], STR_ARGS(best));
    }
}
END_TEST

START_TEST(suggests_nothing_when_nothing_is_near)
{
    ck_assert(!is_offered("xyzzy", "documents"));
    ck_assert(!is_offered("port", "aliases"));
    ck_assert(!is_offered("", "documents"));
    ck_assert_uint_eq(best_of("documents", NULL, 0).n, 0);
}
END_TEST

START_TEST(a_third_of_the_word_and_one_letter_may_differ)
{
    ck_assert(is_offered("abcdef", "abcxyz"));
    ck_assert(!is_offered("abcdef", "abwxyz"));
    ck_assert(is_offered("abcdefghi", "abcdewxyz"));
    ck_assert(!is_offered("abcdefghi", "abcdvwxyz"));
}
END_TEST

START_TEST(a_word_with_no_letter_in_common_is_not_suggested)
{
    ck_assert(!is_offered("x", "a"));
    ck_assert(!is_offered("xy", "a"));
    ck_assert(!is_offered("", "a"));
    ck_assert(is_offered("xb", "ab"));
}
END_TEST

START_TEST(counts_insertions_removals_and_replacements)
{
    struct suggestion s;

    suggest_start(&s, MPX_STR("sittings"));
    suggest_offer(&s, MPX_STR("kitten"));
    ck_assert_uint_eq(s.best.n, 0);
    suggest_offer(&s, MPX_STR("sitting"));
    ck_assert_uint_eq(s.distance, 1);
    suggest_start(&s, MPX_STR("sitting"));
    suggest_offer(&s, MPX_STR("kitten"));
    ck_assert_view_eq(s.best, "kitten");
    ck_assert_uint_eq(s.distance, 3);
    suggest_offer(&s, MPX_STR("SITTING"));
    ck_assert_uint_eq(s.distance, 0);
}
END_TEST

START_TEST(the_nearest_wins_and_among_equals_the_first)
{
    static const char *const equals[] = { "bat", "cat", "hat" };
    static const char *const nearer[] = { "abcx", "abcd", "abxd" };

    ck_assert_view_eq(best_of("rat", equals, 3), "bat");
    ck_assert_view_eq(best_of("abcde", nearer, 3), "abcd");
}
END_TEST

START_TEST(words_of_more_than_48_letters_are_left_alone)
{
    char longest[49 + 1] = { 0 };

    memset(longest, 'a', 49);
    ck_assert(!is_offered(longest, longest));
    ck_assert(!is_offered("aaaa", longest));
    ck_assert(!is_offered(longest, "aaaa"));
    longest[48] = '\0';
    ck_assert(is_offered(longest, longest));
}
END_TEST

Suite *suite_suggest(void)
{
    static const TTest **const tests[] = {
        &finds_the_word_that_was_meant,
        &suggests_nothing_when_nothing_is_near,
        &a_third_of_the_word_and_one_letter_may_differ,
        &a_word_with_no_letter_in_common_is_not_suggested,
        &counts_insertions_removals_and_replacements,
        &the_nearest_wins_and_among_equals_the_first,
        &words_of_more_than_48_letters_are_left_alone,
        NULL,
    };

    return unit_suite("suggest", tests);
}
