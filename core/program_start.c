/* SPDX-License-Identifier: MIT
   How child processes start (program.h). Between vfork and exec the child borrows our memory, so it
   does nothing there but system calls. */
#include "program.h"

#include "child.h"
#include "descriptors.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_END, WRITE_END, SIGNALS = 65 };

/* The child's ends of its pipes, and ours; all close on exec. */
struct pipes {
    int in[2], out[2], err[2];
    int tell[2]; /* the child writes errno when it could not become the program */
};

static void close_both(int ends[2])
{
    program_close(&ends[0]);
    program_close(&ends[1]);
}

static void pipes_close(struct pipes *p)
{
    close_both(p->in);
    close_both(p->out);
    close_both(p->err);
    close_both(p->tell);
}

static int open_pipe(int ends[2], int ours)
{
    if (pipe2(ends, O_CLOEXEC) < 0)
        return -errno;
    return fcntl(ends[ours], F_SETFL, O_NONBLOCK) < 0 ? -errno : 0;
}

static int open_stdin(int ends[2], bool has_stdin)
{
    if (has_stdin)
        return open_pipe(ends, WRITE_END);
    ends[READ_END] = open("/dev/null", O_RDONLY | O_CLOEXEC);
    return ends[READ_END] < 0 ? -errno : 0;
}

static int pipes_open(struct pipes *p, bool has_stdin)
{
    int rc;

    *p = (struct pipes){ { -1, -1 }, { -1, -1 }, { -1, -1 }, { -1, -1 } };
    if ((rc = open_stdin(p->in, has_stdin)) < 0 || (rc = open_pipe(p->out, READ_END)) < 0 ||
        (rc = open_pipe(p->err, READ_END)) < 0)
        pipes_close(p);
    return rc;
}

/* The parent's ends become the program's; the others are the child's alone. */
static void keep_ours(struct program *p, struct pipes *pipes)
{
    p->in = pipes->in[WRITE_END];
    p->out = pipes->out[READ_END];
    p->err = pipes->err[READ_END];
    pipes->in[WRITE_END] = pipes->out[READ_END] = pipes->err[READ_END] = -1;
    pipes_close(pipes);
}

/* ---- in the child: system calls alone */

/* All of them, also the two that libc keeps to itself and that posix_spawn, make's for one, leaves
   ignored: of what the kernel wants to know all is zero. */
static void reset_signals(void)
{
    static const unsigned long as_at_a_start[8];

    for (int i = 1; i < SIGNALS; i++)
        (void)syscall(SYS_rt_sigaction, i, as_at_a_start, NULL, (size_t)8);
}

static void unblock_signals(void)
{
    sigset_t none;

    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A session of its own, so a group that signals reach as a whole, and no terminal; the end of this
   process is its end. */
static int stand_alone(pid_t parent)
{
    if (setsid() < 0 || prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
        return -1;
    return getppid() == parent ? 0 : -1;
}

static int take_pipes(const struct pipes *p)
{
    return dup2(p->in[READ_END], STDIN_FILENO) < 0 || dup2(p->out[WRITE_END], STDOUT_FILENO) < 0 ||
                   dup2(p->err[WRITE_END], STDERR_FILENO) < 0
               ? -1
               : 0;
}

static int set_limits(const struct program_start *s)
{
    for (size_t i = 0; i < s->limit_count; i++) {
        const struct rlimit limit = { .rlim_cur = (rlim_t)s->limits[i].soft,
                                      .rlim_max = (rlim_t)s->limits[i].hard };

        if (setrlimit((__rlimit_resource_t)s->limits[i].what, &limit) < 0)
            return -1;
    }
    return 0;
}

/* What is open is run, however its path has changed meanwhile; a script's interpreter opens it once
   more, by its path. */
static void execute(const struct program_start *s)
{
    char *const *argv = (char *const *)(uintptr_t)s->argv;
    char *const *envp = (char *const *)(uintptr_t)s->envp;

    if (s->file >= 0) {
        (void)syscall(SYS_execveat, s->file, "", argv, envp, AT_EMPTY_PATH);
        if (errno != ENOENT && errno != ENOSYS) /* ENOENT: a script, and the file closes on exec */
            return;
    }
    (void)execve(s->path, argv, envp);
}

static _Noreturn void become(const struct program_start *s, const struct pipes *p, pid_t parent)
{
    int error;

    reset_signals();
    if (stand_alone(parent) == 0 && take_pipes(p) == 0) {
        descriptors_hide();
        if (set_limits(s) == 0 && (s->cwd == NULL || chdir(s->cwd) == 0)) {
            unblock_signals();
            execute(s);
        }
    }
    error = errno;
    while (write(p->tell[WRITE_END], &error, sizeof(error)) < 0 && errno == EINTR)
        ;
    _exit(127);
}

/* ---- in the parent */

/* Nothing of this frame but its arguments is used in the child. */
static __attribute__((noinline)) pid_t start_child(const struct program_start *s,
                                                   const struct pipes *p, pid_t self)
{
    pid_t pid = vfork();

    if (pid == 0)
        become(s, p, self);
    return pid;
}

static void open_pidfd(struct program *p)
{
    p->pidfd = (int)syscall(SYS_pidfd_open, p->pid, 0);
}

/* 0 when it was executed; else -errno, of a child that is gone. */
static int hear_of_it(struct pipes *pipes, pid_t pid)
{
    int error = 0;
    ssize_t n;

    program_close(&pipes->tell[WRITE_END]);
    while ((n = read(pipes->tell[READ_END], &error, sizeof(error))) < 0 && errno == EINTR)
        ;
    if (n == 0)
        return 0;
    (void)child_wait(pid);
    return n == (ssize_t)sizeof(error) && error > 0 ? -error : -EIO;
}

/* It runs, or rc says why not. */
static int begin(struct program *p, struct pipes *pipes, pid_t pid, int rc)
{
    if (rc < 0) {
        pipes_close(pipes);
        return rc;
    }
    p->pid = pid;
    open_pidfd(p);
    keep_ours(p, pipes);
    return 0;
}

int program_start(struct program *p, const struct program_start *s)
{
    struct pipes pipes;
    sigset_t all, before;
    int rc = pipes_open(&pipes, s->has_stdin);

    if (rc < 0)
        return rc;
    if (pipe2(pipes.tell, O_CLOEXEC) < 0) {
        rc = -errno;
        pipes_close(&pipes);
        return rc;
    }
    /* a handler of ours must not run in a child that has our memory */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = start_child(s, &pipes, getpid());
    rc = pid < 0 ? -errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (pid > 0)
        rc = hear_of_it(&pipes, pid);
    return begin(p, &pipes, pid, rc);
}

static _Noreturn void run_child(const struct pipes *p, pid_t parent, int (*run)(int out, void *arg),
                                void *arg)
{
    reset_signals();
    if (stand_alone(parent) < 0 || take_pipes(p) < 0)
        _exit(127);
    int out = dup(STDOUT_FILENO);
    descriptors_keep(out);
    unblock_signals();
    _exit(out < 0 ? 127 : run(out, arg) & 0xff);
}

int program_fork(struct program *p, int (*run)(int out, void *arg), void *arg)
{
    struct pipes pipes;
    sigset_t all, before;
    pid_t self = getpid();
    int rc = pipes_open(&pipes, false);

    if (rc < 0)
        return rc;
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0)
        run_child(&pipes, self, run, arg);
    rc = pid < 0 ? -errno : 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return begin(p, &pipes, pid, rc);
}
