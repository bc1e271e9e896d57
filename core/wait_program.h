/* SPDX-License-Identifier: MIT
   A child process that serves a request, between the two files that know it: wait_program.c is
   about its life, wait_pipes.c about what goes in and comes out. */
#ifndef WAIT_PROGRAM_H
#define WAIT_PROGRAM_H
#include "program.h"
#include "wait.h"

enum { RUN_LINE_MAX = 1024 };

/* A child process of a request, in the request's arena. */
struct run {
    struct mpx_req *r;
    struct mpx_program spec;
    struct program *program; /* NULL: released */
    mpx_resume_fn done;
    void *state;
    struct pool_job job;
    bool starting, abandoned; /* a thread starts it; and nobody waits for that any more */
    struct mpx_watch *in, *out, *err, *bell;
    struct loop_event timer;
    int64_t started_ms, active_ms; /* when it began; when it last did something */
    size_t part_at;                /* bytes of the present part of the body that it took */
    bool is_held;                  /* its module waits for something else */
    bool is_paused;                /* its output waits for the client */
    int rc;
    char line[RUN_LINE_MAX]; /* of stderr, as far as it has come */
    size_t line_n;
    int (*child)(int out, void *arg); /* of a fork */
    void *arg;
    size_t most;
    struct buffer result;
};

/* wait_program.c, in a hook of the request: */
/* It is over for the request, with that result: what done() answers. */
enum mpx_rc run_finish(struct mpx_req *r, struct run *run, int rc);
/* Whether that is so because it has exited and its output has ended; else WAIT. */
enum mpx_rc run_go_on(struct mpx_req *r, struct run *run);

/* wait_pipes.c: */
/* Watches the pipes and begins to read the body for it. 0; -1 when that cannot be. */
int run_watch_pipes(struct mpx_req *r, struct run *run);
/* The first part of the body, if it is to have one: what to answer. */
enum mpx_rc run_feed(struct mpx_req *r, struct run *run);
/* What stderr holds at the end, and the line that has none. */
void run_read_last_words(struct mpx_req *r, struct run *run);
void run_end_watch(struct mpx_watch **k);

#endif
