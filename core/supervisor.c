/* SPDX-License-Identifier: MIT */
#include "supervisor.h"

#include "broker.h"
#include "date.h"
#include "log.h"
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

enum { BACK_OFF_MS = 100, BACK_OFF_MOST_MS = 5000, STEADY_MS = 10000 };

struct supervisor {
    struct launch *l;
    struct endpoints *e;
    struct blame *blame;
    void (*ready)(void *arg);
    void *arg;
    int signals, channel; /* channel -1: no worker */
    pid_t worker;
    int64_t born_ms, next_ms; /* next_ms: when a dead one is replaced */
    int64_t back_off_ms;
    bool was_ready, stopping;
    bool deaf; /* the worker has closed its end */
};

/* The worker. Nothing of the parent's state is used but what it sends. */
static _Noreturn void worker(struct supervisor *s, int channel)
{
    struct launch *l = &(struct launch){ .file = NULL };
    struct endpoints e = { .count = 0 };
    struct channel_message m;
    const char *error;
    int rc = SERVER_FAILED;

    endpoints_close(s->e);
    if (child_drop(&s->l->user, s->l->settings.no_new_privs, &error) < 0) {
        log_error("a worker cannot give up its rights: %s", error);
        _exit(SERVER_FAILED);
    }
    launch_init(l);
    while (channel_receive(channel, &m) == 1 && m.what == BROKER_LISTENERS) {
        for (size_t i = 0; i < m.fd_count && e.count < ENDPOINTS_MAX; i++)
            e.list[e.count++] =
                (struct endpoint){ .fd = m.fds[i], .listener = (unsigned char)m.text.p[i] };
        m.fd_count = 0;
        channel_finish(&m);
    }
    if (m.what == BROKER_CONFIG && launch_load(l, buffer_str(&m.text)) == 0)
        rc = server_run(l, &e, s->blame, channel, NULL, NULL);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    channel_finish(&m);
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
    launch_save(s->l, &b);
    rc = channel_send(s->channel, BROKER_LISTENERS, (struct mpx_str){ listeners, s->e->count }, fds,
                      s->e->count);
    if (rc == 0)
        rc = channel_send(s->channel, BROKER_CONFIG, buffer_str(&b), NULL, 0);
    buffer_finish(&b);
    return rc;
}

static void start_worker(struct supervisor *s)
{
    int ends[2];

    s->next_ms = 0;
    s->deaf = false;
    if (channel_pair(ends) < 0) {
        log_error("cannot start a worker: %s", strerror(errno));
        s->next_ms = clock_ms() + BACK_OFF_MOST_MS;
        return;
    }
    blame_clear(s->blame);
    s->worker = child_fork();
    if (s->worker == 0) {
        close(ends[0]);
        close(s->signals);
        worker(s, ends[1]);
    }
    close(ends[1]);
    s->channel = ends[0];
    s->born_ms = clock_ms();
    if (s->worker < 0) {
        log_error("cannot start a worker: %s", strerror(errno));
        close(s->channel);
        s->channel = -1;
        s->next_ms = s->born_ms + BACK_OFF_MOST_MS;
    } else if (send_all(s) < 0) {
        log_error("a worker does not listen to its supervisor");
    }
}

/* Why it ended, with the module that was at work, and when the next one starts. */
static void worker_ended(struct supervisor *s, int status)
{
    struct mpx_arena a;
    int64_t now = clock_ms();

    s->worker = 0;
    close(s->channel);
    s->channel = -1;
    if (s->stopping || !s->was_ready)
        return;
    arena_init(&a, NULL);
    const char *who = blame_text(s->blame, &a);
    log_error("a worker died: %s%s%s; starting another", child_status_text(&a, status),
              who != NULL ? ", " : "", who != NULL ? who : "");
    arena_finish(&a);
    if (now - s->born_ms >= STEADY_MS)
        s->back_off_ms = 0;
    s->next_ms = now + s->back_off_ms; /* the first one is replaced at once */
    s->back_off_ms = s->back_off_ms == 0 ? BACK_OFF_MS : 2 * s->back_off_ms;
    if (s->back_off_ms > BACK_OFF_MOST_MS)
        s->back_off_ms = BACK_OFF_MOST_MS;
}

static void on_message(struct supervisor *s)
{
    struct channel_message m;

    if (channel_receive(s->channel, &m) != 1) {
        channel_finish(&m);
        shutdown(s->channel, SHUT_RDWR);
        s->deaf = true; /* it is about to end: SIGCHLD tells */
        return;
    }
    if (m.what == BROKER_READY && !s->was_ready) {
        s->was_ready = true;
        s->ready(s->arg);
    } else if (m.what == BROKER_OPEN || m.what == BROKER_READ) {
        broker_answer(s->channel, &m, s->l->root, &s->l->sources);
    }
    channel_finish(&m);
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
        s->stopping = true;
        endpoints_remove(s->e);
        if (s->worker > 0)
            (void)kill(s->worker, SIGTERM); /* the second one makes it end at once */
        break;
    case SIGCHLD:
        if (s->worker > 0 && waitpid(s->worker, &status, WNOHANG) == s->worker)
            worker_ended(s, status);
        break;
    default:
        log_warn("signal %s is not supported by this version: restart to read the configuration "
                 "again",
                 strsignal((int)info.ssi_signo));
    }
}

static void turn(struct supervisor *s)
{
    struct pollfd p[2] = { { .fd = s->signals, .events = POLLIN },
                           { .fd = s->deaf ? -1 : s->channel, .events = POLLIN } };
    int64_t wait = s->next_ms != 0 ? s->next_ms - clock_ms() : -1;

    if (s->next_ms != 0 && wait <= 0) {
        start_worker(s);
        return;
    }
    if (poll(p, 2, (int)wait) <= 0)
        return;
    if (p[1].revents != 0)
        on_message(s);
    if (p[0].revents != 0)
        on_signal(s);
}

int supervisor_run(struct launch *l, struct endpoints *e, void (*ready)(void *arg), void *arg)
{
    struct supervisor s = { .l = l, .e = e, .ready = ready, .arg = arg, .channel = -1 };
    sigset_t handled;

    sigemptyset(&handled);
    static const int numbers[] = { SIGTERM, SIGINT, SIGQUIT, SIGCHLD, SIGHUP, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        sigaddset(&handled, numbers[i]);
    sigprocmask(SIG_BLOCK, &handled, NULL);
    s.signals = signalfd(-1, &handled, SFD_CLOEXEC);
    s.blame = blame_create();
    start_worker(&s);
    while (!(s.stopping && s.worker <= 0) && !(s.worker <= 0 && !s.was_ready && s.next_ms == 0))
        turn(&s);
    close(s.signals);
    blame_destroy(s.blame);
    return s.was_ready ? SERVER_OK : SERVER_FAILED;
}
