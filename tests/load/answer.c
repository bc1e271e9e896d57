/* SPDX-License-Identifier: MIT */
#include "answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

void answer_begin(struct answer *a, const struct target *target)
{
    a->target = target;
    a->state = ANSWER_IN_HEAD;
    a->line_n = 0;
    a->got = a->body = a->left = 0;
    a->status = 0;
    a->closes = false;
    a->note[0] = '\0';
}

__attribute__((format(printf, 2, 3))) static void note(struct answer *a, const char *format, ...)
{
    va_list args;

    if (a->note[0] != '\0')
        return;
    va_start(args, format);
    (void)vsnprintf(a->note, sizeof(a->note), format, args);
    va_end(args);
}

static void complete(struct answer *a)
{
    const struct target *t = a->target;

    a->state = ANSWER_COMPLETE;
    if (t->status != 0 && a->status != t->status)
        note(a, "status %d, not %d", a->status, t->status);
    if (t->length >= 0 && !t->is_head && a->body != (uint64_t)t->length)
        note(a, "%ju bytes, not %jd", (uintmax_t)a->body, (intmax_t)t->length);
}

/* The value of a field of the head, which is a string of lines; NULL when it has none. */
static const char *field(const char *head, const char *name)
{
    size_t n = strlen(name);

    for (const char *at = strstr(head, "\r\n"); at != NULL; at = strstr(at + 2, "\r\n"))
        if (strncasecmp(at + 2, name, n) == 0 && at[2 + n] == ':')
            return at + 3 + n + strspn(at + 3 + n, " ");
    return NULL;
}

static void begin_body(struct answer *a)
{
    const char *length = field(a->line, "Content-Length");
    const char *coding = field(a->line, "Transfer-Encoding");
    const char *connection = field(a->line, "Connection");

    a->closes = connection != NULL && strncasecmp(connection, "close", 5) == 0;
    a->line_n = 0;
    if (a->target->is_head || a->status == 204 || a->status == 304) {
        complete(a);
    } else if (coding != NULL && strncasecmp(coding, "chunked", 7) == 0) {
        a->state = ANSWER_IN_CHUNK_SIZE;
    } else if (length != NULL) {
        a->state = ANSWER_IN_BODY;
        a->left = strtoull(length, NULL, 10);
        if (a->left == 0)
            complete(a);
    } else {
        a->state = ANSWER_TO_END;
        a->closes = true;
    }
}

static void read_head(struct answer *a)
{
    a->line[a->line_n] = '\0';
    if (strncmp(a->line, "HTTP/1.1 ", 9) != 0) {
        note(a, "no status line of HTTP/1.1");
        return;
    }
    a->status = (int)strtol(a->line + 9, NULL, 10);
    if (a->status >= 200)
        begin_body(a);
    a->line_n = 0; /* 1xx: another head follows */
}

static void read_line(struct answer *a)
{
    a->line[a->line_n] = '\0';
    if (a->state == ANSWER_IN_CHUNK_SIZE) {
        char *end;

        a->left = strtoull(a->line, &end, 16);
        if (end == a->line)
            note(a, "no size of a chunk");
        a->state = a->left > 0 ? ANSWER_IN_CHUNK : ANSWER_IN_TRAILER;
    } else if (a->state == ANSWER_AFTER_CHUNK) {
        if (a->line_n != 2)
            note(a, "no line end after a chunk");
        a->state = ANSWER_IN_CHUNK_SIZE;
    } else if (a->line_n == 2) {
        complete(a);
    }
    a->line_n = 0;
}

/* One byte of a head or a line. */
static void take_byte(struct answer *a, char byte)
{
    if (a->line_n + 1 == sizeof(a->line)) {
        note(a, "a head or line that does not end");
        return;
    }
    a->line[a->line_n++] = byte;
    if (byte != '\n')
        return;
    if (a->state != ANSWER_IN_HEAD)
        read_line(a);
    else if (a->line_n >= 4 && memcmp(a->line + a->line_n - 4, "\r\n\r\n", 4) == 0)
        read_head(a);
}

static void compare(struct answer *a, const char *bytes, size_t n)
{
    const struct target *t = a->target;

    if (t->content == NULL || a->status != t->status)
        return;
    if (a->body + n > (uint64_t)t->length)
        note(a, "more than %jd bytes", (intmax_t)t->length);
    else if (memcmp(t->content + a->body, bytes, n) != 0)
        note(a, "other content, between byte %ju and %ju", (uintmax_t)a->body,
             (uintmax_t)(a->body + n));
}

static size_t take_body(struct answer *a, const char *bytes, size_t n)
{
    if (a->state != ANSWER_TO_END && n > a->left)
        n = (size_t)a->left;
    compare(a, bytes, n);
    a->body += n;
    if (a->state == ANSWER_TO_END)
        return n;
    a->left -= n;
    if (a->left == 0 && a->state == ANSWER_IN_CHUNK)
        a->state = ANSWER_AFTER_CHUNK;
    else if (a->left == 0)
        complete(a);
    return n;
}

size_t answer_take(struct answer *a, const char *bytes, size_t n)
{
    size_t at = 0;

    while (at < n && a->state != ANSWER_COMPLETE && a->note[0] == '\0') {
        if (a->state == ANSWER_IN_BODY || a->state == ANSWER_IN_CHUNK || a->state == ANSWER_TO_END)
            at += take_body(a, bytes + at, n - at);
        else
            take_byte(a, bytes[at++]);
    }
    a->got += at;
    return at;
}

bool answer_end(struct answer *a)
{
    if (a->state == ANSWER_TO_END)
        complete(a);
    return a->state == ANSWER_COMPLETE;
}
