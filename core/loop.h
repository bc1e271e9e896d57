/* SPDX-License-Identifier: MIT
   The event loop: readiness of descriptors, timers, signals. The only file that knows libevent.
   Everything here belongs to the thread that runs the loop. */
#ifndef LOOP_H
#define LOOP_H
#include <stdbool.h>
#include <stdint.h>

struct loop;

/* What is waited for and what has happened. */
enum {
    LOOP_TIMEOUT = 0x01,
    LOOP_READ = 0x02,
    LOOP_WRITE = 0x04,
    LOOP_SIGNAL = 0x08,
    LOOP_REPEAT = 0x10, /* stays until loop_end; without it one event ends it */
    LOOP_EDGE = 0x20,   /* tells of changes only */
    LOOP_CLOSED = 0x80  /* the other side has closed its half */
};
typedef void (*loop_fn)(int fd, short what, void *arg);

/* Memory for one thing waited for, inside its owner. Zeroed means "not waiting". */
struct loop_event {
    _Alignas(16) char opaque[128];
};

struct loop *loop_create(void); /* NULL, logged, when the kernel refuses */
void loop_destroy(struct loop *l);
void loop_run(struct loop *l); /* until loop_stop */
/* Calls fn at the end of every turn: whenever what was ready has been done, before it waits. */
void loop_on_turn(struct loop *l, void (*fn)(void *arg), void *arg);
void loop_stop(struct loop *l);
void loop_turn(struct loop *l, bool wait); /* what is ready now, or the next thing to happen */

/* Starts waiting; ms is a time-out (or the period of a timer that repeats), 0 for none. 0, or -1
   with the cause logged. The event must be zeroed or ended. */
int loop_watch(struct loop *l, struct loop_event *ev, int fd, short what, int64_t ms, loop_fn fn,
               void *arg);
int loop_timer(struct loop *l, struct loop_event *ev, int64_t ms, short repeat, loop_fn fn,
               void *arg);
/* Calls fn in this turn, after what is running now; again while it waits is harmless. */
int loop_soon(struct loop *l, struct loop_event *ev, loop_fn fn, void *arg);
int loop_signal(struct loop *l, struct loop_event *ev, int number, loop_fn fn, void *arg);
/* Stops waiting; harmless when nothing is waited for. The event is zeroed again. */
void loop_end(struct loop_event *ev);
bool loop_is_waiting(const struct loop_event *ev);

/* For resolver.c alone, whose library works on the same loop. */
struct event_base;
struct event_base *loop_base(const struct loop *l);

const char *loop_version(void); /* "libevent 2.1.12-stable" */

#endif
