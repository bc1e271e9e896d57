/* SPDX-License-Identifier: MIT
   The line before a chunk: tables, every cut, and a second reader that is a regular expression. */
#include "chunk.h"
#include "unit.h"

#include <regex.h>
#include <stdlib.h>

/* How a scan ended. */
struct outcome {
    int rc;
    size_t used;
    uint64_t size;
};

/* Scans s in two pieces, or byte by byte. */
static struct outcome scan(struct mpx_str s, size_t cut, bool bytes)
{
    struct chunk_line c = { .size = 0 };
    struct outcome o = { .rc = CHUNK_MORE };
    size_t at = 0;

    while (o.rc == CHUNK_MORE && at < s.n) {
        size_t n = bytes ? 1 : at < cut ? cut - at : s.n - at, used = SIZE_MAX;
        char *piece = malloc(n); /* of its own, so that reading past it is seen */

        memcpy(piece, s.p + at, n);
        o.rc = chunk_scan(&c, piece, n, &used);
        free(piece);
        if (o.rc == 400)
            return (struct outcome){ .rc = 400 };
        ck_assert_uint_le(used, n);
        ck_assert(o.rc == CHUNK_COMPLETE || used == n);
        at += used;
    }
    o.used = at;
    o.size = o.rc == CHUNK_COMPLETE ? c.size : 0;
    return o;
}

static struct outcome scan_all_cuts(struct mpx_str s)
{
    struct outcome whole = scan(s, 0, false);

    for (size_t cut = 1; cut <= s.n; cut++) {
        struct outcome o = scan(s, cut, cut == s.n);

        ck_assert_msg(o.rc == whole.rc && o.used == whole.used && o.size == whole.size,
                      "cut at %zu: %d, whole %d: %.*s", cut, o.rc, whole.rc, STR_ARGS(s));
    }
    return whole;
}

START_TEST(reads_lines_as_the_grammar_says)
{
    static const struct {
        const char *line;
        uint64_t size;
    } lines[] = {
        { "0\r\n", 0 },
        { "00000\r\n", 0 },
        { "1\r\n", 1 },
        { "aBcDeF\r\n", 0xabcdef },
        { "ffffffffffffffff\r\n", UINT64_MAX },
        { "0000000000000010\r\n", 16 },
        { "5;a\r\n", 5 },
        { "5;a=b\r\n", 5 },
        { "5;a=b;c=d;e;f=g\r\n", 5 },
        { "5;!#$%&'*+-.^_`|~09azAZ=!#$%&'*+-.^_`|~09azAZ\r\n", 5 },
        { "5;a=\"\"\r\n", 5 },
        { "5;a=\"b c\td;,=\"\r\n", 5 },
        { "5;a=\"\\\"\\\\\\a\\ \\\t\\\xe4\"\r\n", 5 },
        { "5;a=\"\xc3\xa4\xff\x80\"\r\n", 5 },
        { "5;a=\"b\";c=\"d\"\r\n", 5 },
        { "5 ;a\r\n", 5 },
        { "5\t ; \ta\r\n", 5 },
        { "5;a =b\r\n", 5 },
        { "5;a= b\r\n", 5 },
        { "5;a\t =\t \"b\" ;c ; d\r\n", 5 },
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        char text[100];
        size_t n = strlen(lines[i].line);

        memcpy(text, lines[i].line, n);
        memcpy(text + n, "0\r\n", 3); /* what follows is not looked at */
        struct outcome o = scan_all_cuts((struct mpx_str){ text, n + 3 });
        ck_assert_msg(o.rc == CHUNK_COMPLETE && o.used == n && o.size == lines[i].size,
                      "%d, %zu bytes: %s", o.rc, o.used, lines[i].line);
    }
}
END_TEST

START_TEST(refuses_all_else_at_its_first_byte)
{
    static const char *const lines[] = {
        "\r",          "\n",           ";",          " ",          "\t",         "-",
        "+",           "0x",           "5x",         "5_",         "5\n",        "5\r\r",
        "5\rx",        "5 \r",         "5 5",        "5\t\r",      "5;\r",       "5;;",
        "5;=",         "5; \r",        "5;\"",       "5;a;;",      "5;a;\r",     "5;a \r",
        "5;a b",       "5;a=\r",       "5;a=;",      "5;a==",      "5;a= \r",    "5;a=b=",
        "5;a=b c",     "5;a=b \r",     "5;a=b\"",    "5;a=\"\r",   "5;a=\"\n",   "5;a=\"b\"c",
        "5;a=\"b\"\"", "5;a=\"b\" \r", "5;a=\"\x7f", "5;a=\"\x01", "5;a=\"\\\r", "5;a=\"\\\x7f",
        "5;a=\"\\\n",  "5;\xe4",       "5;a=\xe4",   "5;a\n",      "5;a=b\n",    "5;a=\"b\"\n",
        "5;a\r;",      "5;a,",         "5;a=b,",     "5,",
    };

    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        struct mpx_str s = str_of(lines[i]);

        ck_assert_msg(scan_all_cuts(s).rc == 400, "%s", lines[i]);
        ck_assert_msg(scan(str_head(s, s.n - 1), 0, false).rc == CHUNK_MORE, "too early: %s",
                      lines[i]);
    }
    ck_assert_int_eq(scan_all_cuts((struct mpx_str){ "5\0", 2 }).rc, 400);
    ck_assert_int_eq(scan_all_cuts((struct mpx_str){ "5;a=\"\0", 6 }).rc, 400);
}
END_TEST

