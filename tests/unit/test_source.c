/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "given.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

START_TEST(a_text_is_read_once)
{
    struct given t;

    given_init(&t);
    given_file(&t, "a.json", "first\n");
    const struct source *a = source_get(&t.sources, SOURCE_CONFIG, "a.json");
    given_file(&t, "a.json", "second\n");
    ck_assert_ptr_eq(source_get(&t.sources, SOURCE_CONFIG, "a.json"), a);
    ck_assert_int_eq(a->error, 0);
    ck_assert_view_eq(a->text, "first\n");
    const struct source *value = source_get(&t.sources, SOURCE_VALUE, "a.json");
    ck_assert_view_eq(value->text, "second"); /* another kind: without the newline */
    ck_assert_uint_gt(value->order, a->order);
    given_finish(&t);
}
END_TEST

START_TEST(what_cannot_be_read_has_an_error)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_CONFIG, "none.json")->error, ENOENT);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_CONFIG, t.folder)->error, EISDIR);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_VALUE, "none/at/all")->error, ENOENT);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_GLOB, "*.none")->error, ENOENT);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_ENV, "MPX_NO_SUCH_VARIABLE")->error, ENOENT);
    given_finish(&t);
}
END_TEST

START_TEST(a_value_loses_the_white_space_at_its_end_only)
{
    struct given t;

    given_init(&t);
    given_file(&t, "key", " s e\tcret \r\n\n");
    given_file(&t, "blank", " \n");
    ck_assert_view_eq(source_get(&t.sources, SOURCE_VALUE, "key")->text, " s e\tcret");
    ck_assert_view_eq(source_get(&t.sources, SOURCE_VALUE, "blank")->text, "");
    given_finish(&t);
}
END_TEST

START_TEST(a_pattern_gives_its_names_sorted)
{
    struct given t;

    given_init(&t);
    given_file(&t, "b.json", "");
    given_file(&t, "B.json", "");
    given_file(&t, "a.json", "");
    given_file(&t, "10.json", "");
    given_file(&t, "c.txt", "");
    ck_assert_view_eq(source_get(&t.sources, SOURCE_GLOB, "*.json")->text,
                      "10.json\nB.json\na.json\nb.json\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_variable_may_be_empty)
{
    struct given t;

    given_init(&t);
    ck_assert_int_eq(setenv("MPX_TEST_EMPTY", "", 1), 0);
    ck_assert_int_eq(source_get(&t.sources, SOURCE_ENV, "MPX_TEST_EMPTY")->error, 0);
    ck_assert_view_eq(source_get(&t.sources, SOURCE_ENV, "MPX_TEST_EMPTY")->text, "");
    given_finish(&t);
}
END_TEST

START_TEST(names_are_relative_to_the_file_that_has_them)
{
    static const struct {
        const char *own, *name, *resolved;
    } cases[] = {
        { "main.json", "b.json", "b.json" },
        { "main.json", "/etc/b.json", "/etc/b.json" },
        { "conf.d/main.json", "b.json", "conf.d/b.json" },
        { "conf.d/main.json", "../b.json", "conf.d/../b.json" },
        { "conf.d/main.json", "/b.json", "/b.json" },
        { "/etc/x/main.json", "sub/b.json", "/etc/x/sub/b.json" },
        { "/main.json", "b.json", "/b.json" },
        { "(command line)", "b.json", "b.json" },
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct source *own = source_add(&t.sources, cases[i].own, MPX_STR(""));

        ck_assert_str_eq(source_resolve(&t.sources, own, str_of(cases[i].name)), cases[i].resolved);
    }
    given_finish(&t);
}
END_TEST

START_TEST(absolute_names_have_no_dots_and_doubled_slashes)
{
    static const struct {
        const char *own, *name, *absolute;
    } cases[] = {
        { "/etc/main.json", "b", "/etc/b" },
        { "/etc/main.json", "./a//b/./c/", "/etc/a/b/c" },
        { "/etc/main.json", "//a", "/a" },
        { "/etc/main.json", "/", "/" },
        { "/etc/main.json", "/.", "/" },
        { "/etc/main.json", ".", "/etc" },
        { "/etc/main.json", "../b", "/etc/../b" },
        { "conf.d/main.json", "b", "/w/conf.d/b" },
        { "main.json", "b", "/w/b" },
        { "main.json", ".hidden/..b", "/w/.hidden/..b" },
    };
    struct given t;

    given_init(&t);
    t.sources.folder = "/w";
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct source *own = source_add(&t.sources, cases[i].own, MPX_STR(""));
        struct mpx_str path = source_absolute(&t.sources, own, str_of(cases[i].name), &t.arena);

        ck_assert_view_eq(path, cases[i].absolute);
        ck_assert_uint_eq(strlen(path.p), path.n);
    }
    given_finish(&t);
}
END_TEST

START_TEST(another_process_sees_the_same_texts_without_the_files)
{
    struct given t;
    struct sources copy;
    struct buffer b;

    given_init(&t);
    given_file(&t, "a.json", "{\n\"x\": 1 }\n");
    ck_assert_int_eq(setenv("MPX_TEST_VALUE", "some thing", 1), 0);
    (void)source_get(&t.sources, SOURCE_CONFIG, "a.json");
    (void)source_get(&t.sources, SOURCE_CONFIG, "missing.json");
    (void)source_get(&t.sources, SOURCE_ENV, "MPX_TEST_VALUE");
    (void)source_add(&t.sources, "(command line)", MPX_STR("{}"));
    buffer_init(&b, 1 << 20);
    sources_save(&t.sources, &b);
    sources_init(&copy);
    ck_assert_int_eq(sources_load(&copy, buffer_str(&b)), 0);
    ck_assert_int_eq(unlink("a.json"), 0);
    ck_assert_int_eq(unsetenv("MPX_TEST_VALUE"), 0);
    ck_assert_str_eq(copy.folder, t.sources.folder);
    const struct source *a = source_get(&copy, SOURCE_CONFIG, "a.json");
    ck_assert_view_eq(a->text, "{\n\"x\": 1 }\n");
    ck_assert_uint_eq(a->order, 0);
    ck_assert_int_eq(source_get(&copy, SOURCE_CONFIG, "missing.json")->error, ENOENT);
    ck_assert_view_eq(source_get(&copy, SOURCE_ENV, "MPX_TEST_VALUE")->text, "some thing");
    ck_assert_view_eq(source_get(&copy, SOURCE_CONFIG, "(command line)")->text, "{}");
    given_file(&t, "new.json", "{}");
    ck_assert_int_eq(source_get(&copy, SOURCE_CONFIG, "new.json")->error, ENOENT); /* frozen */
    sources_finish(&copy);
    buffer_finish(&b);
    given_finish(&t);
}
END_TEST

START_TEST(refuses_bytes_that_were_not_saved)
{
    static const struct mpx_str wrong[] = {
        { "", 0 },
        { "/w", 2 },
        { "/w\0c 0 1 0 1\nx", 14 },   /* the text is missing */
        { "/w\0c 0 9 0 0\nx", 14 },   /* the name is cut short */
        { "/w\0c 0 1 9 0\nx", 14 },   /* the real name is */
        { "/w\0c 0 1 1\nxy", 13 },    /* a number is missing */
        { "/w\0c 0 -1 0 1\nxy", 16 }, /* a negative one */
        { "/w\0c 0 1 0 18446744073709551615\nxy", 33 },
        { "/w\0\n", 4 },
        { "/w\0junk", 7 },
    };

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct sources s;

        sources_init(&s);
        ck_assert_msg(sources_load(&s, wrong[i]) == -1, "case %zu", i);
        sources_finish(&s);
    }
    struct sources s;
    sources_init(&s);
    ck_assert_int_eq(sources_load(&s, MPX_STR("/w\0c 0 1 1 1\nxzy")), 0);
    ck_assert_view_eq(source_get(&s, SOURCE_CONFIG, "x")->text, "y");
    sources_finish(&s);
}
END_TEST

