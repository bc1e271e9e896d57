/* SPDX-License-Identifier: MIT
   Each type of option: what it takes, and what is said to anything else. */
#include "option_value.h"

#include "given.h"

#include <errno.h>
#include <sys/stat.h>

/* The field, whatever its type. */
union field {
    bool boolean;
    int64_t number;
    struct mpx_str string;
    int word;
    struct mpx_list list;
};

/* Reads text as the value of "k"; -1 with the problem added. */
static int read_text(struct given *t, const struct mpx_option *o, const char *text,
                     union field *field)
{
    const struct option_reading rd = { .a = &t->arena,
                                       .sources = &t->sources,
                                       .problems = &t->problems };
    struct node *j = given_json(t, arena_printf(&t->arena, "{\"k\":%s}", text).p);

    ck_assert_msg(j != NULL, "%s", text);
    *field = (union field){ .list = { NULL, 0 } };
    return option_read_value(&rd, o, j->first, field);
}

/* A value as ${...} gives it. */
static int read_expanded(struct given *t, const struct mpx_option *o, const char *string,
                         union field *field)
{
    const struct option_reading rd = { .a = &t->arena,
                                       .sources = &t->sources,
                                       .problems = &t->problems };
    struct node *j = given_json(t, arena_printf(&t->arena, "{\"k\":\"%s\"}", string).p);

    j->first->expanded = true;
    return option_read_value(&rd, o, j->first, field);
}

static int64_t number(struct given *t, const struct mpx_option *o, const char *text)
{
    union field f;

    ck_assert_msg(read_text(t, o, text, &f) == 0, "%s: %s", text, given_errors(t));
    return f.number;
}

struct refused {
    const char *text, *said;
};

/* Each text is refused with these words, at the value. */
static void expect_refused(struct given *t, const struct mpx_option *o, const struct refused *cases)
{
    union field f;

    for (; cases->text != NULL; cases++) {
        ck_assert_msg(read_text(t, o, cases->text, &f) == -1, "%s", cases->text);
        ck_assert_errors(t, arena_printf(&t->arena, "t.json:1:6: error: /k %s\n", cases->said).p);
    }
}

START_TEST(a_bool_is_true_or_false)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_BOOL };
    static const struct refused wrong[] = {
        { "1", "must be true or false, not 1" },
        { "\"yes\"", "must be true or false, not the string \"yes\"" },
        { "\"true\"", "must be true or false without quotes, not the string \"true\"" },
        { "[true]", "must be true or false, not a list" },
        { NULL, NULL },
    };
    struct given t;
    union field f;

    given_init(&t);
    ck_assert(read_text(&t, &o, "true", &f) == 0 && f.boolean);
    ck_assert(read_text(&t, &o, "false", &f) == 0 && !f.boolean);
    ck_assert(read_expanded(&t, &o, "true", &f) == 0 && f.boolean);
    ck_assert(read_expanded(&t, &o, "false", &f) == 0 && !f.boolean);
    ck_assert_int_eq(read_expanded(&t, &o, "yes", &f), -1);
    ck_assert_errors(&t, "t.json:1:6: error: /k must be true or false, not the string \"yes\"\n");
    expect_refused(&t, &o, wrong);
    given_finish(&t);
}
END_TEST

START_TEST(an_int_without_bounds_is_not_negative)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_INT };
    static const struct refused wrong[] = {
        { "-1", "must not be negative, not -1" },
        { "1.5", "must be a whole number, not 1.5" },
        { "1e3", "must be a whole number, not 1000" },
        { "\"7\"", "must be a number without quotes, not the string \"7\"" },
        { "\"x\"", "must be a number, not the string \"x\"" },
        { "true", "must be a number, not true" },
        { "{}", "must be a number, not an object" },
        { "null", "must be a number, not null" },
        { NULL, NULL },
    };
    struct given t;
    union field f;

    given_init(&t);
    ck_assert_int_eq(number(&t, &o, "0"), 0);
    ck_assert_int_eq(number(&t, &o, "9223372036854775807"), INT64_MAX);
    ck_assert(read_expanded(&t, &o, "8080", &f) == 0 && f.number == 8080);
    expect_refused(&t, &o, wrong);
    ck_assert_int_eq(read_expanded(&t, &o, "99999999999999999999", &f), -1);
    ck_assert_errors(&t, "t.json:1:6: error: /k must be a number, not the string "
                         "\"99999999999999999999\"\n");
    given_finish(&t);
}
END_TEST

