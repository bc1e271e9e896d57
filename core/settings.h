/* SPDX-License-Identifier: MIT
   Core's own sections of the configuration, "daemon" and "connection": what the supervisor needs
   before any module is loaded. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include "log.h"
#include "option.h"

struct log_setting {
    struct mpx_str to; /* an absolute path, "stderr" or "syslog:FACILITY" */
    int level;         /* enum mpx_level; as daemon.log_level where it is not set */
    int format;        /* enum log_format */
};

struct listener_settings {
    struct mpx_str host; /* an address, a name, or "*" */
    int64_t port;        /* 0: the kernel chooses */
    int64_t backlog, sndbuf;
    struct listener_timeouts {
        int64_t header, body, keepalive, send; /* ms */
    } timeouts;
    struct listener_limits {
        int64_t connections; /* of this listener */
        int64_t requests;    /* on a connection; 0: any */
        int64_t header_bytes, headers, uri, body, response_buffer;
    } limits;
    bool connections_given; /* by the configuration: not ours to lower */
    struct place at;
};

struct settings {
    struct mpx_str user, pid_file; /* empty: not set */
    struct mpx_list groups;        /* of struct mpx_str */
    struct mpx_str group;          /* the same, blanks between them */
    struct mpx_list log;           /* of struct log_setting */
    int log_level;
    struct mpx_str server_id;    /* p NULL: no Server field */
    struct mpx_list module_path; /* of struct mpx_str */
    int64_t workers;
    struct {
        int64_t threads, queue;
    } pool;
    int64_t shutdown_timeout;
    bool no_new_privs;
    struct place user_at, group_at; /* where they are set, or nowhere */
    struct listener_settings *listeners;
    size_t listener_count;
};

/* Reads both sections of root (see config.h) into s; what is missing gets its default, which for
   the listeners depends on who we are. A member "command_line", which no file can have, is laid
   over both: "listener" over the one listener, "verbose" over all levels of the log. 0, or -1 when
   problems were added. */
int settings_read(struct mpx_arena *a, struct sources *sources, const struct node *root,
                  struct problems *problems, struct settings *s);

/* How many connections the listeners may have where there are so many descriptors: a number that
   nobody has given is lowered without a word. Returns how many descriptors the given ones want. */
uint64_t settings_fit(struct settings *s, uint64_t descriptors);

/* Their keys. */
extern const struct option_table settings_daemon_keys, settings_connection_keys;

#endif
