/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include "date.h"
#include "handover.h"
#include "inherited.h"
#include "log.h"
#include "logging.h"
#include "notify.h"
#include "reload.h"
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    GRACE_MS = 8000, /* what a worker may need to end beyond shutdown_timeout */
    FIXED = 3        /* descriptors that are waited for beside those of workers */
};

struct supervisor {
    struct launch **l;
    struct endpoints *e;
    struct crew crew;
    struct reload reload;
    struct upgrade upgrade;
    struct heritage *heritage;
    bool upgrade_wanted, is_tried; /* another image: asked for; found good */
    int64_t elders_kill_ms;        /* as kill_ms, of the workers of the image before */
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
    heritage_end_elders(s->heritage, SIGTERM);
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

    if (pid == s->upgrade.pid)
        s->is_tried = upgrade_on_end(&s->upgrade, status);
    if (heritage_on_end(s->heritage, pid))
        return;
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
    case SIGUSR2:
        s->upgrade_wanted = !s->crew.stopping;
        break;
    default:
        break;
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

/* ---- another image */

/* One that is to end gives its idle connections to the worker that has its sockets now, and knows
   by that that it is to end. */
static bool join(struct supervisor *s, struct elder *elder)
{
    struct slot *heir = &s->crew.slots[elder->number];
    int ends[2];

    if (elder->number >= s->crew.count || heir->state != SLOT_SERVES || handover_pair(ends) < 0)
        return false;
    bool joined = peer_put(&heir->broker.peer, BROKER_TAKE, MPX_STR(""), &ends[0], 1) == 0 &&
                  peer_put(&elder->peer, BROKER_GIVE, MPX_STR(""), &ends[1], 1) == 0;
    close(ends[0]);
    close(ends[1]);
    return joined;
}

/* All workers serve for the first time: those of the image before have nothing more to do. */
static void relieve_elders(struct supervisor *s)
{
    if (s->heritage->elder_count == 0 || s->elders_kill_ms != 0 || !s->crew.was_ready)
        return;
    log_info("the new image serves; %zu worker%s of the one before finish%s",
             s->heritage->elder_count, s->heritage->elder_count == 1 ? "" : "s",
             s->heritage->elder_count == 1 ? "es" : "");
    s->elders_kill_ms = clock_ms() + (*s->l)->settings.shutdown_timeout + GRACE_MS;
    for (size_t i = 0; i < s->heritage->elder_count; i++)
        if (!join(s, &s->heritage->elders[i]))
            (void)kill(s->heritage->elders[i].pid, SIGTERM);
}

static void fill_heritage(const struct supervisor *s, struct heritage *h)
{
    h->endpoints = *s->e;
    for (size_t i = 0; i < s->crew.count; i++) {
        const struct slot *slot = &s->crew.slots[i];

        if (slot->pid > 0 && slot->broker.peer.end >= 0)
            h->elders[h->elder_count++] = (struct elder){ .pid = slot->pid,
                                                          .number = slot->number,
                                                          .peer = slot->broker.peer };
    }
}

/* Does not return when all is well. */
static void take_place(struct supervisor *s)
{
    struct heritage *h = s->heritage;

    s->is_tried = false;
    fill_heritage(s, h);
    int fd = heritage_leave(h);
    if (fd < 0) {
        log_error("cannot leave anything to a new image: %s", strerror(errno));
        h->elder_count = 0;
        return;
    }
    notify_reloading("another image takes over");
    log_info("the new image \"%s\" takes over", s->upgrade.program->path);
    notify_pass_on(true);
    inherited_pass_on(true);
    upgrade_execute(&s->upgrade);
    inherited_pass_on(false);
    notify_pass_on(false);
    heritage_take_back(h, fd);
    h->elder_count = 0;
    notify_ready("serves on: a new image could not be executed, the log says why");
}

/* One thing at a time: a reload ends first, and so do the workers of the last image. */
static void go_on_upgrading(struct supervisor *s)
{
    relieve_elders(s);
    if (s->crew.stopping || s->reload.state != RELOAD_RESTS || s->heritage->elder_count > 0 ||
        !s->crew.was_ready)
        return;
    s->elders_kill_ms = 0;
    if (s->is_tried)
        take_place(s);
    if (!s->upgrade_wanted || s->upgrade.pid > 0)
        return;
    s->upgrade_wanted = false;
    (void)upgrade_try(&s->upgrade);
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
        heritage_end_elders(s->heritage, SIGKILL);
    }
    crew_due(&due, s->kill_ms);
    if (s->elders_kill_ms != 0 && s->elders_kill_ms <= now)
        heritage_end_elders(s->heritage, SIGKILL);
    else
        crew_due(&due, s->heritage->elder_count > 0 ? s->elders_kill_ms : 0);
    tell_alive(s, now, &due);
    return due == 0 ? -1 : due > now ? (int)(due - now) : 0;
}

/* Signals, the checker, the trial of an image, then each worker; -1: it is not there. */
static void wait_for(struct supervisor *s, struct pollfd p[FIXED + CREW_MAX])
{
    const struct checker *k = &s->reload.checker;

    p[0] = (struct pollfd){ .fd = s->signals, .events = POLLIN };
    p[1] = (struct pollfd){ .fd = k->broker.peer.end, .events = checker_wants(k) };
    p[2] = (struct pollfd){ .fd = s->upgrade.out, .events = POLLIN };
    for (size_t i = 0; i < s->crew.count; i++) {
        const struct slot *slot = &s->crew.slots[i];

        p[FIXED + i] = (struct pollfd){ .fd = slot->broker.peer.end, .events = crew_wants(slot) };
    }
}

/* Whether workers have another list of who is in quarantine than they should, and can be told. */
static bool is_list_due(const struct supervisor *s)
{
    return s->crew.list_changed && !s->crew.stopping && s->reload.state == RELOAD_RESTS;
}

static void turn(struct supervisor *s)
{
    struct pollfd p[FIXED + CREW_MAX];
    int wait = by_the_clock(s);

    if (is_list_due(s)) /* what was under way is over */
        wait = 0;

    wait_for(s, p);
    if (poll(p, FIXED + s->crew.count, wait) > 0) {
        for (size_t i = 0; i < s->crew.count; i++)
            if (p[FIXED + i].revents != 0)
                crew_on_events(&s->crew, &s->crew.slots[i], p[FIXED + i].revents);
        if (p[1].revents != 0)
            checker_on_events(&s->reload.checker);
        if (p[2].revents != 0)
            upgrade_on_events(&s->upgrade);
        if (p[0].revents != 0)
            on_signal(s);
    }
    crew_hand_logs(&s->crew);
    if (is_list_due(s))
        reload_repeat(&s->reload);
    reload_go_on(&s->reload);
    go_on_upgrading(s);
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
    upgrade_init(&s.upgrade, calls->program);
    s.heritage = calls->heritage;
    s.crew.inherits = s.heritage->elder_count > 0;
    watch_signals(&s);
    collect_children(&s); /* of the image before: their signal may be lost */
    crew_start(&s.crew);
    while (crew_lives(&s.crew) || s.heritage->elder_count > 0)
        turn(&s);
    upgrade_stop(&s.upgrade);
    reload_finish(&s.reload);
    close(s.signals);
    crew_finish(&s.crew);
    return s.crew.was_ready ? SERVER_OK : SERVER_FAILED;
}
