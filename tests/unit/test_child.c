/* SPDX-License-Identifier: MIT
   What only root may do is tried as root, and refused to anyone else. */
#include "child.h"

#include "aid.h"
#include "str.h"
#include "unit.h"

#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODYS_ID = 54321, ANOTHER_ID = 54322 }; /* no user and no group has these */

static struct mpx_arena a;
static struct child_user user;
static const char *error;

static void set_up(void)
{
    arena_init(&a, NULL);
    error = NULL;
}

static void take_down(void)
{
    arena_finish(&a);
}

/* Forks as core does; the child's exit status is what fn returns. */
static pid_t start(int (*fn)(void))
{
    (void)fflush(NULL);
    pid_t pid = child_fork(CHILD_TRIES);

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(fn());
    return pid;
}

static const char *end_of(int (*fn)(void))
{
    return child_status_text(&a, child_wait(start(fn)));
}

static int end_well(void)
{
    return 0;
}

static int end_badly(void)
{
    return 77;
}

static int end_by_kill(void)
{
    (void)raise(SIGKILL);
    return 1;
}

static int end_by_segv(void)
{
    const struct rlimit none = { 0, 0 };

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)signal(SIGSEGV, SIG_DFL); /* a sanitizer's handler would make it an exit status */
    (void)raise(SIGSEGV);
    return 1;
}

START_TEST(how_a_child_ended_is_told_in_words)
{
    set_up();
    ck_assert_str_eq(end_of(end_well), "exit status 0");
    ck_assert_str_eq(end_of(end_badly), "exit status 77");
    ck_assert_str_eq(end_of(end_by_kill), "signal 9 (Killed)");
    ck_assert_str_eq(end_of(end_by_segv), "signal 11 (Segmentation fault)");
    take_down();
}
END_TEST

START_TEST(each_child_is_waited_for_by_itself)
{
    pid_t first = start(end_well), second = start(end_badly);

    ck_assert_int_eq(WEXITSTATUS(child_wait(second)), 77);
    ck_assert_int_eq(WEXITSTATUS(child_wait(first)), 0);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* nobody is left */
}
END_TEST

static volatile sig_atomic_t alarms;

static void on_alarm(int number)
{
    (void)number;
    alarms = 1;
}

static int end_after_a_while(void)
{
    aid_pause_ms(30);
    return 77;
}

START_TEST(signals_do_not_end_the_waiting)
{
    const struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART */
    const struct itimerval often = { .it_interval = { .tv_usec = 1000 },
                                     .it_value = { .tv_usec = 1000 } };
    const struct itimerval never = { .it_value = { .tv_usec = 0 } };

    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    pid_t pid = start(end_after_a_while);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
    int status = child_wait(pid);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 77);
    ck_assert_int_eq(alarms, 1);
}
END_TEST

static const int handled[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT, SIGCHLD, SIGUSR1, SIGUSR2 };
enum { HANDLED = sizeof(handled) / sizeof(handled[0]) };

/* 0, or which signal is not as it was at the start. */
static int find_changed_signal(void)
{
    struct sigaction action;
    sigset_t mask;
    int told;

    if (sigprocmask(SIG_BLOCK, NULL, &mask) != 0 || prctl(PR_GET_PDEATHSIG, &told) != 0)
        return 100;
    for (int i = 0; i < HANDLED; i++)
        if (sigaction(handled[i], NULL, &action) != 0 || action.sa_handler != SIG_DFL)
            return handled[i];
    for (int number = 1; number < 32; number++)
        if (sigismember(&mask, number) != 0)
            return number;
    return told == SIGTERM ? 0 : 101;
}

