/* SPDX-License-Identifier: MIT
   llhttp behind our guards: heads, and bodies of known length. */
#include "message.h"
#include "str.h"
#include "unit.h"

#include <stdio.h>

#define LINE    MESSAGE_LINE
#define CHUNKED MESSAGE_CHUNKED

static struct message read_text(const char *text)
{
    return message_read(str_of(text), 1000);
}

START_TEST(reads_the_fields_of_a_head)
{
    struct message o = read_text("GET / HTTP/1.1\r\nHost: a.example\r\nX-Empty:\r\nx-Blank: \t \r\n"
                                 "X:\t b  c \t\r\nX:d:\xc3\xa4\r\n\r\n");

    ck_assert_int_eq(o.rc, PARSER_COMPLETE);
    ck_assert_uint_eq(o.field_count, 5);
    ck_assert_view_eq(o.fields[0].key, "Host");
    ck_assert_view_eq(o.fields[0].value, "a.example");
    ck_assert_view_eq(o.fields[1].key, "X-Empty");
    ck_assert_view_eq(o.fields[1].value, "");
    ck_assert_view_eq(o.fields[2].key, "x-Blank");
    ck_assert_view_eq(o.fields[2].value, "");
    ck_assert_view_eq(o.fields[3].key, "X");
    ck_assert_view_eq(o.fields[3].value, "b  c");
    ck_assert_view_eq(o.fields[4].key, "X");
    ck_assert_view_eq(o.fields[4].value, "d:\xc3\xa4");
}
END_TEST

/* llhttp looks into the values of these. */
START_TEST(reads_whole_values_of_fields_that_llhttp_knows)
{
    static const char *const fields[][2] = {
        { "Connection", "keep-alive, Upgrade, x-close, close" },
        { "Connection", "close" },
        { "Proxy-Connection", "close , keep-alive" },
        { "Upgrade", "h2c, websocket" },
        { "Content-Length", "0" },
        { "Transfer-Encoding", "gzip, chunked" },
        { "transfer-encoding", "CHUNKED" },
        { "Connectio", "x" },
        { "Content-Lengthy", "x" },
    };

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
        char text[200];

        (void)snprintf(text, sizeof(text), LINE "%s: %s\r\n\r\n0\r\n\r\n", fields[i][0],
                       fields[i][1]);
        struct message o = read_text(text);
        ck_assert_msg(o.rc == PARSER_COMPLETE && o.field_count == 2, "%s", text);
        ck_assert_view_eq(o.fields[1].key, fields[i][0]);
        ck_assert_view_eq(o.fields[1].value, fields[i][1]);
    }
}
END_TEST

START_TEST(refuses_heads_that_are_none)
{
    message_check_each("GET / HTTP/1.1\r\n",
                       "Host\r\n\r\n|Host : a\r\n\r\n|Ho st: a\r\n\r\n|Host\t: a\r\n\r\n|"
                       "Content-Length : 0\r\n\r\n|Transfer-Encoding : chunked\r\n\r\n|"
                       "H\xc3\xb6st: a\r\n\r\n|Ho(st: a\r\n\r\n|Ho\"st: a\r\n\r\n|: a\r\n\r\n|"
                       "X: a\r\n b\r\n\r\n",
                       400);
    message_check_each(
        "GET ",
        "/ HTTP/1.2\r\n\r\n|/ http/1.1\r\n\r\n|/ HTTP/1.1 \r\n\r\n|/ HTTP/11\r\n\r\n|"
        "x HTTP/1.1\r\n\r\n|/ HTTPS/1.1\r\n\r\n|/ HTTP/1\r\n\r\n",
        400);
    message_check("FOO / HTTP/1.1\r\n\r\n", 501);
    message_check("get / HTTP/1.1\r\n\r\n", 501);
}
END_TEST

