/* SPDX-License-Identifier: MIT
   The workers as their supervisor sees them: a slot for each, in which one is started, listened to,
   given opened logs, and replaced when it has ended, with a back-off where they end at once. What a
   slot is told of another configuration is decided in reload.c. */
#ifndef CREW_H
#define CREW_H
#include "broker.h"
#include "endpoint.h"
#include "launch.h"
#include "quarantine.h"
#include "watchdog.h"

enum { CREW_MAX = SETTINGS_WORKERS_MAX };

enum slot_state {
    SLOT_EMPTY,  /* no worker */
    SLOT_STARTS, /* makes its first generation */
    SLOT_SERVES,
    SLOT_PREPARES, /* serves, and makes another generation beside it */
    SLOT_PREPARED, /* ... has made it: to be told what becomes of it */
    SLOT_REFUSED,  /* ... cannot make it: goes on with what it has */
    SLOT_COMMITS   /* was told to use it */
};
struct slot {
    size_t number;
    enum slot_state state;
    pid_t pid; /* 0: none */
    struct broker broker;
    struct problems problems; /* what this worker tells of why it cannot serve, or prepare */
    struct blame *blame;
    struct watchdog watchdog;
    int64_t stalled_ms; /* for so long its loop had not turned when it was killed; 0: it was not */
    int64_t born_ms;
    int64_t next_ms; /* when a dead one is replaced; 0: none is waited for */
    int64_t back_off_ms;
    bool reopening;   /* it is still to have some of the logs that were opened again */
    size_t reopen_at; /* from which grant on */
};
struct crew {
    struct slot slots[CREW_MAX];
    size_t count;
    struct launch *launch;             /* what a new worker gets; borrowed, may be exchanged */
    const struct endpoints *endpoints; /* the same */
    void (*ready)(void *arg);          /* called once, when all serve for the first time */
    void *arg;
    bool inherits; /* workers of an image before serve: a start that fails is tried again */
    bool was_ready, stopping;
    struct buffer said; /* why the last one could not start, as it was logged */
    struct quarantine quarantine;
    bool list_changed; /* of who is in it: workers that serve have another one */
};

void crew_init(struct crew *c, size_t count); /* count up to CREW_MAX */
void crew_finish(struct crew *c);             /* all have ended */
void crew_start(struct crew *c);              /* all */
bool crew_lives(const struct crew *c);        /* is there a worker, or one to be started? */
/* The slot of a process, NULL when it is none of ours. */
struct slot *crew_slot(struct crew *c, pid_t pid);
/* Says why a worker has ended, and when the next one starts. Before all have served for the first
   time there is none: the start has failed, and the others are told to stop. */
void crew_on_end(struct crew *c, struct slot *s, int status);
/* Its channel can be read or written (events as poll(2) has them). */
void crew_on_events(struct crew *c, struct slot *s, short events);
short crew_wants(const struct slot *s); /* ... and what to wait for */
/* Whether the loop of every worker that serves turns. */
bool crew_turns(const struct crew *c);
/* Other rules for who is in quarantine, from the launch. */
void crew_set_rules(struct crew *c);
/* Starts what is due, kills what stalls; when it is to be called next is brought into *due, 0
   meaning never. */
void crew_by_the_clock(struct crew *c, int64_t now, int64_t *due);
/* An empty slot is filled at once, whatever the back-off was. */
void crew_retry(struct crew *c);
/* Whether one makes its first generation, or is about to; not one that a back-off holds. */
bool crew_starts(const struct crew *c, int64_t now);
void crew_signal(struct crew *c, int number);
/* Logs were rotated: all that serve are handed theirs anew, by crew_hand_logs. */
void crew_reopen(struct crew *c);
/* As many logs as the channels take now. */
void crew_hand_logs(struct crew *c);

/* Tells a worker that serves of another configuration: it becomes one that prepares. 0; -1 when its
   channel is not free, try again later. Borrows l until the worker has answered. */
int crew_prepare(const struct crew *c, struct slot *s, struct launch *l, const struct endpoints *e);
/* None prepares or is to be decided on any more: only c->launch is looked at from here on. */
void crew_rest(struct crew *c);
/* Tells one that has prepared what becomes of that. */
void crew_decide(struct slot *s, bool commit);

/* Brings a moment into *due: the earlier of both; 0 is never. */
void crew_due(int64_t *due, int64_t when);

#endif
