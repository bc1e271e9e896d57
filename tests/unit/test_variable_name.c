/* SPDX-License-Identifier: MIT
   Names of variables: found once, told when there are none. */
#include "variable_name.h"

#include "given.h"
#include "loopback.h"

#include <stdio.h>

START_TEST(texts_are_taken_apart)
{
    static const struct {
        const char *text, *pieces; /* a name in parentheses, each piece with a bar behind it */
    } cases[] = {
        { "", "" },
        { "plain", "plain|" },
        { "$host", "(host)|" },
        { "a$host", "a|(host)|" },
        { "$path.html", "(path)|.html|" },
        { "$host.b.c$path", "(host)|.b.c|(path)|" },
        { "$probe.a.b", "(probe.a.b)|" },
        { "$host. $host.", "(host)|. |(host)|.|" },
        { "$header.user-agent-", "(header.user-agent)|-|" },
        { "$remote-addr", "(remote)|-addr|" },
        { "$status:int", "(status)|:int|" },
        { "$$", "$|" },
        { "$$host", "$|host|" },
        { "$$$host", "$|(host)|" },
        { "100$", "100|$|" },
        { "$-$ $", "$|-|$| |$|" },
        { "\xc3\xa4$a_1\xc3\xa4", "\xc3\xa4|(a_1)|\xc3\xa4|" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct mpx_str rest = str_of(cases[i].text), piece;
        struct buffer b;
        bool is_name;

        buffer_init(&b, 1000);
        while (variable_name_next(&rest, &piece, &is_name))
            (void)buffer_printf(&b, is_name ? "(%.*s)|" : "%.*s|", STR_ARGS(piece));
        ck_assert_view_eq(buffer_str(&b), cases[i].pieces);
        buffer_finish(&b);
    }
}
END_TEST

START_TEST(cores_names_are_found)
{
    struct mpx_var v;
    const char *name, *help;

    for (size_t i = 0; (name = variable_name_at(i, &help)) != NULL; i++) {
        ck_assert_msg(variable_name_of_core(str_of(name), &v), "%s", name);
        ck_assert_uint_eq(v.which, i);
        ck_assert_uint_gt(strlen(help), 0);
    }
    ck_assert(variable_name_of_core(MPX_STR("header.User-Agent"), &v));
    ck_assert_view_eq(v.word, "User-Agent");
    ck_assert_int_eq(v.which, VARIABLE_HEADER);
    ck_assert(variable_name_of_core(MPX_STR("response.a.b"), &v));
    ck_assert_view_eq(v.word, "a.b");
    static const char *const none[] = { "",    "header",  "response", "host.x",  "hostx", "Host",
                                        "hos", "header.", ".host",    "request", "$host", "host " };
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        ck_assert_msg(!variable_name_of_core(str_of(none[i]), &v), "\"%s\"", none[i]);
}
END_TEST

START_TEST(a_modules_names_are_found_wherever_it_stands)
{
    struct mpx_var v;
    struct loopback *lb = loopback_create(
        "{ \"vhosts\": { \"headers\": { \"A\": \"$probe.path $probe\" }, \"directories\": "
        "{ \"path\": \"/x\", \"modules\": [\"probe\"] } } }");

    ck_assert_ptr_nonnull(lb);
    const struct modules *ms = loopback_worker(lb)->generation->modules;
    ck_assert(variable_name_of_module(ms, MPX_STR("probe.path"), &v));
    ck_assert_view_eq(v.word, "path");
    ck_assert_str_eq(v.module->name, "probe");
    ck_assert(variable_name_of_module(ms, MPX_STR("probe"), &v));
    ck_assert_view_eq(v.word, "");
    ck_assert(!variable_name_of_module(ms, MPX_STR("probes"), &v));
    loopback_destroy(lb);
}
END_TEST

START_TEST(what_a_module_that_is_missing_would_provide_is_not_called_unknown)
{
    struct given t;

    given_init(&t);
    given_site(&t, "{ \"vhosts\": { \"modules\": [\"static\"], \"headers\": { \"A\": \"$x\" } } }");
    ck_assert_errors(&t, "site.json:1:56: error: /vhosts/0/headers/A: there is no variable $x\n");
    given_finish(&t);
    given_init(&t);
    given_site(&t, "{ \"vhosts\": { \"modules\": [\"x\"], \"headers\": { \"A\": \"$x\" } } }");
    ck_assert_ptr_nonnull(strstr(given_errors(&t), "module \"x\" is not installed"));
    ck_assert_ptr_null(strstr(given_errors(&t), "there is no variable"));
    given_finish(&t);
}
END_TEST

START_TEST(unknown_names_are_told_with_what_was_meant)
{
    struct given t;

    given_init(&t);
    given_site(&t, "{ \"vhosts\": { \"headers\": {\n"
                   "\"A\": \"$hsot\",\n"
                   "\"B\": \"$$host $host $prob.path\",\n"
                   "\"C\": \"$heder.Accept $header\",\n"
                   "\"D\": \"$entirely_different\" } } }");
    ck_assert_errors(
        &t,
        "site.json:2:6: error: /vhosts/0/headers/A: there is no variable $hsot (did you mean "
        "\"host\"?)\n"
        "site.json:3:6: error: /vhosts/0/headers/B: there is no variable $prob.path\n"
        "site.json:4:6: error: /vhosts/0/headers/C: $header needs the name of a field: "
        "$header.NAME\n"
        "site.json:4:6: error: /vhosts/0/headers/C: there is no variable $heder.Accept (did you "
        "mean \"header.Accept\"?)\n"
        "site.json:5:6: error: /vhosts/0/headers/D: there is no variable $entirely_different\n");
    given_finish(&t);
}
END_TEST

START_TEST(one_variable_is_found_with_the_length_of_its_name)
{
    static const struct {
        const char *text, *name; /* NULL: there is none */
    } cases[] = {
        { "host", "host" },      { "path.html", "path" }, { "probe.a-b c", "probe.a-b" },
        { "host$path", "host" }, { "nobody/", "nobody" }, { "", NULL },
        { "$host", NULL },       { ".host", NULL },
    };
    struct given t;

    given_init(&t);
    struct generation *g = given_site(&t, "{ \"vhosts\": {} }");
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        size_t n;
        const struct mpx_var *v =
            variable_name_find(g, str_of(cases[i].text), (struct place){ 0 }, "a text", &n);

        ck_assert_uint_eq(n, cases[i].name != NULL ? strlen(cases[i].name) : 0);
        ck_assert_int_eq(v != NULL, cases[i].name != NULL);
        if (v != NULL)
            ck_assert_view_eq(v->name, cases[i].name);
    }
    given_finish(&t);
}
END_TEST

