/* SPDX-License-Identifier: MIT
   Entries to a socket of the test's own in the place of journald. */
#include "journal.h"

#include "aid.h"
#include "log.h"
#include "sink.h"
#include "str.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ENTRY_MAX = 300000 };

static int journal = -1;
static char place[sizeof(((struct sockaddr_un *)0)->sun_path)], target[128];

static void listen_again(void)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };

    (void)unlink(place);
    memcpy(un.sun_path, place, strlen(place));
    journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(journal, (const struct sockaddr *)&un, sizeof(un)), 0);
}

static void set_up(void)
{
    char folder[64];

    unit_folder(folder);
    (void)snprintf(place, sizeof(place), "%s/journal", folder);
    (void)snprintf(target, sizeof(target), "journald:%s", place);
    listen_again();
}

/* The next entry, "" when there is none; file tells whether it came as one. */
static const char *heard(bool *file)
{
    static char text[ENTRY_MAX];
    char room[CMSG_SPACE(sizeof(int))];
    struct iovec part = { text, sizeof(text) - 1 };
    struct msghdr m = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)
    };
    ssize_t n = recvmsg(journal, &m, 0);
    struct cmsghdr *c = n >= 0 ? CMSG_FIRSTHDR(&m) : NULL;
    int fd;

    *file = c != NULL;
    if (c != NULL) {
        memcpy(&fd, CMSG_DATA(c), sizeof(fd));
        ck_assert_int_eq(fcntl(fd, F_GET_SEALS),
                         F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL);
        n = pread(fd, text, sizeof(text) - 1, 0);
        close(fd);
    }
    text[n > 0 ? n : 0] = '\0';
    return text;
}

static bool has_heard(void *arg)
{
    const char **text = arg;
    bool file;

    *text = heard(&file);
    return **text != '\0';
}

static const char *wait_for_entry(void)
{
    const char *text = "";

    ck_assert(aid_wait_until(has_heard, &text));
    return text;
}

START_TEST(journald_is_a_target_with_or_without_the_path_of_a_socket)
{
    static const char *const right[] = { "journald", "journald:/run/systemd/journal.x/socket" };
    static const char *const wrong[] = { "",          "journal",   "journald:", "journald:x",
                                         "journaldx", "/journald", "stderr",    "Journald" };
    char longer[200] = "journald:/";

    memset(longer + 10, 'x', sizeof(longer) - 11);
    for (size_t i = 0; i < sizeof(right) / sizeof(right[0]); i++)
        ck_assert_msg(journal_is(str_of(right[i])), "%s", right[i]);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        ck_assert_msg(!journal_is(str_of(wrong[i])), "%s", wrong[i]);
    ck_assert(!journal_is(str_of(longer)));
}
END_TEST

START_TEST(an_entry_arrives_as_it_is)
{
    bool file;

    set_up();
    int fd = journal_open();
    ck_assert_int_eq(journal_send(fd, str_of(target), MPX_STR("A=b\nMESSAGE=x\n"), false), 0);
    ck_assert_str_eq(heard(&file), "A=b\nMESSAGE=x\n");
    ck_assert(!file);
    close(fd);
    close(journal);
}
END_TEST

START_TEST(a_large_entry_comes_as_a_sealed_file)
{
    static char large[ENTRY_MAX - 1];
    bool file;

    set_up();
    memset(large, 'x', sizeof(large) - 1);
    int fd = journal_open(), few = 4096;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
    size_t before = aid_descriptors();
    ck_assert_int_eq(journal_send(fd, str_of(target), str_of(large), false), 0);
    ck_assert_uint_eq(aid_descriptors(), before);
    ck_assert_str_eq(heard(&file), large);
    ck_assert(file);
    close(fd);
    close(journal);
}
END_TEST

START_TEST(a_journal_that_is_away_or_full_is_told_so)
{
    int rc = 0;

    set_up();
    int fd = journal_open();
    for (int i = 0; i < 100000 && rc == 0; i++)
        rc = journal_send(fd, str_of(target), MPX_STR("A=b\n"), false);
    ck_assert_int_eq(rc, EAGAIN);
    close(journal);
    ck_assert_int_eq(journal_send(fd, str_of(target), MPX_STR("A=b\n"), true), ECONNREFUSED);
    ck_assert_int_eq(unlink(place), 0);
    ck_assert_int_eq(journal_send(fd, str_of(target), MPX_STR("A=b\n"), true), ENOENT);
    close(fd);
}
END_TEST

