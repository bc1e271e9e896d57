/* SPDX-License-Identifier: MIT
   Tables of options: which keys there are, what is missing, what stands in for what. */
#include "option.h"

#include "given.h"

struct inner {
    int64_t count;
    struct mpx_str to, password;
};
struct outer {
    struct mpx_str file;
    int64_t size;
    bool on;
    struct mpx_list rules, names, map;
    struct mpx_str json;
};

static const struct mpx_option inner_options[] = {
    { .name = "count",
      .type = MPX_T_INT,
      .fallback = "3",
      .max = 9,
      .offset = offsetof(struct inner, count) },
    { .name = "to",
      .help = "where it goes",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE,
      .offset = offsetof(struct inner, to) },
    { .name = "password",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_SECRET,
      .offset = offsetof(struct inner, password) },
    MPX_OPTION_END,
};
static const struct mpx_option rule = { .name = "", .type = MPX_T_OBJECT, .of = inner_options };
static const struct mpx_option word = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option outer_options[] = {
    { .name = "file",
      .help = "a file",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE,
      .offset = offsetof(struct outer, file) },
    { .name = "size",
      .type = MPX_T_SIZE,
      .fallback = "\"4k\"",
      .offset = offsetof(struct outer, size) },
    { .name = "on", .type = MPX_T_BOOL, .fallback = "true", .offset = offsetof(struct outer, on) },
    { .name = "rules",
      .type = MPX_T_LIST,
      .of = &rule,
      .of_size = sizeof(struct inner),
      .offset = offsetof(struct outer, rules) },
    { .name = "names",
      .type = MPX_T_LIST,
      .of = &word,
      .of_size = sizeof(struct mpx_str),
      .fallback = "[\"a\", \"b\"]",
      .offset = offsetof(struct outer, names) },
    { .name = "map", .type = MPX_T_MAP, .offset = offsetof(struct outer, map) },
    { .name = "json", .type = MPX_T_JSON, .offset = offsetof(struct outer, json) },
    MPX_OPTION_END,
};

static const struct option_table outer_table = { outer_options, sizeof(struct mpx_option) };

static struct option_reading reading(struct given *t)
{
    return (struct option_reading){
        .a = &t->arena, .sources = &t->sources, .problems = &t->problems, .who = "module \"m\""
    };
}

/* Reads text as the value of the key "m". */
static int read_with(struct given *t, const struct option_reading *rd, struct option_table table,
                     const char *text, void *conf)
{
    const struct node *j = given_json(t, arena_printf(&t->arena, "{\"m\":%s}", text).p);

    ck_assert_msg(j != NULL, "%s", text);
    return option_read(rd, table, j->first, j->first->key_at, conf);
}

static int read_outer(struct given *t, const char *text, struct outer *conf)
{
    const struct option_reading rd = reading(t);

    memset(conf, 0, sizeof(*conf));
    return read_with(t, &rd, outer_table, text, conf);
}

static const struct mpx_str *name_at(const struct mpx_list *list, size_t i)
{
    ck_assert_uint_lt(i, list->count);
    return (const struct mpx_str *)list->items + i;
}

static const struct inner *rule_at(const struct outer *conf, size_t i)
{
    ck_assert_uint_lt(i, conf->rules.count);
    return (const struct inner *)conf->rules.items + i;
}

