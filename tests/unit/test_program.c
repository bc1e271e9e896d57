/* SPDX-License-Identifier: MIT
   Child processes as the kernel shows them: what they start with, how they end, what is left. */
#include "program.h"

#include "aid.h"
#include "date.h"
#include "str.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const no_environment[] = { NULL };
static struct loop *l;
static struct list living;
static bool exited, gone;

static void set_up(void)
{
    l = loop_create();
    list_init(&living);
    exited = gone = false;
}

static void take_down(void)
{
    ck_assert(list_is_empty(&living));
    loop_destroy(l);
}

static void on_exited(void *owner)
{
    (void)owner;
    exited = true;
}

static void on_gone(void *arg)
{
    (void)arg;
    gone = true;
}

static struct program *fresh(void)
{
    struct program *p = program_create();

    p->on_exit = on_exited;
    p->on_gone = on_gone;
    exited = gone = false;
    return p;
}

static struct program_start shell(const char *const argv[4])
{
    return (struct program_start){
        .path = "/bin/sh", .file = -1, .argv = argv, .envp = no_environment
    };
}

/* It must start. */
static struct program *start_as(const struct program_start *s)
{
    struct program *p = fresh();

    ck_assert_int_eq(program_start(p, s), 0);
    program_watch(p, l, &living);
    return p;
}

/* Starts /bin/sh -c text. */
static struct program *start(const char *text)
{
    const char *const argv[] = { "sh", "-c", text, NULL };
    const struct program_start s = shell(argv);

    return start_as(&s);
}

/* All that it writes, until it has exited and its output has ended. */
static const char *output_of(struct program *p)
{
    static char text[4096];
    size_t n = 0;
    ssize_t got = 1;

    for (int i = 0; i < 5000 && (!exited || got != 0); i++) {
        got = read(p->out, text + n, sizeof(text) - 1 - n);
        if (got > 0)
            n += (size_t)got;
        else
            aid_pause_ms(1);
        loop_turn(l, false);
    }
    ck_assert(exited);
    text[n] = '\0';
    return text;
}

static void run_loop_until(const bool *claim, int ms)
{
    for (int64_t end = clock_ms() + ms; clock_ms() < end && !*claim;) {
        loop_turn(l, false);
        aid_pause_ms(1);
    }
}

START_TEST(its_output_and_its_status_are_told)
{
    struct program *p = start("echo out; exit 7");
    ck_assert_str_eq(output_of(p), "out\n");
    ck_assert_int_eq(WEXITSTATUS(p->status), 7);
    program_release(p);
    ck_assert(gone);
}
END_TEST

START_TEST(a_signal_that_ended_it_is_told)
{
    struct program *p = start("kill -9 $$");
    (void)output_of(p);
    ck_assert(WIFSIGNALED(p->status));
    ck_assert_int_eq(WTERMSIG(p->status), SIGKILL);
    program_release(p);
}
END_TEST

START_TEST(it_has_three_descriptors)
{
    int leak = open("/dev/null", O_RDONLY); /* not even one that does not close by itself */
    struct program *p = start("ls /proc/self/fd | tr '\\n' ' '");
    /* the last is that of ls for the folder */
    ck_assert_str_eq(output_of(p), "0 1 2 3 ");
    program_release(p);
    close(leak);
}
END_TEST

START_TEST(its_signals_are_as_at_a_start)
{
    sigset_t usr1, before;

    sigemptyset(&usr1);
    sigaddset(&usr1, SIGUSR1);
    sigprocmask(SIG_BLOCK, &usr1, &before);
    (void)signal(SIGPIPE, SIG_IGN);
    struct program *p = start("grep -E '^Sig(Blk|Ign)' /proc/self/status | tr -d '\\t\\n'");
    ck_assert_str_eq(output_of(p), "SigBlk:0000000000000000SigIgn:0000000000000000");
    program_release(p);
    (void)signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &before, NULL);
}
END_TEST

START_TEST(it_leads_a_session_of_its_own)
{
    struct program *p = start("cut -d' ' -f1,5,6 /proc/$$/stat");
    char wanted[64];
    (void)snprintf(wanted, sizeof(wanted), "%d %d %d\n", p->pid, p->pid, p->pid);
    ck_assert_str_eq(output_of(p), wanted);
    program_release(p);
}
END_TEST

START_TEST(its_environment_and_folder_are_those_given)
{
    static const char *const envp[] = { "A=b c", NULL };
    const char *const argv[] = { "sh", "-c", "echo \"$A\"; /bin/pwd -P", NULL };
    struct program_start s = shell(argv);

    s.envp = envp;
    s.cwd = "/usr";
    struct program *p = start_as(&s);
    ck_assert_str_eq(output_of(p), "b c\n/usr\n");
    program_release(p);
}
END_TEST