START_TEST(a_child_has_its_signals_as_at_the_start)
{
    struct sigaction action = { .sa_handler = on_alarm };
    sigset_t all, mask;

    sigfillset(&all);
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, &all, NULL), 0);
    for (int i = 0; i < HANDLED; i++)
        ck_assert_int_eq(sigaction(handled[i], &action, NULL), 0);
    ck_assert_int_eq(WEXITSTATUS(child_wait(start(find_changed_signal))), 0);
    for (int i = 0; i < HANDLED; i++) { /* the parent's are its own */
        ck_assert_int_eq(sigaction(handled[i], NULL, &action), 0);
        ck_assert(action.sa_handler == on_alarm);
    }
    ck_assert_int_eq(sigprocmask(SIG_SETMASK, NULL, &mask), 0);
    ck_assert_int_eq(sigismember(&mask, SIGTERM), 1);
}
END_TEST

/* 0, or which signal of a serving child is not as it should be. */
static int find_heard_signal(void)
{
    static const int ignored[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
    struct sigaction action;

    for (size_t i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
        if (sigaction(ignored[i], NULL, &action) != 0 || action.sa_handler != SIG_IGN)
            return ignored[i];
    }
    return sigaction(SIGTERM, NULL, &action) == 0 && action.sa_handler == SIG_DFL ? 0 : SIGTERM;
}

START_TEST(a_child_that_serves_ignores_what_is_for_its_parent)
{
    (void)fflush(NULL);
    pid_t pid = child_fork(CHILD_SERVES);

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(find_heard_signal());
    ck_assert_int_eq(WEXITSTATUS(child_wait(pid)), 0);
}
END_TEST

static int told_pid[2];

static int wait_for_ever(void)
{
    while (pause() < 0)
        ;
    return 1;
}

/* Leaves a child behind. */
static int become_a_parent(void)
{
    pid_t pid = start(wait_for_ever);

    return write(told_pid[1], &pid, sizeof(pid)) == (ssize_t)sizeof(pid) ? 0 : 1;
}

START_TEST(a_child_is_told_to_end_when_its_parent_does)
{
    pid_t orphan;

    ck_assert_int_eq(pipe(told_pid), 0);
    ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0); /* orphans become ours */
    ck_assert_int_eq(child_wait(start(become_a_parent)), 0);
    ck_assert_int_eq(read(told_pid[0], &orphan, sizeof(orphan)), (ssize_t)sizeof(orphan));
    int status = child_wait(orphan);
    /* or it saw at once that its parent was gone */
    ck_assert_msg((WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) ||
                      (WIFEXITED(status) && WEXITSTATUS(status) == 1),
                  "status %d", status);
}
END_TEST

START_TEST(a_user_is_found_by_name_and_by_number)
{
    static const char *const names[] = { "root", "0", "000" };

    set_up();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        memset(&user, 0xff, sizeof(user));
        ck_assert_int_eq(child_find_user(&a, names[i], &user, &error), 0);
        ck_assert(user.change);
        ck_assert_uint_eq(user.uid, 0);
        ck_assert_uint_eq(user.gid, 0);
        ck_assert_str_eq(user.name, "root");
        ck_assert_uint_ge(user.group_count, 1);
        ck_assert_uint_eq(user.groups[0], 0);
    }
    ck_assert_int_eq(child_find_user(&a, "54321", &user, &error), 0);
    ck_assert(user.change);
    ck_assert_uint_eq(user.uid, NOBODYS_ID);
    ck_assert_uint_eq(user.gid, NOBODYS_ID);
    ck_assert_uint_eq(user.group_count, 1);
    ck_assert_uint_eq(user.groups[0], NOBODYS_ID);
    ck_assert_str_eq(user.name, "54321");
    take_down();
}
END_TEST

/* 4294967295 is (uid_t)-1: to the kernel, "leave it as it is". */
START_TEST(a_user_that_is_none_is_an_error)
{
    static const char *const names[] = { "no-such-user", "",    "-1",    "4294967295",
                                         "4294967296",   "0x0", " root", "18446744073709551616" };
    char wanted[128];

    set_up();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_msg(child_find_user(&a, names[i], &user, &error) == -1, "%s", names[i]);
        (void)snprintf(wanted, sizeof(wanted), "there is no user \"%s\"", names[i]);
        ck_assert_str_eq(error, wanted);
        ck_assert(!user.change); /* to user 0, for example */
    }
    take_down();
}
END_TEST

