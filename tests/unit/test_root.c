/* SPDX-License-Identifier: MIT
   Directories that files are opened beneath: known by their paths, replaced when these lead
   elsewhere, forgotten when there are too many. */
#include "aid.h"
#include "root.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct roots roots;
static unsigned forgotten;
static int rc; /* of root_now */

static void on_forget(void *arg, struct file_root *root)
{
    ck_assert_ptr_eq(arg, &forgotten);
    ck_assert(list_is_empty(&root->files));
    forgotten++;
}

static void begin(unsigned limit)
{
    forgotten = 0;
    roots_init(&roots, limit, on_forget, &forgotten);
}

/* The folder that stands behind a name, as if it had been looked up on a thread. */
static struct file_root *install(const char *name, const char *folder)
{
    int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    struct stat st;

    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &st), 0);
    return root_install(&roots, name, fd, &st, 1000);
}

START_TEST(a_root_is_known_by_its_path_for_a_second)
{
    char folder[64];

    unit_folder(folder);
    begin(10);
    size_t before = aid_descriptors();
    struct file_root *root = install(folder, folder);
    ck_assert_ptr_eq(root_now(&roots, folder, 1000 + ROOT_BELIEVED_MS - 1, &rc), root);
    ck_assert_ptr_eq(install(folder, folder), root);
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    roots_finish(&roots);
    ck_assert_uint_eq(aid_descriptors(), before);
    ck_assert_uint_eq(forgotten, 1);
}
END_TEST

START_TEST(a_path_that_leads_elsewhere_is_another_root)
{
    begin(10);
    struct file_root *root = install("/name", "/usr");
    root->uses++; /* an open under way keeps it */
    struct file_root *other = install("/name", "/etc");
    ck_assert_ptr_ne(root, other);
    ck_assert(!root_is_known(root));
    ck_assert(root_is_known(other));
    ck_assert_ptr_eq(root_now(&roots, "/name", 1000, &rc), other);
    ck_assert_uint_eq(forgotten, 1);
    root_release(root);
    roots_finish(&roots);
}
END_TEST

START_TEST(the_one_not_used_for_longest_is_forgotten)
{
    begin(3);
    struct file_root *a = install("/a", "/usr"), *b = install("/b", "/usr");
    struct file_root *c = install("/c", "/usr");
    ck_assert_ptr_eq(root_now(&roots, "/a", 1000, &rc), a);
    b->uses++;
    (void)install("/d", "/usr");
    ck_assert(!root_is_known(b));
    ck_assert(root_is_known(a) && root_is_known(c));
    root_release(b);
    roots_finish(&roots);
    ck_assert_uint_eq(forgotten, 4);
}
END_TEST

START_TEST(a_root_that_is_gone_is_told_at_once)
{
    char folder[64];

    unit_folder(folder);
    begin(10);
    struct file_root *root = install(folder, folder);
    ck_assert_ptr_eq(root_now(&roots, folder, 1000, &rc), root);
    ck_assert_int_eq(rc, 0);
    ck_assert_int_eq(rmdir(folder), 0);
    ck_assert_ptr_eq(root_now(&roots, folder, 1000, &rc), root); /* believed */
    struct file_root *now = root_now(&roots, folder, 1000 + ROOT_BELIEVED_MS, &rc);
    ck_assert_ptr_null(now);
    ck_assert(rc == -ENOENT || rc == -EAGAIN); /* that of a kernel without RESOLVE_CACHED */
    if (rc == -ENOENT)
        ck_assert_uint_eq(forgotten, 1); /* no descriptor is kept for it */
    roots_finish(&roots);
}
END_TEST

START_TEST(whose_a_root_is_is_looked_at_again)
{
    struct stat st;

    begin(10);
    struct file_root *root = install("/name", "/usr");
    ck_assert_int_eq(stat("/usr", &st), 0);
    ck_assert_uint_eq(root->uid, st.st_uid);
    st.st_uid++;
    ck_assert_ptr_eq(root_install(&roots, "/name", open("/usr", O_PATH), &st, 1000), root);
    ck_assert_uint_eq(root->uid, st.st_uid);
    roots_finish(&roots);
}
END_TEST

START_TEST(thousands_of_roots_are_told_apart)
{
    enum { MANY = 3000 };
    static struct file_root *all[MANY];
    char name[32];

    begin(MANY);
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "/site/%d", i);
        all[i] = install(name, "/usr");
    }
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(name, sizeof(name), "/site/%d", i);
        ck_assert_ptr_eq(root_now(&roots, name, 1000, &rc), all[i]);
    }
    ck_assert_uint_eq(forgotten, 0);
    roots_finish(&roots);
}
END_TEST

Suite *suite_root(void)
{
    static const TTest **const tests[] = {
        &a_root_is_known_by_its_path_for_a_second,
        &a_path_that_leads_elsewhere_is_another_root,
        &the_one_not_used_for_longest_is_forgotten,
        &a_root_that_is_gone_is_told_at_once,
        &whose_a_root_is_is_looked_at_again,
        &thousands_of_roots_are_told_apart,
        NULL,
    };

    return unit_suite("root", tests);
}