START_TEST(what_is_not_given_has_its_default)
{
    struct given t;
    struct outer conf;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"f\" }", &conf), 0);
    ck_assert_view_eq(conf.file, "f");
    ck_assert_int_eq(conf.size, 4096);
    ck_assert(conf.on);
    ck_assert_uint_eq(conf.names.count, 2);
    ck_assert_view_eq(*name_at(&conf.names, 1), "b");
    ck_assert_uint_eq(conf.rules.count, 0);
    ck_assert_uint_eq(conf.map.count, 0);
    ck_assert_ptr_null(conf.json.p);
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"f\", \"size\": null, \"on\": false }", &conf),
                     0);
    ck_assert_int_eq(conf.size, 4096); /* null returns to it */
    ck_assert(!conf.on);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(a_required_option_is_asked_for_by_name_and_help)
{
    struct given t;
    struct outer conf;
    struct option_reading rd;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t, "{}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:2: error: module \"m\" needs \"file\" at /m: a file\n");
    ck_assert_int_eq(read_outer(&t, "{\"file\": null}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:2: error: module \"m\" needs \"file\" at /m: a file\n");
    ck_assert_int_eq(read_outer(&t, "true", &conf), -1);
    ck_assert_errors(&t, "t.json:1:2: error: module \"m\" needs \"file\": a file\n");
    rd = reading(&t);
    rd.who = NULL;
    ck_assert_int_eq(read_with(&t, &rd, outer_table, "{}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:2: error: /m needs \"file\": a file\n");
    rd = reading(&t);
    rd.pointer = "/vhosts/3/m"; /* merged settings hang nowhere */
    ck_assert_int_eq(option_read(&rd, outer_table, NULL, (struct place){ .src = NULL }, &conf), -1);
    ck_assert_errors(&t, "error: module \"m\" needs \"file\" at /vhosts/3/m: a file\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_value_in_the_place_of_the_object_fills_the_bare_option)
{
    static const struct mpx_option plain[] = { { .name = "size", .type = MPX_T_SIZE, .offset = 0 },
                                               MPX_OPTION_END };
    struct given t;
    struct outer conf;
    int64_t size = 7;
    struct option_reading rd;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t, "\"x\"", &conf), 0);
    ck_assert_view_eq(conf.file, "x");
    ck_assert_int_eq(conf.size, 4096);
    ck_assert_int_eq(read_outer(&t, "5", &conf), -1);
    ck_assert_errors(&t, "t.json:1:6: error: /m must be a string, not 5\n");
    rd = reading(&t); /* without such an option only true may stand there */
    const struct option_table table = { plain, sizeof(struct mpx_option) };
    ck_assert_int_eq(read_with(&t, &rd, table, "true", &size), 0);
    ck_assert_int_eq(read_with(&t, &rd, table, "\"hunter2\"", &size), -1);
    ck_assert_int_eq(read_with(&t, &rd, table, "[]", &size), -1);
    ck_assert_errors(&t, "t.json:1:6: error: /m must be an object, { ... }, not a string\n"
                         "t.json:1:6: error: /m must be an object, { ... }, not a list\n");
    given_finish(&t);
}
END_TEST

START_TEST(unknown_keys_are_told_with_what_was_meant)
{
    struct given t;
    struct outer conf;
    struct option_reading rd;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"\", \"siz\": 1, \"zzzzzzzz\": 1 }", &conf), -1);
    ck_assert_errors(&t, "t.json:1:20: error: unknown key \"siz\" at /m (did you mean \"size\"?)\n"
                         "t.json:1:30: error: unknown key \"zzzzzzzz\" at /m\n");
    rd = reading(&t);
    rd.open_ended = true; /* somebody else's; what is not given is not looked at */
    conf.size = 1;
    ck_assert_int_eq(read_with(&t, &rd, outer_table, "{ \"siz\": 1, \"on\": true }", &conf), 0);
    ck_assert_int_eq(conf.size, 1);
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

START_TEST(all_that_is_wrong_in_an_object_is_told)
{
    struct given t;
    struct outer conf;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t,
                                "{ \"size\": \"big\",\n\"rules\": [ {}, \"x\",\n{ \"to\": 1, "
                                "\"count\": 10 },\n3 ], \"map\": [] }",
                                &conf),
                     -1);
    ck_assert_errors(
        &t, "t.json:1:2: error: module \"m\" needs \"file\" at /m: a file\n"
            "t.json:1:16: error: /m/size must be a size such as 4096, \"64k\" or \"10M\", not the "
            "string \"big\"\n"
            "t.json:2:12: error: module \"m\" needs \"to\" at /m/rules/0: where it goes\n"
            "t.json:3:9: error: /m/rules/2/to must be a string, not 1\n"
            "t.json:3:21: error: /m/rules/2/count must be a number from 0 to 9, not 10\n"
            "t.json:4:1: error: /m/rules/3 must be a string, not 3\n"
            "t.json:4:13: error: /m/map must be an object with strings as values, not a list\n");
    given_finish(&t);
}
END_TEST

