/* SPDX-License-Identifier: MIT
   Patterns with stars, for names and media types. */
#ifndef GLOB_H
#define GLOB_H
#include <multiplexd/module.h>

/* Whether a text is what a pattern says; '*' stands for any bytes, also none. In a time that is
   bounded by the product of both lengths. */
bool glob_matches(struct mpx_str pattern, struct mpx_str text);

enum { GLOB_TYPE_BYTES = 128 };
/* A media type without its parameters, in lower case, to be matched; cut off where room ends. */
struct mpx_str glob_type(struct mpx_str type, char room[GLOB_TYPE_BYTES]);
struct mpx_str glob_lower(struct mpx_arena *a, struct mpx_str s); /* with a NUL behind it */

#endif
