/* SPDX-License-Identifier: MIT
   session - values that belong to a user's browser, over any number of connections: kept in memory
   or in a file, found by a cookie that holds an id and nothing else. */
#include "rules.h"
#include "service.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SWEEP_MS = 10000 };

enum store_name { IN_MEMORY, IN_SQLITE };
static const char *const store_names[] = { "memory", "sqlite", NULL };

static const struct mpx_option cookie_options[] = {
    { .name = "name",
      .help = "of the cookie, without the prefix that it gets where the connection is secure",
      .type = MPX_T_STRING,
      .flags = MPX_OPT_BARE,
      .fallback = "\"sid\"",
      .offset = offsetof(struct cookie, name) },
    { .name = "path",
      .help = "the path that browsers send it for",
      .type = MPX_T_STRING,
      .fallback = "\"/\"",
      .offset = offsetof(struct cookie, path) },
    { .name = "domain",
      .help = "a domain whose hosts all share the session; without it the host alone",
      .type = MPX_T_STRING,
      .offset = offsetof(struct cookie, domain) },
    { .name = "same_site",
      .help = "whether browsers send it when a page of others leads here: on plain links, or never",
      .type = MPX_T_ENUM,
      .names = cookie_same_site,
      .fallback = "\"lax\"",
      .offset = offsetof(struct cookie, same_site) },
    { .name = "persistent",
      .help = "browsers keep it until the session's lifetime ends, also when they are closed",
      .type = MPX_T_BOOL,
      .offset = offsetof(struct cookie, persistent) },
    MPX_OPTION_END,
};

static const struct mpx_option value_element = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option rule_element = { .name = "",
                                                .type = MPX_T_LIST,
                                                .of = &value_element,
                                                .of_size = sizeof(struct mpx_str),
                                                .offset = offsetof(struct rule, values) };

static const struct mpx_option options[] = {
    { .name = "store",
      .help = "where sessions are kept: memory, as long as the worker lives; or a file",
      .type = MPX_T_ENUM,
      .where = MPX_AT_PROCESS,
      .names = store_names,
      .fallback = "\"memory\"",
      .offset = offsetof(struct conf, store) },
    { .name = "file",
      .help = "the file of the store sqlite",
      .type = MPX_T_PATH,
      .where = MPX_AT_PROCESS,
      .offset = offsetof(struct conf, file) },
    { .name = "max_sessions",
      .help = "so many are kept; those not used for longest leave first",
      .type = MPX_T_INT,
      .where = MPX_AT_PROCESS,
      .fallback = "100000",
      .min = 1,
      .max = 100000000,
      .offset = offsetof(struct conf, limits.max_sessions) },
    { .name = "max_memory",
      .help = "of all sessions in the store memory together",
      .type = MPX_T_SIZE,
      .where = MPX_AT_PROCESS,
      .fallback = "\"64M\"",
      .min = 4096,
      .max = INT64_C(1) << 40,
      .offset = offsetof(struct conf, limits.max_memory) },
    { .name = "idle",
      .help = "a session ends when it was not used for so long",
      .type = MPX_T_MSEC,
      .where = MPX_AT_VHOST,
      .fallback = "\"30m\"",
      .min = 1000,
      .max = INT64_C(1000) * 86400 * 3660,
      .offset = offsetof(struct conf, idle) },
    { .name = "lifetime",
      .help = "... and so long after its beginning in any case",
      .type = MPX_T_MSEC,
      .where = MPX_AT_VHOST,
      .fallback = "\"24h\"",
      .min = 1000,
      .max = INT64_C(1000) * 86400 * 3660,
      .offset = offsetof(struct conf, lifetime) },
    { .name = "max_size",
      .help = "of one session, keys and values together",
      .type = MPX_T_SIZE,
      .where = MPX_AT_VHOST,
      .fallback = "\"16k\"",
      .min = 128,
      .max = 1 << 20,
      .offset = offsetof(struct conf, max_size) },
    { .name = "cookie",
      .help = "what browsers are told; a string is its name",
      .type = MPX_T_OBJECT,
      .where = MPX_AT_VHOST,
      .of = cookie_options,
      .offset = offsetof(struct conf, cookie) },
    { .name = "require",
      .help = "whoever has a session with these values is admitted, and nobody else; \"*\" is any",
      .type = MPX_T_MAP,
      .flags = MPX_OPT_OWN | MPX_OPT_BARE | MPX_OPT_WHOLE,
      .of = &rule_element,
      .of_size = sizeof(struct rule),
      .offset = offsetof(struct conf, require) },
    { .name = "inherit",
      .help = "false: the rules of enclosing levels do not hold here",
      .type = MPX_T_BOOL,
      .flags = MPX_OPT_OWN,
      .fallback = "true",
      .offset = offsetof(struct conf, inherit) },
    { .name = "login",
      .help = "the path that browsers are sent to when a rule refuses them; without it 403",
      .type = MPX_T_STRING,
      .offset = offsetof(struct conf, login) },
    MPX_OPTION_END,
};

