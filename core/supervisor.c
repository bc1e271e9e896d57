/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include "broker.h"
#include "crash.h"
#include "date.h"
#include "descriptors.h"
#include "log.h"
#include "logging.h"
#include "quarantine.h"
#include "server.h"
#include "verdict.h"
#include "watchdog.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    BACK_OFF_MS = 100,
    BACK_OFF_MOST_MS = 5000,
    STEADY_MS = 10000,
    GRACE_MS = 8000, /* what a worker may need to end beyond shutdown_timeout */
    SAID_MAX = 1 << 20
};

struct supervisor {
    struct launch *l;
    struct endpoints *e;
    struct blame *blame;
    struct watchdog watchdog;
    int64_t stalled_ms; /* for so long its loop had not turned when it was killed; 0: it was not */
    struct quarantine quarantine;
    void (*ready)(void *arg);
    void *arg;
    int signals;
    struct broker broker;
    pid_t worker;             /* 0: none */
    struct problems problems; /* what this worker tells of why it cannot serve */
    struct buffer said;       /* why the one before could not, as it was logged */
    int64_t born_ms, next_ms; /* next_ms: when a dead one is replaced */
    int64_t back_off_ms;
    int64_t kill_ms; /* when one that was told to stop has had its time; 0: it was not told */
    bool was_ready, stopping;
    bool replaces;    /* the worker is told to end because another one is to do otherwise */
    bool reopening;   /* the worker is still to have some of the logs that were opened again */
    size_t reopen_at; /* from which grant on */
};

static void tell_parent(void *arg, enum mpx_level level, struct mpx_str line)
{
    (void)level;
    broker_tell_error((int)(intptr_t)arg, line);
}

/* Until the worker has a log of its own, its parent hears what goes wrong. */
static void log_to_parent(int channel)
{
    const struct log_target target = { .level = MPX_ERROR,
                                       .format = LOG_BARE,
                                       .write = tell_parent,
                                       .arg = (void *)(intptr_t)channel };

    log_set_targets(&target, 1);
}

/* The sockets and texts that the supervisor sends; 0, or -1. */
static int receive_all(int channel, struct launch *l, struct endpoints *e)
{
    struct channel_message m;
    int rc = channel_receive(channel, &m);

    for (; rc == 1 && m.what == BROKER_LISTENERS; rc = channel_receive(channel, &m)) {
        for (size_t i = 0; i < m.fd_count && e->count < ENDPOINTS_MAX; i++)
            e->list[e->count++] =
                (struct endpoint){ .fd = m.fds[i], .listener = (unsigned char)m.text.p[i] };
        m.fd_count = 0;
        channel_finish(&m);
    }
    if (rc == 1 && m.what == BROKER_QUARANTINE) {
        l->quarantine = arena_copy(&l->arena, buffer_str(&m.text));
        channel_finish(&m);
        rc = channel_receive(channel, &m);
    }
    rc = rc == 1 && m.what == BROKER_CONFIG ? launch_load(l, buffer_str(&m.text)) : -1;
    channel_finish(&m);
    return rc;
}

/* The worker. Nothing of the parent's state is used but what it sends. */
static _Noreturn void worker(struct supervisor *s, int channel)
{
    struct launch *l = &(struct launch){ .file = NULL };
    struct endpoints e = { .count = 0 };
    const char *error;
    int rc = SERVER_FAILED;

    log_to_parent(channel);
    sink_syslog_end();
    descriptors_keep(channel);
    if (child_drop(&s->l->user, s->l->settings.no_new_privs, &error) < 0) {
        log_error("a worker cannot give up its rights: %s", error);
        _exit(SERVER_FAILED);
    }
    launch_init(l);
    crash_begin(s->blame);
    if (receive_all(channel, l, &e) == 0)
        rc = server_run(l, &e, s->blame, channel, NULL, NULL);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    launch_finish(l);
    exit(rc);
}

