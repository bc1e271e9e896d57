/* SPDX-License-Identifier: MIT
   static - files beneath a directory's location: index files, validators, media types. Hidden
   files are as if they were not there; mpx_open sees to symbolic links. */
#include "conf.h"
#include "refusal.h"
#include "serve.h"

#include "../common/pointer.h"

#include <multiplexd/mime.h>

#include <string.h>

static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option suffix_element = { .name = "",
                                                  .type = MPX_T_ENUM,
                                                  .names = sidecar_suffixes };

static const struct mpx_option options[] = {
    { .name = "index_file",
      .help = "served for a folder, the first that exists",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "[\"index.html\", \"index.htm\"]",
      .offset = offsetof(struct conf, index_file) },
    { .name = "types",
      .help = "media types by suffix, before those of mime_types: { \"md\": \"text/markdown\" }",
      .type = MPX_T_MAP,
      .offset = offsetof(struct conf, types) },
    { .name = "default_type",
      .help = "the media type of other files",
      .type = MPX_T_STRING,
      .fallback = "\"application/octet-stream\"",
      .offset = offsetof(struct conf, default_type) },
    { .name = "charset",
      .help = "added to text types, \"\" for none",
      .type = MPX_T_STRING,
      .fallback = "\"utf-8\"",
      .offset = offsetof(struct conf, charset) },
    { .name = "hidden",
      .help = "\"deny\": names that begin with a dot; \"allow\": none; or names, with *",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "\"deny\"",
      .offset = offsetof(struct conf, hidden) },
    { .name = "symlinks",
      .help = "which symbolic links are followed: beneath the location, of one owner, all, none",
      .type = MPX_T_ENUM,
      .names = policy_links,
      .fallback = "\"beneath\"",
      .offset = offsetof(struct conf, symlinks) },
    { .name = "precompressed",
      .help = "files compressed beside the original that are sent to who takes them, best first",
      .type = MPX_T_LIST,
      .of = &suffix_element,
      .of_size = sizeof(int),
      .offset = offsetof(struct conf, sidecars.listed) },
    { .name = "precompressed_types",
      .help = "the media types of originals that may have such files, with *",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "[\"text/*\", \"*/*json\", \"*/*javascript\", \"*/*xml\", "
                  "\"application/wasm\", \"font/ttf\", \"font/otf\"]",
      .offset = offsetof(struct conf, sidecars.types) },
    { .name = "max_age",
      .help =
          "how long caches may keep a file unasked: max-age of Cache-Control; 0: nothing is said",
      .type = MPX_T_MSEC,
      .offset = offsetof(struct conf, cache.max_age) },
    { .name = "cache_control",
      .help = "Cache-Control, behind max-age: \"public, immutable\"",
      .type = MPX_T_STRING,
      .offset = offsetof(struct conf, cache.control) },
    { .name = "cache",
      .help = "a time or Cache-Control by media type or suffix: { \"image/*\": \"7d\", \".html\": "
              "\"no-cache\" }",
      .type = MPX_T_MAP,
      .offset = offsetof(struct conf, cache.by_type) },
    { .name = "mime_types",
      .help = "the file with media types; a built-in list where there is none",
      .type = MPX_T_PATH,
      .where = MPX_AT_PROCESS,
      .fallback = "\"/etc/mime.types\"",
      .offset = offsetof(struct conf, mime_types) },
    MPX_OPTION_END,
};

