/* SPDX-License-Identifier: MIT */
#include "expand.h"

#include "given.h"

#include <stdlib.h>

static const char define[] =
    "{ \"name\": \"www\", \"n\": 8080, \"neg\": -1, \"on\": true, \"no\": "
    "null, \"r\": 1.5, \"empty\": \"\", \"list\": [], \"braces\": \"${x}\" }";

/* The string after expansion. */
static const struct node *expanded(struct given *t, const char *string)
{
    const struct node *names = given_json(t, define);
    struct node *tree = given_json(t, arena_printf(&t->arena, "{ \"x\": \"%s\" }", string).p);

    expand_tree(&t->arena, &t->sources, tree, names, &t->problems);
    return tree->first;
}

START_TEST(names_are_replaced_by_what_define_says)
{
    static const struct {
        const char *string, *becomes;
    } cases[] = {
        { "", "" },
        { "no names", "no names" },
        { "${name}", "www" },
        { "/srv/${name}/x", "/srv/www/x" },
        { "${name}${name}", "wwwwww" },
        { "${name}:${n}", "www:8080" },
        { "${n} ${neg} ${on} ${no} ${r}", "8080 -1 true null 1.5" },
        { "[${empty}]", "[]" },
        { "${braces}", "${x}" }, /* a value is not expanded again */
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_view_eq(expanded(&t, cases[i].string)->string, cases[i].becomes);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(dollars_without_a_brace_are_left_for_run_time)
{
    static const struct {
        const char *string, *becomes;
    } cases[] = {
        { "$name", "$name" },
        { "$", "$" },
        { "$$", "$$" },
        { "{name}", "{name}" },
        { "$${name}", "${name}" },
        { "$${", "${" },
        { "$${name} ${name} $${", "${name} www ${" },
        { "$$${name}", "$${name}" },
        { "$name${name}$", "$namewww$" },
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        ck_assert_view_eq(expanded(&t, cases[i].string)->string, cases[i].becomes);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(only_a_whole_string_may_become_a_number)
{
    struct given t;

    given_init(&t);
    ck_assert(expanded(&t, "${n}")->expanded);
    ck_assert(!expanded(&t, "8080")->expanded);
    ck_assert(!expanded(&t, "1${n}")->expanded);
    ck_assert(!expanded(&t, "${n}0")->expanded);
    ck_assert(!expanded(&t, "${n}${n}")->expanded);
    ck_assert(!expanded(&t, "$${n}")->expanded);
    given_finish(&t);
}
END_TEST

START_TEST(the_environment_may_have_a_default)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(setenv("MPX_T", "val", 1), 0);
    ck_assert_int_eq(setenv("MPX_EMPTY", "", 1), 0);
    ck_assert_int_eq(unsetenv("MPX_NONE"), 0);
    ck_assert_view_eq(expanded(&t, "<${env:MPX_T}>")->string, "<val>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_T:-other}>")->string, "<val>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_EMPTY:-other}>")->string, "<>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_NONE:-a:-b c}>")->string, "<a:-b c>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_NONE:-}>")->string, "<>");
    ck_assert_errors(&t, "");
    (void)expanded(&t, "${env:MPX_NONE}");
    ck_assert_errors(&t, "t.json:1:8: error: the environment has no MPX_NONE: set it, or write "
                         "${env:MPX_NONE:-default}\n");
    given_finish(&t);
}
END_TEST

START_TEST(the_text_of_a_file_may_stand_in_a_value)
{
    struct given t;

    given_init(&t);
    given_file(&t, "secret", "hun ter\n\n");
    ck_assert_view_eq(expanded(&t, "${file:secret}!")->string, "hun ter!");
    const char *absolute = arena_printf(&t.arena, "${file:%s/secret}", t.folder).p;
    ck_assert_view_eq(expanded(&t, absolute)->string, "hun ter");
    ck_assert_errors(&t, "");
    (void)expanded(&t, "${file:none}");
    ck_assert_errors(
        &t, "t.json:1:8: error: the file \"none\" cannot be read: No such file or directory\n");
    given_finish(&t);
}
END_TEST

START_TEST(what_is_not_set_is_told_with_what_was_meant)
{
    struct given t;

    given_init(&t);
    (void)expanded(&t, "a${nmae}");
    ck_assert_errors(&t, "t.json:1:8: error: ${nmae} is not set (did you mean ${name}?)\n");
    (void)expanded(&t, "${quite_different}");
    ck_assert_errors(&t,
                     "t.json:1:8: error: ${quite_different} is not set: add it to \"define\"\n");
    (void)expanded(&t, "${list}");
    ck_assert_errors(
        &t, "t.json:1:8: error: ${list} is a list: only a string or number can be put here\n");
    (void)expanded(&t, "${name} ${name");
    ck_assert_errors(&t, "t.json:1:8: error: \"${\" without \"}\" (a plain \"${\" is written "
                         "\"$${\")\n");
    given_finish(&t);
}
END_TEST

START_TEST(all_that_is_wrong_in_a_tree_is_told)
{
    struct given t;

    given_init(&t);
    struct node *tree =
        given_json(&t, "{ \"a\": \"${xxx} ${yyy}\",\n \"b\": [ { \"c\": \"${zzz}\" } "
                       "], \"${key}\": \"${name}\" }");
    expand_tree(&t.arena, &t.sources, tree, given_json(&t, define), &t.problems);
    ck_assert_errors(&t, "t.json:1:8: error: ${xxx} is not set: add it to \"define\"\n"
                         "t.json:1:8: error: ${yyy} is not set: add it to \"define\"\n"
                         "t.json:2:16: error: ${zzz} is not set: add it to \"define\"\n");
    ck_assert_str_eq(given_text(&t, tree->last), "\"www\"");
    ck_assert_view_eq(tree->last->key, "${key}"); /* keys are not expanded */
    given_finish(&t);
}
END_TEST

START_TEST(a_text_without_end_does_not_spoil_the_next_one)
{
    struct given t;
    static char big[(1 << 20) + 2];

    given_init(&t);
    memset(big, 'x', sizeof(big) - 1);
    given_file(&t, "big", big);
    struct node *tree = given_json(&t, "{ \"a\": \"${file:big}\", \"b\": \"${name}\" }");
    expand_tree(&t.arena, &t.sources, tree, given_json(&t, define), &t.problems);
    ck_assert_errors(&t, "t.json:1:8: error: with what \"${...}\" stands for it is longer than "
                         "1048576 bytes\n");
    ck_assert_view_eq(tree->last->string, "www");
    given_finish(&t);
}
END_TEST

Suite *suite_expand(void)
{
    static const TTest **const tests[] = {
        &names_are_replaced_by_what_define_says,
        &dollars_without_a_brace_are_left_for_run_time,
        &only_a_whole_string_may_become_a_number,
        &the_environment_may_have_a_default,
        &the_text_of_a_file_may_stand_in_a_value,
        &what_is_not_set_is_told_with_what_was_meant,
        &all_that_is_wrong_in_a_tree_is_told,
        &a_text_without_end_does_not_spoil_the_next_one,
        NULL,
    };

    return unit_suite("expand", tests);
}
