/* SPDX-License-Identifier: MIT
   Bodies that could go out in parts, written in every way there is. "/range/blob?strong,date" is
   one with a strong entity tag and a date of modification. */
#include "probe.h"

#include <string.h>
#include <time.h>

#define ALPHABET "0123456789abcdefghijklmnopqrstuvwxyz"

enum { SMALL = sizeof(ALPHABET) - 1, LINE = 9, LONG = 200 * 1000 * LINE };

static bool has_word(struct mpx_str list, const char *word)
{
    size_t n = strlen(word);

    for (size_t at = 0; at + n <= list.n; at++)
        if (memcmp(list.p + at, word, n) == 0 && (at == 0 || list.p[at - 1] == ',') &&
            (at + n == list.n || list.p[at + n] == ','))
            return true;
    return false;
}

static void set_fields(struct mpx_req *r)
{
    static const struct {
        const char *word, *name, *value;
    } fields[] = {
        { "strong", "ETag", "\"a\"" },
        { "weak", "ETag", "W/\"a\"" },
        { "odd", "ETag", "\"a\\\"" },
        { "date", "Last-Modified", "Sun, 06 Nov 1994 08:49:37 GMT" },
        { "type", "Content-Type", "text/x-alphabet" },
        { "language", "Content-Language", "en" },
        { "place", "Content-Location", "/place" },
        { "vary", "Vary", "Accept" },
        { "caching", "Cache-Control", "max-age=60" },
        { "caching", "Expires", "Sun, 06 Nov 2094 08:49:37 GMT" },
        { "none", "Accept-Ranges", "none" },
        { "cut", "Content-Range", "bytes 0-35/36" },
    };
    static const struct {
        const char *word;
        int status;
    } statuses[] = {
        { "201", 201 }, { "203", 203 }, { "205", 205 }, { "206", 206 }, { "404", 404 }
    };
    struct mpx_str query = mpx_req_query(r);

    for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
        if (has_word(query, fields[i].word))
            mpx_res_header(r, fields[i].name,
                           (struct mpx_str){ fields[i].value, strlen(fields[i].value) });
    for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
        if (has_word(query, statuses[i].word))
            mpx_res_status(r, statuses[i].status);
    if (has_word(query, "now"))
        mpx_res_header(r, "Last-Modified", mpx_http_date(mpx_req_arena(r), time(NULL)));
    if (has_word(query, "future"))
        mpx_res_header(r, "Last-Modified", mpx_http_date(mpx_req_arena(r), time(NULL) + 3600));
}

static void promise(struct mpx_req *r, size_t n)
{
    mpx_res_header(r, "Content-Length", mpx_printf(mpx_req_arena(r), "%zu", n));
}

static enum mpx_rc write_page(struct mpx_req *r)
{
    mpx_res_write(r, MPX_STR(ALPHABET));
    return mpx_res_end(r);
}

static enum mpx_rc write_bytes(struct mpx_req *r)
{
    static const char alphabet[] = ALPHABET;

    for (size_t i = 0; i < SMALL; i++)
        mpx_res_write(r, (struct mpx_str){ alphabet + i, 1 });
    return mpx_res_end(r);
}

static enum mpx_rc write_blob(struct mpx_req *r)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR(ALPHABET));

    mpx_res_blob(r, b);
    mpx_blob_drop(b);
    return mpx_res_end(r);
}

static enum mpx_rc write_empty(struct mpx_req *r)
{
    return mpx_res_end(r);
}

/* Twelve bytes: "<0123456789>". */
static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_file *f;

    (void)conf;
    (void)state;
    if (mpx_open_result(r, &f) < 0)
        return mpx_res_error(r, 404);
    mpx_res_write(r, MPX_STR("<"));
    mpx_res_file(r, f);
    mpx_res_write(r, MPX_STR(">"));
    return mpx_res_end(r);
}

static enum mpx_rc write_file(struct mpx_req *r)
{
    return mpx_open(r, MPX_STR("ten.txt"), 0, opened, NULL);
}

