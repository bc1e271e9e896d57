/* SPDX-License-Identifier: MIT
   Tries a configuration in a process that may die: loads every module, fills and checks its
   settings, opens nothing. Whatever is wrong comes back as problems; a module that crashes is
   one of them. */
#ifndef CHECKER_H
#define CHECKER_H
#include "launch.h"

/* Adds to l->problems all that is wrong. 0, or -1 when the checker itself could not run
   (logged). */
int checker_run(struct launch *l);
/* Prints what modules there are: name, version, ABI, file, summary; 0, or -1 when one is
   unusable. */
int checker_list_modules(struct launch *l);

#endif
