/* SPDX-License-Identifier: MIT */
#include "beneath.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

typedef int (*open_fn)(int root, const char *rel, unsigned flags);

/* A case: what rel leads to, by a plain path beneath the root, or the error. */
struct attempt {
    const char *rel;
    const char *same; /* NULL: an error */
    int error;
    unsigned flags;
};

#define LEADS(path, to)             \
    {                               \
        .rel = (path), .same = (to) \
    }
#define FAILS(path, code)               \
    {                                   \
        .rel = (path), .error = -(code) \
    }
#define LEADS_AS(bits, path, to)                     \
    {                                                \
        .flags = (bits), .rel = (path), .same = (to) \
    }
#define FAILS_AS(bits, path, code)                       \
    {                                                    \
        .flags = (bits), .rel = (path), .error = -(code) \
    }

static char folder[64];
static int root;

static const char *const links[][2] = {
    { "f", "in" },
    { "d", "in_directory" },
    { "d/", "in_slash" },
    { "in", "twice" },
    { "../f", "d/up" },
    { "../d/g", "d/around" },
    { "e/../../f", "d/zigzag" },
    { "../../secret", "d/out" },
    { "../secret", "out" },
    { "..", "parent" },
    { "d/..", "home" },
    { "d/../..", "parent_by_way" },
    { "d/../../root/f", "out_and_in" },
    { "/etc/passwd", "absolute" },
    { "/", "slash" },
    { ".", "dot" },
    { "self", "self" },
    { "pong", "ping" },
    { "ping", "pong" },
    { "nothing", "dangling" },
    { "f/", "file_slash" },
    { "f/..", "through_file" },
    { "secretless/../f", "through_nothing" },
};

/* l1 leads to f through one link, l40 through forty. */
static void make_chain(void)
{
    char to[16] = "f", name[16];

    for (int i = 1; i <= 41; i++) {
        (void)snprintf(name, sizeof(name), "l%d", i);
        ck_assert_int_eq(symlinkat(to, root, name), 0);
        (void)snprintf(to, sizeof(to), "%s", name);
    }
}

static void make_socket(void)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    (void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/root/socket", folder);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    close(fd);
}

static void setup_tree(void)
{
    char path[128];

    unit_folder(folder);
    unit_write(folder, "secret", "secret");
    (void)snprintf(path, sizeof(path), "%s/root", folder);
    ck_assert_int_eq(mkdir(path, 0755), 0);
    root = beneath_root(path, 0);
    ck_assert_int_ge(root, 0);
    unit_write(folder, "root/f", "file");
    ck_assert_int_eq(mkdirat(root, "d", 0755), 0);
    ck_assert_int_eq(mkdirat(root, "d/e", 0755), 0);
    ck_assert_int_eq(mkdirat(root, "..d", 0755), 0);
    unit_write(folder, "root/d/g", "deep");
    unit_write(folder, "root/d/e/h", "deeper");
    ck_assert_int_eq(mkfifoat(root, "fifo", 0644), 0);
    make_socket();
    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        ck_assert_int_eq(symlinkat(links[i][0], root, links[i][1]), 0);
    make_chain();
}

static void try_one(const char *how, open_fn fn, const struct attempt *t)
{
    struct stat got, wanted;
    int fd = fn(root, t->rel, t->flags);

    if (t->same == NULL) {
        ck_assert_msg(fd == t->error, "%s(\"%.99s\") is %d, not %d (%s)", how, t->rel, fd, t->error,
                      strerror(-t->error));
        return;
    }
    ck_assert_msg(fd >= 0, "%s(\"%.99s\"): %s", how, t->rel, strerror(-fd));
    ck_assert_int_eq(fstat(fd, &got), 0);
    ck_assert_int_eq(fstatat(root, t->same, &wanted, AT_SYMLINK_NOFOLLOW), 0);
    ck_assert_msg(got.st_ino == wanted.st_ino && got.st_dev == wanted.st_dev,
                  "%s(\"%.99s\") is not %s", how, t->rel, t->same);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(fd, F_GETFL) & (O_ACCMODE | O_NONBLOCK | O_PATH), O_NONBLOCK);
    close(fd);
}

