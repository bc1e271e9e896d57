/* SPDX-License-Identifier: MIT
   Threads for work that may block. What is submitted runs there; what it came to is told on the
   loop. The threads know nothing of requests: a job is a function and its argument. */
#ifndef POOL_H
#define POOL_H
#include "blame.h"
#include "list.h"
#include "loop.h"

struct pool;

struct pool_job { /* memory of the submitter, until done() runs or the job is cancelled */
    struct link link;
    void (*work)(void *arg); /* on a thread */
    void (*done)(void *arg); /* afterwards on the loop */
    void *arg;
    struct blame_work by;                                /* whose work it is; zeroed: core's own */
    enum { POOL_IDLE, POOL_QUEUED, POOL_RUNNING } state; /* under the pool's lock */
};

/* Threads start with the first job. NULL, logged, when there is no descriptor left. */
struct pool *pool_create(struct loop *l, unsigned threads, unsigned queue);
/* Each thread has a slot of its own there, from the second on; borrows it. Before any job. */
void pool_set_blame(struct pool *p, struct blame *b);
/* Waits for what runs; what is queued is dropped, done() is called for none. */
void pool_destroy(struct pool *p);
/* 0, or -1 when the queue is full or no thread can be had. */
int pool_submit(struct pool *p, struct pool_job *job);
/* True when the job had not begun: it never will. False: it runs, or done() is about to be
   called. */
bool pool_cancel(struct pool *p, struct pool_job *job);

#endif