START_TEST(its_input_is_a_pipe_or_empty)
{
    const char *const argv[] = { "sh", "-c", "cat", NULL };
    struct program_start s = shell(argv);

    s.has_stdin = true;
    struct program *p = start_as(&s);
    ck_assert_int_eq(write(p->in, "abc", 3), 3);
    program_close(&p->in);
    ck_assert_str_eq(output_of(p), "abc");
    program_release(p);
    p = start("cat; echo end");
    ck_assert_int_eq(p->in, -1);
    ck_assert_str_eq(output_of(p), "end\n");
    program_release(p);
}
END_TEST

START_TEST(limits_are_set)
{
    static const struct mpx_rlimit limits[] = { { RLIMIT_NOFILE, 33, 34 }, { RLIMIT_CPU, 5, 6 } };
    const char *const argv[] = { "sh", "-c", "ulimit -Sn; ulimit -Hn; ulimit -St", NULL };
    struct program_start s = shell(argv);

    s.limits = limits;
    s.limit_count = 2;
    struct program *p = start_as(&s);
    ck_assert_str_eq(output_of(p), "33\n34\n5\n");
    program_release(p);
}
END_TEST

START_TEST(what_cannot_start_says_why_and_leaves_nothing)
{
    const char *const argv[] = { "x", NULL };
    static const struct mpx_rlimit wrong[] = { { RLIMIT_NOFILE, 34, 33 } };
    char folder[64], path[128], plain[128];

    unit_folder(folder);
    unit_write(folder, "plain", "#!/bin/sh\n");
    (void)snprintf(plain, sizeof(plain), "%s/plain", folder);
    unit_write(folder, "no-script", "#!/no/such/interpreter\n");
    (void)snprintf(path, sizeof(path), "%s/no-script", folder);
    ck_assert_int_eq(chmod(path, 0755), 0);
    const struct {
        struct program_start s;
        int rc;
    } cases[] = {
        { { .path = "/no/such", .file = -1 }, -ENOENT },
        { { .path = plain, .file = -1 }, -EACCES },
        { { .path = "/usr", .file = -1 }, -EACCES },
        { { .path = path, .file = -1 }, -ENOENT },
        { { .path = "/bin/sh", .file = -1, .cwd = "/no/such" }, -ENOENT },
        { { .path = "/bin/sh", .file = -1, .limits = wrong, .limit_count = 1 }, -EINVAL },
    };
    const size_t before = aid_descriptors();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct program_start s = cases[i].s;
        struct program *p = fresh();
        s.argv = argv;
        s.envp = no_environment;
        ck_assert_msg(program_start(p, &s) == cases[i].rc, "%zu", i);
        program_release(p);
        ck_assert(gone);
    }
    ck_assert_uint_eq(aid_descriptors(), before);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* no child at all */
}
END_TEST

START_TEST(what_is_open_is_run_whatever_lies_at_its_path)
{
    const char *const argv[] = { "echo", "is open", NULL };
    char path[] = "/no/such/path";

    int file = open("/bin/echo", O_RDONLY | O_CLOEXEC);
    const struct program_start s = { path, file, argv, no_environment, NULL, NULL, 0, false };
    struct program *p = start_as(&s);
    ck_assert_str_eq(output_of(p), "is open\n");
    program_release(p);
    close(file);
}
END_TEST

START_TEST(a_script_that_is_open_is_run_by_its_path)
{
    char folder[64], path[128];

    unit_folder(folder);
    unit_write(folder, "script", "#!/bin/sh\necho $0\n");
    (void)snprintf(path, sizeof(path), "%s/script", folder);
    ck_assert_int_eq(chmod(path, 0755), 0);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    const char *const argv[] = { path, NULL };
    const struct program_start s = { path, file, argv, no_environment, NULL, NULL, 0, false };
    struct program *p = start_as(&s);
    const char *text = output_of(p);
    ck_assert(strncmp(text, path, strlen(path)) == 0 && strcmp(text + strlen(path), "\n") == 0);
    program_release(p);
    close(file);
}
END_TEST

/* Whether it runs; whoever has adopted it may leave a zombie for a while. */
static bool is_alive(pid_t pid)
{
    char path[64], state[512] = "";

    (void)snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    FILE *f = fopen(path, "r");
    if (f == NULL)
        return false;
    bool is_there = fgets(state, sizeof(state), f) != NULL;
    (void)fclose(f);
    return is_there && strstr(state, ") Z") == NULL;
}

static bool is_dead(void *pid)
{
    return !is_alive(*(pid_t *)pid);
}

/* The number that it writes first. */
static pid_t number_from(struct program *p)
{
    char text[32] = "";

    for (int i = 0; i < 5000 && read(p->out, text, sizeof(text) - 1) <= 0; i++)
        aid_pause_ms(1);
    return (pid_t)strtol(text, NULL, 10);
}

START_TEST(one_that_is_released_is_told_term)
{
    struct program *p = start("echo $$; exec sleep 100");
    pid_t pid = number_from(p);
    program_release(p);
    run_loop_until(&gone, 1500);
    ck_assert(gone);
    ck_assert(!exited); /* the owner is not bothered any more */
    ck_assert(!is_alive(pid));
}
END_TEST

