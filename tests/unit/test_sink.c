/* SPDX-License-Identifier: MIT
   Lines into real files and pipes. A pipe of one page that nobody reads holds the writing thread
   where a test wants it. */
#include "sink.h"

#include "aid.h"
#include "str.h"
#include "unit.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

enum { RING = 1 << 20, LINE = 16384, PIPE = 4096, TEXT = 4 << 20 };

static struct sinks *all;
static char folder[64];
static struct buffer text; /* of a file or pipe, as it was read last */

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

/* The file's descriptor, as whoever opens logs gives it. */
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

/* n bytes of that letter; borrowed until the next call. */
static struct mpx_str row(char letter, size_t n)
{
    static char bytes[LINE + 1000];

    ck_assert_uint_le(n, sizeof(bytes));
    memset(bytes, letter, n);
    return (struct mpx_str){ bytes, n };
}

/* One piece of what can be read there is added to the text; false at the end. */
static bool read_piece(int fd)
{
    char piece[65536];
    ssize_t n = read(fd, piece, sizeof(piece));

    ck_assert_int_ge(n, 0);
    ck_assert_int_eq(buffer_add(&text, (struct mpx_str){ piece, (size_t)n }), 0);
    return n > 0;
}

static const char *text_of(const char *name)
{
    int fd = open(in_folder(name), O_RDONLY | O_CLOEXEC);

    ck_assert_int_ge(fd, 0);
    text.n = 0;
    while (read_piece(fd))
        ;
    close(fd);
    ck_assert_int_eq(buffer_add_char(&text, '\0'), 0);
    text.n--;
    return text.p;
}

/* The lines of the text, from at on, are 'count' times n of that letter; the offset behind. */
static size_t check_rows(size_t at, size_t count, char letter, size_t n)
{
    for (size_t i = 0; i < count; i++, at += n + 1) {
        ck_assert_uint_le(at + n + 1, text.n);
        ck_assert_mem_eq(text.p + at, row(letter, n).p, n);
        ck_assert_int_eq(text.p[at + n], '\n');
    }
    return at;
}

/* A sink whose target takes nothing more: the thread hangs in it. */
struct stuck {
    struct mpx_sink *sink;
    int ends[2];
};

static bool is_pipe_full(void *arg)
{
    int n = 0;

    ck_assert_int_eq(ioctl(((struct stuck *)arg)->ends[0], FIONREAD, &n), 0);
    return n == PIPE;
}

static void get_stuck(struct stuck *s)
{
    ck_assert_int_eq(pipe2(s->ends, O_CLOEXEC), 0);
    ck_assert_int_eq(fcntl(s->ends[1], F_SETPIPE_SZ, PIPE), PIPE);
    s->sink = sink_open(all, MPX_STR("stuck"), s->ends[1]);
    sink_write(s->sink, MPX_INFO, row('s', 3 * PIPE));
    ck_assert(aid_wait_until(is_pipe_full, s));
}

/* Reads what was written to it until so many bytes were. */
static void set_free(struct stuck *s, size_t bytes)
{
    text.n = 0;
    while (text.n < bytes)
        ck_assert(read_piece(s->ends[0]));
    ck_assert_uint_eq(text.n, bytes);
}

START_TEST(lines_arrive_whole_and_in_order)
{
    char line[32];
    size_t at = 0;

    set_up();
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(line, sizeof(line), "%d:%.*s", i, i % 10, "0123456789");
        say(k, line); /* copied: the next one is written over it */
    }
    aid_close_sink(all, k);
    const char *said = text_of("log");
    for (int i = 0; i < 5000; i++) {
        (void)snprintf(line, sizeof(line), "%d:%.*s\n", i, i % 10, "0123456789");
        ck_assert_int_eq(strncmp(said + at, line, strlen(line)), 0);
        at += strlen(line);
    }
    ck_assert_uint_eq(at, text.n);
    sinks_destroy(all);
}
END_TEST

