/* SPDX-License-Identifier: MIT
   A parent's end: never waits, whatever the child does or leaves undone. */
#include "peer.h"

#include "aid.h"
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 1000, LARGE = 8 << 20 };

static struct peer p;
static int child;
static size_t descriptors_before;

static void set_up(void)
{
    int ends[2];

    descriptors_before = aid_descriptors();
    ck_assert_int_eq(channel_pair(ends), 0);
    child = ends[1];
    peer_open(&p, ends[0], MOST);
}

static void take_down(void)
{
    peer_close(&p);
    peer_close(&p);
    close(child);
    ck_assert_uint_eq(aid_descriptors(), descriptors_before);
}

static void check_message(char what, const char *text)
{
    ck_assert_int_eq(peer_take(&p), 1);
    ck_assert_int_eq(p.in.what, what);
    ck_assert_view_eq(buffer_str(&p.in.text), text);
}

START_TEST(messages_are_taken_one_by_one)
{
    set_up();
    ck_assert_int_eq(peer_take(&p), 0);
    ck_assert_int_eq(channel_send(child, 'a', MPX_STR("first"), NULL, 0), 0);
    ck_assert_int_eq(channel_send(child, 'b', MPX_STR(""), NULL, 0), 0);
    ck_assert_int_eq(channel_send(child, 'c', MPX_STR("third"), NULL, 0), 0);
    check_message('a', "first");
    check_message('b', "");
    check_message('c', "third");
    ck_assert_int_eq(peer_take(&p), 0);
    take_down();
}
END_TEST

START_TEST(a_message_may_come_in_pieces_and_nothing_waits_for_them)
{
    const struct channel_head head = { .what = 'm', .text_bytes = 4 };
    char bytes[sizeof(head) + 4];

    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), "text", 4);
    set_up();
    for (size_t i = 0; i < sizeof(bytes); i++) {
        ck_assert_int_eq(peer_take(&p), 0);
        ck_assert_int_eq(send(child, bytes + i, 1, 0), 1);
    }
    check_message('m', "text");
    ck_assert_int_eq(peer_take(&p), 0);
    take_down();
}
END_TEST

START_TEST(the_end_of_a_child_is_told)
{
    set_up();
    ck_assert_int_eq(channel_send(child, 'a', MPX_STR("last words"), NULL, 0), 0);
    ck_assert_int_eq(shutdown(child, SHUT_WR), 0);
    check_message('a', "last words");
    errno = EBADF;
    ck_assert_int_eq(peer_take(&p), -1);
    ck_assert_int_eq(errno, 0);
    take_down();
}
END_TEST

static void check_refused(uint32_t text_bytes, uint32_t fd_count)
{
    const struct channel_head head = { .text_bytes = text_bytes, .fd_count = fd_count };

    set_up();
    ck_assert_int_eq(send(child, &head, sizeof(head), 0), (ssize_t)sizeof(head));
    ck_assert_int_eq(peer_take(&p), -1);
    ck_assert_int_eq(errno, EPROTO);
    take_down();
}

START_TEST(what_breaks_the_form_is_refused_at_once)
{
    check_refused(MOST + 1, 0);
    check_refused(UINT32_MAX, 0);
    check_refused(0, 1);
    check_refused(0, UINT32_MAX);
}
END_TEST

START_TEST(no_descriptor_is_taken)
{
    char text[MOST];

    memset(text, 't', sizeof(text));
    set_up();
    ck_assert_int_eq(channel_send_head(child, 'f', 0, &child, 1, 0), 0);
    size_t before = aid_descriptors();
    ck_assert_int_eq(peer_take(&p), -1);
    ck_assert_uint_eq(aid_descriptors(), before);
    take_down();
}
END_TEST

START_TEST(descriptors_are_given)
{
    struct channel_message m;

    set_up();
    ck_assert_int_eq(peer_put(&p, 'f', MPX_STR("two"), (const int[]){ child, p.end }, 2), 0);
    ck_assert(!peer_has_more(&p));
    ck_assert_int_eq(channel_receive(child, &m), 1);
    ck_assert_uint_eq(m.fd_count, 2);
    ck_assert_view_eq(buffer_str(&m.text), "two");
    channel_finish(&m);
    take_down();
}
END_TEST

static void *receive_all(void *arg)
{
    const struct mpx_str *large = arg;
    struct channel_message m;

    aid_pause_ms(5);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(channel_receive(child, &m), 1);
        ck_assert(str_eq(buffer_str(&m.text), *large));
        channel_finish(&m);
    }
    return NULL;
}

START_TEST(what_the_socket_has_no_room_for_is_kept_and_sent_later)
{
    char *text = malloc(LARGE);
    struct mpx_str large = { text, LARGE };
    pthread_t thread;

    ck_assert_ptr_nonnull(text);
    for (size_t i = 0; i < LARGE; i++)
        text[i] = (char)(i * 7 / 3);
    set_up();
    ck_assert_int_eq(peer_put(&p, 'l', large, NULL, 0), 0);
    ck_assert(peer_has_more(&p));
    ck_assert_int_eq(peer_put(&p, 'l', large, NULL, 0), 0);
    ck_assert_int_eq(peer_put(&p, 'f', MPX_STR(""), &child, 1), -1); /* would have to wait */
    ck_assert_int_eq(pthread_create(&thread, NULL, receive_all, &large), 0);
    while (peer_has_more(&p))
        ck_assert_int_eq(peer_push(&p), 0);
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
    free(text);
    take_down();
}
END_TEST

/* As a child reads what its parent hands over. */
START_TEST(a_parents_descriptors_are_taken_or_closed)
{
    int ends[2];

    set_up();
    p.takes_fds = true;
    ck_assert_int_eq(channel_pair(ends), 0);
    ck_assert_int_eq(channel_send(child, 'n', MPX_STR("first"), &ends[0], 1), 0);
    ck_assert_int_eq(channel_send(child, 'n', MPX_STR("second"), &ends[0], 1), 0);
    ck_assert_int_eq(channel_send(child, 'n', MPX_STR(""), NULL, 0), 0);
    close(ends[0]);
    size_t before = aid_descriptors();
    check_message('n', "first");
    ck_assert_uint_eq(p.in.fd_count, 1);
    int taken = p.in.fds[0];
    p.in.fds[0] = -1;
    check_message('n', "second");
    ck_assert_uint_eq(aid_descriptors(), before + 2);
    check_message('n', ""); /* the one before was not taken */
    ck_assert_uint_eq(p.in.fd_count, 0);
    ck_assert_uint_eq(aid_descriptors(), before + 1);
    ck_assert_int_eq(write(taken, "x", 1), 1);
    ck_assert_int_eq(peer_take(&p), 0);
    close(taken);
    close(ends[1]);
    take_down();
}
END_TEST

START_TEST(a_child_that_is_gone_is_an_error)
{
    set_up();
    close(child);
    ck_assert_int_eq(peer_put(&p, 'm', MPX_STR("text"), NULL, 0), -1);
    child = -1;
    peer_close(&p);
}
END_TEST

Suite *suite_peer(void)
{
    static const TTest **const tests[] = {
        &messages_are_taken_one_by_one,
        &a_message_may_come_in_pieces_and_nothing_waits_for_them,
        &the_end_of_a_child_is_told,
        &what_breaks_the_form_is_refused_at_once,
        &no_descriptor_is_taken,
        &descriptors_are_given,
        &what_the_socket_has_no_room_for_is_kept_and_sent_later,
        &a_parents_descriptors_are_taken_or_closed,
        &a_child_that_is_gone_is_an_error,
        NULL,
    };

    return unit_suite("peer", tests);
}
