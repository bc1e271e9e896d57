/* SPDX-License-Identifier: MIT
   multiplexd/network.h - networks of clients, of section 12 of module.h, which includes it. */
#ifndef MULTIPLEXD_NETWORK_H
#define MULTIPLEXD_NETWORK_H
#include <multiplexd/module.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* All addresses from first to last, in an order of core's own. */
struct mpx_network {
    unsigned char first[17], last[17];
};
/* In check() or open(): reads "192.0.2.1", "10.0.0.0/8", short "10/8", "fd00::/8", a range
   "10.0.0.1-10.0.0.9", "unix" (clients on unix sockets) or "*" (everybody). IPv4-mapped IPv6 is
   IPv4. 0; -1 after an error that names place and cure, as for mpx_conf_error. */
int mpx_conf_network(struct mpx_conf *c, const char *below, struct mpx_str text,
                     struct mpx_network *network);
/* Compiles them, in any order; copies to a. What a search costs grows with the logarithm of their
   number. */
const struct mpx_networks *mpx_networks_make(struct mpx_arena *a, const struct mpx_network *list,
                                             size_t count);
/* The index that the network of this address had in the list, or -1. Of several it is the
   narrowest; of ranges that overlap in part the one that begins later; of equal ones the first.
   The port does not count; NULL, a client that is not known, is in "*" alone. */
int mpx_networks_find(const struct mpx_networks *n, const struct sockaddr *address);
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
