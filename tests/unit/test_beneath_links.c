/* SPDX-License-Identifier: MIT
   Which symbolic links are followed, by the policies of beneath.h: through the kernel and through
   the walk alike. */
#include "beneath.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SOMEBODY = 12345 };

static char folder[64];
static int root;

static void make_link(const char *text, const char *name, bool is_somebodys)
{
    ck_assert_int_eq(symlinkat(text, root, name), 0);
    if (is_somebodys)
        ck_assert_int_eq(fchownat(root, name, SOMEBODY, (gid_t)-1, AT_SYMLINK_NOFOLLOW), 0);
}

static void make_file(const char *name, bool is_somebodys)
{
    char path[128];

    unit_write(folder, name, name);
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    if (is_somebodys)
        ck_assert_int_eq(chown(path, SOMEBODY, (gid_t)-1), 0);
}

static void make_folder(const char *name, bool is_somebodys)
{
    ck_assert_int_eq(mkdirat(root, name, 0755), 0);
    if (is_somebodys)
        ck_assert_int_eq(fchownat(root, name, SOMEBODY, (gid_t)-1, 0), 0);
}

static void make_tree(void)
{
    char path[128], target[160];

    unit_folder(folder);
    (void)snprintf(path, sizeof(path), "%s/root", folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    root = beneath_root(path, 0);
    ck_assert_int_ge(root, 0);
    make_file("outside", false);
    make_file("root/f", false);
    make_folder("d", false);
    make_folder("d/e", false);
    make_file("root/d/g", false);
    make_link("f", "in", false);
    make_link("d", "in_d", false);
    make_link("../f", "d/up", false);
    make_link("../outside", "out", false);
    make_link("..", "parent", false);
    make_link("nothing", "dangling", false);
    make_link("self", "self", false);
    make_link("f/", "file_slash", false);
    (void)snprintf(target, sizeof(target), "%s/outside", folder);
    make_link(target, "absolute", false);
    make_link("/", "slash", false);
}

/* With what belongs to somebody else; false when only root could make it. */
static bool make_owned_tree(void)
{
    make_tree();
    if (geteuid() != 0) {
        (void)fprintf(stderr, "# left out: only root can give files away\n");
        close(root);
        return false;
    }
    make_file("s_outside", true);
    make_file("root/s_f", true);
    make_folder("s_d", true);
    make_file("root/s_d/f", false);
    make_file("root/d/s_g", true);
    make_link("s_f", "s_to_s", true);
    make_link("f", "s_to_ours", true);
    make_link("s_f", "ours_to_s", false);
    make_link("s_to_s", "s_chain", true);
    make_link("s_to_s", "ours_chain", false);
    make_link("ours_to_s", "s_chain_broken", true);
    make_link("s_to_ours", "s_chain_to_ours", true);
    make_link("s_d", "s_d_link", true);
    make_link("s_d/", "s_d_slash", true);
    make_link("s_d/.", "s_d_dot", true);
    make_link("s_d/..", "s_up", true);
    make_link("d", "s_to_our_d", true);
    make_link("d/", "s_to_our_d_slash", true);
    make_link("d/s_g", "s_through_ours", true);
    make_link("in_d/s_g", "s_through_our_link", true);
    make_link("s_to_our_d/g", "ours_through_theirs", false);
    make_link("../s_outside", "s_out", true);
    make_link("../outside", "s_out_to_ours", true);
    make_link("/", "s_slash", true);
    make_link("/etc/passwd", "s_etc", true);
    return true;
}

/* rel leads to what the plain path "to" names (from the folder that holds the root), or to an
   error. */
static void leads(unsigned flags, const char *rel, const char *to, int error)
{
    static int (*const ways[])(int, const char *, unsigned) = { beneath_open, beneath_walk };
    struct stat got, wanted;
    char path[160];

    for (size_t i = 0; i < 2; i++) {
        int fd = ways[i](root, rel, flags);

        if (to == NULL) {
            ck_assert_msg(fd == -error, "way %zu, %u, \"%s\" is %d, not %s", i, flags, rel, fd,
                          strerror(error));
            continue;
        }
        ck_assert_msg(fd >= 0, "way %zu, %u, \"%s\": %s", i, flags, rel, strerror(-fd));
        (void)snprintf(path, sizeof(path), "%s%s%s", to[0] == '/' ? "" : folder,
                       to[0] == '/' ? "" : "/", to);
        ck_assert_int_eq(fstat(fd, &got), 0);
        ck_assert_int_eq(stat(path, &wanted), 0);
        ck_assert_msg(got.st_ino == wanted.st_ino && got.st_dev == wanted.st_dev,
                      "way %zu, %u, \"%s\" is not %s", i, flags, rel, to);
        close(fd);
    }
}

START_TEST(deny_follows_no_link_in_any_component)
{
    static const char *const refused[] = { "in",      "in/",      "in_d",          "in_d/",
                                           "in_d/g",  "in_d/e",   "d/up",          "out",
                                           "parent",  "dangling", "self",          "absolute",
                                           "slash",   "in_d/.",   "parent/root/f", "dangling/x",
                                           "d/../in", "slash/etc" };

    make_tree();
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        leads(BENEATH_DENY, refused[i], NULL, ELOOP);
        leads(BENEATH_DENY | BENEATH_DIRECTORY, refused[i], NULL, ELOOP);
    }
    close(root);
}
END_TEST

