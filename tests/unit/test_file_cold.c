/* SPDX-License-Identifier: MIT
   Files that must be waited for: the part of an open that a thread does, and what can be sent at
   once. */
#include "aid.h"
#include "shelf.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <unistd.h>

static struct shelf s;

/* An open whose first half was done; a thread must go on. */
static struct file_open begin(const char *root, const char *rel)
{
    struct file_open o = { .files = s.files, .root = root != NULL ? root : s.folder, .rel = rel };
    struct mpx_file *f = NULL;
    int rc;

    ck_assert_int_eq(file_open_now(&o, s.now_ms, &f, &rc), 0);
    ck_assert_ptr_null(f);
    return o;
}

START_TEST(a_cold_file_is_a_threads_work)
{
    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    shelf_disk(SHELF_COLD);
    struct mpx_file *f = shelf_get(&s, "f", 0);
    ck_assert(s.asked_thread);
    ck_assert_str_eq(shelf_text(f), "text");
    struct mpx_file *g = shelf_get(&s, "f", 0); /* known by now */
    ck_assert(!s.asked_thread);
    ck_assert_ptr_eq(f, g);
    file_drop(f);
    file_drop(g);
    shelf_finish(&s);
}
END_TEST

START_TEST(a_file_dropped_from_memory_is_a_threads_work)
{
    shelf_init(&s);
    shelf_write_big(&s, "f", 20000);
    file_drop(shelf_get(&s, "", 0));
    if (shelf_chill(&s, "f")) {
        struct file_open o = begin(NULL, "f");
        struct mpx_file *f = NULL;

        file_open_work(&o);
        ck_assert_int_eq(file_open_finish(&o, s.now_ms, &f), 0);
        ck_assert_int_eq(f->st.st_size, 20000);
        ck_assert_int_eq(f->bytes[19999], 'x');
        file_drop(f);
    }
    shelf_finish(&s);
}
END_TEST

START_TEST(a_name_never_looked_up_is_a_threads_work)
{
    shelf_init(&s);
    file_drop(shelf_get(&s, "", 0));
    struct file_open o = begin(NULL, "never_seen");
    struct mpx_file *f = NULL;
    file_open_work(&o);
    ck_assert_int_eq(file_open_finish(&o, s.now_ms, &f), -ENOENT);
    ck_assert_ptr_null(f);
    shelf_finish(&s);
}
END_TEST

/* The kernel never follows this link without leave to wait. */
#define COLD_ROOT "/proc/self/cwd"

