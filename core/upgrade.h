/* SPDX-License-Identifier: MIT
   Another image of the program in the place of this one: it is tried with --test, in a process of
   its own, and executed when that finds nothing wrong. Whoever asked goes on serving meanwhile. */
#ifndef UPGRADE_H
#define UPGRADE_H
#include "str.h"

#include <sys/types.h>

/* How this program was started. */
struct upgrade_program {
    const char *path;   /* of the file, absolute: another one may be there by now */
    const char *folder; /* the working directory, in which arguments are meant */
    char **argv;
};
struct upgrade {
    const struct upgrade_program *program;
    pid_t pid; /* of the trial; 0: none is at work */
    int out;   /* what it prints; -1 */
    struct buffer said;
};
void upgrade_init(struct upgrade *u, const struct upgrade_program *program);
void upgrade_stop(struct upgrade *u); /* kills a trial */
/* Begins the trial. 0, or -1 (logged). */
int upgrade_try(struct upgrade *u);
void upgrade_on_events(struct upgrade *u); /* out can be read */
/* The trial has ended: true when the image may be executed; else what it said is logged. */
bool upgrade_on_end(struct upgrade *u, int status);
/* Executes it; returns only when that fails (logged). */
void upgrade_execute(const struct upgrade *u);

#endif
