/* SPDX-License-Identifier: MIT */
#include "program.h"

#include "must.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ASK_MS = 25 }; /* how often, where the kernel does not tell of the end by itself */

struct program *program_create(void)
{
    struct program *p = must_calloc(sizeof(*p));

    p->pidfd = p->in = p->out = p->err = -1;
    return p;
}

void program_close(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

static void tell_group(const struct program *p, int number)
{
    (void)kill(-p->pid, number);
}

/* It is reaped last: as long as its zombie is there no other group gets its number. */
static void bury(struct program *p)
{
    loop_end(&p->exit_event);
    loop_end(&p->kill_event);
    tell_group(p, SIGKILL);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    program_close(&p->pidfd);
    list_remove(&p->link);
    if (p->on_gone != NULL)
        p->on_gone(p->gone_arg);
    free(p);
}

/* Whether the leader has exited; it stays a zombie. */
static bool has_exited(struct program *p)
{
    siginfo_t info = { 0 };

    if (waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOWAIT | WNOHANG) < 0 || info.si_pid == 0)
        return false;
    p->status = info.si_code == CLD_EXITED
                    ? (info.si_status & 0xff) << 8
                    : info.si_status | (info.si_code == CLD_DUMPED ? 0x80 : 0);
    p->exited = true;
    return true;
}

static void on_exit_event(int fd, short what, void *arg)
{
    struct program *p = arg;

    (void)fd;
    (void)what;
    if (p->exited || !has_exited(p))
        return;
    loop_end(&p->exit_event);
    if (p->released)
        bury(p);
    else
        p->on_exit(p->owner);
}

void program_watch(struct program *p, struct loop *l, struct list *living)
{
    p->loop = l;
    list_push(living, &p->link);
    if (p->pidfd >= 0 &&
        loop_watch(l, &p->exit_event, p->pidfd, LOOP_READ | LOOP_REPEAT, 0, on_exit_event, p) == 0)
        return;
    MUST(loop_timer(l, &p->exit_event, ASK_MS, LOOP_REPEAT, on_exit_event, p) == 0);
}

static void on_kill_event(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    tell_group(arg, SIGKILL);
}

void program_release(struct program *p)
{
    p->released = true;
    program_close(&p->in);
    program_close(&p->out);
    program_close(&p->err);
    if (p->pid == 0) {
        if (p->on_gone != NULL)
            p->on_gone(p->gone_arg);
        free(p);
        return;
    }
    if (p->exited || has_exited(p)) {
        bury(p);
        return;
    }
    tell_group(p, SIGTERM);
    tell_group(p, SIGCONT); /* one that was stopped hears it, too */
    (void)loop_timer(p->loop, &p->kill_event, PROGRAM_KILL_MS, 0, on_kill_event, p);
}

void program_kill_all(struct list *living)
{
    struct link *k;

    for (k = list_first(living); k != NULL; k = list_next(living, k))
        tell_group(CONTAINER_OF(k, struct program, link), SIGKILL);
    while ((k = list_first(living)) != NULL) {
        struct program *p = CONTAINER_OF(k, struct program, link);

        program_close(&p->in);
        program_close(&p->out);
        program_close(&p->err);
        bury(p);
    }
}
