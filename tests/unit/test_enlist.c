/* SPDX-License-Identifier: MIT
   The sockets of a worker, as its parent writes of them. */
#include "enlist.h"

#include "unit.h"

static int read_text(struct endpoints *e, const char *text, int *fds, size_t count)
{
    return enlist_endpoints(e, str_of(text), fds, count);
}

START_TEST(each_line_is_a_socket_with_its_listener_and_number)
{
    struct endpoints e;
    int fds[] = { 100, 101 };

    ck_assert_int_eq(read_text(&e, "1 7\n0 4294967295\n", fds, 2), 0);
    ck_assert_uint_eq(e.count, 2);
    ck_assert_int_eq(e.list[0].fd, 100);
    ck_assert_uint_eq(e.list[0].listener, 1);
    ck_assert_uint_eq(e.list[0].id, 7);
    ck_assert_int_eq(e.list[1].fd, 101);
    ck_assert_uint_eq(e.list[1].id, 4294967295U);
    ck_assert(fds[0] == -1 && fds[1] == -1); /* they were taken */
}
END_TEST

START_TEST(anything_else_is_refused)
{
    static const char *const wrong[] = { "",       "1\n", "1 x\n",      "x 1\n",
                                         "64 1\n", "\n",  "1 7\n1 8\n", "1 4294967296\n" };
    struct endpoints e;

    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int fds[] = { 100 };

        ck_assert_msg(read_text(&e, wrong[i], fds, 1) == -1, "%s", wrong[i]);
    }
}
END_TEST

Suite *suite_enlist(void)
{
    static const TTest **const tests[] = { &each_line_is_a_socket_with_its_listener_and_number,
                                           &anything_else_is_refused, NULL };

    return unit_suite("enlist", tests);
}