START_TEST(any_bytes_are_a_line)
{
    static const char bytes[] = "a\0b\t\x80%s%n";

    set_up();
    struct mpx_sink *k = open_sink("log");
    sink_write(k, MPX_ERROR, (struct mpx_str){ bytes, sizeof(bytes) - 1 });
    sink_write(k, MPX_ERROR, (struct mpx_str){ NULL, 0 });
    aid_close_sink(all, k);
    (void)text_of("log");
    ck_assert_uint_eq(text.n, sizeof(bytes) + 1);
    ck_assert_mem_eq(text.p, bytes, sizeof(bytes) - 1);
    ck_assert_str_eq(text.p + sizeof(bytes) - 1, "\n\n");
    sinks_destroy(all);
}
END_TEST

START_TEST(a_line_that_is_too_long_is_cut_and_stays_one)
{
    set_up();
    struct mpx_sink *k = open_sink("log");
    sink_write(k, MPX_INFO, row('a', LINE));
    sink_write(k, MPX_INFO, row('b', LINE + 1000));
    say(k, "next");
    aid_close_sink(all, k);
    (void)text_of("log");
    size_t at = check_rows(check_rows(0, 1, 'a', LINE), 1, 'b', LINE);
    ck_assert_str_eq(text.p + at, "next\n");
    sinks_destroy(all);
}
END_TEST

static bool has_size(void *arg)
{
    struct stat st;

    return stat(in_folder("log"), &st) == 0 && st.st_size >= *(off_t *)arg;
}

/* Three times round the ring, so that lines are cut by its end. */
START_TEST(lines_stay_whole_where_the_ring_begins_again)
{
    off_t size = 0;

    set_up();
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 300; i++) {
        sink_write(k, MPX_INFO, row((char)('a' + i % 26), LINE - 5000));
        size += LINE - 5000 + 1;
        if (i % 50 == 49)
            ck_assert(aid_wait_until(has_size, &size));
    }
    ck_assert_int_gt(size, 3 * RING);
    aid_close_sink(all, k);
    (void)text_of("log");
    size_t at = 0;
    for (int i = 0; i < 300; i++)
        at = check_rows(at, 1, (char)('a' + i % 26), LINE - 5000);
    ck_assert_uint_eq(at, text.n);
    sinks_destroy(all);
}
END_TEST

START_TEST(a_line_is_written_without_waiting_for_more)
{
    off_t size = 6;

    set_up();
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 3; i++, size += 6) {
        say(k, "alone");
        ck_assert(aid_wait_until(has_size, &size));
    }
    sinks_destroy(all);
    ck_assert_str_eq(text_of("log"), "alone\nalone\nalone\n");
}
END_TEST

START_TEST(a_target_that_is_open_is_found_and_its_uses_counted)
{
    set_up();
    size_t before = aid_descriptors();
    ck_assert_ptr_null(sink_find(all, MPX_STR("log")));
    struct mpx_sink *k = open_sink("log"), *other = open_sink("lo");
    ck_assert_ptr_eq(sink_find(all, MPX_STR("log")), k);
    ck_assert_ptr_eq(sink_find(all, MPX_STR("lo")), other);
    ck_assert_ptr_null(sink_find(all, MPX_STR("logs")));
    say(k, "one");
    aid_close_sink(all, k);
    say(k, "two");
    aid_close_sink(all, other);
    aid_close_sink(all, other);
    ck_assert_ptr_null(sink_find(all, MPX_STR("lo")));
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    aid_close_sink(all, k);
    ck_assert_ptr_null(sink_find(all, MPX_STR("log")));
    ck_assert_uint_eq(aid_descriptors(), before);
    ck_assert_str_eq(text_of("log"), "one\ntwo\n");
    sinks_destroy(all);
}
END_TEST

/* As a log that is rotated: the old file keeps its lines. */
START_TEST(a_target_that_was_closed_can_be_opened_again)
{
    char old[128];

    set_up();
    struct mpx_sink *k = open_sink("log");
    say(k, "one");
    aid_close_sink(all, k);
    (void)snprintf(old, sizeof(old), "%s/old", folder);
    ck_assert_int_eq(rename(in_folder("log"), old), 0);
    k = open_sink("log");
    say(k, "two");
    aid_close_sink(all, k);
    ck_assert_str_eq(text_of("old"), "one\n");
    ck_assert_str_eq(text_of("log"), "two\n");
    sinks_destroy(all);
}
END_TEST

