/* SPDX-License-Identifier: MIT */
#include "grants.h"

#include "given.h"

static struct given t;
static struct grants g;

static void set_up(const char *text)
{
    given_init(&t);
    given_file(&t, "main.json", text);
    const struct node *root = given_config(&t);
    ck_assert_errors(&t, "");
    grants_init(&g, root, &t.sources);
}

static void take_down(void)
{
    grants_finish(&g);
    given_finish(&t);
}

/* A name in the folder of the test. */
static struct mpx_str in(const char *name)
{
    return arena_printf(&t.arena, "%s/%s", t.folder, name);
}

START_TEST(nothing_is_granted_at_first)
{
    set_up("{ \"daemon\": { \"log\": \"error.log\" } }");
    ck_assert(!grants_has(&g, in("error.log"), GRANT_APPEND));
    ck_assert(!grants_has(&g, in("error.log"), GRANT_READ));
    take_down();
}
END_TEST

START_TEST(a_value_is_granted_for_what_is_asked_and_no_more)
{
    set_up("{ \"daemon\": { \"log\": [\"error.log\", \"/var/log/other\"] },"
           "  \"vhosts\": { \"x\": { \"key\": \"./a//b\" } } }");
    ck_assert(grants_add(&g, in("error.log"), GRANT_APPEND));
    ck_assert(grants_has(&g, in("error.log"), GRANT_APPEND));
    ck_assert(!grants_has(&g, in("error.log"), GRANT_READ));
    ck_assert(grants_add(&g, in("a/b"), GRANT_READ));
    ck_assert(grants_has(&g, in("a/b"), GRANT_READ));
    ck_assert(!grants_has(&g, in("a/b"), GRANT_APPEND));
    ck_assert(grants_add(&g, MPX_STR("/var/log/other"), GRANT_READ));
    ck_assert(grants_add(&g, MPX_STR("/var/log/other"), GRANT_APPEND));
    ck_assert(grants_has(&g, MPX_STR("/var/log/other"), GRANT_READ));
    take_down();
}
END_TEST

START_TEST(logs_are_told_one_after_the_other)
{
    const char *path;
    size_t i = 0;

    set_up("{ \"daemon\": { \"log\": [\"/z\", \"/b\", \"/c\"] } }");
    ck_assert_ptr_null(grants_log(&g, &i));
    ck_assert(grants_add(&g, MPX_STR("/z"), GRANT_APPEND));
    ck_assert(grants_add(&g, MPX_STR("/b"), GRANT_APPEND));
    ck_assert(grants_add(&g, MPX_STR("/c"), GRANT_READ));
    struct buffer b;
    buffer_init(&b, 100);
    for (i = 0; (path = grants_log(&g, &i)) != NULL; i++)
        (void)buffer_add(&b, str_of(path));
    ck_assert_view_eq(buffer_str(&b), "/b/z");
    buffer_finish(&b);
    take_down();
}
END_TEST

START_TEST(what_is_no_value_cannot_be_granted)
{
    static const char *const paths[] = {
        "/etc/passwd",          "", "/", "error.log", "log", "/var/log", "/var/log/other/",
        "/var/log/../log/other"
    };

    set_up("{ \"daemon\": { \"log\": [\"error.log\", \"/var/log/other\", \"\"] } }");
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        ck_assert_msg(!grants_add(&g, str_of(paths[i]), GRANT_APPEND), "%s", paths[i]);
        ck_assert(!grants_has(&g, str_of(paths[i]), GRANT_APPEND));
    }
    take_down();
}
END_TEST

START_TEST(a_value_that_stands_twice_is_one)
{
    set_up("{ \"vhosts\": [ { \"a\": \"log\" }, { \"a\": \"log\", \"b\": \"./log\" } ] }");
    ck_assert(grants_add(&g, in("log"), GRANT_APPEND));
    ck_assert(grants_has(&g, in("log"), GRANT_APPEND));
    ck_assert(grants_add(&g, in("log"), GRANT_READ));
    ck_assert(grants_has(&g, in("log"), GRANT_APPEND));
    take_down();
}
END_TEST

START_TEST(an_empty_configuration_grants_nothing)
{
    set_up("{}");
    ck_assert(!grants_add(&g, MPX_STR("/x"), GRANT_READ));
    take_down();
    g = (struct grants){ .count = 0 };
    ck_assert(!grants_has(&g, MPX_STR("/x"), GRANT_READ));
}
END_TEST

Suite *suite_grants(void)
{
    static const TTest **const tests[] = { &nothing_is_granted_at_first,
                                           &a_value_is_granted_for_what_is_asked_and_no_more,
                                           &logs_are_told_one_after_the_other,
                                           &what_is_no_value_cannot_be_granted,
                                           &a_value_that_stands_twice_is_one,
                                           &an_empty_configuration_grants_nothing,
                                           NULL };

    return unit_suite("grants", tests);
}