START_TEST(deny_opens_what_is_no_link)
{
    make_tree();
    leads(BENEATH_DENY, "", "root", 0);
    leads(BENEATH_DENY, "f", "root/f", 0);
    leads(BENEATH_DENY, "d/g", "root/d/g", 0);
    leads(BENEATH_DENY, "d//e/", "root/d/e", 0);
    leads(BENEATH_DENY, "d/./../d/g", "root/d/g", 0);
    leads(BENEATH_DENY, "nothing", NULL, ENOENT);
    leads(BENEATH_DENY, "f/", NULL, ENOTDIR);
    leads(BENEATH_DENY, "f/x", NULL, ENOTDIR);
    leads(BENEATH_DENY, "..", NULL, EXDEV);
    leads(BENEATH_DENY, "/etc", NULL, EXDEV);
    close(root);
}
END_TEST

START_TEST(follow_goes_wherever_a_link_leads)
{
    make_tree();
    leads(BENEATH_FOLLOW, "f", "root/f", 0);
    leads(BENEATH_FOLLOW, "", "root", 0);
    leads(BENEATH_FOLLOW, "in", "root/f", 0);
    leads(BENEATH_FOLLOW, "in_d/g", "root/d/g", 0);
    leads(BENEATH_FOLLOW, "d/up", "root/f", 0);
    leads(BENEATH_FOLLOW, "out", "outside", 0);
    leads(BENEATH_FOLLOW, "parent", "", 0);
    leads(BENEATH_FOLLOW, "parent/outside", "outside", 0);
    leads(BENEATH_FOLLOW, "absolute", "outside", 0);
    leads(BENEATH_FOLLOW, "slash", "/", 0);
    leads(BENEATH_FOLLOW, "slash/", "/", 0);
    leads(BENEATH_FOLLOW, "slash/etc", "/etc", 0);
    leads(BENEATH_FOLLOW | BENEATH_DIRECTORY, "parent", "", 0);
    leads(BENEATH_FOLLOW | BENEATH_DIRECTORY, "out", NULL, ENOTDIR);
    leads(BENEATH_FOLLOW, "dangling", NULL, ENOENT);
    leads(BENEATH_FOLLOW, "self", NULL, ELOOP);
    leads(BENEATH_FOLLOW, "file_slash", NULL, ENOTDIR);
    close(root);
}
END_TEST

START_TEST(no_policy_lets_the_path_itself_climb)
{
    static const unsigned policies[] = { BENEATH_OWNER, BENEATH_FOLLOW };
    static const char *const climbs[] = { "..",       "../",     "../outside",  "d/..",
                                          "d/../f",   "in_d/..", "parent/..",   "./..",
                                          "d/e/../g", "/",       "/etc/passwd", "//f" };

    make_tree();
    for (size_t p = 0; p < 2; p++)
        for (size_t i = 0; i < sizeof(climbs) / sizeof(climbs[0]); i++)
            leads(policies[p], climbs[i], NULL, EXDEV);
    close(root);
}
END_TEST

START_TEST(owner_follows_links_to_what_belongs_to_their_owner)
{
    if (!make_owned_tree())
        return;
    leads(BENEATH_OWNER, "f", "root/f", 0);
    leads(BENEATH_OWNER, "in", "root/f", 0);
    leads(BENEATH_OWNER, "in_d/g", "root/d/g", 0);
    leads(BENEATH_OWNER, "d/up", "root/f", 0);
    leads(BENEATH_OWNER, "s_f", "root/s_f", 0);
    leads(BENEATH_OWNER, "s_to_s", "root/s_f", 0);
    leads(BENEATH_OWNER, "s_chain", "root/s_f", 0);
    leads(BENEATH_OWNER, "s_d_link", "root/s_d", 0);
    leads(BENEATH_OWNER, "s_d_link/f", "root/s_d/f", 0);
    leads(BENEATH_OWNER, "s_d_slash", "root/s_d", 0);
    leads(BENEATH_OWNER, "s_d_slash/f", "root/s_d/f", 0);
    leads(BENEATH_OWNER, "s_d_dot/f", "root/s_d/f", 0);
    leads(BENEATH_OWNER, "s_through_ours", "root/d/s_g", 0);
    leads(BENEATH_OWNER, "s_through_our_link", "root/d/s_g", 0);
    leads(BENEATH_OWNER, "s_out", "s_outside", 0);
    leads(BENEATH_OWNER, "out", "outside", 0);
    leads(BENEATH_OWNER, "absolute", "outside", 0);
    leads(BENEATH_OWNER, "slash/etc/passwd", "/etc/passwd", 0);
    leads(BENEATH_OWNER | BENEATH_DIRECTORY, "s_d_link", "root/s_d", 0);
    close(root);
}
END_TEST

