/* SPDX-License-Identifier: MIT */
#include "pidfile.h"

#include "aid.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct mpx_arena a;
static char folder[64], path[80];
static const char *error;

static void set_up(void)
{
    arena_init(&a, NULL);
    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/pid", folder);
}

static const char *content(void)
{
    static char text[64];
    FILE *f = fopen(path, "r");

    if (f == NULL)
        return "(none)";
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    return text;
}

/* The error is this text, the path between its halves. */
static void check_refused(const char *before_path, const char *after)
{
    struct pidfile p;
    size_t before = aid_descriptors();

    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), -1);
    ck_assert_str_eq(error, arena_printf(&a, "%s\"%s\"%s", before_path, path, after).p);
    ck_assert_uint_eq(aid_descriptors(), before);
    pidfile_close(&p); /* harmless */
}

START_TEST(the_file_holds_our_number_until_we_close_it)
{
    struct pidfile p;
    size_t before = aid_descriptors();

    set_up();
    unit_write(folder, "pid", "a longer text of another one\n"); /* which is gone: no lock */
    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), 0);
    ck_assert_str_eq(content(), arena_printf(&a, "%ld\n", (long)getpid()).p);
    pidfile_close(&p);
    ck_assert_str_eq(content(), "(none)");
    ck_assert_uint_eq(aid_descriptors(), before);
    arena_finish(&a);
}
END_TEST

START_TEST(a_second_one_is_refused_while_the_first_one_holds_it)
{
    struct pidfile p;

    set_up();
    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), 0);
    check_refused("another one is running: it holds the pid file ", "");
    ck_assert_str_eq(content(), arena_printf(&a, "%ld\n", (long)getpid()).p);
    pidfile_close(&p);
    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), 0);
    pidfile_close(&p);
    arena_finish(&a);
}
END_TEST

START_TEST(what_cannot_be_a_pid_file_is_told_and_left_as_it_is)
{
    set_up();
    ck_assert_int_eq(symlink("elsewhere", path), 0);
    check_refused("cannot write the pid file ", ": Too many levels of symbolic links");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    check_refused("cannot write the pid file ", ": Is a directory");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    check_refused("cannot write the pid file ", ": Invalid argument");
    (void)snprintf(path, sizeof(path), "%s/no/pid", folder);
    check_refused("cannot write the pid file ", ": No such file or directory");
    arena_finish(&a);
}
END_TEST

START_TEST(a_file_that_became_another_ones_is_left_alone)
{
    struct pidfile p;

    set_up();
    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), 0);
    ck_assert_int_eq(unlink(path), 0);
    unit_write(folder, "pid", "another one's");
    pidfile_close(&p);
    ck_assert_str_eq(content(), "another one's");
    arena_finish(&a);
}
END_TEST

static int close_as_somebody(void *arg)
{
    if (setresuid(54321, 54321, 54321) < 0)
        return 1;
    pidfile_close(arg);
    return 0;
}

START_TEST(what_may_no_longer_be_removed_is_left_empty)
{
    struct pidfile p;

    if (geteuid() != 0)
        return; /* it may always be removed */
    set_up();
    ck_assert_int_eq(pidfile_open(&p, &a, path, &error), 0);
    ck_assert_int_eq(WEXITSTATUS(aid_fork(close_as_somebody, &p)), 0);
    ck_assert_str_eq(content(), "");
    pidfile_close(&p);
    arena_finish(&a);
}
END_TEST

Suite *suite_pidfile(void)
{
    static const TTest **const tests[] = { &the_file_holds_our_number_until_we_close_it,
                                           &a_second_one_is_refused_while_the_first_one_holds_it,
                                           &what_cannot_be_a_pid_file_is_told_and_left_as_it_is,
                                           &a_file_that_became_another_ones_is_left_alone,
                                           &what_may_no_longer_be_removed_is_left_empty,
                                           NULL };

    return unit_suite("pidfile", tests);
}
