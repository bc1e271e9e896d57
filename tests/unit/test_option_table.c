/* SPDX-License-Identifier: MIT
   Options as modules bring them: nested, older than ours, restricted to a level, wrong. */
#include "given.h"
#include "option.h"

struct tls {
    struct mpx_str cert;
    int64_t depth;
};
struct conf {
    int64_t a, b;
    struct tls tls;
    struct mpx_list list;
    int word;
};

static const struct mpx_option tls_options[] = {
    { .name = "cert",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_REQUIRED,
      .offset = offsetof(struct tls, cert) },
    { .name = "depth", .type = MPX_T_INT, .fallback = "5", .offset = offsetof(struct tls, depth) },
    MPX_OPTION_END,
};

static int read_table(struct given *t, const struct option_reading *also,
                      const struct mpx_option *options, const char *text, void *conf)
{
    struct option_reading rd = also != NULL ? *also : (struct option_reading){ .at = 0 };
    const struct option_table table = { options, sizeof(struct mpx_option) };
    const struct node *j = given_json(t, text);

    rd.a = &t->arena;
    rd.sources = &t->sources;
    rd.problems = &t->problems;
    rd.who = "module \"m\"";
    return option_read(&rd, table, j, j->at, conf);
}

START_TEST(members_of_an_object_have_defaults_and_needs_of_their_own)
{
    static const struct mpx_option options[] = {
        { .name = "tls",
          .type = MPX_T_OBJECT,
          .of = tls_options,
          .offset = offsetof(struct conf, tls) },
        MPX_OPTION_END,
    };
    struct given t;
    struct conf conf = { .a = 0 };

    given_init(&t);
    ck_assert_int_eq(read_table(&t, NULL, options, "{ \"tls\": { \"cert\": \"x\" } }", &conf), 0);
    ck_assert_view_eq(conf.tls.cert, "x");
    ck_assert_int_eq(conf.tls.depth, 5);
    ck_assert_int_eq(read_table(&t, NULL, options, "{\n\"tls\": { \"dept\": 1 } }", &conf), -1);
    ck_assert_errors(&t, "t.json:2:1: error: module \"m\" needs \"cert\" at /tls\n"
                         "t.json:2:10: error: unknown key \"dept\" at /tls (did you mean "
                         "\"depth\"?)\n");
    ck_assert_int_eq(read_table(&t, NULL, options, "{}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:1: error: module \"m\" needs \"cert\"\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_partial_reading_asks_for_nothing_and_sets_no_default)
{
    static const struct mpx_option element = { .name = "",
                                               .type = MPX_T_OBJECT,
                                               .of = tls_options };
    static const struct mpx_option options[] = {
        { .name = "a", .type = MPX_T_INT, .fallback = "7", .offset = offsetof(struct conf, a) },
        { .name = "tls",
          .type = MPX_T_OBJECT,
          .of = tls_options,
          .offset = offsetof(struct conf, tls) },
        { .name = "list",
          .type = MPX_T_LIST,
          .of = &element,
          .of_size = sizeof(struct tls),
          .offset = offsetof(struct conf, list) },
        MPX_OPTION_END,
    };
    const struct option_reading partial = { .partial = true };
    struct given t;
    struct conf conf = { .a = 1 };

    given_init(&t);
    ck_assert_int_eq(read_table(&t, &partial, options, "{ \"tls\": { \"depth\": 1 } }", &conf), 0);
    ck_assert_int_eq(conf.a, 1);
    /* but an element of a list is whole */
    ck_assert_int_eq(read_table(&t, &partial, options, "{ \"list\": { \"depth\": 1 } }", &conf),
                     -1);
    ck_assert_errors(&t, "t.json:1:3: error: module \"m\" needs \"cert\" at /list\n");
    given_finish(&t);
}
END_TEST

START_TEST(an_option_stands_where_its_table_says)
{
    static const struct mpx_option inner[] = { { .name = "x", .type = MPX_T_INT, .offset = 0 },
                                               MPX_OPTION_END };
    static const struct mpx_option options[] = {
        { .name = "any", .type = MPX_T_INT, .offset = offsetof(struct conf, a) },
        { .name = "once",
          .type = MPX_T_OBJECT,
          .of = inner,
          .where = MPX_AT_PROCESS,
          .offset = offsetof(struct conf, b) },
        { .name = "host",
          .type = MPX_T_INT,
          .where = MPX_AT_VHOST,
          .offset = offsetof(struct conf, a) },
        { .name = "below",
          .type = MPX_T_INT,
          .where = MPX_AT_DIRECTORY,
          .offset = offsetof(struct conf, a) },
        MPX_OPTION_END,
    };
    static const char text[] = "{\"any\":1,\n\"once\":{\"x\":1},\n\"host\":1,\n\"below\":1}";
    struct option_reading rd = { .at = MPX_AT_PROCESS };
    struct given t;
    struct conf conf;

    given_init(&t);
    ck_assert_int_eq(read_table(&t, &rd, options, text, &conf), -1);
    ck_assert_errors(
        &t, "t.json:1:2: error: \"any\" cannot stand here: it belongs in a virtual host or "
            "directory\n"
            "t.json:3:1: error: \"host\" cannot stand here: it belongs in a virtual host or in "
            "\"defaults\"\n"
            "t.json:4:1: error: \"below\" cannot stand here: it belongs in a directory\n");
    rd.at = MPX_AT_VHOST;
    ck_assert_int_eq(read_table(&t, &rd, options, text, &conf), -1);
    ck_assert_errors(&t,
                     "t.json:2:1: error: \"once\" cannot stand here: it is set once for all, in "
                     "\"process\"\n"
                     "t.json:4:1: error: \"below\" cannot stand here: it belongs in a directory\n");
    rd.at = 0;
    ck_assert_int_eq(read_table(&t, &rd, options, text, &conf), 0);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(a_key_whose_time_has_not_come_is_told_so)
{
    static const struct mpx_option options[] = {
        { .name = "soon", .type = MPX_T_JSON, .flags = OPTION_LATER }, MPX_OPTION_END
    };
    struct given t;
    struct mpx_str conf;

    given_init(&t);
    ck_assert_int_eq(read_table(&t, NULL, options, "{}", &conf), 0);
    ck_assert_int_eq(read_table(&t, NULL, options, "{ \"soon\": 1 }", &conf), -1);
    ck_assert_errors(&t, "t.json:1:3: error: \"soon\" is not supported by this version of "
                         "multiplexd: remove it\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_wrong_default_is_the_modules_fault)
{
    static const struct mpx_option number[] = {
        { .name = "a", .type = MPX_T_INT, .fallback = "\"x\"" }, MPX_OPTION_END
    };
    static const struct mpx_option json[] = {
        { .name = "a", .type = MPX_T_STRING, .fallback = "x" }, MPX_OPTION_END
    };
    static const struct mpx_option path[] = {
        { .name = "a", .type = MPX_T_PATH, .flags = MPX_OPT_EXISTS, .fallback = "\"/not/here\"" },
        MPX_OPTION_END
    };
    struct given t;
    struct conf conf;

    given_init(&t);
    ck_assert_int_eq(read_table(&t, NULL, number, "{}", &conf), -1);
    ck_assert_errors(&t,
                     "error: module \"m\": the default of \"a\", \"x\", is not of its type: the "
                     "module must be mended\n");
    ck_assert_int_eq(read_table(&t, NULL, json, "{}", &conf), -1);
    ck_assert_errors(&t, "error: module \"m\": the default of \"a\", x, is not of its type: the "
                         "module must be mended\n");
    ck_assert_int_eq(read_table(&t, NULL, path, "{}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:1: error: module \"m\" needs \"a\": the default, \"/not/here\", "
                         "cannot be used here\n");
    given_finish(&t);
}
END_TEST

/* An option as an older ABI might have had it: without the last members. */
struct old_option {
    char bytes[offsetof(struct mpx_option, of_size)];
};
_Static_assert(sizeof(struct old_option) < sizeof(struct mpx_option), "older");

static void make_old(struct old_option *old, const struct mpx_option *options, size_t n)
{
    for (size_t i = 0; i < n; i++)
        memcpy(&old[i], &options[i], sizeof(old[i]));
}

START_TEST(a_table_may_be_older_than_ours)
{
    static const struct mpx_option inner[] = {
        { .name = "x", .type = MPX_T_INT, .fallback = "4", .offset = 0 },
        { .name = "y", .type = MPX_T_INT, .fallback = "5", .offset = 8 },
        MPX_OPTION_END,
    };
    static struct old_option old_inner[3], old[4];
    struct given t;
    int64_t conf[4] = { 0 };

    given_init(&t);
    make_old(old_inner, inner, 3);
    const struct mpx_option options[] = {
        { .name = "a", .type = MPX_T_INT, .fallback = "1", .offset = 0 },
        { .name = "b", .type = MPX_T_INT, .fallback = "2", .offset = 8 },
        { .name = "o",
          .type = MPX_T_OBJECT,
          .of = (const struct mpx_option *)(const void *)old_inner,
          .offset = 16 },
        MPX_OPTION_END,
    };
    make_old(old, options, 4);
    const struct option_table table = { (const struct mpx_option *)(const void *)old,
                                        sizeof(*old) };
    const struct option_reading rd = {
        .a = &t.arena, .sources = &t.sources, .problems = &t.problems, .stride = sizeof(*old)
    };
    struct mpx_option o;
    ck_assert(option_find(table, MPX_STR("b"), &o) && o.offset == 8 && o.of_size == 0);
    ck_assert(!option_find(table, MPX_STR("c"), &o));
    ck_assert_ptr_null(option_verify(&t.arena, table, sizeof(conf)));
    const struct node *j = given_json(&t, "{ \"b\": 20, \"o\": { \"y\": 50 } }");
    ck_assert_int_eq(option_read(&rd, table, j, j->at, conf), 0);
    ck_assert(conf[0] == 1 && conf[1] == 20 && conf[2] == 4 && conf[3] == 50);
    ck_assert_int_eq(option_read(&rd, table, NULL, j->at, conf), 0);
    ck_assert(conf[0] == 1 && conf[1] == 2 && conf[2] == 4 && conf[3] == 5);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

static const struct mpx_option no_type = { .name = "", .type = 99 };
static const struct mpx_option wide = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option empty_list = { .name = "", .type = MPX_T_LIST };
static const struct mpx_option rules[] = { { .name = "outside", .type = MPX_T_INT, .offset = 4 },
                                           MPX_OPTION_END };
static const struct mpx_option rule = { .name = "", .type = MPX_T_OBJECT, .of = rules };
static const char *const no_words[] = { NULL };

static const struct {
    struct mpx_option o;
    const char *why;
} senseless[] = {
    { { .name = "k", .type = 99 }, "option \"k\" has an unknown type, 99" },
    { { .name = "k", .type = MPX_T_INT, .offset = 60 }, "option \"k\" lies outside of its struct" },
    { { .name = "k", .type = MPX_T_INT, .offset = 4000000000u },
      "option \"k\" lies outside of its struct" },
    { { .name = "k", .type = MPX_T_LIST, .of_size = 8 },
      "option \"k\" does not say what it holds" },
    { { .name = "k", .type = MPX_T_OBJECT }, "option \"k\" does not say what it holds" },
    { { .name = "k", .type = MPX_T_ENUM }, "option \"k\" has no words" },
    { { .name = "k", .type = MPX_T_ENUM, .names = no_words }, "option \"k\" has no words" },
    { { .name = "k", .type = MPX_T_OBJECT, .of = rules, .offset = 56 },
      "option \"outside\" lies outside of its struct" },
    { { .name = "k", .type = MPX_T_LIST, .of = &wide, .of_size = 8 },
      "the elements of option \"k\" need more than its of_size" },
    { { .name = "k", .type = MPX_T_LIST, .of = &no_type, .of_size = 8 },
      "option \"k\" has an unknown type, 99" },
    { { .name = "k", .type = MPX_T_LIST, .of = &rule, .of_size = 8 },
      "option \"outside\" lies outside of its struct" },
    { { .name = "k", .type = MPX_T_LIST, .of = &empty_list, .of_size = 16 },
      "option \"k\" does not say what it holds" },
};

START_TEST(a_table_that_makes_no_sense_is_refused)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        const struct mpx_option options[] = { { .name = "first", .type = MPX_T_BOOL, .offset = 63 },
                                              senseless[i].o,
                                              MPX_OPTION_END };
        const struct option_table table = { options, sizeof(struct mpx_option) };
        const char *why = option_verify(&a, table, 64);

        ck_assert_msg(why != NULL, "case %zu: %s", i, senseless[i].why);
        ck_assert_str_eq(why, senseless[i].why);
    }
    ck_assert_ptr_null(option_verify(&a, (struct option_table){ NULL, 0 }, 0));
    arena_finish(&a);
}
END_TEST

/* Rules that hold rules. */
struct tree {
    struct mpx_list below;
};
static const struct mpx_option tree_options[2];
static const struct mpx_option tree_element = { .name = "",
                                                .type = MPX_T_OBJECT,
                                                .of = tree_options };
static const struct mpx_option tree_options[2] = {
    { .name = "below",
      .type = MPX_T_LIST,
      .of = &tree_element,
      .of_size = sizeof(struct tree),
      .offset = offsetof(struct tree, below) },
    MPX_OPTION_END,
};

START_TEST(a_table_may_hold_itself)
{
    const struct option_table table = { tree_options, sizeof(struct mpx_option) };
    struct given t;
    struct tree conf;

    given_init(&t);
    ck_assert_ptr_null(option_verify(&t.arena, table, sizeof(struct tree)));
    ck_assert_int_eq(
        read_table(&t, NULL, tree_options, "{ \"below\": [ { \"below\": [ {}, {} ] } ] }", &conf),
        0);
    const struct tree *below = conf.below.items;
    ck_assert_uint_eq(conf.below.count, 1);
    ck_assert_uint_eq(below->below.count, 2);
    given_finish(&t);
}
END_TEST

Suite *suite_option_table(void)
{
    static const TTest **const tests[] = {
        &members_of_an_object_have_defaults_and_needs_of_their_own,
        &a_partial_reading_asks_for_nothing_and_sets_no_default,
        &an_option_stands_where_its_table_says,
        &a_key_whose_time_has_not_come_is_told_so,
        &a_wrong_default_is_the_modules_fault,
        &a_table_may_be_older_than_ours,
        &a_table_that_makes_no_sense_is_refused,
        &a_table_may_hold_itself,
        NULL,
    };

    return unit_suite("option_table", tests);
}
