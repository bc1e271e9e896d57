/* SPDX-License-Identifier: MIT
   Log files, made and opened; as root, where somebody else could lead root. */
#include "logfile.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOMEBODY = 65534 };

static char folder[64];
static const struct logfile_as nobody_else = { 0640, NULL };
static const struct child_user user = {
    .change = true, .uid = SOMEBODY, .gid = SOMEBODY, .groups = { SOMEBODY }, .group_count = 1
};
static const struct logfile_as for_user = { 0640, &user };

static const char *in_folder(const char *name)
{
    static char path[2][128];
    static unsigned turn;

    turn = !turn;
    (void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
    return path[turn];
}

/* Opens it, writes a line, closes it: 0, or -errno. */
static int log_to(const char *name, const struct logfile_as *as)
{
    int fd = logfile_open(in_folder(name), as);

    if (fd < 0)
        return fd;
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK), O_APPEND);
    ck_assert_int_eq(write(fd, "line\n", 5), 5);
    close(fd);
    return 0;
}

static struct stat stat_of(const char *name)
{
    struct stat st;

    ck_assert_msg(lstat(in_folder(name), &st) == 0, "%s: %s", name, strerror(errno));
    return st;
}

static void make_folder(const char *name, uid_t uid, mode_t mode)
{
    ck_assert_int_eq(mkdir(in_folder(name), 0700), 0);
    ck_assert_int_eq(chmod(in_folder(name), mode), 0);
    if (geteuid() == 0)
        ck_assert_int_eq(chown(in_folder(name), uid, uid), 0);
}

static void set_up(void)
{
    unit_folder(folder);
    ck_assert_int_eq(chmod(folder, 0755), 0);
}

START_TEST(a_new_file_has_its_mode_whatever_the_umask)
{
    const struct logfile_as wide = { 0664, NULL };

    set_up();
    mode_t before = umask(0077);
    ck_assert_int_eq(log_to("a", &nobody_else), 0);
    ck_assert_int_eq(log_to("b", &wide), 0);
    umask(before);
    ck_assert_uint_eq(stat_of("a").st_mode & 07777, 0640);
    ck_assert_uint_eq(stat_of("b").st_mode & 07777, 0664);
}
END_TEST

START_TEST(a_file_that_is_there_is_appended_to_and_stays_as_it_is)
{
    set_up();
    unit_write(folder, "a", "old\n");
    ck_assert_int_eq(chmod(in_folder("a"), 0606), 0);
    ck_assert_int_eq(log_to("a", &nobody_else), 0);
    ck_assert_int_eq(stat_of("a").st_size, 9);
    ck_assert_uint_eq(stat_of("a").st_mode & 07777, 0606);
}
END_TEST

START_TEST(what_cannot_be_opened_is_an_errno)
{
    set_up();
    make_folder("d", 0, 0755);
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    ck_assert_int_eq(log_to("d", &nobody_else), -EISDIR);
    ck_assert_int_eq(log_to("none/a", &nobody_else), -ENOENT);
    ck_assert_int_eq(log_to("pipe", &nobody_else), -ENXIO); /* and nobody is waited for */
    ck_assert_int_eq(log_to("pipe/a", &nobody_else), -ENOTDIR);
}
END_TEST