START_TEST(whoever_ignores_term_is_killed_with_all_of_the_group)
{
    struct program *p = start("trap '' TERM; sleep 100 & echo $!; while :; do sleep 1; done");
    pid_t other = number_from(p);
    ck_assert(is_alive(other));
    program_release(p);
    run_loop_until(&gone, PROGRAM_KILL_MS - 500);
    ck_assert(!gone);
    run_loop_until(&gone, 2000);
    ck_assert(gone);
    ck_assert(aid_wait_until(is_dead, &other));
}
END_TEST

START_TEST(what_it_leaves_in_its_group_is_killed)
{
    struct program *p = start("sleep 100 >/dev/null 2>&1 & echo $!");
    pid_t other = (pid_t)strtol(output_of(p), NULL, 10);
    program_release(p);
    ck_assert(gone);
    ck_assert(aid_wait_until(is_dead, &other));
}
END_TEST

START_TEST(all_are_killed_at_once)
{
    for (int i = 0; i < 5; i++)
        (void)start("trap '' TERM; while :; do sleep 1; done");
    struct program *released = start("trap '' TERM; while :; do sleep 1; done");
    program_release(released);
    program_kill_all(&living);
    ck_assert(list_is_empty(&living));
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}
END_TEST

START_TEST(its_end_is_noticed_where_the_kernel_does_not_tell)
{
    const char *const argv[] = { "sh", "-c", "exit 3", NULL };
    const struct program_start s = shell(argv);

    struct program *p = fresh();
    ck_assert_int_eq(program_start(p, &s), 0);
    program_close(&p->pidfd);
    program_watch(p, l, &living);
    run_loop_until(&exited, 5000);
    ck_assert(exited);
    ck_assert_int_eq(WEXITSTATUS(p->status), 3);
    program_release(p);
}
END_TEST

static int die_with_a_program(void *arg)
{
    const char *const argv[] = { "sleep", "100", NULL };
    const struct program_start s = {
        .path = "/bin/sleep", .file = -1, .argv = argv, .envp = no_environment
    };
    struct program *p = program_create();

    if (program_start(p, &s) != 0 || write(*(int *)arg, &p->pid, sizeof(p->pid)) != sizeof(p->pid))
        return 1;
    (void)raise(SIGKILL);
    return 1;
}

START_TEST(it_does_not_outlive_a_server_that_is_killed)
{
    int ends[2];
    pid_t pid;

    ck_assert_int_eq(pipe(ends), 0);
    (void)aid_fork(die_with_a_program, &ends[1]);
    ck_assert_int_eq(read(ends[0], &pid, sizeof(pid)), sizeof(pid));
    ck_assert(aid_wait_until(is_dead, &pid));
    close(ends[0]);
    close(ends[1]);
}
END_TEST

static int count_descriptors(int out, void *arg)
{
    (void)arg;
    (void)dprintf(out, "%zu %d", aid_descriptors(), getsid(0) == getpid());
    return 5;
}

START_TEST(a_fork_has_its_output_and_nothing_else)
{
    struct program *p = fresh();
    ck_assert_int_eq(program_fork(p, count_descriptors, NULL), 0);
    program_watch(p, l, &living);
    ck_assert_str_eq(output_of(p), "4 1"); /* 0, 1, 2 and out */
    ck_assert_int_eq(WEXITSTATUS(p->status), 5);
    program_release(p);
}
END_TEST

START_TEST(a_hundred_leave_no_descriptor)
{
    (void)start("true"); /* the loop has what it keeps */
    program_kill_all(&living);
    const size_t before = aid_descriptors();
    for (int i = 0; i < 100; i++) {
        struct program *p = start("echo x; echo y >&2");
        if (i % 2 == 0)
            (void)output_of(p);
        program_release(p);
        run_loop_until(&gone, 5000);
        ck_assert(gone);
    }
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

Suite *suite_program(void)
{
    const TTest *const tests[] = {
        its_output_and_its_status_are_told,
        a_signal_that_ended_it_is_told,
        it_has_three_descriptors,
        its_signals_are_as_at_a_start,
        it_leads_a_session_of_its_own,
        its_environment_and_folder_are_those_given,
        its_input_is_a_pipe_or_empty,
        limits_are_set,
        what_cannot_start_says_why_and_leaves_nothing,
        what_is_open_is_run_whatever_lies_at_its_path,
        a_script_that_is_open_is_run_by_its_path,
        one_that_is_released_is_told_term,
        whoever_ignores_term_is_killed_with_all_of_the_group,
        what_it_leaves_in_its_group_is_killed,
        all_are_killed_at_once,
        its_end_is_noticed_where_the_kernel_does_not_tell,
        it_does_not_outlive_a_server_that_is_killed,
        a_fork_has_its_output_and_nothing_else,
        a_hundred_leave_no_descriptor,
    };
    Suite *s = suite_create("program");
    TCase *t = tcase_create("program");

    tcase_set_timeout(t, 60);
    tcase_add_checked_fixture(t, set_up, take_down);
    for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
        tcase_add_test(t, tests[i]);
    suite_add_tcase(s, t);
    return s;
}
