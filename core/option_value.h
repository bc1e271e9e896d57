/* SPDX-License-Identifier: MIT
   One value of one type, read from the tree into its field: the part of option.c that knows
   types. */
#ifndef OPTION_VALUE_H
#define OPTION_VALUE_H
#include "option.h"

size_t option_size(const struct mpx_option *o); /* of the field; 0 for an unknown type */
/* 0, or -1 with the problem added. */
int option_read_value(const struct option_reading *rd, const struct mpx_option *o,
                      const struct node *value, void *field);
/* The same for a STRING and for a PATH. */
int option_read_string(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *value, struct mpx_str *field);
int option_read_path(const struct option_reading *rd, const struct mpx_option *o,
                     const struct node *value, struct mpx_str *field);
/* Reads one member of an object, which has "room" of them, as the next element of a MAP's list. */
int option_read_entry(const struct option_reading *rd, const struct mpx_option *o,
                      const struct node *member, unsigned room, struct mpx_list *list);
/* "POINTER must be ..., not VALUE" at the value's place; the value is left out when o is SECRET.
   o may be NULL. Returns -1. */
int option_complain(const struct option_reading *rd, const struct mpx_option *o,
                    const struct node *value, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

#endif
