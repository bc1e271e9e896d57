/* SPDX-License-Identifier: MIT
   Whole configurations: any text is a generation or problems, with every kind of option in reach.
   A NUL ends the main file and begins "b.json", which it may include, another one the text of
   ${file:v} and ${env:V}; '!' in front asks for strict JSON. Nothing is read from disk. */
#include "fuzz.h"
#include "generation.h"
#include "guest.h"
#include "loopback.h"
#include "str.h"

enum { OUT_MAX = 1 << 20 };

struct conf {
    bool boolean;
    int64_t integer, bounded, size, time;
    struct mpx_str string, path, file, secret, sink, json;
    int word;
    struct mpx_list list, objects, map;
    struct {
        struct mpx_str name;
        int64_t number;
    } object;
};
struct element {
    struct mpx_str name;
    struct mpx_list numbers;
};

#define AT(field) offsetof(struct conf, field)

static const struct mpx_option text = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option number = { .name = "", .type = MPX_T_INT, .min = -5, .max = 5 };
static const struct mpx_option object_options[] = {
    { .name = "name", .type = MPX_T_STRING, .flags = MPX_OPT_BARE | MPX_OPT_REQUIRED },
    { .name = "number",
      .type = MPX_T_INT,
      .offset = AT(object.number) - AT(object),
      .fallback = "7" },
    MPX_OPTION_END,
};
static const struct mpx_option element_options[] = {
    { .name = "name", .type = MPX_T_STRING, .flags = MPX_OPT_BARE },
    { .name = "numbers",
      .type = MPX_T_LIST,
      .of = &number,
      .of_size = sizeof(int64_t),
      .offset = offsetof(struct element, numbers) },
    MPX_OPTION_END,
};
static const struct mpx_option element = { .name = "",
                                           .type = MPX_T_OBJECT,
                                           .of = element_options };

static const struct mpx_option options[] = {
    { .name = "boolean", .type = MPX_T_BOOL, .offset = AT(boolean), .fallback = "true" },
    { .name = "integer", .type = MPX_T_INT, .offset = AT(integer) },
    { .name = "bounded",
      .type = MPX_T_INT,
      .offset = AT(bounded),
      .min = 2,
      .max = 9,
      .fallback = "3" },
    { .name = "size", .type = MPX_T_SIZE, .offset = AT(size), .fallback = "\"1k\"" },
    { .name = "time", .type = MPX_T_MSEC, .offset = AT(time), .fallback = "\"1s\"" },
    { .name = "string", .type = MPX_T_STRING, .offset = AT(string), .flags = MPX_OPT_BARE },
    { .name = "path", .type = MPX_T_PATH, .offset = AT(path) },
    { .name = "file", .type = MPX_T_PATH, .offset = AT(file), .flags = MPX_OPT_PRIVATE },
    { .name = "secret", .type = MPX_T_STRING, .offset = AT(secret), .flags = MPX_OPT_SECRET },
    { .name = "sink", .type = MPX_T_PATH, .offset = AT(sink), .flags = MPX_OPT_SINK },
    { .name = "json", .type = MPX_T_JSON, .offset = AT(json) },
    { .name = "word",
      .type = MPX_T_ENUM,
      .offset = AT(word),
      .names = (const char *const[]){ "one", "two", "three", NULL } },
    { .name = "list",
      .type = MPX_T_LIST,
      .offset = AT(list),
      .of = &text,
      .of_size = sizeof(struct mpx_str) },
    { .name = "objects",
      .type = MPX_T_LIST,
      .offset = AT(objects),
      .of = &element,
      .of_size = sizeof(struct element) },
    { .name = "map", .type = MPX_T_MAP, .offset = AT(map) },
    { .name = "object",
      .type = MPX_T_OBJECT,
      .offset = AT(object),
      .of = object_options,
      .where = MPX_AT_VHOST },
    { .name = "process", .type = MPX_T_STRING, .offset = AT(string), .where = MPX_AT_PROCESS },
    MPX_OPTION_END,
};

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;

    if (conf->bounded < 2 || conf->bounded > 9 || conf->word < 0 || conf->word > 2)
        fuzz_fail(__FILE__, __LINE__, "a value is out of its bounds");
    if (conf->integer == 13)
        return mpx_conf_error(c, "integer", "13 brings bad luck");
    if (conf->list.count > 3)
        return mpx_conf_error(c, "list/3", "four are too many");
    return 0;
}

