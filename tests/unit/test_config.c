/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "given.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(sections_come_as_objects_and_lists)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"$schema\": \"x\", \"daemon\": { \"user\": \"u\" }, \"connection\": \"a:1\",\n"
               "\"defaults\": {}, \"process\": {}, \"vhosts\": { \"name\": \"v\" } }");
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "");
    ck_assert_str_eq(given_text(&t, root),
                     "{\"daemon\":{\"user\":\"u\"},\"connection\":[\"a:1\"],\"defaults\":{},"
                     "\"process\":{},\"vhosts\":[{\"name\":\"v\"}]}");
    ck_assert_str_eq(node_pointer(&t.arena, node_member(root, "vhosts")->first->first),
                     "/vhosts/0/name");
    given_finish(&t);
}
END_TEST

START_TEST(a_file_that_is_not_there_is_a_problem_without_a_place)
{
    struct given t;

    given_init(&t);
    ck_assert_str_eq(given_text(&t, given_config(&t)), "{}");
    ck_assert_errors(&t, "error: the file \"main.json\" does not exist\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_folder_is_no_configuration)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(mkdir("main.json", 0700), 0);
    (void)given_config(&t);
    ck_assert_errors(&t, "error: the file \"main.json\" cannot be read: Is a directory\n");
    given_finish(&t);
}
END_TEST

START_TEST(unknown_sections_and_wrong_kinds_are_told_together)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"vhost\": {},\n \"zzzzzzzzzzzz\": 1,\n \"daemon\": [],\n \"defaults\": 5,\n"
               " \"process\": null,\n \"define\": \"x\",\n \"include\": 7 }");
    (void)given_config(&t);
    ck_assert_errors(
        &t, "main.json:1:3: error: unknown key \"vhost\" at the top level (did you mean "
            "\"vhosts\"?)\n"
            "main.json:2:2: error: unknown key \"zzzzzzzzzzzz\" at the top level, which holds "
            "daemon, connection, vhosts, defaults, process, include and define\n"
            "main.json:3:12: error: \"daemon\" must be an object, { ... }, not a list\n"
            "main.json:4:14: error: \"defaults\" must be an object, { ... }, not a number\n"
            "main.json:5:13: error: \"process\" must be an object, { ... }, not null\n"
            "main.json:6:12: error: \"define\" must be an object, { ... }, not a string\n"
            "main.json:7:13: error: \"include\" must be a file name or pattern, not a number\n");
    given_finish(&t);
}
END_TEST

START_TEST(included_lists_append_and_objects_merge)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(mkdir("conf.d", 0700), 0);
    given_file(
        &t, "main.json",
        "{ \"include\": [\"conf.d/*.json\", \"last.json\"], \"vhosts\": { \"name\": \"0\" },\n"
        "\"daemon\": { \"pool\": { \"threads\": 2 } } }");
    given_file(&t, "conf.d/b.json", "{ \"vhosts\": [ {\"name\":\"2\"}, {\"name\":\"3\"} ] }");
    given_file(&t, "conf.d/a.json",
               "{ \"vhosts\": {\"name\":\"1\"}, \"connection\": {},\n"
               "\"daemon\": { \"pool\": { \"queue\": 9 }, \"user\": \"u\" } }");
    given_file(&t, "conf.d/no.txt", "not read");
    given_file(&t, "last.json", "{ \"vhosts\": {\"name\":\"4\"}, \"connection\": {} }");
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "");
    ck_assert_str_eq(
        given_text(&t, root),
        "{\"vhosts\":[{\"name\":\"0\"},{\"name\":\"1\"},{\"name\":\"2\"},{\"name\":\"3\"}"
        ",{\"name\":\"4\"}],"
        "\"daemon\":{\"pool\":{\"threads\":2,\"queue\":9},\"user\":\"u\"},"
        "\"connection\":[{},{}]}");
    const struct node *last = node_member(root, "vhosts")->last;
    ck_assert_str_eq(last->at.src->name, "last.json");
    ck_assert_str_eq(node_pointer(&t.arena, last), "/vhosts/4");
    given_finish(&t);
}
END_TEST

