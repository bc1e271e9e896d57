/* SPDX-License-Identifier: MIT
   Files without a name: what is written is there, nobody else sees it, and it goes. */
#include "spool.h"

#include "aid.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static size_t names_in(const char *folder)
{
    DIR *d = opendir(folder);
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 2; /* "." and ".." */
}

static void check_file(int (*open_it)(struct spool *s, const char *folder))
{
    size_t before = aid_descriptors();
    struct spool s = SPOOL_CLOSED;
    char folder[64], text[20];
    struct stat st;

    unit_folder(folder);
    ck_assert_int_eq(open_it(&s, folder), 0);
    ck_assert_uint_eq(names_in(folder), 0);
    ck_assert_int_eq(fstat(s.fd, &st), 0);
    ck_assert_uint_eq(st.st_nlink, 0);
    ck_assert_uint_eq(st.st_mode & 0777, 0600);
    ck_assert_int_eq(fcntl(s.fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(spool_append(&s, "01234", 5), 0);
    ck_assert_int_eq(spool_append(&s, "", 0), 0);
    ck_assert_int_eq(spool_append(&s, "56789", 5), 0);
    ck_assert_int_eq(spool_map(&s), 0);
    ck_assert_uint_eq(s.n, 10);
    ck_assert_mem_eq(s.map, "0123456789", 10);
    ck_assert_int_eq(read(s.fd, text, sizeof(text)), 10); /* its offset is where it was */
    ck_assert_mem_eq(text, "0123456789", 10);
    spool_close(&s);
    ck_assert_int_eq(s.fd, -1);
    ck_assert_ptr_null(s.map);
    spool_close(&s);
    ck_assert_uint_eq(aid_descriptors(), before);
}

START_TEST(a_file_without_a_name_holds_what_is_written)
{
    check_file(spool_open);
}
END_TEST

START_TEST(one_that_had_a_name_for_a_moment_is_the_same)
{
    check_file(spool_open_named);
}
END_TEST

START_TEST(a_file_may_be_longer_than_a_write)
{
    struct spool s = SPOOL_CLOSED;
    static char block[1 << 20];

    ck_assert_int_eq(spool_open(&s, "/tmp"), 0);
    for (size_t i = 0; i < 8; i++) {
        memset(block, (int)('a' + i), sizeof(block));
        ck_assert_int_eq(spool_append(&s, block, sizeof(block)), 0);
    }
    ck_assert_int_eq(spool_map(&s), 0);
    for (size_t i = 0; i < 8 << 20; i += 4095)
        ck_assert_int_eq(s.map[i], (char)('a' + (i >> 20)));
    spool_close(&s);
}
END_TEST

START_TEST(an_empty_file_is_no_map_and_no_error)
{
    struct spool s = SPOOL_CLOSED;

    ck_assert_int_eq(spool_open(&s, "/tmp"), 0);
    ck_assert_int_eq(spool_map(&s), 0);
    ck_assert_ptr_null(s.map);
    spool_close(&s);
}
END_TEST

START_TEST(what_cannot_be_is_told)
{
    const struct rlimit few = { 8192, 8192 };
    struct spool s = SPOOL_CLOSED;
    char folder[64], path[100], block[8193] = "";

    unit_folder(folder);
    unit_write(folder, "file", "");
    (void)snprintf(path, sizeof(path), "%s/none", folder);
    ck_assert_int_eq(spool_open(&s, path), ENOENT);
    ck_assert_int_eq(spool_open_named(&s, path), ENOENT);
    (void)snprintf(path, sizeof(path), "%s/file", folder);
    ck_assert_int_eq(spool_open(&s, path), ENOTDIR);
    ck_assert_int_eq(s.fd, -1);
    ck_assert_int_eq(spool_open(&s, folder), 0);
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &few), 0);
    ck_assert_int_eq(spool_append(&s, block, sizeof(block)), EFBIG);
    ck_assert_uint_eq(s.n, 8192);
    spool_close(&s);
}
END_TEST

Suite *suite_spool(void)
{
    static const TTest **const tests[] = {
        &a_file_without_a_name_holds_what_is_written,
        &one_that_had_a_name_for_a_moment_is_the_same,
        &a_file_may_be_longer_than_a_write,
        &an_empty_file_is_no_map_and_no_error,
        &what_cannot_be_is_told,
        NULL,
    };

    return unit_suite("spool", tests);
}
