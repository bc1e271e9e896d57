/* SPDX-License-Identifier: MIT
   "Did you mean": of the words offered, the one most like the misspelt one. */
#ifndef SUGGEST_H
#define SUGGEST_H
#include "arena.h"

struct suggestion {
    struct mpx_str wrong, best; /* best.n is 0 when nothing is near enough */
    unsigned distance;
};
void suggest_start(struct suggestion *s, struct mpx_str wrong);
void suggest_offer(struct suggestion *s, struct mpx_str word); /* borrows */
/* What is put behind a message: " (did you mean \"word\"?)" (in a), or "". */
const char *suggest_text(const struct suggestion *s, struct mpx_arena *a);

#endif
