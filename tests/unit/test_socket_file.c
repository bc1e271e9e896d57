/* SPDX-License-Identifier: MIT
   Unix sockets in the file system: what is replaced, what is left alone, who may connect. */
#include "socket_file.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static char folder[64], path[96];
static struct mpx_arena a;
static const char *error;

static void set_up(void)
{
    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/www.sock", folder);
    arena_init(&a, NULL);
    error = NULL;
}

static struct socket_file file(void)
{
    return (struct socket_file){ .path = path, .mode = 0660, .backlog = 8 };
}

static int open_file(struct socket_file *s)
{
    return socket_file_open(s, &a, &error);
}

/* 0, or the errno of a connect. */
static int try_connect(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    int rc = connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0 ? errno : 0;
    close(fd);
    return rc;
}

/* A socket that is bound there by somebody else. */
static int bind_other(int type)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);

    (void)snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
    ck_assert_int_eq(bind(fd, (const struct sockaddr *)&un, sizeof(un)), 0);
    return fd;
}

#define ck_assert_error(text) \
    ck_assert_str_eq(error, arena_printf(&a, "cannot listen on unix:%s: %s", path, text).p)

START_TEST(a_socket_is_made_and_removed)
{
    set_up();
    struct socket_file s = file();
    struct stat st;
    size_t descriptors = aid_descriptors();
    mode_t mask = umask(022);
    int fd = open_file(&s);

    ck_assert_msg(fd >= 0, "%s", error);
    ck_assert_int_eq(lstat(path, &st), 0);
    ck_assert(S_ISSOCK(st.st_mode) && (st.st_mode & 07777) == 0660);
    ck_assert_uint_eq(umask(mask), 022);
    ck_assert_int_eq(try_connect(), 0);
    ck_assert_int_ge(accept4(fd, NULL, NULL, SOCK_CLOEXEC), 0);
    ck_assert(accept4(fd, NULL, NULL, SOCK_CLOEXEC) < 0 && errno == EAGAIN);
    socket_file_remove(&s);
    ck_assert_int_eq(try_connect(), ENOENT);
    socket_file_remove(&s);
    close(fd);
    ck_assert_uint_eq(aid_descriptors(), descriptors + 1);
    arena_finish(&a);
}
END_TEST

START_TEST(one_that_nobody_listens_on_is_replaced)
{
    set_up();
    struct socket_file s = file();

    close(bind_other(SOCK_STREAM));
    ck_assert_int_eq(try_connect(), ECONNREFUSED);
    ck_assert_msg(open_file(&s) >= 0, "%s", error);
    ck_assert_int_eq(try_connect(), 0);
    socket_file_remove(&s);
    arena_finish(&a);
}
END_TEST

START_TEST(one_that_somebody_listens_on_is_left_alone)
{
    set_up();
    static const char text[] =
        "somebody listens on it: stop the process that has it, or choose another path";
    struct socket_file s = file();
    size_t descriptors = aid_descriptors();
    int fd = bind_other(SOCK_STREAM);

    ck_assert_int_eq(listen(fd, 0), 0);
    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_error(text);
    ck_assert_int_eq(open_file(&s), -1); /* its queue is full now, which does not block us */
    ck_assert_error(text);
    ck_assert_int_eq(access(path, F_OK), 0);
    close(fd);
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    arena_finish(&a);
}
END_TEST

START_TEST(a_socket_of_another_kind_is_left_alone)
{
    set_up();
    struct socket_file s = file();
    int fd = bind_other(SOCK_DGRAM);

    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_error("somebody listens on it: stop the process that has it, or choose another path");
    ck_assert_int_eq(access(path, F_OK), 0);
    close(fd);
    arena_finish(&a);
}
END_TEST

START_TEST(what_is_no_socket_is_left_alone)
{
    set_up();
    struct socket_file s = file();

    unit_write(folder, "www.sock", "precious");
    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_error("it is there and is no socket: remove it, or choose another path");
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink("elsewhere", path), 0);
    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_error("it is there and is no socket: remove it, or choose another path");
    socket_file_remove(&s);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_int_eq(rmdir(path), 0);
    arena_finish(&a);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_told)
{
    set_up();
    struct socket_file s = file();

    (void)snprintf(path, sizeof(path), "%s/none/www.sock", folder);
    ck_assert_int_eq(open_file(&s), -1);
    ck_assert_error("No such file or directory");
    arena_finish(&a);
}
END_TEST

START_TEST(the_name_of_somebody_else_is_not_removed)
{
    set_up();
    struct socket_file s = file(), other = file();
    int fd = open_file(&s);

    ck_assert_int_ge(fd, 0);
    close(fd);
    aid_pause_ms(20);                       /* the file system's clock may be coarse */
    ck_assert_int_ge(open_file(&other), 0); /* a second daemon replaces what the first one left */
    socket_file_remove(&s);
    ck_assert_int_eq(try_connect(), 0);
    socket_file_remove(&other);
    ck_assert_int_eq(try_connect(), ENOENT);
    arena_finish(&a);
}
END_TEST

START_TEST(it_is_given_to_its_owner_where_that_may_be)
{
    set_up();
    struct socket_file s = file();
    struct stat st;

    s.give = true;
    s.uid = 54321;
    s.gid = 54322;
    s.mode = 0606;
    int fd = open_file(&s);
    if (geteuid() == 0) {
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(lstat(path, &st), 0);
        ck_assert(st.st_uid == 54321 && st.st_gid == 54322 && (st.st_mode & 07777) == 0606);
        socket_file_remove(&s);
    } else {
        ck_assert_int_eq(fd, -1);
        ck_assert_error("cannot give it to its \"owner\": Operation not permitted");
        ck_assert_int_ne(access(path, F_OK), 0); /* nothing is left of the try */
    }
    arena_finish(&a);
}
END_TEST

Suite *suite_socket_file(void)
{
    static const TTest **const tests[] = { &a_socket_is_made_and_removed,
                                           &one_that_nobody_listens_on_is_replaced,
                                           &one_that_somebody_listens_on_is_left_alone,
                                           &a_socket_of_another_kind_is_left_alone,
                                           &what_is_no_socket_is_left_alone,
                                           &a_folder_that_is_not_there_is_told,
                                           &the_name_of_somebody_else_is_not_removed,
                                           &it_is_given_to_its_owner_where_that_may_be,
                                           NULL };

    return unit_suite("socket_file", tests);
}
