/* SPDX-License-Identifier: MIT
   docs/CONFIG.md and docs/modules/ against the option tables: each key has its row under its
   section's heading, with type, default and help as the table has them, and no row is without its
   key. */
#include "module.h"
#include "settings.h"
#include "site_keys.h"
#include "unit.h"
#include "variable_name.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_BYTES = 1 << 20, TABLES_MAX = 64 };

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
        return (o->flags & OPTION_OR_FALSE) != 0 ? "time or false" : "time";
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
        return (o->flags & OPTION_OR_FALSE) != 0 ? "object or false" : "object";
    case MPX_T_MAP:
        return (o->flags & MPX_OPT_OR_TEXT) != 0 ? "string or object of strings"
               : o->of == NULL                   ? "object of strings"
               : o->of->type == MPX_T_LIST       ? "object of lists"
                                                 : "object of objects";
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

/* A page of docs/ while it is checked. */
struct page {
    const char *name;
    char text[TEXT_BYTES];
};

static void open_page(struct page *p, const char *name)
{
    const char *source = getenv("MPX_SOURCE") != NULL ? getenv("MPX_SOURCE") : ".";
    char path[1024];

    (void)snprintf(path, sizeof(path), "%s/docs/%s", source, name);
    FILE *f = fopen(path, "r");
    ck_assert_msg(f != NULL, "there is no %s", path);
    p->name = name;
    p->text[fread(p->text, 1, sizeof(p->text) - 1, f)] = '\0';
    (void)fclose(f);
}

/* The part of a page under a heading. */
static struct mpx_str section(const struct page *p, const char *heading)
{
    char line[128];

    (void)snprintf(line, sizeof(line), "\n## %s\n", heading);
    const char *at = strstr(p->text, line);
    ck_assert_msg(at != NULL, "docs/%s has no section \"## %s\"", p->name, heading);
    at += strlen(line);
    const char *end = strstr(at, "\n## ");
    return (struct mpx_str){ at, end != NULL ? (size_t)(end - at) : strlen(at) };
}

/* Whether a table was met before on this page: it is used twice, or holds itself. */
static bool was_met(const struct mpx_option *table, const struct mpx_option **met)
{
    size_t i = 0;

    for (; met[i] != NULL; i++)
        if (met[i] == table)
            return true;
    ck_assert_uint_lt(i + 1, TABLES_MAX);
    met[i] = table;
    return false;
}

static unsigned check_rows(struct mpx_str text, const char *page, const char *prefix,
                           struct option_table table, const struct mpx_option **met)
{
    struct mpx_option o;
    struct buffer row;
    unsigned rows = 0;
    char inner[128];

    buffer_init(&row, 4096);
    for (size_t i = 0; (o = option_get(table, i)).name != NULL; i++) {
        bool has_elements = o.of != NULL && (o.type == MPX_T_LIST || o.type == MPX_T_MAP);
        bool has_members = o.of != NULL && (!has_elements || o.of->type == MPX_T_OBJECT);
        const struct mpx_option *of = !has_members ? NULL : has_elements ? o.of->of : o.of;

        if ((o.flags & OPTION_LATER) != 0)
            continue;
        make_row(&row, prefix, &o);
        ck_assert_msg(memmem(text.p, text.n, row.p, row.n) != NULL,
                      "docs/%s must have the row\n%.*s", page, STR_ARGS(buffer_str(&row)));
        rows++;
        (void)snprintf(inner, sizeof(inner), "%s%s.", prefix, o.name);
        if (of != NULL && !was_met(of, met))
            rows += check_rows(text, page, inner, (struct option_table){ of, table.stride }, met);
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

static void check_table(const struct page *p, const char *heading, struct option_table table)
{
    struct mpx_str text = section(p, heading);
    const struct mpx_option *met[TABLES_MAX] = { NULL };
    unsigned rows = check_rows(text, p->name, "", table, met);

    ck_assert_msg(count_rows(text) == rows,
                  "docs/%s, \"## %s\": %u rows, but the table has %u options", p->name, heading,
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

    static struct page page;

    open_page(&page, "CONFIG.md");
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        check_table(&page, tables[i].heading, *tables[i].table);
}
END_TEST

/* One module that comes with the server: file is NAME.so. */
static void check_module(struct modules *ms, const char *file)
{
    static struct page page;
    char path[300];
    const char *error;
    struct mpx_str name = str_head(str_of(file), strlen(file) - 3);
    const struct module *m = module_load(ms, name, false, &error);

    ck_assert_msg(m != NULL, "%s", error);
    (void)snprintf(path, sizeof(path), "modules/%s.md", m->name);
    open_page(&page, path);
    check_table(&page, "Keys", module_options(m));
    (void)section(&page, "Example");
    (void)section(&page, "Errors");
}

START_TEST(every_module_has_a_page_with_its_keys)
{
    const char *build = getenv("MPX_BUILD") != NULL ? getenv("MPX_BUILD") : ".";
    char folder[1024];
    struct modules ms;
    unsigned count = 0;

    (void)snprintf(folder, sizeof(folder), "%s/modules/.libs", build);
    modules_init(&ms);
    modules_add_folder(&ms, str_of(folder));
    DIR *dir = opendir(folder);
    ck_assert_msg(dir != NULL, "there is no %s", folder);
    for (const struct dirent *e; (e = readdir(dir)) != NULL;) {
        size_t n = strlen(e->d_name);

        if (n < 4 || strcmp(e->d_name + n - 3, ".so") != 0)
            continue;
        check_module(&ms, e->d_name);
        count++;
    }
    (void)closedir(dir);
    modules_finish(&ms);
    ck_assert_uint_ge(count, 2);
}
END_TEST

START_TEST(every_variable_of_core_is_documented)
{
    static struct page page;
    const char *name, *help;
    unsigned rows = 0;
    char row[256];

    open_page(&page, "CONFIG.md");
    struct mpx_str text = section(&page, "Variables");
    for (; (name = variable_name_at(rows, &help)) != NULL; rows++) {
        (void)snprintf(row, sizeof(row), "\n| `$%s` | %s |\n", name, help);
        ck_assert_msg(memmem(text.p, text.n, row, strlen(row)) != NULL,
                      "docs/CONFIG.md must have the row%s", row);
    }
    ck_assert_uint_eq(count_rows(text), rows);
}
END_TEST

Suite *suite_docs(void)
{
    static const TTest **const tests[] = { &the_keys_of_core_are_documented,
                                           &every_module_has_a_page_with_its_keys,
                                           &every_variable_of_core_is_documented, NULL };

    return unit_suite("docs", tests);
}
