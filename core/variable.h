/* SPDX-License-Identifier: MIT
   Run-time variables: $name in a text, from core or from a module that provides it. */
#ifndef VARIABLE_H
#define VARIABLE_H
#include "req.h"

enum { VARIABLE_TEXT_MAX = 64 << 10 };

/* The value of a name without its dollar; 0, or -1 when there is none. */
int variable_get(struct mpx_req *r, struct mpx_str name, struct mpx_str *value);
/* Replaces every $name in text; an unknown one by nothing, "$$" by a dollar. 0, or -1 when the
   result is too long. */
int variable_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out);

#endif
