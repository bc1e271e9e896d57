/* SPDX-License-Identifier: MIT */
#include "answers.h"

#include <string.h>

/* What is left to be read. */
struct rest {
    struct answers *a;
    struct mpx_str s;
    bool ended;
};

static bool fault(struct answers *a, const char *what)
{
    if (a->fault == NULL)
        a->fault = what;
    return false;
}

static struct mpx_str from(struct mpx_str s, size_t n)
{
    return (struct mpx_str){ s.p + n, s.n - n };
}

static bool is(struct mpx_str s, const char *z)
{
    return s.n == strlen(z) && memcmp(s.p, z, s.n) == 0;
}

/* A line off the front, without its CRLF; false when none is whole. */
static bool take_line(struct mpx_str *s, struct mpx_str *line)
{
    const char *end = s->n > 0 ? memmem(s->p, s->n, "\r\n", 2) : NULL;

    if (end == NULL)
        return false;
    *line = (struct mpx_str){ s->p, (size_t)(end - s->p) };
    *s = from(*s, line->n + 2);
    return true;
}

static bool is_text(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return false;
    return true;
}

static bool is_name(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr("\"(),/:;<=>?@[\\]{}", s.p[i]) != NULL)
            return false;
    return s.n > 0;
}

static bool same(struct mpx_str a, const char *lower)
{
    if (a.n != strlen(lower))
        return false;
    for (size_t i = 0; i < a.n; i++)
        if ((a.p[i] >= 'A' && a.p[i] <= 'Z' ? a.p[i] + 32 : a.p[i]) != lower[i])
            return false;
    return true;
}

/* "Name: value", as this server writes it: one blank, none at the end. */
static bool read_field(struct mpx_str line, struct mpx_str *name, struct mpx_str *value)
{
    const char *colon = memchr(line.p, ':', line.n);

    if (colon == NULL)
        return false;
    size_t n = (size_t)(colon - line.p);
    *name = (struct mpx_str){ line.p, n };
    *value = from(line, n + 1);
    if (value->n == 0 || value->p[0] != ' ')
        return false;
    *value = from(*value, 1);
    return is_name(*name) && is_text(*value);
}

size_t answer_field(const struct answer *a, const char *lower, struct mpx_str *value)
{
    struct mpx_str rest = a->head, line, name, found;
    size_t count = 0;

    while (take_line(&rest, &line))
        if (read_field(line, &name, &found) && same(name, lower) && count++ == 0)
            *value = found;
    return count;
}

/* "HTTP/1.1 200 OK" */
static bool read_status(struct mpx_str line, int *status)
{
    *status = 0;
    if (line.n < 14 || memcmp(line.p, "HTTP/1.1 ", 9) != 0 || line.p[12] != ' ' || !is_text(line))
        return false;
    for (int i = 9; i < 12; i++) {
        if (line.p[i] < '0' || line.p[i] > '9')
            return false;
        *status = *status * 10 + (line.p[i] - '0');
    }
    return *status >= 100 && *status <= 599;
}

/* Status line and fields; false when they are not whole, or wrong. */
static bool read_head(struct rest *r, struct answer *w)
{
    struct mpx_str s = r->s, line, name, value;

    if (!take_line(&s, &line))
        return false;
    if (!read_status(line, &w->status))
        return fault(r->a, "a status line is wrong");
    w->head = (struct mpx_str){ s.p, 0 };
    for (;;) {
        if (!take_line(&s, &line))
            return false;
        if (line.n == 0)
            break;
        if (!read_field(line, &name, &value))
            return fault(r->a, "a field line is wrong");
        w->head.n += line.n + 2;
    }
    r->s = s;
    return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" */
static bool is_date(struct mpx_str s)
{
    static const char form[] = "aaa, 00 aaa 0000 00:00:00 GMT";

    if (s.n != sizeof(form) - 1)
        return false;
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        bool fits = form[i] == 'a'   ? (c | 32) >= 'a' && (c | 32) <= 'z'
                    : form[i] == '0' ? c >= '0' && c <= '9'
                                     : c == form[i];

        if (!fits)
            return false;
    }
    return true;
}

static bool check_fields(struct answers *a, struct answer *w)
{
    struct mpx_str value;
    int s = w->status;

    if (answer_field(w, "date", &value) != 1 || !is_date(value))
        return fault(a, "there is not one right Date");
    if (answer_field(w, "server", &value) != 1)
        return fault(a, "there is not one Server");
    if (answer_field(w, "content-type", &value) > 1 || answer_field(w, "etag", &value) > 1)
        return fault(a, "a field stands twice");
    if (s == 405 && answer_field(w, "allow", &value) != 1)
        return fault(a, "405 without Allow");
    if (s == 416 && answer_field(w, "content-range", &value) != 1)
        return fault(a, "416 without Content-Range");
    if (s / 100 == 3 && s != 304 && answer_field(w, "location", &value) != 1)
        return fault(a, "3xx without Location");
    size_t connections = answer_field(w, "connection", &value);
    w->close = connections == 1 && is(value, "close");
    if (connections > 1 || (connections == 1 && !w->close && !is(value, "keep-alive")))
        return fault(a, "Connection is strange");
    return true;
}

