/* SPDX-License-Identifier: MIT
   Networks as configurations write them (RFC 4632 3.1), and tables of them that are asked whether
   an address is in one. It knows nothing of what the answer is for. */
#ifndef CIDR_H
#define CIDR_H
#include "address.h"
#include "arena.h"

/* All addresses from first to last, as address_key gives them. */
struct cidr {
    unsigned char first[ADDRESS_KEY], last[ADDRESS_KEY];
};

enum { CIDR_OK, CIDR_BAD, CIDR_LONG_PREFIX, CIDR_HOST_BITS };
/* "192.0.2.1", "10.0.0.0/8", "fd00::/8", or "unix" for all clients on unix sockets. IPv4-mapped
   networks are those of IPv4, and "::/0" is IPv6 alone. CIDR_BAD: it is none of these;
   CIDR_LONG_PREFIX: more bits than such an address has; CIDR_HOST_BITS: bits are set behind the
   prefix, *net is the network that is meant. */
int cidr_read(struct mpx_str text, struct cidr *net);
/* A network that cidr_read understands: "10.0.0.0/8"; in a. */
struct mpx_str cidr_text(struct mpx_arena *a, const struct cidr *net);

/* Sorted, none overlaps another. */
struct cidr_table {
    const struct cidr *list;
    size_t count;
};
/* Copies the networks, in any order, to a. */
void cidr_table_make(struct mpx_arena *a, const struct cidr *list, size_t count,
                     struct cidr_table *t);
/* Whether an address is in one of them: in the time of a binary search. */
bool cidr_table_has(const struct cidr_table *t, const union address *address);

#endif
