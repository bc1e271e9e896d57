/* SPDX-License-Identifier: MIT */
#include "log.h"
#include "unit.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* What a target has been given. */
struct seen {
    unsigned lines;
    enum mpx_level level;
    size_t n;
    char last[200000];
};

static struct seen seen[LOG_TARGETS + 1];

static void keep(void *arg, enum mpx_level level, struct mpx_str line)
{
    struct seen *s = arg;

    s->lines++;
    s->level = level;
    s->n = line.n;
    ck_assert_uint_lt(line.n, sizeof(s->last));
    memcpy(s->last, line.p, line.n);
    s->last[line.n] = '\0';
}

static void set_one(enum mpx_level level, enum log_format format)
{
    const struct log_target t = { level, format, keep, &seen[0] };

    log_set_targets(&t, 1);
}

/* The line without the time it begins with. */
static const char *behind_time(const char *line)
{
    static const char form[] = "0000-00-00T00:00:00.000Z ";

    for (size_t i = 0; i < sizeof(form) - 1; i++)
        ck_assert_msg(form[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i], "%s",
                      line);
    return line + sizeof(form) - 1;
}

static const struct log_about whole = { "www.example.org", "static", "ab12" };

START_TEST(a_line_has_time_level_context_and_message)
{
    static const struct {
        struct log_about about;
        const char *line;
    } lines[] = {
        { { "www.example.org", "static", "ab12" }, "warning: www.example.org static ab12: m 7" },
        { { NULL, "static", NULL }, "warning: static: m 7" },
        { { "a", NULL, "r" }, "warning: a r: m 7" },
        { { NULL, NULL, NULL }, "warning: m 7" },
    };

    set_one(MPX_DEBUG, LOG_TEXT);
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        log_about(MPX_WARN, &lines[i].about, "m %d", 7);
        ck_assert_str_eq(behind_time(seen[0].last), lines[i].line);
    }
    ck_assert_uint_eq(seen[0].lines, 4);
}
END_TEST

START_TEST(each_level_has_its_name)
{
    set_one(MPX_DEBUG, LOG_TEXT);
    log_error("x");
    ck_assert_str_eq(behind_time(seen[0].last), "error: x");
    ck_assert_int_eq(seen[0].level, MPX_ERROR);
    log_warn("x");
    ck_assert_str_eq(behind_time(seen[0].last), "warning: x");
    ck_assert_int_eq(seen[0].level, MPX_WARN);
    log_info("x");
    ck_assert_str_eq(behind_time(seen[0].last), "info: x");
    ck_assert_int_eq(seen[0].level, MPX_INFO);
    log_about(MPX_DEBUG, &(struct log_about){ NULL, NULL, NULL }, "x");
    ck_assert_str_eq(behind_time(seen[0].last), "debug: x");
    ck_assert_int_eq(seen[0].level, MPX_DEBUG);
    ck_assert_str_eq(log_level_names[MPX_ERROR], "error");
    ck_assert_str_eq(log_level_names[MPX_DEBUG], "debug");
    ck_assert_ptr_null(log_level_names[MPX_DEBUG + 1]);
}
END_TEST

START_TEST(the_time_is_now_in_utc)
{
    time_t before = time(NULL);
    struct tm tm;

    (void)setenv("TZ", "Asia/Tokyo", 1);
    set_one(MPX_DEBUG, LOG_TEXT);
    log_error("x");
    memset(&tm, 0, sizeof(tm));
    ck_assert_ptr_nonnull(strptime(seen[0].last, "%Y-%m-%dT%H:%M:%S", &tm));
    ck_assert_int_ge(timegm(&tm), before);
    ck_assert_int_le(timegm(&tm), time(NULL));
}
END_TEST

START_TEST(a_target_gets_its_level_and_what_is_more_urgent)
{
    struct log_target targets[4];

    for (unsigned i = 0; i < 4; i++)
        targets[i] = (struct log_target){ (enum mpx_level)i, LOG_TEXT, keep, &seen[i] };
    log_set_targets(targets, 4);
    for (unsigned level = 0; level < 4; level++)
        log_about((enum mpx_level)level, &whole, "x");
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(seen[i].lines, i + 1);
}
END_TEST

