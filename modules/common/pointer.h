/* SPDX-License-Identifier: MIT
   Keys of the configuration in JSON pointers, as mpx_conf_error has them (RFC 6901 3). */
#ifndef POINTER_H
#define POINTER_H
#include <multiplexd/module.h>

/* The member of that key below a place, "" for the module's settings themselves: "types" and "a/b"
   make "types/a~1b". In the configuration's memory. */
const char *pointer_below(struct mpx_conf *c, const char *below, struct mpx_str key);

#endif