START_TEST(what_a_message_is_about_comes_in_fields_of_its_own)
{
    static const char wanted[] =
        "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=4\nMULTIPLEXD_VHOST=www\nMULTIPLEXD_MODULE=static\n"
        "MULTIPLEXD_REQUEST=ab12\nMESSAGE=a\\x0aMESSAGE=b\\x00\xc3\xa4\\xff\n";
    static const struct log_about about = { "www", "static", "ab12" }, nothing;
    struct buffer b;

    buffer_init(&b, 4096);
    log_add_entry(&b, MPX_WARN, &about, MPX_STR("a\nMESSAGE=b\0\xc3\xa4\xff"));
    ck_assert_uint_eq(b.n, sizeof(wanted) - 1);
    ck_assert_mem_eq(b.p, wanted, b.n);
    b.n = 0;
    log_add_entry(&b, MPX_DEBUG, &nothing, MPX_STR("x"));
    ck_assert_view_eq(buffer_str(&b), "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=7\nMESSAGE=x\n");
    buffer_finish(&b);
}
END_TEST

START_TEST(a_sink_sends_entries_and_lines_one_by_one)
{
    set_up();
    struct sinks *all = sinks_create();
    struct mpx_sink *k = sink_open(all, str_of(target), -1);
    sink_write_entry(k, MPX_STR("MESSAGE=1\n"));
    sink_write(k, MPX_INFO, MPX_STR("2\n\0"));
    sink_write_entry(k, MPX_STR("MESSAGE=3\n"));
    ck_assert_str_eq(wait_for_entry(), "MESSAGE=1\n");
    ck_assert_str_eq(wait_for_entry(),
                     "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=6\nMESSAGE=2\\x0a\\x00\n");
    ck_assert_str_eq(wait_for_entry(), "MESSAGE=3\n");
    sink_close(k);
    sinks_destroy(all);
    close(journal);
}
END_TEST

static bool has_lost(void *arg)
{
    struct sink_loss *loss = arg, one;

    while (sinks_next_loss(*(struct sinks **)(uintptr_t)loss->target, &one)) {
        loss->lines += one.lines;
        loss->error = one.error;
    }
    return loss->lines == 3;
}

START_TEST(lines_for_a_journal_that_is_away_are_counted_and_it_is_tried_again)
{
    set_up();
    struct sinks *all = sinks_create();
    struct mpx_sink *k = sink_open(all, str_of(target), -1);
    struct sink_loss loss = { .target = (const char *)&all };
    close(journal);
    for (int i = 0; i < 3; i++)
        sink_write_entry(k, MPX_STR("MESSAGE=lost\n"));
    ck_assert(aid_wait_until(has_lost, &loss));
    ck_assert_int_eq(loss.error, ECONNREFUSED);
    listen_again();
    sink_write_entry(k, MPX_STR("MESSAGE=again\n"));
    ck_assert_str_eq(wait_for_entry(), "MESSAGE=again\n");
    ck_assert_str_eq(wait_for_entry(),
                     "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=4\nMESSAGE=3 lines were "
                     "lost here\n");
    sink_close(k);
    sinks_destroy(all);
    close(journal);
}
END_TEST

Suite *suite_journal(void)
{
    static const TTest **const tests[] = {
        &journald_is_a_target_with_or_without_the_path_of_a_socket,
        &an_entry_arrives_as_it_is,
        &a_large_entry_comes_as_a_sealed_file,
        &a_journal_that_is_away_or_full_is_told_so,
        &what_a_message_is_about_comes_in_fields_of_its_own,
        &a_sink_sends_entries_and_lines_one_by_one,
        &lines_for_a_journal_that_is_away_are_counted_and_it_is_tried_again,
        NULL,
    };

    return unit_suite("journal", tests);
}
