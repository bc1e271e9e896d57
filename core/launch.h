/* SPDX-License-Identifier: MIT
   What a start begins with: the texts that were read, which of them is the main one, who to become.
   The parent has it from the command line and the disk, a child from its parent. */
#ifndef LAUNCH_H
#define LAUNCH_H
#include "child.h"
#include "generation.h"
#include "grants.h"

struct launch {
    struct mpx_arena arena;
    struct sources sources;
    const char *file;      /* the main text's name in sources */
    const char *overrides; /* what the command line sets, a name in sources; or NULL */
    bool strict;
    struct mpx_str quarantine; /* a worker's: which modules are in it; see quarantine.h */
    /* the parent's reading of it; modules are not looked at */
    struct node *root;
    struct settings settings;
    struct problems problems;
    struct child_user user;
    struct grants grants; /* what children may have of it */
};
void launch_init(struct launch *l);
void launch_finish(struct launch *l);
struct launch *launch_create(void);    /* on the heap, initialised */
void launch_destroy(struct launch *l); /* NULL is harmless */
/* Reads the main file and those it includes, then the sections "daemon" and "connection". Finds
   the user to become; what is wrong is in problems. */
void launch_read(struct launch *l);
/* What has changed from the launch that serves and needs a restart is added to l->problems. */
void launch_compare(struct launch *l, const struct launch *serving);
void launch_save(const struct launch *l, struct buffer *b);
int launch_load(struct launch *l, struct mpx_str saved); /* 0, or -1 */

#endif
