/* SPDX-License-Identifier: MIT */
#include "json.h"

#include "given.h"

static struct node *at(const struct node *j, const char *key)
{
    struct node *m = node_member(j, key);

    ck_assert_msg(m != NULL, "no member %s", key);
    return m;
}

START_TEST(reads_every_kind_of_value)
{
    struct given t;

    given_init(&t);
    const struct node *j =
        given_json(&t, "{ \"n\": null, \"t\": true, \"f\": false, \"i\": -12,\n"
                       "\"r\": 2.5, \"s\": \"a\\n\\u00e4\\\"/\", \"l\": [1, []],\n"
                       "\"o\": {\"x\": {}} }");
    ck_assert_ptr_nonnull(j);
    ck_assert_int_eq(j->kind, NODE_OBJECT);
    ck_assert_uint_eq(j->count, 8);
    ck_assert_int_eq(at(j, "n")->kind, NODE_NULL);
    ck_assert(at(j, "t")->kind == NODE_BOOL && at(j, "t")->boolean);
    ck_assert(at(j, "f")->kind == NODE_BOOL && !at(j, "f")->boolean);
    ck_assert(at(j, "i")->kind == NODE_INT && at(j, "i")->integer == -12);
    ck_assert(at(j, "r")->kind == NODE_REAL && at(j, "r")->real == 2.5);
    ck_assert_view_eq(at(j, "s")->string, "a\n\xc3\xa4\"/");
    ck_assert_int_eq(at(j, "l")->kind, NODE_ARRAY);
    ck_assert_int_eq(at(at(j, "o"), "x")->kind, NODE_OBJECT);
    ck_assert_str_eq(given_text(&t, j),
                     "{\"n\":null,\"t\":true,\"f\":false,\"i\":-12,\"r\":2.5,"
                     "\"s\":\"a\\n\xc3\xa4\\\"/\",\"l\":[1,[]],\"o\":{\"x\":{}}}");
    ck_assert_errors(&t, "");
    given_finish(&t);
}
END_TEST

/* The text that a place covers. */
static struct mpx_str covered(const struct place *p)
{
    return str_head(str_from(p->src->text, p->off), p->len);
}

START_TEST(every_key_and_value_knows_its_place)
{
    struct given t;

    given_init(&t);
    const struct node *j = given_json(
        &t, "\xef\xbb\xbf{ // \"one\": 2\n"
            "  \"one\" : 17, /* {[ \" */ \"two\\\"\": [ \"x\", true, ] , \"three\":{}, }");
    ck_assert_errors(&t, "");
    ck_assert_view_eq(covered(&j->at), "{");
    ck_assert_view_eq(covered(&j->first->key_at), "\"one\"");
    ck_assert_view_eq(covered(&j->first->at), "17");
    const struct node *two = j->first->next;
    ck_assert_view_eq(two->key, "two\"");
    ck_assert_view_eq(covered(&two->key_at), "\"two\\\"\"");
    ck_assert_view_eq(covered(&two->at), "[");
    ck_assert_view_eq(covered(&two->first->at), "\"x\"");
    ck_assert_view_eq(covered(&two->first->key_at), "\"x\"");
    ck_assert_view_eq(covered(&two->last->at), "true");
    ck_assert_view_eq(covered(&two->next->at), "{");
    given_finish(&t);
}
END_TEST

START_TEST(comments_and_a_last_comma_are_allowed)
{
    static const char *const good[] = {
        "// a\n{} // b",
        "/**/{/* , */}/* \n*/",
        "{\"a\":[1,2,],}",
        "{\"a\":[1 /* x */ , // y\n ] , /* z */ }",
        "{\"a\":\"// no /* comment */ ,]\"}",
        "{\"a\":\"\\\\\",/* \\\" */}",
        "{\"a\":1}//",
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        ck_assert_msg(given_json(&t, good[i]) != NULL, "%s", good[i]);
        ck_assert_errors(&t, "");
    }
    ck_assert_view_eq(at(given_json(&t, good[4]), "a")->string, "// no /* comment */ ,]");
    given_finish(&t);
}
END_TEST

