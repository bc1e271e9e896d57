/* SPDX-License-Identifier: MIT */
#include "aid.h"
#include "shelf.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

static struct shelf s;

START_TEST(a_file_given_twice_is_one_object)
{
    shelf_init(&s);
    unit_write(s.folder, "small", "text");
    shelf_write_big(&s, "big", FILE_SMALL + 1);
    for (int i = 0; i < 2; i++) {
        const char *name = i == 0 ? "small" : "big";
        struct mpx_file *a = shelf_get(&s, name, 0), *b = shelf_get(&s, name, 0);

        ck_assert_ptr_eq(a, b);
        ck_assert_uint_eq(a->uses, 3); /* and the cache's own */
        ck_assert(!s.asked_thread);
        file_drop(a);
        file_drop(b);
        b = shelf_get(&s, name, 0);
        ck_assert_ptr_eq(a, b);
        file_drop(b);
    }
    file_drop(NULL);
    shelf_finish(&s);
}
END_TEST

START_TEST(small_files_are_bytes_and_keep_no_descriptor)
{
    static const size_t sizes[] = { 0, 1, FILE_SMALL, FILE_SMALL + 1 };

    shelf_init(&s);
    file_drop(shelf_get(&s, "", 0)); /* the root keeps one for itself and one for this */
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        bool small = sizes[i] <= FILE_SMALL;
        char name[16];

        (void)snprintf(name, sizeof(name), "f%zu", i);
        shelf_write_big(&s, name, sizes[i]);
        size_t before = aid_descriptors();
        struct mpx_file *f = shelf_get(&s, name, 0);
        ck_assert_uint_eq(aid_descriptors(), before + (small ? 0 : 1));
        ck_assert_int_eq(f->st.st_size, (off_t)sizes[i]);
        ck_assert_int_eq(f->bytes != NULL, small);
        ck_assert_int_eq(f->fd >= 0, !small);
        for (size_t at = 0; small && at < sizes[i]; at++)
            ck_assert_int_eq(f->bytes[at], 'x');
        file_drop(f);
    }
    shelf_finish(&s);
}
END_TEST

