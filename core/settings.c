/* SPDX-License-Identifier: MIT */
#include "settings.h"

#include "inherited.h"
#include "option_value.h"
#include "site_keys.h"

#include <sys/stat.h>
#include <unistd.h>

enum { OWN_DESCRIPTORS = 64 }; /* what a worker has open beside connections */

#define AT(type, field) offsetof(struct type, field)

static const struct mpx_option log_options[] = {
    { .name = "to",
      .help = "a file, \"stderr\", \"journald\" or \"syslog:FACILITY\"",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_REQUIRED | MPX_OPT_BARE | MPX_OPT_SINK,
      .offset = AT(log_setting, to) },
    { .name = "level",
      .help = "the least urgent level that is written; by default log_level",
      .type = MPX_T_ENUM,
      .names = log_level_names,
      .offset = AT(log_setting, level) },
    { .name = "format",
      .help = "how a line looks",
      .type = MPX_T_ENUM,
      .names = (const char *const[]){ "text", "json", NULL },
      .offset = AT(log_setting, format) },
    MPX_OPTION_END,
};

static const struct mpx_option log_target = { .name = "", .type = MPX_T_OBJECT, .of = log_options };
static const struct mpx_option group_element = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option path_element = { .name = "", .type = MPX_T_PATH };

static const struct mpx_option pool_options[] = {
    { .name = "threads",
      .help = "threads for work that may block",
      .type = MPX_T_INT,
      .fallback = "4",
      .min = 1,
      .max = 64,
      .offset = AT(settings, pool.threads) - AT(settings, pool) },
    { .name = "queue",
      .help = "jobs that may wait for one; more are answered 503",
      .type = MPX_T_INT,
      .fallback = "1024",
      .min = 1,
      .max = 65536,
      .offset = AT(settings, pool.queue) - AT(settings, pool) },
    MPX_OPTION_END,
};

static const struct mpx_option daemon_options[] = {
    { .name = "user",
      .help = "who the workers become; required when started as root",
      .type = MPX_T_STRING,
      .offset = AT(settings, user) },
    { .name = "group",
      .help = "groups, the first is the primary one; by default the user's",
      .type = MPX_T_LIST,
      .of = &group_element,
      .of_size = sizeof(struct mpx_str),
      .offset = AT(settings, groups) },
    { .name = "pid_file",
      .help = "where the process id is written",
      .type = MPX_T_PATH,
      .flags = OPTION_FILE,
      .offset = AT(settings, pid_file) },
    { .name = "log",
      .help = "where errors are logged",
      .type = MPX_T_LIST,
      .of = &log_target,
      .of_size = sizeof(struct log_setting),
      .offset = AT(settings, log) },
    { .name = "log_level",
      .help = "the least urgent level that is logged",
      .type = MPX_T_ENUM,
      .names = log_level_names,
      .fallback = "\"info\"",
      .offset = AT(settings, log_level) },
    { .name = "log_mode",
      .help = "who may read log files that are made, in octal as for chmod",
      .type = MPX_T_STRING,
      .fallback = "\"0640\"",
      .offset = AT(settings, log_mode) },
    { .name = "server_id",
      .help = "the Server field of every answer; false for none",
      .type = MPX_T_STRING,
      .flags = OPTION_OR_FALSE,
      .fallback = "\"multiplexd\"",
      .offset = AT(settings, server_id) },
    { .name = "module_path",
      .help = "folders with modules, in place of the installed one",
      .type = MPX_T_LIST,
      .of = &path_element,
      .of_size = sizeof(struct mpx_str),
      .offset = AT(settings, module_path) },
    { .name = "workers",
      .help = "processes that serve; 0 for one process without a supervisor, for debuggers",
      .type = MPX_T_INT,
      .fallback = "1",
      .min = 0,
      .max = SETTINGS_WORKERS_MAX,
      .offset = AT(settings, workers) },
    { .name = "pool",
      .help = "the threads",
      .type = MPX_T_OBJECT,
      .of = pool_options,
      .offset = AT(settings, pool) },
    { .name = "resolver",
      .help = "how the names of clients are found, where a rule needs them",
      .type = MPX_T_OBJECT,
      .of = settings_resolver_keys,
      .offset = AT(settings, resolver) },
    { .name = "watchdog",
      .help = "what is done about a loop that does not turn; false: nothing",
      .type = MPX_T_OBJECT,
      .flags = OPTION_OR_FALSE,
      .of = settings_watchdog_keys,
      .offset = AT(settings, watchdog) },
    { .name = "quarantine",
      .help = "when a module that crashes is left out; false: never",
      .type = MPX_T_OBJECT,
      .flags = OPTION_OR_FALSE,
      .of = settings_quarantine_keys,
      .offset = AT(settings, quarantine) },
    { .name = "temp_dir",
      .help = "the folder for bodies that are too long for memory; their files have no names",
      .type = MPX_T_PATH,
      .flags = MPX_OPT_EXISTS,
      .fallback = "\"/tmp\"",
      .offset = AT(settings, temp_dir) },
    { .name = "shutdown_timeout",
      .help = "how long a stop waits for answers under way",
      .type = MPX_T_MSEC,
      .fallback = "\"30s\"",
      .offset = AT(settings, shutdown_timeout) },
    { .name = "reload_timeout",
      .help = "how long the workers may take to prepare another configuration",
      .type = MPX_T_MSEC,
      .fallback = "\"1m\"",
      .min = 100,
      .max = 3600000,
      .offset = AT(settings, reload_timeout) },
    { .name = "detach",
      .help = "the daemon leaves the terminal when it serves",
      .type = MPX_T_BOOL,
      .fallback = "false",
      .offset = AT(settings, detach) },
    { .name = "no_new_privs",
      .help =
          "workers and their children can never gain rights, by set-user-id programs for example",
      .type = MPX_T_BOOL,
      .fallback = "true",
      .offset = AT(settings, no_new_privs) },
    OPTION_LATER_KEY("module_policy"),
    OPTION_LATER_KEY("control"),
    OPTION_LATER_KEY("state_dir"),
    MPX_OPTION_END,
};

