/* SPDX-License-Identifier: MIT
   What the requests of one process share: the loop and its helpers, the clock, recycled memory, the
   configuration in force. Floor 4 makes it; floor 3 uses it. */
#ifndef WORKER_H
#define WORKER_H
#include "date.h"
#include "file.h"
#include "generation.h"
#include "list.h"
#include "loop.h"
#include "page.h"
#include "pool.h"
#include "resolver.h"
#include "sink.h"
#include "turn.h"

enum { WORKER_INPUT = 64 << 10, WORKER_READ = 64 << 10 };

struct mpx_req;

struct worker {
    struct loop *loop;
    struct pool *pool;
    struct files *files;
    struct sinks *sinks;
    struct resolver *resolver;
    struct blame *blame;
    struct turn turn;
    struct generation *generation; /* for new requests */
    struct arena_pool arenas;
    struct pages pages;
    int64_t now_ms; /* monotonic, of this turn */
    time_t now;     /* the calendar's */
    char date[DATE_HTTP];
    time_t iso_second, local_second; /* when these were made: once a second, if somebody asks */
    char iso[DATE_ISO], local[DATE_LOG];
    uint64_t next_id;
    struct list programs; /* that live: program.h */
    struct list ready;    /* requests that go on at the end of this turn */
    struct list deferred; /* ... in the next one: they had more than their share of this */
    struct loop_event ready_event, deferred_event;
    bool going_on;                    /* these are running */
    void (*go_on)(struct mpx_req *r); /* runs one of them; set by phase.c */
    struct spare {
        struct spare *next;         /* the first member of a protocol's session */
    } * spares;                     /* sessions of connections that fell idle, on the heap */
    struct kept *kept;              /* blocks of mpx_keep */
    int64_t warned_ms;              /* when an error page was last found missing; 0: never */
    unsigned conn_count, conn_peak; /* now; the most since memory was given back */
    int64_t given_back_ms;
    struct list listeners; /* by listener.link */
    unsigned descriptors;  /* there may be so many */
    int reserve;           /* a descriptor to give up when there is no other; -1: none */
    int64_t lost_ms;       /* when lost lines of logs were last told; 0: never */
    struct {
        int64_t warned_ms;
        unsigned closed, refused; /* idle connections, clients: since the last warning */
    } overload;
    bool stopping; /* no new requests: answers say "close" */
    /* a file for mpx_sink_open, opened with the daemon's rights: a descriptor, or -errno */
    int (*open_log)(void *arg, const char *path);
    void *open_log_arg;
    char input[WORKER_INPUT]; /* what was just received, of any connection */
    char read[WORKER_READ];   /* what was just read, of a file that is filtered */
};
/* Makes all but the configuration; 0, or -1 when something is missing (logged). */
int worker_init(struct worker *w, const struct settings *s, struct blame *blame);
void worker_finish(struct worker *w);
/* now_ms, every turn; what runs in it before the first call is not accounted for */
void worker_update_clock(struct worker *w);
/* Every second: now and date; after a rush of connections, what was kept for it is freed. */
void worker_tick(struct worker *w);

#endif
