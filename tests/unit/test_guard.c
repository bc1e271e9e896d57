/* SPDX-License-Identifier: MIT
   The line guard, against tables and against a second guard that is written byte by byte. */
#include "guard.h"
#include "unit.h"

#include <stdio.h>

#define LINE "GET / HTTP/1.1\r\n"

static const struct guard_limits wide = { .bytes = 100000, .uri = 10000, .fields = 1000 };

/* How a scan ended: what a caller may rely on. */
struct outcome {
    int rc;
    size_t used; /* when it is complete or goes on, like all below */
    size_t line_start, line_end;
    uint32_t fields;
};

static struct outcome outcome_of(const struct guard *g, int rc, size_t used)
{
    if (rc != GUARD_MORE && rc != GUARD_COMPLETE)
        return (struct outcome){ .rc = rc };
    return (struct outcome){ rc, used, g->line_start, g->line_end, g->fields };
}

static bool is_same(struct outcome a, struct outcome b)
{
    return a.rc == b.rc && a.used == b.used && a.line_start == b.line_start &&
           a.line_end == b.line_end && a.fields == b.fields;
}

/* Scans s in pieces that end at the cuts, which rise; stops where a caller would. */
static struct outcome scan_cut(struct mpx_str s, const struct guard_limits *limits, bool trailers,
                               const size_t *cuts, size_t count)
{
    struct guard g;
    size_t at = 0;

    (trailers ? guard_start_trailers : guard_start)(&g);
    for (size_t i = 0; i <= count; i++) {
        size_t end = i < count ? cuts[i] : s.n, used = SIZE_MAX;
        int rc = guard_scan(&g, limits, s.p + at, end - at, &used);

        if (rc != GUARD_MORE)
            return outcome_of(&g, rc, at + used);
        if (used != end - at)
            ck_abort_msg("%zu of %zu used", used, end - at);
        at = end;
    }
    return outcome_of(&g, GUARD_MORE, at);
}

static struct outcome scan_whole(struct mpx_str s, const struct guard_limits *limits, bool trailers)
{
    return scan_cut(s, limits, trailers, NULL, 0);
}

static int rc_of(const char *text)
{
    return scan_whole(str_of(text), &wide, false).rc;
}

static int trailers_rc(const char *text)
{
    return scan_whole(str_of(text), &wide, true).rc;
}

/* The same bytes, cut everywhere, at each place and at each two. */
static void check_cuts(struct mpx_str s, const struct guard_limits *limits, bool trailers)
{
    struct outcome whole = scan_whole(s, limits, trailers);
    size_t all[1024], two[2];

    ck_assert_uint_le(s.n, 1024);
    for (size_t i = 0; i < s.n; i++)
        all[i] = i;
    if (!is_same(scan_cut(s, limits, trailers, all, s.n), whole))
        ck_abort_msg("%d in bytes, %d whole: %.*s", scan_cut(s, limits, trailers, all, s.n).rc,
                     whole.rc, STR_ARGS(s));
    for (two[0] = 0; two[0] <= s.n; two[0]++)
        for (two[1] = two[0]; two[1] <= s.n; two[1]++)
            if (!is_same(scan_cut(s, limits, trailers, two, 2), whole))
                ck_abort_msg("cut at %zu and %zu: %.*s", two[0], two[1], STR_ARGS(s));
}

/* Which bytes may come next: one of each state of the guard. */
enum { VISIBLE = 1, SPACE = 2, TAB = 4, HIGH = 8, CR = 16, LF = 32, NO_COLON = 64, TOKEN = 128 };
enum { FIELD_START = VISIBLE | HIGH | CR | NO_COLON, IN_FIELD = VISIBLE | SPACE | TAB | HIGH | CR };
enum { NAME_START = VISIBLE | CR | NO_COLON | TOKEN, IN_NAME = VISIBLE | TOKEN };

static bool may_come(int c, unsigned allowed)
{
    if (c == '\t' || c == ' ' || c == '\r' || c == '\n')
        return (allowed & (c == '\t' ? TAB : c == ' ' ? SPACE : c == '\r' ? CR : LF)) != 0;
    if (c == ':' && (allowed & NO_COLON) != 0)
        return false;
    if (c != ':' && (allowed & TOKEN) != 0 && memchr("\"(),/;<=>?@[\\]{}", c, 17) != NULL)
        return false;
    if (c >= 0x80)
        return (allowed & HIGH) != 0;
    return c > 0x20 && c < 0x7f && (allowed & VISIBLE) != 0;
}

