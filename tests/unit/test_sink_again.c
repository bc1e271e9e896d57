/* SPDX-License-Identifier: MIT
   Files of sinks that are opened again, what becomes of lines that cannot be written, and of those
   behind a target that is slow. */
#include "sink.h"

#include "aid.h"
#include "str.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TEXT = 1 << 20, PIPE = 4096 };

static struct sinks *all;
static char folder[64];
static struct buffer text; /* of a file, as it was read last */

static void set_up(void)
{
    unit_folder(folder);
    buffer_init(&text, TEXT);
    all = sinks_create();
}

static const char *in_folder(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int open_file(const char *name)
{
    int fd = open(in_folder(name), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);

    ck_assert_int_ge(fd, 0);
    return fd;
}

static struct mpx_sink *open_sink(const char *name)
{
    return sink_open(all, str_of(name), open_file(name));
}

static void say(struct mpx_sink *k, const char *line)
{
    sink_write(k, MPX_INFO, str_of(line));
}

static const char *text_of(const char *name)
{
    static char piece[TEXT];
    FILE *f = fopen(in_folder(name), "r");

    ck_assert_ptr_nonnull(f);
    text.n = 0;
    ck_assert_int_eq(buffer_add(&text, (struct mpx_str){ piece, fread(piece, 1, TEXT - 1, f) }), 0);
    ck_assert_int_eq(buffer_add_char(&text, '\0'), 0);
    text.n--;
    (void)fclose(f);
    return text.p;
}

static bool has_size(void *arg)
{
    struct stat st;

    return stat(in_folder("log"), &st) == 0 && st.st_size >= *(off_t *)arg;
}

/* Lines of both files together are all lines, in order; none is cut. */
START_TEST(lines_go_on_in_a_file_that_was_opened_again)
{
    char old[128], line[32];
    size_t wanted = 0;

    set_up();
    size_t before = aid_descriptors();
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 20000; i++) {
        if (i % 4000 == 2000) {
            (void)snprintf(old, sizeof(old), "%s/old%d", folder, i);
            ck_assert_int_eq(rename(in_folder("log"), old), 0);
            ck_assert(sink_reopen(all, str_of("log"), open_file("log")));
        }
        (void)snprintf(line, sizeof(line), "%d", i);
        say(k, line);
    }
    aid_close_sink(all, k);
    ck_assert_uint_eq(aid_descriptors(), before);
    for (int part = 2000; part <= 22000; part += 4000) {
        (void)snprintf(old, sizeof(old), "old%d", part);
        const char *at = text_of(part < 20000 ? old : "log");
        ck_assert(text.n == 0 || text.p[text.n - 1] == '\n');
        for (; *at != '\0'; at = strchr(at, '\n') + 1)
            ck_assert_uint_eq(strtoul(at, NULL, 10), wanted++);
    }
    ck_assert_uint_eq(wanted, 20000);
    sinks_destroy(all);
}
END_TEST

START_TEST(a_file_that_nobody_writes_is_closed_when_it_is_opened_again)
{
    set_up();
    size_t before = aid_descriptors();
    ck_assert(!sink_reopen(all, MPX_STR("log"), open_file("log")));
    ck_assert_uint_eq(aid_descriptors(), before);
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 5; i++)
        ck_assert(sink_reopen(all, MPX_STR("log"), open_file("log")));
    aid_close_sink(all, k);
    ck_assert_uint_eq(aid_descriptors(), before);
    sinks_destroy(all);
}
END_TEST

static bool has_lost(void *arg)
{
    return sinks_next_loss(all, arg);
}

START_TEST(lines_that_cannot_be_written_are_counted_and_told_when_there_is_room)
{
    struct sink_loss loss;
    uint64_t lost = 0;

    set_up();
    struct mpx_sink *k = sink_open(all, MPX_STR("log"), open("/dev/full", O_WRONLY | O_CLOEXEC));
    for (int i = 0; i < 3; i++)
        say(k, "to no place");
    while (lost < 3) {
        ck_assert(aid_wait_until(has_lost, &loss));
        ck_assert_str_eq(loss.target, "log");
        ck_assert_int_eq(loss.error, ENOSPC);
        lost += loss.lines;
    }
    ck_assert_uint_eq(lost, 3);
    ck_assert(!sinks_next_loss(all, &loss));
    ck_assert(sink_reopen(all, MPX_STR("log"), open_file("log")));
    off_t size = 1;
    ck_assert(aid_wait_until(has_size, &size));
    say(k, "after");
    aid_close_sink(all, k);
    ck_assert_str_eq(text_of("log"), "3 lines were lost here\nafter\n");
    sinks_destroy(all);
}
END_TEST

