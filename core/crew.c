/* SPDX-License-Identifier: MIT */
#include "crew.h"

#include "date.h"
#include "enlist.h"
#include "log.h"
#include "verdict.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACK_OFF_MS = 100,
    BACK_OFF_MOST_MS = 5000,
    STEADY_MS = 1000, /* who serves for so long does not end at once */
    SAID_MAX = 1 << 20
};

void crew_due(int64_t *due, int64_t when)
{
    if (when != 0 && (*due == 0 || when < *due))
        *due = when;
}

void crew_init(struct crew *c, size_t count)
{
    *c = (struct crew){ .count = count };
    buffer_init(&c->said, SAID_MAX);
    quarantine_init(&c->quarantine, &(struct quarantine_rules){ .crashes = 0 });
    for (size_t i = 0; i < count; i++) {
        c->slots[i] = (struct slot){ .number = i, .broker.peer.end = -1 };
        c->slots[i].blame = blame_create();
        problems_init(&c->slots[i].problems);
    }
}

void crew_finish(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++) {
        broker_end(&c->slots[i].broker);
        blame_destroy(c->slots[i].blame);
        problems_finish(&c->slots[i].problems);
    }
    buffer_finish(&c->said);
}

/* ---- starting one */

/* The sockets of one worker, who is in quarantine, and the texts. */
static int send_all(const struct crew *c, struct slot *s, const struct launch *l,
                    const struct endpoints *e)
{
    int fds[ENDPOINTS_MAX], rc;
    struct buffer b;

    buffer_init(&b, CHANNEL_BYTES_MAX);
    size_t count = endpoints_write(e, s->number, fds, &b);
    rc = peer_put(&s->broker.peer, BROKER_LISTENERS, buffer_str(&b), fds, count);
    b.n = 0;
    quarantine_write(&c->quarantine, clock_ms(), &b);
    if (rc == 0)
        rc = peer_put(&s->broker.peer, BROKER_QUARANTINE, buffer_str(&b), NULL, 0);
    b.n = 0;
    launch_save(l, &b);
    if (rc == 0)
        rc = peer_put(&s->broker.peer, BROKER_CONFIG, buffer_str(&b), NULL, 0);
    buffer_finish(&b);
    return rc;
}

/* Whether one that cannot start is tried again. */
static bool goes_on(const struct crew *c)
{
    return c->was_ready || c->inherits;
}

static void cannot_start(struct crew *c, struct slot *s, const char *why)
{
    s->pid = 0;
    s->state = SLOT_EMPTY;
    log_error("cannot start a worker: %s", why);
    if (goes_on(c))
        s->next_ms = clock_ms() + BACK_OFF_MOST_MS;
}

static void forget_problems(struct slot *s)
{
    problems_finish(&s->problems);
    problems_init(&s->problems);
}

static void start_worker(struct crew *c, struct slot *s)
{
    int ends[2];

    s->next_ms = 0;
    s->reopening = false; /* it opens all of them itself */
    s->born_ms = clock_ms();
    forget_problems(s);
    if (channel_pair(ends) < 0) {
        cannot_start(c, s, strerror(errno));
        return;
    }
    blame_reset(s->blame);
    s->stalled_ms = 0;
    s->pid = child_fork(CHILD_SERVES);
    if (s->pid == 0)
        enlist(c->launch, s->blame, ends[1]);
    close(ends[1]);
    if (s->pid < 0) {
        close(ends[0]);
        cannot_start(c, s, strerror(errno));
        return;
    }
    s->state = SLOT_STARTS;
    watchdog_start(&s->watchdog, s->blame, s->pid, c->launch->settings.watchdog.kill, s->born_ms);
    broker_start(&s->broker, ends[0], BROKER_WORKER, &c->launch->grants, &c->launch->sources,
                 &s->problems);
    s->broker.replaces = c->was_ready;
    if (send_all(c, s, c->launch, c->endpoints) < 0)
        log_error("a worker does not listen to its supervisor");
}

void crew_start(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        start_worker(c, &c->slots[i]);
}

bool crew_lives(const struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i].pid > 0 || (!c->stopping && c->slots[i].next_ms != 0))
            return true;
    return false;
}

struct slot *crew_slot(struct crew *c, pid_t pid)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i].pid == pid)
            return &c->slots[i];
    return NULL;
}

/* ---- what one says */

static void begin_to_serve(struct crew *c)
{
    size_t serving = 0;

    for (size_t i = 0; i < c->count; i++)
        serving += c->slots[i].broker.is_ready;
    if (c->was_ready && c->said.n > 0)
        log_info("a worker serves again");
    c->said.n = 0;
    if (c->was_ready || serving < c->count)
        return;
    c->was_ready = true;
    c->ready(c->arg);
}

