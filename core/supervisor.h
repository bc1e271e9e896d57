/* SPDX-License-Identifier: MIT
   The parent of the workers: keeps the sockets, the pid file and root, runs no module, parses no
   HTTP. A worker that dies is replaced. */
#ifndef SUPERVISOR_H
#define SUPERVISOR_H
#include "endpoint.h"
#include "launch.h"

/* Until it is told to stop. ready() is called when the first worker serves. An exit status. */
int supervisor_run(struct launch *l, struct endpoints *e, void (*ready)(void *arg), void *arg);

#endif