/* A file that may not grow: what is written of a line ends in its middle. */
START_TEST(a_line_that_was_cut_off_is_ended_before_the_next)
{
    struct rlimit before, small;
    struct sink_loss loss;

    set_up();
    (void)signal(SIGXFSZ, SIG_IGN);
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    struct mpx_sink *k = open_sink("log");
    small = before;
    small.rlim_cur = 8;
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
    say(k, "0123456789");
    bool is_told = aid_wait_until(has_lost, &loss);
    ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
    ck_assert(is_told);
    ck_assert_uint_eq(loss.lines, 1);
    say(k, "after");
    aid_close_sink(all, k);
    ck_assert_str_eq(text_of("log"), "01234567\nafter\n1 lines were lost here\n");
    sinks_destroy(all);
}
END_TEST

static void add_target(void *arg, struct mpx_str target)
{
    (void)buffer_printf(arg, "%.*s ", STR_ARGS(target));
}

START_TEST(the_files_among_the_targets_are_told)
{
    set_up();
    struct mpx_sink *k[] = { open_sink("a"), sink_open(all, MPX_STR("stderr"), -1),
                             sink_open(all, MPX_STR("syslog:user"), -1), open_sink("b") };
    text.n = 0;
    sinks_each_file(all, add_target, &text);
    ck_assert(str_is(buffer_str(&text), "a b ") || str_is(buffer_str(&text), "b a "));
    for (size_t i = 0; i < 4; i++)
        aid_close_sink(all, k[i]);
    sinks_destroy(all);
}
END_TEST

/* A pipe, and how much of it waits to be read. */
struct wanted {
    int ends[2];
    int bytes;
};

static bool has_bytes(void *arg)
{
    const struct wanted *w = arg;
    int n = 0;

    ck_assert_int_eq(ioctl(w->ends[0], FIONREAD, &n), 0);
    return n >= w->bytes;
}

static void take(const struct wanted *w, size_t bytes)
{
    char piece[PIPE];

    while (bytes > 0) {
        ssize_t n = read(w->ends[0], piece, bytes < PIPE ? bytes : PIPE);

        ck_assert_int_gt(n, 0);
        bytes -= (size_t)n;
    }
}

/* The slow one has lines again whenever the thread comes back from it. */
START_TEST(a_slow_target_that_always_has_lines_leaves_others_their_turn)
{
    static char row[3 * PIPE];
    struct wanted slow = { .bytes = PIPE }, other = { .bytes = 1 };

    set_up();
    memset(row, 's', sizeof(row));
    ck_assert_int_eq(pipe2(slow.ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(slow.ends[1], F_SETPIPE_SZ, PIPE), PIPE);
    ck_assert_int_eq(pipe2(other.ends, O_CLOEXEC), 0);
    struct mpx_sink *k = sink_open(all, MPX_STR("slow"), slow.ends[1]);
    struct mpx_sink *next = sink_open(all, MPX_STR("other"), other.ends[1]);
    sink_write(k, MPX_INFO, (struct mpx_str){ row, sizeof(row) });
    ck_assert(aid_wait_until(has_bytes, &slow)); /* the thread hangs in it */
    say(next, "its turn");
    sink_write(k, MPX_INFO, (struct mpx_str){ row, sizeof(row) });
    take(&slow, sizeof(row) + 1);
    bool has_come = aid_wait_until(has_bytes, &other);
    take(&slow, sizeof(row) + 1);
    ck_assert(has_come);
    sinks_destroy(all);
    close(slow.ends[0]);
    close(other.ends[0]);
}
END_TEST

Suite *suite_sink_again(void)
{
    static const TTest **const tests[] = {
        &lines_go_on_in_a_file_that_was_opened_again,
        &a_file_that_nobody_writes_is_closed_when_it_is_opened_again,
        &lines_that_cannot_be_written_are_counted_and_told_when_there_is_room,
        &a_line_that_was_cut_off_is_ended_before_the_next,
        &the_files_among_the_targets_are_told,
        &a_slow_target_that_always_has_lines_leaves_others_their_turn,
        NULL,
    };

    return unit_suite("sink_again", tests);
}
