/* SPDX-License-Identifier: MIT
   "Did you mean": of the words offered, the one most like the misspelt one. */
#ifndef SUGGEST_H
#define SUGGEST_H
#include <multiplexd/module.h>

struct suggestion {
    struct mpx_str wrong, best; /* best.n is 0 when nothing is near enough */
    unsigned distance;
};
void suggest_start(struct suggestion *s, struct mpx_str wrong);
void suggest_offer(struct suggestion *s, struct mpx_str word); /* borrows */

#endif
