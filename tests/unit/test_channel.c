/* SPDX-License-Identifier: MIT */
#include "channel.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static int ends[2];
static size_t descriptors_before;

static void set_up(void)
{
    descriptors_before = aid_descriptors();
    ck_assert_int_eq(channel_pair(ends), 0);
}

static void take_down(void)
{
    close(ends[0]);
    close(ends[1]);
    ck_assert_uint_eq(aid_descriptors(), descriptors_before);
}

/* The next message is that one, with so many descriptors. */
static void check_message(char what, struct mpx_str text, size_t fd_count)
{
    struct channel_message m;

    ck_assert_int_eq(channel_receive(ends[1], &m), 1);
    ck_assert_int_eq(m.what, what);
    ck_assert_uint_eq(m.text.n, text.n);
    ck_assert(str_eq(buffer_str(&m.text), text));
    ck_assert_uint_eq(m.fd_count, fd_count);
    channel_finish(&m);
}

/* Nothing comes, and it is told that nothing will. */
static void check_end(void)
{
    struct channel_message m;

    ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
    ck_assert_int_eq(channel_receive(ends[1], &m), 0);
    channel_finish(&m);
}

START_TEST(a_message_arrives_as_it_was_sent)
{
    set_up();
    ck_assert_int_eq(fcntl(ends[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(fcntl(ends[1], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    ck_assert_int_eq(channel_send(ends[0], 'm', MPX_STR("a\0b\n\xff"), NULL, 0), 0);
    check_message('m', MPX_STR("a\0b\n\xff"), 0);
    ck_assert_int_eq(channel_send(ends[0], '\0', MPX_STR(""), NULL, 0), 0);
    check_message('\0', MPX_STR(""), 0);
    ck_assert_int_eq(channel_send(ends[1], 'b', MPX_STR("back"), NULL, 0), 0);
    int swap = ends[0];
    ends[0] = ends[1];
    ends[1] = swap;
    check_message('b', MPX_STR("back"), 0);
    take_down();
}
END_TEST

START_TEST(messages_keep_their_order_and_their_bounds)
{
    char text[300];

    memset(text, 't', sizeof(text));
    set_up();
    for (size_t i = 0; i < 50; i++) {
        const int fds[] = { ends[0], ends[1] };

        ck_assert_int_eq(
            channel_send(ends[0], (char)i, (struct mpx_str){ text, i * 5 }, fds, i % 3), 0);
    }
    for (size_t i = 0; i < 50; i++)
        check_message((char)i, (struct mpx_str){ text, i * 5 }, i % 3);
    check_end();
    take_down();
}
END_TEST

static bool is_same_file(int a, int b)
{
    struct stat x, y;

    ck_assert_int_eq(fstat(a, &x), 0);
    ck_assert_int_eq(fstat(b, &y), 0);
    return x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

START_TEST(descriptors_become_the_receivers_own)
{
    struct channel_message m;
    int mine[2];

    set_up();
    ck_assert_int_eq(pipe(mine), 0);
    ck_assert_int_eq(channel_send(ends[0], 'f', MPX_STR("text"), mine, 2), 0);
    ck_assert_int_eq(channel_receive(ends[1], &m), 1);
    ck_assert_uint_eq(m.fd_count, 2);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_ne(m.fds[i], mine[i]);
        ck_assert(is_same_file(m.fds[i], mine[i]));
        ck_assert_int_eq(fcntl(m.fds[i], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
        ck_assert_int_eq(fcntl(mine[i], F_GETFD) & FD_CLOEXEC, 0); /* the sender's are as before */
    }
    int taken = m.fds[1];
    m.fds[1] = -1;
    channel_finish(&m);
    channel_finish(&m);
    ck_assert_uint_eq(aid_descriptors(), descriptors_before + 2 + 2 + 1);
    ck_assert_int_eq(write(taken, "x", 1), 1);
    ck_assert_int_eq(read(mine[0], &(char){ 0 }, 1), 1);
    close(taken);
    close(mine[0]);
    close(mine[1]);
    take_down();
}
END_TEST

START_TEST(so_many_descriptors_and_no_more)
{
    int fds[CHANNEL_FDS_MAX + 1];

    set_up();
    for (size_t i = 0; i < CHANNEL_FDS_MAX + 1; i++)
        fds[i] = ends[0];
    ck_assert_int_eq(channel_send(ends[0], 'a', MPX_STR(""), fds, CHANNEL_FDS_MAX), 0);
    ck_assert_int_eq(channel_send(ends[0], 'b', MPX_STR(""), fds, CHANNEL_FDS_MAX + 1), -1);
    ck_assert_int_eq(channel_send(ends[0], 'c', MPX_STR(""), fds, 1), 0);
    check_message('a', MPX_STR(""), CHANNEL_FDS_MAX);
    check_message('c', MPX_STR(""), 1);
    check_end();
    take_down();
}
END_TEST

START_TEST(what_is_no_descriptor_is_not_sent)
{
    set_up();
    ck_assert_int_eq(channel_send(ends[0], 'a', MPX_STR("text"), &(int){ 12345 }, 1), -1);
    check_end();
    take_down();
}
END_TEST

START_TEST(a_text_that_is_too_large_is_not_sent)
{
    set_up();
    const struct mpx_str large = { "", (size_t)CHANNEL_BYTES_MAX + 1 };
    ck_assert_int_eq(channel_send(ends[0], 'a', large, NULL, 0), -1);
    check_end();
    take_down();
}
END_TEST

enum { LARGE = 16 << 20 };

static char *large_text(void)
{
    char *text = malloc(LARGE);

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = (char)(i * 7 / 3);
    return text;
}

static void alarms(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGALRM);
    (void)pthread_sigmask(how, &set, NULL);
}

static void *send_large(void *arg)
{
    static char sent;

    alarms(SIG_UNBLOCK);
    if (channel_send(ends[0], 'l', (struct mpx_str){ arg, LARGE }, &ends[0], 1) == 0 &&
        channel_send(ends[0], 's', MPX_STR("small"), NULL, 0) == 0)
        return &sent;
    return NULL;
}

/* The sender has to wait for so long. */
static void check_large(unsigned ms)
{
    char *text = large_text();
    pthread_t thread;
    void *sent;

    ck_assert_int_eq(pthread_create(&thread, NULL, send_large, text), 0);
    aid_pause_ms(ms);
    check_message('l', (struct mpx_str){ text, LARGE }, 1);
    check_message('s', MPX_STR("small"), 0);
    ck_assert_int_eq(pthread_join(thread, &sent), 0);
    ck_assert_ptr_nonnull(sent);
    free(text);
}

START_TEST(a_text_may_be_larger_than_the_socket_holds)
{
    set_up();
    check_large(0);
    take_down();
}
END_TEST

static void on_alarm(int number)
{
    (void)number;
}

/* Calls that wait are interrupted every millisecond. */
static void interrupt_us(void)
{
    const struct sigaction action = { .sa_handler = on_alarm }; /* no SA_RESTART */
    const struct itimerval often = { .it_interval = { .tv_usec = 1000 },
                                     .it_value = { .tv_usec = 1000 } };

    ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
    ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
}

static void *send_later(void *arg)
{
    (void)arg;
    aid_pause_ms(20);
    (void)channel_send(ends[0], 'm', MPX_STR("later"), NULL, 0);
    return NULL;
}

START_TEST(signals_do_not_break_a_message)
{
    pthread_t thread;

    set_up();
    alarms(SIG_BLOCK);
    ck_assert_int_eq(pthread_create(&thread, NULL, send_later, NULL), 0);
    alarms(SIG_UNBLOCK);
    interrupt_us();
    check_message('m', MPX_STR("later"), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    check_large(0);
    alarms(SIG_BLOCK); /* now the sender is the one that they interrupt */
    check_large(20);
    take_down();
}
END_TEST

START_TEST(a_peer_that_is_gone_is_told)
{
    struct channel_message m;

    set_up();
    close(ends[0]);
    ck_assert_int_eq(channel_receive(ends[1], &m), 0);
    channel_finish(&m);
    ck_assert_int_eq(channel_send(ends[1], 'm', MPX_STR(""), NULL, 0), -1); /* and no SIGPIPE */
    ck_assert_int_eq(channel_pair(ends), 0);
    ck_assert_int_eq(channel_send(ends[1], 'm', MPX_STR("unread"), NULL, 0), 0);
    close(ends[0]); /* what it did not read makes this a reset */
    ck_assert_int_eq(channel_receive(ends[1], &m), 0);
    channel_finish(&m);
}
END_TEST

START_TEST(what_was_sent_before_the_peer_went_is_received)
{
    struct channel_message m;

    set_up();
    ck_assert_int_eq(channel_send(ends[0], 'm', MPX_STR("last words"), &ends[0], 1), 0);
    close(ends[0]);
    check_message('m', MPX_STR("last words"), 1);
    ck_assert_int_eq(channel_receive(ends[1], &m), 0);
    channel_finish(&m);
    close(ends[1]);
}
END_TEST

START_TEST(what_is_no_channel_is_an_error)
{
    struct channel_message m;

    ck_assert_int_eq(channel_receive(12345, &m), -1);
    ck_assert_int_eq(errno, EBADF);
    channel_finish(&m);
    ck_assert_int_eq(channel_send(12345, 'm', MPX_STR(""), NULL, 0), -1);
}
END_TEST

/* ---- messages as bytes, for peers that break the form */

/* The bytes of a message without descriptors; their number. */
static size_t bytes_of(struct mpx_str text, char *out, size_t room)
{
    set_up();
    ck_assert_int_eq(channel_send(ends[0], 'm', text, NULL, 0), 0);
    ssize_t n = recv(ends[1], out, room, 0);
    ck_assert_int_gt(n, (ssize_t)text.n);
    take_down();
    return (size_t)n;
}

/* Sends bytes with so many descriptors of ours. */
static void send_raw(const char *bytes, size_t n, size_t fd_count)
{
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(8 * sizeof(int))];
    } control = { .bytes = { 0 } };
    struct iovec v = { (void *)(uintptr_t)bytes, n };
    struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1 };

    ck_assert_uint_le(fd_count, 8);
    if (fd_count > 0) {
        m.msg_control = &control;
        m.msg_controllen = CMSG_SPACE(fd_count * sizeof(int));
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
        for (size_t i = 0; i < fd_count; i++)
            memcpy(CMSG_DATA(c) + i * sizeof(int), &ends[0], sizeof(int));
    }
    ck_assert_int_eq(sendmsg(ends[0], &m, 0), (ssize_t)n);
}

START_TEST(a_message_cut_at_any_byte_is_none)
{
    struct channel_message m;
    char bytes[64];
    size_t whole = bytes_of(MPX_STR("the text"), bytes, sizeof(bytes));

    for (size_t cut = 0; cut <= whole; cut++) {
        for (size_t fds = 0; fds < (cut > 0 ? 3 : 1); fds += 2) {
            set_up();
            if (cut > 0)
                send_raw(bytes, cut, fds);
            ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
            int rc = channel_receive(ends[1], &m);
            if (cut == whole && fds == 0)
                ck_assert_int_eq(rc, 1);
            else
                ck_assert_msg(rc <= 0, "cut at %zu with %zu: %d", cut, fds, rc);
            channel_finish(&m);
            take_down();
        }
    }
}
END_TEST

struct pieces {
    char bytes[64];
    size_t whole, cut;
};

static bool is_taken(void *arg)
{
    int waiting = 1;

    (void)arg;
    return ioctl(ends[0], SIOCOUTQ, &waiting) == 0 && waiting == 0;
}

/* The second piece comes when the first was taken. */
static void *send_pieces(void *arg)
{
    const struct pieces *p = arg;

    send_raw(p->bytes, p->cut, 0);
    if (aid_wait_until(is_taken, NULL))
        send_raw(p->bytes + p->cut, p->whole - p->cut, 0);
    return NULL;
}

START_TEST(a_message_may_come_in_pieces)
{
    struct pieces p;
    pthread_t thread;

    p.whole = bytes_of(MPX_STR("the text"), p.bytes, sizeof(p.bytes));
    for (p.cut = 1; p.cut < p.whole; p.cut++) {
        set_up();
        ck_assert_int_eq(pthread_create(&thread, NULL, send_pieces, &p), 0);
        check_message('m', MPX_STR("the text"), 0);
        ck_assert_int_eq(pthread_join(thread, NULL), 0);
        check_end();
        take_down();
    }
}
END_TEST

/* Where the message has the length of its text and the number of its descriptors. */
static size_t place_of(const char *bytes, size_t n, uint32_t value)
{
    for (size_t i = 0; i + sizeof(value) <= n; i += sizeof(value))
        if (memcmp(bytes + i, &value, sizeof(value)) == 0)
            return i;
    ck_abort_msg("the message does not say %u", (unsigned)value);
}

static void check_refused(const char *bytes, size_t n, size_t fd_count)
{
    struct channel_message m;

    set_up();
    send_raw(bytes, n, fd_count);
    ck_assert_int_eq(channel_receive(ends[1], &m), -1);
    ck_assert_int_eq(errno, EPROTO);
    channel_finish(&m);
    take_down();
}

START_TEST(descriptors_that_do_not_fit_their_number_are_refused_and_closed)
{
    static const uint32_t claims[] = { 0, 1, 3, CHANNEL_FDS_MAX + 1, UINT32_MAX };
    char bytes[1024], text[777] = { 0 };
    size_t n = bytes_of((struct mpx_str){ text, sizeof(text) }, bytes, sizeof(bytes));
    size_t at = place_of(bytes, n, sizeof(text)) + sizeof(uint32_t);

    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        memcpy(bytes + at, &claims[i], sizeof(claims[i]));
        check_refused(bytes, n, 2);
        if (claims[i] != 0)
            check_refused(bytes, n, 0);
    }
}
END_TEST

START_TEST(a_length_past_the_maximum_is_refused_at_once)
{
    static const uint32_t claims[] = { (uint32_t)CHANNEL_BYTES_MAX + 1, UINT32_MAX };
    char bytes[1024], text[777] = { 0 };
    size_t n = bytes_of((struct mpx_str){ text, sizeof(text) }, bytes, sizeof(bytes));
    size_t at = place_of(bytes, n, sizeof(text));

    for (size_t i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
        memcpy(bytes + at, &claims[i], sizeof(claims[i]));
        check_refused(bytes, n, 0);
    }
}
END_TEST

Suite *suite_channel(void)
{
    static const TTest **const tests[] = {
        &a_message_arrives_as_it_was_sent,
        &messages_keep_their_order_and_their_bounds,
        &descriptors_become_the_receivers_own,
        &so_many_descriptors_and_no_more,
        &what_is_no_descriptor_is_not_sent,
        &a_text_that_is_too_large_is_not_sent,
        &a_text_may_be_larger_than_the_socket_holds,
        &signals_do_not_break_a_message,
        &a_peer_that_is_gone_is_told,
        &what_was_sent_before_the_peer_went_is_received,
        &what_is_no_channel_is_an_error,
        &a_message_cut_at_any_byte_is_none,
        &a_message_may_come_in_pieces,
        &descriptors_that_do_not_fit_their_number_are_refused_and_closed,
        &a_length_past_the_maximum_is_refused_at_once,
        NULL,
    };

    return unit_suite("channel", tests);
}