START_TEST(a_descriptor_is_there_when_it_was_asked_for)
{
    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    struct mpx_file *a = shelf_get(&s, "f", MPX_OPEN_DESCRIPTOR), *b = shelf_get(&s, "f", 0);
    struct mpx_file *c = shelf_get(&s, "f", MPX_OPEN_DESCRIPTOR);
    ck_assert_int_ge(a->fd, 0);
    ck_assert_ptr_null(a->bytes);
    ck_assert_int_eq(fcntl(a->fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_str_eq(shelf_text(a), "text");
    ck_assert_int_eq(b->fd, -1);
    ck_assert_str_eq(shelf_text(b), "text");
    ck_assert_ptr_eq(a, c);
    file_drop(a);
    file_drop(b);
    file_drop(c);
    shelf_finish(&s);
}
END_TEST

START_TEST(directories_open_with_a_descriptor)
{
    int rc;

    shelf_init(&s);
    unit_write(s.folder, "f", "text");
    struct mpx_file *f = shelf_get(&s, "", MPX_OPEN_DIRECTORY);
    ck_assert(S_ISDIR(f->st.st_mode));
    ck_assert_int_ge(f->fd, 0);
    file_drop(f);
    f = shelf_get(&s, "", 0);
    ck_assert(S_ISDIR(f->st.st_mode));
    file_drop(f);
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", MPX_OPEN_DIRECTORY, &rc));
    ck_assert_int_eq(rc, -ENOTDIR);
    shelf_finish(&s);
}
END_TEST

START_TEST(errors_are_told_and_not_remembered)
{
    int rc;

    shelf_init(&s);
    ck_assert_ptr_null(shelf_open(&s, NULL, "f", 0, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    ck_assert_ptr_null(shelf_open(&s, NULL, "../f", 0, &rc));
    ck_assert_int_eq(rc, -EXDEV);
    ck_assert_ptr_null(shelf_open(&s, "/nowhere/at/all", "f", 0, &rc));
    ck_assert_int_eq(rc, -ENOENT);
    ck_assert_ptr_null(shelf_open(&s, "/dev/null", "", 0, &rc));
    ck_assert_int_eq(rc, -ENOTDIR);
    unit_write(s.folder, "f", "text");
    file_drop(shelf_get(&s, "f", 0));
    shelf_finish(&s);
}
END_TEST

START_TEST(changed_content_is_seen_after_a_second)
{
    shelf_init(&s);
    unit_write(s.folder, "f", "first");
    file_drop(shelf_get(&s, "f", 0));
    unit_write(s.folder, "f", "second");
    s.now_ms += FILE_BELIEVED_MS - 1;
    struct mpx_file *f = shelf_get(&s, "f", 0);
    ck_assert_str_eq(shelf_text(f), "first");
    s.now_ms++;
    struct mpx_file *g = shelf_get(&s, "f", 0);
    ck_assert_str_eq(shelf_text(g), "second");
    ck_assert_str_eq(shelf_text(f), "first"); /* whoever holds it sends what it began with */
    file_drop(f);
    file_drop(g);
    shelf_finish(&s);
}
END_TEST

/* Times on disk are coarse: what was written a moment ago may change again within the same one. */
START_TEST(changes_of_one_moment_are_seen_as_well)
{
    char text[16], path[128];

    shelf_init(&s);
    shelf_disk(SHELF_COARSE);
    (void)snprintf(path, sizeof(path), "%s/f", s.folder);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    for (int i = 0; i < 500; i++) {
        (void)snprintf(text, sizeof(text), "%06d", i);
        ck_assert_int_eq(pwrite(fd, text, 6, 0), 6);
        struct mpx_file *f = shelf_get(&s, "f", 0);
        ck_assert_str_eq(shelf_text(f), text);
        file_drop(f);
        s.now_ms += FILE_BELIEVED_MS;
    }
    close(fd);
    shelf_finish(&s);
}
END_TEST

START_TEST(what_did_not_change_is_not_read_again)
{
    int rc;

    shelf_init(&s);
    struct mpx_file *f = shelf_open(&s, "/etc", "passwd", 0, &rc); /* older than two seconds */
    ck_assert_ptr_nonnull(f);
    for (int i = 0; i < 3; i++) {
        s.now_ms += FILE_BELIEVED_MS;
        struct mpx_file *g = shelf_open(&s, "/etc", "passwd", 0, &rc);
        ck_assert_ptr_eq(f, g);
        file_drop(g);
    }
    ck_assert_uint_eq(f->uses, 2);
    file_drop(f);
    shelf_finish(&s);
}
END_TEST

START_TEST(a_replaced_file_is_seen_after_a_second)
{
    char from[128], to[128];

    shelf_init(&s);
    unit_write(s.folder, "f", "first");
    unit_write(s.folder, "new", "other");
    (void)snprintf(from, sizeof(from), "%s/new", s.folder);
    (void)snprintf(to, sizeof(to), "%s/f", s.folder);
    for (unsigned flags = 0; flags <= MPX_OPEN_DESCRIPTOR; flags += MPX_OPEN_DESCRIPTOR)
        file_drop(shelf_get(&s, "f", flags));
    ck_assert_int_eq(rename(from, to), 0);
    for (unsigned flags = 0; flags <= MPX_OPEN_DESCRIPTOR; flags += MPX_OPEN_DESCRIPTOR) {
        struct mpx_file *f = shelf_get(&s, "f", flags);
        ck_assert_str_eq(shelf_text(f), "first");
        s.now_ms += FILE_BELIEVED_MS;
        struct mpx_file *g = shelf_get(&s, "f", flags);
        ck_assert_str_eq(shelf_text(g), "other");
        ck_assert_str_eq(shelf_text(f), "first");
        file_drop(f);
        file_drop(g);
        s.now_ms -= FILE_BELIEVED_MS;
    }
    shelf_finish(&s);
}
END_TEST

START_TEST(a_removed_file_is_missed_after_a_second_and_let_go)
{
    int rc;

    shelf_init(&s);
    for (size_t size = FILE_SMALL; size <= FILE_SMALL + 1; size++) {
        shelf_write_big(&s, "f", size);
        struct mpx_file *f = shelf_get(&s, "f", 0);
        size_t before = aid_descriptors();
        shelf_remove(&s, "f");
        s.now_ms += FILE_BELIEVED_MS - 1;
        file_drop(shelf_get(&s, "f", 0));
        s.now_ms++;
        ck_assert_ptr_null(shelf_open(&s, NULL, "f", 0, &rc));
        ck_assert_int_eq(rc, -ENOENT);
        ck_assert_uint_eq(f->uses, 1); /* the cache holds it no more: its disk space is free */
        ck_assert_int_eq(shelf_text(f)[0], 'x');
        file_drop(f);
        ck_assert_uint_eq(aid_descriptors(), before - (size > FILE_SMALL));
        s.now_ms += FILE_BELIEVED_MS;
    }
    shelf_finish(&s);
}
END_TEST

/* "www" -> "one" becomes "www" -> "two", as a deploy does it. */
START_TEST(a_swapped_root_link_is_seen_after_a_second)
{
    char www[128], next[128], folder[128];

    shelf_init(&s);
    (void)snprintf(www, sizeof(www), "%s/www", s.folder);
    (void)snprintf(next, sizeof(next), "%s/next", s.folder);
    for (int i = 0; i < 2; i++) {
        (void)snprintf(folder, sizeof(folder), "%s/%s", s.folder, i == 0 ? "one" : "two");
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        unit_write(folder, "f", i == 0 ? "one" : "two");
    }
    ck_assert_int_eq(symlink("one", www), 0);
    ck_assert_int_eq(symlink("two", next), 0);
    int rc;
    struct mpx_file *f = shelf_open(&s, www, "f", 0, &rc);
    ck_assert_str_eq(shelf_text(f), "one");
    size_t before = aid_descriptors();
    ck_assert_int_eq(rename(next, www), 0);
    s.now_ms += FILE_BELIEVED_MS - 1;
    struct mpx_file *g = shelf_open(&s, www, "f", 0, &rc);
    ck_assert_ptr_eq(f, g);
    file_drop(g);
    s.now_ms++;
    g = shelf_open(&s, www, "f", 0, &rc);
    ck_assert_str_eq(shelf_text(g), "two");
    ck_assert_str_eq(shelf_text(f), "one");
    ck_assert_uint_eq(aid_descriptors(), before); /* the old root was given back */
    file_drop(f);
    file_drop(g);
    shelf_finish(&s);
}
END_TEST

/* Opens the names "0" to "n - 1", keeps the uses. */
static void open_row(struct mpx_file **files, int n)
{
    char name[16];

    for (int i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        files[i] = shelf_get(&s, name, 0);
    }
}

static void drop_row(struct mpx_file **files, int n)
{
    for (int i = 0; i < n; i++)
        file_drop(files[i]);
}

static void write_row(int n, size_t size)
{
    char name[16];

    for (int i = 0; i < n; i++) {
        (void)snprintf(name, sizeof(name), "%d", i);
        shelf_write_big(&s, name, size);
    }
}

/* Whether the cache still has the file that is held here. */
static bool is_cached(const struct mpx_file *f)
{
    return f->root != NULL;
}

START_TEST(the_file_that_was_used_longest_ago_makes_room)
{
    const struct files_limits limits = { 3, 100, 10, 1 << 20 };
    struct mpx_file *files[4];

    shelf_init_with(&s, &limits);
    write_row(4, 10);
    open_row(files, 3);
    file_drop(shelf_get(&s, "0", 0)); /* used again */
    files[3] = shelf_get(&s, "3", 0);
    ck_assert(is_cached(files[0]));
    ck_assert(!is_cached(files[1]));
    ck_assert(is_cached(files[2]));
    ck_assert(is_cached(files[3]));
    struct mpx_file *again = shelf_get(&s, "1", 0);
    ck_assert_ptr_ne(again, files[1]);
    ck_assert(!is_cached(files[2]));
    file_drop(again);
    drop_row(files, 4);
    shelf_finish(&s);
}
END_TEST

START_TEST(descriptors_and_bytes_stay_within_their_limits)
{
    const struct files_limits limits = { 100, 5, 10, 100000 };
    struct mpx_file *files[20];
    size_t bytes = 0;

    shelf_init_with(&s, &limits);
    size_t before = aid_descriptors();
    write_row(20, FILE_SMALL + 1);
    open_row(files, 20);
    drop_row(files, 20);
    ck_assert_uint_eq(aid_descriptors(), before + 5 + 1); /* and the root */
    ck_assert_uint_eq(files_descriptors(s.files), 5 + 1);
    write_row(20, 30000);
    s.now_ms += FILE_BELIEVED_MS;
    open_row(files, 20);
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    ck_assert_uint_eq(files_descriptors(s.files), 1);
    for (int i = 0; i < 20; i++)
        bytes += is_cached(files[i]) ? (size_t)files[i]->st.st_size : 0;
    ck_assert_uint_eq(bytes, 90000);
    drop_row(files, 20);
    shelf_finish(&s);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

START_TEST(a_file_larger_than_all_room_is_served_all_the_same)
{
    const struct files_limits limits = { 10, 0, 10, 4 };

    shelf_init_with(&s, &limits);
    unit_write(s.folder, "small", "more than four");
    shelf_write_big(&s, "big", FILE_SMALL + 1);
    struct mpx_file *f = shelf_get(&s, "small", 0), *g = shelf_get(&s, "big", 0);
    ck_assert(!is_cached(f) && !is_cached(g));
    ck_assert_str_eq(shelf_text(f), "more than four");
    ck_assert_int_eq(shelf_text(g)[0], 'x');
    file_drop(f);
    file_drop(g);
    shelf_finish(&s);
}
END_TEST

START_TEST(roots_stay_within_their_limit)
{
    const struct files_limits limits = { 100, 100, 2, 1 << 20 };
    struct mpx_file *files[3];
    char root[3][128];
    int rc;

    shelf_init_with(&s, &limits);
    size_t before = aid_descriptors();
    for (int i = 0; i < 3; i++) {
        (void)snprintf(root[i], sizeof(root[i]), "%s/%d", s.folder, i);
        ck_assert_int_eq(mkdir(root[i], 0755), 0);
        unit_write(root[i], "f", i == 0 ? "0" : i == 1 ? "1" : "2");
    }
    for (int i = 0; i < 2; i++)
        files[i] = shelf_open(&s, root[i], "f", 0, &rc);
    file_drop(shelf_open(&s, root[0], "f", 0, &rc));
    files[2] = shelf_open(&s, root[2], "f", 0, &rc);
    ck_assert_uint_eq(aid_descriptors(), before + 2);
    ck_assert(is_cached(files[0]) && !is_cached(files[1]) && is_cached(files[2]));
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(shelf_text(files[i])[0], '0' + i);
    drop_row(files, 3);
    shelf_finish(&s);
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

START_TEST(files_outlive_the_cache_in_the_hands_of_their_users)
{
    shelf_init(&s);
    size_t before = aid_descriptors();
    unit_write(s.folder, "small", "text");
    struct mpx_file *f = shelf_get(&s, "small", 0);
    struct mpx_file *g = shelf_get(&s, "small", MPX_OPEN_DESCRIPTOR);
    shelf_finish(&s);
    ck_assert_str_eq(shelf_text(f), "text");
    ck_assert_str_eq(shelf_text(g), "text");
    file_drop(f);
    file_drop(g);
    ck_assert_uint_eq(aid_descriptors(), before);
    files_destroy(NULL);
}
END_TEST

START_TEST(no_descriptor_left_is_an_error_that_passes)
{
    struct rlimit limit, none;
    int rc;

    shelf_init(&s);
    shelf_write_big(&s, "f", FILE_SMALL + 1);
    file_drop(shelf_get(&s, "", 0));
    size_t before = aid_descriptors();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct mpx_file *f = shelf_open(&s, NULL, "f", 0, &rc);
    int elsewhere = 0;
    struct mpx_file *g = shelf_open(&s, "/etc", "passwd", 0, &elsewhere);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert(f == NULL && g == NULL);
    ck_assert_int_eq(rc, -EMFILE);
    ck_assert_int_eq(elsewhere, -EMFILE);
    ck_assert_uint_eq(aid_descriptors(), before);
    file_drop(shelf_get(&s, "f", 0));
    shelf_finish(&s);
}
END_TEST

Suite *suite_file(void)
{
    static const TTest **const tests[] = {
        &a_file_given_twice_is_one_object,
        &small_files_are_bytes_and_keep_no_descriptor,
        &a_descriptor_is_there_when_it_was_asked_for,
        &directories_open_with_a_descriptor,
        &errors_are_told_and_not_remembered,
        &changed_content_is_seen_after_a_second,
        &changes_of_one_moment_are_seen_as_well,
        &what_did_not_change_is_not_read_again,
        &a_replaced_file_is_seen_after_a_second,
        &a_removed_file_is_missed_after_a_second_and_let_go,
        &a_swapped_root_link_is_seen_after_a_second,
        &the_file_that_was_used_longest_ago_makes_room,
        &descriptors_and_bytes_stay_within_their_limits,
        &a_file_larger_than_all_room_is_served_all_the_same,
        &roots_stay_within_their_limit,
        &files_outlive_the_cache_in_the_hands_of_their_users,
        &no_descriptor_left_is_an_error_that_passes,
        NULL,
    };

    return unit_suite("file", tests);
}
