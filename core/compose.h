/* SPDX-License-Identifier: MIT
   What the command line asks for, as texts of a configuration: then there is one way to read,
   check and report it. */
#ifndef COMPOSE_H
#define COMPOSE_H
#include "cli.h"
#include "launch.h"

/* The configuration that serves c->folder. 0; -1 when there is no such folder (told). */
int compose_folder(struct launch *l, const struct cli *c);
/* The configuration in a file, with what the options set laid over it. */
void compose_file(struct launch *l, const struct cli *c, const char *file);
/* The same where there is none. */
void compose_empty(struct launch *l, const struct cli *c);

#endif