START_TEST(what_is_left_is_written_at_the_end)
{
    set_up();
    size_t before = aid_descriptors();
    struct mpx_sink *a = open_sink("a"), *b = open_sink("b");
    (void)sink_find(all, MPX_STR("b"));
    for (int i = 0; i < 50; i++) {
        sink_write(a, MPX_INFO, row('a', 10000));
        sink_write(b, MPX_INFO, row('b', 10000));
    }
    sinks_destroy(all);
    ck_assert_uint_eq(aid_descriptors(), before);
    (void)text_of("a");
    ck_assert_uint_eq(check_rows(0, 50, 'a', 10000), text.n);
    (void)text_of("b");
    ck_assert_uint_eq(check_rows(0, 50, 'b', 10000), text.n);
    sinks_destroy(sinks_create()); /* no sink, no thread */
    sinks_destroy(NULL);
}
END_TEST

/* A slow target delays the lines of others; it costs them nothing but what is too much. */
START_TEST(a_full_ring_takes_its_last_byte_and_counts_what_is_lost)
{
    struct stuck s;

    set_up();
    get_stuck(&s);
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < RING / LINE; i++)
        sink_write(k, MPX_INFO, row('k', LINE - 1));
    for (int i = 0; i < 7; i++)
        say(k, ""); /* its newline does not fit */
    set_free(&s, 3 * PIPE + 1);
    aid_close_sink(all, s.sink);
    say(k, "after");
    aid_close_sink(all, k);
    (void)text_of("log");
    size_t at = check_rows(0, RING / LINE, 'k', LINE - 1);
    ck_assert_str_eq(text.p + at, "7 lines were lost here\nafter\n");
    close(s.ends[0]);
    sinks_destroy(all);
}
END_TEST

/* How many lines the text has with those that it says were lost. */
static size_t count_lines(size_t *lost)
{
    static const struct mpx_str notice = MPX_STR(" lines were lost here");
    size_t count = 0;
    uint64_t number;

    *lost = 0;
    for (struct mpx_str rest = buffer_str(&text); rest.n > 0;) {
        struct mpx_str line = str_head(rest, str_find(rest, '\n'));
        struct mpx_str digits = str_head(line, str_find(line, ' '));

        if (str_eq(str_from(line, digits.n), notice) && str_to_u64(digits, &number) == 0)
            *lost += number;
        else if (str_eq(line, row('x', 100)))
            count++;
        else
            ck_abort_msg("\"%.*s\" is not a whole line", STR_ARGS(line));
        rest = str_from(rest, line.n + 1);
    }
    return count + *lost;
}

START_TEST(a_target_that_nobody_reads_costs_lines_but_never_waits)
{
    enum { LINES = 30000 }; /* three rings of them */
    size_t lost = 0;
    int ends[2];

    set_up();
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    struct mpx_sink *k = sink_open(all, MPX_STR("pipe"), ends[1]);
    for (int i = 0; i < LINES; i++)
        sink_write(k, MPX_INFO, row('x', 100));
    do {
        do
            ck_assert(read_piece(ends[0]));
        while (text.p[text.n - 1] != '\n');
    } while (count_lines(&lost) < LINES);
    ck_assert_uint_eq(count_lines(&lost), LINES);
    ck_assert_uint_gt(lost, 0);
    aid_close_sink(all, k);
    close(ends[0]);
    sinks_destroy(all);
}
END_TEST

START_TEST(a_broken_target_does_not_harm_others)
{
    int ends[2];

    set_up();
    ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
    close(ends[0]); /* SIGPIPE would end us */
    struct mpx_sink *broken = sink_open(all, MPX_STR("pipe"), ends[1]);
    struct mpx_sink *full =
        sink_open(all, MPX_STR("full"), open("/dev/full", O_WRONLY | O_CLOEXEC));
    struct mpx_sink *k = open_sink("log");
    for (int i = 0; i < 100; i++) {
        say(broken, "to nobody");
        say(full, "to no place");
        say(k, "line");
    }
    aid_close_sink(all, k);
    (void)text_of("log");
    ck_assert_uint_eq(text.n, 500);
    aid_close_sink(all, broken);
    aid_close_sink(all, full);
    sinks_destroy(all);
}
END_TEST

