/* SPDX-License-Identifier: MIT
   What an image leaves, the next one finds; what it cannot understand is an error. */
#include "heritage.h"

#include "aid.h"
#include "unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static struct mpx_arena a;

static int listener(void)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    union endpoint_address address = { .in = { .sin_family = AF_INET,
                                               .sin_addr = { htonl(INADDR_LOOPBACK) } } };

    ck_assert_int_eq(bind(fd, &address.any, sizeof(address.in)), 0);
    ck_assert_int_eq(listen(fd, 1), 0);
    return fd;
}

/* One with a bit of everything; three descriptors and a pid file. */
static void fill(struct heritage *h)
{
    int *others = calloc(1, sizeof(*others));

    *h = (struct heritage){ .pid_fd = open("/dev/null", O_RDWR | O_CLOEXEC),
                            .pid_path = "/run/a b.pid",
                            .endpoints.next_id = 9 };
    ck_assert_ptr_nonnull(others);
    others[0] = listener();
    h->endpoints.list[0] =
        (struct endpoint){ .fd = listener(),
                           .id = 3,
                           .others = others,
                           .others_count = 1,
                           .v6only = true,
                           .address.in = { .sin_family = AF_INET, .sin_port = 7 },
                           .bound.in = { .sin_family = AF_INET, .sin_port = 8 } };
    h->endpoints.list[1] = (struct endpoint){
        .fd = listener(),
        .id = 5,
        .file = { .path = "/run/a b.sock", .device = 11, .inode = 12, .made = { 13, 14 } }
    };
    h->endpoints.count = 2;
    h->elders[0] = (struct elder){ .pid = 4711, .number = 6, .peer.end = listener() };
    h->elder_count = 1;
}

static void finish(struct heritage *h)
{
    endpoints_close(&h->endpoints);
    close(h->pid_fd);
    for (size_t i = 0; i < h->elder_count; i++)
        close(h->elders[i].peer.end);
}

static bool goes_along(int fd)
{
    return (fcntl(fd, F_GETFD) & FD_CLOEXEC) == 0;
}

START_TEST(what_is_left_is_found)
{
    struct heritage left, found;

    arena_init(&a, NULL);
    fill(&left);
    ck_assert_int_ge(heritage_leave(&left), 0);
    ck_assert(goes_along(left.pid_fd) && goes_along(left.endpoints.list[0].others[0]));
    ck_assert(goes_along(left.endpoints.list[1].fd) && goes_along(left.elders[0].peer.end));
    ck_assert_int_eq(heritage_begin(&found, &a), 0);
    ck_assert(found.is_there);
    ck_assert(!goes_along(left.pid_fd) && !goes_along(left.endpoints.list[0].others[0]));
    ck_assert_int_eq(found.pid_fd, left.pid_fd);
    ck_assert_str_eq(found.pid_path, "/run/a b.pid");
    ck_assert_uint_eq(found.endpoints.next_id, 9);
    ck_assert_uint_eq(found.endpoints.count, 2);
    const struct endpoint *first = &found.endpoints.list[0], *second = first + 1;
    ck_assert_uint_eq(first->id, 3);
    ck_assert(first->v6only && !second->v6only);
    ck_assert_uint_eq(first->others_count, 1);
    ck_assert_int_eq(first->others[0], left.endpoints.list[0].others[0]);
    ck_assert_int_eq(
        memcmp(&first->address, &left.endpoints.list[0].address, sizeof(first->address)), 0);
    ck_assert_int_eq(memcmp(&first->bound, &left.endpoints.list[0].bound, sizeof(first->bound)), 0);
    ck_assert_str_eq(second->file.path, "/run/a b.sock");
    ck_assert_str_eq(second->url, "unix:/run/a b.sock");
    ck_assert_uint_eq(second->file.inode, 12);
    ck_assert_int_eq(second->file.made.tv_nsec, 14);
    ck_assert_uint_eq(found.elder_count, 1);
    ck_assert_int_eq(found.elders[0].pid, 4711);
    ck_assert_uint_eq(found.elders[0].number, 6);
    ck_assert(!heritage_on_end(&found, 4712));
    free(found.endpoints.list[0].others);
    ck_assert(heritage_on_end(&found, 4711)); /* with its channel */
    ck_assert_uint_eq(found.elder_count, 0);
    left.elder_count = 0;
    finish(&left);
    arena_finish(&a);
}
END_TEST

START_TEST(what_nobody_took_is_taken_back)
{
    size_t descriptors = aid_descriptors();
    struct heritage left, found;

    arena_init(&a, NULL);
    fill(&left);
    int fd = heritage_leave(&left);
    heritage_take_back(&left, fd);
    ck_assert(!goes_along(left.pid_fd) && !goes_along(left.endpoints.list[0].fd));
    ck_assert_int_eq(heritage_begin(&found, &a), 0);
    ck_assert(!found.is_there);
    ck_assert_int_eq(found.pid_fd, -1);
    finish(&left);
    ck_assert_uint_eq(aid_descriptors(), descriptors);
    arena_finish(&a);
}
END_TEST

START_TEST(what_cannot_be_understood_is_an_error)
{
    static const char *const wrong[] = {
        "",
        "multiplexd heritage 2\n",
        "multiplexd heritage 1\nwhat 1\n",
        "multiplexd heritage 1\nother 0\n",
        "multiplexd heritage 1\nworker 0 1 0\n",
        "multiplexd heritage 1\nsocket 0 1 0 0 00 00\n",
        "multiplexd heritage 1\npid 9999 /x\n",
        "multiplexd heritage 1\nnext\n",
    };
    struct heritage found;
    char number[16];

    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        int fd = memfd_create("test", 0);

        ck_assert_int_eq(write(fd, wrong[i], strlen(wrong[i])), (ssize_t)strlen(wrong[i]));
        (void)snprintf(number, sizeof(number), "%d", fd);
        ck_assert_int_eq(setenv("MULTIPLEXD_HERITAGE", number, 1), 0);
        ck_assert_msg(heritage_begin(&found, &a) == -1, "%s", wrong[i]);
        ck_assert_ptr_null(getenv("MULTIPLEXD_HERITAGE"));
        close(fd);
    }
    ck_assert_int_eq(setenv("MULTIPLEXD_HERITAGE", "x", 1), 0);
    ck_assert_int_eq(heritage_begin(&found, &a), -1);
    arena_finish(&a);
}
END_TEST

Suite *suite_heritage(void)
{
    static const TTest **const tests[] = { &what_is_left_is_found, &what_nobody_took_is_taken_back,
                                           &what_cannot_be_understood_is_an_error, NULL };

    return unit_suite("heritage", tests);
}
