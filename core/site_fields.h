/* SPDX-License-Identifier: MIT
   Reads the key "headers" of a level: { "set": { NAME: value }, "add": { ... }, "remove": [ NAME ]
   }, or a plain object, which means set. */
#ifndef SITE_FIELDS_H
#define SITE_FIELDS_H
#include "level.h"

/* Sets l's rules: what it says itself over what the outer level has, name by name without regard to
   case; null takes one back, or all. Names that the server itself answers for, and what is wrong,
   are told. */
void site_fields_read(const struct building *b, struct level *l);

#endif
