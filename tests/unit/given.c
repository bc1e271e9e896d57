/* SPDX-License-Identifier: MIT */
#include "given.h"

#include "aid.h"
#include "config.h"
#include "json.h"

#include <stdio.h>
#include <unistd.h>

void given_init(struct given *t)
{
    *t = (struct given){ .is_built = false };
    unit_folder(t->folder);
    ck_assert_int_eq(chdir(t->folder), 0);
    arena_init(&t->arena, NULL);
    sources_init(&t->sources);
    problems_init(&t->problems);
    modules_init(&t->modules);
}

void given_finish(struct given *t)
{
    if (t->is_built)
        generation_finish(&t->g);
    modules_finish(&t->modules);
    problems_finish(&t->problems);
    sources_finish(&t->sources);
    arena_finish(&t->arena);
}

void given_file(struct given *t, const char *name, const char *text)
{
    unit_write(t->folder, name, text);
}

struct node *given_json(struct given *t, const char *text)
{
    const struct source *src = source_add(&t->sources, "t.json", str_of(text));

    return json_read(&t->arena, src, false, &t->problems);
}

struct node *given_config(struct given *t)
{
    return config_read(&t->arena, &t->sources, "main.json", NULL, false, &t->problems);
}

struct generation *given_site(struct given *t, const char *text)
{
    const struct generation_request request = { .file = strstr(text, "\"daemon\"") != NULL
                                                            ? "site.json"
                                                            : "main.json" };
    const char *modules =
        arena_printf(&t->arena,
                     "{ \"include\": \"site.json\", \"daemon\": { \"module_path\": "
                     "[ \"%s/modules/.libs\", \".\" ] } }",
                     aid_env("MPX_BUILD", "."))
            .p;

    given_file(t, "site.json", text);
    given_file(t, "main.json", modules);
    generation_build(&t->g, &t->sources, &t->modules, &t->problems, NULL, &request);
    t->is_built = true;
    return &t->g;
}

const char *given_report(struct given *t)
{
    struct buffer b;

    buffer_init(&b, 1 << 20);
    problems_print(&t->problems, &b);
    const char *text = arena_copyz(&t->arena, buffer_str(&b));
    buffer_finish(&b);
    return text;
}

/* A line of a report that shows the file, or the mark below. */
static bool shows_file(struct mpx_str line)
{
    size_t bar = str_find(line, '|');

    return bar == 6 && line.p[5] == ' ' && line.p[0] == ' ';
}

const char *given_errors(struct given *t)
{
    struct buffer b;

    buffer_init(&b, 1 << 20);
    for (struct mpx_str rest = str_of(given_report(t)); rest.n > 0;) {
        struct mpx_str line = str_head(rest, str_find(rest, '\n'));

        if (!shows_file(line))
            (void)buffer_printf(&b, "%.*s\n", STR_ARGS(line));
        rest = str_from(rest, line.n + 1);
    }
    const char *text = arena_copyz(&t->arena, buffer_str(&b));
    buffer_finish(&b);
    return text;
}

void given_expect(struct given *t, const char *file, int line, const char *lines)
{
    const char *said = given_errors(t);

    if (strcmp(said, lines) != 0)
        ck_abort_msg("%s:%d: said\n%sand not\n%s", file, line, said, lines);
    problems_finish(&t->problems);
    problems_init(&t->problems);
}

const char *given_chain(struct given *t, const struct chain *chain)
{
    const char *text = "";

    for (unsigned i = 0; i < chain->conf_count; i++)
        text =
            arena_printf(&t->arena, "%s%s%s", text, i > 0 ? " " : "", chain->confs[i]->module->name)
                .p;
    return text;
}

const struct mpx_conf *given_conf(const struct chain *chain, const char *module)
{
    for (unsigned i = 0; i < chain->conf_count; i++)
        if (strcmp(chain->confs[i]->module->name, module) == 0)
            return chain->confs[i];
    ck_abort_msg("%s is not active", module);
    return NULL;
}

const char *given_text(struct given *t, const struct node *j)
{
    struct buffer b;

    buffer_init(&b, 1 << 20);
    node_write(j, &b);
    const char *text = arena_copyz(&t->arena, buffer_str(&b));
    buffer_finish(&b);
    return text;
}