#define TIMEOUT(key, text, value)                                                    \
    {                                                                                \
        .name = #key, .help = text, .type = MPX_T_MSEC, .fallback = value, .min = 1, \
        .max = 86400000, .offset = AT(listener_timeouts, key)                        \
    }

static const struct mpx_option timeout_options[] = {
    TIMEOUT(header, "for the whole header of a request, then 408", "\"10s\""),
    TIMEOUT(body, "between bytes of a request's body, then 408", "\"30s\""),
    TIMEOUT(keepalive, "between requests, then the connection is closed", "\"30s\""),
    TIMEOUT(send, "between bytes that the client takes, then the connection is cut", "\"30s\""),
    MPX_OPTION_END,
};

#define LIMIT(key, kind, text, value, least, most)                                              \
    {                                                                                           \
        .name = #key, .help = text, .type = kind, .fallback = value, .min = least, .max = most, \
        .offset = AT(listener_limits, key)                                                      \
    }

static const struct mpx_option limit_options[] = {
    LIMIT(connections, MPX_T_INT, "open at a time; further ones wait", "10000", 1, 1000000),
    LIMIT(per_address, MPX_T_INT, "of these for one address, or IPv6 /64, then 503; 0: any", "0", 0,
          1000000),
    LIMIT(requests, MPX_T_INT, "on one connection, 0 for any number", "0", 0, INT64_MAX),
    LIMIT(header_bytes, MPX_T_SIZE, "of a request's header, then 431", "\"16K\"", 512, 1 << 20),
    LIMIT(headers, MPX_T_INT, "fields of a request, then 431", "100", 1, 10000),
    LIMIT(uri, MPX_T_SIZE, "of a request target, then 414", "\"8K\"", 64, 1 << 20),
    LIMIT(body, MPX_T_SIZE, "of a request's body, then 413", "\"10M\"", 0, INT64_MAX),
    LIMIT(body_memory, MPX_T_SIZE,
          "of a body that is read whole and held in memory; a longer one goes to a file",
          "\"256k\"", 4096, 1 << 30),
    LIMIT(response_buffer, MPX_T_SIZE,
          "of an answer that a module writes without waiting for the client", "\"1M\"", 65536,
          1 << 30),
    MPX_OPTION_END,
};

