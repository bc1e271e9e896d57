/* SPDX-License-Identifier: MIT
   A worker: loads the configuration, serves until it is told to stop. */
#ifndef SERVER_H
#define SERVER_H
#include "endpoint.h"
#include "launch.h"

enum {
    SERVER_OK = 0,
    SERVER_FAILED = 1,
    SERVER_BUSY = 100 /* ended well, but threads are still at work: _exit is the only way out */
};

/* Runs in this process, which has become who it is to be. channel leads to the supervisor; -1:
   there is none, and ready() is called instead. The endpoints' descriptors are taken. */
int server_run(struct launch *l, struct endpoints *e, struct blame *blame, int channel,
               void (*ready)(void *arg), void *arg);
/* Says what a hang-up does: the logs are opened again, the configuration is not read. */
void server_explain_hangup(void);
/* Says that this signal does nothing in a single process. */
void server_refuse_signal(int number);

#endif