/* A chunk's size as this server writes it: digits alone, no zero in front. */
static bool read_size(struct mpx_str line, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < line.n; i++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, line.p[i]);

        if (at == NULL || line.p[i] == '\0' || line.n > 8)
            return false;
        *size = *size << 4 | (size_t)(at - digits);
    }
    return line.n == 1 || (line.n > 0 && line.p[0] != '0');
}

static bool keep(struct rest *r, struct answer *w, size_t n)
{
    struct answers *a = r->a;

    if (n > ANSWERS_ROOM - a->used)
        return fault(a, "there is more than the test has room for");
    memcpy(a->room + a->used, r->s.p, n);
    a->used += n;
    w->body.n += n;
    r->s = from(r->s, n);
    return true;
}

static bool read_chunks(struct rest *r, struct answer *w)
{
    struct mpx_str line;
    size_t size;

    w->body = (struct mpx_str){ r->a->room + r->a->used, 0 };
    for (;;) {
        if (!take_line(&r->s, &line))
            return false;
        if (!read_size(line, &size))
            return fault(r->a, "a chunk's size is wrong");
        if (r->s.n < size) {
            (void)keep(r, w, r->s.n);
            return false;
        }
        if (!keep(r, w, size))
            return false;
        if (r->s.n < 2)
            return false;
        if (memcmp(r->s.p, "\r\n", 2) != 0)
            return fault(r->a, "a chunk does not end with CRLF");
        r->s = from(r->s, 2);
        if (size == 0)
            return true;
    }
}

static bool read_number(struct mpx_str s, size_t *number)
{
    *number = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9' || s.n > 12)
            return false;
        *number = *number * 10 + (size_t)(s.p[i] - '0');
    }
    return s.n > 0;
}

static bool read_counted(struct rest *r, struct answer *w, struct mpx_str text)
{
    size_t n;

    if (!read_number(text, &n))
        return fault(r->a, "Content-Length is no number");
    w->body = (struct mpx_str){ r->s.p, r->s.n < n ? r->s.n : n };
    r->s = from(r->s, w->body.n);
    return w->body.n == n;
}

/* RFC 9112 6.3, as strict as it gets. */
static bool read_body(struct rest *r, struct answer *w, struct asked q)
{
    struct mpx_str length, coding;
    size_t lengths = answer_field(w, "content-length", &length);
    size_t codings = answer_field(w, "transfer-encoding", &coding);
    int s = w->status;

    w->body = (struct mpx_str){ r->s.p, 0 };
    if (lengths + codings > 1)
        return fault(r->a, "the body is delimited twice");
    if (codings > 0 && (q.is_10 || !is(coding, "chunked")))
        return fault(r->a, "Transfer-Encoding is not for this client");
    if ((s / 100 == 1 || s == 204) && lengths + codings > 0)
        return fault(r->a, "1xx or 204 with a length");
    if (q.is_head || s / 100 == 1 || s == 204 || s == 304)
        return true;
    if (codings > 0)
        return read_chunks(r, w);
    if (lengths > 0)
        return read_counted(r, w, length);
    if (!w->close)
        return fault(r->a, "a body without a length, and the connection stays");
    w->body = r->s;
    r->s = from(r->s, r->s.n);
    return r->ended;
}

/* One answer off the front; false when none is whole, or it is wrong. */
static bool read_one(struct rest *r, struct asked q)
{
    struct answers *a = r->a;
    struct answer w = { .interim = a->interim };

    if (!read_head(r, &w))
        return false;
    if (w.status / 100 == 1) {
        a->interim++;
        return w.status == 100 && w.head.n == 0 ? true : fault(a, "a strange interim answer");
    }
    if (!check_fields(a, &w))
        return false;
    bool whole = read_body(r, &w, q);
    a->cut = !whole;
    if (a->fault != NULL || !whole)
        return false;
    a->interim = 0;
    a->list[a->count++] = w;
    return true;
}

void answers_read(struct answers *a, struct mpx_str bytes, bool ended,
                  struct asked (*asked)(void *arg, size_t i), void *arg)
{
    struct rest r = { .a = a, .s = bytes, .ended = ended };

    a->count = a->used = 0;
    a->partial = a->cut = false;
    a->interim = 0;
    a->fault = NULL;
    while (r.s.n > 0 && a->count < ANSWERS_MAX && read_one(&r, asked(arg, a->count)))
        if (r.s.n > 0 && a->count > 0 && a->list[a->count - 1].close)
            (void)fault(a, "something follows an answer that says close");
    a->partial = a->fault == NULL && (r.s.n > 0 || a->cut);
}
