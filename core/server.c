/* SPDX-License-Identifier: MIT */
#include "server.h"

#include "broker.h"
#include "descriptors.h"
#include "http1.h"
#include "listener.h"
#include "log.h"
#include "logging.h"
#include "must.h"
#include "phase.h"
#include "program.h"
#include "wait.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JOBS_MS = 5000 }; /* how long a stop waits for work on threads that is under way */

/* Signals whose meaning is still to come. */
static const int refused_signals[] = { SIGUSR2 };
enum {
    REFUSED = sizeof(refused_signals) / sizeof(refused_signals[0]),
    PATH_BYTES_MAX = 65536 /* of a log that is handed over */
};

struct server {
    struct worker *w;
    struct generation generation;
    struct modules modules;
    struct listener *listeners[ENDPOINTS_MAX];
    size_t listener_count;
    struct loop_event tick, term, interrupt, quit, hangup, user1, parent, deadline,
        refused[REFUSED];
    int channel;
    struct peer peer; /* the same, once we serve */
    bool orphaned;    /* stopping because the supervisor is gone */
    bool hurried;     /* nothing more is waited for */
};

static int open_own_log(void *arg, const char *path)
{
    const struct settings *s = arg;
    const struct logfile_as as = { s->log_mode_bits, NULL };

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

/* The helpers of the generation, and its log. */
static int equip(struct server *s, struct blame *blame)
{
    if (worker_init(s->w, &s->generation.settings, blame) < 0)
        return -1;
    s->w->generation = &s->generation;
    s->w->go_on = phase_go_on;
    s->w->open_log = s->channel >= 0 ? ask_for_log : open_own_log;
    s->w->open_log_arg = s->channel >= 0 ? (void *)&s->channel : &s->generation.settings;
    s->generation.worker = s->w;
    return logging_through_sinks(&s->generation.settings, s->w);
}

/* Modules with their settings, opened; 0, or -1 with the reasons in problems or logged. */
static int load(struct server *s, struct launch *l, struct blame *blame, struct problems *problems)
{
    struct generation_request request = { .file = l->file,
                                          .overrides = l->overrides,
                                          .strict = l->strict };

    if (s->channel >= 0) {
        request.read_private = broker_read_private;
        request.arg = &s->channel;
    }
    modules_init(&s->modules);
    generation_build(&s->generation, &l->sources, &s->modules, problems, blame, &request);
    if (problems->count > 0 || equip(s, blame) < 0 || generation_open(&s->generation) < 0)
        return -1;
    s->w->open_log = refuse_log;
    log_debug("open: %u modules, %zu virtual hosts, at most %llu descriptors", s->modules.count,
              s->generation.vhost_count, (unsigned long long)descriptors_raise());
    return 0;
}

/* The same; the reasons are told to whoever waits for the start. */
static int prepare(struct server *s, struct launch *l, struct blame *blame)
{
    struct problems problems;

    problems_init(&problems);
    int rc = load(s, l, blame, &problems);
    s->generation.problems = NULL;
    if (s->channel >= 0)
        broker_tell_problems(s->channel, &problems);
    else
        problems_show(&problems);
    problems_finish(&problems);
    return rc;
}

static void on_tick(int fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    worker_tick(s->w);
    for (size_t i = 0; i < s->listener_count; i++)
        listener_sweep(s->listeners[i]);
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
    int64_t most = s->generation.settings.shutdown_timeout;

    (void)fd;
    (void)what;
    worker_update_clock(s->w);
    if (s->w->stopping || s->w->conn_count == 0) {
        s->hurried = s->w->stopping;
        s->w->stopping = true;
        loop_stop(s->w->loop);
        return;
    }
    s->w->stopping = true;
    for (size_t i = 0; i < s->listener_count; i++)
        listener_stop(s->listeners[i]);
    for (size_t i = 0; i < s->listener_count; i++)
        listener_close_idle(s->listeners[i]);
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

/* The supervisor hands over logs that it has opened again; that it is gone can be read, too. */
static void on_parent(int fd, short what, void *arg)
{
    struct server *s = arg;
    int rc;

    while ((rc = peer_take(&s->peer)) == 1) {
        if (s->peer.in.what != BROKER_REOPENED || s->peer.in.fd_count != 1)
            continue;
        (void)sink_reopen(s->w->sinks, buffer_str(&s->peer.in.text), s->peer.in.fds[0]);
        s->peer.in.fds[0] = -1; /* was taken, or closed where nobody writes to it */
    }
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
    const struct logfile_as as = { s->generation.settings.log_mode_bits, NULL };
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
    if (number == SIGHUP)
        server_explain_hangup();
    sinks_each_file(s->w->sinks, reopen_one, s);
}

void server_explain_hangup(void)
{
    log_warn("the logs are opened again; this version does not read its configuration again: "
             "restart for that");
}

void server_refuse_signal(int number)
{
    log_warn("signal %s is not supported by this version: restart to read the configuration again",
             strsignal(number));
}

static void on_refused(int number, short what, void *arg)
{
    (void)what;
    (void)arg;
    server_refuse_signal(number);
}

static int watch_parent(struct server *s)
{
    peer_open(&s->peer, s->channel, PATH_BYTES_MAX);
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
    int rc = loop_timer(s->w->loop, &s->tick, 1000, LOOP_REPEAT, on_tick, s) | watch_signals(s);

    for (size_t i = 0; i < e->count; i++) {
        const struct listener_settings *l = &s->generation.settings.listeners[e->list[i].listener];

        s->listeners[s->listener_count++] =
            listener_create(s->w, l, &http1_protocol, e->list[i].fd);
        e->list[i].fd = -1;
    }
    return rc;
}

static void on_jobs_late(int fd, short what, void *arg)
{
    struct server *s = arg;

    (void)fd;
    (void)what;
    s->hurried = true;
}

/* Threads may still work for requests that are gone; their memory waits for them. False when they
   do not come to an end in time. */
static bool wait_for_jobs(struct server *s)
{
    if (s->generation.uses == 0)
        return true;
    if (loop_timer(s->w->loop, &s->deadline, JOBS_MS, 0, on_jobs_late, s) < 0)
        return false;
    while (s->generation.uses > 0 && !s->hurried)
        loop_turn(s->w->loop, true);
    return s->generation.uses == 0;
}

/* False when threads are still at work: then nothing that they may touch can be freed. */
static bool stop(struct server *s)
{
    struct link *l;

    loop_end(&s->tick);
    loop_end(&s->deadline);
    for (size_t i = 0; i < s->listener_count; i++)
        listener_destroy(s->listeners[i]);
    s->listener_count = 0;
    bool is_quiet = wait_for_jobs(s);
    while ((l = list_first(&s->generation.watches)) != NULL)
        wait_end_watch(CONTAINER_OF(l, struct mpx_watch, link));
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
    generation_finish(&s->generation);
    logging_end();
    if (s->w->loop != NULL)
        worker_finish(s->w);
    modules_finish(&s->modules);
    peer_close(&s->peer);
    free(s->w);
    free(s);
}

int server_run(struct launch *l, struct endpoints *e, struct blame *blame, int channel,
               void (*ready)(void *arg), void *arg)
{
    struct server *s = must_calloc(sizeof(*s));
    int rc = SERVER_FAILED;

    s->w = must_calloc(sizeof(*s->w));
    s->channel = channel;
    s->peer.end = -1;
    if (prepare(s, l, blame) == 0 && start(s, e) == 0) {
        if (channel >= 0)
            (void)channel_send(channel, BROKER_READY, MPX_STR(""), NULL, 0);
        else
            ready(arg);
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
