/* SPDX-License-Identifier: MIT
   ${name}, ${env:NAME:-default} and ${file:PATH} in the strings of a configuration, carried out
   when it is read; "${" may stand in a default and in a PATH. "$${" is a plain "${". $name without
   braces is left for run time. */
#ifndef EXPAND_H
#define EXPAND_H
#include "node.h"
#include "problem.h"

/* Expands every string of the tree in place, from the members of 'define', which may use each other
   and are made when they are wanted. A string that cannot be made is a problem and is_wrong. */
void expand_tree(struct mpx_arena *a, struct sources *sources, struct node *tree,
                 struct node *define, struct problems *problems);
/* Makes those that nobody wanted, so that all that is wrong is told. */
void expand_defines(struct mpx_arena *a, struct sources *sources, struct node *define,
                    struct problems *problems);

#endif
