/* SPDX-License-Identifier: MIT
   accesslog - a line for each request, in a format of one's own, through a sink. Which requests is
   when.c's matter, how a line looks format.c's. */
#include "format.h"
#include "when.h"

#include <stdio.h>

/* One log. */
struct log {
    struct mpx_str file;
    struct mpx_list format;          /* of struct mpx_pair */
    struct mpx_list only_if, not_if; /* of struct when; one is enough */
    int64_t sample;
    struct privacy privacy;
    struct format compiled;
    struct mpx_sink *sink;
    uint64_t *seen; /* requests, for sample */
};

struct conf {
    struct log one;       /* when it stands alone: the same options */
    struct mpx_list logs; /* of struct log */
};

static const struct mpx_option text = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option when = { .name = "", .type = MPX_T_OBJECT, .of = when_options };
static const struct mpx_option mask_options[] = {
    { .name = "on",
      .help = "whether addresses lose their last bits",
      .type = MPX_T_BOOL,
      .flags = MPX_OPT_BARE,
      .offset = offsetof(struct mask, on) },
    { .name = "v4",
      .help = "bits of an IPv4 address that are kept; by default 24",
      .type = MPX_T_INT,
      .min = 1,
      .max = 32,
      .offset = offsetof(struct mask, v4) },
    { .name = "v6",
      .help = "bits of an IPv6 address that are kept; by default 48",
      .type = MPX_T_INT,
      .min = 1,
      .max = 128,
      .offset = offsetof(struct mask, v6) },
    MPX_OPTION_END,
};

#define LOG_OPTIONS                                                                             \
    { .name = "file",                                                                           \
      .help = "a file, \"stderr\", \"journald\" or \"syslog:FACILITY\"",                        \
      .type = MPX_T_PATH,                                                                       \
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE | MPX_OPT_SINK,                                  \
      .offset = offsetof(struct log, file) },                                                   \
        { .name = "format",                                                                     \
          .help = "what a line looks like; by default \"combined\"",                            \
          .type = MPX_T_MAP,                                                                    \
          .flags = MPX_OPT_OR_TEXT,                                                             \
          .offset = offsetof(struct log, format) },                                             \
        { .name = "if",                                                                         \
          .help = "only requests that fit one of these are logged",                             \
          .type = MPX_T_LIST,                                                                   \
          .of = &when,                                                                          \
          .of_size = sizeof(struct when),                                                       \
          .offset = offsetof(struct log, only_if) },                                            \
        { .name = "unless",                                                                     \
          .help = "requests that fit one of these are not logged",                              \
          .type = MPX_T_LIST,                                                                   \
          .of = &when,                                                                          \
          .of_size = sizeof(struct when),                                                       \
          .offset = offsetof(struct log, not_if) },                                             \
        { .name = "sample",                                                                     \
          .help = "one request of so many is logged",                                           \
          .type = MPX_T_INT,                                                                    \
          .fallback = "1",                                                                      \
          .min = 1,                                                                             \
          .max = 1000000000,                                                                    \
          .offset = offsetof(struct log, sample) },                                             \
        { .name = "ip_mask",                                                                    \
          .help = "addresses of clients are cut short: true, or how short",                     \
          .type = MPX_T_OBJECT,                                                                 \
          .of = mask_options,                                                                   \
          .offset = offsetof(struct log, privacy.mask) },                                       \
        { .name = "hide_query",                                                                 \
          .help = "parameters whose values are not logged; \"*\": all",                         \
          .type = MPX_T_LIST,                                                                   \
          .of = &text,                                                                          \
          .of_size = sizeof(struct mpx_str),                                                    \
          .offset = offsetof(struct log, privacy.hidden) },                                     \
    {                                                                                           \
        .name = "show_secrets",                                                                 \
        .help = "fields that prove who somebody is are logged as they are", .type = MPX_T_BOOL, \
        .offset = offsetof(struct log, privacy.show_secrets)                                    \
    }

static const struct mpx_option log_options[] = { LOG_OPTIONS, MPX_OPTION_END };
static const struct mpx_option log_element = { .name = "",
                                               .type = MPX_T_OBJECT,
                                               .of = log_options };