START_TEST(refuses_lengths_that_two_could_read_differently)
{
    message_check_each(
        LINE "Content-Length: ",
        "1\r\nContent-Length: 1\r\n\r\nx|1\r\nContent-Length: 2\r\n\r\nxx|1, 1\r\n\r\nx|"
        "+1\r\n\r\nx|-1\r\n\r\nx|0x1\r\n\r\nx|1 1\r\n\r\nx|\r\n\r\nx|1a\r\n\r\nx|"
        "18446744073709551616\r\n\r\nx|"
        "1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400);
    message_check_each(
        LINE "Transfer-Encoding: ",
        "chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n|chunked\r\nX y: z\r\n\r\n0\r\n\r\n", 400);
    message_check_each(
        LINE "Transfer-Encoding: ",
        "chunked, identity\r\n\r\n0\r\n\r\n|xchunked\r\n\r\n0\r\n\r\n|"
        "chunkedx\r\n\r\n0\r\n\r\n|chunked,\r\n\r\n0\r\n\r\n|"
        "\"chunked\"\r\n\r\n0\r\n\r\n|identity\r\n\r\n0\r\n\r\n|chunked;a\r\n\r\n0\r\n\r\n|"
        "chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        501);
}
END_TEST

/* Without the guard too: the parser alone takes no line that goes on in the next. */
START_TEST(refuses_folded_lines_even_unguarded)
{
    static const char *const values[] = {
        "X: a\r\n b", "X: a\r\n\tb", "X: a\r\n  \r\n b",
        "X:\r\n a",   "X: \r\n a",   "Connection: close\r\n , x"
    };

    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        char text[100];
        struct mpx_pair fields[MESSAGE_FIELDS];
        struct parser p;

        (void)snprintf(text, sizeof(text), "GET / HTTP/1.1\r\n%s\r\nHost: a\r\n\r\n", values[i]);
        ck_assert_msg(parser_head(&p, str_of(text), fields, MESSAGE_FIELDS) == 400, "%s",
                      values[i]);
    }
}
END_TEST

START_TEST(more_fields_than_there_is_room_are_431)
{
    struct mpx_str head = MPX_STR("GET / HTTP/1.1\r\nA: 1\r\nB: 2\r\nC: 3\r\n\r\n");
    struct mpx_pair fields[MESSAGE_FIELDS] = { { { NULL, 0 }, { NULL, 0 } } };
    struct parser p;

    ck_assert_int_eq(parser_head(&p, head, fields, 3), 0);
    ck_assert_uint_eq(p.field_count, 3);
    fields[2].key.p = NULL;
    ck_assert_int_eq(parser_head(&p, head, fields, 2), 431);
    ck_assert_ptr_null(fields[2].key.p);
    ck_assert_int_eq(parser_head(&p, head, fields, 0), 431);
}
END_TEST

START_TEST(a_message_without_body_ends_with_its_head)
{
    static const char *const heads[] = {
        "GET / HTTP/1.1\r\n\r\n",
        LINE "\r\n",
        LINE "Content-Length: 0\r\n\r\n",
        LINE "Content-Length: 000\r\n\r\n",
        "GET / HTTP/1.0\r\nConnection: close\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n",
    };

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char text[200];

        (void)snprintf(text, sizeof(text), "%sGET /next HTTP/1.1\r\n\r\n", heads[i]);
        struct message o = read_text(text);
        ck_assert_msg(o.rc == PARSER_COMPLETE, "%d: %s", o.rc, heads[i]);
        ck_assert_uint_eq(o.used, strlen(heads[i]));
        ck_assert_uint_eq(o.pieces, 0);
    }
}
END_TEST

START_TEST(reads_a_body_of_known_length_and_nothing_behind_it)
{
    struct message o = read_text(LINE "Content-Length: 005\r\n\r\nhelloGET / HTTP/1.1\r\n\r\n");

    ck_assert_int_eq(o.rc, PARSER_COMPLETE);
    ck_assert_view_eq(((struct mpx_str){ o.body, o.n }), "hello");
    ck_assert_uint_eq(o.used, strlen(LINE "Content-Length: 005\r\n\r\nhello"));
    o = read_text(LINE "Content-Length: 5\r\nConnection: close\r\n\r\n\r\n\0x\r");
    ck_assert_int_eq(o.rc, PARSER_MORE);
    message_check(LINE "Content-Length: 5\r\n\r\nhell", PARSER_MORE);
    message_check(LINE "Content-Length: 18446744073709551615\r\n\r\nhell", PARSER_MORE);
}
END_TEST

