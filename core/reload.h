/* SPDX-License-Identifier: MIT
   The supervisor's transaction that exchanges the configuration of workers that serve: it is read,
   tried by a checker, its sockets are opened, all workers prepare it, all change over to it; or, at
   whatever step, nothing has changed and the reason is logged. Nothing of it waits: it is driven by
   the supervisor's loop. */
#ifndef RELOAD_H
#define RELOAD_H
#include "checker.h"
#include "crew.h"

struct reload {
    enum {
        RELOAD_RESTS,
        RELOAD_CHECKS,   /* the checker is at work */
        RELOAD_PREPARES, /* the workers are */
        RELOAD_COMMITS,  /* they change over */
        RELOAD_ABANDONS  /* it has failed: workers that still prepare are waited for */
    } state;
    struct crew *crew;
    struct launch **now;         /* the configuration that serves: exchanged, the old one freed */
    struct endpoints *endpoints; /* its sockets: the same */
    int (*read)(void *arg, struct launch *l); /* fills one that was initialised; -1: told why not */
    void *arg;
    struct launch *next;
    struct endpoints wanted;
    struct checker checker;
    struct buffer report; /* what changed */
    int64_t began_ms;
    int64_t deadline_ms; /* when workers have had their time; 0: none is waited for */
    bool repeats;        /* the configuration that serves, for another list of quarantine */
    bool again;          /* asked for meanwhile: when this one is over */
};

/* Borrows all; fill read and arg. */
void reload_init(struct reload *r, struct crew *crew, struct launch **now,
                 struct endpoints *endpoints);
/* Begins one, or notes that another is to follow. */
void reload_begin(struct reload *r);
/* The same texts once more, without a look at the disk: who is in quarantine has changed. None
   must be under way. */
void reload_repeat(struct reload *r);
/* Goes on as far as it can: after each event of the checker or a worker. */
void reload_go_on(struct reload *r);
/* A worker has ended, and what it was at before crew_on_end. */
void reload_on_loss(struct reload *r, enum slot_state was);
/* What is due by the clock, as crew_by_the_clock. */
void reload_by_the_clock(struct reload *r, int64_t now, int64_t *due);
/* Ends what goes on, for good: the workers are told to stop. What one that prepares may still ask
   for is answered. */
void reload_stop(struct reload *r);
void reload_finish(struct reload *r); /* they have ended */

#endif
