/* SPDX-License-Identifier: MIT */
#include "expand.h"

#include "given.h"

#include <stdlib.h>

static const char define[] = "{ \"name\": \"www\", \"n\": 8080, \"neg\": -1, \"on\": true, \"no\": "
                             "null, \"r\": 1.5, \"empty\": \"\", \"list\": [],"
                             "\"braces\": \"$${x}\", \"both\": \"<${name}${n}>\" }";

/* The string after expansion. */
static const struct node *expanded(struct given *t, const char *string)
{
    struct node *names = given_json(t, define);
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
        { "${braces}", "${x}" },
        { "${both}", "<www8080>" },
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
    ck_assert_view_eq(expanded(&t, "<${env:MPX_NONE:-${name}/${n}}>")->string, "<www/8080>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_NONE:-${env:MPX_NONE:-${name}}}>")->string, "<www>");
    ck_assert_view_eq(expanded(&t, "<${env:MPX_T:-${nobody}}>")->string, "<val>");
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
    given_file(&t, "www.key", "key");
    ck_assert_view_eq(expanded(&t, "${file:${name}.key}")->string, "key");
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

/* The tree with these defines is that, and this is said. */
static void check_defines(const char *defines, const char *string, const char *becomes,
                          const char *errors)
{
    struct given t;

    given_init(&t);
    struct node *names = given_json(&t, defines);
    struct node *tree = given_json(&t, arena_printf(&t.arena, "{ \"x\": \"%s\" }", string).p);
    expand_tree(&t.arena, &t.sources, tree, names, &t.problems);
    expand_defines(&t.arena, &t.sources, names, &t.problems);
    if (becomes != NULL)
        ck_assert_view_eq(tree->first->string, becomes);
    ck_assert(tree->first->is_wrong == (becomes == NULL));
    ck_assert_errors(&t, errors);
    given_finish(&t);
}

START_TEST(defines_may_use_each_other_in_any_order)
{
    check_defines("{ \"a\": \"<${b}>\", \"b\": \"${c}${c}\", \"c\": \"x\" }", "${a} ${b}",
                  "<xx> xx", "");
    check_defines("{ \"a\": \"${b}\", \"b\": 80 }", "${a}", "80", "");
}
END_TEST

START_TEST(defines_that_lead_to_themselves_are_refused)
{
    check_defines("{ \"a\": \"${a}\" }", "${a}", NULL,
                  "t.json:1:8: error: ${a} is made of itself\n");
    check_defines("{ \"a\": \"${b}\",\n\"b\": \"${c}\",\n\"c\": \"-${a}-\" }", "${b}", NULL,
                  "t.json:1:8: error: ${b} is made of itself\n");
}
END_TEST

START_TEST(one_mistake_in_a_define_is_told_once_and_where_it_stands)
{
    check_defines("{ \"a\": \"${nope}\",\n\"b\": \"${a}\" }", "${b}${a}", NULL,
                  "t.json:1:8: error: ${nope} is not set: add it to \"define\"\n");
    check_defines("{ \"a\": \"${nope}\" }", "unused", "unused",
                  "t.json:1:8: error: ${nope} is not set: add it to \"define\"\n");
}
END_TEST

START_TEST(what_would_take_for_ever_is_refused)
{
    struct given t;
    struct buffer b;

    given_init(&t);
    buffer_init(&b, 1 << 16);
    for (int i = 0; i < 40; i++) /* each is twice the next: 2^39 without memory */
        (void)buffer_printf(&b, "%s\"n%d\": \"${n%d}${n%d}\"", i > 0 ? ", " : "{ ", i, i + 1,
                            i + 1);
    (void)buffer_printf(&b, ", \"n40\": \"\" }");
    struct node *names = given_json(&t, arena_copyz(&t.arena, buffer_str(&b)));
    expand_defines(&t.arena, &t.sources, names, &t.problems);
    ck_assert_uint_eq(t.problems.count, 2); /* n15 and n31: too many lead to each other */
    buffer_finish(&b);
    given_finish(&t);
}
END_TEST

START_TEST(braces_stand_inside_braces_only_where_they_mean_something)
{
    struct given t;

    given_init(&t);
    (void)expanded(&t, "${na${n}e}");
    ck_assert_errors(&t, "t.json:1:8: error: a name cannot hold \"${\": it may stand in a default "
                         "and in the name of a file\n");
    (void)expanded(&t, "${env:MPX_NONE:-${name}");
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
        &defines_may_use_each_other_in_any_order,
        &defines_that_lead_to_themselves_are_refused,
        &one_mistake_in_a_define_is_told_once_and_where_it_stands,
        &what_would_take_for_ever_is_refused,
        &braces_stand_inside_braces_only_where_they_mean_something,
        &all_that_is_wrong_in_a_tree_is_told,
        &a_text_without_end_does_not_spoil_the_next_one,
        NULL,
    };

    return unit_suite("expand", tests);
}