START_TEST(strict_json_has_neither)
{
    static const struct {
        const char *text, *errors;
    } cases[] = {
        { "{} // x",
          "s:1:4: error: strict JSON has no comments: remove it, or drop --strict-json\n" },
        { "{ /* x */ }",
          "s:1:3: error: strict JSON has no comments: remove it, or drop --strict-json\n" },
        { "{\"a\":1 , }", "s:1:8: error: strict JSON has no comma behind the last element: remove "
                          "it, or drop --strict-json\n" },
        { "{ // x\n\"a\": [1, /* y */ ], // z\n\"a\": 2 }",
          "s:1:3: error: strict JSON has no comments: remove it, or drop --strict-json\n"
          "s:2:8: error: strict JSON has no comma behind the last element: remove it, or drop "
          "--strict-json\n"
          "s:2:10: error: strict JSON has no comments: remove it, or drop --strict-json\n"
          "s:2:21: error: strict JSON has no comments: remove it, or drop --strict-json\n"
          "s:3:1: error: duplicate key \"a\" (the first one is at s:2:1): remove one\n" },
        { "{\"a\":[\n1,]}",
          "s:2:2: error: strict JSON has no comma behind the last element: remove "
          "it, or drop --strict-json\n" },
    };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct source *src = source_add(&t.sources, "s", str_of(cases[i].text));

        ck_assert_ptr_nonnull(json_read(&t.arena, src, true, &t.problems));
        ck_assert_errors(&t, cases[i].errors);
    }
    const struct source *src = source_add(&t.sources, "s", MPX_STR("{\"a\": \"//,]\"}"));
    ck_assert_ptr_nonnull(json_read(&t.arena, src, true, &t.problems));
    given_finish(&t);
}
END_TEST

static const char not_json[] =
    "this is not JSON: texts stand in double quotes; true, false and null are small letters; "
    "comments begin with //";

static const char not_number[] = "this number is written wrong: numbers are 80, -1 or 0.5";

/* What is wrong, where, and what is said of it. */
static const struct {
    const char *text, *place, *said;
} mistakes[] = {
    { "", "1:1", "this file is empty: a configuration is a JSON object, { ... }" },
    { "\n // nothing\n", "1:1", "this file is empty: a configuration is a JSON object, { ... }" },
    { "[]", "1:1", "a configuration is a JSON object, { ... }, not a list" },
    { " 5", "1:2", "a configuration is a JSON object, { ... }, not a number" },
    { "{\n \"a\": {\n", "2:7", "the file ends too early: a bracket or brace is not closed" },
    { "{\"a\":[1,2}", "1:10", "',' or ']' expected" },
    { "{\"a\":1 \"bcd\":2}", "1:8", "',' or '}' expected" },
    { "{\n \"a\": 1\n \"bcd\": 2\n}", "3:2", "',' or '}' expected (line 2 ends without a comma)" },
    { "{\"a\": [\n {}\n\n {}\n]}", "4:2", "',' or ']' expected (line 2 ends without a comma)" },
    { "{\"a\" 1}", "1:6", "':' expected between a key and its value" },
    { "{a: 1}", "1:2", "a key in double quotes, or '}', expected" },
    { "{'a': 1}", "1:2", "a key in double quotes, or '}', expected" },
    { "{\"a\":1,,}", "1:9", "a key in double quotes, or '}', expected" },
    { "{\"a\": }", "1:7", "a value is missing here" },
    { "{\"a\": [,]}", "1:8", "a value is missing here" },
    { "{\"a\": True}", "1:7", not_json },
    { "{\"a\": NaN}", "1:7", not_json },
    { "{\"a\": 01}", "1:7", not_number },
    { "{\"a\": +1}", "1:7", not_number },
    { "{\"a\": 1.}", "1:7", not_number },
    { "{\"a\": .5}", "1:7", not_number },
    { "{\"a\": 0x10 }", "1:7", not_number },
    { "{\"a\": 1e}", "1:7", not_number },
    { "{\"a\": -}", "1:7", not_number },
    { "{\"a\": [1, 1_000]}", "1:11", not_number },
    { "{\"a\": [1 2]}", "1:10", "',' or ']' expected" },
    { "{\"a\": \"1\" 2}", "1:11", "',' or '}' expected" },
    { "# x\n{}", "1:1", not_json },
    { "{\n\"a\": \"x,\n\"b\": 1}", "2:6", "this text has no closing quote on its line" },
    { "{\"a\": \"x}", "1:7", "this text has no closing quote on its line" },
    { "{\"a\": \"\\d\"}", "1:7", "a backslash in a text is written twice" },
    { "{\"a\": \"\\u0000\"}", "1:7", "a text cannot hold \\u0000" },
    { "{\"a\": \"\\ud800\"}", "1:7",
      "this \\u escape is half a character: the other half is missing" },
    { "{\"a\": \"\t\"}", "1:7",
      "a control character in a text is written as an escape, a tab as \\t" },
    { "{\"a\": \"\xff\"}", "1:7", "this text is not UTF-8" },
    { "{\"a\": 99999999999999999999}", "1:7", "this number is too big" },
    { "{\"a\": -99999999999999999999}", "1:7", "this number is too big" },
    { "{\"a\": 1e999}", "1:7", "this number is too big" },
    { "{} x", "1:4", "nothing may stand behind the end of the configuration" },
    { "{}\n}", "2:1", "nothing may stand behind the end of the configuration" },
    { "{ /* x }", "1:3", "this comment does not end: \"*/\" is missing" },
};

