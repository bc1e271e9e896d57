/* SPDX-License-Identifier: MIT
   Cases cut in two at every place: hundreds of connections at a time, in one thread. */
#ifndef CUTS_H
#define CUTS_H
#include "verdict.h"

struct cut_case {
    const struct http_case *k;
    char fault[FAULT_BYTES]; /* of the first cut that failed, which it names; "" */
};
/* Sends each case in two pieces, cut at every place. */
void cuts_run(int port, struct cut_case *cases, size_t count);

#endif
