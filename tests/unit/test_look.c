/* SPDX-License-Identifier: MIT */
#include "look.h"

#include "aid.h"
#include "shelf.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct shelf s;
static struct mpx_file *dir;

static void make_socket(const char *name)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/%s", s.folder, name);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
}

static void make_link(const char *text, const char *name)
{
    char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", s.folder, name);
    ck_assert_int_eq(symlink(text, path), 0);
}

/* d is a folder in the middle of the tree; what is above it is still beneath the root. */
static void setup(void)
{
    char path[128];

    shelf_init(&s);
    (void)snprintf(path, sizeof(path), "%s/d", s.folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/d/sub", s.folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    (void)snprintf(path, sizeof(path), "%s/d/fifo", s.folder);
    ck_assert_int_eq(mkfifo(path, 0644), 0);
    unit_write(s.folder, "above", "above");
    unit_write(s.folder, "d/f", "file");
    make_socket("d/socket");
    make_link("f", "d/in");
    make_link("../above", "d/up");
    make_link("../../etc/passwd", "d/out");
    make_link("/etc/passwd", "d/absolute");
    make_link("nothing", "d/dangling");
    make_link("sub", "d/to_sub");
    dir = shelf_get(&s, "d", MPX_OPEN_DIRECTORY);
}

static void finish(void)
{
    file_drop(dir);
    shelf_finish(&s);
}

/* The same as opening it would say. */
static void agrees(const char *name, unsigned flags)
{
    char rel[64];
    int rc;
    struct stat entry, found;

    (void)snprintf(rel, sizeof(rel), "d/%s", name);
    struct mpx_file *f = shelf_open(&s, NULL, rel, flags, &rc);
    int looked = look_up(dir, name, flags, &entry, &found);
    ck_assert_msg(looked == rc, "\"%s\" with %u: look says %d, open %d", name, flags, looked, rc);
    if (rc == 0) {
        ck_assert_uint_eq(f->st.st_ino, found.st_ino);
        ck_assert_uint_eq(f->st.st_mode, found.st_mode);
    }
    file_drop(f);
}

START_TEST(a_look_says_what_an_open_would)
{
    static const char *const names[] = { "f",   "sub",      "fifo",     "socket", "in",     "up",
                                         "out", "absolute", "dangling", "to_sub", "nothing" };

    setup();
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        for (unsigned links = 0; links <= MPX_OPEN_LINKS; links += MPX_OPEN_LINKS_DENY)
            for (unsigned only = 0; only <= MPX_OPEN_DIRECTORY; only++)
                agrees(names[i], links | only);
    finish();
}
END_TEST

START_TEST(entry_is_the_link_and_found_is_what_it_leads_to)
{
    struct stat entry, found;

    setup();
    ck_assert_int_eq(look_up(dir, "up", 0, &entry, &found), 0);
    ck_assert(S_ISLNK(entry.st_mode) && S_ISREG(found.st_mode));
    ck_assert_int_eq(found.st_size, 5);
    ck_assert_int_eq(look_up(dir, "f", 0, &entry, &found), 0);
    ck_assert_uint_eq(entry.st_ino, found.st_ino);
    ck_assert_int_eq(look_up(dir, "f", 0, NULL, NULL), 0);
    entry.st_mode = 0;
    ck_assert_int_eq(look_up(dir, "out", 0, &entry, &found), -EXDEV);
    ck_assert(S_ISLNK(entry.st_mode));
    finish();
}
END_TEST

START_TEST(only_names_of_entries_are_looked_up)
{
    static const char *const others[] = { "", ".", "..", "/", "f/", "sub/..", "../above", "/etc" };

    setup();
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        ck_assert_int_eq(look_up(dir, others[i], MPX_OPEN_LINKS_FOLLOW, NULL, NULL), -EINVAL);
    struct mpx_file *f = shelf_get(&s, "above", 0);
    ck_assert_int_eq(look_up(f, "x", 0, NULL, NULL), -ENOTDIR);
    file_drop(f);
    finish();
}
END_TEST

START_TEST(the_root_itself_can_be_looked_through)
{
    struct stat found;

    setup();
    make_link("d/f", "link");
    make_link("../x", "leaves");
    struct mpx_file *top = shelf_get(&s, "", MPX_OPEN_DIRECTORY);
    ck_assert_int_eq(look_up(top, "link", 0, NULL, &found), 0);
    ck_assert_int_eq(found.st_size, 4);
    ck_assert_int_eq(look_up(top, "leaves", 0, NULL, &found), -EXDEV);
    file_drop(top);
    top = shelf_get(&s, "d/", MPX_OPEN_DIRECTORY);
    ck_assert_int_eq(look_up(top, "up", 0, NULL, &found), 0);
    file_drop(top);
    finish();
}
END_TEST

START_TEST(a_folder_keeps_its_root_when_the_cache_is_gone)
{
    struct stat found;

    shelf_init(&s);
    size_t before = aid_descriptors();
    shelf_finish(&s);
    setup();
    shelf_finish(&s);
    ck_assert_int_eq(look_up(dir, "up", 0, NULL, &found), 0);
    ck_assert_int_eq(found.st_size, 5);
    file_drop(dir);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

static void *look_often(void *arg)
{
    struct stat found;

    for (int i = 0; i < 3000; i++) {
        ck_assert_int_eq(look_up(dir, "up", 0, NULL, &found), 0);
        ck_assert_int_eq(look_up(dir, "f", 0, NULL, &found), 0);
    }
    return arg;
}

START_TEST(threads_look_while_the_cache_lives_on)
{
    pthread_t threads[2];

    setup();
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, look_often, NULL), 0);
    for (int i = 0; i < 300; i++) {
        s.now_ms += FILE_BELIEVED_MS;
        file_drop(shelf_get(&s, "d", MPX_OPEN_DIRECTORY));
        file_drop(shelf_get(&s, "d/f", 0));
    }
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    finish();
}
END_TEST