START_TEST(an_int_keeps_its_bounds)
{
    static const struct mpx_option port = {
        .name = "k", .type = MPX_T_INT, .min = 0, .max = 65535
    };
    static const struct mpx_option least = {
        .name = "k", .type = MPX_T_INT, .min = 3, .max = INT64_MAX
    };
    static const struct mpx_option signs = { .name = "k", .type = MPX_T_INT, .min = -2, .max = 2 };
    static const struct refused ports[] = {
        { "65536", "must be a number from 0 to 65535, not 65536" },
        { "-1", "must be a number from 0 to 65535, not -1" },
        { "\"80\"", "must be a number from 0 to 65535 without quotes, not the string \"80\"" },
        { "\"http\"", "must be a number from 0 to 65535, not the string \"http\"" },
        { "80.5", "must be a whole number from 0 to 65535, not 80.5" },
        { NULL, NULL },
    };
    static const struct refused leasts[] = { { "2", "must be a number from 3, not 2" },
                                             { NULL, NULL } };
    struct given t;

    given_init(&t);
    ck_assert_int_eq(number(&t, &port, "65535"), 65535);
    ck_assert_int_eq(number(&t, &least, "3"), 3);
    ck_assert_int_eq(number(&t, &signs, "-2"), -2);
    expect_refused(&t, &port, ports);
    expect_refused(&t, &least, leasts);
    given_finish(&t);
}
END_TEST

START_TEST(a_size_has_units_and_bounds)
{
    static const struct mpx_option any = { .name = "k", .type = MPX_T_SIZE };
    static const struct mpx_option some = {
        .name = "k", .type = MPX_T_SIZE, .min = 512, .max = 1 << 20
    };
    static const struct refused wrong[] = {
        { "\"10 MB\"",
          "must be a size such as 4096, \"64k\" or \"10M\", not the string \"10 MB\"" },
        { "-1", "must be a size such as 4096, \"64k\" or \"10M\", not -1" },
        { "1.5", "must be a size such as 4096, \"64k\" or \"10M\", not 1.5" },
        { "false", "must be a size such as 4096, \"64k\" or \"10M\", not false" },
        { NULL, NULL },
    };
    static const struct refused outside[] = {
        { "511", "must be a size from 512 to \"1M\", not 511" },
        { "\"2M\"", "must be a size from 512 to \"1M\", not the string \"2M\"" },
        { NULL, NULL },
    };
    struct given t;

    given_init(&t);
    ck_assert_int_eq(number(&t, &any, "4096"), 4096);
    ck_assert_int_eq(number(&t, &any, "\"4k\""), 4096);
    ck_assert_int_eq(number(&t, &any, "\"1G\""), 1 << 30);
    ck_assert_int_eq(number(&t, &some, "\"1M\""), 1 << 20);
    expect_refused(&t, &any, wrong);
    expect_refused(&t, &some, outside);
    given_finish(&t);
}
END_TEST

START_TEST(a_time_needs_its_unit)
{
    static const struct mpx_option any = { .name = "k", .type = MPX_T_MSEC };
    static const struct mpx_option day = {
        .name = "k", .type = MPX_T_MSEC, .min = 1, .max = 86400000
    };
    static const struct refused wrong[] = {
        { "30", "needs a unit: \"30s\" or \"30ms\", not 30" },
        { "-30", "must be a time such as \"250ms\", \"30s\" or \"5m\", not -30" },
        { "\"30\"", "must be a time such as \"250ms\", \"30s\" or \"5m\", not the string \"30\"" },
        { "0.5", "must be a time such as \"250ms\", \"30s\" or \"5m\", not 0.5" },
        { NULL, NULL },
    };
    static const struct refused outside[] = {
        { "0", "must be a time from \"1ms\" to \"1d\", not 0" },
        { "\"25h\"", "must be a time from \"1ms\" to \"1d\", not the string \"25h\"" },
        { NULL, NULL },
    };
    struct given t;

    given_init(&t);
    ck_assert_int_eq(number(&t, &any, "0"), 0);
    ck_assert_int_eq(number(&t, &any, "\"1500ms\""), 1500);
    ck_assert_int_eq(number(&t, &day, "\"24h\""), 86400000);
    expect_refused(&t, &any, wrong);
    expect_refused(&t, &day, outside);
    given_finish(&t);
}
END_TEST

