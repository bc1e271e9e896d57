/* SPDX-License-Identifier: MIT
   What a log need not know: the end of addresses, passwords, parts of queries. */
#ifndef ACCESSLOG_DISCREET_H
#define ACCESSLOG_DISCREET_H
#include <multiplexd/module.h>

/* "ip_mask": how many bits of an address are kept. */
struct mask {
    bool on;
    int64_t v4, v6; /* 0: the usual number of them */
};
static inline bool mask_is_on(const struct mask *m)
{
    return m->on || m->v4 > 0 || m->v6 > 0;
}
enum { MASKED_BYTES = 64 };
/* The address with its last bits zeroed, in out; what is no address stays as it is. */
struct mpx_str mask_address(const struct mask *m, struct mpx_str address, char out[MASKED_BYTES]);

/* Whether this variable holds what proves who somebody is: "header.cookie" and the like. */
bool discreet_is_secret(struct mpx_str variable);
/* Whether it may hold a client's address as somebody has written it: "header.x-forwarded-for". */
bool discreet_has_addresses(struct mpx_str variable);

/* Where a query may stand in a value. */
enum query_place { QUERY_NOWHERE, QUERY_WHOLE, QUERY_BEHIND_MARK };
enum query_place discreet_query_place(struct mpx_str variable);
/* The value with "***" in the place of what these parameters are set to; names are those of a list
   of struct mpx_str, "*" stands for all. At most room bytes of it, in out. */
struct mpx_str discreet_query(struct mpx_str value, enum query_place place, struct mpx_list names,
                              char *out, size_t room);

#endif