START_TEST(knows_whether_any_target_wants_a_level)
{
    const struct log_target targets[] = { { MPX_ERROR, LOG_TEXT, keep, &seen[0] },
                                          { MPX_INFO, LOG_JSON, keep, &seen[1] } };

    log_set_targets(targets, 1);
    ck_assert(log_wants(MPX_ERROR));
    ck_assert(!log_wants(MPX_WARN));
    log_set_targets(targets, 2);
    ck_assert(log_wants(MPX_INFO));
    ck_assert(!log_wants(MPX_DEBUG));
}
END_TEST

START_TEST(targets_are_copied_and_at_most_eight)
{
    struct log_target targets[LOG_TARGETS + 1];

    for (size_t i = 0; i <= LOG_TARGETS; i++)
        targets[i] = (struct log_target){ MPX_INFO, LOG_TEXT, keep, &seen[i] };
    log_set_targets(targets, LOG_TARGETS + 1);
    memset(targets, 0, sizeof(targets));
    log_info("x");
    for (size_t i = 0; i < LOG_TARGETS; i++)
        ck_assert_uint_eq(seen[i].lines, 1);
    ck_assert_uint_eq(seen[LOG_TARGETS].lines, 0);
}
END_TEST

/* What log_info("x") writes to standard error. */
static const char *standard_error(void)
{
    static char text[256];
    FILE *f = tmpfile();

    ck_assert_ptr_nonnull(f);
    (void)fflush(stderr);
    int saved = dup(STDERR_FILENO);
    ck_assert_int_eq(dup2(fileno(f), STDERR_FILENO), STDERR_FILENO);
    log_info("x");
    log_about(MPX_DEBUG, &whole, "not this");
    (void)fflush(stderr);
    ck_assert_int_eq(dup2(saved, STDERR_FILENO), STDERR_FILENO);
    rewind(f);
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    (void)close(saved);
    return text;
}

START_TEST(lines_go_to_standard_error_unless_a_target_is_set)
{
    ck_assert_str_eq(behind_time(standard_error()), "info: x\n");
    set_one(MPX_DEBUG, LOG_TEXT);
    ck_assert_str_eq(standard_error(), "");
    ck_assert_uint_eq(seen[0].lines, 2);
    log_set_targets(NULL, 0);
    ck_assert_str_eq(behind_time(standard_error()), "info: x\n");
    ck_assert_uint_eq(seen[0].lines, 2);
}
END_TEST

START_TEST(a_message_stays_one_line_whatever_it_holds)
{
    set_one(MPX_DEBUG, LOG_TEXT);
    for (int c = 1; c < 256; c++) {
        char wanted[32];
        bool plain = c >= 0x20 && c < 0x7f;

        log_info("a%cb", c);
        (void)snprintf(wanted, sizeof(wanted), plain ? "info: a%cb" : "info: a\\x%02xb",
                       (unsigned)c);
        ck_assert_str_eq(behind_time(seen[0].last), wanted);
    }
    log_info("a%cb", 0);
    ck_assert_str_eq(behind_time(seen[0].last), "info: a\\x00b");
    ck_assert_uint_eq(seen[0].n, strlen(seen[0].last));
}
END_TEST

START_TEST(the_context_stays_in_the_line_too)
{
    const struct log_about about = { "a\nb", "c\r", "\x1b[2J" };

    set_one(MPX_DEBUG, LOG_TEXT);
    log_about(MPX_INFO, &about, "x");
    ck_assert_str_eq(behind_time(seen[0].last), "info: a\\x0ab c\\x0d \\x1b[2J: x");
}
END_TEST