static int raw_openat2(const char *path, unsigned long long resolve)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = resolve };

    return (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

static bool kernel_can(unsigned long long resolve, const char *what)
{
    int fd = raw_openat2("/", resolve);

    if (fd >= 0)
        close(fd);
    else
        (void)fprintf(stderr, "# left out, this kernel has no %s: %s\n", what, strerror(errno));
    return fd >= 0;
}

/* The same cases through both ways; neither keeps a descriptor. */
static void try_all(const struct attempt *cases, size_t n)
{
    bool has_openat2 = kernel_can(0, "openat2(2)");
    size_t before = aid_descriptors();

    (void)alarm(20); /* an open that blocks is a failure as well */
    for (size_t i = 0; i < n; i++) {
        if (has_openat2)
            try_one("beneath_open", beneath_open, &cases[i]);
        try_one("beneath_walk", beneath_walk, &cases[i]);
    }
    (void)alarm(0);
    ck_assert_uint_eq(aid_descriptors(), before);
}
#define TRY(...)                                             \
    do {                                                     \
        const struct attempt cases_[] = { __VA_ARGS__ };     \
        setup_tree();                                        \
        try_all(cases_, sizeof(cases_) / sizeof(cases_[0])); \
        close(root);                                         \
    } while (0)

START_TEST(files_and_directories_beneath_the_root_open)
{
    TRY(LEADS("f", "f"), LEADS("d", "d"), LEADS("d/g", "d/g"), LEADS("d/e/h", "d/e/h"),
        LEADS("d/", "d"), LEADS("d//e///h", "d/e/h"), LEADS("d/e/", "d/e"), LEADS("..d", "..d"),
        LEADS("..d/", "..d"));
}
END_TEST

START_TEST(the_empty_path_and_dots_are_the_root)
{
    TRY(LEADS("", "."), LEADS(".", "."), LEADS("./", "."), LEADS("././.", "."), LEADS("./f", "f"),
        LEADS("d/./g", "d/g"), LEADS("d/.", "d"), LEADS_AS(BENEATH_DIRECTORY, "", "."),
        LEADS_AS(BENEATH_DIRECTORY, ".", "."));
}
END_TEST

START_TEST(dot_dot_is_refused_where_it_leaves_the_root)
{
    TRY(FAILS("..", EXDEV), FAILS("../", EXDEV), FAILS("../root/f", EXDEV),
        FAILS("../secret", EXDEV), FAILS("d/../..", EXDEV), FAILS("d/../../root/f", EXDEV),
        FAILS("./..", EXDEV), LEADS("d/..", "."), LEADS("d/../f", "f"), LEADS("d/e/../g", "d/g"),
        LEADS("d/e/../../d/e/h", "d/e/h"));
}
END_TEST

START_TEST(absolute_paths_are_refused)
{
    TRY(FAILS("/", EXDEV), FAILS("/etc/passwd", EXDEV), FAILS("//f", EXDEV));
}
END_TEST

START_TEST(a_symbolic_link_inside_the_root_is_followed)
{
    TRY(LEADS("in", "f"), LEADS("twice", "f"), LEADS("in_directory", "d"),
        LEADS("in_directory/g", "d/g"), LEADS("in_slash", "d"), LEADS("in_slash/e/h", "d/e/h"),
        LEADS("in_directory/", "d"), LEADS("d/up", "f"), LEADS("d/around", "d/g"),
        LEADS("d/zigzag", "f"), LEADS("home", "."), LEADS("home/f", "f"), LEADS("dot", "."),
        LEADS("dot/dot/dot/f", "f"), LEADS("in_directory/up", "f"),
        LEADS("home/home/d/zigzag", "f"));
}
END_TEST

START_TEST(a_symbolic_link_out_of_the_root_is_refused)
{
    TRY(FAILS("out", EXDEV), FAILS("d/out", EXDEV), FAILS("parent", EXDEV),
        FAILS("parent/root/f", EXDEV), FAILS("parent_by_way", EXDEV), FAILS("out_and_in", EXDEV),
        FAILS("in_directory/out", EXDEV), FAILS("dot/out", EXDEV), FAILS("home/..", EXDEV));
}
END_TEST

START_TEST(an_absolute_symbolic_link_is_refused)
{
    TRY(FAILS("absolute", EXDEV), FAILS("slash", EXDEV), FAILS("slash/etc/passwd", EXDEV),
        FAILS("dot/absolute", EXDEV));
}
END_TEST

START_TEST(link_loops_end_after_forty_links)
{
    TRY(FAILS("self", ELOOP), FAILS("self/f", ELOOP), FAILS("ping", ELOOP), FAILS("ping/f", ELOOP),
        LEADS("l1", "f"), LEADS("l40", "f"), FAILS("l41", ELOOP));
}
END_TEST

START_TEST(what_is_not_there_is_not_found)
{
    TRY(FAILS("nothing", ENOENT), FAILS("nothing/f", ENOENT), FAILS("d/nothing", ENOENT),
        FAILS("dangling", ENOENT), FAILS("dangling/f", ENOENT), FAILS("nothing/../f", ENOENT),
        FAILS("through_nothing", ENOENT), FAILS("d/nothing/", ENOENT));
}
END_TEST

START_TEST(a_file_is_no_directory)
{
    TRY(FAILS("f/", ENOTDIR), FAILS("f/x", ENOTDIR), FAILS("f/.", ENOTDIR), FAILS("f/..", ENOTDIR),
        FAILS("in/", ENOTDIR), FAILS("in/x", ENOTDIR), FAILS("file_slash", ENOTDIR),
        FAILS("through_file", ENOTDIR), FAILS_AS(BENEATH_DIRECTORY, "f", ENOTDIR),
        FAILS_AS(BENEATH_DIRECTORY, "in", ENOTDIR), FAILS_AS(BENEATH_DIRECTORY, "fifo", ENOTDIR),
        FAILS("fifo/", ENOTDIR), LEADS_AS(BENEATH_DIRECTORY, "d", "d"),
        LEADS_AS(BENEATH_DIRECTORY, "d/", "d"), LEADS_AS(BENEATH_DIRECTORY, "in_directory", "d"),
        LEADS_AS(BENEATH_DIRECTORY, "in_slash", "d"));
}
END_TEST

START_TEST(a_fifo_does_not_block_and_a_socket_does_not_open)
{
    TRY(LEADS("fifo", "fifo"), FAILS("socket", ENXIO));
}
END_TEST

/* "././.../f", n bytes long; n is odd. */
static char *long_path(size_t n)
{
    char *path = malloc(n + 1);

    ck_assert_ptr_nonnull(path);
    for (size_t i = 0; i < n; i++)
        path[i] = i % 2 == 0 ? '.' : '/';
    path[n - 1] = 'f';
    path[n] = '\0';
    return path;
}

START_TEST(names_and_paths_that_are_too_long_are_refused)
{
    char name255[256], name256[257], below[300];
    char *longest = long_path(PATH_MAX - 1), *too_long = long_path(PATH_MAX + 1);

    memset(name255, 'n', 255);
    name255[255] = '\0';
    memset(name256, 'n', 256);
    name256[256] = '\0';
    (void)snprintf(below, sizeof(below), "d/%s/x", name256);
    TRY(FAILS(name255, ENOENT), FAILS(name256, ENAMETOOLONG), FAILS(below, ENAMETOOLONG),
        LEADS(longest, "f"), FAILS(too_long, ENAMETOOLONG));
    free(longest);
    free(too_long);
}
END_TEST

START_TEST(deep_paths_open)
{
    enum { DEPTH = 300 };
    char path[DEPTH * 7 + 16] = "";
    size_t n = 0;

    setup_tree();
    for (int i = 0; i < DEPTH; i++) {
        n += (size_t)snprintf(path + n, sizeof(path) - n, "%s%06d", i > 0 ? "/" : "", i);
        ck_assert_int_eq(mkdirat(root, path, 0755), 0);
    }
    (void)snprintf(path + n, sizeof(path) - n, "/back");
    ck_assert_int_eq(symlinkat("../leaf", root, path), 0);
    (void)snprintf(path + n - 7, sizeof(path) - n + 7, "/leaf");
    int fd = openat(root, path, O_CREAT | O_WRONLY | O_CLOEXEC, 0644);
    ck_assert_int_ge(fd, 0);
    close(fd);
    char *leaf = strdup(path);
    (void)snprintf(path + n - 7, sizeof(path) - n + 7, "/%06d/back", DEPTH - 1);
    const struct attempt cases[] = { LEADS(leaf, leaf), LEADS(path, leaf) };
    try_all(cases, 2);
    free(leaf);
    close(root);
}
END_TEST

START_TEST(a_directory_that_may_not_be_searched_is_refused)
{
    setup_tree();
    ck_assert_int_eq(fchmodat(root, "d/e", 0, 0), 0);
    const struct attempt refusals[] = { FAILS("d/e/h", EACCES), FAILS("d/e/.", EACCES),
                                        FAILS("d/e", EACCES) };
    const struct attempt successes[] = { LEADS("d/g", "d/g") };
    if (geteuid() != 0)
        try_all(refusals, 3);
    else
        (void)fprintf(stderr, "# left out as root, who may search anything\n");
    try_all(successes, 1);
    ck_assert_int_eq(fchmodat(root, "d/e", 0755, 0), 0);
    close(root);
}
END_TEST

START_TEST(links_of_proc_lead_nowhere)
{
    int proc = beneath_root("/proc/self", 0);

    ck_assert_int_ge(proc, 0);
    ck_assert_int_lt(beneath_open(proc, "root/etc/passwd", 0), 0);
    ck_assert_int_lt(beneath_walk(proc, "root/etc/passwd", 0), 0);
    ck_assert_int_lt(beneath_open(proc, "cwd", 0), 0);
    ck_assert_int_lt(beneath_walk(proc, "cwd", 0), 0);
    ck_assert_int_lt(beneath_open(proc, "exe", 0), 0);
    ck_assert_int_lt(beneath_walk(proc, "exe", 0), 0);
    close(proc);
}
END_TEST

/* What was opened a moment ago is at hand, but for a moment when the kernel is busy with it. */
static void try_cached(const char *rel)
{
    int fd = -EAGAIN;

    for (int i = 0; i < 100 && fd == -EAGAIN; i++) {
        fd = beneath_open(root, rel, 0);
        ck_assert_int_ge(fd, 0);
        close(fd);
        fd = beneath_open(root, rel, BENEATH_CACHED);
    }
    ck_assert_msg(fd >= 0, "%s: %s", rel, strerror(-fd));
    close(fd);
}

START_TEST(cached_opens_only_names_that_the_kernel_knows)
{
    setup_tree();
    if (kernel_can(0x20, "RESOLVE_CACHED")) {
        /* nobody has asked for this name yet, so the kernel must ask the disk */
        ck_assert_int_eq(beneath_open(root, "never_seen", BENEATH_CACHED), -EAGAIN);
        ck_assert_int_eq(beneath_open(root, "d/never_seen", BENEATH_CACHED), -EAGAIN);
        try_cached("d/g");
        try_cached("in");
        ck_assert_int_lt(beneath_open(root, "out", BENEATH_CACHED), 0);
        ck_assert_int_lt(beneath_open(root, "..", BENEATH_CACHED), 0);
        int fd = beneath_root(folder, BENEATH_CACHED);
        ck_assert_int_ge(fd, 0);
        close(fd);
        ck_assert_int_eq(beneath_root("/tmp/never/seen", BENEATH_CACHED), -EAGAIN);
    }
    close(root);
}
END_TEST

START_TEST(a_root_is_a_directory_even_behind_a_link)
{
    char path[128];
    struct stat a, b;

    setup_tree();
    (void)snprintf(path, sizeof(path), "%s/root/in_directory", folder);
    int fd = beneath_root(path, 0);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fstat(fd, &a), 0);
    ck_assert_int_eq(fstatat(root, "d", &b, 0), 0);
    ck_assert_uint_eq(a.st_ino, b.st_ino);
    ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(fd);
    (void)snprintf(path, sizeof(path), "%s/root/f", folder);
    ck_assert_int_eq(beneath_root(path, 0), -ENOTDIR);
    (void)snprintf(path, sizeof(path), "%s/nowhere", folder);
    ck_assert_int_eq(beneath_root(path, 0), -ENOENT);
    close(root);
}
END_TEST

