/* SPDX-License-Identifier: MIT
   The names of clients, asked of the DNS without waiting: the name that an address has (PTR), if
   that name has the address in turn (A, AAAA). What was found is remembered for as long as the DNS
   says, within bounds; who asks for the same address meanwhile shares the look-up. The only file
   that knows evdns. It looks at no /etc/hosts and searches no domain. */
#ifndef RESOLVER_H
#define RESOLVER_H
#include "address.h"
#include "list.h"
#include "loop.h"

enum {
    RESOLVER_LOOKUPS = 256,    /* under way at a time; for further addresses it is UNSURE at once */
    RESOLVER_LEAST_MS = 10000, /* for which anything is remembered, where there is a cache at all */
    RESOLVER_NONE_MS = 60000,  /* ... that there is no name */
    RESOLVER_NAME_MAX = 255
};

struct resolver_settings {
    const union address *servers; /* with ports; are copied */
    size_t server_count;          /* 0: those of /etc/resolv.conf */
    int64_t timeout_ms;           /* of a whole look-up */
    int64_t cache_ms;             /* the longest that a name is remembered; 0: none is */
    unsigned entries;             /* that are remembered */
    uint64_t seed;                /* unknown to clients, who choose the addresses */
};

enum resolver_result {
    RESOLVER_NAME,  /* the name, confirmed; lower case, without a dot at its end */
    RESOLVER_NONE,  /* the DNS knows no name */
    RESOLVER_UNSURE /* no answer in time, nonsense, or a name that does not have this address */
};

/* One who waits for a name; memory of his own. */
struct resolver_wait {
    struct link link;
    /* Later, from the loop: w is in no list any more. The name lives until it returns. */
    void (*done)(struct resolver_wait *w, enum resolver_result result, struct mpx_str name);
};

struct resolver;
/* Opens nothing before the first look-up. */
struct resolver *resolver_create(struct loop *l, const struct resolver_settings *s);
/* Whoever waits is not told. The loop runs what is due. */
void resolver_destroy(struct resolver *rs);
/* True: the answer is there, *name lives until the next call. False: w->done will be called. The
   address must be of IPv4 or IPv6, its port does not count. */
bool resolver_ask(struct resolver *rs, const union address *a, struct resolver_wait *w,
                  enum resolver_result *result, struct mpx_str *name);
/* Is not told any more; the look-up goes on for the others. Harmless for one who does not wait. */
void resolver_forget(struct resolver_wait *w);

#endif
