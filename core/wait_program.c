/* SPDX-License-Identifier: MIT
   The waits of wait.h that a child process works for: how it begins, its time, its end. */
#include "wait_program.h"
#include "must.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>

/* What a module asked to be told of the end, beyond the request. */
struct farewell {
    struct generation *g;
    const struct mpx_conf *conf;
    void (*fn)(void *arg);
    void *arg;
};

static void on_gone(void *arg)
{
    struct farewell *f = arg;
    struct generation *g = f->g;

    if (f->fn != NULL) {
        blame_set(g->worker->blame, f->conf->module->index, BLAME_CALLBACK, f->conf->host);
        f->fn(f->arg);
        blame_clear(g->worker->blame);
    }
    free(f);
    g->uses--;
}

static void on_exited(void *owner)
{
    struct run *run = owner;

    wait_ring(run->bell);
}

/* ---- the end */

static void end_watches(struct run *run)
{
    run_end_watch(&run->in);
    run_end_watch(&run->out);
    run_end_watch(&run->err);
    run_end_watch(&run->bell);
    loop_end(&run->timer);
}

static void release(struct run *run)
{
    struct program *p = run->program;

    run->program = NULL;
    if (p != NULL)
        program_release(p);
}

/* The watches of the request are ended by whoever calls. */
void wait_end_program(struct mpx_req *r)
{
    struct run *run = r->run;

    if (run == NULL)
        return;
    r->run = NULL;
    run->in = run->out = run->err = run->bell = NULL;
    loop_end(&run->timer);
    buffer_finish(&run->result);
    if (run->starting && !pool_cancel(r->w->pool, &run->job)) {
        run->abandoned = true;
        return;
    }
    if (run->starting)
        r->holds--;
    release(run);
}

/* ---- how it ends for the request, which runs */

enum mpx_rc run_finish(struct mpx_req *r, struct run *run, int rc)
{
    run_read_last_words(r, run);
    r->run = NULL;
    r->run_rc = rc;
    if (run->program != NULL && run->program->exited)
        r->run_status = run->program->status;
    end_watches(run);
    if (r->wait.kind == WAIT_BODY)
        wait_cancel(r);
    release(run);
    if (run->child != NULL && run->result.n > 0 && rc != -EFBIG)
        r->run_result = arena_copy(&r->arena, buffer_str(&run->result));
    buffer_finish(&run->result);
    return run->done(r, r->caller->data, run->state);
}

/* It is over when it has exited and its output has ended. */
enum mpx_rc run_go_on(struct mpx_req *r, struct run *run)
{
    if (run->program->exited && run->program->out < 0)
        return run_finish(r, run, 0);
    return MPX_WAIT;
}

/* ---- time */

/* Since when it has nobody to blame but itself. */
static int64_t silent_since(const struct run *run, int64_t now)
{
    bool has_read_all = run->r->wait.kind == WAIT_BODY; /* its client is slow to send */

    return run->is_paused || run->is_held || has_read_all ? now : run->active_ms;
}

/* Milliseconds that are left; 0: over; INT64_MAX: there is no limit. */
static int64_t time_left(const struct run *run)
{
    int64_t now = run->r->w->now_ms, end = INT64_MAX, quiet = INT64_MAX;

    if (run->spec.timeout_ms > 0)
        end = run->started_ms + run->spec.timeout_ms;
    if (run->spec.silence_ms > 0)
        quiet = silent_since(run, now) + run->spec.silence_ms;
    if (quiet < end)
        end = quiet;
    return end == INT64_MAX ? end : end > now ? end - now : 0;
}

static void begin_timer(struct run *run);

static void on_timer(int fd, short what, void *arg)
{
    struct run *run = arg;

    (void)fd;
    (void)what;
    worker_update_clock(run->r->w);
    loop_end(&run->timer);
    if (time_left(run) > 0)
        begin_timer(run);
    else
        wait_ring(run->bell);
}

static void begin_timer(struct run *run)
{
    int64_t left = time_left(run);

    if (left < INT64_MAX)
        (void)loop_timer(run->r->w->loop, &run->timer, left, 0, on_timer, run);
}

/* It has exited, or its time is over, perhaps after that: somebody else holds its output open. */
static enum mpx_rc on_bell(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;
    bool is_complete = run->program->exited && run->program->out < 0;

    (void)conf;
    if (!is_complete && time_left(run) == 0)
        return run_finish(r, run, -ETIMEDOUT);
    return run_go_on(r, run);
}

/* ---- the beginning */

static enum mpx_rc serve(struct mpx_req *r, struct run *run)
{
    run->started_ms = run->active_ms = r->w->now_ms;
    run->bell = wait_bell(r, on_bell, run);
    if (run->bell == NULL || run_watch_pipes(r, run) < 0)
        return run_finish(r, run, -ENOMEM);
    begin_timer(run);
    if (run->program->exited)
        wait_ring(run->bell);
    return run_feed(r, run);
}

