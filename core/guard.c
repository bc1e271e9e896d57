/* SPDX-License-Identifier: MIT */
#include "guard.h"

#include "str.h"

enum {
    EMPTY_LINES_MAX = 2,    /* before a request line (RFC 9112 2.2 asks for one) */
    REQUEST_LINE_EXTRA = 64 /* what a request line may hold beside its target */
};

/* Which bytes may stand where. */
enum { IN_REQUEST_LINE = 1, IN_FIELD = 2 };

static unsigned char_class(unsigned char c)
{
    if (c > 0x20 && c < 0x7f)
        return IN_REQUEST_LINE | IN_FIELD;
    if (c == ' ')
        return IN_REQUEST_LINE | IN_FIELD;
    return c == '\t' || c >= 0x80 ? IN_FIELD : 0;
}

void guard_start(struct guard *g)
{
    *g = (struct guard){ .in_fields = false };
}

void guard_start_trailers(struct guard *g)
{
    *g = (struct guard){ .in_fields = true, .checks_names = true, .in_name = true };
}

/* The line that is at its LF; 'at' is the offset behind it. 0 to go on, else what guard_scan
   says. */
static int end_of_line(struct guard *g, const struct guard_limits *limits, size_t at)
{
    bool empty = g->line == 0;

    g->line = 0;
    g->cr = false;
    g->in_name = g->checks_names;
    if (g->in_fields) {
        if (empty)
            return GUARD_COMPLETE;
        return ++g->fields > limits->fields ? 431 : 0;
    }
    if (empty) {
        g->line_start = at;
        return ++g->empty > EMPTY_LINES_MAX ? 400 : 0;
    }
    g->line_end = at - 2;
    g->in_fields = true;
    return 0;
}

/* A byte that no line of this kind may begin with: a blank folds, a colon names nothing. */
static bool is_bad_start(const struct guard *g, char c)
{
    return g->line == 0 && (c == ' ' || c == '\t' || (c == ':' && g->in_fields));
}

/* How many of n bytes belong to a field's name; the one behind must be a colon, or the CR of an
   empty line. False when it is anything else. */
static bool scan_name(struct guard *g, const char *p, size_t n, size_t *used)
{
    size_t i = 0;

    while (i < n && str_is_token_char((unsigned char)p[i]))
        i++;
    *used = i;
    if (i == n)
        return true;
    g->in_name = false;
    return p[i] == ':' || (p[i] == '\r' && g->line + i == 0);
}

/* Goes through n bytes that the limit of all bytes allows, to the first fault or to the end. */
static int scan(struct guard *g, const struct guard_limits *limits, const char *p, size_t n,
                size_t *used)
{
    size_t i = 0;
    int rc = GUARD_MORE;

    while (i < n && rc == GUARD_MORE) {
        unsigned want = g->in_fields ? IN_FIELD : IN_REQUEST_LINE;
        size_t start = i;

        if (g->cr) {
            if (p[i++] != '\n')
                return 400;
            rc = end_of_line(g, limits, g->seen + i);
            continue;
        }
        if (is_bad_start(g, p[i]))
            return 400;
        if (g->in_name) {
            size_t name;

            if (!scan_name(g, p + i, n - i, &name))
                return 400;
            i += name;
        }
        while (i < n && (char_class((unsigned char)p[i]) & want) != 0)
            i++;
        g->line += i - start;
        if (!g->in_fields && g->line > limits->uri + REQUEST_LINE_EXTRA)
            return 414;
        if (i < n) {
            if (p[i] != '\r')
                return 400;
            g->cr = true;
            i++;
        }
    }
    *used = i;
    return rc;
}

int guard_scan(struct guard *g, const struct guard_limits *limits, const char *p, size_t n,
               size_t *used)
{
    size_t room = limits->bytes > g->seen ? limits->bytes - g->seen : 0;
    int rc = scan(g, limits, p, n < room ? n : room, used);

    if (rc != GUARD_MORE && rc != GUARD_COMPLETE)
        return rc;
    g->seen += *used;
    return rc == GUARD_MORE && n > room ? 431 : rc;
}