START_TEST(groups_replace_those_of_the_user_and_the_first_is_primary)
{
    set_up();
    ck_assert_int_eq(child_find_user(&a, "root", &user, &error), 0);
    ck_assert_int_eq(child_find_groups(&a, "  54321 root   7 ", &user, &error), 0);
    ck_assert_uint_eq(user.group_count, 3);
    ck_assert_uint_eq(user.groups[0], NOBODYS_ID);
    ck_assert_uint_eq(user.groups[1], 0);
    ck_assert_uint_eq(user.groups[2], 7);
    ck_assert_uint_eq(user.gid, NOBODYS_ID);
    ck_assert_uint_eq(user.uid, 0);
    ck_assert_int_eq(child_find_groups(&a, " ", &user, &error), 0);
    ck_assert_uint_eq(user.group_count, 0);
    ck_assert_uint_eq(user.gid, NOBODYS_ID);
    take_down();
}
END_TEST

START_TEST(a_group_that_is_none_is_an_error)
{
    set_up();
    ck_assert_int_eq(child_find_groups(&a, "root no-such-group 7", &user, &error), -1);
    ck_assert_str_eq(error, "there is no group \"no-such-group\"");
    ck_assert_int_eq(child_find_groups(&a, "4294967295", &user, &error), -1);
    ck_assert_str_eq(error, "there is no group \"4294967295\"");
    take_down();
}
END_TEST

START_TEST(the_groups_that_we_have_are_known)
{
    set_up();
    user = (struct child_user){ .group_count = 0 };
    ck_assert(child_has_groups(&user));
    user = (struct child_user){ .groups = { getegid() }, .group_count = 1 };
    ck_assert(child_has_groups(&user));
    user = (struct child_user){ .groups = { getegid(), ANOTHER_ID }, .group_count = 2 };
    ck_assert(!child_has_groups(&user));
    user = (struct child_user){ .groups = { ANOTHER_ID }, .group_count = 1 };
    ck_assert(!child_has_groups(&user));
    take_down();
}
END_TEST

START_TEST(more_groups_than_there_is_room_for_are_refused)
{
    char names[CHILD_GROUPS_MAX * 4 + 16] = "";
    size_t n = 0;

    set_up();
    for (int i = 0; i < CHILD_GROUPS_MAX; i++)
        n += (size_t)snprintf(names + n, sizeof(names) - n, "%d ", i);
    ck_assert_int_eq(child_find_groups(&a, names, &user, &error), 0);
    ck_assert_uint_eq(user.group_count, CHILD_GROUPS_MAX);
    ck_assert_uint_eq(user.groups[CHILD_GROUPS_MAX - 1], CHILD_GROUPS_MAX - 1);
    (void)snprintf(names + n, sizeof(names) - n, "%d", 64);
    ck_assert_int_eq(child_find_groups(&a, names, &user, &error), -1);
    ck_assert_str_eq(error, "these are too many groups");
    ck_assert_uint_eq(user.group_count, CHILD_GROUPS_MAX);
    take_down();
}
END_TEST

START_TEST(a_number_is_a_user_even_without_a_name)
{
    set_up();
    child_user_of(&a, 0, 7, &user);
    ck_assert(user.change);
    ck_assert_uint_eq(user.uid, 0);
    ck_assert_uint_eq(user.gid, 7);
    ck_assert_str_eq(user.name, "root");
    ck_assert_uint_ge(user.group_count, 1);
    child_user_of(&a, NOBODYS_ID, 7, &user);
    ck_assert(user.change);
    ck_assert_uint_eq(user.uid, NOBODYS_ID);
    ck_assert_str_eq(user.name, "uid 54321");
    ck_assert_uint_eq(user.group_count, 1);
    ck_assert_uint_eq(user.groups[0], 7);
    take_down();
}
END_TEST

