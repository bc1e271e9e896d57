/* SPDX-License-Identifier: MIT
   Lists of clients, by address and by name, and of referers. Compiled when the configuration is
   checked; what a look costs hardly depends on how many rules there are. */
#ifndef RULES_H
#define RULES_H
#include "hosts.h"

struct rules {
    const struct mpx_str *texts; /* as configured; NULL: the key is not given */
    const struct mpx_networks *networks;
    const size_t *network_of; /* the text that a network stands in */
    struct hosts hosts;
};
/* Reads the value of "allow" or "deny"; 0, or -1 after errors. */
int rules_read(struct mpx_conf *c, const char *key, struct mpx_list texts, struct rules *rules);
/* The text that the client's address or name falls under, or NULL. */
const struct mpx_str *rules_by_address(const struct rules *rules, const struct sockaddr *address);
const struct mpx_str *rules_by_name(const struct rules *rules, struct mpx_str name);

struct referers {
    bool is_given, none, blocked, own;
    struct hosts hosts;
};
int referers_read(struct mpx_conf *c, const char *key, struct mpx_list texts, struct referers *rf);
/* Whether the page that led here, as the client says (RFC 9110 10.1.3), is one of them. */
bool referers_have(const struct referers *rf, const struct mpx_req *r);

#endif
