/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "alone.h"
#include "broker.h"
#include "descriptors.h"
#include "enlist.h"
#include "handover.h"
#include "inherited.h"
#include "listener.h"
#include "log.h"
#include "logging.h"
#include "must.h"
#include "notify.h"
#include "phase.h"
#include "program.h"
#include "reign.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MS = 5000 }; /* how long a stop waits for work on threads that is under way */

/* Signals that mean something to a supervisor. */
static const int refused_signals[] = { SIGUSR2 };
enum {
    REFUSED = sizeof(refused_signals) / sizeof(refused_signals[0]),
};

struct server {
    struct worker *w;
    struct modules modules;
    struct reign reign;
    struct alone alone;        /* of a process that has no supervisor */
    struct edition *first;     /* until it is in force */
    struct mpx_str quarantine; /* that came for the next configuration; on the heap */
    struct endpoints sockets;  /* the same */
    struct loop_event tick, alive, term, interrupt, quit, hangup, user1, parent, deadline,
        refused[REFUSED];
    struct handover handover;
    int channel;
    struct peer peer; /* the same, once we serve */
    bool orphaned;    /* stopping because the supervisor is gone */
    bool hurried;     /* nothing more is waited for */
};

static const struct settings *settings_of(const struct server *s)
{
    return &(s->first != NULL ? s->first : s->reign.now)->g.settings;
}

/* With the mode of the configuration that wants it. */
static int open_own_log(void *arg, const char *path)
{
    const struct server *s = arg;
    const struct edition *e = s->reign.next;
    const struct logfile_as as = { (e != NULL ? &e->g.settings : settings_of(s))->log_mode_bits,
                                   NULL };

    return logfile_open(path, &as);
}

static int ask_for_log(void *arg, const char *path)
{
    return broker_open_log(*(int *)arg, path);
}

/* When all are open. */
static int refuse_log(void *arg, const char *path)
{
    (void)arg;
    (void)path;
    return -EPERM;
}

/* The worker, with what its first configuration says of it. */
static int equip(struct server *s, struct blame *blame)
{
    if (worker_init(s->w, settings_of(s), blame) < 0)
        return -1;
    s->w->go_on = phase_go_on;
    s->w->open_log = s->channel >= 0 ? ask_for_log : open_own_log;
    s->w->open_log_arg = s->channel >= 0 ? (void *)&s->channel : (void *)s;
    return 0;
}

/* Tells whoever waits for a configuration what is wrong with it. */
static void tell_problems(const struct server *s, const struct problems *p)
{
    if (s->channel >= 0)
        broker_tell_problems(s->channel, p);
    else
        problems_show(p);
}

/* Modules with their settings, opened; 0, or -1 when that was told. */
static int prepare(struct server *s, struct launch *l, struct blame *blame)
{
    struct edition *e;

    s->w->blame = blame;
    e = s->first = edition_create(s->w, &s->modules, l, false);
    if (s->channel >= 0)
        edition_set_reader(e, broker_read_private, &s->channel);
    int rc = edition_build(e) < 0 || equip(s, blame) < 0 || edition_open(e) < 0 ? -1 : 0;
    tell_problems(s, &e->problems);
    if (s->channel >= 0)
        s->w->open_log = refuse_log;
    return rc;
}

/* The loop turns: a single process tells it itself. */
static void on_alive(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
    notify_alive();
}

static void on_tick(int fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    worker_tick(s->w);
    for (struct link *k = list_first(&s->w->listeners); k != NULL;
         k = list_next(&s->w->listeners, k))
        listener_sweep(CONTAINER_OF(k, struct listener, link));
    reign_tick(&s->reign);
}

static void on_deadline(int fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    log_warn("stopped with %u connections open", s->w->conn_count);
    loop_stop(s->w->loop);
}

/* The first time: no new connections, what is under way is finished, for a limited time. The second
   time: now. */
static void on_stop(int fd, short what, void *arg)
{
    struct server *s = arg;
    int64_t most = settings_of(s)->shutdown_timeout;
    struct link *k;

    (void)fd;
    (void)what;
    worker_update_clock(s->w);
    if (s->channel < 0 && !s->w->stopping) {
        notify_stopping("finishes what is under way", most + JOBS_MS);
        inherited_close();
    }
    if (s->w->stopping || s->w->conn_count == 0) {
        s->hurried = s->w->stopping;
        s->w->stopping = true;
        loop_stop(s->w->loop);
        return;
    }
    s->w->stopping = true;
    if (s->channel < 0)
        alone_end(&s->alone);
    reign_abandon(&s->reign);
    for (k = list_first(&s->w->listeners); k != NULL; k = list_next(&s->w->listeners, k))
        listener_stop(CONTAINER_OF(k, struct listener, link));
    for (k = list_first(&s->w->listeners); k != NULL; k = list_next(&s->w->listeners, k))
        listener_close_idle(CONTAINER_OF(k, struct listener, link));
    (void)loop_timer(s->w->loop, &s->deadline, most, 0, on_deadline, s);
}