static int get(struct mpx_req *r, struct mpx_str word, struct mpx_str *value)
{
    (void)r;
    *value = word;
    return 0;
}

START_TEST(a_module_that_takes_a_name_of_another_is_refused)
{
    static const struct mpx_variable first[] = { { "mine", get }, { NULL, NULL } };
    static const struct {
        struct mpx_variable table[3];
        const char *why; /* NULL: nothing is wrong */
    } cases[] = {
        { { { "yours", get }, { "theirs_2", get }, { NULL, NULL } }, NULL },
        { { { NULL, NULL } }, NULL },
        { { { "x", get }, { "mine", get }, { NULL, NULL } },
          "module \"first\" provides the variable $mine already" },
        { { { "host", get }, { NULL, NULL } }, "its variable $host is one of the server's own" },
        { { { "header", get }, { NULL, NULL } },
          "its variable $header is one of the server's own" },
        { { { "a-b", get }, { NULL, NULL } }, "its variable \"a-b\" has a name that is no word" },
        { { { "a.b", get }, { NULL, NULL } }, "its variable \"a.b\" has a name that is no word" },
        { { { "", get }, { NULL, NULL } }, "its variable \"\" has a name that is no word" },
        { { { "a", NULL }, { NULL, NULL } }, "its variable \"a\" has no function" },
    };
    static const struct mpx_module d = { MPX_HEADER(first, "1"), .variables = first };
    struct modules ms;

    modules_init(&ms);
    loopback_add_module(&ms, &d);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct mpx_module other = { MPX_HEADER(second, "1"), .variables = cases[i].table };
        const char *why = variable_name_verify(&ms.arena, &ms, &other);

        if (cases[i].why == NULL)
            ck_assert_ptr_null(why);
        else
            ck_assert_str_eq(why != NULL ? why : "(nothing)", cases[i].why);
    }
    modules_finish(&ms);
}
END_TEST

Suite *suite_variable_name(void)
{
    static const TTest **const tests[] = {
        &texts_are_taken_apart,
        &cores_names_are_found,
        &a_modules_names_are_found_wherever_it_stands,
        &what_a_module_that_is_missing_would_provide_is_not_called_unknown,
        &unknown_names_are_told_with_what_was_meant,
        &one_variable_is_found_with_the_length_of_its_name,
        &a_module_that_takes_a_name_of_another_is_refused,
        NULL,
    };

    return unit_suite("variable_name", tests);
}