START_TEST(a_cold_root_is_a_threads_work)
{
    int rc;

    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    ck_assert_int_eq(chdir(s.folder), 0);
    size_t before = aid_descriptors();
    struct mpx_file *f = shelf_open(&s, COLD_ROOT, "f", 0, &rc);
    ck_assert(s.asked_thread);
    ck_assert_str_eq(shelf_text(f), "text");
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    struct mpx_file *g = shelf_open(&s, COLD_ROOT, "f", 0, &rc);
    ck_assert(!s.asked_thread);
    ck_assert_ptr_eq(f, g);
    file_drop(g);
    s.now_ms += FILE_BELIEVED_MS; /* the same root again: what is known of it stays */
    g = shelf_open(&s, COLD_ROOT, "f", 0, &rc);
    ck_assert(s.asked_thread);
    ck_assert_str_eq(shelf_text(g), "text");
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    file_drop(f);
    file_drop(g);
    ck_assert_int_eq(chdir("/"), 0); /* now it leads elsewhere */
    s.now_ms += FILE_BELIEVED_MS;
    ck_assert_ptr_null(shelf_open(&s, COLD_ROOT, "multiplexd-unit-f", 0, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    shelf_finish(&s);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

/* Each way an open can be given up, at each point. */
static void abandon(const char *root, const char *rel)
{
    struct file_open o = begin(root, rel);

    ck_assert_int_eq(file_open_finish(&o, s.now_ms, NULL), -ECANCELED);
    o = begin(root, rel);
    file_open_work(&o);
    int rc = file_open_finish(&o, s.now_ms, NULL);
    ck_assert_int_eq(rc, strcmp(rel, "missing") == 0 ? -ENOENT : 0);
    s.now_ms += FILE_BELIEVED_MS;
}

START_TEST(abandoned_opens_leak_nothing)
{
    size_t before = aid_descriptors();

    shelf_init(&s);
    unit_write(s.folder, "small", "text");
    shelf_write_big(&s, "big", FILE_SMALL + 1);
    ck_assert_int_eq(chdir(s.folder), 0);
    abandon(COLD_ROOT, "small");
    abandon(COLD_ROOT, "big");
    abandon(COLD_ROOT, "missing");
    shelf_disk(SHELF_COLD);
    abandon(NULL, "small");
    ck_assert_uint_eq(aid_descriptors(), before + 3); /* two roots and the big file */
    struct file_open o = begin(NULL, "small");
    s.now_ms += FILE_BELIEVED_MS;
    shelf_finish(&s); /* the cache goes while an open has not begun its work */
    ck_assert_int_eq(file_open_finish(&o, s.now_ms, NULL), -ECANCELED);
    ck_assert_int_eq(chdir("/"), 0);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

START_TEST(a_root_replaced_meanwhile_answers_once_and_is_not_kept)
{
    char www[128], next[128];
    int rc;

    shelf_init(&s);
    size_t before = aid_descriptors();
    (void)snprintf(www, sizeof(www), "%s/www", s.folder);
    (void)snprintf(next, sizeof(next), "%s/old", s.folder);
    ck_assert_int_eq(mkdir(www, 0755), 0);
    unit_write(www, "f", "old");
    shelf_disk(SHELF_COLD);
    struct file_open o = begin(www, "f");
    ck_assert_int_eq(rename(www, next), 0);
    ck_assert_int_eq(mkdir(www, 0755), 0);
    unit_write(www, "f", "new");
    s.now_ms += FILE_BELIEVED_MS;
    struct mpx_file *g = shelf_open(&s, www, "f", 0, &rc), *f = NULL;
    ck_assert_str_eq(shelf_text(g), "new");
    file_open_work(&o);
    ck_assert_int_eq(file_open_finish(&o, s.now_ms, &f), 0);
    ck_assert_str_eq(shelf_text(f), "old");
    ck_assert_uint_eq(f->uses, 1);
    file_drop(f);
    file_drop(g);
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    f = shelf_open(&s, www, "f", 0, &rc);
    ck_assert_str_eq(shelf_text(f), "new");
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

START_TEST(two_opens_of_one_cold_file_agree)
{
    struct mpx_file *f = NULL, *g = NULL;

    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    shelf_disk(SHELF_COLD);
    struct file_open a = begin(NULL, "f"), b = begin(NULL, "f");
    file_open_work(&a);
    file_open_work(&b);
    ck_assert_int_eq(file_open_finish(&b, s.now_ms, &g), 0);
    ck_assert_int_eq(file_open_finish(&a, s.now_ms, &f), 0);
    ck_assert_str_eq(shelf_text(f), "text");
    ck_assert_str_eq(shelf_text(g), "text");
    file_drop(f);
    file_drop(g);
    f = shelf_get(&s, "f", 0);
    ck_assert_uint_eq(f->uses, 2);
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

START_TEST(a_file_that_shrinks_or_fails_while_it_is_read_is_an_error)
{
    int rc;

    shelf_init(&s);
    size_t before = aid_descriptors();
    unit_write(s.folder, "f", "text");
    shelf_disk(SHELF_SHORT);
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", 0, &rc));
    ck_assert_int_eq(rc, -EIO);
    shelf_disk(SHELF_BAD);
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", 0, &rc));
    ck_assert_int_eq(rc, -EIO);
    shelf_disk(SHELF_REAL);
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    file_drop(shelf_get(&s, "f", 0));
    shelf_finish(&s);
}
END_TEST

START_TEST(only_what_is_in_memory_is_sent_at_once)
{
    enum { SIZE = 1 << 20 };

    shelf_init(&s);
    shelf_write_big(&s, "f", SIZE);
    unit_write(s.folder, "small", "text");
    struct mpx_file *f = shelf_get(&s, "f", 0), *small = shelf_get(&s, "small", 0);
    shelf_disk(SHELF_COLD);
    ck_assert(file_is_resident(small, 0, 4, s.now_ms));
    ck_assert(file_is_resident(f, 0, 0, s.now_ms));
    ck_assert(!file_is_resident(f, 0, FILE_CHUNK, s.now_ms));
    ck_assert(!file_is_resident(f, SIZE - 1, 1, s.now_ms));
    shelf_disk(SHELF_REAL);
    ck_assert(file_is_resident(f, 0, FILE_CHUNK, s.now_ms));
    shelf_disk(SHELF_COLD); /* a part of a file says nothing of the rest */
    ck_assert(file_is_resident(f, 10, FILE_CHUNK - 10, s.now_ms));
    ck_assert(!file_is_resident(f, FILE_CHUNK, FILE_CHUNK, s.now_ms));
    file_drop(f);
    file_drop(small);
    shelf_finish(&s);
}
END_TEST

START_TEST(a_whole_file_in_memory_is_believed_for_a_second)
{
    shelf_init(&s);
    shelf_write_big(&s, "f", FILE_CHUNK);
    struct mpx_file *f = shelf_get(&s, "f", 0);
    ck_assert(file_is_resident(f, 0, FILE_CHUNK, s.now_ms));
    shelf_disk(SHELF_COLD);
    ck_assert(file_is_resident(f, 0, FILE_CHUNK, s.now_ms + FILE_BELIEVED_MS - 1));
    ck_assert(!file_is_resident(f, 0, FILE_CHUNK, s.now_ms + FILE_BELIEVED_MS));
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

START_TEST(a_load_brings_a_dropped_file_back_into_memory)
{
    enum { SIZE = 4 << 20 };

    shelf_init(&s);
    shelf_write_big(&s, "f", SIZE);
    struct mpx_file *f = shelf_get(&s, "f", 0);
    if (shelf_chill(&s, "f")) {
        ck_assert(!file_is_resident(f, SIZE - FILE_CHUNK, FILE_CHUNK, s.now_ms));
        file_load(f->fd, SIZE - FILE_CHUNK, FILE_CHUNK);
        ck_assert(file_is_resident(f, SIZE - FILE_CHUNK, FILE_CHUNK, s.now_ms));
    }
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

/* Else it would be loaded again and again while its client waits. */
START_TEST(what_can_never_be_had_is_not_waited_for)
{
    char path[128];

    shelf_init(&s);
    shelf_write_big(&s, "f", 1 << 20);
    struct mpx_file *f = shelf_get(&s, "f", 0);
    (void)snprintf(path, sizeof(path), "%s/f", s.folder);
    ck_assert_int_eq(truncate(path, 10), 0);
    ck_assert(file_is_resident(f, FILE_CHUNK, FILE_CHUNK, s.now_ms));
    file_load(f->fd, FILE_CHUNK, FILE_CHUNK); /* harmless */
    shelf_disk(SHELF_BAD);
    ck_assert(file_is_resident(f, 0, FILE_CHUNK, s.now_ms));
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

static bool is_in_memory(const char *folder)
{
    struct statfs sf;

    return statfs(folder, &sf) == 0 && (sf.f_type == TMPFS_MAGIC || sf.f_type == RAMFS_MAGIC);
}

/* Neither can say what is at hand, but a file system in memory never waits. */
START_TEST(a_disk_that_cannot_tell_is_asked_by_a_thread_unless_it_is_memory)
{
    char path[] = "/dev/shm/multiplexd-unit-XXXXXX";
    int rc;

    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    shelf_disk(SHELF_DUMB);
    file_drop(shelf_get(&s, "f", 0));
    ck_assert_int_eq(s.asked_thread, !is_in_memory(s.folder));
    struct mpx_file *f = shelf_get(&s, "f", MPX_OPEN_DESCRIPTOR);
    ck_assert_int_eq(file_is_resident(f, 0, 4, s.now_ms), is_in_memory(s.folder));
    file_drop(f);
    if (is_in_memory("/dev/shm") && mkdtemp(path) != NULL) {
        unit_write(path, "f", "text");
        f = shelf_open(&s, path, "f", 0, &rc);
        bool asked = s.asked_thread;
        struct mpx_file *g = shelf_open(&s, path, "f", MPX_OPEN_DESCRIPTOR, &rc);
        bool resident = file_is_resident(g, 0, 4, s.now_ms);
        int at = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
        (void)unlinkat(at, "f", 0);
        close(at);
        (void)rmdir(path);
        ck_assert(!asked && resident);
        ck_assert_str_eq(shelf_text(f), "text");
        file_drop(f);
        file_drop(g);
    } else {
        (void)fprintf(stderr, "# left out: /dev/shm is not memory\n");
    }
    shelf_finish(&s);
}
END_TEST

START_TEST(that_there_is_nothing_is_believed_for_a_second_where_that_is_asked)
{
    const unsigned flags = MPX_OPEN_ABSENCE;
    int rc;

    shelf_init(&s);
    size_t before = aid_descriptors();
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", flags, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    unit_write(s.folder, "f", "text");
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", flags, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    ck_assert(!s.asked_thread);
    file_drop(shelf_get(&s, "f", 0));
    s.now_ms += FILE_BELIEVED_MS;
    file_drop(shelf_get(&s, "f", flags));
    shelf_remove(&s, "f");
    s.now_ms += FILE_BELIEVED_MS;
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", flags, &rc));
    ck_assert_ptr_null(shelf_open(&s, NULL, "f/x", flags, &rc));
    ck_assert_ptr_null(shelf_open(&s, NULL, "../f", flags, &rc));
    ck_assert_int_eq(rc, -EXDEV);
    shelf_finish(&s);
    ck_assert_uint_le(aid_descriptors(), before);
}
END_TEST

START_TEST(a_policy_for_links_has_answers_of_its_own)
{
    char path[128];
    int rc;

    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    (void)snprintf(path, sizeof(path), "%s/link", s.folder);
    ck_assert_int_eq(symlink("f", path), 0);
    file_drop(shelf_get(&s, "link", 0));
    ck_assert_ptr_null(shelf_open(&s, NULL, "link", MPX_OPEN_LINKS_DENY, &rc));
    ck_assert_int_eq(rc, -ELOOP);
    file_drop(shelf_get(&s, "link", MPX_OPEN_LINKS_OWNER));
    ck_assert(s.asked_thread);
    file_drop(shelf_get(&s, "link", MPX_OPEN_LINKS_OWNER));
    ck_assert(!s.asked_thread);
    file_drop(shelf_get(&s, "link", MPX_OPEN_LINKS_FOLLOW));
    ck_assert_ptr_null(shelf_open(&s, NULL, "link", MPX_OPEN_LINKS_DENY, &rc));
    shelf_finish(&s);
}
END_TEST

Suite *suite_file_cold(void)
{
    static const TTest **const tests[] = {
        &a_cold_file_is_a_threads_work,
        &a_file_dropped_from_memory_is_a_threads_work,
        &a_name_never_looked_up_is_a_threads_work,
        &a_cold_root_is_a_threads_work,
        &abandoned_opens_leak_nothing,
        &a_root_replaced_meanwhile_answers_once_and_is_not_kept,
        &two_opens_of_one_cold_file_agree,
        &a_file_that_shrinks_or_fails_while_it_is_read_is_an_error,
        &only_what_is_in_memory_is_sent_at_once,
        &a_whole_file_in_memory_is_believed_for_a_second,
        &a_load_brings_a_dropped_file_back_into_memory,
        &what_can_never_be_had_is_not_waited_for,
        &a_disk_that_cannot_tell_is_asked_by_a_thread_unless_it_is_memory,
        &that_there_is_nothing_is_believed_for_a_second_where_that_is_asked,
        &a_policy_for_links_has_answers_of_its_own,
        NULL,
    };

    return unit_suite("file_cold", tests);
}