/* A byte, a blob, and the rest in one go. */
static enum mpx_rc write_mixed(struct mpx_req *r)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR("123456789"));

    mpx_res_write(r, MPX_STR("0"));
    mpx_res_blob(r, b);
    mpx_blob_drop(b);
    mpx_res_write(r, MPX_STR("abcdefghijklmnopqrstuvwxyz"));
    return mpx_res_end(r);
}

/* Four bytes at a time, each sent before the next ones are written. */
static enum mpx_rc stream_on(struct mpx_req *r, const void *conf, void *state)
{
    static const char alphabet[] = ALPHABET;
    size_t *at = state;

    (void)conf;
    if (*at == SMALL)
        return mpx_res_end(r);
    mpx_res_write(r, (struct mpx_str){ alphabet + *at, 4 });
    *at += 4;
    mpx_res_flush(r);
    return mpx_sleep(r, 1, stream_on, at);
}

static enum mpx_rc write_open(struct mpx_req *r)
{
    return stream_on(r, NULL, mpx_alloc(mpx_req_arena(r), sizeof(size_t)));
}

static enum mpx_rc write_stream(struct mpx_req *r)
{
    promise(r, SMALL);
    return write_open(r);
}

/* 1.8 MB: lines "00000000", "00000001", as fast as the client takes them. */
static enum mpx_rc long_on(struct mpx_req *r, const void *conf, void *state)
{
    size_t *at = state;
    char lines[100 * LINE + 1];

    while (*at < LONG) {
        for (size_t i = 0; i < 100; i++) {
            char *digit = lines + i * LINE + LINE - 1;

            *digit = '\n';
            for (size_t n = *at / LINE + i; digit > lines + i * LINE; n /= 10)
                *--digit = (char)('0' + n % 10);
        }
        int rc = mpx_res_write(r, (struct mpx_str){ lines, 100 * LINE });
        *at += 100 * LINE;
        if (rc < 0)
            return MPX_FAIL;
        if (rc > 0)
            return mpx_wait_drain(r, long_on, at);
    }
    (void)conf;
    return mpx_res_end(r);
}

static enum mpx_rc write_long(struct mpx_req *r)
{
    promise(r, LONG);
    mpx_res_flush(r);
    return long_on(r, NULL, mpx_alloc(mpx_req_arena(r), sizeof(size_t)));
}

/* Promises more than it writes. */
static enum mpx_rc write_short(struct mpx_req *r)
{
    promise(r, SMALL + 1);
    return write_open(r);
}

/* Sends its header and then waits for what never comes. */
static enum mpx_rc stuck_on(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return mpx_res_error(r, 500);
}

static enum mpx_rc write_stuck(struct mpx_req *r)
{
    promise(r, SMALL + 1);
    mpx_res_write(r, MPX_STR(ALPHABET));
    mpx_res_flush(r);
    return mpx_sleep(r, 3600000, stuck_on, NULL);
}

static void nap(void *arg)
{
    const struct timespec t = { .tv_nsec = 50000000 };

    (void)arg;
    nanosleep(&t, NULL);
}

/* The same, while a thread works for it. */
static enum mpx_rc write_busy(struct mpx_req *r)
{
    promise(r, SMALL + 1);
    mpx_res_write(r, MPX_STR(ALPHABET));
    mpx_res_flush(r);
    return mpx_offload(r, nap, NULL, stuck_on, NULL);
}

enum mpx_rc probe_range(struct mpx_req *r, const void *conf)
{
    static const struct {
        const char *path;
        enum mpx_rc (*fn)(struct mpx_req *r);
    } ways[] = {
        { "/range/page", write_page },   { "/range/bytes", write_bytes },
        { "/range/blob", write_blob },   { "/range/mixed", write_mixed },
        { "/range/file", write_file },   { "/range/empty", write_empty },
        { "/range/open", write_open },   { "/range/stream", write_stream },
        { "/range/long", write_long },   { "/range/short", write_short },
        { "/range/stuck", write_stuck }, { "/range/busy", write_busy },
    };
    struct mpx_str path = mpx_req_path(r);

    (void)conf;
    for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++)
        if (mpx_str_eq(path, (struct mpx_str){ ways[i].path, strlen(ways[i].path) })) {
            set_fields(r);
            return ways[i].fn(r);
        }
    return MPX_NEXT;
}
