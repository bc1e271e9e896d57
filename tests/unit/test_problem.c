/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include "given.h"

static const struct source *text_of(struct given *t, const char *name, const char *text)
{
    return source_add(&t->sources, name, str_of(text));
}

/* The place of a word in a text. */
static struct place word(const struct source *src, const char *w)
{
    const char *at = strstr(src->text.p, w);

    ck_assert_ptr_nonnull(at);
    return (struct place){ src, (size_t)(at - src->text.p), strlen(w) };
}

START_TEST(a_problem_shows_its_line_with_a_mark_below)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "site.json", "{\n  \"prot\": 80\n}\n");
    problem_add(&t.problems, word(src, "\"prot\""), "unknown key \"%s\"", "prot");
    ck_assert_str_eq(given_report(&t), "site.json:2:3: error: unknown key \"prot\"\n"
                                       "    2 |   \"prot\": 80\n"
                                       "      |   ^~~~~~\n");
    given_finish(&t);
}
END_TEST

START_TEST(tabs_and_wide_characters_do_not_move_the_mark)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "t", "\t\"\xc3\xa4\":\t\"\xc3\xb6\xc3\xb6\" 5\r\n");
    problem_add(&t.problems, word(src, "\"\xc3\xb6\xc3\xb6\""), "x");
    ck_assert_str_eq(given_report(&t), "t:1:7: error: x\n"
                                       "    1 | \t\"\xc3\xa4\":\t\"\xc3\xb6\xc3\xb6\" 5\n"
                                       "      | \t    \t^~~~\n");
    given_finish(&t);
}
END_TEST

START_TEST(the_mark_ends_with_the_line)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "t", "ab {\n}\n");
    problem_add(&t.problems, (struct place){ src, 3, 99 }, "x");
    ck_assert_str_eq(given_report(&t), "t:1:4: error: x\n"
                                       "    1 | ab {\n"
                                       "      |    ^\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_long_line_is_shown_around_the_place)
{
    struct given t;
    char line[4096];

    given_init(&t);
    memset(line, 'x', sizeof(line));
    memcpy(line + 2000, "HERE", 4);
    line[sizeof(line) - 1] = '\0';
    const struct source *src = text_of(&t, "t", line);
    problem_add(&t.problems, word(src, "HERE"), "far out");
    const char *report = given_report(&t);
    ck_assert_uint_lt(strlen(report), 600);
    ck_assert_int_eq(strncmp(report, "t:1:2001: error: far out\n", 25), 0);
    /* the mark stands below the word */
    const char *shown = strchr(report, '\n') + 1, *mark = strchr(shown, '\n') + 1;
    ck_assert_int_eq(strstr(shown, "HERE") - shown, strchr(mark, '^') - mark);
    ck_assert_ptr_nonnull(strstr(mark, " ^~~~\n"));
    given_finish(&t);
}
END_TEST

START_TEST(bytes_that_move_the_cursor_are_not_repeated)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "t", "a\x1b[2J\x7f z");
    problem_add(&t.problems, word(src, "z"), "a\nb\x1b c");
    ck_assert_str_eq(given_report(&t), "t:1:8: error: a?b? c\n"
                                       "    1 | a?[2J? z\n"
                                       "      |        ^\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_place_without_length_shows_no_line)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "t", "password: hunter2");
    struct place at = word(src, "hunter2");
    at.len = 0;
    problem_add(&t.problems, at, "too short");
    ck_assert_str_eq(given_report(&t), "t:1:11: error: too short\n");
    given_finish(&t);
}
END_TEST

START_TEST(problems_come_in_the_order_of_the_files)
{
    struct given t;

    given_init(&t);
    const struct source *one = text_of(&t, "one", "a b c"), *two = text_of(&t, "two", "a b c");
    problem_add(&t.problems, (struct place){ .src = NULL }, "nowhere");
    problem_add(&t.problems, word(two, "b"), "2b");
    problem_add(&t.problems, word(one, "c"), "1c");
    problem_add(&t.problems, word(two, "a"), "2a");
    problem_add(&t.problems, word(one, "a"), "1a first");
    problem_add(&t.problems, word(one, "a"), "1a second");
    ck_assert_uint_eq(t.problems.count, 6);
    ck_assert_errors(&t, "one:1:1: error: 1a first\n"
                         "one:1:1: error: 1a second\n"
                         "one:1:5: error: 1c\n"
                         "two:1:1: error: 2a\n"
                         "two:1:3: error: 2b\n"
                         "error: nowhere\n");
    given_finish(&t);
}
END_TEST

