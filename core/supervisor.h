/* SPDX-License-Identifier: MIT
   The parent of the workers: keeps the sockets, the pid file and root, runs no module, parses no
   HTTP. Here are its loop and its signals; the workers are in crew.c, what exchanges their
   configuration in reload.c. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H
#include "endpoint.h"
#include "launch.h"

struct supervisor_calls {
    void (*ready)(void *arg); /* all workers serve for the first time */
    /* The configuration once more, from the disk: fills what launch_init has made. 0; -1 when there
       is none (logged). */
    int (*read)(void *arg, struct launch *l);
    void *arg;
};
/* Until it is told to stop. *l is exchanged for another one when the configuration is read again,
   and freed by launch_destroy. An exit status. */
int supervisor_run(struct launch **l, struct endpoints *e, const struct supervisor_calls *calls);

#endif