START_TEST(in_an_owner_s_folder_links_lead_to_what_is_the_owner_s)
{
    const unsigned follow = MPX_OPEN_LINKS_FOLLOW;
    struct stat found;
    int rc;

    setup();
    struct mpx_file *owned = shelf_get(&s, "d", MPX_OPEN_DIRECTORY | FILE_OWNED);
    ck_assert_int_eq(look_up(dir, "absolute", follow, NULL, &found), 0);
    struct mpx_file *f = shelf_open(&s, NULL, "d/absolute", follow, &rc);
    ck_assert_ptr_nonnull(f);
    file_drop(f);
    bool is_ours = found.st_uid == getuid();
    if (is_ours) { /* let the link be somebody's */
        char path[128];

        (void)snprintf(path, sizeof(path), "%s/d/absolute", s.folder);
        ck_assert_int_eq(lchown(path, 12345, (gid_t)-1), 0);
    }
    s.now_ms += FILE_BELIEVED_MS;
    ck_assert_int_eq(look_up(owned, "absolute", follow, NULL, NULL), -ELOOP);
    ck_assert_ptr_null(shelf_open(&s, NULL, "d/absolute", follow | FILE_OWNED, &rc));
    ck_assert_int_eq(rc, -ELOOP);
    f = shelf_open(&s, NULL, "d/up", follow | FILE_OWNED, &rc);
    ck_assert_ptr_nonnull(f);
    file_drop(f);
    s.owner++;
    ck_assert_ptr_null(shelf_open(&s, NULL, "d/up", follow | FILE_OWNED, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    file_drop(owned);
    finish();
}
END_TEST

Suite *suite_look(void)
{
    static const TTest **const tests[] = {
        &a_look_says_what_an_open_would,
        &entry_is_the_link_and_found_is_what_it_leads_to,
        &only_names_of_entries_are_looked_up,
        &the_root_itself_can_be_looked_through,
        &a_folder_keeps_its_root_when_the_cache_is_gone,
        &in_an_owner_s_folder_links_lead_to_what_is_the_owner_s,
        &threads_look_while_the_cache_lives_on,
        NULL,
    };

    return unit_suite("look", tests);
}
