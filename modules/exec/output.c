/* SPDX-License-Identifier: MIT */
#include "output.h"

#include <string.h>
#include <strings.h>

enum { ROOM_AT_FIRST = 1024, SETS_MAX = 64 };

struct output *output_create(struct mpx_req *r, size_t max, bool is_nph)
{
    struct output *o = mpx_alloc(mpx_req_arena(r), sizeof(*o));

    o->max = max;
    o->is_nph = is_nph;
    o->promised = -1;
    return o;
}

static int fault(struct output *o, const char *what)
{
    if (o->fault == NULL)
        o->fault = what;
    return -1;
}

static bool is_word(struct mpx_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

static struct mpx_str trimmed(struct mpx_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t')) {
        s.p++;
        s.n--;
    }
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* "404", "404 Not Found"; 0 where it is none that can be sent. */
static int read_status(struct mpx_str s)
{
    int status = 0;

    if (s.n < 3 || (s.n > 3 && s.p[3] != ' '))
        return 0;
    for (size_t i = 0; i < 3; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return 0;
        status = 10 * status + (s.p[i] - '0');
    }
    return status >= 200 && status <= 599 ? status : 0;
}

static int take_status(struct output *o, struct mpx_str value)
{
    if (o->status != 0)
        return fault(o, "has two statuses");
    o->status = read_status(value);
    return o->status != 0 ? 0 : fault(o, "has a status that is none (200 to 599)");
}

static int take_length(struct mpx_req *r, struct output *o, struct mpx_str value)
{
    int64_t n = 0;

    if (o->promised >= 0)
        return fault(o, "has two Content-Lengths");
    if (value.n == 0 || value.n > 18)
        return fault(o, "has a Content-Length that is none");
    for (size_t i = 0; i < value.n; i++) {
        if (value.p[i] < '0' || value.p[i] > '9')
            return fault(o, "has a Content-Length that is none");
        n = 10 * n + (value.p[i] - '0');
    }
    o->promised = n;
    return mpx_res_header(r, "Content-Length", value);
}

/* What is about the connection is the server's to say. */
static bool is_of_connection(struct mpx_str name)
{
    static const char *const names[] = { "Connection", "Keep-Alive", "Proxy-Connection",
                                         "TE",         "Trailer",    "Upgrade" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_word(name, names[i]))
            return true;
    return false;
}

static bool has_control(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (((unsigned char)s.p[i] < 0x20 && s.p[i] != '\t') || s.p[i] == 0x7f)
            return true;
    return false;
}

static bool is_token(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
              (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL)))
            return false;
    }
    return s.n > 0;
}

/* "key=value", an empty value drops the key. For the session alone: no client sees it. */
static int take_set(struct mpx_req *r, struct output *o, struct mpx_str text)
{
    const char *equals = memchr(text.p, '=', text.n);

    if (equals == NULL || equals == text.p)
        return fault(o, "has a Session-Set that is not \"key=value\"");
    if (o->set_count == SETS_MAX)
        return fault(o, "has more than 64 lines Session-Set");
    if (o->sets == NULL)
        o->sets = mpx_alloc(mpx_req_arena(r), SETS_MAX * sizeof(*o->sets));
    struct mpx_str key = { text.p, (size_t)(equals - text.p) };
    struct mpx_str value = { equals + 1, text.n - key.n - 1 };
    if (value.n == 0)
        value.p = NULL;
    else
        value = mpx_printf(mpx_req_arena(r), "%.*s", (int)value.n, value.p);
    o->sets[o->set_count++] =
        (struct mpx_pair){ mpx_printf(mpx_req_arena(r), "%.*s", (int)key.n, key.p), value };
    return 0;
}

static int take_field(struct mpx_req *r, struct output *o, struct mpx_str name,
                      struct mpx_str value)
{
    if (is_word(name, "Status"))
        return take_status(o, value);
    if (is_word(name, "Content-Length"))
        return take_length(r, o, value);
    if (is_word(name, "Transfer-Encoding"))
        return fault(o, "has a Transfer-Encoding, which is for the server to choose");
    if (is_word(name, "Session-Set"))
        return take_set(r, o, value);
    if (is_of_connection(name))
        return 0;
    if (is_word(name, "Location")) {
        if (o->location.n > 0)
            return fault(o, "has two Locations");
        o->location = value;
    }
    if (is_word(name, "Content-Type"))
        o->has_type = true;
    const char *text = mpx_printf(mpx_req_arena(r), "%.*s", (int)name.n, name.p).p;
    return mpx_res_header_add(r, text, value) == 0 ? 0
                                                   : fault(o, "has a field that cannot be sent");
}

