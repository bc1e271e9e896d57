/* SPDX-License-Identifier: MIT
   Idle connections go from a worker that is about to end to the one that takes its place, by
   descriptor, over a socket pair between the two that their parent has made: so it takes none
   itself. A connection on which anything is under way, or that a module or a proxy has said
   something of, stays: it ends with its next answer. */
#ifndef HANDOVER_H
#define HANDOVER_H
#include "worker.h"

struct handover {
    struct worker *w; /* NULL: nobody gives us any */
    int end;
    struct loop_event event;
};

int handover_pair(int ends[2]); /* 0, or -1 with errno */
/* Gives away all that can be given, then closes end. Waits a moment for a taker that is slow. */
void handover_give(struct worker *w, int end);
/* Takes connections from end, which it takes, until the giver has closed its own. */
void handover_take(struct handover *h, struct worker *w, int end);
void handover_finish(struct handover *h); /* harmless where there is none */

#endif