START_TEST(text_in_utf_8_stays_readable_but_its_control_characters)
{
    set_one(MPX_DEBUG, LOG_TEXT);
    log_info("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
    ck_assert_str_eq(behind_time(seen[0].last),
                     "info: \xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80 \xc2\xa0");
    log_info("\xc2\x85 \xc2\x9b"
             "2J \x9b"
             "2J \xe2\x82 \xc0\x8a");
    ck_assert_str_eq(behind_time(seen[0].last),
                     "info: \\xc2\\x85 \\xc2\\x9b2J \\x9b2J \\xe2\\x82 \\xc0\\x8a");
}
END_TEST

/* The line as a JSON reader sees it. */
static json_t *read_line(void)
{
    json_error_t error;
    json_t *j = json_loadb(seen[0].last, seen[0].n, JSON_REJECT_DUPLICATES, &error);

    ck_assert_msg(j != NULL, "%s: %s", error.text, seen[0].last);
    ck_assert_ptr_null(memchr(seen[0].last, '\n', seen[0].n));
    return j;
}

static const char *member(const json_t *j, const char *key)
{
    const char *text = json_string_value(json_object_get(j, key));

    return text != NULL ? text : "(none)";
}

START_TEST(a_json_line_has_the_same_parts)
{
    set_one(MPX_DEBUG, LOG_JSON);
    log_about(MPX_ERROR, &whole, "m %d", 7);
    json_t *j = read_line();
    ck_assert_uint_eq(json_object_size(j), 6);
    ck_assert_str_eq(member(j, "level"), "error");
    ck_assert_str_eq(member(j, "vhost"), "www.example.org");
    ck_assert_str_eq(member(j, "module"), "static");
    ck_assert_str_eq(member(j, "request"), "ab12");
    ck_assert_str_eq(member(j, "message"), "m 7");
    ck_assert_uint_eq(strlen(member(j, "time")), strlen("2000-01-01T00:00:00.000Z"));
    json_decref(j);
    log_error("x");
    j = read_line();
    ck_assert_uint_eq(json_object_size(j), 3);
    json_decref(j);
}
END_TEST

START_TEST(a_json_line_is_json_whatever_is_in_the_message)
{
    set_one(MPX_DEBUG, LOG_JSON);
    for (int c = 1; c < 256; c++) {
        const char text[] = { 'a', (char)c, '"', '\\', 'b', '\0' };
        const struct log_about about = { text, text, text };

        log_about(MPX_INFO, &about, "%s", text);
        json_t *j = read_line();
        ck_assert_str_eq(member(j, "message"), c < 0x80 ? text : "a\xef\xbf\xbd\"\\b");
        ck_assert_str_eq(member(j, "vhost"), member(j, "message"));
        json_decref(j);
    }
}
END_TEST

START_TEST(a_message_that_is_too_long_is_cut_not_lost)
{
    enum { LENGTH = 20000 };
    static char text[LENGTH + 1];

    memset(text, 'x', LENGTH);
    set_one(MPX_DEBUG, LOG_TEXT);
    log_info("%s", text);
    ck_assert(str_starts(str_of(behind_time(seen[0].last)), MPX_STR("info: xxxx")));
    ck_assert_uint_ge(seen[0].n, 16000);
    ck_assert_uint_lt(seen[0].n, 16500);
    memset(text, '\x01', LENGTH);
    set_one(MPX_DEBUG, LOG_JSON);
    log_info("%s", text);
    json_t *j = read_line();
    ck_assert_uint_ge(strlen(member(j, "message")), 16000);
    json_decref(j);
}
END_TEST

Suite *suite_log(void)
{
    static const TTest **const tests[] = {
        &a_line_has_time_level_context_and_message,
        &each_level_has_its_name,
        &the_time_is_now_in_utc,
        &a_target_gets_its_level_and_what_is_more_urgent,
        &knows_whether_any_target_wants_a_level,
        &targets_are_copied_and_at_most_eight,
        &lines_go_to_standard_error_unless_a_target_is_set,
        &a_message_stays_one_line_whatever_it_holds,
        &the_context_stays_in_the_line_too,
        &text_in_utf_8_stays_readable_but_its_control_characters,
        &a_json_line_has_the_same_parts,
        &a_json_line_is_json_whatever_is_in_the_message,
        &a_message_that_is_too_long_is_cut_not_lost,
        NULL,
    };

    return unit_suite("log", tests);
}
