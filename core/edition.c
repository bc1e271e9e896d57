/* SPDX-License-Identifier: MIT */
#include "edition.h"

#include "must.h"
#include "wait.h"

#include <stdlib.h>

enum { SLICE_US = 3000 }; /* of a turn, for what can be done in parts */

struct edition *edition_create(struct worker *w, struct modules *modules, struct launch *launch,
                               bool owns_launch)
{
    struct edition *e = must_calloc(sizeof(*e));

    e->w = w;
    e->modules = modules;
    e->launch = launch;
    e->owns_launch = owns_launch;
    problems_init(&e->problems);
    arena_init(&e->g.arena, NULL);
    list_init(&e->g.watches);
    e->request = (struct generation_request){ .file = launch->file,
                                              .overrides = launch->overrides,
                                              .strict = launch->strict,
                                              .quarantine = launch->quarantine };
    return e;
}

void edition_set_reader(struct edition *e,
                        int (*read_private)(void *arg, const char *path, struct mpx_arena *a,
                                            struct mpx_str *text),
                        void *arg)
{
    e->request.read_private = read_private;
    e->request.arg = arg;
}

static void read_texts(struct edition *e)
{
    generation_read(&e->g, &e->launch->sources, e->modules, &e->problems, e->w->blame, &e->request);
}

int edition_build(struct edition *e)
{
    read_texts(e);
    while (generation_build_part(&e->g))
        ;
    return e->problems.count == 0 ? 0 : -1;
}

/* What needs the worker: its log, then its modules. */
static int begin_opening(struct edition *e)
{
    e->g.worker = e->w;
    return logging_open(&e->logs, &e->g.settings, e->w, &e->problems);
}

int edition_open(struct edition *e)
{
    if (begin_opening(e) < 0)
        return -1;
    logging_use(&e->logs); /* what modules say in open() belongs there */
    return generation_open(&e->g);
}

/* ---- a part at a time */

static void free_all(struct edition *e)
{
    generation_finish(&e->g);
    logging_close(&e->logs);
    problems_finish(&e->problems);
    if (e->owns_launch) {
        launch_finish(e->launch);
        free(e->launch);
    }
    free(e);
}

static void go_on_later(struct edition *e, loop_fn fn)
{
    loop_end(&e->event);
    MUST(loop_timer(e->w->loop, &e->event, 0, 0, fn, e) == 0);
}

static bool has_time(int64_t began_us)
{
    return clock_us() - began_us < SLICE_US;
}

/* Parts of it, for as long as a turn may be held up. True while there is more: again() is called
   in another turn, then. */
static bool do_some(struct edition *e, bool (*part)(struct generation *g), loop_fn again)
{
    int64_t began = clock_us();
    bool has_more = true;

    worker_update_clock(e->w);
    while (has_more && has_time(began))
        has_more = part(&e->g);
    if (has_more)
        go_on_later(e, again);
    return has_more;
}

/* It stands, or it does not. */
static void finish(struct edition *e)
{
    loop_end(&e->event);
    e->done(e, e->arg);
}

static void open_some(int fd, short what, void *arg)
{
    struct edition *e = arg;

    (void)fd;
    (void)what;
    if (!do_some(e, generation_open_part, open_some))
        finish(e);
}

static void build_some(int fd, short what, void *arg)
{
    struct edition *e = arg;

    (void)fd;
    (void)what;
    if (do_some(e, generation_build_part, build_some))
        return;
    if (e->problems.count > 0 || begin_opening(e) < 0)
        finish(e);
    else
        go_on_later(e, open_some);
}

static void on_thread(void *arg)
{
    read_texts(arg);
}

static void after_reading(void *arg)
{
    struct edition *e = arg;

    e->is_reading = false;
    if (!e->is_given_up)
        go_on_later(e, build_some);
}

void edition_prepare(struct edition *e, void (*done)(struct edition *e, void *arg), void *arg)
{
    e->done = done;
    e->arg = arg;
    e->job = (struct pool_job){ .work = on_thread, .done = after_reading, .arg = e };
    e->is_reading = true;
    if (pool_submit(e->w->pool, &e->job) == 0)
        return;
    read_texts(e); /* no thread is free: rather late than never */
    after_reading(e);
}

static void close_some(int fd, short what, void *arg)
{
    struct edition *e = arg;

    (void)fd;
    (void)what;
    if (do_some(e, generation_close_part, close_some))
        return;
    loop_end(&e->event);
    list_remove(&e->link);
    free_all(e);
    worker_trim();
}

void edition_give_up(struct edition *e)
{
    e->is_given_up = true;
    loop_end(&e->event);
}

unsigned edition_uses(const struct edition *e)
{
    return e->is_reading ? 1 : e->g.uses;
}

void edition_retire(struct edition *e)
{
    e->is_closing = true;
    wait_end_conf_watches(&e->g);
    go_on_later(e, close_some);
}

void edition_destroy(struct edition *e)
{
    loop_end(&e->event);
    wait_end_conf_watches(&e->g);
    list_remove(&e->link);
    free_all(e);
}
