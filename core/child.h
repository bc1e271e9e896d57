/* SPDX-License-Identifier: MIT
   Users and processes: who to become, and giving up root for good. */
#ifndef CHILD_H
#define CHILD_H
#include "arena.h"

#include <sys/types.h>

enum { CHILD_GROUPS_MAX = 64 };

/* Who a process becomes. */
struct child_user {
    bool change; /* false: stays who it is */
    uid_t uid;
    gid_t gid;
    gid_t groups[CHILD_GROUPS_MAX];
    size_t group_count;
    const char *name; /* for messages */
};
/* Looks up a user by name or number, with its groups. 0, or -1 and *error (in a): no change. */
int child_find_user(struct mpx_arena *a, const char *name, struct child_user *user,
                    const char **error);
/* Replaces its groups by those named, blanks between them; the first is the primary one. */
int child_find_groups(struct mpx_arena *a, const char *names, struct child_user *user,
                      const char **error);
/* Whether this process is in those groups already, the first as its primary one. */
bool child_has_groups(const struct child_user *user);
/* The user with this number, named if it has a name. */
void child_user_of(struct mpx_arena *a, uid_t uid, gid_t gid, struct child_user *user);
/* Who this process is, for messages; in a. */
const char *child_name(struct mpx_arena *a);
/* Becomes that user: supplementary groups, gid, uid, then verifies that there is no way back. 0,
   or -1 and *error (static): the process must not go on. */
int child_drop(const struct child_user *user, bool no_new_privs, const char **error);

/* What a child is for. */
enum child_purpose {
    CHILD_TRIES, /* its signals are as at a program's start */
    CHILD_SERVES /* it ignores those that are for its parent: a terminal's reach the whole group */
};
/* Forks. The child is told by SIGTERM when its parent has ended. Returns as fork(2). */
pid_t child_fork(enum child_purpose purpose);
/* Waits for pid; its status as wait(2) gives it. */
int child_wait(pid_t pid);
/* "exit status 1" or "signal 11 (Segmentation fault)". */
const char *child_status_text(struct mpx_arena *a, int status);

#endif
