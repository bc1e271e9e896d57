/* SPDX-License-Identifier: MIT
   The public calls that suspend a request (module.h section 9). */
#include "look.h"
#include "must.h"
#include "wait.h"

#include <stdlib.h>

enum mpx_rc mpx_sleep(struct mpx_req *r, int64_t ms, mpx_resume_fn fn, void *state)
{
    return wait_sleep(r, ms, fn, state);
}

enum mpx_rc mpx_wait_fd(struct mpx_req *r, int fd, short events, int64_t ms, mpx_resume_fn fn,
                        void *state)
{
    return wait_fd(r, fd, events, ms, fn, state);
}

enum mpx_rc mpx_wait_drain(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    return wait_drain(r, fn, state);
}

enum mpx_rc mpx_wait_ticket(struct mpx_req *r, struct mpx_ticket **out, int64_t ms,
                            mpx_resume_fn fn, void *state)
{
    return wait_ticket(r, out, ms, fn, state);
}

bool mpx_wake(struct mpx_ticket *t)
{
    return wait_wake(t);
}

bool mpx_wait_expired(const struct mpx_req *r)
{
    return r->wait.expired;
}

struct mpx_watch *mpx_req_watch(struct mpx_req *r, int fd, short events, mpx_resume_fn fn,
                                void *state)
{
    return wait_watch(r, fd, events, fn, state);
}

struct mpx_watch *mpx_conf_watch(struct mpx_conf *c, int fd, short events,
                                 void (*fn)(int fd, short events, void *arg), void *arg)
{
    if (c->g->worker == NULL)
        return NULL;
    return wait_watch_own(c->g->worker, c, fd, events, fn, arg, &c->g->watches);
}

void mpx_watch_want(struct mpx_watch *w, short events)
{
    wait_want(w, events);
}

void mpx_watch_end(struct mpx_watch *w)
{
    wait_end_watch(w);
}

enum mpx_rc mpx_read_body(struct mpx_req *r, size_t max, mpx_resume_fn fn, void *state)
{
    return body_read(r, max, fn, state);
}

struct mpx_str mpx_req_body(const struct mpx_req *r)
{
    return body_view(r);
}

int mpx_body_fd(const struct mpx_req *r)
{
    return body_fd(r);
}

enum mpx_rc mpx_body_next(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    return body_next(r, fn, state);
}

bool mpx_body_part(const struct mpx_req *r, struct mpx_str *part)
{
    return body_part(r, part);
}

enum mpx_rc mpx_open(struct mpx_req *r, struct mpx_str rel, unsigned flags, mpx_resume_fn fn,
                     void *state)
{
    return wait_open(r, rel, flags, fn, state);
}

enum mpx_rc mpx_open_path(struct mpx_req *r, struct mpx_str path, unsigned flags, mpx_resume_fn fn,
                          void *state)
{
    return wait_open_path(r, path, flags, fn, state);
}

int mpx_file_look(const struct mpx_file *dir, const char *name, unsigned flags, struct stat *entry,
                  struct stat *found)
{
    return look_up(dir, name, flags, entry, found);
}

int mpx_open_result(const struct mpx_req *r, struct mpx_file **file)
{
    *file = r->open_file;
    return r->open_rc;
}

enum mpx_rc mpx_offload(struct mpx_req *r, void (*work)(void *arg), void *arg, mpx_resume_fn fn,
                        void *state)
{
    return wait_offload(r, work, arg, fn, state);
}

enum mpx_rc mpx_spawn(struct mpx_req *r, const struct mpx_program *s, mpx_resume_fn done,
                      void *state)
{
    return wait_spawn(r, s, done, state);
}

enum mpx_rc mpx_fork(struct mpx_req *r, int (*run)(int out, void *arg), void *arg, size_t max,
                     int64_t timeout_ms, mpx_resume_fn done, void *state)
{
    return wait_fork(r, run, arg, max, timeout_ms, done, state);
}

enum mpx_rc mpx_spawn_go_on(struct mpx_req *r)
{
    return wait_program_go_on(r);
}

int mpx_spawn_status(const struct mpx_req *r, int *status)
{
    *status = r->run_status;
    return r->run_rc;
}

struct mpx_str mpx_fork_result(const struct mpx_req *r)
{
    return r->run_result;
}

enum mpx_rc mpx_client_name(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    return wait_name(r, fn, state);
}

int mpx_client_name_result(const struct mpx_req *r, struct mpx_str *name)
{
    *name = r->client_name;
    return r->client_name_rc;
}

/* Work of a module's own. The configuration lives until it is done. */
struct background {
    struct pool_job job;
    struct generation *g;
    const struct mpx_conf *conf;
    void (*work)(void *arg);
    void (*done)(void *arg);
    void *arg;
};

static void background_work(void *arg)
{
    struct background *b = arg;

    b->work(b->arg);
}

static void background_done(void *arg)
{
    struct background *b = arg;
    struct worker *w = b->g->worker;

    if (b->done != NULL) {
        blame_set(w->blame, b->conf->module->index, BLAME_CALLBACK, b->conf->host);
        b->done(b->arg);
        blame_clear(w->blame);
    }
    b->g->uses--;
    free(b);
}

int mpx_background(struct mpx_conf *c, void (*work)(void *arg), void *arg, void (*done)(void *arg))
{
    struct background *b;

    if (c->g->worker == NULL)
        return -1;
    b = must_calloc(sizeof(*b));
    *b = (struct background){ .g = c->g, .conf = c, .work = work, .done = done, .arg = arg };
    b->job.by.at = blame_at(c->module->index, BLAME_THREAD, c->host);
    b->job.work = background_work;
    b->job.done = background_done;
    b->job.arg = b;
    if (pool_submit(c->g->worker->pool, &b->job) < 0) {
        free(b);
        return -1;
    }
    c->g->uses++;
    return 0;
}