static void on_term(int fd, short what, void *arg)
{
    struct server *s = arg;

    if (s->orphaned) { /* the kernel tells as well that the supervisor is gone */
        s->orphaned = false;
        return;
    }
    on_stop(fd, what, arg);
}

static void say(const struct server *s, enum broker_message what)
{
    (void)channel_send(s->channel, (char)what, MPX_STR(""), NULL, 0);
}

/* The next configuration stands, or it does not. */
static void on_prepared(struct edition *e, void *arg)
{
    struct server *s = arg;
    bool stands = e->problems.count == 0;

    s->w->open_log = refuse_log;
    s->reign.next_stands = stands;
    tell_problems(s, &e->problems);
    say(s, stands ? BROKER_PREPARED : BROKER_REFUSED);
    if (!stands)
        reign_abandon(&s->reign);
}

/* Another configuration, for the sockets that came before it. */
static void on_config(struct server *s, struct mpx_str text)
{
    struct launch *l = must_calloc(sizeof(*l));

    launch_init(l);
    if (s->w->stopping || launch_load(l, text) < 0) {
        launch_finish(l);
        free(l);
        say(s, BROKER_REFUSED);
        return;
    }
    l->quarantine = arena_copy(&l->arena, s->quarantine);
    struct edition *e = edition_create(s->w, &s->modules, l, true);
    edition_set_reader(e, broker_read_private, &s->channel);
    s->w->open_log = ask_for_log;
    reign_prepare(&s->reign, e, &s->sockets, on_prepared, s);
}

static void keep_quarantine(struct server *s, struct mpx_str text)
{
    char *copy = must_alloc(text.n + 1);

    memcpy(copy, text.p, text.n);
    free((void *)(uintptr_t)s->quarantine.p);
    s->quarantine = (struct mpx_str){ copy, text.n };
}

/* Another worker takes our place. */
static void give(struct server *s, struct channel_message *m)
{
    if (m->fd_count != 1 || s->w->stopping)
        return;
    handover_give(s->w, m->fds[0]);
    m->fds[0] = -1;
    on_stop(-1, 0, s);
}

static void on_message(struct server *s, struct channel_message *m)
{
    switch (m->what) {
    case BROKER_REOPENED:
        if (m->fd_count != 1)
            break;
        (void)sink_reopen(s->w->sinks, buffer_str(&m->text), m->fds[0]);
        m->fds[0] = -1; /* was taken, or closed where nobody writes to it */
        break;
    case BROKER_LISTENERS:
        endpoints_close(&s->sockets);
        (void)enlist_endpoints(&s->sockets, buffer_str(&m->text), m->fds, m->fd_count);
        break;
    case BROKER_QUARANTINE:
        keep_quarantine(s, buffer_str(&m->text));
        break;
    case BROKER_CONFIG:
        on_config(s, buffer_str(&m->text));
        break;
    case BROKER_COMMIT:
        if (s->reign.next != NULL && s->reign.next_stands)
            reign_commit(&s->reign);
        say(s, BROKER_COMMITTED);
        break;
    case BROKER_GIVE:
        give(s, m);
        break;
    case BROKER_TAKE:
        if (m->fd_count != 1 || s->w->stopping)
            break;
        handover_take(&s->handover, s->w, m->fds[0]);
        m->fds[0] = -1;
        break;
    case BROKER_ABANDON:
        reign_abandon(&s->reign);
        break;
    default:
        break;
    }
}

/* What the supervisor hands over; that it is gone can be read, too. */
static void on_parent(int fd, short what, void *arg)
{
    struct server *s = arg;
    int rc;

    worker_update_clock(s->w);
    while ((rc = peer_take(&s->peer)) == 1)
        on_message(s, &s->peer.in);
    if (rc == 0)
        return;
    loop_end(&s->parent);
    if (s->w->stopping)
        return;
    s->orphaned = true;
    on_stop(fd, what, arg);
}

/* Without a supervisor: with the rights that are left. */
static void reopen_one(void *arg, struct mpx_str target)
{
    struct server *s = arg;
    const struct logfile_as as = { settings_of(s)->log_mode_bits, NULL };
    int fd = logfile_open(target.p, &as);

    if (fd >= 0)
        (void)sink_reopen(s->w->sinks, target, fd);
    else
        log_error("\"%.*s\" cannot be opened again: %s; what comes goes into the old file",
                  STR_ARGS(target), strerror(-fd));
}

static void on_reopen(int number, short what, void *arg)
{
    struct server *s = arg;

    (void)what;
    worker_update_clock(s->w);
    sinks_each_file(s->w->sinks, reopen_one, s);
    if (number == SIGHUP)
        alone_reload(&s->alone);
}

/* What only a supervisor can do. */
static void on_refused(int number, short what, void *arg)
{
    (void)what;
    (void)arg;
    log_warn("signal %s does nothing where \"workers\" is 0: there is no supervisor that could "
             "pass the sockets on; restart",
             strsignal(number));
}