START_TEST(every_byte_is_passed_or_refused_in_every_state)
{
    static const struct {
        bool trailers;
        const char *before;
        unsigned allowed;
    } states[] = {
        { false, "", VISIBLE | CR },
        { false, "\r", LF },
        { false, "\r\n", VISIBLE | CR },
        { false, "\r\n\r\n", VISIBLE | CR },
        { false, "G", VISIBLE | SPACE | CR },
        { false, "GET ", VISIBLE | SPACE | CR },
        { false, "GET / HTTP/1.1", VISIBLE | SPACE | CR },
        { false, "GET / HTTP/1.1\r", LF },
        { false, LINE, FIELD_START },
        { false, LINE "\r", LF },
        { false, LINE "A", IN_FIELD },
        { false, LINE "A:", IN_FIELD },
        { false, LINE "A: ", IN_FIELD },
        { false, LINE "A: b\t\xff", IN_FIELD },
        { false, LINE "A: b\r", LF },
        { false, LINE "A: b\r\n", FIELD_START },
        { false, LINE "A: b\r\n\r", LF },
        { true, "", NAME_START },
        { true, "\r", LF },
        { true, "A", IN_NAME },
        { true, "A:", IN_FIELD },
        { true, "A: b\r", LF },
        { true, "A: b\r\n", NAME_START },
        { true, "A: b\r\n\r", LF },
    };

    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        for (int c = 0; c < 256; c++) {
            size_t n = strlen(states[i].before);
            char text[64];

            memcpy(text, states[i].before, n);
            text[n] = (char)c;
            struct mpx_str s = { text, n + 1 };
            int rc = scan_whole(s, &wide, states[i].trailers).rc;
            bool passed = rc == GUARD_MORE || rc == GUARD_COMPLETE;
            ck_assert_msg(passed == may_come(c, states[i].allowed), "0x%02x in state %zu: %d",
                          (unsigned)c, i, rc);
            ck_assert_msg(passed || rc == 400, "0x%02x in state %zu: %d", (unsigned)c, i, rc);
            ck_assert_int_eq(scan_cut(s, &wide, states[i].trailers, &n, 1).rc, rc);
        }
}
END_TEST

START_TEST(finds_where_the_head_ends)
{
    static const struct {
        const char *head;
        size_t line_start, line_end;
        uint32_t fields;
    } heads[] = {
        { LINE "\r\n", 0, 14, 0 },
        { LINE "Host: a\r\n\r\n", 0, 14, 1 },
        { LINE "A:\r\nB: \t\r\nC: \xc3\xa4 d\r\n\r\n", 0, 14, 3 },
        { "\r\n" LINE "A: b\r\n\r\n", 2, 16, 1 },
        { "\r\n\r\n" LINE "\r\n", 4, 18, 0 },
        { "x\r\n\r\n", 0, 1, 0 },
    };
    static const char behind[] = "\r\nGET \n\t: \x01";

    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        char text[128];
        size_t n = strlen(heads[i].head);

        memcpy(text, heads[i].head, n);
        memcpy(text + n, behind, sizeof(behind));
        struct outcome o = scan_whole((struct mpx_str){ text, n + sizeof(behind) }, &wide, false);
        ck_assert_msg(o.rc == GUARD_COMPLETE && o.used == n, "%s", heads[i].head);
        ck_assert_uint_eq(o.line_start, heads[i].line_start);
        ck_assert_uint_eq(o.line_end, heads[i].line_end);
        ck_assert_uint_eq(o.fields, heads[i].fields);
        check_cuts((struct mpx_str){ text, n + sizeof(behind) }, &wide, false);
    }
}
END_TEST

START_TEST(finds_where_trailers_end)
{
    static const struct {
        const char *trailers;
        uint32_t fields;
    } sections[] = { { "\r\n", 0 },
                     { "A: b\r\n\r\n", 1 },
                     { "A:\r\nContent-Length: 5\r\n\r\n", 2 } };

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        char text[128];
        int n = snprintf(text, sizeof(text), "%s\nx", sections[i].trailers);
        struct mpx_str s = { text, (size_t)n };
        struct outcome o = scan_whole(s, &wide, true);

        ck_assert_int_eq(o.rc, GUARD_COMPLETE);
        ck_assert_uint_eq(o.used, s.n - 2);
        ck_assert_uint_eq(o.fields, sections[i].fields);
        check_cuts(s, &wide, true);
    }
}
END_TEST

