/* SPDX-License-Identifier: MIT */
#include "reload.h"

#include "date.h"
#include "log.h"
#include "logging.h"
#include "notify.h"
#include "passed.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REPORT_MAX = 16384 };

void reload_init(struct reload *r, struct crew *crew, struct launch **now,
                 struct endpoints *endpoints)
{
    *r = (struct reload){ .crew = crew, .now = now, .endpoints = endpoints };
    r->checker.broker.peer.end = -1;
    buffer_init(&r->report, REPORT_MAX);
}

static void log_line(void *arg, struct mpx_str line)
{
    (void)arg;
    log_error("%.*s", STR_ARGS(line));
}

/* It is over, one way or the other. */
static void rest(struct reload *r)
{
    crew_rest(r->crew);
    launch_destroy(r->next);
    r->next = NULL;
    r->report.n = 0;
    r->deadline_ms = 0;
    r->repeats = false;
    r->state = RELOAD_RESTS;
    if (!r->again)
        return;
    r->again = false;
    reload_begin(r);
}

/* Each worker in the state 'is' gets that word. */
static void decide(struct reload *r, enum slot_state is, bool commit)
{
    for (size_t i = 0; i < r->crew->count; i++)
        if (r->crew->slots[i].state == is)
            crew_decide(&r->crew->slots[i], commit);
}

static size_t count(const struct reload *r, enum slot_state is)
{
    size_t n = 0;

    for (size_t i = 0; i < r->crew->count; i++)
        n += r->crew->slots[i].state == is;
    return n;
}

/* Some worker may still prepare: it is waited for, since it must not read a decision where it waits
   for an answer. */
static void settle(struct reload *r)
{
    decide(r, SLOT_PREPARED, false);
    for (size_t i = 0; i < r->crew->count; i++)
        if (r->crew->slots[i].state == SLOT_REFUSED)
            r->crew->slots[i].state = SLOT_SERVES;
    if (count(r, SLOT_PREPARES) == 0)
        rest(r);
}

/* The sockets that are not to be used after all. */
static void part_wanted(struct reload *r)
{
    if (!r->repeats)
        endpoints_part(&r->wanted, r->endpoints);
}

static void fail(struct reload *r, const char *why)
{
    log_error("%s%s%s; the one before goes on serving",
              r->repeats ? "another list of modules in quarantine is not taken"
                         : "the configuration is not taken",
              why != NULL ? ": " : "", why != NULL ? why : "");
    notify_ready("serves on: another configuration was not taken, the log says why");
    if (r->state == RELOAD_PREPARES) {
        r->state = RELOAD_ABANDONS;
        part_wanted(r);
        settle(r);
    } else {
        rest(r);
    }
}

/* For what one worker did: a list of modules in quarantine the others are to have all the same. */
static void fail_this_time(struct reload *r, const char *why)
{
    r->crew->list_changed = r->crew->list_changed || r->repeats;
    fail(r, why);
}

/* All that is wrong is logged. */
static void fail_of(struct reload *r, const struct problems *problems)
{
    char why[64];

    problems_each(problems, log_line, NULL);
    (void)snprintf(why, sizeof(why), "%u error%s", problems->count,
                   problems->count == 1 ? "" : "s");
    fail(r, why);
}

/* ---- reading and checking */

void reload_begin(struct reload *r)
{
    if (r->state != RELOAD_RESTS) {
        r->again = true;
        return;
    }
    r->began_ms = clock_ms();
    notify_reloading("reads its configuration again");
    r->next = launch_create();
    if (r->read(r->arg, r->next) < 0) {
        fail(r, "it cannot be read");
        return;
    }
    if (r->next->problems.count == 0)
        launch_compare(r->next, *r->now);
    r->state = RELOAD_CHECKS;
    checker_start(&r->checker, r->next, false);
}

void reload_repeat(struct reload *r)
{
    r->crew->list_changed = false;
    r->repeats = true;
    r->state = RELOAD_PREPARES;
    r->deadline_ms = clock_ms() + (*r->now)->settings.reload_timeout;
}

/* ---- preparing */

static void add_url(void *arg, const char *url)
{
    struct reload *r = arg;

    (void)buffer_printf(&r->report, " %s", url);
}

/* What becomes of listeners, for the log: written while both sets are known. */
static void report_listeners(struct reload *r)
{
    struct buffer *b = &r->report;
    size_t begin = b->n;

    (void)buffer_add(b, MPX_STR(", listeners added:"));
    size_t before = b->n;
    endpoints_each_gone(&r->wanted, r->endpoints, add_url, r);
    if (b->n == before)
        b->n = begin;
    begin = b->n;
    (void)buffer_add(b, MPX_STR(", listeners removed:"));
    before = b->n;
    endpoints_each_gone(r->endpoints, &r->wanted, add_url, r);
    if (b->n == before)
        b->n = begin;
}

/* The checker has found nothing wrong. */
static void prepare(struct reload *r)
{
    const char *error;

    if (endpoints_change(&r->next->arena, &r->next->settings, r->endpoints, &r->wanted, &error) <
        0) {
        fail(r, error);
        return;
    }
    report_listeners(r);
    crew_retry(r->crew); /* who tries it, when nobody serves? */
    r->state = RELOAD_PREPARES;
    r->deadline_ms = clock_ms() + r->next->settings.reload_timeout;
}