START_TEST(owner_refuses_links_to_what_is_another_s)
{
    static const char *const refused[] = {
        "s_to_ours",
        "ours_to_s",
        "ours_chain",
        "s_chain_broken",
        "s_chain_to_ours",
        "s_to_our_d",
        "s_to_our_d/",
        "s_to_our_d/g",
        "s_to_our_d/s_g",
        "s_to_our_d_slash",
        "s_to_our_d_slash/s_g",
        "s_up",
        "s_up/f",
        "s_out_to_ours",
        "s_slash",
        "s_slash/etc/passwd",
        "s_etc",
        "self",
        "ours_through_theirs",
    };

    if (!make_owned_tree())
        return;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        leads(BENEATH_OWNER, refused[i], NULL, ELOOP);
    leads(BENEATH_OWNER, "dangling", NULL, ENOENT);
    leads(BENEATH_OWNER, "file_slash", NULL, ENOTDIR);
    close(root);
}
END_TEST

START_TEST(a_walk_for_an_owner_is_not_begun_where_nothing_may_wait)
{
    make_tree();
    leads(BENEATH_OWNER, "in", "root/f", 0);
    ck_assert_int_eq(beneath_open(root, "in", BENEATH_OWNER | BENEATH_CACHED), -EAGAIN);
    close(root);
}
END_TEST

START_TEST(policies_keep_no_descriptor)
{
    static const unsigned policies[] = { 0, BENEATH_DENY, BENEATH_OWNER, BENEATH_FOLLOW };
    static const char *const paths[] = { "in",         "in_d/g",    "out",  "absolute",
                                         "slash",      "slash/etc", "self", "parent/root/d/up",
                                         "file_slash", "nothing" };

    make_tree();
    size_t before = aid_descriptors();
    for (size_t p = 0; p < 4; p++)
        for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
            int fds[2] = { beneath_open(root, paths[i], policies[p]),
                           beneath_walk(root, paths[i], policies[p]) };

            for (size_t k = 0; k < 2; k++)
                if (fds[k] >= 0)
                    close(fds[k]);
        }
    ck_assert_uint_eq(aid_descriptors(), before);
    close(root);
}
END_TEST

static atomic_bool stop_swapping;

/* What "swap" names, and what "here" is, changes all the time. */
static void *swap_for_ever(void *arg)
{
    while (!atomic_load(&stop_swapping)) {
        ck_assert_int_eq(renameat2(root, "here", root, "there", RENAME_EXCHANGE), 0);
        ck_assert_int_eq(renameat2(root, "swap", root, "s_swap", RENAME_EXCHANGE), 0);
    }
    return arg;
}

START_TEST(no_swap_of_link_or_target_leads_an_owner_to_another_s_file)
{
    pthread_t thread;
    unsigned opened = 0;
    struct stat st;

    if (!make_owned_tree())
        return;
    make_file("root/swap", false);
    make_file("root/s_swap", true);
    make_link("swap", "s_to_swap", true);
    make_link("f", "here", false);
    make_link("f", "there", true);
    ck_assert_int_eq(pthread_create(&thread, NULL, swap_for_ever, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        int fd = beneath_open(root, "s_to_swap", BENEATH_OWNER);

        if (fd >= 0) {
            ck_assert_int_eq(fstat(fd, &st), 0);
            ck_assert_uint_eq(st.st_uid, SOMEBODY);
            close(fd);
            opened++;
        }
        fd = beneath_open(root, "here", BENEATH_DENY);
        ck_assert_int_eq(fd, -ELOOP);
    }
    ck_assert_uint_gt(opened, 0);
    atomic_store(&stop_swapping, true);
    pthread_join(thread, NULL);
    close(root);
}
END_TEST

Suite *suite_beneath_links(void)
{
    static const TTest **const tests[] = {
        &deny_follows_no_link_in_any_component,
        &deny_opens_what_is_no_link,
        &follow_goes_wherever_a_link_leads,
        &no_policy_lets_the_path_itself_climb,
        &owner_follows_links_to_what_belongs_to_their_owner,
        &owner_refuses_links_to_what_is_another_s,
        &a_walk_for_an_owner_is_not_begun_where_nothing_may_wait,
        &policies_keep_no_descriptor,
        &no_swap_of_link_or_target_leads_an_owner_to_another_s_file,
        NULL,
    };

    return unit_suite("beneath_links", tests);
}