static int take_line(struct mpx_req *r, struct output *o, struct mpx_str line)
{
    const char *colon = memchr(line.p, ':', line.n);

    if (o->fields++ == 0 && o->is_nph) {
        if (line.n < 9 || memcmp(line.p, "HTTP/1.", 7) != 0 || line.p[8] != ' ')
            return fault(o, "does not begin with a status line, as that of nph- does");
        return take_status(o, (struct mpx_str){ line.p + 9, line.n - 9 });
    }
    if (colon == NULL)
        return fault(o, "has a line that is no field");
    struct mpx_str name = { line.p, (size_t)(colon - line.p) };
    struct mpx_str value = trimmed((struct mpx_str){ colon + 1, line.n - name.n - 1 });
    if (!is_token(name) || has_control(value))
        return fault(o, "has a field that cannot be sent");
    return take_field(r, o, name, value);
}

bool output_is_local_redirect(const struct output *o)
{
    return o->has_header && !o->is_nph && o->status == 0 && o->location.n > 0 &&
           o->location.p[0] == '/' && (o->location.n == 1 || o->location.p[1] != '/');
}

/* All lines are there: what they mean together. */
static int finish_header(struct mpx_req *r, struct output *o)
{
    if (o->fields == 0)
        return fault(o, "is empty");
    if (o->status == 0 && o->location.n == 0 && !o->has_type)
        return fault(o, "has neither Content-Type nor Status nor Location (RFC 3875 6.2)");
    o->has_header = true;
    if (output_is_local_redirect(o))
        return -1;
    if (o->status == 0 && o->location.n > 0)
        o->status = 302;
    if (o->status != 0) /* else 200; a page of error_pages has that of the error */
        mpx_res_status(r, o->status);
    return 0;
}

/* Keeps what has come of a line, or of the header. */
static int keep(struct mpx_req *r, struct output *o, const char *p, size_t n)
{
    if (n > o->max - o->head_n)
        return fault(o, "is longer than max_header");
    if (o->head_n + n > o->room) {
        size_t room = o->room != 0 ? 2 * o->room : ROOM_AT_FIRST;

        while (room < o->head_n + n)
            room *= 2;
        char *more = mpx_alloc(mpx_req_arena(r), room);
        if (o->head_n > 0)
            memcpy(more, o->head, o->head_n);
        o->head = more;
        o->room = room;
    }
    memcpy(o->head + o->head_n, p, n);
    o->head_n += n;
    return 0;
}

/* The line that begins at "at" in what was kept, with its LF or CR LF. */
static int end_line(struct mpx_req *r, struct output *o, size_t at)
{
    struct mpx_str line = { o->head + at, o->head_n - at - 1 };

    if (line.n > 0 && line.p[line.n - 1] == '\r')
        line.n--;
    return line.n == 0 ? finish_header(r, o) : take_line(r, o, line);
}

/* Where the last line that was kept begins. */
static size_t line_begin(const struct output *o)
{
    size_t at = o->head_n;

    while (at > 0 && o->head[at - 1] != '\n')
        at--;
    return at;
}

static int take_header(struct mpx_req *r, struct output *o, struct mpx_str *part)
{
    while (!o->has_header && part->n > 0) {
        const char *lf = memchr(part->p, '\n', part->n);
        size_t n = lf != NULL ? (size_t)(lf - part->p) + 1 : part->n, at = line_begin(o);

        if (keep(r, o, part->p, n) < 0 || (lf != NULL && end_line(r, o, at) < 0))
            return -1;
        part->p += n;
        part->n -= n;
    }
    return 0;
}

int output_take(struct mpx_req *r, struct output *o, struct mpx_str part)
{
    if (!o->has_header && take_header(r, o, &part) < 0)
        return -1;
    if (o->has_header && o->set_count > 0 && o->keeps_sets) {
        char *rest = mpx_alloc(mpx_req_arena(r), part.n + 1);

        if (part.n > 0)
            memcpy(rest, part.p, part.n);
        o->rest = (struct mpx_str){ rest, part.n };
        return 1;
    }
    if (part.n == 0)
        return 0;
    if (o->promised >= 0 && (int64_t)part.n > o->promised - o->passed)
        return fault(o, "has more bytes than its Content-Length says");
    o->passed += (int64_t)part.n;
    if (mpx_res_write(r, part) < 0)
        return -1;
    (void)mpx_res_flush(r);
    return 0;
}
