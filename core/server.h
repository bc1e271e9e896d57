/* SPDX-License-Identifier: MIT
   A worker: loads the configuration, serves until it is told to stop. */
#ifndef SERVER_H
#define SERVER_H
#include "alone.h"
#include "endpoint.h"
#include "launch.h"

enum {
    SERVER_OK = 0,
    SERVER_FAILED = 1,
    SERVER_BUSY = 100 /* ended well, but threads are still at work: _exit is the only way out */
};

/* Runs in this process, which has become who it is to be. channel leads to the supervisor; -1:
   there is none, and the process reloads by itself, see alone.h, else NULL. The endpoints'
   descriptors are taken. */
int server_run(struct launch *l, struct endpoints *e, struct blame *blame, int channel,
               const struct alone_calls *alone);

#endif
