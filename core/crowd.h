/* SPDX-License-Identifier: MIT
   How many connections each address has: an entry lives as long as one is counted in it. All of an
   IPv6 /64 are one address, because that is what one client is given. */
#ifndef CROWD_H
#define CROWD_H
#include "address.h"

struct crowd_entry;

/* Zeroed but for the seed, it is an empty one that owns no memory. */
struct crowd {
    uint64_t seed; /* unknown to clients, who choose the addresses */
    struct crowd_entry **buckets;
    size_t bucket_count; /* a power of two, or 0 */
    size_t entry_count;
};
/* Counts one connection more. NULL, and nothing is counted, when there are 'most' already. The
   address must be of IPv4 or IPv6. O(1). */
struct crowd_entry *crowd_enter(struct crowd *w, const union address *a, unsigned most);
/* Counts it no more; e is gone when it was the last. NULL is harmless. O(1). */
void crowd_leave(struct crowd *w, struct crowd_entry *e);

#endif
