/* SPDX-License-Identifier: MIT
   The parent's eye on a worker's loop: whether turns end. It counts its own ticks and nothing else,
   so that neither a clock that jumps nor a parent that was itself held up is taken for a stall;
   ticks in which the worker was stopped, or had no processor to run on, do not count. */
#ifndef WATCHDOG_H
#define WATCHDOG_H
#include "blame.h"

#include <sys/types.h>

struct watchdog {
    const struct blame *blame;
    pid_t pid;
    int64_t kill_ms; /* 0: it only looks on */
    bool starts;     /* there are no turns yet */
    int64_t due_ms;  /* of the next tick */
    uint64_t turns, cpu;
    int64_t still_ms; /* for so long the present turn has been seen at work */
    bool is_told;     /* it was told to abort; next it is killed */
};

/* For a worker that was just made, now by clock_ms. Until it serves it may take a minute, or
   kill_ms where that is longer. Borrows b. */
void watchdog_start(struct watchdog *d, const struct blame *b, pid_t pid, int64_t kill_ms,
                    int64_t now_ms);
/* It serves. */
void watchdog_serves(struct watchdog *d);
/* Another limit from here on; 0: none. */
void watchdog_set_kill(struct watchdog *d, int64_t kill_ms);
/* What the worker is doing, out of /proc/PID/stat: the letter of its state and its ticks of
   processor time; false when that cannot be read. */
bool watchdog_look(struct mpx_str stat, char *state, uint64_t *cpu);
/* When the next tick is due: look at the clock by then. */
static inline int64_t watchdog_due(const struct watchdog *d)
{
    return d->due_ms;
}
/* To be called when the tick is due; before that it does nothing. A worker that stalls is sent
   SIGABRT, so that it notes where it is, and at the next tick SIGKILL. How long it has stalled when
   that is found now for the first time; else 0. */
int64_t watchdog_tick(struct watchdog *d, int64_t now_ms);
/* Whether the loop turns, as far as the last tick knows. */
static inline bool watchdog_turns(const struct watchdog *d)
{
    return !d->starts && d->still_ms == 0;
}

#endif
