/* SPDX-License-Identifier: MIT
   The pipes of a child process that serves a request: the body goes in and the output comes out at
   the same time, each at the other's pace. */
#include "str.h"
#include "wait_program.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

enum {
    WRITE_MAX = 64 << 10,     /* bytes for its standard input in one call */
    LAST_WORDS_MAX = 64 << 10 /* bytes that are still read of stderr when it is over */
};

void run_end_watch(struct mpx_watch **k)
{
    if (*k != NULL)
        wait_end_watch(*k);
    *k = NULL;
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

void run_read_last_words(struct mpx_req *r, struct run *run)
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

/* The module may wait: nothing of ours is waited for meanwhile. */
static enum mpx_rc hold(struct mpx_req *r, struct run *run)
{
    run->is_held = true;
    wait_want(run->out, 0);
    if (run->in != NULL)
        wait_want(run->in, 0);
    if (r->wait.kind == WAIT_BODY)
        wait_cancel(r);
    return run->spec.on_hold(r, r->caller->data, run->state);
}

/* Reads on when there is room for it. */
static void mind_the_client(struct mpx_req *r, struct run *run)
{
    run->is_paused = r->res.waiting > RES_MARK;
    wait_want(run->out, run->is_paused ? 0 : POLLIN);
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
        run_end_watch(&run->out);
        program_close(&run->program->out);
        return run_go_on(r, run);
    }
    int rc = pass_on(r, run, (struct mpx_str){ r->w->read, (size_t)n });
    if (rc < 0)
        return run_finish(r, run, run->rc);
    if (rc > 0 && run->spec.on_hold != NULL)
        return hold(r, run);
    if (r->res.waiting > RES_MARK)
        mind_the_client(r, run);
    return MPX_WAIT;
}

void wait_program_drained(struct mpx_req *r)
{
    struct run *run = r->run;

    if (run == NULL || !run->is_paused || run->is_held)
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
        run_end_watch(&run->err);
        program_close(&run->program->err);
    } else if (n > 0) {
        tell_lines(r, run, (struct mpx_str){ r->w->read, (size_t)n });
    }
    return MPX_WAIT;
}

/* ---- standard input */

static void end_input(struct run *run)
{
    run_end_watch(&run->in);
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
        ssize_t n =
            write(run->program->in, part.p + run->part_at, most < WRITE_MAX ? most : WRITE_MAX);

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

enum mpx_rc run_feed(struct mpx_req *r, struct run *run)
{
    return run->program->in >= 0 ? body_next(r, on_body, run) : MPX_WAIT;
}

int run_watch_pipes(struct mpx_req *r, struct run *run)
{
    const struct program *p = run->program;

    run->out = wait_watch(r, p->out, POLLIN, on_output, run);
    run->err = wait_watch(r, p->err, POLLIN, on_errors, run);
    if (p->in >= 0)
        run->in = wait_watch(r, p->in, 0, on_input, run);
    return run->out == NULL || run->err == NULL || (p->in >= 0 && run->in == NULL) ? -1 : 0;
}

enum mpx_rc wait_program_go_on(struct mpx_req *r)
{
    struct run *run = r->run;

    if (run == NULL || !run->is_held) {
        req_log(r, MPX_ERROR, "mpx_spawn_go_on: no program is held");
        return MPX_FAIL;
    }
    run->is_held = false;
    run->active_ms = r->w->now_ms;
    mind_the_client(r, run);
    if (run->program->exited) /* that was not looked at meanwhile */
        wait_ring(run->bell);
    return run->program->in >= 0 ? feed(r, run) : MPX_WAIT;
}
