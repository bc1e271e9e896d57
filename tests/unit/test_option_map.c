/* SPDX-License-Identifier: MIT
   Maps of objects, members that are known by the beginning of their names, objects that stand for
   one of their members. */
#include "given.h"
#include "option.h"

struct element {
    struct mpx_str key, to;
    int64_t status;
};
struct conf {
    struct mpx_list map, paths, list;
    int64_t number;
};

static const struct mpx_option members[] = {
    { .name = "to",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_BARE,
      .offset = offsetof(struct element, to) },
    { .name = "status",
      .type = MPX_T_INT,
      .fallback = "7",
      .offset = offsetof(struct element, status) },
    MPX_OPTION_END,
};
static const struct mpx_option element = { .name = "", .type = MPX_T_OBJECT, .of = members };
static const struct mpx_option options[] = {
    { .name = "map",
      .type = MPX_T_MAP,
      .of = &element,
      .of_size = sizeof(struct element),
      .offset = offsetof(struct conf, map) },
    { .name = "/",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_PREFIX,
      .of = &element,
      .of_size = sizeof(struct element),
      .offset = offsetof(struct conf, paths) },
    { .name = "list",
      .type = MPX_T_LIST,
      .flags = MPX_OPT_BARE | MPX_OPT_WHOLE,
      .of = &element,
      .of_size = sizeof(struct element),
      .offset = offsetof(struct conf, list) },
    { .name = "number", .type = MPX_T_INT, .offset = offsetof(struct conf, number) },
    MPX_OPTION_END,
};
static const struct option_table table = { options, sizeof(struct mpx_option) };

static int read_text(struct given *t, const char *text, unsigned at, struct conf *conf)
{
    const struct node *j = given_json(t, text);
    const struct option_reading rd = {
        .a = &t->arena, .sources = &t->sources, .problems = &t->problems, .at = at
    };

    return option_read(&rd, table, j, j->at, conf);
}

START_TEST(elements_of_a_map_have_their_key_and_their_members)
{
    struct given t;
    struct conf conf;

    given_init(&t);
    ck_assert_ptr_null(option_verify(&t.arena, table, sizeof(conf)));
    ck_assert_int_eq(
        read_text(&t,
                  "{ \"map\": { \"a\": \"x\", \"b\": { \"to\": \"y\", \"status\": 1 }, "
                  "\"c\": null } }",
                  0, &conf),
        0);
    const struct element *e = conf.map.items;
    ck_assert_uint_eq(conf.map.count, 2);
    ck_assert_view_eq(e[0].key, "a");
    ck_assert_view_eq(e[0].to, "x");
    ck_assert_int_eq(e[0].status, 7);
    ck_assert_view_eq(e[1].key, "b");
    ck_assert_int_eq(e[1].status, 1);
    ck_assert_int_eq(read_text(&t, "{ \"map\": [] }", 0, &conf), -1);
    ck_assert_int_eq(
        read_text(&t, "{ \"map\": {\n \"a\": 1, \"b\": { \"statu\": 1 } } }", 0, &conf), -1);
    ck_assert_errors(&t, "t.json:1:10: error: /map must be an object, not a list\n"
                         "t.json:2:7: error: /map/a must be a string, not 1\n"
                         "t.json:2:17: error: unknown key \"statu\" at /map/b (did you mean "
                         "\"status\"?)\n");
    given_finish(&t);
}
END_TEST

START_TEST(members_are_known_by_how_their_names_begin)
{
    struct given t;
    struct conf conf;

    given_init(&t);
    ck_assert_int_eq(
        read_text(&t, "{ \"number\": 1, \"/b\": \"x\", \"/\": \"y\", \"/c\": null }", 0, &conf), 0);
    const struct element *e = conf.paths.items;
    ck_assert_uint_eq(conf.paths.count, 2);
    ck_assert_view_eq(e[0].key, "/b");
    ck_assert_view_eq(e[1].key, "/");
    ck_assert_int_eq(read_text(&t, "{ \"number\": 1 }", 0, &conf), 0);
    ck_assert_uint_eq(conf.paths.count, 0);
    ck_assert_int_eq(read_text(&t, "{ \"number\": 1, \"/b\": 1, \"b\": 1 }", 0, &conf), -1);
    ck_assert_errors(&t, "t.json:1:22: error: /~1b must be a string, not 1\n"
                         "t.json:1:25: error: unknown key \"b\" at the top level\n");
    given_finish(&t);
}
END_TEST

