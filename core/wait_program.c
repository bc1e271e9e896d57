/* SPDX-License-Identifier: MIT
   The waits of wait.h that a child process works for: its pipes are served while it runs, the
   request's body goes in and its output comes out at the same time, each at the other's pace. */
#include "must.h"
#include "program.h"
#include "str.h"
#include "wait.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 1024,
    WRITE_MAX = 64 << 10,     /* bytes for its standard input in one call */
    LAST_WORDS_MAX = 64 << 10 /* bytes that are still read of stderr when it is over */
};

/* A child process of a request, in the request's arena. */
struct run {
    struct mpx_req *r;
    struct mpx_spawn spec;
    struct program *program; /* NULL: released */
    mpx_resume_fn done;
    void *state;
    struct pool_job job;
    bool starting, abandoned; /* a thread starts it; and nobody waits for that any more */
    struct mpx_watch *in, *out, *err, *bell;
    struct loop_event timer;
    int64_t started_ms, active_ms; /* when it began; when it last did something */
    size_t part_at;                /* bytes of the present part of the body that it took */
    bool is_paused;                /* its output waits for the client */
    int rc;
    char line[LINE_MAX_BYTES]; /* of stderr, as far as it has come */
    size_t line_n;
    int (*child)(int out, void *arg); /* of a fork */
    void *arg;
    size_t most;
    struct buffer result;
};

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
        blame_set(g->worker->blame, f->conf->module->index, BLAME_CALLBACK);
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

static void end_watch(struct mpx_watch **k)
{
    if (*k != NULL)
        wait_end_watch(*k);
    *k = NULL;
}

static void end_watches(struct run *run)
{
    end_watch(&run->in);
    end_watch(&run->out);
    end_watch(&run->err);
    end_watch(&run->bell);
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

/* ---- standard error */

static void tell_line(struct mpx_req *r, struct run *run)
{
    struct mpx_str line = { run->line, run->line_n };

    run->line_n = 0;
    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    if (run->spec.on_stderr != NULL)
        run->spec.on_stderr(r, line, run->state);
    else if (line.n > 0)
        req_log(r, MPX_WARN, "%.*s", STR_ARGS(line));
}

static void tell_lines(struct mpx_req *r, struct run *run, struct mpx_str text)
{
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '\n') {
            tell_line(r, run);
            continue;
        }
        if (run->line_n == sizeof(run->line))
            tell_line(r, run);
        run->line[run->line_n++] = text.p[i];
    }
}

/* How many bytes there were; 0 at its end, -1 when there is nothing at present. */
static ssize_t read_pipe(struct worker *w, int fd)
{
    ssize_t n;

    while ((n = read(fd, w->read, sizeof(w->read))) < 0 && errno == EINTR)
        ;
    return n < 0 && errno != EAGAIN ? 0 : n;
}

static void read_last_words(struct mpx_req *r, struct run *run)
{
    size_t all = 0;
    ssize_t n;

    if (run->program == NULL)
        return;
    while (run->program->err >= 0 && all < LAST_WORDS_MAX &&
           (n = read_pipe(r->w, run->program->err)) > 0) {
        tell_lines(r, run, (struct mpx_str){ r->w->read, (size_t)n });
        all += (size_t)n;
    }
    if (run->line_n > 0)
        tell_line(r, run);
}

/* ---- how it ends for the request, which runs */

static enum mpx_rc finish(struct mpx_req *r, struct run *run, int rc)
{
    read_last_words(r, run);
    r->run = NULL;
    r->run_rc = rc;
    if (run->program != NULL && run->program->exited)
        r->run_status = run->program->status;
    end_watches(run);
    if (r->wait.kind == WAIT_BODY)
        wait_cancel(r);
    release(run);
    if (run->child != NULL && run->result.n > 0)
        r->run_result = arena_copy(&r->arena, buffer_str(&run->result));
    buffer_finish(&run->result);
    return run->done(r, r->caller->data, run->state);
}

/* It is over when it has exited and its output has ended. */
static enum mpx_rc go_on(struct mpx_req *r, struct run *run)
{
    if (run->program->exited && run->program->out < 0)
        return finish(r, run, 0);
    return MPX_WAIT;
}

/* ---- standard output */

static int collect(struct run *run, struct mpx_str part)
{
    if (part.n <= run->most - run->result.n && buffer_add(&run->result, part) == 0)
        return 0;
    run->rc = -EFBIG;
    return -1;
}

static int pass_on(struct mpx_req *r, struct run *run, struct mpx_str part)
{
    run->rc = -ECANCELED;
    if (run->child != NULL)
        return collect(run, part);
    return run->spec.on_stdout != NULL ? run->spec.on_stdout(r, part, run->state) : 0;
}

static enum mpx_rc on_output(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;
    ssize_t n = read_pipe(r->w, run->program->out);

    (void)conf;
    if (n < 0)
        return MPX_WAIT;
    run->active_ms = r->w->now_ms;
    if (n == 0) {
        end_watch(&run->out);
        program_close(&run->program->out);
        return go_on(r, run);
    }
    if (pass_on(r, run, (struct mpx_str){ r->w->read, (size_t)n }) < 0)
        return finish(r, run, run->rc);
    if (r->res.waiting > RES_MARK) {
        run->is_paused = true;
        wait_want(run->out, 0);
    }
    return MPX_WAIT;
}

void wait_program_drained(struct mpx_req *r)
{
    struct run *run = r->run;

    if (run == NULL || !run->is_paused)
        return;
    run->is_paused = false;
    run->active_ms = r->w->now_ms;
    wait_want(run->out, POLLIN);
}