static const struct mpx_module typed = {
    MPX_HEADER(typed, "1.0"),
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
};

static int read_private(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *out)
{
    (void)arg;
    (void)path;
    *out = arena_copy(a, MPX_STR("private"));
    return 0;
}

/* The part before the next NUL, which is taken off the rest. */
static struct mpx_str next_part(struct mpx_str *rest)
{
    struct mpx_str part = str_head(*rest, str_find(*rest, '\0'));

    *rest = str_from(*rest, part.n + 1);
    return part;
}

static void add_value(struct sources *s, enum source_kind kind, const char *name,
                      struct mpx_str value)
{
    struct source *src = (struct source *)(uintptr_t)source_add(s, name, value);

    src->kind = kind;
}

/* What is wrong can be printed, and sent to another process with the texts. */
static void check_problems(const struct problems *p, const struct sources *s)
{
    struct problems theirs;
    struct sources copy;
    struct buffer saved, ours, printed;

    buffer_init(&saved, OUT_MAX);
    buffer_init(&ours, OUT_MAX);
    buffer_init(&printed, OUT_MAX);
    sources_init(&copy);
    problems_init(&theirs);
    sources_save(s, &saved);
    FUZZ_MUST(sources_load(&copy, buffer_str(&saved)) == 0, "the texts do not come over");
    for (unsigned i = 0;; i++) {
        saved.n = 0;
        if (!problem_save(p, i, &saved))
            break;
        FUZZ_MUST(problem_load(&theirs, &copy, buffer_str(&saved)) == 0,
                  "problem %u does not come over", i);
    }
    problems_print(p, &ours);
    problems_print(&theirs, &printed);
    FUZZ_MUST(str_eq(buffer_str(&ours), buffer_str(&printed)), "it prints otherwise");
    problems_finish(&theirs);
    sources_finish(&copy);
    buffer_finish(&printed);
    buffer_finish(&ours);
    buffer_finish(&saved);
}

void fuzz_config(const uint8_t *data, size_t n)
{
    struct mpx_str rest = { (const char *)data, n };
    struct generation_request request = { .file = "a.json",
                                          .overrides = "(modules)",
                                          .read_private = read_private };
    struct problems problems;
    struct sources sources;
    struct modules modules;
    struct generation g;

    if (n > 65536)
        return;
    if (n > 0 && data[0] == '!') {
        request.strict = true;
        rest = str_from(rest, 1);
    }
    sources_init(&sources);
    problems_init(&problems);
    modules_init(&modules);
    loopback_add_module(&modules, mpx_guest_module());
    loopback_add_module(&modules, mpx_static_module());
    loopback_add_module(&modules, &typed);
    (void)source_add(&sources, "a.json", next_part(&rest));
    (void)source_add(&sources, "(modules)", MPX_STR("{\"daemon\":{\"module_path\":\"/nowhere\"}}"));
    (void)source_add(&sources, "b.json", next_part(&rest));
    add_value(&sources, SOURCE_VALUE, "v", rest);
    add_value(&sources, SOURCE_ENV, "V", rest);
    add_value(&sources, SOURCE_GLOB, "*.json", MPX_STR("b.json\n"));
    sources.frozen = true;
    generation_build(&g, &sources, &modules, &problems, NULL, &request);
    check_problems(&problems, &sources);
    generation_finish(&g);
    modules_finish(&modules);
    problems_finish(&problems);
    sources_finish(&sources);
}
