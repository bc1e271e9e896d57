/* SPDX-License-Identifier: MIT */
#include "upgrade.h"

#include "child.h"
#include "log.h"
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SAID_MAX = 65536, PIECE = 4096, SECONDS_MAX = 600 };

void upgrade_init(struct upgrade *u, const struct upgrade_program *program)
{
    *u = (struct upgrade){ .program = program, .out = -1 };
    buffer_init(&u->said, SAID_MAX);
}

static void close_out(struct upgrade *u)
{
    if (u->out >= 0)
        close(u->out);
    u->out = -1;
}

void upgrade_stop(struct upgrade *u)
{
    if (u->pid > 0) {
        (void)kill(u->pid, SIGKILL);
        (void)child_wait(u->pid);
    }
    u->pid = 0;
    close_out(u);
    buffer_finish(&u->said);
}

/* The arguments, and --test before them. */
static char **arguments(const struct upgrade_program *p)
{
    static char test[] = "--test";
    size_t count = 0;

    while (p->argv[count] != NULL)
        count++;
    char **argv = must_calloc((count + 2) * sizeof(*argv));
    argv[0] = p->argv[0];
    argv[1] = test;
    for (size_t i = 1; i < count; i++)
        argv[i + 1] = p->argv[i];
    return argv;
}

static _Noreturn void test(const struct upgrade_program *p, int out)
{
    (void)dup2(out, STDOUT_FILENO);
    (void)dup2(out, STDERR_FILENO);
    (void)alarm(SECONDS_MAX);
    if (chdir(p->folder) == 0)
        (void)execv(p->path, arguments(p));
    dprintf(STDERR_FILENO, "cannot execute \"%s\": %s\n", p->path, strerror(errno));
    _exit(127);
}

int upgrade_try(struct upgrade *u)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC) < 0) {
        log_error("cannot try another image: %s", strerror(errno));
        return -1;
    }
    u->said.n = 0;
    u->pid = child_fork(CHILD_TRIES);
    if (u->pid == 0)
        test(u->program, ends[1]);
    close(ends[1]);
    u->out = ends[0];
    (void)fcntl(u->out, F_SETFL, O_NONBLOCK);
    if (u->pid > 0)
        return 0;
    log_error("cannot try another image: %s", strerror(errno));
    u->pid = 0;
    close_out(u);
    return -1;
}

void upgrade_on_events(struct upgrade *u)
{
    char piece[PIECE];
    ssize_t n;

    while ((n = read(u->out, piece, sizeof(piece))) > 0)
        (void)buffer_add(&u->said, (struct mpx_str){ piece, (size_t)n });
    if (n == 0)
        close_out(u);
}

bool upgrade_on_end(struct upgrade *u, int status)
{
    if (u->out >= 0)
        upgrade_on_events(u);
    close_out(u);
    u->pid = 0;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_SUCCESS)
        return true;
    struct mpx_arena a;
    arena_init(&a, NULL);
    for (struct mpx_str rest = buffer_str(&u->said); rest.n > 0;) {
        size_t end = str_find(rest, '\n');

        log_error("%.*s", STR_ARGS(str_head(rest, end)));
        rest = str_from(rest, end + 1);
    }
    log_error("the new image \"%s\" is not taken: its --test ended with %s; this one goes on "
              "serving",
              u->program->path, child_status_text(&a, status));
    arena_finish(&a);
    return false;
}

void upgrade_execute(const struct upgrade *u)
{
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

    if (chdir(u->program->folder) == 0)
        (void)execv(u->program->path, u->program->argv);
    log_error("the new image \"%s\" cannot be executed: %s; this one goes on serving",
              u->program->path, strerror(errno));
    if (here >= 0) {
        (void)!fchdir(here);
        close(here);
    }
}
