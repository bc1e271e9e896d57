/* SPDX-License-Identifier: MIT
   Child processes that serve a request: how they start, with three pipes and nothing else of ours,
   and how they end, with all of their process group. Who waits for them is floor 3's matter. */
#ifndef PROGRAM_H
#define PROGRAM_H
#include "list.h"
#include "loop.h"

#include <multiplexd/module.h>
#include <sys/types.h>

enum { PROGRAM_KILL_MS = 2000 }; /* between TERM and KILL */

struct program {
    pid_t pid; /* of the leader of the group; its zombie holds the number until the end */
    int pidfd; /* -1: the kernel has none, so it is asked at intervals */
    int in;    /* our ends of its standard input, output and error: they do not block. -1: none */
    int out, err;
    bool exited; /* the leader has; status is as wait(2) has it */
    int status;
    bool released; /* nobody wants it any more */
    struct loop *loop;
    struct link link; /* among those that live */
    struct loop_event exit_event, kill_event;
    void (*on_exit)(void *owner); /* until it is released: the leader has exited */
    void *owner;
    void (*on_gone)(void *arg); /* the last word: it is reaped; or NULL */
    void *gone_arg;
};

/* How a program starts. */
struct program_start {
    const char *path; /* of the file, absolute */
    int file;         /* it, opened: this is run, unless it is a script; or -1 */
    const char *const *argv, *const *envp;
    const char *cwd; /* NULL: ours */
    const struct mpx_rlimit *limits;
    size_t limit_count;
    bool has_stdin; /* a pipe; else it reads the end of a file at once */
};

/* A fresh one on the heap, that does not run yet. */
struct program *program_create(void);
/* Runs a program in a session, thus a process group, of its own: signals as at a program's start,
   no descriptor but the three, KILL when this process dies. 0, or -errno and nothing runs. On any
   thread that lives as long as the process does; the calling thread waits until it is executed,
   the others do not, and the size of this process does not matter. */
int program_start(struct program *p, const struct program_start *s);
/* Forks: the child sees this process as it is, runs run(out, arg) and exits with what that answers.
   It has no descriptors but out, 0 (empty), 1 (the same as out) and 2. 0 or -errno. */
int program_fork(struct program *p, int (*run)(int out, void *arg), void *arg);

/* On the loop, once it runs: p->on_exit is told when the leader has exited, also if it has by
   now. */
void program_watch(struct program *p, struct loop *l, struct list *living);
/* Nobody wants it any more: the pipes are closed. The group is told TERM, PROGRAM_KILL_MS later
   KILL; if the leader has exited what is left of the group is told KILL now. Then it is reaped,
   on_gone told, p freed. One that never ran is freed at once. */
void program_release(struct program *p);
/* KILL for all, now; waits for them and frees them. */
void program_kill_all(struct list *living);

/* Closes one of its pipes. */
void program_close(int *fd);

#endif