START_TEST(one_item_may_stand_for_a_list_of_one)
{
    struct given t;
    struct outer conf;

    given_init(&t);
    ck_assert_int_eq(
        read_outer(&t, "{ \"file\": \"\", \"names\": \"x\", \"rules\": { \"to\": \"y\" } }", &conf),
        0);
    ck_assert_uint_eq(conf.names.count, 1);
    ck_assert_view_eq(*name_at(&conf.names, 0), "x");
    ck_assert_uint_eq(conf.rules.count, 1);
    ck_assert_view_eq(rule_at(&conf, 0)->to, "y");
    ck_assert_int_eq(rule_at(&conf, 0)->count, 3);
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"\", \"rules\": \"z\", \"names\": [] }", &conf),
                     0);
    ck_assert_view_eq(rule_at(&conf, 0)->to, "z");
    ck_assert_uint_eq(conf.names.count, 0); /* no names is not the default */
    given_finish(&t);
}
END_TEST

START_TEST(a_map_keeps_its_order_and_null_takes_away)
{
    struct given t;
    struct outer conf;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t,
                                "{ \"file\": \"\", \"map\": { \"z\": \"1\", \"a\": null, \"b\": "
                                "\"2\" } }",
                                &conf),
                     0);
    const struct mpx_pair *pairs = conf.map.items;
    ck_assert_uint_eq(conf.map.count, 2);
    ck_assert_view_eq(pairs[0].key, "z");
    ck_assert_view_eq(pairs[1].key, "b");
    ck_assert_view_eq(pairs[1].value, "2");
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"\", \"map\": { \"a/b\": 1 } }", &conf), -1);
    ck_assert_errors(&t, "t.json:1:36: error: /m/map/a~1b must be a string, not 1\n");
    given_finish(&t);
}
END_TEST

START_TEST(json_is_given_as_text)
{
    struct given t;
    struct outer conf;

    given_init(&t);
    ck_assert_int_eq(read_outer(&t, "{ \"file\": \"\", \"json\": [ 1, { \"a\" : true } ] }", &conf),
                     0);
    ck_assert_view_eq(conf.json, "[1,{\"a\":true}]");
    given_finish(&t);
}
END_TEST

START_TEST(secrets_are_not_repeated)
{
    static const struct mpx_option secret = { .name = "", .type = MPX_T_INT };
    static const struct mpx_option options[] = {
        { .name = "one", .type = MPX_T_SIZE, .flags = MPX_OPT_SECRET, .offset = 0 },
        { .name = "many",
          .type = MPX_T_LIST,
          .flags = MPX_OPT_SECRET,
          .of = &secret,
          .of_size = sizeof(int64_t),
          .offset = 8 },
        { .name = "map", .type = MPX_T_MAP, .flags = MPX_OPT_SECRET, .offset = 24 },
        { .name = "when", .type = MPX_T_MSEC, .flags = MPX_OPT_SECRET, .offset = 40 },
        MPX_OPTION_END,
    };
    struct given t;
    int64_t conf[6];

    given_init(&t);
    const struct option_reading rd = reading(&t);
    const struct option_table table = { options, sizeof(struct mpx_option) };
    ck_assert_int_eq(read_with(&t, &rd, table,
                               "{ \"one\": \"hunter2\", \"many\": [ \"hunter3\" ],\n\"map\": { "
                               "\"a\": 4711 }, \"when\": 4712 }",
                               conf),
                     -1);
    const char *report = given_report(&t);
    ck_assert_ptr_null(strstr(report, "hunter"));
    ck_assert_ptr_null(strstr(report, "471"));
    ck_assert_errors(&t, "t.json:1:15: error: /m/one must be a size such as 4096, \"64k\" or "
                         "\"10M\", not a string\n"
                         "t.json:1:36: error: /m/many/0 must be a number, not a string\n"
                         "t.json:2:15: error: /m/map/a must be a string, not a number\n"
                         "t.json:2:31: error: /m/when must be a time such as \"250ms\", \"30s\" or "
                         "\"5m\", not a number\n");
    given_finish(&t);
}
END_TEST

START_TEST(null_false_and_true_are_not_put_into_the_bare_option)
{
    static const struct {
        const char *text, *object;
    } cases[] = {
        { "\"x\"", "{\"file\":\"x\"}" },
        { "5", "{\"file\":5}" },
        { "[1]", "{\"file\":[1]}" },
        { "true", "{}" },
        { "false", "false" },
        { "null", "null" },
        { "{\"a\":1}", "{\"a\":1}" },
    };
    static const struct mpx_option plain[] = { MPX_OPTION_END };
    const struct option_table none = { plain, sizeof(struct mpx_option) };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = arena_printf(&t.arena, "{\"m\":%s}", cases[i].text).p;
        const struct node *value = given_json(&t, text)->first;
        const struct node *object = option_object(&t.arena, outer_table, value);

        ck_assert_str_eq(given_text(&t, object), cases[i].object);
        ck_assert_uint_eq(object->key_at.off, value->key_at.off);
        if (value->kind != NODE_BOOL || !value->boolean)
            ck_assert_ptr_eq(option_object(&t.arena, none, value), value);
    }
    given_finish(&t);
}
END_TEST

