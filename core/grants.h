/* SPDX-License-Identifier: MIT
   The files that a parent opens or reads for children that have given up their rights. A path can
   be granted only when it is a value in the texts that the parent has read itself; what it is
   granted for, the checker tells, which knows what the values mean. */
#ifndef GRANTS_H
#define GRANTS_H
#include "logfile.h"
#include "node.h"

enum grant {
    GRANT_APPEND = 1, /* a log: it is opened for append */
    GRANT_READ = 2    /* a private file: its text is handed over */
};

struct grants {
    struct mpx_arena arena;
    struct granted *paths; /* every value that could be a path, sorted */
    size_t count;
    struct logfile_as as; /* how logs are opened */
};
/* Collects the values of the tree, made absolute against the files that they stand in; copies. */
void grants_init(struct grants *g, const struct node *root, struct sources *sources);
void grants_finish(struct grants *g);
/* False when the path is no value of the tree. */
bool grants_add(struct grants *g, struct mpx_str path, enum grant what);
/* The first log at or behind the *i-th path, as a string; *i is its number. NULL past the last. */
const char *grants_log(const struct grants *g, size_t *i);
bool grants_has(const struct grants *g, struct mpx_str path, enum grant what);

#endif
