/* SPDX-License-Identifier: MIT
   A process that exchanges its own configuration: the descriptors that its worker has of its
   sockets. The reloads themselves are shown by tests/system/reload.py. */
#include "alone.h"

#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static ino_t inode(int fd)
{
    struct stat st;

    ck_assert_int_eq(fstat(fd, &st), 0);
    return st.st_ino;
}

START_TEST(a_copy_has_the_same_sockets_under_other_descriptors)
{
    struct endpoints e = { .count = 2 }, copy;

    for (size_t i = 0; i < 2; i++)
        e.list[i] = (struct endpoint){ .fd = socket(AF_UNIX, SOCK_STREAM, 0),
                                       .id = 7 + (unsigned)i,
                                       .listener = i };
    ck_assert_int_eq(alone_copy(&e, &copy), 0);
    ck_assert_uint_eq(copy.count, 2);
    for (size_t i = 0; i < 2; i++) {
        ck_assert_int_ne(copy.list[i].fd, e.list[i].fd);
        ck_assert(inode(copy.list[i].fd) == inode(e.list[i].fd));
        ck_assert_uint_eq(copy.list[i].id, 7 + i);
        ck_assert_uint_eq(copy.list[i].listener, i);
    }
    endpoints_close(&copy);
    endpoints_close(&e);
}
END_TEST

START_TEST(a_copy_that_fails_leaves_nothing_open)
{
    struct endpoints e = { .count = 2 }, copy;
    int next;

    e.list[0] = (struct endpoint){ .fd = socket(AF_UNIX, SOCK_STREAM, 0) };
    e.list[1] = (struct endpoint){ .fd = -1 };
    next = dup(e.list[0].fd);
    close(next);
    ck_assert_int_eq(alone_copy(&e, &copy), -1);
    ck_assert_uint_eq(copy.count, 0);
    ck_assert_int_eq(fcntl(next, F_GETFD), -1);
    endpoints_close(&e);
}
END_TEST

Suite *suite_alone(void)
{
    static const TTest **const tests[] = { &a_copy_has_the_same_sockets_under_other_descriptors,
                                           &a_copy_that_fails_leaves_nothing_open, NULL };

    return unit_suite("alone", tests);
}
