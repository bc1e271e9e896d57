/* SPDX-License-Identifier: MIT
   multiplexd/spawn.h - programs and forked children, section 9 of module.h, which includes it. */
#ifndef MULTIPLEXD_SPAWN_H
#define MULTIPLEXD_SPAWN_H
#include <multiplexd/module.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* Both run in a process of their own, in a session and process group of their own, without a
   descriptor of the server but 0, 1 and 2, and serve one request: none outlives it unfinished.
   When the request ends first (the client left, the time is over, the module gave up, the server
   stops) the whole group is told SIGTERM, two seconds later SIGKILL. When the program has exited
   and its output ended, what it left behind in its group is killed; setsid(1) gets away from that.
   The death of this process kills it. */
struct mpx_rlimit {
    int what; /* RLIMIT_CPU and the like, see setrlimit(2) */
    uint64_t soft, hard;
};
/* A program; zero what you do not use. It is copied, but what it points to is borrowed and lives as
   long as the request. */
struct mpx_program {
    uint32_t size;                         /* sizeof(struct mpx_program) */
    bool body_to_stdin;                    /* the request's body as it comes; else stdin is empty */
    const char *path;                      /* of the file, absolute; no shell is asked */
    const char *const *argv, *const *envp; /* NULL at their end; all of its environment */
    const char *cwd;                       /* NULL: the server's */
    const struct mpx_file *file;     /* path, opened with MPX_OPEN_DESCRIPTOR: this very file is
                                        run, unless it is a script, which is opened by its path */
    int64_t timeout_ms;              /* from start to end; 0: none */
    int64_t silence_ms;              /* it writes nothing and takes nothing that is there for it,
                                        while nobody holds it up; 0: none */
    const struct mpx_rlimit *limits; /* on top of the server's own */
    size_t limit_count;
    /* What it writes, as it comes, at most 64 KiB; calls of section 8 may be made. It is not read
       while more than 64 KiB of the response wait for the client: no need to look at what
       mpx_res_write answers. 0. Negative: I have had enough; it is ended, done() runs. 1: I must
       wait for something else first; on_hold is called. */
    int (*on_stdout)(struct mpx_req *r, struct mpx_str part, void *state);
    /* Begins that wait, with a call of section 9, and answers what it answers. Meanwhile the pipes
       are left alone, and silence does not count. What goes on behind the wait returns
       mpx_spawn_go_on, or ends the response, and the program with it. */
    mpx_resume_fn on_hold;
    /* A line without its end, cut where it is longer than 1 KiB. NULL: to the log, as a warning. */
    void (*on_stderr)(struct mpx_req *r, struct mpx_str line, void *state);
    /* The last process is gone, perhaps after the request: for whoever counts them. Runs on the
       loop, once, also when none could be started; arg lives longer than any request (mpx_keep). */
    void (*on_gone)(void *arg);
    void *gone_arg;
};
/* Waits for a program (section 9): done() runs when it has exited and its output has ended, or at
   once when its time is over. While it runs the request may hold watches, but wait for nothing
   else. Its start waits on a thread; a full queue answers 503. on_gone is told in any case. */
enum mpx_rc mpx_spawn(struct mpx_req *r, const struct mpx_program *s, mpx_resume_fn done,
                      void *state);
enum mpx_rc mpx_spawn_go_on(struct mpx_req *r);
/* Forks: run() sees the server as it is now, in a copy, and what it writes to out is collected. For
   work that may crash or leak; computing belongs to mpx_offload, which costs no copy. run() calls
   nothing of module.h, and no lock that another thread may hold is to be waited for. What it
   answers, 0 to 255, is the exit status; printf goes to out as well, after fflush. Its stderr goes
   to the log. More than max bytes end it: -EFBIG. timeout_ms as above. Forking takes the loop's
   time in proportion to the memory of the server. */
enum mpx_rc mpx_fork(struct mpx_req *r, int (*run)(int out, void *arg), void *arg, size_t max,
                     int64_t timeout_ms, mpx_resume_fn done, void *state);
/* In done() and later. 0: it exited, and *status is as wait(2) has it. -ETIMEDOUT: its time was
   over. -ECANCELED: on_stdout had enough. -EFBIG: see mpx_fork. Any other -errno: it could not be
   started (-ENOENT, -EACCES, -ENOEXEC, -EAGAIN ...). -EINPROGRESS: there was none. */
int mpx_spawn_status(const struct mpx_req *r, int *status);
/* What the last mpx_fork wrote; lives as long as the request. */
struct mpx_str mpx_fork_result(const struct mpx_req *r);
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