START_TEST(the_same_value_in_two_files_is_a_problem_with_both_places)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"include\": \"b.json\",\n  \"daemon\": { \"user\": \"u\", \"pool\": {} } }");
    given_file(&t, "b.json", "{ \"daemon\": {\n\"user\": \"u\",\n\"pool\": 5 } }");
    (void)given_config(&t);
    ck_assert_errors(&t, "b.json:2:1: error: \"user\" is already set at main.json:2:15: files "
                         "cannot override each other: remove one\n"
                         "b.json:3:1: error: \"pool\" is already set at main.json:2:28: files "
                         "cannot override each other: remove one\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_section_twice_in_one_file_is_a_duplicate_only)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"daemon\": { \"user\": \"u\" },\n \"daemon\": { \"user\": \"v\" } }");
    (void)given_config(&t);
    ck_assert_errors(&t, "main.json:2:2: error: duplicate key \"daemon\" (the first one is at "
                         "main.json:1:3): remove one\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_pattern_may_match_nothing_but_a_name_must_be_there)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json", "{ \"include\": [ \"none.d/*.json\",\n\"none.json\" ] }");
    (void)given_config(&t);
    ck_assert_errors(&t, "main.json:2:1: error: the file \"none.json\" does not exist\n");
    given_finish(&t);
}
END_TEST

START_TEST(an_include_that_includes_itself_is_a_problem)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json", "{ \"include\": \"b.json\" }");
    given_file(&t, "b.json", "{\n\"include\": [ \"b.json\",\n\"./main.json\" ] }");
    (void)given_config(&t);
    ck_assert_errors(&t, "b.json:2:14: error: \"b.json\" includes itself: remove this include\n"
                         "b.json:3:1: error: \"./main.json\" includes itself: remove this "
                         "include\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_file_counts_once_however_often_it_is_included)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"include\": [ \"b.json\", \"*b.json\", \"./b.json\", \"c.json\" ] }");
    given_file(&t, "b.json", "{ \"vhosts\": {}, \"define\": { \"x\": \"1\" } }");
    given_file(&t, "c.json", "{ \"include\": \"b.json\" }");
    ck_assert_str_eq(given_text(&t, given_config(&t)), "{\"vhosts\":[{}]}");
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(a_file_under_another_name_is_the_same_file)
{
    struct given t;

    given_init(&t);
    given_file(&t, "b.json", "{ \"vhosts\": {} }");
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    ck_assert_int_eq(symlink("b.json", "c.json"), 0);
    given_file(&t, "main.json",
               arena_printf(&t.arena,
                            "{ \"include\": [ \"b.json\", \"./b.json\", \"sub/../b.json\", "
                            "\"c.json\", \"%s/b.json\" ] }",
                            t.folder)
                   .p);
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "");
    ck_assert_uint_eq(node_member(root, "vhosts")->count, 1);
    given_finish(&t);
}
END_TEST

START_TEST(includes_go_eight_files_deep)
{
    struct given t;
    char name[24], text[64];

    given_init(&t);
    given_file(&t, "main.json", "{ \"include\": \"1.json\" }");
    for (int i = 1; i < 9; i++) {
        (void)snprintf(name, sizeof(name), "%d.json", i);
        (void)snprintf(text, sizeof(text), "{ \"include\": \"%d.json\", \"vhosts\": {} }", i + 1);
        given_file(&t, name, text);
    }
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "7.json:1:14: error: includes go deeper than 8 files here\n");
    ck_assert_str_eq(given_text(&t, root), "{\"vhosts\":[{},{},{},{},{},{},{}]}");
    given_finish(&t);
}
END_TEST

START_TEST(mistakes_in_an_included_file_are_told_with_its_name)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json", "{ \"include\": [\"b.json\", \"c.json\"],\n \"daemn\": 1 }");
    given_file(&t, "b.json", "{\n  \"vhosts\": [ { \"x\": 1 \"y\": 2 } ]\n}");
    given_file(&t, "c.json", "{ \"vhosts\": [ { \"x\": \"${nope}\" } ] }");
    (void)given_config(&t);
    ck_assert_errors(&t,
                     "main.json:2:2: error: unknown key \"daemn\" at the top level (did you mean "
                     "\"daemon\"?)\n"
                     "b.json:2:24: error: ',' or '}' expected\n"
                     "c.json:1:22: error: ${nope} is not set: add it to \"define\"\n");
    given_finish(&t);
}
END_TEST

