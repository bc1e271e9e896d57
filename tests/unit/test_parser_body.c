/* SPDX-License-Identifier: MIT
   llhttp behind our guards: chunked bodies and their trailers, in every cut. */
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

START_TEST(reads_chunks_whatever_their_cuts)
{
    static const struct {
        const char *chunks, *body;
    } bodies[] = {
        { "0\r\n\r\n", "" },
        { "00\r\n\r\n", "" },
        { "5\r\nhello\r\n0\r\n\r\n", "hello" },
        { "1\r\nh\r\n4\r\nello\r\n0\r\n\r\n", "hello" },
        { "00A\r\n0123456789\r\n0\r\n\r\n", "0123456789" },
        { "00b\r\n\r\n0\r\n\r\n56\n9\r\n0\r\n\r\n", "\r\n0\r\n\r\n56\n9" },
        { "0000000000000005\r\nhello\r\n0000000000000000\r\n\r\n", "hello" },
        { "5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello" },
        { "5;a=b;c=d;e\r\nhello\r\n0;f=\"g\";h\r\n\r\n", "hello" },
        { "5 ; a = b\r\nhello\r\n0 ;c\r\n\r\n", "hello" },
        { "5;a;b=\"c;d \t,\xc3\xa4\";e=f\r\nhello\r\n0\r\n\r\n", "hello" },
        { "2\r\nhe\r\n3\r\nllo\r\n0\r\nX: y\r\nZ:\r\n\r\n", "hello" },
    };

    for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
        char text[300];

        (void)snprintf(text, sizeof(text), CHUNKED "%sGET / HTTP/1.1\r\n", bodies[i].chunks);
        struct message o = read_text(text);
        ck_assert_msg(o.rc == PARSER_COMPLETE, "%d: %s", o.rc, bodies[i].chunks);
        ck_assert_view_eq(((struct mpx_str){ o.body, o.n }), bodies[i].body);
        ck_assert_uint_eq(o.used, strlen(CHUNKED) + strlen(bodies[i].chunks));
        for (size_t n = strlen(CHUNKED); n < o.used; n++) /* it ends with its last byte */
            ck_assert_int_eq(message_read_cut((struct mpx_str){ text, n }, 100, 0, SIZE_MAX).rc, 0);
    }
}
END_TEST

START_TEST(refuses_chunks_that_are_none)
{
    message_check_each(
        CHUNKED,
        "\r\n|x\r\n|;a\r\n|-1\r\nh\r\n|+1\r\nh\r\n|0x1\r\nh\r\n|1_0\r\n| 1\r\nh\r\n|"
        "1 \r\nh\r\n|1\t\r\nh\r\n|1;\r\nh\r\n|1;a;\r\nh\r\n|"
        "1;a=\"\r\n\"\r\nh\r\n|1;a\rb\r\nh\r\n|1;a\nb\r\nh\r\n|1;a\x01\r\nh\r\n|"
        "1\nh\r\n|1\rh\r\n|1\r\r\nh\r\n|1\r\nhh\r\n|1\r\nh\n0\r\n|1\r\nh\r0\r\n|"
        "1\r\nh0\r\n|1\r\nh\r\n\r\n|1\r\nh\r\n0\n\r\n|1\r\nh\r\n0\r\n\n|"
        "1\r\nh\r\n0\r\n\rx|1\r\nh\r\n0\r\r\n|10000000000000000\r\n|fffffffffffffffff\r\n",
        400);
    ck_assert_int_eq(message_read(MPX_STR(CHUNKED "1;a=\"\0\"\r\nh\r\n"), 100).rc, 400);
    ck_assert_int_eq(message_read(MPX_STR(CHUNKED "1\0\r\nh\r\n"), 100).rc, 400);
}
END_TEST

/* CHUNKED, then prefix, then count times the letter, then suffix. */
static struct message read_long(const char *prefix, char letter, size_t count, const char *suffix)
{
    static char text[40000];
    size_t n = (size_t)snprintf(text, sizeof(text), CHUNKED "%s", prefix);

    memset(text + n, letter, count);
    n += count;
    n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", suffix);
    struct message whole = message_read_cut((struct mpx_str){ text, n }, 100000, 0, SIZE_MAX);
    for (size_t step = 1; step <= 1 << 14; step = step < 8 ? step + 1 : step * 2) {
        struct message o = message_read_cut((struct mpx_str){ text, n }, 100000, 0, step);

        ck_assert_int_eq(o.rc, whole.rc);
        ck_assert_uint_eq(o.used, whole.used);
    }
    return whole;
}

