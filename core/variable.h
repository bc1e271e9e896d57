/* SPDX-License-Identifier: MIT
   Run-time variables: what a $name stands for in a request, from core or from a module that
   provides it. */
#ifndef VARIABLE_H
#define VARIABLE_H
#include "req.h"
#include "variable_name.h"

enum { VARIABLE_TEXT_MAX = 64 << 10 };

/* The value, alive as long as the request; false when there is none. */
bool variable_get(struct mpx_req *r, const struct mpx_var *v, struct mpx_str *value);
/* Replaces every $name in text; an unknown one by nothing, "$$" by a dollar. 0, or -1 when the
   result is too long. */
int variable_expand(struct mpx_req *r, struct mpx_str text, struct mpx_str *out);
/* Puts the pieces together; what has no value is left out. The same otherwise. */
int variable_join(struct mpx_req *r, struct mpx_list pieces, struct mpx_str *out);

#endif