/* The memory of one process is not that of the others: a user would lose the session with each
   request that another one answers. */
static int check_store(struct mpx_conf *c, const struct conf *conf)
{
    bool is_memory = conf->store == IN_MEMORY;

    if (is_memory && mpx_conf_workers(c) > 1)
        return mpx_conf_error(c, "store",
                              "the store \"memory\" is each worker's own, and daemon.workers is "
                              "%u: use \"process\": { \"session\": { \"store\": \"sqlite\", "
                              "\"file\": \"sessions.db\" } }, which all workers share",
                              mpx_conf_workers(c));
    if (is_memory && conf->file.n > 0)
        return mpx_conf_error(c, "file",
                              "the store \"memory\" has no file: use \"store\": "
                              "\"sqlite\", or remove the file");
    if (!is_memory && conf->file.n == 0)
        return mpx_conf_error(c, "store",
                              "the store \"sqlite\" needs a \"file\", such as "
                              "\"/var/lib/multiplexd/sessions.db\"");
    return 0;
}

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;

    return check_store(c, conf) | cookie_check(c, &conf->cookie) | rules_check(c, conf);
}

static void end_store(void *block)
{
    struct store **kept = block;

    if (*kept != NULL)
        (*kept)->destroy(*kept);
}

static void sweep(void *arg)
{
    struct store *s = arg;
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    s->sweep(s, (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000);
}

/* A store outlives configurations, as long as one after another names it. */
static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    struct mpx_arena *a = mpx_conf_arena(c);
    const char *path = mpx_printf(a, "%.*s", (int)conf->file.n, conf->file.p).p;
    bool is_memory = conf->store == IN_MEMORY;
    const char *key = is_memory ? "memory" : mpx_printf(a, "sqlite %s", path).p;
    struct store **kept = mpx_keep(c, key, sizeof(*kept), end_store);

    conf->c = c;
    if (*kept == NULL)
        *kept = is_memory ? memory_store_create() : sqlite_store_create(c, path);
    if (*kept == NULL)
        return is_memory ? mpx_conf_error(c, "store", "there is no memory for it") : -1;
    conf->home = *kept;
    conf->home->limits = conf->limits;
    if (!is_memory)
        sqlite_store_join(conf->home, c);
    sweep(conf->home);
    if (mpx_every(c, SWEEP_MS, sweep, conf->home) < 0)
        return mpx_conf_error(c, "", "cannot have a timer");
    return mpx_provide(c, "session", &service.head);
}

static void close_conf(void *data)
{
    struct conf *conf = data;

    if (conf->home != NULL && conf->home->leave != NULL)
        conf->home->leave(conf->home, conf->c);
}

static enum mpx_rc loaded(struct mpx_req *r, const void *conf, void *state)
{
    (void)state;
    return rules_judge(r, conf);
}

static enum mpx_rc access_hook(struct mpx_req *r, const void *conf)
{
    enum mpx_rc rc;

    return seat_load(r, loaded, &rc) == 1 ? rules_judge(r, conf) : rc;
}

static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return seat_answer(r) == 0 ? MPX_NEXT : MPX_FAIL;
}

/* $session.id is a name for logs, $session.KEY a value. */
static int variable(struct mpx_req *r, struct mpx_str word, struct mpx_str *value)
{
    if (word.n == 0)
        return -1;
    if (mpx_str_eq(word, MPX_STR("id"))) {
        *value = service.name(r);
        return value->n > 0 ? 0 : -1;
    }
    return service.get(r, word, value) ? 0 : -1;
}

static const struct mpx_variable variables[] = { { "session", variable }, { NULL, NULL } };

MPX_MODULE(session) = {
    MPX_HEADER(session, "1.0"),
    .summary = "values that belong to a user's browser, over any number of connections",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct seat),
    .check = check,
    .open = open_conf,
    .close = close_conf,
    .variables = variables,
    .on = { [MPX_PH_ACCESS] = access_hook, [MPX_PH_RESPONSE] = response },
};