static void on_last_word(struct crew *c, struct slot *s)
{
    switch (s->broker.peer.in.what) {
    case BROKER_PREPARED:
        s->state = SLOT_PREPARED;
        break;
    case BROKER_REFUSED:
        s->state = SLOT_REFUSED;
        break;
    case BROKER_READY:
        s->state = SLOT_SERVES;
        watchdog_serves(&s->watchdog);
        begin_to_serve(c);
        break;
    default: /* COMMITTED */
        s->state = SLOT_SERVES;
    }
}

short crew_wants(const struct slot *s)
{
    bool has_more = peer_has_more(&s->broker.peer) || (s->reopening && s->state == SLOT_SERVES);

    return has_more ? POLLIN | POLLOUT : POLLIN;
}

void crew_on_events(struct crew *c, struct slot *s, short events)
{
    int rc = (events & POLLOUT) != 0 ? peer_push(&s->broker.peer) : 0;

    if (rc == 0 && (events & ~POLLOUT) != 0)
        rc = broker_take(&s->broker);
    if (rc == 1)
        on_last_word(c, s);
    if (rc >= 0 || errno == EAGAIN)
        return;
    if (errno == EPROTO && s->pid > 0) {
        log_error("a worker says to its supervisor what no worker says: it is killed");
        (void)kill(s->pid, SIGKILL);
    }
    broker_end(&s->broker); /* SIGCHLD tells the rest */
}

static void hear_last_words(struct crew *c, struct slot *s)
{
    int rc = s->broker.peer.end < 0 ? -1 : 0;

    while (rc >= 0) {
        rc = broker_take(&s->broker);
        if (rc == 1)
            on_last_word(c, s);
    }
}

/* ---- the end of one */

/* A crash of a module: perhaps it is one too many. */
static void note_crash(struct crew *c, const struct verdict *v)
{
    struct quarantine *q = &c->quarantine;
    int64_t now = clock_ms();

    if (v->module == NULL || !c->was_ready ||
        !quarantine_note(q, str_of(v->module), v->at_load, now))
        return;
    log_error("module \"%s\" is in quarantine for %lld s: crash %u within %lld s; requests that "
              "come to it are answered 503: take it out of \"modules\" and reload, or mend it and "
              "restart",
              v->module, (long long)(q->rules.length_ms / 1000),
              quarantine_crashes(q, str_of(v->module), now),
              (long long)(q->rules.window_ms / 1000));
    c->list_changed = c->count > 1; /* a worker that is started has it anyhow */
}

static void add_line(void *arg, struct mpx_str line)
{
    (void)buffer_printf(arg, "%.*s\n", STR_ARGS(line));
}

static void log_line(void *arg, struct mpx_str line)
{
    (void)arg;
    log_error("%.*s", STR_ARGS(line));
}

/* A later worker that could not even begin to serve: why, but only where that is news. */
static void tell_again(struct crew *c, struct slot *s, const char *how)
{
    struct buffer why;

    buffer_init(&why, SAID_MAX);
    problems_each(&s->problems, add_line, &why);
    if (s->problems.count == 0)
        add_line(&why, str_of(how));
    if (!str_eq(buffer_str(&why), buffer_str(&c->said))) {
        problems_each(&s->problems, log_line, NULL);
        log_error("%s; trying again", s->problems.count > 0 ? "no worker can start" : how);
    }
    buffer_finish(&c->said);
    c->said = why;
}

/* What a worker that was to end did instead. */
static void tell_crash(struct slot *s, int status)
{
    struct mpx_arena a;
    struct verdict v;

    arena_init(&a, NULL);
    verdict_find(s->blame, &a, status, s->stalled_ms, &v);
    if (v.module != NULL)
        log_error("a worker %s", v.text);
    arena_finish(&a);
}

static void tell_end(struct crew *c, struct slot *s, int status)
{
    struct mpx_arena a;
    struct verdict v;

    arena_init(&a, NULL);
    verdict_find(s->blame, &a, status, s->stalled_ms, &v);
    const char *how = arena_printf(&a, "a worker %s", v.text).p;
    if (goes_on(c) && s->broker.is_ready)
        log_error("%s; starting another", how);
    else if (goes_on(c))
        tell_again(c, s, how);
    else if (s->problems.count > 0)
        problems_show(&s->problems);
    else
        (void)fprintf(stderr, "multiplexd: %s\n", how);
    note_crash(c, &v);
    arena_finish(&a);
}

/* The first one is replaced at once. */
static void replace(struct slot *s)
{
    int64_t now = clock_ms();

    if (now - s->born_ms >= STEADY_MS)
        s->back_off_ms = 0;
    s->next_ms = now + s->back_off_ms;
    s->back_off_ms = s->back_off_ms == 0 ? BACK_OFF_MS : 2 * s->back_off_ms;
    if (s->back_off_ms > BACK_OFF_MOST_MS)
        s->back_off_ms = BACK_OFF_MOST_MS;
}

void crew_on_end(struct crew *c, struct slot *s, int status)
{
    hear_last_words(c, s);
    broker_end(&s->broker);
    s->pid = 0;
    s->state = SLOT_EMPTY;
    s->reopening = false;
    if (c->stopping) {
        tell_crash(s, status);
        return;
    }
    tell_end(c, s, status);
    if (goes_on(c)) {
        replace(s);
        return;
    }
    c->stopping = true; /* the start has failed */
    crew_signal(c, SIGTERM);
}

