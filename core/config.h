/* SPDX-License-Identifier: MIT
   The configuration as one tree: files with their "include", "define" and ${...} carried out,
   merged with every value's place kept. It knows the names of the sections and nothing of what
   is in them. */
#ifndef CONFIG_H
#define CONFIG_H
#include "node.h"
#include "problem.h"

/* Reads file, which is in 'sources' already or on disk. Returns an object with the members
   "daemon", "connection" (a list), "defaults", "process" and "vhosts" (a list) that were given;
   what is wrong is added to 'problems'. overrides, a text in 'sources' or NULL, is laid over all
   of it. */
struct node *config_read(struct mpx_arena *a, struct sources *sources, const char *file,
                         const char *overrides, bool strict, struct problems *problems);
/* One item may stand for a list of one: the list, with the same places. */
struct node *config_list(struct mpx_arena *a, const struct node *value);

#endif