START_TEST(a_chunk_size_has_at_most_16_digits)
{
    ck_assert_int_eq(read_long("", '0', 16, "\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("", '0', 17, "\r\n\r\n").rc, 400);
    ck_assert_int_eq(read_long("", '0', 17, "").rc, 400);
    ck_assert_int_eq(read_long("", '0', 30000, "").rc, 400);
    ck_assert_int_eq(read_long("1\r\nx\r\n", '0', 15, "1\r\nx\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("1\r\nx\r\n", '0', 16, "1\r\nx\r\n0\r\n\r\n").rc, 400);
    /* data are no digits */
    ck_assert_int_eq(read_long("20\r\n", '0', 32, "\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
}
END_TEST

START_TEST(the_extensions_of_a_chunk_may_have_256_bytes)
{
    ck_assert_int_eq(read_long("1;", 'x', 255, "\r\nh\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("1;", 'x', 256, "\r\nh\r\n0\r\n\r\n").rc, 400);
    ck_assert_int_eq(read_long("1;", 'x', 300, "").rc, 400);
    ck_assert_int_eq(read_long("1;a=", 'x', 253, "\r\nh\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("1;a=", 'x', 254, "\r\nh\r\n0\r\n\r\n").rc, 400);
    ck_assert_int_eq(read_long("1;a=\"", ' ', 251, "\"\r\nh\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("1;a=\"", ' ', 252, "\"\r\nh\r\n0\r\n\r\n").rc, 400);
    ck_assert_int_eq(read_long("1;a;bc;", 'x', 250, "\r\nh\r\n0\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("1;a;bc;", 'x', 251, "\r\nh\r\n0\r\n\r\n").rc, 400);
    ck_assert_int_eq(read_long("0;", 'x', 256, "\r\n\r\n").rc, 400);
}
END_TEST

START_TEST(the_extensions_of_a_body_may_have_16_kib)
{
    for (size_t extra = 0; extra < 2; extra++) {
        char text[20000], *at = text;

        at += snprintf(at, sizeof(text), CHUNKED);
        for (size_t i = 0; i < 64; i++)
            at += snprintf(at, 300, "1;%0*d\r\nh\r\n", 255, 0);
        at += snprintf(at, 100, "0%s\r\n\r\n", extra != 0 ? ";" : "");
        struct mpx_str s = { text, (size_t)(at - text) };
        for (size_t step = 1; step < 40000; step *= 2)
            ck_assert_int_eq(message_read_cut(s, 1000, 0, step).rc,
                             extra != 0 ? 400 : PARSER_COMPLETE);
    }
}
END_TEST

START_TEST(trailers_are_dropped)
{
    struct message o = read_text(CHUNKED "1\r\nh\r\n0\r\nHost: b\r\nX: y\r\n\r\n");

    ck_assert_int_eq(o.rc, PARSER_COMPLETE);
    ck_assert_uint_eq(o.field_count, 2);
    ck_assert_view_eq(o.fields[0].value, "a");
    ck_assert_view_eq(o.fields[1].key, "Transfer-Encoding");
}
END_TEST

START_TEST(trailers_are_guarded_like_a_head)
{
    message_check_each(
        CHUNKED "1\r\nh\r\n0\r\n",
        " X: y\r\n\r\n|X: y\r\n z\r\n\r\n|: y\r\n\r\n|:\r\n\r\n|X: y\n\r\n|X: y\r\n\n|"
        "X: y\rz\r\n\r\n|X: \x01\r\n\r\n|X: \x7f\r\n\r\n|X\r\n\r\n|X : y\r\n\r\n|"
        "X y: z\r\n\r\n|X:\rY: z\r\n\r\n|\rX: y\r\n\r\n|X: y\r\n\rx\r\n",
        400);
}
END_TEST

START_TEST(trailers_may_have_8_kib_and_64_lines)
{
    ck_assert_int_eq(read_long("0\r\nX:", 'x', 8192 - 6, "\r\n\r\n").rc, PARSER_COMPLETE);
    ck_assert_int_eq(read_long("0\r\nX:", 'x', 8192 - 5, "\r\n\r\n").rc, 431);
    ck_assert_int_eq(read_long("0\r\nX:", 'x', 30000, "").rc, 431);
    for (size_t lines = 64; lines <= 65; lines++) {
        char text[1000] = CHUNKED "0\r\n";
        size_t n = strlen(text);

        for (size_t i = 0; i < lines; i++, n += 4)
            memcpy(text + n, "X:\r\n", 4);
        memcpy(text + n, "\r\n", 3);
        message_check(text, lines == 64 ? PARSER_COMPLETE : 431);
    }
}
END_TEST

START_TEST(chunks_may_sum_up_to_the_limit_and_no_more)
{
    struct mpx_str one = MPX_STR(CHUNKED "a\r\n0123456789\r\n0\r\n\r\n");
    struct mpx_str three = MPX_STR(CHUNKED "4\r\n0123\r\n4\r\n4567\r\n2\r\n89\r\n0\r\n\r\n");

    for (uint64_t limit = 0; limit < 12; limit++) {
        ck_assert_int_eq(message_read(one, limit).rc, limit < 10 ? 413 : PARSER_COMPLETE);
        ck_assert_int_eq(message_read(three, limit).rc, limit < 10 ? 413 : PARSER_COMPLETE);
    }
    /* said at once, and whatever the sum overflows to */
    ck_assert_int_eq(message_read(MPX_STR(CHUNKED "b\r\n"), 10).rc, 413);
    ck_assert_int_eq(message_read(MPX_STR(CHUNKED "ffffffffffffffff\r\n"), 10).rc, 413);
    ck_assert_int_eq(message_read(MPX_STR(CHUNKED "4\r\n0123\r\nfffffffffffffffc\r\n"), 10).rc,
                     413);
}
END_TEST

START_TEST(a_limit_lowered_below_what_came_refuses_the_next_chunk)
{
    struct message o = { .take_max = sizeof(o.body) };
    struct parser p;
    size_t used;

    ck_assert_uint_gt(message_head(&p, MPX_STR(CHUNKED), &o), 0);
    p.limit = 10;
    ck_assert_int_eq(parser_body(&p, MPX_STR("5\r\nhello\r\n"), message_take, &o, &used),
                     PARSER_MORE);
    p.limit = 3;
    ck_assert_int_eq(parser_body(&p, MPX_STR("1\r\nx\r\n"), message_take, &o, &used), 413);
    ck_assert_uint_eq(o.n, 5);
}
END_TEST

START_TEST(what_take_refuses_with_is_the_answer)
{
    static const char *const bodies[] = { CHUNKED "5\r\nhello\r\n0\r\n\r\n",
                                          LINE "Content-Length: 5\r\n\r\nhello" };

    for (size_t i = 0; i < 2; i++) {
        struct message o = { .take_max = 4 };
        struct parser p;
        size_t at = message_head(&p, str_of(bodies[i]), &o), used;

        p.limit = 10;
        ck_assert_int_eq(parser_body(&p, str_from(str_of(bodies[i]), at), message_take, &o, &used),
                         507);
    }
}
END_TEST

START_TEST(no_bytes_of_a_body_are_no_news)
{
    struct message o = { .take_max = 0 };
    struct parser p;
    size_t used = 7;

    ck_assert_uint_gt(message_head(&p, MPX_STR(CHUNKED), &o), 0);
    ck_assert_int_eq(parser_body(&p, MPX_STR(""), message_take, &o, &used), PARSER_MORE);
    ck_assert_uint_eq(used, 0);
}
END_TEST

Suite *suite_parser_body(void)
{
    static const TTest **const tests[] = {
        &reads_chunks_whatever_their_cuts,
        &refuses_chunks_that_are_none,
        &a_chunk_size_has_at_most_16_digits,
        &the_extensions_of_a_chunk_may_have_256_bytes,
        &the_extensions_of_a_body_may_have_16_kib,
        &trailers_are_dropped,
        &trailers_are_guarded_like_a_head,
        &trailers_may_have_8_kib_and_64_lines,
        &chunks_may_sum_up_to_the_limit_and_no_more,
        &a_limit_lowered_below_what_came_refuses_the_next_chunk,
        &what_take_refuses_with_is_the_answer,
        &no_bytes_of_a_body_are_no_news,
        NULL,
    };

    return unit_suite("parser_body", tests);
}