START_TEST(the_line_is_known_before_the_head_is_whole)
{
    struct guard g;
    size_t used;

    guard_start(&g);
    ck_assert_int_eq(guard_scan(&g, &wide, "\r\nGET / HTTP/1.1\r", 17, &used), GUARD_MORE);
    ck_assert_uint_eq(g.line_end, 0);
    ck_assert_int_eq(guard_scan(&g, &wide, "\nHost", 5, &used), GUARD_MORE);
    ck_assert_uint_eq(g.line_start, 2);
    ck_assert_uint_eq(g.line_end, 16);
}
END_TEST

static const char *const torn[] = {
    /* two readers could cut them differently */
    "GET / HTTP/1.1\n\r\n",
    "GET / HTTP/1.1\n\n",
    "GET / HTTP/1.1\r\r\n\r\n",
    "GET / HTTP/1.1\rHost: a\r\n\r\n",
    "GET /\rx HTTP/1.1\r\n\r\n",
    LINE "\n",
    LINE "\r\r\n",
    LINE "\rx\n",
    LINE "Host: a\n\r\n",
    LINE "Host: a\r\r\n\r\n",
    LINE "Host: a\rX: b\r\n\r\n",
    LINE "X: a\rb\r\n\r\n",
    LINE "X:\rContent-Length: 23\r\n\r\n",
    LINE "X-Abc: \rxTransfer-Encoding: chunked\r\n\r\n",
    LINE "Host: a\r\n\n",
    LINE "Host: a\r\n\rx",
    LINE "Host: a\r\n\r\r\n",
    "\n" LINE "\r\n",
    "\r" LINE "\r\n",
    "\r\n\n" LINE "\r\n",
};

START_TEST(refuses_cr_and_lf_that_are_no_pair)
{
    for (size_t i = 0; i < sizeof(torn) / sizeof(torn[0]); i++) {
        ck_assert_msg(rc_of(torn[i]) == 400, "%zu", i);
        check_cuts(str_of(torn[i]), &wide, false);
    }
}
END_TEST

START_TEST(refuses_folded_lines)
{
    static const char *const folded[] = {
        LINE " Host: a\r\n\r\n",
        LINE "\tHost: a\r\n\r\n",
        LINE "Host: a\r\n b\r\n\r\n",
        LINE "Host: a\r\n\tb\r\n\r\n",
        LINE "Host: a\r\n \r\n\r\n",
        LINE "X:\r\n a\r\n\r\n",
        LINE "Transfer-Encoding:\r\n chunked\r\n\r\n",
        LINE " \r\n\r\n",
        " " LINE "\r\n",
        " \r\n" LINE "\r\n",
    };

    for (size_t i = 0; i < sizeof(folded) / sizeof(folded[0]); i++) {
        ck_assert_msg(rc_of(folded[i]) == 400, "%s", folded[i]);
        check_cuts(str_of(folded[i]), &wide, false);
    }
    ck_assert_int_eq(trailers_rc(" A: b\r\n\r\n"), 400);
    ck_assert_int_eq(trailers_rc("A: b\r\n\tc\r\n\r\n"), 400);
}
END_TEST

START_TEST(refuses_a_field_name_of_length_zero)
{
    ck_assert_int_eq(rc_of(LINE ": x\r\n\r\n"), 400);
    ck_assert_int_eq(rc_of(LINE ":\r\n\r\n"), 400);
    ck_assert_int_eq(rc_of(LINE "Host: a\r\n: x\r\n\r\n"), 400);
    ck_assert_int_eq(trailers_rc(": x\r\n\r\n"), 400);
    ck_assert_int_eq(trailers_rc("A: b\r\n:\r\n\r\n"), 400);
    ck_assert_int_eq(rc_of(LINE "A::\r\n\r\n"), GUARD_COMPLETE);
    ck_assert_int_eq(rc_of(":" LINE), GUARD_MORE); /* a request line is for others to read */
}
END_TEST

START_TEST(two_empty_lines_may_come_first_and_no_third)
{
    ck_assert_int_eq(rc_of("\r\n\r\n" LINE "\r\n"), GUARD_COMPLETE);
    ck_assert_int_eq(rc_of("\r\n\r\n"), GUARD_MORE);
    ck_assert_int_eq(rc_of("\r\n\r\n\r\n"), 400);
    ck_assert_int_eq(rc_of("\r\n\r\n\r\n" LINE "\r\n"), 400);
    check_cuts(MPX_STR("\r\n\r\n\r\n" LINE "\r\n"), &wide, false);
}
END_TEST