void crew_set_rules(struct crew *c)
{
    const struct settings *s = &c->launch->settings;
    const struct quarantine_rules rules = { .crashes = s->quarantine.crashes,
                                            .window_ms = s->quarantine.window,
                                            .length_ms = s->quarantine.length };

    quarantine_set_rules(&c->quarantine, &rules);
    for (size_t i = 0; i < c->count; i++)
        watchdog_set_kill(&c->slots[i].watchdog, s->watchdog.kill);
}

/* Modules whose time in quarantine is over are tried again. */
static void release_modules(struct crew *c, int64_t now, int64_t *due)
{
    const char *name;

    while ((name = quarantine_release(&c->quarantine, now)) != NULL) {
        log_warn("module \"%s\" leaves its quarantine: one more crash and it is back", name);
        c->list_changed = true;
    }
    crew_due(due, quarantine_due(&c->quarantine));
}

/* Whether loops turn, and whether those that start come to an end with it. */
static void watch(struct crew *c, int64_t now, int64_t *due)
{
    for (size_t i = 0; i < c->count; i++) {
        struct slot *s = &c->slots[i];

        if (s->pid <= 0)
            continue;
        int64_t stalled = watchdog_tick(&s->watchdog, now);
        if (stalled != 0)
            s->stalled_ms = stalled;
        crew_due(due, watchdog_due(&s->watchdog));
    }
}

bool crew_turns(const struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i].state >= SLOT_SERVES && !watchdog_turns(&c->slots[i].watchdog))
            return false;
    return true;
}

void crew_by_the_clock(struct crew *c, int64_t now, int64_t *due)
{
    watch(c, now, due);
    release_modules(c, now, due);
    for (size_t i = 0; i < c->count && !c->stopping; i++) {
        struct slot *s = &c->slots[i];

        if (s->next_ms != 0 && s->next_ms <= now)
            start_worker(c, s);
        crew_due(due, s->next_ms);
    }
}

void crew_retry(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i].next_ms != 0) {
            c->slots[i].back_off_ms = 0;
            c->slots[i].next_ms = clock_ms();
        }
}

bool crew_starts(const struct crew *c, int64_t now)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct slot *s = &c->slots[i];

        if (s->state == SLOT_STARTS || (s->next_ms != 0 && s->next_ms <= now))
            return true;
    }
    return false;
}

void crew_signal(struct crew *c, int number)
{
    for (size_t i = 0; i < c->count; i++)
        if (c->slots[i].pid > 0)
            (void)kill(c->slots[i].pid, number);
}

/* ---- logs that were opened again */

void crew_reopen(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++) {
        c->slots[i].reopening = c->slots[i].pid > 0;
        c->slots[i].reopen_at = 0;
    }
}

/* One that is starting may have asked for the old one; one that prepares waits for answers. */
static bool may_have_logs(const struct slot *s)
{
    return s->reopening && s->broker.peer.end >= 0 && s->state == SLOT_SERVES &&
           !peer_has_more(&s->broker.peer);
}

static void hand_logs(struct crew *c, struct slot *s)
{
    while (may_have_logs(s)) {
        const char *path = grants_log(&c->launch->grants, &s->reopen_at);
        int rc = path != NULL ? broker_hand_log(&s->broker, path) : 0;

        if (rc == -EAGAIN)
            return;
        if (rc < 0)
            log_error("\"%s\" cannot be opened again: %s; what comes goes into the old file", path,
                      strerror(-rc));
        s->reopening = path != NULL;
        s->reopen_at++;
    }
}

void crew_hand_logs(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++)
        hand_logs(c, &c->slots[i]);
}

/* ---- another configuration */

int crew_prepare(const struct crew *c, struct slot *s, struct launch *l, const struct endpoints *e)
{
    if (s->reopening || s->broker.peer.end < 0 || peer_has_more(&s->broker.peer))
        return -1;
    forget_problems(s);
    broker_prepare(&s->broker, &l->grants, &l->sources, &s->problems);
    s->state = SLOT_PREPARES;
    if (send_all(c, s, l, e) < 0 && s->pid > 0) {
        log_error("a worker does not listen to its supervisor: it is killed");
        (void)kill(s->pid, SIGKILL);
    }
    return 0;
}

void crew_decide(struct slot *s, bool commit)
{
    s->state = commit ? SLOT_COMMITS : SLOT_SERVES;
    (void)broker_decide(&s->broker, commit);
}

void crew_rest(struct crew *c)
{
    for (size_t i = 0; i < c->count; i++) {
        struct slot *s = &c->slots[i];

        if (s->state == SLOT_STARTS)
            continue; /* it was never told of another */
        s->broker.grants = &c->launch->grants;
        s->broker.sources = &c->launch->sources;
        forget_problems(s);
    }
}
