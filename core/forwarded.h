/* SPDX-License-Identifier: MIT
   What proxies say of those they speak for: Forwarded (RFC 7239) and X-Forwarded-For, read from
   the right, because only what stands there was written by the proxy that we know. Whatever a
   client wrote to the left of it, quotes that do not end included, cannot change how it is read. */
#ifndef FORWARDED_H
#define FORWARDED_H
#include "address.h"

/* One proxy's word. Views of the field. */
struct forwarded {
    struct mpx_str from;  /* "for": an address with or without port, "unknown", "_hidden"; or "" */
    struct mpx_str proto; /* or "" */
};

/* The last element of a Forwarded field, which is taken off *field. 1; 0 when there is none; -1
   when it has no form, *field is empty then. An escaped character in "for" or "proto" is no form:
   neither needs any. */
int forwarded_last(struct mpx_str *field, struct forwarded *f);
/* The last item of a plain list (X-Forwarded-For, X-Forwarded-Proto), trimmed, in the same way. 1,
   or 0; empty items are skipped. */
int forwarded_last_item(struct mpx_str *field, struct mpx_str *item);
/* "192.0.2.1", "192.0.2.1:80", "2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:80"; a hidden port
   ("_x") counts as none. False for "unknown", hidden names and all else. */
bool forwarded_address(struct mpx_str node, union address *a);

#endif
