/* SPDX-License-Identifier: MIT
   The key "headers": the rules of each level over those of the outer ones, and what cannot be. */
#include "site_fields.h"

#include "given.h"

/* The rules as "=NAME: value", "+NAME: value", "-NAME", with "$" where variables stand. */
static const char *text_of(struct given *t, const struct field_rules *rules)
{
    const char *text = "";

    for (size_t i = 0; i < rules->count; i++) {
        const struct field_rule *f = &rules->list[i];

        text = arena_printf(&t->arena, "%s%s%c%.*s%s%.*s%s", text, i > 0 ? " | " : "",
                            f->deed == FIELD_SET   ? '='
                            : f->deed == FIELD_ADD ? '+'
                                                   : '-',
                            STR_ARGS(f->name), f->deed == FIELD_REMOVE ? "" : ": ",
                            STR_ARGS(f->value), f->pieces.count > 0 ? "$" : "")
                   .p;
    }
    return text;
}

static const char *of_vhost(struct given *t, size_t vhost)
{
    return text_of(t, &t->g.vhosts[vhost].fields);
}

static const char *of_path(struct given *t, const char *path)
{
    return text_of(t, &directory_find(t->g.vhosts, str_of(path))->fields);
}

START_TEST(a_plain_object_sets)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"vhosts\": { \"headers\": { \"A\": \" x \", \"b\": \"\", \"C\": \"$host\", "
            "\"D\": [ \"1\", \"2\" ], \"E\": null, \"F\": \"$$\" } } }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(of_vhost(&t, 0), "=A: x | =b:  | =C: $host$ | =D: 1 | +D: 2 | =F: $$$");
    ck_assert_str_eq(of_path(&t, "/x"), of_vhost(&t, 0));
    given_finish(&t);
}
END_TEST

START_TEST(parts_set_add_and_remove)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"vhosts\": { \"headers\": { \"remove\": [ \"A\", \"B\" ], \"set\": { \"C\": "
            "\"c\" }, \"add\": { \"D\": [ \"1\", \"2\" ], \"E\": \"e\" } } } }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(of_vhost(&t, 0), "-A | -B | =C: c | +D: 1 | +D: 2 | +E: e");
    given_finish(&t);
}
END_TEST

START_TEST(an_inner_level_rules_name_by_name_whatever_their_case)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t, "{ \"defaults\": { \"headers\": { \"A\": \"d\", \"B\": \"d\", "
            "\"C\": [ \"d\", \"e\" ] } },\n"
            "\"vhosts\": [ { \"headers\": { \"add\": { \"a\": \"v\" }, \"remove\": \"c\" }, "
            "\"directories\": [\n"
            "{ \"path\": \"/x\", \"headers\": { \"b\": null, \"C\": \"x\" } }, "
            "{ \"path\": \"/x/y\" },\n"
            "{ \"path\": \"/x/z\", \"headers\": { \"set\": {}, \"add\": null, \"remove\": [] } },\n"
            "{ \"path\": \"/n\", \"headers\": null }, { \"path\": \"/f\", \"headers\": false },\n"
            "{ \"path\": \"/n/m\", \"headers\": { \"Z\": \"z\" } } ] }, { \"name\": \"b\" } ] }");
    ck_assert_errors(&t, "");
    ck_assert_str_eq(text_of(&t, &t.g.defaults.fields), "=A: d | =B: d | =C: d | +C: e");
    ck_assert_str_eq(of_vhost(&t, 0), "=B: d | +a: v | -c");
    ck_assert_str_eq(of_path(&t, "/"), "=B: d | +a: v | -c");
    ck_assert_str_eq(of_path(&t, "/x"), "+a: v | =C: x");
    ck_assert_str_eq(of_path(&t, "/x/y"), "+a: v | =C: x");
    ck_assert_str_eq(of_path(&t, "/x/z"), "+a: v | =C: x");
    ck_assert_str_eq(of_path(&t, "/n"), "");
    ck_assert_str_eq(of_path(&t, "/f"), "");
    ck_assert_str_eq(of_path(&t, "/n/m"), "=Z: z");
    ck_assert_str_eq(of_vhost(&t, 1), "=A: d | =B: d | =C: d | +C: e");
    given_finish(&t);
}
END_TEST

START_TEST(what_says_nothing_shares_the_outer_rules)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"defaults\": { \"headers\": { \"A\": \"a\" } }, \"vhosts\": { "
                         "\"directories\": [ { \"path\": \"/x\" } ] } }");
    ck_assert_errors(&t, "");
    ck_assert_ptr_eq(t.g.vhosts->fields.list, t.g.defaults.fields.list);
    ck_assert_ptr_eq(directory_find(t.g.vhosts, MPX_STR("/x"))->fields.list,
                     t.g.defaults.fields.list);
    given_finish(&t);
}
END_TEST

START_TEST(names_that_the_server_answers_for_are_told_with_the_cure)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t,
        "{ \"vhosts\": { \"headers\": { \"set\": { \"content-length\": \"5\", \"Server\": \"x\",\n"
        "\"Content-Type\": \"text/html\" }, \"add\": { \"Transfer-Encoding\": \"chunked\" },\n"
        "\"remove\": [ \"CONNECTION\", \"Date\", \"Content-Encoding\" ] } } }");
