/* SPDX-License-Identifier: MIT
   Networks as configurations write them (RFC 4632 3.1), and tables of them that are asked whether
   an address is in one, and in which. It knows nothing of what the answer is for. */
#ifndef CIDR_H
#define CIDR_H
#include "address.h"
#include "arena.h"

_Static_assert(sizeof(((struct mpx_network *)0)->first) == ADDRESS_KEY,
               "a network's ends are keys of addresses");

/* "192.0.2.1", "10.0.0.0/8", short "10/8", "fd00::/8", "10.0.0.1-10.0.0.9", or "unix" for all
   clients on unix sockets. IPv4-mapped networks are those of IPv4, and "::/0" is IPv6 alone. NULL,
   or what the text must be instead, in a: "must be a whole network: write \"10.0.0.0/8\"". */
const char *cidr_read(struct mpx_arena *a, struct mpx_str text, struct mpx_network *net);
/* Everybody, unknown addresses included. */
void cidr_everybody(struct mpx_network *net);
/* A network with a prefix: "10.0.0.0/8"; in a. */
struct mpx_str cidr_text(struct mpx_arena *a, const struct mpx_network *net);

/* Stretches of addresses, sorted, none overlaps another, each with the network that it is of. */
struct cidr_stretch {
    struct mpx_network net;
    uint32_t index;
};
struct cidr_table {
    const struct cidr_stretch *list;
    size_t count; /* at most twice as many as there were networks */
};
/* Looks at the networks, in any order; what is made is in a. */
void cidr_table_make(struct mpx_arena *a, const struct mpx_network *list, size_t count,
                     struct cidr_table *t);
/* The index that the narrowest network with that address had in the list, or -1: in the time of a
   binary search. Of networks that overlap in part it is the one that begins later; of equal ones
   the first. */
int cidr_table_find(const struct cidr_table *t, const union address *address);
static inline bool cidr_table_has(const struct cidr_table *t, const union address *address)
{
    return cidr_table_find(t, address) >= 0;
}

#endif