START_TEST(a_size_has_at_most_16_digits)
{
    ck_assert_int_eq(scan_all_cuts(MPX_STR("0000000000000000")).rc, CHUNK_MORE);
    ck_assert_int_eq(scan_all_cuts(MPX_STR("00000000000000000")).rc, 400);
    ck_assert_int_eq(scan_all_cuts(MPX_STR("10000000000000000")).rc, 400);
}
END_TEST

START_TEST(the_extensions_of_a_line_may_have_256_bytes)
{
    static const char *const before[] = { "5;", "5;a=", "5;a=\"", "5 ;", "5;a;b=c ; " };

    for (size_t i = 0; i < sizeof(before) / sizeof(before[0]); i++) {
        char text[400];
        size_t n = strlen(before[i]);

        memcpy(text, before[i], n);
        memset(text + n, 'x', sizeof(text) - n);
        ck_assert_int_eq(scan_all_cuts((struct mpx_str){ text, 1 + 256 }).rc, CHUNK_MORE);
        ck_assert_int_eq(scan_all_cuts((struct mpx_str){ text, 1 + 257 }).rc, 400);
    }
}
END_TEST

START_TEST(the_extensions_of_a_body_may_have_16_kib)
{
    struct chunk_line c = { .size = 0 };
    char line[300] = "5;";
    size_t used;

    memset(line + 2, 'x', 255);
    memcpy(line + 257, "\r\n", 2);
    for (int i = 0; i < 64; i++)
        ck_assert_int_eq(chunk_scan(&c, line, 259, &used), CHUNK_COMPLETE);
    ck_assert_int_eq(chunk_scan(&c, "5\r\n", 3, &used), CHUNK_COMPLETE);
    ck_assert_int_eq(chunk_scan(&c, "5", 1, &used), CHUNK_MORE);
    ck_assert_int_eq(chunk_scan(&c, ";", 1, &used), 400);
}
END_TEST

START_TEST(a_line_begins_where_the_last_one_ended)
{
    struct mpx_str s = MPX_STR("a;b\r\n0000000000000007\r\n0\r\n");
    static const uint64_t sizes[] = { 10, 7, 0 };
    struct chunk_line c = { .size = 0 };
    size_t used;

    for (size_t i = 0; i < 3; i++) {
        ck_assert_int_eq(chunk_scan(&c, s.p, s.n, &used), CHUNK_COMPLETE);
        ck_assert_uint_eq(c.size, sizes[i]);
        s = str_from(s, used);
    }
    ck_assert_uint_eq(s.n, 0);
}
END_TEST

/* RFC 9112 7.1 and 7.1.1 once more, in another language; no NUL, which regexec cannot see. */
#define BWS    "[ \t]*"
#define TOKEN  "[!#$%&'*+.^_`|~0-9A-Za-z-]+"
#define QUOTED "\"([]\t !#-[^-~\x80-\xff]|\\\\[]\t -[^-~\x80-\xff]|\\\\\\\\)*\""

START_TEST(agrees_with_a_regular_expression)
{
    static const char pattern[] =
        "^[0-9A-Fa-f]{1,16}(" BWS ";" BWS TOKEN "(" BWS "=" BWS "(" TOKEN "|" QUOTED "))?)*\r\n";
    static const char letters[] = "0fx;;;==\"\"\\ \t\r\n!\xe4";
    unsigned seed = 1, complete = 0;
    regex_t re;

    ck_assert_int_eq(regcomp(&re, pattern, REG_EXTENDED), 0);
    for (int i = 0; i < 300000; i++) {
        char text[24] = "5;a", *at = text + 3 * (i % 2);
        size_t n = 1 + (size_t)rand_r(&seed) % 10;
        regmatch_t m[1];

        for (size_t k = 0; k < n; k++)
            *at++ = letters[(size_t)rand_r(&seed) % (sizeof(letters) - 1)];
        memcpy(at, "\r\n", 3);
        struct mpx_str s = str_of(text);
        struct outcome o = scan(s, (size_t)rand_r(&seed) % s.n, false);
        bool matches = regexec(&re, text, 1, m, 0) == 0;
        ck_assert_msg(matches == (o.rc == CHUNK_COMPLETE), "%d: %s", o.rc, text);
        ck_assert(!matches || (size_t)m[0].rm_eo == o.used);
        complete += matches;
    }
    ck_assert_uint_gt(complete, 1000);
    regfree(&re);
}
END_TEST

Suite *suite_chunk(void)
{
    static const TTest **const tests[] = {
        &reads_lines_as_the_grammar_says,
        &refuses_all_else_at_its_first_byte,
        &a_size_has_at_most_16_digits,
        &the_extensions_of_a_line_may_have_256_bytes,
        &the_extensions_of_a_body_may_have_16_kib,
        &a_line_begins_where_the_last_one_ended,
        &agrees_with_a_regular_expression,
        NULL,
    };

    return unit_suite("chunk", tests);
}