START_TEST(an_object_without_the_name_of_an_option_stands_for_the_bare_one)
{
    static const struct {
        const char *text;
        unsigned list, paths;
    } cases[] = {
        { "{ \"to\": \"x\" }", 1, 0 },
        { "{ \"number\": 1, \"/a\": \"x\" }", 0, 1 },
        { "{ \"list\": { \"to\": \"x\" } }", 1, 0 },
        { "{}", 0, 0 },
    };
    struct given t;
    struct conf conf;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        memset(&conf, 0, sizeof(conf));
        ck_assert_int_eq(read_text(&t, cases[i].text, 0, &conf), 0);
        ck_assert_uint_eq(conf.list.count, cases[i].list);
        ck_assert_uint_eq(conf.paths.count, cases[i].paths);
        const struct node *j = option_object(&t.arena, table, given_json(&t, cases[i].text));
        memset(&conf, 0, sizeof(conf));
        ck_assert_int_eq(read_text(&t, given_text(&t, j), 0, &conf), 0);
        ck_assert_uint_eq(conf.list.count, cases[i].list);
    }
    ck_assert_int_eq(read_text(&t, "{ \"too\": \"x\" }", 0, &conf), -1);
    ck_assert_errors(&t, "t.json:1:3: error: unknown key \"too\" at the top level (did you mean "
                         "\"to\"?)\n");
    given_finish(&t);
}
END_TEST

START_TEST(what_stands_in_the_place_of_an_object_stands_where_its_option_may)
{
    static const struct mpx_option once[] = {
        { .name = "x", .type = MPX_T_INT, .flags = MPX_OPT_BARE, .where = MPX_AT_VHOST },
        MPX_OPTION_END,
    };
    struct given t;
    int64_t conf;

    given_init(&t);
    const struct node *j = given_json(&t, "{ \"m\": 1 }")->first;
    struct option_reading rd = {
        .a = &t.arena, .sources = &t.sources, .problems = &t.problems, .at = MPX_AT_VHOST
    };
    const struct option_table one = { once, sizeof(struct mpx_option) };
    ck_assert_int_eq(option_read(&rd, one, j, j->at, &conf), 0);
    rd.at = MPX_AT_DIRECTORY;
    ck_assert_int_eq(option_read(&rd, one, j, j->at, &conf), -1);
    ck_assert_errors(&t, "t.json:1:3: error: \"x\" cannot stand here: it belongs in a virtual host "
                         "or in \"defaults\"\n");
    given_finish(&t);
}
END_TEST

START_TEST(maps_that_make_no_sense_are_refused)
{
    static const struct mpx_option string = { .name = "", .type = MPX_T_STRING };
    static const struct {
        struct mpx_option o;
        const char *why;
    } senseless[] = {
        { { .name = "k",
            .type = MPX_T_LIST,
            .flags = MPX_OPT_PREFIX,
            .of = &string,
            .of_size = 16 },
          "option \"k\" takes members by their names but is no map" },
        { { .name = "k", .type = MPX_T_MAP, .of = &string, .of_size = 32 },
          "the elements of option \"k\" lie upon their keys" },
        { { .name = "k", .type = MPX_T_MAP, .of = &element, .of_size = 8 },
          "the elements of option \"k\" need more than its of_size" },
        { { .name = "k", .type = MPX_T_MAP, .of = &element, .of_size = 32 },
          "option \"status\" lies outside of its struct" },
    };
    struct mpx_arena a;

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(senseless) / sizeof(senseless[0]); i++) {
        const struct mpx_option list[] = { senseless[i].o, MPX_OPTION_END };
        const char *why =
            option_verify(&a, (struct option_table){ list, sizeof(struct mpx_option) }, 64);

        ck_assert_ptr_nonnull(why);
        ck_assert_str_eq(why, senseless[i].why);
    }
    arena_finish(&a);
}
END_TEST

Suite *suite_option_map(void)
{
    static const TTest **const tests[] = {
        &elements_of_a_map_have_their_key_and_their_members,
        &members_are_known_by_how_their_names_begin,
        &an_object_without_the_name_of_an_option_stands_for_the_bare_one,
        &what_stands_in_the_place_of_an_object_stands_where_its_option_may,
        &maps_that_make_no_sense_are_refused,
        NULL,
    };

    return unit_suite("option_map", tests);
}