START_TEST(a_place_is_a_line_and_a_column_in_characters)
{
    static const char text[] = "one\n\ttwo\r\n\n\xc3\xa4\xe2\x82\xac!\nlast";
    static const struct {
        const char *at;
        unsigned line, column;
        const char *shown;
    } cases[] = {
        { "one", 1, 1, "one" },   { "\ttwo", 2, 1, "\ttwo" },
        { "two", 2, 2, "\ttwo" }, { "!", 4, 3, "\xc3\xa4\xe2\x82\xac!" },
        { "last", 5, 1, "last" }, { "st", 5, 3, "last" },
    };
    struct sources s;

    sources_init(&s);
    const struct source *src = source_add(&s, "t", str_of(text));
    for (size_t i = 0; i <= sizeof(cases) / sizeof(cases[0]); i++) {
        bool past =
            i == sizeof(cases) / sizeof(cases[0]); /* an offset behind the text is its end */
        struct place at = { src, past ? 1000 : (size_t)(strstr(text, cases[i].at) - text), 1 };
        unsigned line, column;
        struct mpx_str shown;

        place_find(&at, &line, &column, &shown);
        ck_assert_uint_eq(line, past ? 5 : cases[i].line);
        ck_assert_uint_eq(column, past ? 5 : cases[i].column);
        ck_assert_view_eq(shown, past ? "last" : cases[i].shown);
    }
    sources_finish(&s);
}
END_TEST

Suite *suite_source(void)
{
    static const TTest **const tests[] = {
        &a_text_is_read_once,
        &what_cannot_be_read_has_an_error,
        &a_value_loses_the_white_space_at_its_end_only,
        &a_pattern_gives_its_names_sorted,
        &a_variable_may_be_empty,
        &names_are_relative_to_the_file_that_has_them,
        &absolute_names_have_no_dots_and_doubled_slashes,
        &another_process_sees_the_same_texts_without_the_files,
        &refuses_bytes_that_were_not_saved,
        &a_place_is_a_line_and_a_column_in_characters,
        NULL,
    };

    return unit_suite("source", tests);
}
