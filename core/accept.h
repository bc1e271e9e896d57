/* SPDX-License-Identifier: MIT
   Which media type a client wants (RFC 9110 12.5.1). It knows nothing but libc. */
#ifndef ACCEPT_H
#define ACCEPT_H
#include <multiplexd/module.h>

enum { ACCEPT_TYPES_MAX = 8 };

/* The index of the type that suits the client best, by the value of its Accept field. types are
   "type/subtype" in lower case, in UTF-8 where they are text; at most ACCEPT_TYPES_MAX. For each
   of them the most specific range that covers it gives its weight; the heaviest type wins, among
   equals one that is named rather than covered by a wildcard, then the first. A range that cannot
   be read counts for nothing, one with a parameter that no type of ours has (but for
   charset=utf-8) covers none. The first type also when none is acceptable: an answer that is not
   wanted says more than none (RFC 9110 12.4.1). */
size_t accept_choose(struct mpx_str accept, const struct mpx_str *types, size_t count);

#endif