static const struct mpx_option trust_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option connection_options[] = {
    { .name = "host",
      .help = "an address or name to listen on, \"*\" for all of IPv4 and IPv6",
      .type = MPX_T_STRING,
      .fallback = "\"0.0.0.0\"",
      .offset = AT(listener_settings, host) },
    { .name = "port",
      .help = "0 to 65535, 0 lets the kernel choose",
      .type = MPX_T_INT,
      .fallback = "80",
      .min = 0,
      .max = 65535,
      .offset = AT(listener_settings, port) },
    { .name = "v6only",
      .help = "false: a listener on \"::\" takes IPv4 connections too",
      .type = MPX_T_BOOL,
      .fallback = "true",
      .offset = AT(listener_settings, v6only) },
    { .name = "unix",
      .help = "a unix socket to listen on, in the place of host and port",
      .type = MPX_T_PATH,
      .flags = OPTION_FILE,
      .offset = AT(listener_settings, socket) },
    { .name = "mode",
      .help = "who may connect to it, in octal as for chmod",
      .type = MPX_T_STRING,
      .fallback = "\"0660\"",
      .offset = AT(listener_settings, mode) },
    { .name = "owner",
      .help = "whose it is, \"user\" or \"user:group\"; by default that of who starts the daemon",
      .type = MPX_T_STRING,
      .offset = AT(listener_settings, owner) },
    { .name = "listen",
      .help = "connections that may wait to be accepted",
      .type = MPX_T_INT,
      .fallback = "4096",
      .min = 1,
      .max = 65535,
      .offset = AT(listener_settings, backlog) },
    { .name = "sndbuf",
      .help = "bytes of the socket's send buffer, 0 as the kernel has it",
      .type = MPX_T_SIZE,
      .fallback = "0",
      .offset = AT(listener_settings, sndbuf) },
    { .name = "timeouts",
      .help = "how long a client may take",
      .type = MPX_T_OBJECT,
      .of = timeout_options,
      .offset = AT(listener_settings, timeouts) },
    { .name = "limits",
      .help = "how much a client may ask",
      .type = MPX_T_OBJECT,
      .of = limit_options,
      .offset = AT(listener_settings, limits) },
    { .name = "min_rate",
      .help = "bytes a second that a client must send of a body or take of an answer; 0: any",
      .type = MPX_T_SIZE,
      .fallback = "0",
      .offset = AT(listener_settings, min_rate) },
    { .name = "trust",
      .help = "peers that may say who their client is: addresses, networks, ranges, \"unix\"",
      .type = MPX_T_LIST,
      .of = &trust_element,
      .of_size = sizeof(struct mpx_str),
      .offset = AT(listener_settings, trust) },
    { .name = "trust_header",
      .help = "the field they say it in; either: Forwarded goes before X-Forwarded-For",
      .type = MPX_T_ENUM,
      .names = (const char *const[]){ "either", "forwarded", "x-forwarded-for", NULL },
      .fallback = "\"either\"",
      .offset = AT(listener_settings, trust_header) },
    { .name = "proxy_protocol",
      .help = "connections begin with a PROXY header, others are closed",
      .type = MPX_T_BOOL,
      .fallback = "false",
      .offset = AT(listener_settings, proxy_protocol) },
    { .name = "systemd",
      .help = "the name of sockets that systemd passes, FileDescriptorName of their unit, in the "
              "place of host and port",
      .type = MPX_T_STRING,
      .offset = AT(listener_settings, systemd) },
    { .name = "fd",
      .help = "a listening socket that whoever starts the daemon leaves open, in the place of host "
              "and port",
      .type = MPX_T_INT,
      .min = 3,
      .max = INHERITED_FD_MAX,
      .offset = AT(listener_settings, inherited) },
    MPX_OPTION_END,
};

const struct option_table settings_daemon_keys = { daemon_options, sizeof(struct mpx_option) };
const struct option_table settings_connection_keys = { connection_options,
                                                       sizeof(struct mpx_option) };

/* Where a key belongs that stands in one of our sections and is not one of its own. */
static const char *belongs(struct mpx_str key)
{
    struct mpx_option o;

    if (option_find(settings_connection_keys, key, &o))
        return "\"connection\"";
    if (option_find(settings_daemon_keys, key, &o))
        return "\"daemon\"";
    return site_key_belongs(key);
}

/* Nothing is configured: the well-known port for root, else one that anybody may have. */
static int default_listener(const struct option_reading *rd, struct settings *s)
{
    const struct place nowhere = { .src = NULL };

    s->listener_count = 1;
    s->listeners = arena_zero(rd->a, sizeof(*s->listeners));
    int rc = option_read(rd, settings_connection_keys, NULL, nowhere, s->listeners);
    if (geteuid() != 0) {
        s->listeners->host = MPX_STR("127.0.0.1");
        s->listeners->port = 8080;
    }
    return rc;
}

static int read_listeners(const struct option_reading *rd, const struct node *list,
                          struct settings *s)
{
    int rc = 0;
    size_t i = 0;