START_TEST(names_are_defined_for_all_files)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(mkdir("sub", 0700), 0);
    ck_assert_int_eq(setenv("MPX_T", "val", 1), 0);
    given_file(&t, "main.json",
               "{ \"define\": { \"dir\": \"sub\", \"e\": \"${env:MPX_T}\" },\n"
               "\"include\": \"${dir}/b.json\", \"vhosts\": { \"name\": \"${late}${e}\" } }");
    given_file(&t, "sub/b.json",
               "{ \"define\": { \"late\": \"<${dir}>\" }, \"vhosts\": { \"name\": \"${dir}\", "
               "\"key\": \"${file:key}\" } }");
    given_file(&t, "sub/key", "secret\n");
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "");
    ck_assert_str_eq(given_text(&t, root), "{\"vhosts\":[{\"name\":\"<sub>val\"},{\"name\":\"sub\","
                                           "\"key\":\"secret\"}]}");
    given_finish(&t);
}
END_TEST

START_TEST(a_name_is_defined_once)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json", "{ \"define\": { \"x\": \"1\" }, \"include\": \"b.json\" }");
    given_file(&t, "b.json", "{ \"define\": { \"x\": \"1\" } }");
    (void)given_config(&t);
    ck_assert_errors(&t, "b.json:1:15: error: \"x\" is already set at main.json:1:15: files cannot "
                         "override each other: remove one\n");
    given_finish(&t);
}
END_TEST

START_TEST(the_command_line_is_laid_over_the_files)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json",
               "{ \"daemon\": { \"user\": \"u\", \"group\": \"g\" }, \"connection\": [ {}, {} ],\n"
               "\"vhosts\": {} }");
    (void)source_add(&t.sources, "(command line)",
                     MPX_STR("{\"daemon\":{\"user\":\"me\"},\"connection\":[{\"port\":1}]}"));
    const struct node *root =
        config_read(&t.arena, &t.sources, "main.json", "(command line)", false, &t.problems);
    ck_assert_errors(&t, "");
    ck_assert_str_eq(given_text(&t, root), "{\"daemon\":{\"user\":\"me\",\"group\":\"g\"},"
                                           "\"connection\":[{\"port\":1}],\"vhosts\":[{}]}");
    const struct node *user = node_member(node_member(root, "daemon"), "user");
    ck_assert_str_eq(user->at.src->name, "(command line)");
    ck_assert_str_eq(user->next->at.src->name, "main.json");
    given_finish(&t);
}
END_TEST

START_TEST(strict_holds_for_included_files_too)
{
    struct given t;

    given_init(&t);
    given_file(&t, "main.json", "{ \"include\": \"b.json\" }");
    given_file(&t, "b.json", "{} // comment");
    (void)config_read(&t.arena, &t.sources, "main.json", NULL, true, &t.problems);
    ck_assert_errors(&t, "b.json:1:4: error: strict JSON has no comments: remove it, or drop "
                         "--strict-json\n");
    given_finish(&t);
}
END_TEST

Suite *suite_config(void)
{
    static const TTest **const tests[] = {
        &sections_come_as_objects_and_lists,
        &a_file_that_is_not_there_is_a_problem_without_a_place,
        &a_folder_is_no_configuration,
        &unknown_sections_and_wrong_kinds_are_told_together,
        &included_lists_append_and_objects_merge,
        &the_same_value_in_two_files_is_a_problem_with_both_places,
        &a_section_twice_in_one_file_is_a_duplicate_only,
        &a_pattern_may_match_nothing_but_a_name_must_be_there,
        &an_include_that_includes_itself_is_a_problem,
        &a_file_counts_once_however_often_it_is_included,
        &a_file_under_another_name_is_the_same_file,
        &includes_go_eight_files_deep,
        &mistakes_in_an_included_file_are_told_with_its_name,
        &names_are_defined_for_all_files,
        &a_name_is_defined_once,
        &the_command_line_is_laid_over_the_files,
        &strict_holds_for_included_files_too,
        NULL,
    };

    return unit_suite("config", tests);
}
