/* SPDX-License-Identifier: MIT
   What a case says of a conversation: which answers fit, how it must end. */
#ifndef VERDICT_H
#define VERDICT_H
#include "cases.h"
#include "client.h"

enum { FAULT_BYTES = 512 };

/* A request that every site of the cases answers: what "< keep" sends. */
extern const char verdict_another[];

/* How many answers the case's longest and shortest list has. */
size_t verdict_longest(const struct http_case *k);
size_t verdict_shortest(const struct http_case *k);
/* Whether the first 'count' answers that came are one of the lists; else why not. */
bool verdict_fits(struct client *c, const struct http_case *k, size_t count,
                  char fault[FAULT_BYTES]);

#endif
