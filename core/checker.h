/* SPDX-License-Identifier: MIT
   Tries a configuration in a process that may die: loads every module, fills and checks its
   settings, opens nothing. Whatever is wrong comes back as problems; a module that crashes is
   one of them, and the rest is tried again without it. */
#ifndef CHECKER_H
#define CHECKER_H
#include "broker.h"
#include "launch.h"

enum { CHECKER_CRASHES = 32 };

/* A module that a try died of: the next one leaves it out. */
struct checker_crash {
    char name[BLAME_NAME];
    const char *why;
};
struct checker {
    enum {
        CHECKER_DONE,  /* all that is wrong is in the problems of the launch; also before a start */
        CHECKER_HEARS, /* what the child has to say */
        CHECKER_ENDS,  /* the child has said all or been killed, and is still to be waited for */
        CHECKER_FAILED /* it could not be tried (logged) */
    } state;
    struct launch *launch;  /* borrowed */
    struct child_user user; /* who tries */
    struct blame *blame;
    struct broker broker;
    pid_t pid;
    int64_t end_ms; /* when the child has had its time */
    bool said_all, broke_rules, has_threads;
    struct checker_crash crashes[CHECKER_CRASHES];
    size_t crash_count;
};

/* ---- for whoever may not wait. Start it; watch broker.peer.end as checker_wants says, and the
   clock, while it hears; give it the end of its child; until it is done or has failed */
/* Borrows l, adds to l->problems. has_threads: this process has them, and one of them writes its
   log, which its children therefore do not have. */
void checker_start(struct checker *k, struct launch *l, bool has_threads);
bool checker_runs(const struct checker *k);
short checker_wants(const struct checker *k);       /* events of poll(2) */
void checker_on_events(struct checker *k);          /* any that came; none when its time is up */
void checker_on_end(struct checker *k, int status); /* as wait(2) gave it */
/* Kills what runs and waits for it; what was started must be stopped or finished. */
void checker_stop(struct checker *k);

/* The same, waiting. 0, or -1 when the checker itself could not run (logged). */
int checker_run(struct launch *l);
/* Prints what modules there are: name, version, ABI, file, summary; 0, or -1 when one is
   unusable. */
int checker_list_modules(struct launch *l);

#endif