    if (list == NULL || list->count == 0)
        return default_listener(rd, s);
    s->listener_count = list->count;
    s->listeners = arena_zero(rd->a, list->count * sizeof(*s->listeners));
    for (const struct node *e = list->first; e != NULL; e = e->next, i++) {
        const struct node *limits = node_member(e, "limits");

        s->listeners[i].connections_given = node_member(limits, "connections") != NULL;
        if (settings_read_listener(rd, e, &s->listeners[i]) < 0)
            rc = -1;
    }
    return rc;
}

/* What the command line says of the one listener. */
static int override_listener(const struct option_reading *rd, const struct node *list,
                             const struct node *own, struct settings *s)
{
    struct option_reading over = *rd;

    if (own == NULL)
        return 0;
    if (s->listener_count > 1) {
        problem_add(rd->problems, list->first->next->at,
                    "--port and --host are for a single listener, and here is another one: leave "
                    "them out, or remove it");
        return -1;
    }
    if (settings_has_no_address(
            s->listeners)) { /* gives way, to what a folder would be served on */
        s->listeners->socket = s->listeners->systemd = MPX_STR("");
        s->listeners->inherited = 0;
        s->listeners->host = MPX_STR("127.0.0.1");
        s->listeners->port = 8080;
    }
    over.partial = true;
    return option_read(&over, settings_connection_keys, own, own->at, s->listeners);
}

uint64_t settings_descriptors(const struct settings *s)
{
    uint64_t wanted = OWN_DESCRIPTORS;

    for (size_t i = 0; i < s->listener_count; i++)
        if (s->listeners[i].connections_given)
            wanted += (uint64_t)s->listeners[i].limits.connections;
    return wanted;
}

static int check_server_id(const struct option_reading *rd, const struct node *daemon,
                           const struct settings *s)
{
    for (size_t i = 0; i < s->server_id.n; i++)
        if ((unsigned char)s->server_id.p[i] < 0x20 || s->server_id.p[i] == 0x7f)
            return option_complain(rd, NULL, node_member(daemon, "server_id"),
                                   "must not hold control bytes");
    return 0;
}

static struct mpx_str join(struct mpx_arena *a, struct mpx_list words)
{
    const struct mpx_str *word = words.items;
    struct mpx_str all = MPX_STR("");

    for (size_t i = 0; i < words.count; i++)
        all = arena_printf(a, "%.*s%s%.*s", STR_ARGS(all), i > 0 ? " " : "", STR_ARGS(word[i]));
    return all;
}

/* Where a member of "daemon" stands; nowhere when it is not there. */
static struct place place_of(const struct node *daemon, const char *key)
{
    const struct node *member = node_member(daemon, key);

    return member != NULL ? member->at : (struct place){ .src = NULL };
}

/* Looked at by whoever is to use it, too: the checker has the workers' rights. */
static int check_temp_dir(const struct option_reading *rd, const struct node *daemon,
                          const struct settings *s)
{
    const struct node *value = node_member(daemon, "temp_dir");
    struct stat st;

    if (value == NULL || value->kind != NODE_STRING || s->temp_dir.n == 0 ||
        stat(s->temp_dir.p, &st) < 0) /* told already */
        return 0;
    if (S_ISDIR(st.st_mode) && access(s->temp_dir.p, W_OK | X_OK) == 0)
        return 0;
    problem_add(rd->problems, value->at, "%s: \"%s\" %s", node_pointer(rd->a, value), s->temp_dir.p,
                S_ISDIR(st.st_mode) ? "cannot be written: change its owner, or mend the path"
                                    : "is a file, not a folder");
    return -1;
}

int settings_read(struct mpx_arena *a, struct sources *sources, const struct node *root,
                  struct problems *problems, struct settings *s)
{
    const struct option_reading rd = {
        .a = a, .sources = sources, .problems = problems, .belongs = belongs
    };
    const struct node *daemon = node_member(root, "daemon");
    const struct node *list = node_member(root, "connection");
    const struct node *own = node_member(root, "command_line");
    const struct place nowhere = { .src = NULL };

    *s = (struct settings){ .user_at = place_of(daemon, "user"),
                            .group_at = place_of(daemon, "group") };
    int rc = option_read(&rd, settings_daemon_keys, daemon,
                         daemon != NULL ? daemon->key_at : nowhere, s);
    s->group = join(a, s->groups);
    rc |= settings_read_log(&rd, daemon, node_member(own, "verbose") != NULL, s);
    rc |= check_server_id(&rd, daemon, s);
    rc |= read_listeners(&rd, list, s);
    rc |= override_listener(&rd, list, node_member(own, "listener"), s);
    rc |= check_temp_dir(&rd, daemon, s);
    rc |= settings_read_resolver(&rd, daemon, s);
    return rc;
}
