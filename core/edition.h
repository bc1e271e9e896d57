/* SPDX-License-Identifier: MIT
   A generation in a worker, with the texts and the logs that belong to it: prepared beside the one
   in force while the loop goes on serving, and taken apart again when nothing uses it any more.
   Whether it comes into force, and when, others decide. */
#ifndef EDITION_H
#define EDITION_H
#include "launch.h"
#include "logging.h"
#include "worker.h"

struct edition {
    struct link link; /* for whoever keeps several */
    struct worker *w;
    struct modules *modules;
    struct launch *launch; /* its texts */
    bool owns_launch;
    struct generation g;
    struct problems problems; /* why it cannot be had */
    struct logging logs;
    struct generation_request request;
    struct pool_job job;
    struct loop_event event;
    bool is_reading, is_given_up, is_closing;
    void (*done)(struct edition *e, void *arg);
    void *arg;
};

/* Borrows w, modules and launch; with owns_launch it takes that, which is on the heap. */
struct edition *edition_create(struct worker *w, struct modules *modules, struct launch *launch,
                               bool owns_launch);
/* How private texts are had: see generation.h. Before it is made. */
void edition_set_reader(struct edition *e,
                        int (*read_private)(void *arg, const char *path, struct mpx_arena *a,
                                            struct mpx_str *text),
                        void *arg);
/* Reads, builds and checks all of it at once, before a worker serves; it is opened apart from that,
   when there is a worker to open it in. 0, or -1: see the problems. */
int edition_build(struct edition *e);
/* From here on its log is that of the process. */
int edition_open(struct edition *e);
/* The same on the loop of a worker that serves: the texts are read on a thread, the rest is done a
   few milliseconds at a time. Then done() is called: with problems it did not come to be. */
void edition_prepare(struct edition *e, void (*done)(struct edition *e, void *arg), void *arg);
/* One that is being prepared goes no further; done() is not called. It is to be retired. */
void edition_give_up(struct edition *e);
/* Requests, threads and others that still need it. */
unsigned edition_uses(const struct edition *e);
/* Closes and frees it a few milliseconds at a time; nothing may use it any more. It is in its list
   until it is gone. */
void edition_retire(struct edition *e);
/* The same at once: the loop has come to its end. */
void edition_destroy(struct edition *e);

#endif