/* What the thread holds is left to it: the process is about to end. */
START_TEST(the_end_does_not_wait_for_ever)
{
    struct stuck s;

    set_up();
    get_stuck(&s);
    sinks_destroy(all);
    ck_assert(is_pipe_full(&s));
}
END_TEST

/* From here on standard error is the file "log"; what it was before. */
static int redirect(void)
{
    (void)fflush(NULL);
    int kept = dup(STDERR_FILENO), fd = open_file("log");
    ck_assert_int_eq(dup2(fd, STDERR_FILENO), STDERR_FILENO);
    close(fd);
    return kept;
}

static void restore(int kept)
{
    ck_assert_int_eq(dup2(kept, STDERR_FILENO), STDERR_FILENO);
    close(kept);
}

START_TEST(standard_error_is_a_target_that_stays_open)
{
    set_up();
    int kept = redirect();
    struct mpx_sink *k = sink_open(all, MPX_STR("stderr"), -1);
    say(k, "one");
    aid_close_sink(all, k);
    bool is_open = write(STDERR_FILENO, "two\n", 4) == 4;
    restore(kept);
    ck_assert(is_open);
    ck_assert_str_eq(text_of("log"), "one\ntwo\n");
    sinks_destroy(all);
}
END_TEST

START_TEST(syslog_is_a_target_with_a_known_facility)
{
    static const char *const right[] = { "syslog:daemon", "syslog:user", "syslog:auth",
                                         "syslog:local0", "syslog:local7" };
    static const char *const wrong[] = {
        "syslog",         "syslog:", "syslog:local8",  "syslog:Daemon",
        "syslog:daemon ", "stderr",  "/syslog:daemon", ""
    };

    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        ck_assert_msg(sink_is_syslog(str_of(right[i])), "%s", right[i]);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!sink_is_syslog(str_of(wrong[i])), "%s", wrong[i]);
}
END_TEST

/* libc repeats on standard error what it sends to the system's log. */
START_TEST(lines_to_syslog_are_told_one_by_one)
{
    set_up();
    int kept = redirect();
    openlog("unit", LOG_PERROR, LOG_USER);
    struct mpx_sink *k = sink_open(all, MPX_STR("syslog:local3"), -1);
    sink_write(k, MPX_ERROR, MPX_STR("100%s is 100%n"));
    sink_write(k, MPX_DEBUG, MPX_STR(""));
    sink_write(k, MPX_DEBUG, MPX_STR("2 is not a level"));
    aid_close_sink(all, k);
    sink_syslog(MPX_STR("syslog:local3"), MPX_WARN, MPX_STR("at once %s"));
    restore(kept);
    closelog();
    ck_assert_str_eq(text_of("log"), "unit: 100%s is 100%n\nunit: \nunit: 2 is not a level\n"
                                     "unit: at once %s\n");
    sinks_destroy(all);
}
END_TEST

Suite *suite_sink(void)
{
    static const TTest **const tests[] = {
        &lines_arrive_whole_and_in_order,
        &any_bytes_are_a_line,
        &a_line_that_is_too_long_is_cut_and_stays_one,
        &lines_stay_whole_where_the_ring_begins_again,
        &a_line_is_written_without_waiting_for_more,
        &a_target_that_is_open_is_found_and_its_uses_counted,
        &a_target_that_was_closed_can_be_opened_again,
        &what_is_left_is_written_at_the_end,
        &a_full_ring_takes_its_last_byte_and_counts_what_is_lost,
        &a_target_that_nobody_reads_costs_lines_but_never_waits,
        &a_broken_target_does_not_harm_others,
        &the_end_does_not_wait_for_ever,
        &standard_error_is_a_target_that_stays_open,
        &syslog_is_a_target_with_a_known_facility,
        &lines_to_syslog_are_told_one_by_one,
        NULL,
    };

    return unit_suite("sink", tests);
}