static int watch_parent(struct server *s)
{
    peer_open(&s->peer, s->channel, CHANNEL_BYTES_MAX);
    s->peer.takes_fds = true;
    return loop_watch(s->w->loop, &s->parent, s->channel, LOOP_READ | LOOP_REPEAT, 0, on_parent, s);
}

/* A worker's other signals are its supervisor's, who has it ignore them. */
static int watch_signals(struct server *s)
{
    struct loop *loop = s->w->loop;
    int rc = loop_signal(loop, &s->term, SIGTERM, on_term, s);

    (void)signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error like a full disk */
    if (s->channel >= 0)
        return rc | watch_parent(s);
    rc |= loop_signal(loop, &s->interrupt, SIGINT, on_stop, s);
    rc |= loop_signal(loop, &s->quit, SIGQUIT, on_stop, s);
    rc |= loop_signal(loop, &s->hangup, SIGHUP, on_reopen, s);
    rc |= loop_signal(loop, &s->user1, SIGUSR1, on_reopen, s);
    for (size_t i = 0; i < REFUSED; i++)
        rc |= loop_signal(loop, &s->refused[i], refused_signals[i], on_refused, s);
    return rc;
}

static int start(struct server *s, struct endpoints *e)
{
    struct edition *first = s->first;
    int rc = loop_timer(s->w->loop, &s->tick, 1000, LOOP_REPEAT, on_tick, s) | watch_signals(s);
    int64_t alive = s->channel < 0 ? notify_watchdog_ms() : 0;

    if (alive > 0)
        rc |= loop_timer(s->w->loop, &s->alive, alive, LOOP_REPEAT, on_alive, s);

    s->first = NULL;
    reign_begin(&s->reign, first, e);
    log_debug("open: %u modules, %zu virtual hosts, at most %llu descriptors", s->modules.count,
              first->g.vhost_count, (unsigned long long)descriptors_raise(0));
    return rc;
}

static void on_jobs_late(int fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    s->hurried = true;
}

static bool is_at_work(const struct server *s)
{
    return reign_uses(&s->reign) > 0 || alone_is_reading(&s->alone);
}

/* Threads may still work for requests that are gone; their memory waits for them. False when they
   do not come to an end in time. */
static bool wait_for_jobs(struct server *s)
{
    if (!is_at_work(s))
        return true;
    if (loop_timer(s->w->loop, &s->deadline, JOBS_MS, 0, on_jobs_late, s) < 0)
        return false;
    while (is_at_work(s) && !s->hurried)
        loop_turn(s->w->loop, true);
    return !is_at_work(s);
}

/* False when threads are still at work: then nothing that they may touch can be freed. */
static bool stop(struct server *s)
{
    struct link *k;

    loop_end(&s->tick);
    loop_end(&s->alive);
    loop_end(&s->deadline);
    if (s->channel < 0)
        alone_end(&s->alone);
    handover_finish(&s->handover);
    while ((k = list_first(&s->w->listeners)) != NULL)
        listener_destroy(CONTAINER_OF(k, struct listener, link));
    reign_abandon(&s->reign);
    bool is_quiet = wait_for_jobs(s);
    loop_end(&s->term);
    loop_end(&s->interrupt);
    loop_end(&s->quit);
    loop_end(&s->hangup);
    loop_end(&s->user1);
    loop_end(&s->parent);
    loop_end(&s->deadline);
    return is_quiet;
}

/* All of it, when nothing is at work any more. */
static void release(struct server *s)
{
    logging_end();
    reign_end(&s->reign);
    if (s->first != NULL)
        edition_destroy(s->first);
    endpoints_close(&s->sockets);
    free((void *)(uintptr_t)s->quarantine.p);
    if (s->w->loop != NULL)
        worker_finish(s->w);
    modules_finish(&s->modules);
    peer_close(&s->peer);
    free(s->w);
    free(s);
}

int server_run(struct launch *l, struct endpoints *e, struct blame *blame, int channel,
               const struct alone_calls *alone)
{
    struct server *s = must_calloc(sizeof(*s));
    int rc = SERVER_FAILED;

    s->w = must_calloc(sizeof(*s->w));
    s->channel = channel;
    s->peer.end = -1;
    modules_init(&s->modules);
    reign_init(&s->reign, s->w);
    alone_init(&s->alone, alone, s->w, &s->modules, &s->reign);
    if (prepare(s, l, blame) == 0 && start(s, e) == 0) {
        if (channel >= 0)
            (void)channel_send(channel, BROKER_READY, MPX_STR(""), NULL, 0);
        else
            alone->ready(alone->arg);
        loop_run(s->w->loop);
        rc = SERVER_OK;
    }
    for (size_t i = 0; i < REFUSED; i++)
        loop_end(&s->refused[i]);
    if (s->w->loop == NULL || stop(s)) {
        release(s);
        return rc;
    }
    log_warn("stopped while threads were still at work");
    program_kill_all(&s->w->programs);
    logging_end();
    sinks_destroy(s->w->sinks);
    return SERVER_BUSY;
}