START_TEST(the_same_problem_is_told_once)
{
    struct given t;

    given_init(&t);
    const struct source *src = text_of(&t, "t", "a b");
    for (int i = 0; i < 3; i++) {
        problem_add(&t.problems, word(src, "a"), "x");
        problem_add(&t.problems, word(src, "a"), "y");
        problem_add(&t.problems, word(src, "b"), "x");
        problem_add(&t.problems, (struct place){ .src = NULL }, "x");
    }
    ck_assert_uint_eq(t.problems.count, 4);
    ck_assert_errors(&t, "t:1:1: error: x\nt:1:1: error: y\nt:1:3: error: x\nerror: x\n");
    given_finish(&t);
}
END_TEST

START_TEST(fifty_are_shown_and_the_others_counted)
{
    struct given t;

    given_init(&t);
    for (int i = 0; i < PROBLEMS_SHOWN; i++)
        problem_add(&t.problems, (struct place){ .src = NULL }, "%d", i);
    ck_assert_ptr_null(strstr(given_report(&t), "more"));
    problem_add(&t.problems, (struct place){ .src = NULL }, "one more");
    ck_assert_ptr_nonnull(strstr(given_report(&t), "error: 49\nand 1 more error\n"));
    problem_add(&t.problems, (struct place){ .src = NULL }, "and another");
    ck_assert_ptr_nonnull(strstr(given_report(&t), "error: 49\nand 2 more errors\n"));
    given_finish(&t);
}
END_TEST

START_TEST(problems_go_to_another_process)
{
    struct given t;
    struct problems other;
    struct buffer b;

    given_init(&t);
    const struct source *one = text_of(&t, "one", "a b"), *two = text_of(&t, "two", "c");
    problem_add(&t.problems, word(two, "c"), "third, with a\nnewline");
    problem_add(&t.problems, word(one, "b"), "second");
    problem_add(&t.problems, (struct place){ .src = NULL }, "last");
    problem_add(&t.problems, word(one, "a"), "first");
    problems_init(&other);
    buffer_init(&b, 4096);
    unsigned count = 0;
    for (; problem_save(&t.problems, count, &b); count++) {
        ck_assert_int_eq(problem_load(&other, &t.sources, buffer_str(&b)), 0);
        b.n = 0;
    }
    ck_assert_uint_eq(count, 4);
    ck_assert_uint_eq(b.n, 0);
    const char *here = given_report(&t);
    problems_finish(&t.problems);
    t.problems = other;
    ck_assert_str_eq(given_report(&t), here);
    buffer_finish(&b);
    given_finish(&t);
}
END_TEST

START_TEST(refuses_what_is_no_saved_problem)
{
    static const char too_long[] = "1111111111111111111111111111111111111111111111111111111"
                                   "11111111111 2 3\ntext";
    static const char *const wrong[] = { "", "1 2 3", "x\ntext", "1 2\ntext", "\n", too_long };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(problem_load(&t.problems, &t.sources, str_of(wrong[i])) == -1, "\"%s\"",
                      wrong[i]);
    ck_assert_uint_eq(t.problems.count, 0);
    given_finish(&t);
}
END_TEST

Suite *suite_problem(void)
{
    static const TTest **const tests[] = {
        &a_problem_shows_its_line_with_a_mark_below,
        &tabs_and_wide_characters_do_not_move_the_mark,
        &the_mark_ends_with_the_line,
        &a_long_line_is_shown_around_the_place,
        &bytes_that_move_the_cursor_are_not_repeated,
        &a_place_without_length_shows_no_line,
        &problems_come_in_the_order_of_the_files,
        &the_same_problem_is_told_once,
        &fifty_are_shown_and_the_others_counted,
        &problems_go_to_another_process,
        &refuses_what_is_no_saved_problem,
        NULL,
    };

    return unit_suite("problem", tests);
}