static int send_all(struct supervisor *s)
{
    char listeners[ENDPOINTS_MAX];
    int fds[ENDPOINTS_MAX], rc;
    struct buffer b;

    for (size_t i = 0; i < s->e->count; i++) {
        fds[i] = s->e->list[i].fd;
        listeners[i] = (char)s->e->list[i].listener;
    }
    buffer_init(&b, CHANNEL_BYTES_MAX);
    rc = peer_put(&s->broker.peer, BROKER_LISTENERS, (struct mpx_str){ listeners, s->e->count },
                  fds, s->e->count);
    quarantine_write(&s->quarantine, clock_ms(), &b);
    if (rc == 0)
        rc = peer_put(&s->broker.peer, BROKER_QUARANTINE, buffer_str(&b), NULL, 0);
    b.n = 0;
    launch_save(s->l, &b);
    if (rc == 0)
        rc = peer_put(&s->broker.peer, BROKER_CONFIG, buffer_str(&b), NULL, 0);
    buffer_finish(&b);
    return rc;
}

static void cannot_start(struct supervisor *s, const char *why)
{
    s->worker = 0;
    log_error("cannot start a worker: %s", why);
    if (s->was_ready)
        s->next_ms = clock_ms() + BACK_OFF_MOST_MS;
}

static void start_worker(struct supervisor *s)
{
    int ends[2];

    s->next_ms = 0;
    s->reopening = false; /* it opens all of them itself */
    s->born_ms = clock_ms();
    problems_finish(&s->problems);
    problems_init(&s->problems);
    if (channel_pair(ends) < 0) {
        cannot_start(s, strerror(errno));
        return;
    }
    blame_reset(s->blame);
    s->stalled_ms = 0;
    s->worker = child_fork(CHILD_SERVES);
    if (s->worker == 0)
        worker(s, ends[1]);
    close(ends[1]);
    broker_start(&s->broker, ends[0], BROKER_WORKER, &s->l->grants, &s->l->sources, &s->problems);
    if (s->worker < 0) {
        cannot_start(s, strerror(errno));
        broker_end(&s->broker);
        return;
    }
    watchdog_start(&s->watchdog, s->blame, s->worker, s->l->settings.watchdog.kill, s->born_ms);
    if (send_all(s) < 0)
        log_error("a worker does not listen to its supervisor");
}

/* How it ended, and the module that was at work. */
static const char *end_of(struct supervisor *s, struct mpx_arena *a, int status, struct verdict *v)
{
    verdict_find(s->blame, a, status, s->stalled_ms, v);
    return arena_printf(a, "a worker %s", v->text).p;
}

