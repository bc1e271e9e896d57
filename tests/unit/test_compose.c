/* SPDX-License-Identifier: MIT
   Options of the command line as texts of a configuration. */
#include "compose.h"

#include "unit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct launch l;
static char folder[64];

static void set_up(void)
{
    launch_init(&l);
    unit_folder(folder);
}

static void take_down(void)
{
    launch_finish(&l);
}

static const char *overrides(void)
{
    if (l.overrides == NULL)
        return "(none)";
    return arena_copyz(&l.arena, source_get(&l.sources, SOURCE_CONFIG, l.overrides)->text);
}

START_TEST(a_file_without_options_stands_alone)
{
    const struct cli c = { .port = -1, .strict = true };

    set_up();
    compose_file(&l, &c, "site.json");
    ck_assert_str_eq(l.file, "site.json");
    ck_assert(l.strict);
    ck_assert_str_eq(overrides(), "(none)");
    take_down();
}
END_TEST

START_TEST(options_are_laid_over_a_file)
{
    static const struct {
        struct cli c;
        const char *text;
    } cases[] = {
        { { .port = 0 }, "{\"daemon\":{},\"command_line\":{\"listener\":{\"port\":0}}}" },
        { { .port = -1, .host = "::1" },
          "{\"daemon\":{},\"command_line\":{\"listener\":{\"host\":\"::1\"}}}" },
        { { .port = 80, .host = "*", .verbose = true, .user = "a\"b", .group = "x y" },
          "{\"daemon\":{\"user\":\"a\\\"b\",\"group\":\"x y\"},\"command_line\":"
          "{\"verbose\":true,\"listener\":{\"host\":\"*\",\"port\":80}}}" },
        { { .port = -1, .verbose = true }, "{\"daemon\":{},\"command_line\":{\"verbose\":true}}" },
        { { .port = -1, .group = "g" }, "{\"daemon\":{\"group\":\"g\"},\"command_line\":{}}" },
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        set_up();
        compose_file(&l, &cases[i].c, "site.json");
        ck_assert_str_eq(overrides(), cases[i].text);
        take_down();
    }
}
END_TEST

START_TEST(a_folder_is_a_whole_configuration)
{
    const struct cli c = { .folder = folder, .port = 81, .user = "somebody" };
    char real[PATH_MAX];

    set_up();
    ck_assert_int_eq(compose_folder(&l, &c), 0);
    ck_assert_ptr_nonnull(realpath(folder, real));
    launch_read(&l);
    ck_assert_view_eq(l.settings.listeners->host, "127.0.0.1");
    ck_assert_int_eq(l.settings.listeners->port, 81);
    ck_assert_view_eq(l.settings.user, "somebody");
    const struct node *site = node_member(l.root, "vhosts")->first;
    ck_assert_view_eq(node_member(site, "documents")->string, real);
    take_down();
}
END_TEST

START_TEST(what_cannot_be_served_is_none)
{
    set_up();
    unit_write(folder, "file", "");
    ck_assert_int_eq(chdir(folder), 0);
    const char *const names[] = { "none", "file", "" };
    ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr)); /* it is told there */
    for (size_t i = 0; i < 3; i++) {
        const struct cli c = { .folder = names[i], .port = -1 };

        ck_assert_int_eq(compose_folder(&l, &c), -1);
    }
    take_down();
}
END_TEST

START_TEST(where_there_is_no_file_options_alone_say_something)
{
    struct cli c = { .port = -1 };

    set_up();
    compose_empty(&l, &c);
    launch_read(&l);
    ck_assert_uint_eq(l.problems.count, 0);
    ck_assert_uint_eq(l.settings.module_path.count, 0);
    ck_assert_uint_eq(l.settings.user.n, 0);
    take_down();
    set_up();
    c.user = "root";
    compose_empty(&l, &c);
    launch_read(&l);
    ck_assert_uint_eq(l.problems.count, 0);
    ck_assert_view_eq(l.settings.user, "root");
    take_down();
}
END_TEST

Suite *suite_compose(void)
{
    static const TTest **const tests[] = { &a_file_without_options_stands_alone,
                                           &options_are_laid_over_a_file,
                                           &a_folder_is_a_whole_configuration,
                                           &what_cannot_be_served_is_none,
                                           &where_there_is_no_file_options_alone_say_something,
                                           NULL };

    return unit_suite("compose", tests);
}