static const struct child_user nobody = { .change = true,
                                          .uid = NOBODYS_ID,
                                          .gid = NOBODYS_ID,
                                          .groups = { NOBODYS_ID, 7 },
                                          .group_count = 2 };

/* The process is that user in each respect and cannot be another; or a number says what is not. */
static int find_way_back(void)
{
    uid_t real, effective, saved;
    gid_t groups[8];
    int told = 0;

    if (getresuid(&real, &effective, &saved) != 0 || real != NOBODYS_ID ||
        effective != NOBODYS_ID || saved != NOBODYS_ID)
        return 1;
    if (getresgid(&real, &effective, &saved) != 0 || real != NOBODYS_ID ||
        effective != NOBODYS_ID || saved != NOBODYS_ID)
        return 2;
    if (getgroups(8, groups) != 2 || groups[0] + groups[1] != NOBODYS_ID + 7)
        return 3;
    if (setuid(0) == 0 || setgid(0) == 0 || setuid(ANOTHER_ID) == 0 || setgroups(0, NULL) == 0)
        return 4;
    if (prctl(PR_GET_DUMPABLE) != 1 || prctl(PR_GET_PDEATHSIG, &told) != 0 || told != SIGTERM)
        return 5;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 6;
}

static int drop_for_good(void)
{
    if (child_drop(&nobody, true, &error) < 0)
        return 10;
    int rc = find_way_back();
    if (rc != 0)
        return rc;
    if (child_drop(&nobody, true, &error) == 0)
        return 7;
    return strcmp(error, "the supplementary groups cannot be set") == 0 ? 0 : 8;
}

static int be_refused(void)
{
    if (child_drop(&nobody, false, &error) == 0)
        return 1;
    return strcmp(error, "the supplementary groups cannot be set") == 0 ? 0 : 2;
}

START_TEST(root_is_given_up_for_good_or_the_process_must_not_go_on)
{
    int status = child_wait(start(geteuid() == 0 ? drop_for_good : be_refused));

    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 0);
}
END_TEST

static int stay(void)
{
    const struct child_user same = { .change = false, .uid = NOBODYS_ID };
    uid_t before = geteuid();
    int had = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);

    if (child_drop(&same, false, &error) < 0 || geteuid() != before || getuid() != before)
        return 1;
    if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) != had)
        return 2;
    if (child_drop(&same, true, &error) < 0 || geteuid() != before)
        return 3;
    return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1 ? 0 : 4;
}

START_TEST(who_is_to_stay_stays_and_new_privileges_are_refused_as_asked)
{
    ck_assert_int_eq(child_wait(start(stay)), 0);
}
END_TEST

Suite *suite_child(void)
{
    static const TTest **const tests[] = {
        &how_a_child_ended_is_told_in_words,
        &each_child_is_waited_for_by_itself,
        &signals_do_not_end_the_waiting,
        &a_child_has_its_signals_as_at_the_start,
        &a_child_that_serves_ignores_what_is_for_its_parent,
        &a_child_is_told_to_end_when_its_parent_does,
        &a_user_is_found_by_name_and_by_number,
        &a_user_that_is_none_is_an_error,
        &groups_replace_those_of_the_user_and_the_first_is_primary,
        &a_group_that_is_none_is_an_error,
        &the_groups_that_we_have_are_known,
        &more_groups_than_there_is_room_for_are_refused,
        &a_number_is_a_user_even_without_a_name,
        &root_is_given_up_for_good_or_the_process_must_not_go_on,
        &who_is_to_stay_stays_and_new_privileges_are_refused_as_asked,
        NULL,
    };

    return unit_suite("child", tests);
}
