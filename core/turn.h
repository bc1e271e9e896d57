/* SPDX-License-Identifier: MIT
   How long the turns of the loop take, from the first thing that is done until it waits again.
   Where one begins and ends is told in the blame memory, for the parent's watchdog; one that took
   too long is logged with the module that took the longest of it. Neither asks the kernel. */
#ifndef TURN_H
#define TURN_H
#include "blame.h"

struct turn {
    struct blame *blame;
    int64_t warn_ms; /* 0: nothing is logged */
    bool is_on;
    int64_t began_ms;
    int64_t told_ms;   /* when one was last logged; 0: never */
    unsigned untold;   /* how many were not, since then */
    int64_t waited_ms; /* for a processor, by the last tick: see turn_tick */
};

void turn_init(struct turn *t, struct blame *b, int64_t warn_ms); /* borrows b */
/* Another number of milliseconds from here on. */
void turn_set_warn(struct turn *t, int64_t warn_ms);
void turn_start(struct turn *t);
/* The turn begins, unless it has. */
static inline void turn_begin(struct turn *t)
{
    if (!t->is_on)
        turn_start(t);
}
void turn_end(void *turn); /* for loop_on_turn */
/* What was begun was no turn: it came before the loop. */
void turn_forget(struct turn *t);
/* Every second or so. A thread that waits for a processor is not at work: what it had to wait since
   the last tick is not held against a turn. */
void turn_tick(struct turn *t);

#endif
