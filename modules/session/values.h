/* SPDX-License-Identifier: MIT
   The values of one session as one stretch of bytes, which stores keep as it is: for each a byte
   with the length of the key, the key, four bytes with the length of the value (the highest first),
   the value. What a store gives back is looked at as if anybody could have written it. */
#ifndef VALUES_H
#define VALUES_H
#include <multiplexd/module.h>

enum { VALUES_KEY_MAX = 64, VALUES_HEAD = 5 /* of each value, beside key and value */ };

/* Whether it is 1 to 64 of [A-Za-z0-9_]. */
bool values_is_key(struct mpx_str key);
/* Takes the first value off *rest; false at the end, and where the bytes are none of ours. */
bool values_next(struct mpx_str *rest, struct mpx_pair *pair);
bool values_get(struct mpx_str data, struct mpx_str key, struct mpx_str *value);
/* Writes data with that value into out, which has room for it: data.n, VALUES_HEAD, key and value
   at most. A value whose p is NULL drops the key. Returns the number of bytes. */
size_t values_put(struct mpx_str data, struct mpx_str key, struct mpx_str value, char *out);
/* The sum of a decimal number, which may be absent (p NULL), and by: writes digits, at most 20, and
   returns their number; 0 when it is no number of 64 bits or the sum is none. */
size_t values_add(struct mpx_str number, int64_t by, char out[21]);

#endif