static int check_index(struct mpx_conf *c, const struct conf *conf)
{
    const struct mpx_str *names = conf->index_file.items;
    int rc = 0;

    for (size_t i = 0; i < conf->index_file.count; i++)
        if (names[i].n == 0 || memchr(names[i].p, '/', names[i].n) != NULL)
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "index_file/%zu", i).p,
                                "\"%.*s\" is not the name of a file", (int)names[i].n, names[i].p);
    return rc;
}

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;
    const struct mpx_pair *pairs = conf->types.items;
    int rc = check_index(c, conf);

    if (policy_check(c, conf->hidden) < 0)
        rc = -1;
    if (cache_check(c, &conf->cache) < 0)
        rc = -1;
    if (sidecars_check(c, &conf->sidecars) < 0)
        rc = -1;
    if (!types_is_type(conf->default_type))
        rc = mpx_conf_error(c, "default_type", "must be a media type such as \"text/plain\"");
    if (conf->charset.n > 0 && !types_is_token(conf->charset))
        rc = mpx_conf_error(c, "charset", "must be one word, such as \"utf-8\"");
    for (size_t i = 0; i < conf->types.count; i++)
        if (!types_is_type(pairs[i].value))
            rc = mpx_conf_error(c, pointer_below(c, "types", pairs[i].key),
                                "must be a media type such as \"text/plain\"");
    return rc;
}

/* The view that Content-Type gets: with charset for text. */
static struct mpx_str with_charset(struct mpx_req *r, struct mpx_str type, struct mpx_str charset)
{
    static const struct mpx_str between = { "; charset=", 10 };

    if (charset.n == 0 || type.n < 5 || memcmp(type.p, "text/", 5) != 0 ||
        memchr(type.p, ';', type.n) != NULL)
        return type;
    char *text = mpx_alloc(mpx_req_arena(r), type.n + between.n + charset.n);
    memcpy(text, type.p, type.n);
    memcpy(text + type.n, between.p, between.n);
    memcpy(text + type.n + between.n, charset.p, charset.n);
    return (struct mpx_str){ text, type.n + between.n + charset.n };
}

struct mpx_str conf_type_of(struct mpx_req *r, const struct conf *conf, struct mpx_str name)
{
    struct mpx_str type = types_find(conf->own, name);

    if (type.n == 0)
        type = types_find(conf->system, name);
    return with_charset(r, type.n > 0 ? type : conf->default_type, conf->charset);
}

static struct mpx_str service_type(struct mpx_req *r, struct mpx_str name)
{
    const struct conf *conf = mpx_req_conf(r, "static");

    return conf != NULL ? conf_type_of(r, conf, name) : MPX_STR("application/octet-stream");
}

static const struct mpx_mime mime = {
    .head = { .size = sizeof(mime), .major = 1, .minor = 0 },
    .type = service_type,
};

static const struct mpx_files_policy *service_policy(struct mpx_req *r)
{
    const struct conf *conf = mpx_req_conf(r, "static");

    return conf != NULL ? &conf->policy.told : mpx_files_policy_of(NULL, r);
}

static const struct mpx_files files = {
    .head = { .size = sizeof(files), .major = 1, .minor = 0 },
    .policy = service_policy,
};

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    struct types **kept = mpx_keep(c, "types", sizeof(*kept), types_end);

    if (*kept == NULL)
        *kept = types_read(conf->mime_types.p);
    conf->system = *kept;
    conf->refusals = refusals_create(mpx_conf_arena(c));
    conf->own = types_create();
    mpx_defer(mpx_conf_arena(c), types_destroy, conf->own);
    const struct mpx_pair *pairs = conf->types.items;
    for (size_t i = 0; i < conf->types.count; i++)
        types_add(conf->own, pairs[i].key, pairs[i].value);
    policy_init(&conf->policy, conf->hidden, conf->symlinks);
    conf->policy.told.index_file = conf->index_file;
    cache_open(c, &conf->cache);
    sidecars_open(c, &conf->sidecars);
    return mpx_provide(c, "mime", &mime.head) < 0 || mpx_provide(c, "files", &files.head) < 0 ? -1
                                                                                              : 0;
}

static const char *const after[] = { "userdir", "exec", NULL };

MPX_MODULE(static) = {
    MPX_HEADER(static, "1.0"),
    .summary = "files: index files, media types, validators, caching, compressed beside them",
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
    .open = open_conf,
    .on = { [MPX_PH_CONTENT] = serve },
    .after = after,
};