START_TEST(the_head_may_have_its_limit_of_bytes_and_no_more)
{
    static const char head[] = "\r\n" LINE "Host: a\r\n\r\n";
    const size_t n = sizeof(head) - 1;
    struct guard_limits limits = wide;

    for (limits.bytes = 0; limits.bytes < n + 3; limits.bytes++) {
        int rc = scan_whole((struct mpx_str){ head, n }, &limits, false).rc;

        ck_assert_int_eq(rc, limits.bytes < n ? 431 : GUARD_COMPLETE);
        check_cuts((struct mpx_str){ head, n }, &limits, false);
    }
    limits.bytes = n; /* what follows the head does not count */
    ck_assert_int_eq(scan_whole(MPX_STR("\r\n" LINE "Host: a\r\n\r\nmore"), &limits, false).rc, 1);
    limits.bytes = 12;
    ck_assert_int_eq(scan_whole(MPX_STR("A: b\r\nC:\r\n\r\n"), &limits, true).rc, GUARD_COMPLETE);
    ck_assert_int_eq(scan_whole(MPX_STR("A: b\r\nC:d\r\n\r\n"), &limits, true).rc, 431);
}
END_TEST

START_TEST(the_head_may_have_its_limit_of_fields_and_no_more)
{
    struct guard_limits limits = wide;

    limits.fields = 2;
    ck_assert_int_eq(scan_whole(MPX_STR(LINE "A:\r\nB:\r\n\r\n"), &limits, false).rc, 1);
    ck_assert_int_eq(scan_whole(MPX_STR(LINE "A:\r\nB:\r\nC:"), &limits, false).rc, GUARD_MORE);
    ck_assert_int_eq(scan_whole(MPX_STR(LINE "A:\r\nB:\r\nC:\r\n"), &limits, false).rc, 431);
    check_cuts(MPX_STR(LINE "A:\r\nB:\r\nC:\r\n\r\n"), &limits, false);
    check_cuts(MPX_STR(LINE "A:\r\nB:\r\nC:\r\n\x01"), &limits, false);
    limits.fields = 0;
    ck_assert_int_eq(scan_whole(MPX_STR(LINE "\r\n"), &limits, false).rc, GUARD_COMPLETE);
    ck_assert_int_eq(scan_whole(MPX_STR("A:\r\n"), &limits, true).rc, 431);
}
END_TEST

/* 64 bytes are for what stands beside the target. */
START_TEST(the_request_line_may_have_its_limit_and_no_more)
{
    const struct guard_limits limits = { .bytes = 500, .uri = 40, .fields = 9 };
    char text[200];

    for (size_t n = 100; n < 110; n++) {
        memset(text, 'x', n);
        memcpy(text + n, "\r\n\r\n", 4);
        text[4] = ':';
        struct mpx_str s = { text, n + 4 };
        ck_assert_int_eq(scan_whole(s, &limits, false).rc, n <= 104 ? GUARD_COMPLETE : 414);
        check_cuts(s, &limits, false);
        ck_assert_int_eq(scan_whole(str_head(s, n), &limits, false).rc, n <= 104 ? 0 : 414);
        ck_assert_int_eq(scan_whole(s, &limits, true).rc, GUARD_COMPLETE);
    }
}
END_TEST

/* A fault behind the place where a limit is passed is not seen any more, however the bytes come. */
START_TEST(the_first_fault_in_the_bytes_decides)
{
    const struct guard_limits limits = { .bytes = 120, .uri = 16, .fields = 2 };
    char text[160];

    for (size_t at = 0; at < sizeof(text); at++) {
        memset(text, 'x', sizeof(text));
        text[at] = '\x01';
        struct mpx_str s = { text, sizeof(text) };
        ck_assert_int_eq(scan_whole(s, &limits, false).rc, at <= 80 ? 400 : 414);
        check_cuts(s, &limits, false);
        memcpy(text, LINE, sizeof(LINE) - 1);
        if (at < sizeof(LINE) - 1)
            continue;
        ck_assert_int_eq(scan_whole(s, &limits, false).rc, at < 120 ? 400 : 431);
        check_cuts(s, &limits, false);
    }
}
END_TEST

