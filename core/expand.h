/* SPDX-License-Identifier: MIT
   ${name}, ${env:NAME:-default} and ${file:PATH} in the strings of a configuration, carried out
   when it is read. "$${" is a plain "${". $name without braces is left for run time. */
#ifndef EXPAND_H
#define EXPAND_H
#include "node.h"
#include "problem.h"

/* Expands every string of the tree in place, from the members of 'define'; names that are not
   set are problems. */
void expand_tree(struct mpx_arena *a, struct sources *sources, struct node *tree,
                 const struct node *define, struct problems *problems);

#endif