START_TEST(a_string_is_a_string)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_STRING };
    static const struct mpx_option or_false = { .name = "k",
                                                .type = MPX_T_STRING,
                                                .flags = OPTION_OR_FALSE };
    static const struct refused wrong[] = { { "5", "must be a string, not 5" },
                                            { "false", "must be a string, not false" },
                                            { "[\"x\"]", "must be a string, not a list" },
                                            { NULL, NULL } };
    static const struct refused wrongs[] = { { "true", "must be a string or false, not true" },
                                             { NULL, NULL } };
    struct given t;
    union field f;

    given_init(&t);
    ck_assert_int_eq(read_text(&t, &o, "\"a\\u00e4\"", &f), 0);
    ck_assert_view_eq(f.string, "a\xc3\xa4");
    ck_assert_int_eq(read_text(&t, &o, "\"\"", &f), 0);
    ck_assert_ptr_nonnull(f.string.p);
    ck_assert_uint_eq(f.string.n, 0);
    expect_refused(&t, &o, wrong);
    ck_assert_int_eq(read_text(&t, &or_false, "false", &f), 0);
    ck_assert_ptr_null(f.string.p);
    expect_refused(&t, &or_false, wrongs);
    given_finish(&t);
}
END_TEST

START_TEST(a_path_starts_at_the_file_that_names_it)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_PATH };
    static const struct refused wrong[] = {
        { "\"\"", "must be the name of a file or folder, not the string \"\"" },
        { "7", "must be a string, not 7" },
        { NULL, NULL },
    };
    struct given t;
    union field f;

    given_init(&t);
    ck_assert_int_eq(read_text(&t, &o, "\"./x//y\"", &f), 0);
    ck_assert_view_eq(f.string, arena_printf(&t.arena, "%s/x/y", t.folder).p);
    ck_assert_int_eq(read_text(&t, &o, "\"/x\"", &f), 0);
    ck_assert_view_eq(f.string, "/x");
    ck_assert_int_eq(read_text(&t, &o, "\"stderr\"", &f), 0);
    ck_assert_view_eq(f.string, arena_printf(&t.arena, "%s/stderr", t.folder).p);
    expect_refused(&t, &o, wrong);
    given_finish(&t);
}
END_TEST

START_TEST(a_path_that_must_exist_is_told_with_what_was_meant)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_PATH, .flags = MPX_OPT_EXISTS };
    struct given t;
    union field f;

    given_init(&t);
    given_file(&t, "there", "");
    ck_assert_int_eq(mkdir("documents", 0700), 0);
    ck_assert_int_eq(read_text(&t, &o, "\"there\"", &f), 0);
    ck_assert_int_eq(read_text(&t, &o, "\"documents\"", &f), 0);
    ck_assert_errors(&t, "");
    ck_assert_int_eq(read_text(&t, &o, "\"document\"", &f), -1);
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "t.json:1:6: error: /k: \"%s/document\" does not exist (did "
                                      "you mean \"%s/documents\"?)\n",
                                      t.folder, t.folder)
                             .p);
    ck_assert_int_eq(read_text(&t, &o, "\"/srv-is-not-here/x/y\"", &f), -1);
    ck_assert_errors(&t, "t.json:1:6: error: /k: \"/srv-is-not-here/x/y\" does not exist: create "
                         "it, or mend the path\n");
    ck_assert_int_eq(read_text(&t, &o, "\"there/below\"", &f), -1);
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "t.json:1:6: error: /k: \"%s/there/below\" cannot be "
                                      "reached: Not a directory\n",
                                      t.folder)
                             .p);
    given_finish(&t);
}
END_TEST

static int read_nothing(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *text)
{
    *(const char **)arg = path;
    *text = arena_copy(a, MPX_STR("from elsewhere"));
    return strstr(path, "denied") != NULL ? EACCES : 0;
}