static const struct mpx_option options[] = {
    LOG_OPTIONS,
    { .name = "logs",
      .help = "several logs, in the place of all other keys",
      .type = MPX_T_LIST,
      .flags = MPX_OPT_BARE,
      .of = &log_element,
      .of_size = sizeof(struct log),
      .offset = offsetof(struct conf, logs) },
    MPX_OPTION_END,
};

static int check_conditions(struct mpx_conf *c, const char *below, const char *key,
                            struct mpx_list list)
{
    struct when *w = (struct when *)(uintptr_t)list.items;
    char at[96];
    int rc = 0;

    for (size_t i = 0; i < list.count; i++) {
        (void)snprintf(at, sizeof(at), "%s%s/%zu", below, key, i);
        if (when_check(c, at, &w[i]) < 0)
            rc = -1;
    }
    return rc;
}

/* below: "" or "logs/0/". */
static int check_log(struct mpx_conf *c, const char *below, struct log *log)
{
    char at[64];

    log->seen = mpx_alloc(mpx_conf_arena(c), sizeof(*log->seen));
    (void)snprintf(at, sizeof(at), "%sformat", below);
    int rc = format_read(c, at, log->format, &log->privacy, &log->compiled);
    rc |= check_conditions(c, below, "if", log->only_if);
    rc |= check_conditions(c, below, "unless", log->not_if);
    return rc;
}

/* What stands beside "logs" would be for none of them. */
static const char *first_beside(const struct log *log)
{
    if (log->file.n > 0)
        return "file";
    if (log->format.count > 0)
        return "format";
    if (log->only_if.count > 0)
        return "if";
    if (log->not_if.count > 0)
        return "unless";
    if (log->sample > 1)
        return "sample";
    if (mask_is_on(&log->privacy.mask))
        return "ip_mask";
    if (log->privacy.hidden.count > 0)
        return "hide_query";
    return log->privacy.show_secrets ? "show_secrets" : NULL;
}

static struct log *logs_of(struct conf *conf, size_t *count)
{
    *count = conf->logs.count > 0 ? conf->logs.count : 1;
    return conf->logs.count > 0 ? (struct log *)(uintptr_t)conf->logs.items : &conf->one;
}

static int check(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    const char *beside = conf->logs.count > 0 ? first_beside(&conf->one) : NULL;
    size_t count;
    struct log *log = logs_of(conf, &count);
    char below[32] = "";
    int rc = 0;

    if (beside != NULL)
        return mpx_conf_error(c, beside,
                              "it cannot stand beside \"logs\": put it into each of them, or set "
                              "\"logs\" to null here");
    for (size_t i = 0; i < count; i++) {
        if (conf->logs.count > 0)
            (void)snprintf(below, sizeof(below), "logs/%zu/", i);
        rc |= check_log(c, below, &log[i]);
    }
    return rc;
}

static int open_conf(struct mpx_conf *c, void *data)
{
    size_t count;
    struct log *log = logs_of(data, &count);
    int rc = 0;

    for (size_t i = 0; i < count; i++) {
        log[i].sink = mpx_sink_open(c, log[i].file);
        if (log[i].sink == NULL)
            rc = -1;
    }
    return rc;
}

static bool fits_one(struct mpx_list list, const struct mpx_req *r)
{
    const struct when *w = list.items;

    for (size_t i = 0; i < list.count; i++)
        if (when_holds(&w[i], r))
            return true;
    return false;
}

static bool is_wanted(const struct log *log, const struct mpx_req *r)
{
    if ((log->only_if.count > 0 && !fits_one(log->only_if, r)) || fits_one(log->not_if, r))
        return false;
    return log->sample <= 1 || (*log->seen)++ % (uint64_t)log->sample == 0;
}

static enum mpx_rc log_request(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    const struct log *log = conf->logs.count > 0 ? conf->logs.items : &conf->one;
    size_t count = conf->logs.count > 0 ? conf->logs.count : 1;
    struct line l;

    for (size_t i = 0; i < count; i++)
        if (is_wanted(&log[i], r))
            mpx_sink_write(log[i].sink, format_write(&log[i].compiled, r, &l));
    return MPX_NEXT;
}

MPX_MODULE(accesslog) = {
    MPX_HEADER(accesslog, "1.0"),
    .summary = "a line for each request",
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
    .open = open_conf,
    .on = { [MPX_PH_LOG] = log_request },
};