#define FRAMES "is not for \"headers\": the server frames messages itself: leave it out\n"
#define BODY                                                                                 \
    "is not for \"headers\": it tells what a body is, and error pages have bodies of their " \
    "own: who makes the body sets it (module static: types, default_type, charset)\n"
    ck_assert_errors(
        &t, "site.json:1:37: error: \"content-length\" " FRAMES
            "site.json:1:60: error: \"Server\" is not for \"headers\": use \"server_id\" in "
            "\"daemon\", false for none\n"
            "site.json:2:1: error: \"Content-Type\" " BODY
            "site.json:2:41: error: \"Transfer-Encoding\" " FRAMES
            "site.json:3:13: error: \"CONNECTION\" " FRAMES
            "site.json:3:27: error: \"Date\" is not for \"headers\": the server dates its answers "
            "itself: leave it out\n"
            "site.json:3:35: error: \"Content-Encoding\" " BODY);
    given_finish(&t);
}
END_TEST

START_TEST(what_is_no_name_or_no_value_is_told)
{
    struct given t;

    given_init(&t);
    (void)given_site(
        &t,
        "{ \"vhosts\": { \"headers\": {\n\"a b\": \"x\", \"a:\": \"x\", \"\": \"x\", \"é\": null,\n"
        "\"A\": 7, \"B\": [], \"C\": [ \"ok\", 7 ], \"D\": { \"x\": \"y\" },\n"
        "\"E\": \"a\\r\\nX: y\", \"F\": [ \"a\\u001f\" ], \"G\": \"a\\tb\", "
        "\"H\": \"$x\\n\" } } }");
#define NO_NAME "is no name of a field: letters, digits, hyphens, no blank and no colon\n"
#define CONTROL "has a control character, which no field may hold (RFC 9110 5.5)\n"
    ck_assert_errors(
        &t, "site.json:2:1: error: \"a b\" " NO_NAME "site.json:2:13: error: \"a:\" " NO_NAME
            "site.json:2:24: error: \"\" " NO_NAME "site.json:2:33: error: \"é\" " NO_NAME
            "site.json:3:6: error: /vhosts/0/headers/A must be a string, not 7\n"
            "site.json:3:14: error: /vhosts/0/headers/B must be a string or some, null to take "
            "back, not a list\n"
            "site.json:3:31: error: /vhosts/0/headers/C/1 must be a string, not 7\n"
            "site.json:3:41: error: /vhosts/0/headers/D must be a string, not an object\n"
            "site.json:4:6: error: /vhosts/0/headers/E " CONTROL
            "site.json:4:26: error: /vhosts/0/headers/F/0 " CONTROL
            "site.json:4:57: error: /vhosts/0/headers/H " CONTROL);
    given_finish(&t);
}
END_TEST

START_TEST(a_name_has_one_rule)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t, "{ \"vhosts\": { \"headers\": { \"set\": { \"A\": \"x\", \"a\": \"y\" },\n"
                         "\"add\": { \"A\": \"z\" }, \"remove\": [ \"a\", \"B\", \"b\" ] } } }");
    static const char already[] = "stands in these \"headers\" already";
    static const char cure[] = "one name, one rule; several values are a list";
    ck_assert_errors(&t, arena_printf(&t.arena,
                                      "site.json:1:47: error: \"a\" %s (line 1, column 37): %s\n"
                                      "site.json:2:10: error: \"A\" %s (line 1, column 37): %s\n"
                                      "site.json:2:34: error: \"a\" %s (line 1, column 37): %s\n"
                                      "site.json:2:44: error: \"b\" %s (line 2, column 39): %s\n",
                                      already, cure, already, cure, already, cure, already, cure)
                             .p);
    given_finish(&t);
}
END_TEST

START_TEST(what_has_the_wrong_shape_is_told)
{
    struct given t;

    given_init(&t);
    (void)given_site(&t,
                     "{ \"vhosts\": [ { \"headers\": [ \"A\" ] },\n"
                     "{ \"name\": \"b\", \"headers\": { \"set\": \"A\", \"add\": 7, "
                     "\"remove\": { \"A\": \"x\" } } },\n"
                     "{ \"name\": \"c\", \"headers\": { \"X-A\": \"a\", \"remove\": [ 7 ] } } ],\n"
                     "\"defaults\": { \"headers\": true } }");
    ck_assert_errors(
        &t,
        "site.json:1:28: error: /vhosts/0/headers must be an object, { NAME: value }, not a "
        "list\n"
        "site.json:2:36: error: /vhosts/1/headers/set must be an object, { NAME: value }, not "
        "the string \"A\"\n"
        "site.json:2:48: error: /vhosts/1/headers/add must be an object, { NAME: value }, not "
        "7\n"
        "site.json:2:61: error: /vhosts/1/headers/remove must be the name of a field, not an "
        "object\n"
        "site.json:3:29: error: \"X-A\" cannot stand beside \"set\", \"add\" and \"remove\": put "
        "it in one of them\n"
        "site.json:3:53: error: /vhosts/2/headers/remove/0 must be the name of a field, not 7\n"
        "site.json:4:26: error: /defaults/headers must be an object, { NAME: value }, not true\n");
    given_finish(&t);
}
END_TEST

Suite *suite_site_fields(void)
{
    static const TTest **const tests[] = {
        &a_plain_object_sets,
        &parts_set_add_and_remove,
        &an_inner_level_rules_name_by_name_whatever_their_case,
        &what_says_nothing_shares_the_outer_rules,
        &names_that_the_server_answers_for_are_told_with_the_cure,
        &what_is_no_name_or_no_value_is_told,
        &a_name_has_one_rule,
        &what_has_the_wrong_shape_is_told,
        NULL,
    };

    return unit_suite("site_fields", tests);
}