/* A crash of a module: perhaps it is one too many. */
static void note_crash(struct supervisor *s, const struct verdict *v)
{
    struct quarantine *q = &s->quarantine;
    int64_t now = clock_ms();
    struct mpx_str name = str_of(v->module);

    if (v->module != NULL && s->was_ready && quarantine_note(q, name, v->at_load, now))
        log_error(
            "module \"%s\" is in quarantine for %lld s: crash %u within %lld s; requests that "
            "come to it are answered 503: mend it or take it out of \"modules\", and restart",
            v->module, (long long)(q->rules.length_ms / 1000), quarantine_crashes(q, name, now),
            (long long)(q->rules.window_ms / 1000));
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
static void tell_again(struct supervisor *s, const char *how)
{
    struct buffer why;

    buffer_init(&why, SAID_MAX);
    problems_each(&s->problems, add_line, &why);
    if (s->problems.count == 0)
        add_line(&why, str_of(how));
    if (!str_eq(buffer_str(&why), buffer_str(&s->said))) {
        problems_each(&s->problems, log_line, NULL);
        log_error("%s; trying again", s->problems.count > 0 ? "no worker can start" : how);
    }
    buffer_finish(&s->said);
    s->said = why;
}

static void worker_is_ready(struct supervisor *s)
{
    if (!s->was_ready)
        s->ready(s->arg);
    else if (s->said.n > 0)
        log_info("a worker serves again");
    s->was_ready = true;
    s->said.n = 0;
    watchdog_serves(&s->watchdog);
}

static void hear_last_words(struct supervisor *s)
{
    int rc;

    while ((rc = broker_take(&s->broker)) >= 0)
        if (rc == 1)
            worker_is_ready(s);
}

/* Says why it ended, and when the next one starts. The first one has none: the start has failed. */
static void worker_ended(struct supervisor *s, int status)
{
    struct mpx_arena a;
    struct verdict v;
    int64_t now = clock_ms();

    s->worker = 0;
    hear_last_words(s);
    broker_end(&s->broker);
    arena_init(&a, NULL);
    bool replaces = s->replaces;
    s->replaces = false;
    const char *how = end_of(s, &a, status, &v);
    if (s->stopping) {
        if (v.module != NULL)
            log_error("%s", how);
        arena_finish(&a);
        return;
    }
    if (replaces)
        log_info("a worker was replaced");
    else if (s->broker.is_ready)
        log_error("%s; starting another", how);
    else if (s->was_ready)
        tell_again(s, how);
    else if (s->problems.count > 0)
        problems_show(&s->problems);
    else
        (void)fprintf(stderr, "multiplexd: %s\n", how);
    note_crash(s, &v);
    arena_finish(&a);
    if (!s->was_ready)
        return;
    if (now - s->born_ms >= STEADY_MS)
        s->back_off_ms = 0;
    s->next_ms = now + s->back_off_ms; /* the first one is replaced at once */
    s->back_off_ms = s->back_off_ms == 0 ? BACK_OFF_MS : 2 * s->back_off_ms;
    if (s->back_off_ms > BACK_OFF_MOST_MS)
        s->back_off_ms = BACK_OFF_MOST_MS;
}

static void on_message(struct supervisor *s, short events)
{
    int rc = (events & POLLOUT) != 0 ? peer_push(&s->broker.peer) : 0;

    if (rc == 0 && (events & ~POLLOUT) != 0)
        rc = broker_take(&s->broker);
    if (rc == 1)
        worker_is_ready(s);
    if (rc >= 0 || errno == EAGAIN)
        return;
    if (errno == EPROTO && s->worker > 0) {
        log_error("a worker says to its supervisor what no worker says: it is killed");
        (void)kill(s->worker, SIGKILL);
    }
    broker_end(&s->broker); /* SIGCHLD tells the rest */
}

/* The first time it has shutdown_timeout to end; the second time it ends at once. */
static void stop(struct supervisor *s)
{
    int64_t most = s->stopping ? 0 : s->l->settings.shutdown_timeout;

    s->stopping = true;
    endpoints_remove(s->e);
    s->kill_ms = clock_ms() + most + GRACE_MS;
    if (s->worker > 0)
        (void)kill(s->worker, SIGTERM);
}

/* The logs are opened again: ours now, the worker's as soon as it serves. */
static void reopen(struct supervisor *s)
{
    logging_reopen(&s->l->settings, &s->l->grants.as);
    s->reopening = s->worker > 0;
    s->reopen_at = 0;
}

/* Whether the worker can be handed a log. One that is starting may have asked for the old one. */
static bool may_hand_logs(const struct supervisor *s)
{
    return s->reopening && s->broker.peer.end >= 0 && s->broker.is_ready;
}

/* As many logs as the channel takes now. */
static void hand_logs(struct supervisor *s)
{
    while (may_hand_logs(s) && !peer_has_more(&s->broker.peer)) {
        const char *path = grants_log(&s->l->grants, &s->reopen_at);
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

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;
    int status;

    if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(s);
        break;
    case SIGCHLD:
        if (s->worker > 0 && waitpid(s->worker, &status, WNOHANG) == s->worker)
            worker_ended(s, status);
        break;
    case SIGHUP:
        server_explain_hangup();
        reopen(s);
        break;
    case SIGUSR1:
        reopen(s);
        break;
    default:
        server_refuse_signal((int)info.ssi_signo);
    }
}

/* Modules whose time in quarantine is over are tried again. */
static void release_modules(struct supervisor *s)
{
    const char *name;

    while ((name = quarantine_release(&s->quarantine, clock_ms())) != NULL) {
        log_warn("module \"%s\" leaves its quarantine: one more crash and it is back", name);
        s->replaces = true;
    }
    if (s->replaces && s->worker > 0)
        (void)kill(s->worker, SIGTERM);
}

/* The sooner of two times, of which 0 is none. */
static int64_t sooner(int64_t a, int64_t b)
{
    return a == 0 || (b != 0 && b < a) ? b : a;
}

/* What is due by the clock; how long poll may wait for the next of it, -1 for ever. */
static int by_the_clock(struct supervisor *s)
{
    int64_t now = clock_ms();

    if (s->next_ms != 0 && s->next_ms <= now)
        start_worker(s);
    if (s->kill_ms != 0 && s->kill_ms <= now) {
        log_warn("the worker does not stop: it is killed");
        s->kill_ms = 0;
        if (s->worker > 0)
            (void)kill(s->worker, SIGKILL);
    }
    if (s->worker > 0) {
        int64_t stalled = watchdog_tick(&s->watchdog, now);

        s->stalled_ms = stalled != 0 ? stalled : s->stalled_ms;
    }
    int64_t due = s->next_ms != 0 ? s->next_ms : s->kill_ms;
    if (s->worker > 0)
        due = sooner(due, watchdog_due(&s->watchdog));
    int64_t leaves = quarantine_due(&s->quarantine);
    if (leaves != 0 && leaves <= now)
        release_modules(s);
    due = sooner(due, quarantine_due(&s->quarantine));
    return due == 0 ? -1 : due > now ? (int)(due - now) : 0;
}

static void turn(struct supervisor *s)
{
    struct pollfd p[2] = { { .fd = s->signals, .events = POLLIN } };
    int wait = by_the_clock(s);

    p[1].fd = s->broker.peer.end;
    bool has_more = peer_has_more(&s->broker.peer) || may_hand_logs(s);
    p[1].events = has_more ? POLLIN | POLLOUT : POLLIN;
    if (poll(p, 2, wait) <= 0)
        return;
    if (p[1].revents != 0)
        on_message(s, p[1].revents);
    if (p[0].revents != 0)
        on_signal(s);
    hand_logs(s);
}

static void watch_signals(struct supervisor *s)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2 };
    sigset_t handled;

    sigemptyset(&handled);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(&handled, numbers[i]);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    s->signals = signalfd(-1, &handled, SFD_CLOEXEC);
}

int supervisor_run(struct launch *l, struct endpoints *e, void (*ready)(void *arg), void *arg)
{
    struct supervisor s = { .l = l, .e = e, .ready = ready, .arg = arg, .broker.peer.end = -1 };

    buffer_init(&s.said, SAID_MAX);
    problems_init(&s.problems);
    watch_signals(&s);
    s.blame = blame_create();
    const struct quarantine_rules rules = { .crashes = l->settings.quarantine.crashes,
                                            .window_ms = l->settings.quarantine.window,
                                            .length_ms = l->settings.quarantine.length };
    quarantine_init(&s.quarantine, &rules);
    start_worker(&s);
    while (s.worker > 0 || (!s.stopping && s.next_ms != 0))
        turn(&s);
    close(s.signals);
    blame_destroy(s.blame);
    broker_end(&s.broker);
    problems_finish(&s.problems);
    buffer_finish(&s.said);
    return s.was_ready ? SERVER_OK : SERVER_FAILED;
}