static enum mpx_rc on_errors(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;
    ssize_t n = read_pipe(r->w, run->program->err);

    (void)conf;
    if (n == 0) {
        end_watch(&run->err);
        program_close(&run->program->err);
    } else if (n > 0) {
        tell_lines(r, run, (struct mpx_str){ r->w->read, (size_t)n });
    }
    return MPX_WAIT;
}

/* ---- standard input */

static void end_input(struct run *run)
{
    end_watch(&run->in);
    program_close(&run->program->in);
}

static enum mpx_rc on_body(struct mpx_req *r, const void *conf, void *state);

/* Writes what there is of the body. Whoever does not read it (any more) need not. */
static enum mpx_rc feed(struct mpx_req *r, struct run *run)
{
    struct mpx_str part;

    if (!body_part(r, &part)) {
        end_input(run);
        return MPX_WAIT;
    }
    while (run->part_at < part.n) {
        size_t most = part.n - run->part_at;
        ssize_t n = write(run->program->in, part.p + run->part_at,
                          most < WRITE_MAX ? most : WRITE_MAX);

        if (n >= 0) {
            run->part_at += (size_t)n;
            run->active_ms = r->w->now_ms;
        } else if (errno == EAGAIN) {
            wait_want(run->in, POLLOUT);
            return MPX_WAIT;
        } else if (errno != EINTR) {
            end_input(run);
            return MPX_WAIT;
        }
    }
    run->part_at = 0;
    wait_want(run->in, 0);
    return body_next(r, on_body, run);
}

static enum mpx_rc on_body(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;

    (void)conf;
    run->active_ms = r->w->now_ms;
    return feed(r, run);
}

static enum mpx_rc on_input(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return feed(r, state);
}

/* ---- time */

/* Since when it has nobody to blame but itself. */
static int64_t silent_since(const struct run *run, int64_t now)
{
    bool has_read_all = run->r->wait.kind == WAIT_BODY; /* its client is slow to send */

    return run->is_paused || has_read_all ? now : run->active_ms;
}

/* Milliseconds that are left; 0: over; -1: there is no limit. */
static int64_t time_left(const struct run *run)
{
    int64_t now = run->r->w->now_ms, left = -1;

    if (run->spec.timeout_ms > 0)
        left = run->started_ms + run->spec.timeout_ms - now;
    if (run->spec.silence_ms > 0) {
        int64_t quiet = silent_since(run, now) + run->spec.silence_ms - now;

        left = left < 0 && run->spec.timeout_ms <= 0 ? quiet : left < quiet ? left : quiet;
    }
    if (run->spec.timeout_ms <= 0 && run->spec.silence_ms <= 0)
        return -1;
    return left > 0 ? left : 0;
}

static void on_timer(int fd, short what, void *arg)
{
    struct run *run = arg;

    (void)fd;
    (void)what;
    worker_update_clock(run->r->w);
    loop_end(&run->timer);
    int64_t left = time_left(run);
    if (left > 0)
        (void)loop_timer(run->r->w->loop, &run->timer, left, 0, on_timer, run);
    else
        wait_ring(run->bell);
}

static enum mpx_rc on_bell(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;

    (void)conf;
    if (!run->program->exited && time_left(run) == 0)
        return finish(r, run, -ETIMEDOUT);
    if (run->program->exited && run->program->out >= 0 && time_left(run) == 0)
        return finish(r, run, -ETIMEDOUT); /* who holds its output open is not the one we know */
    return go_on(r, run);
}

/* ---- the beginning */

static enum mpx_rc serve(struct mpx_req *r, struct run *run)
{
    struct program *p = run->program;

    run->started_ms = run->active_ms = r->w->now_ms;
    run->bell = wait_bell(r, on_bell, run);
    run->out = wait_watch(r, p->out, POLLIN, on_output, run);
    run->err = wait_watch(r, p->err, POLLIN, on_errors, run);
    if (p->in >= 0)
        run->in = wait_watch(r, p->in, 0, on_input, run);
    if (run->bell == NULL || run->out == NULL || run->err == NULL ||
        (p->in >= 0 && run->in == NULL))
        return finish(r, run, -ENOMEM);
    int64_t left = time_left(run);
    if (left >= 0)
        (void)loop_timer(r->w->loop, &run->timer, left, 0, on_timer, run);
    if (p->exited)
        wait_ring(run->bell);
    if (p->in < 0)
        return MPX_WAIT;
    return body_next(r, on_body, run);
}

static enum mpx_rc on_started(struct mpx_req *r, const void *conf, void *state)
{
    struct run *run = state;

    (void)conf;
    if (run->rc < 0)
        return finish(r, run, run->rc);
    return serve(r, run);
}

static void start_work(void *arg)
{
    struct run *run = arg;
    const struct mpx_spawn *s = &run->spec;
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

    *f = (struct farewell){ .g = r->g,
                            .conf = r->caller,
                            .fn = run->spec.on_gone,
                            .arg = run->spec.gone_arg };
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
    r->run_rc = -EINPROGRESS;
    r->run_status = 0;
    r->run_result = (struct mpx_str){ "", 0 };
    return run;
}

enum mpx_rc wait_spawn(struct mpx_req *r, const struct mpx_spawn *s, mpx_resume_fn done,
                       void *state)
{
    if (s->size < sizeof(*s) || s->path == NULL || s->path[0] != '/' || s->argv == NULL ||
        s->envp == NULL) {
        req_log(r, MPX_ERROR, "mpx_spawn: size, an absolute path, argv and envp must be set");
        return MPX_FAIL;
    }
    struct run *run = begin(r, done, state);
    if (run == NULL)
        return MPX_FAIL;
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