static atomic_bool stop_renaming;

static void *rename_for_ever(void *arg)
{
    while (!atomic_load(&stop_renaming)) {
        ck_assert_int_eq(renameat(root, "here", root, "there"), 0);
        ck_assert_int_eq(renameat(root, "there", root, "here"), 0);
    }
    return arg;
}

/* The kernel answers EAGAIN to ".." beneath a root while anybody renames anything. */
START_TEST(renames_elsewhere_never_refuse_a_way_back)
{
    pthread_t thread;

    setup_tree();
    ck_assert_int_eq(mkdirat(root, "here", 0755), 0);
    ck_assert_int_eq(pthread_create(&thread, NULL, rename_for_ever, NULL), 0);
    for (int i = 0; i < 20000; i++) {
        int fd = beneath_open(root, "d/zigzag", 0);

        ck_assert_msg(fd >= 0, "open %d: %s", i, strerror(-fd));
        close(fd);
    }
    atomic_store(&stop_renaming, true);
    pthread_join(thread, NULL);
    close(root);
}
END_TEST

Suite *suite_beneath(void)
{
    static const TTest **const tests[] = {
        &files_and_directories_beneath_the_root_open,
        &the_empty_path_and_dots_are_the_root,
        &dot_dot_is_refused_where_it_leaves_the_root,
        &absolute_paths_are_refused,
        &a_symbolic_link_inside_the_root_is_followed,
        &a_symbolic_link_out_of_the_root_is_refused,
        &an_absolute_symbolic_link_is_refused,
        &link_loops_end_after_forty_links,
        &what_is_not_there_is_not_found,
        &a_file_is_no_directory,
        &a_fifo_does_not_block_and_a_socket_does_not_open,
        &names_and_paths_that_are_too_long_are_refused,
        &deep_paths_open,
        &a_directory_that_may_not_be_searched_is_refused,
        &links_of_proc_lead_nowhere,
        &cached_opens_only_names_that_the_kernel_knows,
        &a_root_is_a_directory_even_behind_a_link,
        &renames_elsewhere_never_refuse_a_way_back,
        NULL,
    };

    return unit_suite("beneath", tests);
}
