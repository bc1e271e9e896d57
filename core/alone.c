/* SPDX-License-Identifier: MIT */
#include "alone.h"

#include "date.h"
#include "log.h"
#include "notify.h"
#include "passed.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/wait.h>

enum { LOOK_MS = 10 }; /* how often a checker that is at work is looked after */

void alone_init(struct alone *a, const struct alone_calls *calls, struct worker *w,
                struct modules *modules, struct reign *reign)
{
    *a = (struct alone){ .calls = calls, .w = w, .modules = modules, .reign = reign };
    a->checker.broker.peer.end = -1;
}

int alone_copy(const struct endpoints *from, struct endpoints *to)
{
    *to = (struct endpoints){ .count = 0 };
    for (size_t i = 0; i < from->count; i++) {
        int fd = fcntl(from->list[i].fd, F_DUPFD_CLOEXEC, 0);

        if (fd < 0) {
            endpoints_close(to);
            return -1;
        }
        to->list[to->count++] = (struct endpoint){ .fd = fd,
                                                   .id = from->list[i].id,
                                                   .listener = from->list[i].listener };
    }
    return 0;
}

/* It is over, one way or the other. */
static void rest(struct alone *a)
{
    loop_end(&a->timer);
    launch_destroy(a->next);
    a->next = NULL;
    a->state = ALONE_RESTS;
    if (!a->again)
        return;
    a->again = false;
    alone_reload(a); /* nothing, after the end */
}

static void fail(struct alone *a, const char *why)
{
    log_error("the configuration is not taken: %s; the one before goes on serving", why);
    notify_ready("serves on: another configuration was not taken, the log says why");
    rest(a);
}

static void log_line(void *arg, struct mpx_str line)
{
    (void)arg;
    log_error("%.*s", STR_ARGS(line));
}

/* All that is wrong is logged. */
static void fail_of(struct alone *a, const struct problems *problems)
{
    char why[64];

    problems_each(problems, log_line, NULL);
    (void)snprintf(why, sizeof(why), "%u error%s", problems->count,
                   problems->count == 1 ? "" : "s");
    fail(a, why);
}

/* ---- changing over */

static void commit(struct alone *a, const struct settings *s)
{
    endpoints_settle(&a->wanted, s);
    endpoints_part(a->calls->endpoints, &a->wanted);
    *a->calls->endpoints = a->wanted;
    a->wanted.count = 0;
    reign_commit(a->reign);
    passed_warn_of_unused(s);
    log_info("configuration read again: it serves after %lld ms",
             (long long)(clock_ms() - a->began_ms));
    notify_ready("serves, with its configuration read again");
    rest(a);
}

/* The next one stands, or it does not. */
static void on_prepared(struct edition *e, void *arg)
{
    struct alone *a = arg;

    if (e->problems.count == 0) {
        /* what listeners are like, and their names, is what the launch has read, as at the start */
        commit(a, &e->launch->settings);
        return;
    }
    endpoints_part(&a->wanted, a->calls->endpoints);
    reign_abandon(a->reign); /* it goes later, in parts */
    fail_of(a, &e->problems);
}

/* The checker has found nothing wrong. */
static void prepare(struct alone *a)
{
    struct endpoints copy;
    const char *error;

    if (endpoints_change(&a->next->arena, &a->next->settings, a->calls->endpoints, &a->wanted,
                         &error) < 0) {
        fail(a, error);
        return;
    }
    if (alone_copy(&a->wanted, &copy) < 0) {
        endpoints_part(&a->wanted, a->calls->endpoints);
        fail(a, "there are no descriptors left");
        return;
    }
    struct edition *e = edition_create(a->w, a->modules, a->next, true);
    a->next = NULL;
    a->state = ALONE_PREPARES;
    reign_prepare(a->reign, e, &copy, on_prepared, a);
}

/* ---- reading and checking */

static void look_after_end(struct alone *a)
{
    int status = 0;

    if (waitpid(a->checker.pid, &status, WNOHANG) != 0)
        checker_on_end(&a->checker, status);
}

static void on_look(int fd, short what, void *arg)
{
    struct alone *a = arg;

    (void)fd;
    (void)what;
    worker_update_clock(a->w);
    checker_on_events(&a->checker);
    if (a->checker.state == CHECKER_ENDS)
        look_after_end(a);
    if (checker_runs(&a->checker))
        return;
    loop_end(&a->timer);
    if (a->checker.state == CHECKER_FAILED)
        fail(a, "it cannot be checked");
    else if (a->next->problems.count > 0)
        fail_of(a, &a->next->problems);
    else
        prepare(a);
}

static void try_it(struct alone *a)
{
    if (a->next->problems.count == 0)
        launch_compare(a->next, a->reign->now->launch);
    a->state = ALONE_CHECKS;
    checker_start(&a->checker, a->next, true);
    if (loop_timer(a->w->loop, &a->timer, LOOK_MS, LOOP_REPEAT, on_look, a) == 0)
        return;
    checker_stop(&a->checker);
    fail(a, "it cannot be checked");
}

static void on_thread(void *arg)
{
    struct alone *a = arg;

    a->read_rc = a->calls->read(a->calls->arg, a->next);
}

static void after_reading(void *arg)
{
    struct alone *a = arg;

    worker_update_clock(a->w);
    if (a->has_ended)
        rest(a);
    else if (a->read_rc < 0)
        fail(a, "it cannot be read");
    else
        try_it(a);
}

void alone_reload(struct alone *a)
{
    if (a->has_ended)
        return;
    if (a->state != ALONE_RESTS) {
        a->again = true;
        return;
    }
    a->began_ms = clock_ms();
    notify_reloading("reads its configuration again");
    a->next = launch_create();
    a->state = ALONE_READS;
    a->job = (struct pool_job){ .work = on_thread, .done = after_reading, .arg = a };
    if (pool_submit(a->w->pool, &a->job) == 0)
        return;
    on_thread(a); /* no thread is free: rather late than never */
    after_reading(a);
}

bool alone_is_reading(const struct alone *a)
{
    return a->state == ALONE_READS;
}

void alone_end(struct alone *a)
{
    if (a->has_ended)
        return;
    a->has_ended = true;
    if (a->state == ALONE_CHECKS)
        checker_stop(&a->checker);
    if (a->state == ALONE_PREPARES) {
        endpoints_part(&a->wanted, a->calls->endpoints);
        reign_abandon(a->reign);
    }
    if (a->state != ALONE_READS)
        rest(a);
    endpoints_remove(a->calls->endpoints);
}
