/* SPDX-License-Identifier: MIT
   Short keys of the configuration that stand for a module's settings: "index_file" for
   {"static": {"index_file": ...}}, "directory_list" for {"dirlist": ...}. */
#ifndef SHORTHAND_H
#define SHORTHAND_H
#include "module.h"
#include "node.h"
#include "option.h"
#include "suggest.h"

/* The settings of a level by module name: its own keys but core's, shorthands carried out. A
   setting given both ways is a problem. Never NULL. */
struct node *shorthand_keys(struct mpx_arena *a, struct problems *problems,
                            const struct node *level, struct option_table core);
/* The shorthand that a level uses for that module; empty when it uses none. */
struct mpx_str shorthand_of(const struct node *level, struct mpx_str module);
void shorthand_offer(struct suggestion *s); /* all of them */
/* Holds what a level says of a module, in either way, against its options; 0, or -1. */
int shorthand_check(const struct option_reading *rd, const struct node *level,
                    const struct module *m, void *scratch);

#endif