struct two {
    struct mpx_str one;
    struct mpx_list many, map;
};
static const struct mpx_option two_options[] = {
    { .name = "one",
      .help = "one",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE,
      .offset = offsetof(struct two, one) },
    { .name = "many",
      .type = MPX_T_LIST,
      .flags = MPX_OPT_BARE,
      .of = &word,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct two, many) },
    { .name = "map",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_OR_TEXT,
      .offset = offsetof(struct two, map) },
    MPX_OPTION_END,
};
static const struct option_table two_table = { two_options, sizeof(struct mpx_option) };

START_TEST(of_two_bare_options_a_list_fills_the_one_that_is_a_list)
{
    static const struct {
        const char *text, *object;
    } cases[] = {
        { "\"x\"", "{\"one\":\"x\",\"many\":null}" },
        { "[\"x\"]", "{\"many\":[\"x\"],\"one\":null}" },
        { "{\"one\":\"x\"}", "{\"one\":\"x\"}" },
        { "true", "{}" },
    };
    struct given t;
    struct two conf;

    given_init(&t);
    const struct option_reading rd = reading(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *text = arena_printf(&t.arena, "{\"m\":%s}", cases[i].text).p;

        ck_assert_str_eq(
            given_text(&t, option_object(&t.arena, two_table, given_json(&t, text)->first)),
            cases[i].object);
    }
    memset(&conf, 0, sizeof(conf));
    ck_assert_int_eq(read_with(&t, &rd, two_table, "[\"a\", \"b\"]", &conf), 0);
    ck_assert_uint_eq(conf.many.count, 2);
    ck_assert_int_eq(read_with(&t, &rd, two_table, "{\"many\": \"a\"}", &conf), 0);
    ck_assert_uint_eq(conf.many.count, 1);
    ck_assert_int_eq(read_with(&t, &rd, two_table, "\"z\"", &conf), 0);
    ck_assert_view_eq(conf.one, "z");
    ck_assert_errors(&t, "");
    ck_assert_int_eq(read_with(&t, &rd, two_table, "{\"many\": null}", &conf), -1);
    ck_assert_errors(&t, "t.json:1:2: error: module \"m\" needs \"one\" at /m: one\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_string_may_stand_for_a_map_where_that_is_said)
{
    struct given t;
    struct two conf;

    given_init(&t);
    const struct option_reading rd = reading(&t);
    memset(&conf, 0, sizeof(conf));
    ck_assert_int_eq(read_with(&t, &rd, two_table, "{\"one\":\"\",\"map\":\"text\"}", &conf), 0);
    const struct mpx_pair *pair = conf.map.items;
    ck_assert_uint_eq(conf.map.count, 1);
    ck_assert_view_eq(pair->key, "");
    ck_assert_view_eq(pair->value, "text");
    ck_assert_errors(&t, "");
    ck_assert_int_eq(read_with(&t, &rd, two_table, "{\"one\":\"\",\"map\":5}", &conf), -1);
    ck_assert_errors(&t,
                     "t.json:1:22: error: /m/map must be a string, or an object with strings as "
                     "values, not 5\n");
    given_finish(&t);
}
END_TEST

Suite *suite_option(void)
{
    static const TTest **const tests[] = {
        &what_is_not_given_has_its_default,
        &of_two_bare_options_a_list_fills_the_one_that_is_a_list,
        &a_string_may_stand_for_a_map_where_that_is_said,
        &a_required_option_is_asked_for_by_name_and_help,
        &a_value_in_the_place_of_the_object_fills_the_bare_option,
        &unknown_keys_are_told_with_what_was_meant,
        &all_that_is_wrong_in_an_object_is_told,
        &one_item_may_stand_for_a_list_of_one,
        &a_map_keeps_its_order_and_null_takes_away,
        &json_is_given_as_text,
        &secrets_are_not_repeated,
        &null_false_and_true_are_not_put_into_the_bare_option,
        NULL,
    };

    return unit_suite("option", tests);
}
