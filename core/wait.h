/* SPDX-License-Identifier: MIT
   What a suspended request waits for: begun by a helper, made ready by an event, cancelled when the
   client leaves. One wait at a time, watches beside it. It does not run hooks: see phase.h. */
#ifndef WAIT_H
#define WAIT_H
#include "req.h"

struct mpx_watch {
    struct link link;
    struct worker *w;
    struct loop_event event;
    int fd;
    struct mpx_req *r; /* of a request ... */
    mpx_resume_fn resume;
    bool fired;                  /* resume is due */
    const struct mpx_conf *conf; /* ... or of a module's own */
    void (*fn)(int fd, short events, void *arg);
    void *arg;
};

/* Each begins a wait, or says in the log why not, and answers what the module is to return. */
enum mpx_rc wait_sleep(struct mpx_req *r, int64_t ms, mpx_resume_fn fn, void *state);
enum mpx_rc wait_fd(struct mpx_req *r, int fd, short events, int64_t ms, mpx_resume_fn fn,
                    void *state);
enum mpx_rc wait_drain(struct mpx_req *r, mpx_resume_fn fn, void *state);
enum mpx_rc wait_ticket(struct mpx_req *r, struct mpx_ticket **out, int64_t ms, mpx_resume_fn fn,
                        void *state);
enum mpx_rc wait_open(struct mpx_req *r, struct mpx_str rel, unsigned flags, mpx_resume_fn fn,
                      void *state);
enum mpx_rc wait_open_path(struct mpx_req *r, struct mpx_str path, unsigned flags, mpx_resume_fn fn,
                           void *state);
enum mpx_rc wait_offload(struct mpx_req *r, void (*work)(void *arg), void *arg, mpx_resume_fn fn,
                         void *state);
enum mpx_rc wait_spawn(struct mpx_req *r, const struct mpx_program *s, mpx_resume_fn done,
                       void *state);
enum mpx_rc wait_fork(struct mpx_req *r, int (*child)(int out, void *arg), void *arg, size_t max,
                      int64_t timeout_ms, mpx_resume_fn done, void *state);
enum mpx_rc wait_program_go_on(struct mpx_req *r); /* mpx_spawn_go_on */
enum mpx_rc wait_name(struct mpx_req *r, mpx_resume_fn fn, void *state);
bool wait_wake(struct mpx_ticket *t);
struct mpx_watch *wait_watch(struct mpx_req *r, int fd, short events, mpx_resume_fn fn,
                             void *state);
/* A watch beside all requests, in the owner's list until wait_end_watch. */
struct mpx_watch *wait_watch_own(struct worker *w, const struct mpx_conf *conf, int fd,
                                 short events, void (*fn)(int fd, short events, void *arg),
                                 void *arg, struct list *owner);
void wait_want(struct mpx_watch *w, short events);
void wait_end_watch(struct mpx_watch *w);
void wait_end_conf_watches(struct generation *g); /* all of its modules' own */

/* The end of a wait, from outside: body complete, response drained. Harmless for other kinds. */
void wait_ready(struct mpx_req *r, enum wait_kind kind);
/* The same, and the request goes on here and now: it must not be running. */
void wait_go_on(struct mpx_req *r, enum wait_kind kind);
/* Ends a wait that is over or in the way, without a call to fn. */
void wait_cancel(struct mpx_req *r);
void wait_end_watches(struct mpx_req *r);
static inline bool wait_is_armed(const struct mpx_req *r)
{
    return r->wait.kind != WAIT_NONE || !list_is_empty(&r->watches);
}
/* Lets the request go on at the end of this turn, not from here; or in the next turn. */
void wait_later(struct mpx_req *r);
void wait_next_turn(struct mpx_req *r);

/* ---- for those who make a kind of wait */
/* Begins one; NULL, and logged, when one is under way or the request is no longer suspendable. */
struct wait *wait_begin(struct mpx_req *r, enum wait_kind kind, mpx_resume_fn fn, void *state);
void wait_cancel_name(struct mpx_req *r); /* it is not told any more */
void wait_cancel_job(struct mpx_req *r);  /* the thread's work, if any, is for nobody */
/* A watch of no descriptor: fn runs after each wait_ring. */
struct mpx_watch *wait_bell(struct mpx_req *r, mpx_resume_fn fn, void *state);
void wait_ring(struct mpx_watch *k);
void wait_program_drained(struct mpx_req *r); /* there is room for more of its output */
void wait_end_program(struct mpx_req *r);     /* none serves the request any more */

#endif