/* Whether another process, which sees the same texts, can be told the problem. */
static bool comes_over(const struct given *t)
{
    struct problems theirs;
    struct buffer saved;

    problems_init(&theirs);
    buffer_init(&saved, 4096);
    bool ok = problem_save(&t->problems, 0, &saved) &&
              problem_load(&theirs, &t->sources, buffer_str(&saved)) == 0;
    buffer_finish(&saved);
    problems_finish(&theirs);
    return ok;
}

START_TEST(a_mistake_is_told_in_plain_words_at_its_place)
{
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(mistakes) / sizeof(mistakes[0]); i++) {
        const char *expected =
            arena_printf(&t.arena, "t.json:%s: error: %s\n", mistakes[i].place, mistakes[i].said).p;

        ck_assert_msg(given_json(&t, mistakes[i].text) == NULL, "%s", mistakes[i].text);
        ck_assert_msg(comes_over(&t), "%s", mistakes[i].text);
        ck_assert_errors(&t, expected);
    }
    given_finish(&t);
}
END_TEST

START_TEST(a_missing_quote_does_not_turn_the_rest_inside_out)
{
    struct given t;

    given_init(&t);
    /* with the quotes out of step, the pattern below would begin a comment */
    ck_assert_ptr_null(given_json(&t, "{\n \"user\": \"x,\n \"include\": \"conf.d/*.json\"\n}"));
    ck_assert_errors(&t, "t.json:2:10: error: this text has no closing quote on its line\n");
    ck_assert_ptr_null(given_json(&t, "{\n \"user\": \"x\\\n , \"include\": \"conf.d/*.json\"\n}"));
    ck_assert_errors(&t, "t.json:2:10: error: a backslash in a text is written twice\n");
    given_finish(&t);
}
END_TEST

START_TEST(values_nested_without_end_are_refused)
{
    struct given t;
    char text[6000];

    given_init(&t);
    memset(text, '[', sizeof(text));
    text[sizeof(text) - 1] = '\0';
    ck_assert_ptr_null(given_json(&t, text));
    ck_assert_errors(&t, "t.json:1:2049: error: values are nested too deeply here\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_nul_is_no_white_space)
{
    static const char texts[][16] = { "{ \"a\": 80\0}", "{ \"a\": \0 80}", "{ \0 }", "{ }\0",
                                      "{ \"a\0\": 80 }" };
    struct given t;

    given_init(&t);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const char *nul = strchr(texts[i], '\0');
        size_t n = (size_t)(nul - texts[i]) + 1 + strlen(nul + 1);
        const struct source *src =
            source_add(&t.sources, "t.json", (struct mpx_str){ texts[i], n });

        ck_assert_ptr_null(json_read(&t.arena, src, false, &t.problems));
    }
    ck_assert_uint_eq(t.problems.count, sizeof(texts) / sizeof(texts[0]));
    ck_assert_ptr_nonnull(strstr(given_errors(&t), "a NUL byte has no place"));
    given_finish(&t);
}
END_TEST

START_TEST(a_key_that_stands_twice_is_told_with_both_places)
{
    struct given t;

    given_init(&t);
    const struct node *j = given_json(&t, "{ \"a\": 1,\n  \"b\": 2, \"a\": 3,\n \"o\": { \"a\": 4, "
                                          "\"\\u0061\": 5 } }");
    ck_assert_ptr_nonnull(j);
    ck_assert_errors(
        &t, "t.json:2:11: error: duplicate key \"a\" (the first one is at t.json:1:3): "
            "remove one\nt.json:3:17: error: duplicate key \"a\" (the first one is at t.json:3:9): "
            "remove one\n");
    given_finish(&t);
}
END_TEST

START_TEST(a_default_is_read_from_a_word_of_json)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    ck_assert_int_eq(json_read_value(&a, "12")->integer, 12);
    ck_assert_view_eq(json_read_value(&a, "\"x\"")->string, "x");
    ck_assert_uint_eq(json_read_value(&a, "[1, 2]")->count, 2);
    ck_assert_ptr_null(json_read_value(&a, "\"x\"")->at.src);
    ck_assert_ptr_null(json_read_value(&a, "text"));
    ck_assert_ptr_null(json_read_value(&a, ""));
    ck_assert_ptr_null(json_read_value(&a, "1 2"));
    arena_finish(&a);
}
END_TEST

Suite *suite_json(void)
{
    static const TTest **const tests[] = {
        &reads_every_kind_of_value,
        &every_key_and_value_knows_its_place,
        &comments_and_a_last_comma_are_allowed,
        &strict_json_has_neither,
        &a_mistake_is_told_in_plain_words_at_its_place,
        &a_missing_quote_does_not_turn_the_rest_inside_out,
        &values_nested_without_end_are_refused,
        &a_nul_is_no_white_space,
        &a_key_that_stands_twice_is_told_with_both_places,
        &a_default_is_read_from_a_word_of_json,
        NULL,
    };

    return unit_suite("json", tests);
}