START_TEST(a_private_path_becomes_its_text)
{
    static const struct mpx_option o = { .name = "k",
                                         .type = MPX_T_PATH,
                                         .flags = MPX_OPT_PRIVATE };
    const char *asked = NULL;
    struct given t;
    union field f;

    given_init(&t);
    given_file(&t, "key", "text\n");
    ck_assert_int_eq(read_text(&t, &o, "\"key\"", &f), 0);
    ck_assert_view_eq(f.string, "text");
    ck_assert_int_eq(read_text(&t, &o, "\"none\"", &f), -1);
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "t.json:1:6: error: /k: \"%s/none\" cannot be read: No such "
                                      "file or directory\n",
                                      t.folder)
                             .p);
    const struct option_reading rd = { .a = &t.arena,
                                       .sources = &t.sources,
                                       .problems = &t.problems,
                                       .read_private = read_nothing,
                                       .arg = &asked };
    const struct node *j = given_json(&t, "{\"a\":\"/x/key\",\"b\":\"/denied\"}");
    ck_assert_int_eq(option_read_value(&rd, &o, j->first, &f), 0);
    ck_assert_str_eq(asked, "/x/key");
    ck_assert_view_eq(f.string, "from elsewhere");
    ck_assert_int_eq(option_read_value(&rd, &o, j->last, &f), -1);
    ck_assert_errors(&t, "t.json:1:19: error: /b: \"/denied\" cannot be read: Permission denied\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_sink_may_be_stderr_or_syslog)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_PATH, .flags = MPX_OPT_SINK };
    static const struct refused wrong[] = {
        { "\"syslog:mail\"",
          "must name a facility: \"syslog:daemon\", \"syslog:user\", \"syslog:auth\" or "
          "\"syslog:local0\" to \"syslog:local7\", not the string \"syslog:mail\"" },
        { "\"syslog\"",
          "must name a facility: \"syslog:daemon\", \"syslog:user\", \"syslog:auth\" or "
          "\"syslog:local0\" to \"syslog:local7\", not the string \"syslog\"" },
        { NULL, NULL },
    };
    static const char *const same[] = { "stderr", "syslog:daemon", "syslog:local7", "/log" };
    struct given t;
    union field f;

    given_init(&t);
    for (size_t i = 0; i < 4; i++) {
        const char *text = arena_printf(&t.arena, "\"%s\"", same[i]).p;

        ck_assert_int_eq(read_text(&t, &o, text, &f), 0);
        ck_assert_view_eq(f.string, same[i]);
    }
    ck_assert_int_eq(read_text(&t, &o, "\"log\"", &f), 0);
    ck_assert_view_eq(f.string, arena_printf(&t.arena, "%s/log", t.folder).p);
    expect_refused(&t, &o, wrong);
    given_finish(&t);
}
END_TEST

static const char *const words[] = { "combined", "common", NULL };

START_TEST(an_enum_is_one_of_its_words)
{
    static const struct mpx_option o = { .name = "k", .type = MPX_T_ENUM, .names = words };
    static const struct refused wrong[] = {
        { "\"comon\"",
          "must be one of \"combined\", \"common\", not the string \"comon\" (did you mean "
          "\"common\"?)" },
        { "\"zzzzzz\"", "must be one of \"combined\", \"common\", not the string \"zzzzzz\"" },
        { "1", "must be one of \"combined\", \"common\", not 1" },
        { NULL, NULL },
    };
    struct given t;
    union field f;

    given_init(&t);
    ck_assert(read_text(&t, &o, "\"combined\"", &f) == 0 && f.word == 0);
    ck_assert(read_text(&t, &o, "\"common\"", &f) == 0 && f.word == 1);
    expect_refused(&t, &o, wrong);
    given_finish(&t);
}
END_TEST

Suite *suite_option_value(void)
{
    static const TTest **const tests[] = {
        &a_bool_is_true_or_false,
        &an_int_without_bounds_is_not_negative,
        &an_int_keeps_its_bounds,
        &a_size_has_units_and_bounds,
        &a_time_needs_its_unit,
        &a_string_is_a_string,
        &a_path_starts_at_the_file_that_names_it,
        &a_path_that_must_exist_is_told_with_what_was_meant,
        &a_private_path_becomes_its_text,
        &a_sink_may_be_stderr_or_syslog,
        &an_enum_is_one_of_its_words,
        NULL,
    };

    return unit_suite("option_value", tests);
}
