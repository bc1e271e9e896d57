/* SPDX-License-Identifier: MIT
   exec - programs that answer requests, by the Common Gateway Interface (CGI/1.1, RFC 3875). Where
   an "exec" key stands, executable files are programs: they are run, and never sent as files. */
#include "exec.h"

#include "../common/pointer.h"

#include <string.h>
#include <sys/resource.h>

static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

#define LIMIT(key, field, kind, text, most)                                              \
    {                                                                                    \
        .name = key, .help = text, .type = kind, .max = most, .min = (most) > 0 ? 1 : 0, \
        .offset = offsetof(struct limits, field)                                         \
    }
static const struct mpx_option limit_options[] = {
    LIMIT("cpu", cpu, MPX_T_MSEC, "processor time, whole seconds", 0),
    LIMIT("memory", memory, MPX_T_SIZE, "address space", 0),
    LIMIT("file_size", file_size, MPX_T_SIZE, "of a file that it writes", 0),
    LIMIT("files", files, MPX_T_INT, "open files", 1048576),
    LIMIT("processes", processes, MPX_T_INT, "processes of the user that the server runs as",
          4194304),
    MPX_OPTION_END,
};

static const struct mpx_option options[] = {
    { .name = "executable",
      .help = "files with permission to execute are programs",
      .type = MPX_T_BOOL,
      .flags = MPX_OPT_BARE,
      .fallback = "true",
      .offset = offsetof(struct conf, executable) },
    { .name = "extensions",
      .help = "files with these suffixes are programs, run by an interpreter or, with \"\", by "
              "themselves: { \".php\": \"/usr/bin/php-cgi\", \".cgi\": \"\" }",
      .type = MPX_T_MAP,
      .offset = offsetof(struct conf, extensions) },
    { .name = "env",
      .help = "variables for programs, with $variables: { \"GIT_PROJECT_ROOT\": \"/srv/git\" }",
      .type = MPX_T_MAP,
      .offset = offsetof(struct conf, env) },
    { .name = "pass_env",
      .help = "variables of the server's own environment that programs get",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct conf, pass_env) },
    { .name = "pass_authorization",
      .help = "programs see the Authorization field, and the secrets in it",
      .type = MPX_T_BOOL,
      .fallback = "false",
      .offset = offsetof(struct conf, pass_authorization) },
    { .name = "timeout",
      .help = "how long a program may neither write nor read what is there for it; 0: for ever",
      .type = MPX_T_MSEC,
      .fallback = "\"60s\"",
      .offset = offsetof(struct conf, timeout) },
    { .name = "max_time",
      .help = "how long it may run in all; 0: for ever",
      .type = MPX_T_MSEC,
      .fallback = "0",
      .offset = offsetof(struct conf, max_time) },
    { .name = "max_header",
      .help = "bytes of the header that it writes",
      .type = MPX_T_SIZE,
      .fallback = "\"64k\"",
      .min = 1024,
      .max = 1 << 20,
      .offset = offsetof(struct conf, max_header) },
    { .name = "limits",
      .help = "what each of its processes may use",
      .type = MPX_T_OBJECT,
      .of = limit_options,
      .offset = offsetof(struct conf, limits) },
    { .name = "max_children",
      .help = "programs that run at a time",
      .type = MPX_T_INT,
      .where = MPX_AT_PROCESS,
      .fallback = "64",
      .min = 1,
      .max = 65536,
      .offset = offsetof(struct conf, max_children) },
    { .name = "queue",
      .help = "requests that wait for one of them to end; more are answered 503",
      .type = MPX_T_INT,
      .where = MPX_AT_PROCESS,
      .fallback = "256",
      .min = 0,
      .max = 65536,
      .offset = offsetof(struct conf, queue) },
    { .name = "queue_timeout",
      .help = "how long they wait, then 503",
      .type = MPX_T_MSEC,
      .where = MPX_AT_PROCESS,
      .fallback = "\"30s\"",
      .min = 1,
      .max = INT64_C(86400000),
      .offset = offsetof(struct conf, queue_timeout) },
    MPX_OPTION_END,
};

static int check_extensions(struct mpx_conf *c, const struct conf *conf)
{
    const struct mpx_pair *pairs = conf->extensions.items;
    int rc = 0;

    for (size_t i = 0; i < conf->extensions.count; i++) {
        struct mpx_str key = pairs[i].key, value = pairs[i].value;

        if (key.n < 2 || key.p[0] != '.' || memchr(key.p, '/', key.n) != NULL)
            rc = mpx_conf_error(c, pointer_below(c, "extensions", key),
                                "\"%.*s\" is no suffix such as \".cgi\"", (int)key.n, key.p);
        else if (value.n > 0 && value.p[0] != '/')
            rc = mpx_conf_error(c, pointer_below(c, "extensions", key),
                                "\"%.*s\" is no interpreter: it must be an absolute path, or \"\" "
                                "for programs that run by themselves",
                                (int)value.n, value.p);
    }
    return rc;
}

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;
    int rc = check_extensions(c, conf);

    if (environ_check(c, conf) < 0)
        rc = -1;
    if (conf->limits.cpu % 1000 != 0)
        rc = mpx_conf_error(c, "limits/cpu", "must be whole seconds, such as \"30s\"");
    return rc;
}

static void add_limit(struct conf *conf, int what, int64_t value)
{
    if (value > 0)
        conf->rlimits[conf->rlimit_count++] =
            (struct mpx_rlimit){ what, (uint64_t)value, (uint64_t)value };
}

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    conf->c = c;
    conf->is_on = mpx_conf_given(c);
    conf->slots = mpx_keep(c, "slots", sizeof(*conf->slots), NULL);
    conf->session = (const struct mpx_session *)(const void *)mpx_require(c, "session", 1, 0);
    add_limit(conf, RLIMIT_CPU, conf->limits.cpu / 1000);
    add_limit(conf, RLIMIT_AS, conf->limits.memory);
    add_limit(conf, RLIMIT_FSIZE, conf->limits.file_size);
    add_limit(conf, RLIMIT_NOFILE, conf->limits.files);
    add_limit(conf, RLIMIT_NPROC, conf->limits.processes);
    environ_open(c, conf);
    return 0;
}

static void req_end(struct mpx_req *r, void *slot)
{
    (void)r;
    slot_give_up(slot);
}

static const char *const after[] = { "userdir", "rewrite", "session", NULL };

MPX_MODULE(exec) = {
    MPX_HEADER(exec, "1.0"),
    .summary = "programs that answer requests: CGI/1.1",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct slot),
    .check = check,
    .open = open_conf,
    .on = { [MPX_PH_CONTENT] = find },
    .req_end = req_end,
    .after = after,
};
