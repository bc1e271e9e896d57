/* SPDX-License-Identifier: MIT */
#include "site_keys.h"

/* read by code that wants more than the value: its place, its siblings */
#define ELSEWHERE(key, text)                                 \
    {                                                        \
        .name = key, .help = text, .type = MPX_T_JSON,       \
        .offset = offsetof(struct level_settings, elsewhere) \
    }

static const struct mpx_option limits_options[] = {
    { .name = "body",
      .help = "of a request's body, then 413; by default as the enclosing level, then the listener",
      .type = MPX_T_SIZE,
      .offset = offsetof(struct site_limits, body) },
    MPX_OPTION_END,
};

#define LIMITS                                                                            \
    {                                                                                     \
        .name = "limits", .help = "how much a client may ask here", .type = MPX_T_OBJECT, \
        .of = limits_options, .offset = offsetof(struct level_settings, limits)           \
    }

static const char *const satisfy_words[] = { "all", "any", NULL };
#define SATISFY                                                                     \
    {                                                                               \
        .name = "satisfy",                                                          \
        .help = "all: no access module may refuse; any: one that admits is enough", \
        .type = MPX_T_ENUM, .names = satisfy_words,                                 \
        .offset = offsetof(struct level_settings, satisfy)                          \
    }

static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option vhost_options[] = {
    { .name = "name",
      .help = "the host name it answers to; \"default\" answers to all unknown ones",
      .type = MPX_T_STRING,
      .fallback = "\"default\"",
      .offset = offsetof(struct vhost_settings, name) },
    { .name = "aliases",
      .help = "further names; \"*.example.org\" stands for all below",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct vhost_settings, aliases) },
    { .name = "documents",
      .help = "the folder of \"/\"",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_EXISTS,
      .offset = offsetof(struct vhost_settings, documents) },
    ELSEWHERE("modules", "which modules are active, in their order"),
    ELSEWHERE("directories", "settings for paths below this one"),
    LIMITS,
    ELSEWHERE("error_pages", "pages of its own for errors"),
    ELSEWHERE("headers", "fields of every answer: set, added, removed"),
    SATISFY,
    MPX_OPTION_END,
};

static const struct mpx_option directory_options[] = {
    { .name = "path",
      .help = "the paths it covers: \"/a\" stands for /a and all below",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_REQUIRED,
      .offset = offsetof(struct directory_settings, path) },
    { .name = "location",
      .help = "its folder; by default beneath that of the enclosing one",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_EXISTS,
      .offset = offsetof(struct directory_settings, location) },
    ELSEWHERE("modules", "which modules are active, in their order"),
    LIMITS,
    ELSEWHERE("headers", "fields of every answer: set, added, removed"),
    SATISFY,
    MPX_OPTION_END,
};

static const struct mpx_option defaults_options[] = {
    ELSEWHERE("modules", "which modules are active, in their order"),
    LIMITS,
    ELSEWHERE("error_pages", "pages of its own for errors"),
    ELSEWHERE("headers", "fields of every answer: set, added, removed"),
    SATISFY,
    MPX_OPTION_END,
};

const struct option_table site_vhost_keys = { vhost_options, sizeof(struct mpx_option) };
const struct option_table site_directory_keys = { directory_options, sizeof(struct mpx_option) };
const struct option_table site_defaults_keys = { defaults_options, sizeof(struct mpx_option) };
const struct option_table site_limits_keys = { limits_options, sizeof(struct mpx_option) };

const char *site_key_belongs(struct mpx_str key)
{
    struct mpx_option o;

    if (option_find(site_vhost_keys, key, &o))
        return "a virtual host";
    return option_find(site_directory_keys, key, &o) ? "a directory" : NULL;
}
