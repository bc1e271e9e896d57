/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include "date.h"
#include "inherited.h"
#include "log.h"
#include "logging.h"
#include "notify.h"
#include "reload.h"
#include "server.h"

#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GRACE_MS = 8000 /* what a worker may need to end beyond shutdown_timeout */ };

struct supervisor {
    struct launch **l;
    struct endpoints *e;
    struct crew crew;
    struct reload reload;
    int signals;
    int64_t alive_ms; /* when the service manager is to hear that the workers' loops turn */
    int64_t kill_ms; /* when workers that were told to stop have had their time; 0: they were not */
};

/* The first time they have shutdown_timeout to end; the second time they end at once. */
static void stop(struct supervisor *s)
{
    int64_t most = s->crew.stopping ? 0 : (*s->l)->settings.shutdown_timeout;

    s->crew.stopping = true;
    notify_stopping("finishes what is under way", most + GRACE_MS);
    reload_stop(&s->reload);
    endpoints_remove(s->e);
    inherited_close();
    s->kill_ms = clock_ms() + most + GRACE_MS;
    crew_signal(&s->crew, SIGTERM);
}

/* The logs are opened again: ours now, a worker's as soon as it serves. */
static void reopen(struct supervisor *s)
{
    logging_reopen(&(*s->l)->settings, &(*s->l)->grants.as);
    crew_reopen(&s->crew);
}

/* A child has ended: the checker, or a worker. */
static void on_end(struct supervisor *s, pid_t pid, int status)
{
    struct slot *slot = crew_slot(&s->crew, pid);

    if (checker_runs(&s->reload.checker) && pid == s->reload.checker.pid)
        checker_on_end(&s->reload.checker, status);
    if (slot == NULL)
        return;
    enum slot_state was = slot->state;
    crew_on_end(&s->crew, slot, status);
    reload_on_loss(&s->reload, was);
}

static void collect_children(struct supervisor *s)
{
    int status;
    pid_t pid;

    while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
        on_end(s, pid, status);
}

static void on_signal(struct supervisor *s)
{
    struct signalfd_siginfo info;

    if (read(s->signals, &info, sizeof(info)) != (ssize_t)sizeof(info))
        return;
    switch (info.ssi_signo) {
    case SIGTERM:
    case SIGINT:
    case SIGQUIT:
        stop(s);
        break;
    case SIGCHLD:
        collect_children(s);
        break;
    case SIGHUP:
        if (s->crew.stopping)
            break;
        reopen(s);
        reload_begin(&s->reload);
        break;
    case SIGUSR1:
        reopen(s);
        break;
    default:
        server_refuse_signal((int)info.ssi_signo);
    }
}

/* The service manager hears nothing of a worker that stalls, and ends us all in the end. */
static void tell_alive(struct supervisor *s, int64_t now, int64_t *due)
{
    int64_t every = notify_watchdog_ms();

    if (every == 0)
        return;
    if (s->alive_ms <= now) {
        s->alive_ms = now + every;
        if (crew_turns(&s->crew))
            notify_alive();
    }
    crew_due(due, s->alive_ms);
}

/* What is due by the clock; how long poll may wait for the next of it, -1 for ever. */
static int by_the_clock(struct supervisor *s)
{
    int64_t now = clock_ms(), due = 0;

    crew_by_the_clock(&s->crew, now, &due);
    reload_by_the_clock(&s->reload, now, &due);
    if (s->kill_ms != 0 && s->kill_ms <= now) {
        log_warn("the worker does not stop: it is killed");
        s->kill_ms = 0;
        crew_signal(&s->crew, SIGKILL);
    }
    crew_due(&due, s->kill_ms);
    tell_alive(s, now, &due);
    return due == 0 ? -1 : due > now ? (int)(due - now) : 0;
}

/* Signals, the checker, then each worker; -1 stands for what is not there. */
static void wait_for(struct supervisor *s, struct pollfd p[CREW_MAX + 2])
{
    const struct checker *k = &s->reload.checker;

    p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
    p[1] = (struct pollfd){ .fd = k->broker.peer.end, .events = checker_wants(k) };
    for (size_t i = 0; i < s->crew.count; i++) {
        const struct slot *slot = &s->crew.slots[i];

        p[2 + i] = (struct pollfd){ .fd = slot->broker.peer.end, .events = crew_wants(slot) };
    }
}

static void turn(struct supervisor *s)
{
    struct pollfd p[CREW_MAX + 2];
    int wait = by_the_clock(s);

    wait_for(s, p);
    if (poll(p, 2 + s->crew.count, wait) > 0) {
        for (size_t i = 0; i < s->crew.count; i++)
            if (p[2 + i].revents != 0)
                crew_on_events(&s->crew, &s->crew.slots[i], p[2 + i].revents);
        if (p[1].revents != 0)
            checker_on_events(&s->reload.checker);
        if (p[0].revents != 0)
            on_signal(s);
    }
    crew_hand_logs(&s->crew);
    reload_go_on(&s->reload);
    if (s->crew.list_changed && !s->crew.stopping && s->reload.state == RELOAD_RESTS)
        reload_repeat(&s->reload);
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

int supervisor_run(struct launch **l, struct endpoints *e, const struct supervisor_calls *calls)
{
    struct supervisor s = { .l = l, .e = e };

    crew_init(&s.crew, (size_t)(*l)->settings.workers);
    s.crew.launch = *l;
    crew_set_rules(&s.crew);
    s.crew.endpoints = e;
    s.crew.ready = calls->ready;
    s.crew.arg = calls->arg;
    reload_init(&s.reload, &s.crew, l, e);
    s.reload.read = calls->read;
    s.reload.arg = calls->arg;
    watch_signals(&s);
    crew_start(&s.crew);
    while (crew_lives(&s.crew))
        turn(&s);
    reload_finish(&s.reload);
    close(s.signals);
    crew_finish(&s.crew);
    return s.crew.was_ready ? SERVER_OK : SERVER_FAILED;
}