static enum mpx_rc on_started(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;

    (void)conf;
    if (run->rc < 0)
        return run_finish(r, run, run->rc);
    return serve(r, run);
}

static void start_work(void *arg)
{
    struct run *run = arg;
    const struct mpx_program *s = &run->spec;
    const struct program_start how = { .path = s->path,
                                       .file = s->file != NULL ? s->file->fd : -1,
                                       .argv = s->argv,
                                       .envp = s->envp,
                                       .cwd = s->cwd,
                                       .limits = s->limits,
                                       .limit_count = s->limit_count,
                                       .has_stdin = s->body_to_stdin };

    run->rc = program_start(run->program, &how);
}

/* The thread has started it, or could not. */
static void start_done(void *arg)
{
    struct run *run = arg;
    struct mpx_req *r = run->r;

    worker_update_clock(r->w);
    run->starting = false;
    r->holds--;
    if (run->rc == 0)
        program_watch(run->program, r->w->loop, &r->w->programs);
    if (!run->abandoned) {
        wait_ready(r, WAIT_PROGRAM);
        return;
    }
    release(run);
    if (r->gone && r->holds == 0)
        req_destroy(r);
}

static struct run *run_create(struct mpx_req *r, mpx_resume_fn done, void *state)
{
    struct run *run = arena_zero(&r->arena, sizeof(*run));
    struct program *p = program_create();

    run->r = r;
    run->done = done;
    run->state = state;
    run->program = p;
    p->on_exit = on_exited;
    p->owner = run;
    return run;
}

static void say_farewell(struct mpx_req *r, struct run *run)
{
    struct farewell *f = must_alloc(sizeof(*f));

    *f = (struct farewell){
        .g = r->g, .conf = r->caller, .fn = run->spec.on_gone, .arg = run->spec.gone_arg
    };
    r->g->uses++;
    run->program->on_gone = on_gone;
    run->program->gone_arg = f;
}

/* Whether it can be waited for; logged where not. */
static struct run *begin(struct mpx_req *r, mpx_resume_fn done, void *state)
{
    if (r->run != NULL) {
        req_log(r, MPX_ERROR, "began a program while another one serves this request");
        return NULL;
    }
    struct run *run = run_create(r, done, state);
    if (wait_begin(r, WAIT_PROGRAM, on_started, run) == NULL) {
        program_release(run->program);
        return NULL;
    }
    r->run = run;
    r->run_is_new = true;
    r->run_rc = -EINPROGRESS;
    r->run_status = 0;
    r->run_result = (struct mpx_str){ "", 0 };
    return run;
}

/* Whoever counts programs counts this one out. */
static enum mpx_rc refuse(const struct mpx_program *s)
{
    if (s->size >= sizeof(*s) && s->on_gone != NULL)
        s->on_gone(s->gone_arg);
    return MPX_FAIL;
}

enum mpx_rc wait_spawn(struct mpx_req *r, const struct mpx_program *s, mpx_resume_fn done,
                       void *state)
{
    if (s->size < sizeof(*s) || s->path == NULL || s->path[0] != '/' || s->argv == NULL ||
        s->envp == NULL) {
        req_log(r, MPX_ERROR, "mpx_spawn: size, an absolute path, argv and envp must be set");
        return refuse(s);
    }
    struct run *run = begin(r, done, state);
    if (run == NULL)
        return refuse(s);
    run->spec = *s;
    run->spec.body_to_stdin = s->body_to_stdin && r->content_length != 0;
    say_farewell(r, run);
    run->job = (struct pool_job){ .work = start_work, .done = start_done, .arg = run };
    if (pool_submit(r->w->pool, &run->job) < 0) {
        wait_cancel(r);
        wait_end_program(r);
        req_log(r, MPX_WARN, "the queue of the thread pool is full: answered 503");
        r->fail_status = 503;
        return MPX_FAIL;
    }
    run->starting = true;
    r->holds++;
    return MPX_WAIT;
}

enum mpx_rc wait_fork(struct mpx_req *r, int (*child)(int out, void *arg), void *arg, size_t max,
                      int64_t timeout_ms, mpx_resume_fn done, void *state)
{
    struct run *run = begin(r, done, state);

    if (run == NULL)
        return MPX_FAIL;
    run->spec.timeout_ms = timeout_ms;
    run->child = child;
    run->arg = arg;
    run->most = max;
    buffer_init(&run->result, max);
    say_farewell(r, run);
    run->rc = program_fork(run->program, child, arg);
    if (run->rc == 0)
        program_watch(run->program, r->w->loop, &r->w->programs);
    wait_ready(r, WAIT_PROGRAM);
    return MPX_WAIT;
}