START_TEST(a_pipe_that_is_read_is_a_log)
{
    set_up();
    ck_assert_int_eq(mkfifo(in_folder("pipe"), 0600), 0);
    int fd = open(in_folder("pipe"), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    ck_assert_int_eq(log_to("pipe", &nobody_else), 0);
    char text[8];
    ck_assert_int_eq(read(fd, text, sizeof(text)), 5);
    close(fd);
}
END_TEST

START_TEST(a_link_may_lead_to_what_is_to_be_made)
{
    set_up();
    make_folder("d", 0, 0755);
    ck_assert_int_eq(symlink("d/a", in_folder("link")), 0);
    ck_assert_int_eq(log_to("link", &nobody_else), 0);
    ck_assert_int_eq(stat_of("d/a").st_size, 5);
}
END_TEST

START_TEST(root_opens_where_nobody_else_may_change_anything)
{
    set_up();
    if (geteuid() != 0)
        return;
    make_folder("root", 0, 0700);
    make_folder("sticky", 0, 01777);
    make_folder("sticky/root", 0, 0700);
    ck_assert_int_eq(symlink("root", in_folder("to-folder")), 0);
    ck_assert_int_eq(symlink(in_folder("root/real"), in_folder("root/to-file")), 0);
    unit_write(folder, "root/real", "");
    static const char *const names[] = { "root/a", "root//../root/./b", "sticky/root/a",
                                         "to-folder/c", "root/to-file" };
    size_t before = aid_descriptors();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(log_to(names[i], &for_user) == 0, "%s", names[i]);
    ck_assert_uint_eq(stat_of("root/a").st_uid, 0);
    ck_assert_uint_eq(stat_of("root/c").st_uid, 0);
    ck_assert_int_eq(stat_of("root/real").st_size, 5);
    ck_assert_int_eq(chown(in_folder("root/a"), SOMEBODY, SOMEBODY), 0); /* as logrotate does */
    ck_assert_int_eq(log_to("root/a", &for_user), 0);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

START_TEST(in_a_folder_of_the_user_files_are_the_users)
{
    set_up();
    if (geteuid() != 0)
        return;
    make_folder("own", SOMEBODY, 0755);
    make_folder("all", 0, 0777);
    make_folder("group", 0, 0775);
    ck_assert_int_eq(chown(in_folder("group"), 0, SOMEBODY), 0);
    make_folder("sticky", 0, 01777);
    static const char *const names[] = { "own/a", "all/a", "group/a", "sticky/a" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        ck_assert_msg(log_to(names[i], &for_user) == 0, "%s", names[i]);
        ck_assert_uint_eq(stat_of(names[i]).st_uid, SOMEBODY);
    }
    ck_assert_uint_eq(geteuid(), 0);
    ck_assert_uint_eq(getegid(), 0);
}
END_TEST

START_TEST(no_link_of_the_user_leads_root_anywhere)
{
    set_up();
    if (geteuid() != 0)
        return;
    make_folder("root", 0, 0755);
    make_folder("own", SOMEBODY, 0755);
    make_folder("sticky", 0, 01777);
    unit_write(folder, "root/precious", "");
    ck_assert_int_eq(chmod(in_folder("root/precious"), 0600), 0);
    ck_assert_int_eq(symlink("../root/precious", in_folder("own/a")), 0);
    ck_assert_int_eq(symlink("../root/new", in_folder("own/b")), 0);
    ck_assert_int_eq(symlink("../root", in_folder("own/c")), 0);
    ck_assert_int_eq(symlink(in_folder("root"), in_folder("sticky/d")), 0);
    ck_assert_int_eq(link(in_folder("root/precious"), in_folder("own/hard")), 0);
    ck_assert_int_eq(symlink("own/c", in_folder("root-to-own")), 0);
    static const char *const names[] = { "own/a",          "own/b",        "own/c/new",
                                         "own/c/precious", "sticky/d/new", "own/hard",
                                         "root-to-own/new" };
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        ck_assert_msg(log_to(names[i], &for_user) == -EACCES, "%s", names[i]);
    ck_assert_int_eq(stat_of("root/precious").st_size, 0);
    ck_assert_int_ne(access(in_folder("root/new"), F_OK), 0);
}
END_TEST

START_TEST(a_circle_of_links_has_an_end)
{
    set_up();
    if (geteuid() != 0)
        return;
    ck_assert_int_eq(symlink("b", in_folder("a")), 0);
    ck_assert_int_eq(symlink("a", in_folder("b")), 0);
    ck_assert_int_eq(log_to("a", &for_user), -ELOOP);
    ck_assert_int_eq(log_to("a/x", &for_user), -ELOOP);
}
END_TEST

Suite *suite_logfile(void)
{
    static const TTest **const tests[] = {
        &a_new_file_has_its_mode_whatever_the_umask,
        &a_file_that_is_there_is_appended_to_and_stays_as_it_is,
        &what_cannot_be_opened_is_an_errno,
        &a_pipe_that_is_read_is_a_log,
        &a_link_may_lead_to_what_is_to_be_made,
        &root_opens_where_nobody_else_may_change_anything,
        &in_a_folder_of_the_user_files_are_the_users,
        &no_link_of_the_user_leads_root_anywhere,
        &a_circle_of_links_has_an_end,
        NULL,
    };

    return unit_suite("logfile", tests);
}
