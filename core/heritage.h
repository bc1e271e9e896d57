/* SPDX-License-Identifier: MIT
   What one image of the supervisor leaves to the next, which is executed in the same process: the
   listening sockets, the pid file with its lock, and the workers, who serve until the new image has
   its own. As text in a file without a name, since another version is to read it. */
#ifndef HERITAGE_H
#define HERITAGE_H
#include "endpoint.h"
#include "peer.h"
#include "pidfile.h"

/* A worker of the image before. */
struct elder {
    pid_t pid;
    size_t number; /* of its slot: it has the sockets of that one */
    struct peer peer;
};
struct heritage {
    bool is_there;
    struct endpoints endpoints;
    int pid_fd; /* -1: there is no pid file */
    const char *pid_path;
    struct elder elders[SETTINGS_WORKERS_MAX];
    size_t elder_count;
};

/* Before anything is opened: takes what the image before has left, and what says so out of the
   environment. Texts are in a. 0, also when nothing was left; -1 when it cannot be understood. */
int heritage_begin(struct heritage *h, struct mpx_arena *a);
/* Leaves it to what is executed next: the descriptors stay open, the environment says where the
   rest is. A descriptor, to be given to heritage_take_back when nothing was executed; -1 with
   errno: it cannot be left. */
int heritage_leave(const struct heritage *h);
void heritage_take_back(const struct heritage *h, int fd);

/* ---- the workers of the image before */
/* Tells them to finish, now that others serve. */
void heritage_end_elders(struct heritage *h, int number);
/* False when pid is none of them. */
bool heritage_on_end(struct heritage *h, pid_t pid);

#endif
