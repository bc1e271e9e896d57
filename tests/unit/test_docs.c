/* SPDX-License-Identifier: MIT
   docs/CONFIG.md against the option tables: each key has its row under its section's heading, with
   type, default and help as the table has them, and no row is without its key. */
#include "module.h"
#include "settings.h"
#include "site_keys.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 1 << 20 };

static const char *type_word(const struct mpx_option *o)
{
    switch ((enum mpx_type)o->type) {
    case MPX_T_BOOL:
        return "true or false";
    case MPX_T_INT:
        return "number";
    case MPX_T_SIZE:
        return "size";
    case MPX_T_MSEC:
        return "time";
    case MPX_T_STRING:
        return (o->flags & OPTION_OR_FALSE) != 0 ? "string or false" : "string";
    case MPX_T_PATH:
        return "path";
    case MPX_T_ENUM:
        return "word";
    case MPX_T_LIST:
        return o->of->type == MPX_T_OBJECT ? "list of objects"
               : o->of->type == MPX_T_PATH ? "list of paths"
                                           : "list of strings";
    case MPX_T_OBJECT:
        return "object";
    case MPX_T_MAP:
        return "object of strings";
    case MPX_T_JSON:
        return "see below";
    }
    return "";
}

/* What values there are: words, or the bounds of a number. */
static void add_values(struct buffer *row, const struct mpx_option *o)
{
    if (o->type == MPX_T_INT && o->max != 0 && o->max < INT64_MAX)
        (void)buffer_printf(row, " from %lld to %lld", (long long)o->min, (long long)o->max);
    for (int i = 0; o->type == MPX_T_ENUM && o->names[i] != NULL; i++)
        (void)buffer_printf(row, "%s\"%s\"", i == 0 ? ": " : ", ", o->names[i]);
}

/* The row of one option as the documentation must have it, without a newline. */
static void make_row(struct buffer *row, const char *prefix, const struct mpx_option *o)
{
    const char *fallback = o->fallback;

    row->n = 0;
    if (fallback == NULL)
        fallback = (o->flags & MPX_OPT_REQUIRED) != 0 ? "required" : "";
    (void)buffer_printf(row, "| `%s%s` | %s", prefix, o->name, type_word(o));
    add_values(row, o);
    (void)buffer_printf(row, " | %s%s%s | %s |", o->fallback != NULL ? "`" : "", fallback,
                        o->fallback != NULL ? "`" : "", o->help != NULL ? o->help : "");
}

static char *config_md(void)
{
    const char *source = getenv("MPX_SOURCE") != NULL ? getenv("MPX_SOURCE") : ".";
    char path[1024];
    static char text[TEXT_BYTES];

    (void)snprintf(path, sizeof(path), "%s/docs/CONFIG.md", source);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "%s", path);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    return text;
}

/* The part of the text under a heading. */
static struct mpx_str section(const char *text, const char *heading)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "\n## %s\n", heading);
    const char *at = strstr(text, line);
    ck_assert_msg(at != NULL, "docs/CONFIG.md has no section \"## %s\"", heading);
    at += strlen(line);
    const char *end = strstr(at, "\n## ");
    return (struct mpx_str){ at, end != NULL ? (size_t)(end - at) : strlen(at) };
}

static unsigned check_rows(struct mpx_str text, const char *heading, const char *prefix,
                           struct option_table table)
{
    struct mpx_option o;
    struct buffer row;
    unsigned rows = 0;
    char inner[128];

    buffer_init(&row, 4096);
    for (size_t i = 0; (o = option_get(table, i)).name != NULL; i++) {
        const struct mpx_option *of = o.type == MPX_T_LIST ? o.of->of : o.of;

        if ((o.flags & OPTION_LATER) != 0)
            continue;
        make_row(&row, prefix, &o);
        ck_assert_msg(memmem(text.p, text.n, row.p, row.n) != NULL,
                      "docs/CONFIG.md, \"## %s\", must have the row\n%.*s", heading,
                      STR_ARGS(buffer_str(&row)));
        rows++;
        (void)snprintf(inner, sizeof(inner), "%s%s.", prefix, o.name);
        if (of != NULL)
            rows += check_rows(text, heading, inner, (struct option_table){ of, table.stride });
    }
    buffer_finish(&row);
    return rows;
}

static unsigned count_rows(struct mpx_str text)
{
    unsigned rows = 0;

    for (size_t i = 0; i + 3 < text.n; i++)
        rows += memcmp(text.p + i, "\n| `", 4) == 0;
    return rows;
}

static void check_table(const char *heading, struct option_table table)
{
    struct mpx_str text = section(config_md(), heading);
    unsigned rows = check_rows(text, heading, "", table);

    ck_assert_msg(count_rows(text) == rows,
                  "docs/CONFIG.md, \"## %s\": %u rows, but the table has %u options", heading,
                  count_rows(text), rows);
}

START_TEST(the_keys_of_core_are_documented)
{
    static const struct {
        const char *heading;
        const struct option_table *table;
    } tables[] = {
        { "daemon", &settings_daemon_keys }, { "connection", &settings_connection_keys },
        { "vhosts", &site_vhost_keys },      { "directories", &site_directory_keys },
        { "defaults", &site_defaults_keys },
    };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        check_table(tables[i].heading, *tables[i].table);
}
END_TEST

START_TEST(the_keys_of_modules_are_documented)
{
    static const char *const names[] = { "accesslog", "static" };
    const char *build = getenv("MPX_BUILD") != NULL ? getenv("MPX_BUILD") : ".";
    char folder[1024], heading[64];
    struct modules ms;

    (void)snprintf(folder, sizeof(folder), "%s/modules/.libs", build);
    modules_init(&ms);
    modules_add_folder(&ms, str_of(folder));
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *error;
        const struct module *m = module_load(&ms, str_of(names[i]), false, &error);

        ck_assert_msg(m != NULL, "%s", error);
        (void)snprintf(heading, sizeof(heading), "Module %s", names[i]);
        check_table(heading, module_options(m));
    }
    modules_finish(&ms);
}
END_TEST

Suite *suite_docs(void)
{
    static const TTest **const tests[] = { &the_keys_of_core_are_documented,
                                           &the_keys_of_modules_are_documented, NULL };

    return unit_suite("docs", tests);
}