START_TEST(a_body_comes_although_an_upgrade_is_asked_for)
{
    static const char *const messages[] = {
        LINE "Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 5\r\n\r\nhello",
        LINE "Upgrade: h2c\r\nConnection: x, Upgrade\r\nTransfer-Encoding: chunked\r\n\r\n"
             "5\r\nhello\r\n0\r\n\r\n",
    };

    for (size_t i = 0; i < 2; i++) {
        char text[300];

        (void)snprintf(text, sizeof(text), "%s" LINE "\r\n", messages[i]);
        struct message o = read_text(text);
        ck_assert_int_eq(o.rc, PARSER_COMPLETE);
        ck_assert_view_eq(((struct mpx_str){ o.body, o.n }), "hello");
        ck_assert_uint_eq(o.used, strlen(messages[i]));
    }
}
END_TEST

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* The fields of a head as the plainest reader sees them. */
static bool is_plain_reading(const struct message *m, struct mpx_str text)
{
    size_t i = 0;

    text = str_from(text, str_find(text, '\n') + 1);
    while (str_find(text, '\r') > 0) {
        struct mpx_str line = str_head(text, str_find(text, '\r'));
        size_t colon = str_find(line, ':');

        if (i == m->field_count || !str_eq(m->fields[i].key, str_head(line, colon)) ||
            !str_is_token(m->fields[i].key) ||
            !str_eq(m->fields[i].value, str_trim(str_from(line, colon + 1))))
            return false;
        text = str_from(text, line.n + 2);
        i++;
    }
    return i == m->field_count;
}

START_TEST(what_is_read_is_what_the_plainest_reader_reads)
{
    static const char *const pieces[] = {
        "\r\n",        "\r\n",
        "\r\n",        "\n",
        "\r",          ":",
        ": ",          ":",
        " ",           "\t",
        "A",           "b-c",
        "0",           ",",
        "\"",          "=",
        "Connection:", "close",
        "Host",        "X:",
        "\xff",        "(",
        "\x7f",        ":: ",
        "Upgrade:",    "Content-Length: 0",
        "Expect",
    };
    uint32_t seed = 1991, accepted = 0, refused = 0;

    for (int round = 0; round < 300000; round++) {
        char text[300] = "GET / HTTP/1.1\r\n";
        size_t n = strlen(text), count = next_random(&seed) % 10;

        for (size_t i = 0; i < count; i++) {
            const char *piece = pieces[next_random(&seed) % (sizeof(pieces) / sizeof(pieces[0]))];

            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", piece);
        }
        n += (size_t)snprintf(text + n, sizeof(text) - n, "\r\n\r\n");
        struct message m = message_read_cut((struct mpx_str){ text, n }, 0, 0, SIZE_MAX);
        if (m.rc != PARSER_COMPLETE && m.rc != 400)
            ck_abort_msg("%d: %s", m.rc, text);
        if (m.rc == PARSER_COMPLETE && !is_plain_reading(&m, (struct mpx_str){ text, m.used }))
            ck_abort_msg("%s", text);
        *(m.rc == PARSER_COMPLETE ? &accepted : &refused) += 1;
    }
    ck_assert_uint_gt(accepted, 10000);
    ck_assert_uint_gt(refused, 10000);
}
END_TEST

Suite *suite_parser(void)
{
    static const TTest **const tests[] = {
        &reads_the_fields_of_a_head,
        &reads_whole_values_of_fields_that_llhttp_knows,
        &refuses_heads_that_are_none,
        &refuses_lengths_that_two_could_read_differently,
        &refuses_folded_lines_even_unguarded,
        &more_fields_than_there_is_room_are_431,
        &a_message_without_body_ends_with_its_head,
        &reads_a_body_of_known_length_and_nothing_behind_it,
        &a_body_comes_although_an_upgrade_is_asked_for,
        &what_is_read_is_what_the_plainest_reader_reads,
        NULL,
    };

    return unit_suite("parser", tests);
}