/* Those that serve and were not told yet; true when all that live have answered. */
static bool ask(struct reload *r)
{
    struct launch *l = r->repeats ? *r->now : r->next;
    const struct endpoints *e = r->repeats ? r->endpoints : &r->wanted;

    for (size_t i = 0; i < r->crew->count; i++)
        if (r->crew->slots[i].state == SLOT_SERVES)
            (void)crew_prepare(r->crew, &r->crew->slots[i], l, e);
    return !crew_starts(r->crew, clock_ms()) &&
           count(r, SLOT_SERVES) + count(r, SLOT_PREPARES) == 0;
}

/* ---- changing over */

/* What the supervisor itself has of it is exchanged. 0, or -1: nothing is. */
static int exchange(struct reload *r)
{
    struct launch *old = *r->now;

    if (logging_change(&r->next->settings, &r->next->grants.as) < 0)
        return -1;
    endpoints_settle(&r->wanted, &r->next->settings);
    endpoints_part(r->endpoints, &r->wanted);
    *r->endpoints = r->wanted;
    *r->now = r->crew->launch = r->next;
    crew_set_rules(r->crew);
    passed_warn_of_unused(&r->crew->launch->settings);
    r->next = old; /* until all have changed over; then nobody looks at it */
    return 0;
}

static void commit(struct reload *r)
{
    if (!r->repeats && exchange(r) < 0) {
        fail(r, "the supervisor cannot log as it says");
        return;
    }
    r->state = RELOAD_COMMITS;
    r->deadline_ms = clock_ms() + r->crew->launch->settings.reload_timeout;
    decide(r, SLOT_PREPARED, true);
    crew_retry(r->crew); /* what kept workers from starting may be mended */
}

static void report(struct reload *r)
{
    if (!r->repeats) {
        log_info("configuration read again: it serves after %lld ms%.*s",
                 (long long)(clock_ms() - r->began_ms), STR_ARGS(buffer_str(&r->report)));
        notify_ready("serves, with its configuration read again");
    }
    rest(r);
}

static const struct slot *refuser(const struct reload *r)
{
    for (size_t i = 0; i < r->crew->count; i++)
        if (r->crew->slots[i].state == SLOT_REFUSED)
            return &r->crew->slots[i];
    return NULL;
}

static void go_on_preparing(struct reload *r)
{
    const struct slot *refused = refuser(r);

    if (refused != NULL && refused->problems.count > 0)
        fail_of(r, &refused->problems);
    else if (refused != NULL)
        fail(r, "a worker cannot prepare it");
    else if (ask(r))
        commit(r);
}

void reload_go_on(struct reload *r)
{
    switch (r->state) {
    case RELOAD_CHECKS:
        if (r->checker.state == CHECKER_FAILED)
            fail(r, "it cannot be checked");
        else if (r->checker.state == CHECKER_DONE && r->next->problems.count > 0)
            fail_of(r, &r->next->problems);
        else if (r->checker.state == CHECKER_DONE)
            prepare(r);
        if (r->state != RELOAD_PREPARES)
            return;
        go_on_preparing(r);
        return;
    case RELOAD_PREPARES:
        go_on_preparing(r);
        return;
    case RELOAD_COMMITS:
        if (count(r, SLOT_COMMITS) == 0)
            report(r);
        return;
    case RELOAD_ABANDONS:
        settle(r);
        return;
    case RELOAD_RESTS:
        return;
    }
}

void reload_on_loss(struct reload *r, enum slot_state was)
{
    if (r->state != RELOAD_PREPARES || (was != SLOT_PREPARES && was != SLOT_PREPARED))
        return;
    fail_this_time(r, "a worker ended while it prepared it");
}

/* Workers that have had their time. Whoever does not come to an end now is a danger later. */
static void kill_late(struct reload *r)
{
    r->deadline_ms = 0;
    for (size_t i = 0; i < r->crew->count; i++) {
        struct slot *s = &r->crew->slots[i];

        if (s->state != SLOT_PREPARES && s->state != SLOT_COMMITS)
            continue;
        log_error("a worker does not come to an end with another configuration: it is killed");
        (void)kill(s->pid, SIGKILL);
    }
    if (r->state == RELOAD_PREPARES)
        fail_this_time(r, "a worker was not ready for it in time (\"reload_timeout\")");
}

void reload_by_the_clock(struct reload *r, int64_t now, int64_t *due)
{
    if (r->state == RELOAD_CHECKS && r->checker.state == CHECKER_HEARS) {
        if (r->checker.end_ms <= now)
            checker_on_events(&r->checker);
        else
            crew_due(due, r->checker.end_ms);
    }
    if (r->deadline_ms != 0 && r->deadline_ms <= now)
        kill_late(r);
    crew_due(due, r->deadline_ms);
}

void reload_stop(struct reload *r)
{
    if (r->state == RELOAD_CHECKS)
        checker_stop(&r->checker);
    if (r->state == RELOAD_PREPARES)
        part_wanted(r);
    r->again = false;
    r->deadline_ms = 0;
    r->state = RELOAD_RESTS;
}

void reload_finish(struct reload *r)
{
    reload_stop(r);
    launch_destroy(r->next);
    buffer_finish(&r->report);
}
