/* SPDX-License-Identifier: MIT
   Core's own sections of the configuration, "daemon" and "connection": what the supervisor needs
   before any module is loaded. */
#ifndef SETTINGS_H
#define SETTINGS_H
#include "cidr.h"
#include "log.h"
#include "option.h"

enum { SETTINGS_WORKERS_MAX = 64 };

struct log_setting {
    struct mpx_str to; /* an absolute path, "stderr", "journald" or "syslog:FACILITY" */
    int level;         /* enum mpx_level; as daemon.log_level where it is not set */
    int format;        /* enum log_format */
};

/* Which field the trusted peers name the client in. */
enum trust_header { TRUST_EITHER, TRUST_FORWARDED, TRUST_X_FORWARDED_FOR };

struct listener_settings {
    struct mpx_str host;    /* an address, a name, or "*" */
    int64_t port;           /* 0: the kernel chooses */
    struct mpx_str socket;  /* the path of a unix socket, in the place of both; or "" */
    struct mpx_str systemd; /* the name of sockets that systemd passes, in the place of all three */
    int64_t inherited;      /* a descriptor that is passed, likewise; 0: none */
    struct mpx_str mode;    /* of that, as digits */
    unsigned mode_bits;     /* ... and as chmod(2) wants it */
    struct mpx_str owner;   /* "user:group" or "user"; or "" */
    struct place owner_at;  /* where that stands */
    uid_t uid;              /* who that is, once launch.c has looked */
    gid_t gid;
    bool v6only;
    int64_t backlog, sndbuf;
    struct mpx_list trust;     /* of struct mpx_str */
    struct cidr_table trusted; /* the same, for look-ups; empty: nobody */
    int trust_header;          /* enum trust_header */
    bool proxy_protocol;
    int64_t min_rate; /* bytes a second; 0: any */
    struct listener_timeouts {
        int64_t header, body, keepalive, send; /* ms */
    } timeouts;
    struct listener_limits {
        int64_t connections; /* of this listener */
        int64_t per_address; /* of these; 0: any */
        int64_t requests;    /* on a connection; 0: any */
        int64_t header_bytes, headers, uri, body, body_memory, response_buffer;
    } limits;
    bool connections_given; /* limits.connections is no default */
    struct place at;
};

struct settings {
    struct mpx_str user, pid_file; /* empty: not set */
    struct mpx_list groups;        /* of struct mpx_str */
    struct mpx_str group;          /* the same, blanks between them */
    struct mpx_list log;           /* of struct log_setting */
    int log_level;
    struct mpx_str log_mode;     /* of new log files, as digits */
    unsigned log_mode_bits;      /* ... and as chmod(2) wants it */
    struct mpx_str server_id;    /* p NULL: no Server field */
    struct mpx_list module_path; /* of struct mpx_str */
    int64_t workers;
    int64_t reload_timeout; /* ms */
    bool detach;
    struct {
        int64_t threads, queue;
    } pool;
    struct {
        struct mpx_list servers;         /* of struct mpx_str */
        const union address *addresses;  /* the same */
        int64_t timeout, cache, entries; /* ms, ms */
    } resolver;
    struct settings_watchdog {
        int64_t warn, kill; /* ms of a turn of the loop; 0: never */
    } watchdog;
    struct settings_quarantine {
        int64_t crashes; /* that put a module into quarantine; 0: none does */
        int64_t window;  /* ms in which they must come */
        int64_t length;  /* ms */
    } quarantine;
    struct mpx_str temp_dir;
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

/* How many descriptors a worker wants for the numbers of connections that the configuration gives;
   those that it does not give are as many as there is room for. */
uint64_t settings_descriptors(const struct settings *s);
/* One element of "connection", a string or an object, into l. 0, or -1 when problems were added. */
int settings_read_listener(const struct option_reading *rd, const struct node *value,
                           struct listener_settings *l);

/* Whether it is a unix socket or one that is passed: host and port say nothing of it. */
bool settings_has_no_address(const struct listener_settings *l);
/* Completes and checks what was read of "log", "log_mode" and "detach", members of "daemon"; 0, or
   -1 when problems were added. */
int settings_read_log(const struct option_reading *rd, const struct node *daemon, bool verbose,
                      struct settings *s);
/* Reads the addresses of "resolver", a member of "daemon"; 0, or -1 when problems were added. */
int settings_read_resolver(const struct option_reading *rd, const struct node *daemon,
                           struct settings *s);

/* Their keys; those of some members of "daemon". */
extern const struct option_table settings_daemon_keys, settings_connection_keys;
extern const struct mpx_option settings_resolver_keys[], settings_watchdog_keys[],
    settings_quarantine_keys[];

#endif
