/* SPDX-License-Identifier: MIT
   What is percent-encoded (RFC 3986 2.1): single bytes, and the parameters of a query as forms
   write them, NAME=VALUE&NAME=VALUE with a "+" for a space. */
#ifndef PERCENT_H
#define PERCENT_H
#include <multiplexd/module.h>

/* The byte that the "%XX" at the begin of s stands for; -1 where none stands there. */
int percent_byte(struct mpx_str s);
/* A name or value of a form, decoded; what is no escape stays as it is. */
struct mpx_str percent_decode(struct mpx_arena *a, struct mpx_str s);
/* Whether s, as a form has it, is that when decoded. */
bool percent_is(struct mpx_str s, struct mpx_str decoded);
/* The first parameter of that name, and its value as it was sent; "" for a name alone. */
bool percent_parameter(struct mpx_str query, struct mpx_str name, struct mpx_str *value);

#endif
