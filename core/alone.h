/* SPDX-License-Identifier: MIT
   A single process exchanges its own configuration, with the rights that it has left: it reads it,
   has a checker try it, opens its sockets, prepares it and changes over; or nothing has changed and
   the log says why. The steps are those of reload.c, on the loop of the worker. */
#ifndef ALONE_H
#define ALONE_H
#include "checker.h"
#include "reign.h"

/* What the process that has no supervisor does itself. */
struct alone_calls {
    void (*ready)(void *arg); /* it serves */
    /* Fills a launch that was initialised; 0, or -1: told why not. On any thread. */
    int (*read)(void *arg, struct launch *l);
    void *arg;
    struct endpoints *endpoints; /* its sockets: a copy of the descriptors that the worker has */
};
struct alone {
    const struct alone_calls *calls;
    struct worker *w;
    struct modules *modules;
    struct reign *reign;
    enum { ALONE_RESTS, ALONE_READS, ALONE_CHECKS, ALONE_PREPARES } state;
    struct launch *next; /* until an edition has it */
    struct endpoints wanted;
    struct checker checker;
    struct loop_event timer;
    struct pool_job job; /* reads the texts */
    int read_rc;
    int64_t began_ms;
    bool again;     /* asked for meanwhile: when this one is over */
    bool has_ended; /* no more of them */
};

/* Borrows all. */
void alone_init(struct alone *a, const struct alone_calls *calls, struct worker *w,
                struct modules *modules, struct reign *reign);
/* Begins a reload, or notes that another is to follow. */
void alone_reload(struct alone *a);
/* A thread is at work for it, which an end does not wait for. */
bool alone_is_reading(const struct alone *a);
/* For good: what goes on is abandoned, and the sockets accept no more. Before the reign's end; once
   more is harmless. */
void alone_end(struct alone *a);
/* The same sockets under descriptors of their own. 0; -1 when there are none left: none is open
   then. */
int alone_copy(const struct endpoints *from, struct endpoints *to);

#endif