/* The same rules once more, a byte at a time and without any state but what has been read. */
static struct outcome second_guard(struct mpx_str s, const struct guard_limits *limits,
                                   bool trailers)
{
    struct outcome o = { .rc = GUARD_MORE };
    bool in_fields = trailers;
    size_t start = 0, empty = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        size_t column = i - start;

        if (i >= limits->bytes)
            return (struct outcome){ .rc = 431 };
        if (i > start && s.p[i - 1] == '\r') {
            if (c != '\n')
                return (struct outcome){ .rc = 400 };
            o.used = i + 1;
            start = i + 1;
            if (in_fields && column == 1)
                return o.rc = GUARD_COMPLETE, o;
            if (in_fields && ++o.fields > limits->fields)
                return (struct outcome){ .rc = 431 };
            if (!in_fields && column == 1 && ++empty > 2)
                return (struct outcome){ .rc = 400 };
            if (!in_fields && column == 1)
                o.line_start = i + 1;
            if (!in_fields && column > 1)
                o.line_end = i - 1, in_fields = true;
            continue;
        }
        unsigned allowed = in_fields ? IN_FIELD : VISIBLE | SPACE | CR;
        if (column == 0)
            allowed = trailers ? NAME_START : in_fields ? FIELD_START : VISIBLE | CR;
        else if (trailers && memchr(s.p + start, ':', column) == NULL)
            allowed = IN_NAME;
        if (!may_come(c, allowed))
            return (struct outcome){ .rc = 400 };
        if (!in_fields && c != '\r' && column >= limits->uri + 64)
            return (struct outcome){ .rc = 414 };
    }
    o.used = s.n;
    return o;
}

static uint32_t next_random(uint32_t *seed)
{
    *seed = *seed * 1664525 + 1013904223;
    return *seed >> 8;
}

/* Text of pieces that matter, so that it is often almost right. */
static size_t random_text(uint32_t *seed, char out[700])
{
    static const char *const pieces[] = {
        "\r\n", "\r\n", "\r\n\r\n",
        "\r",   "\n",   "A: b\r\n",
        "A:",   ":",    " ",
        "\t",   LINE,   LINE "H: a\r\n",
        "x",    "abc",  "\xc3\xa4",
        "\x7f", "\x1f", "a line that is longer than all the others of this"
    };
    size_t n = 0, count = 1 + next_random(seed) % 12;

    for (size_t i = 0; i < count; i++) {
        const char *piece = pieces[next_random(seed) % (sizeof(pieces) / sizeof(pieces[0]))];

        memcpy(out + n, piece, strlen(piece));
        n += strlen(piece);
    }
    return n;
}

START_TEST(agrees_with_a_second_guard_on_random_bytes_and_cuts)
{
    uint32_t seed = 20080229, ends[5] = { 0 };

    for (int round = 0; round < 300000; round++) {
        char text[700];
        size_t n = random_text(&seed, text), cuts[3], at = 0;
        bool trailers = next_random(&seed) % 4 == 0;
        const struct guard_limits limits = { .bytes = next_random(&seed) % 200,
                                             .uri = next_random(&seed) % 20,
                                             .fields = next_random(&seed) % 5 };

        for (int i = 0; i < 3; i++)
            cuts[i] = at += next_random(&seed) % (n - at + 1);
        struct mpx_str s = { text, n };
        struct outcome wanted = second_guard(s, &limits, trailers);
        ends[wanted.rc == 400 ? 2 : wanted.rc == 414 ? 3 : wanted.rc == 431 ? 4 : wanted.rc]++;
        if (!is_same(scan_whole(s, &limits, trailers), wanted) ||
            !is_same(scan_cut(s, &limits, trailers, cuts, 3), wanted))
            ck_abort_msg("round %d: %d, %d, wanted %d", round, scan_whole(s, &limits, trailers).rc,
                         scan_cut(s, &limits, trailers, cuts, 3).rc, wanted.rc);
    }
    for (int i = 0; i < 5; i++) /* each outcome was among them */
        ck_assert_uint_gt(ends[i], 100);
}
END_TEST

Suite *suite_guard(void)
{
    static const TTest **const tests[] = {
        &every_byte_is_passed_or_refused_in_every_state,
        &finds_where_the_head_ends,
        &finds_where_trailers_end,
        &the_line_is_known_before_the_head_is_whole,
        &refuses_cr_and_lf_that_are_no_pair,
        &refuses_folded_lines,
        &refuses_a_field_name_of_length_zero,
        &two_empty_lines_may_come_first_and_no_third,
        &the_head_may_have_its_limit_of_bytes_and_no_more,
        &the_head_may_have_its_limit_of_fields_and_no_more,
        &the_request_line_may_have_its_limit_and_no_more,
        &the_first_fault_in_the_bytes_decides,
        &agrees_with_a_second_guard_on_random_bytes_and_cuts,
        NULL,
    };

    return unit_suite("guard", tests);
}
