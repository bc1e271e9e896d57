/* SPDX-License-Identifier: MIT
   What the files of module "exec" share: its settings, and a request on its way to a program. */
#ifndef EXEC_H
#define EXEC_H
#include "slots.h"

#include <multiplexd/files.h>
#include <multiplexd/session.h>

struct limits {
    int64_t cpu, memory, file_size, files, processes;
};

/* A variable of every program's environment, ready but for what the request says. */
struct environ_piece {
    struct mpx_str name;
    struct mpx_list text; /* of struct mpx_piece */
};

struct conf {
    bool executable;
    struct mpx_list extensions; /* of struct mpx_pair: suffix, interpreter or "" */
    struct mpx_list env;        /* of struct mpx_pair */
    struct mpx_list pass_env;   /* of struct mpx_str */
    bool pass_authorization;
    int64_t timeout, max_time, max_header;
    struct limits limits;
    int64_t max_children, queue, queue_timeout; /* of the process */
    /* filled in when it is opened */
    struct mpx_conf *c;
    bool is_on; /* an "exec" key stands here or further out */
    struct slots *slots;
    const struct mpx_session *session; /* or NULL */
    struct environ_piece *environ;
    size_t environ_count;
    const char *const *passed; /* "NAME=value" */
    size_t passed_count;
    struct mpx_rlimit rlimits[5];
    size_t rlimit_count;
};

/* A request for a program; it lies in the request's arena. */
struct way {
    const struct conf *conf;
    const struct mpx_files_policy *policy;
    size_t prefix;           /* bytes of the request's path in front of its rest */
    struct mpx_str rest;     /* what was asked for, beneath the directory */
    size_t tried;            /* bytes of rest that were looked up */
    size_t index;            /* which index file of a folder */
    struct mpx_str name;     /* of the program, beneath the directory */
    struct mpx_str info;     /* PATH_INFO */
    struct mpx_file *file;   /* the program, opened */
    const char *interpreter; /* that runs it, or NULL */
    struct slot *slot;
    const struct mpx_session *session; /* where it is active; or NULL */
    struct output *output;             /* what it has answered: output.c */
};

/* find.c: the CONTENT hook. Whether a program is asked for; then it is run. */
enum mpx_rc find(struct mpx_req *r, const void *conf);
/* run.c: runs it when there is room. */
enum mpx_rc run(struct mpx_req *r, const struct conf *conf, struct way *w);
/* environ.c: prepares what is alike for all programs, with errors at their places; 0, -1. */
int environ_check(struct mpx_conf *c, const struct conf *conf);
void environ_open(struct mpx_conf *c, struct conf *conf);
/* The meta-variables of RFC 3875 4.1 and all that goes with them, NULL at the end, in r's arena. */
const char *const *environ_make(struct mpx_req *r, const struct way *w, int64_t body_length);

#endif
