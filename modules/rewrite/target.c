/* SPDX-License-Identifier: MIT
   Reading of targets. */
#include "target.h"

#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '_';
}

/* How long the variable's name is that s begins with: words joined by dots; behind a dot also with
   hyphens. */
static size_t name_length(const char *s, size_t n)
{
    bool behind_dot = false;
    size_t i = 0;

    for (; i < n; i++) {
        bool more = i + 1 < n && is_word(s[i + 1]);

        if (s[i] == '.' && i > 0 && more)
            behind_dot = true;
        else if (!is_word(s[i]) && !(s[i] == '-' && behind_dot && more))
            break;
    }
    return i;
}

/* A text while it is read. */
struct reader {
    struct mpx_str text;
    size_t at;
    unsigned flags;
    const struct pattern *match;
    enum zone zone;
    bool is_uri, had_rest;
    struct target *t;
};

static struct part *add(struct reader *rd, enum part_kind kind, size_t n)
{
    struct part *p = &rd->t->parts[rd->t->count++];

    *p = (struct part){ .kind = kind, .zone = rd->zone, .text = { rd->text.p + rd->at, n } };
    rd->at += n;
    return p;
}

static bool is_text(const struct mpx_str *s, const char *text)
{
    return s->n == strlen(text) && memcmp(s->p, text, s->n) == 0;
}

/* Whether that variable is whole without a word behind a dot: "$path.html" is $path and ".html". */
static bool is_plain_name(struct mpx_str name)
{
    static const char *const names[] = { "path",   "query",  "host",        "vhost", "user",
                                         "method", "scheme", "remote_addr", "line",  "request_id" };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        if (is_text(&name, names[i]))
            return true;
    return false;
}

/* A capture or variable, whose name s begins with. */
static void read_name(struct reader *rd, const char *s, size_t n)
{
    const char *dot = memchr(s, '.', n);
    struct mpx_str first = { s, dot != NULL ? (size_t)(dot - s) : n };
    int group = rd->match != NULL ? pattern_group_named(rd->match, first) : -1;

    if (group > 0) {
        add(rd, PART_GROUP, first.n + 1)->group = (unsigned)group;
        return;
    }
    struct part *p = add(rd, PART_VARIABLE, 1 + (is_plain_name(first) ? first.n : n));
    if (p->zone == ZONE_AUTHORITY && is_text(&p->text, "$path"))
        p->zone = rd->zone = ZONE_PATH;
}

/* A capture, a variable, or a dollar. */
static void read_dollar(struct reader *rd)
{
    const char *s = rd->text.p + rd->at + 1;
    size_t left = rd->text.n - rd->at - 1, n = name_length(s, left);

    if (left > 0 && s[0] >= '0' && s[0] <= '9') {
        add(rd, PART_GROUP, 2)->group = (unsigned)(s[0] - '0');
    } else if (n > 0) {
        read_name(rd, s, n);
    } else { /* "$$" is one */
        rd->at += left > 0 && s[0] == '$';
        (void)add(rd, PART_TEXT, 1);
    }
}

/* The end of the stretch of plain bytes at rd->at; *what is set when one may not stand there. */
static size_t plain_end(const struct reader *rd, const char **what)
{
    size_t i = rd->at;

    for (; i < rd->text.n; i++) {
        char c = rd->text.p[i];

        if ((c == '$' && (rd->flags & TARGET_PLAIN) == 0) ||
            (rd->is_uri && (c == '*' && (rd->flags & (TARGET_REST | TARGET_NO_REST)) != 0)))
            break;
        if (!rd->is_uri)
            continue;
        if ((c == '?' && rd->zone <= ZONE_PATH) || (c == '#' && rd->zone != ZONE_FRAGMENT) ||
            (c == '/' && rd->zone == ZONE_AUTHORITY))
            break;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            *what = "has a control byte in it";
        if (c == '@' && rd->zone == ZONE_AUTHORITY)
            *what = "has a user in it";
        if (c == '%' &&
            (i + 2 >= rd->text.n || strspn(rd->text.p + i + 1, "0123456789abcdefABCDEF") < 2 ||
             memcmp(rd->text.p + i, "%00", 3) == 0))
            *what =
                "has a \"%\" that two hexadecimal digits other than 00 do not follow: \"%25\" is "
                "a plain one";
    }
    return i;
}

/* The byte where a stretch ends: the begin of another zone, or of what is filled in. */
static const char *read_mark(struct reader *rd)
{
    switch (rd->text.p[rd->at]) {
    case '$':
        read_dollar(rd);
        return NULL;
    case '*':
        if ((rd->flags & TARGET_NO_REST) != 0 || rd->had_rest)
            return rd->had_rest ? "has \"*\" twice" : "has a \"*\" but its path has none";
        rd->had_rest = true;
        if (rd->zone == ZONE_AUTHORITY)
            rd->zone = ZONE_PATH;
        (void)add(rd, PART_REST, 1);
        return NULL;
    case '/':
        rd->zone = ZONE_PATH;
        return NULL;
    case '?':
        rd->zone = ZONE_QUERY;
        rd->t->has_query = true;
        rd->at++;
        return NULL;
    default:
        rd->zone = ZONE_FRAGMENT;
        rd->at++;
        return NULL;
    }
}

static const char *read_parts(struct reader *rd)
{
    const char *what = NULL;

    rd->t->count = 0;
    while (rd->at < rd->text.n && what == NULL) {
        if (rd->t->count + 2 > TARGET_PARTS)
            return "has more variables than 24";
        size_t end = plain_end(rd, &what);
        if (end > rd->at)
            (void)add(rd, PART_TEXT, end - rd->at);
        if (what == NULL && rd->at < rd->text.n)
            what = read_mark(rd);
    }
    return what;
}

/* What comes from a client does not make the end of a host name: "https://new.example$1" has a
   slash before $1, whatever that is. */
static void end_authority(struct target *t)
{
    size_t n = 0;

    while (n < t->count && t->parts[n].zone == ZONE_AUTHORITY)
        n++;
    if (n < 2 || (n < t->count && t->parts[n].zone == ZONE_PATH))
        return;
    struct part *p = &t->parts[n - 1];
    if (p->kind != PART_TEXT && !is_text(&p->text, "$host") && !is_text(&p->text, "$vhost"))
        p->zone = ZONE_PATH;
}

const char *target_read(struct mpx_str text, unsigned flags, const struct pattern *match,
                        struct target *t, struct part *parts)
{
    struct reader rd = {
        .text = text, .flags = flags, .match = match, .is_uri = true, .zone = ZONE_PATH, .t = t
    };

    *t = (struct target){ .parts = parts };
    if (text.n >= 7 && strncasecmp(text.p, "http://", 7) == 0) {
        t->scheme = "http";
        rd.at = 7;
    } else if (text.n >= 8 && strncasecmp(text.p, "https://", 8) == 0) {
        t->scheme = "https";
        rd.at = 8;
    } else if (text.n > 1 && memcmp(text.p, "//", 2) == 0) {
        return "begins with \"//\", which names another host: write \"https://\" or one \"/\"";
    } else if (text.n == 0 ||
               (text.p[0] != '/' && (text.p[0] != '$' || (flags & TARGET_PLAIN) != 0))) {
        return "must be a path, \"/...\", or an absolute URI, \"https://...\"";
    }
    if (t->scheme != NULL)
        rd.zone = ZONE_AUTHORITY;
    const char *what = read_parts(&rd);
    if (what != NULL)
        return what;
    if (t->scheme != NULL && (t->count == 0 || t->parts[0].zone != ZONE_AUTHORITY))
        return "names no host";
    end_authority(t);
    return NULL;
}

const char *target_read_text(struct mpx_str text, const struct pattern *match, struct target *t,
                             struct part *parts)
{
    struct reader rd = { .text = text, .match = match, .zone = ZONE_PATH, .t = t };

    *t = (struct target){ .parts = parts };
    return read_parts(&rd);
}

const struct target *target_keep(struct mpx_arena *a, const struct target *t)
{
    struct target *kept = mpx_alloc(a, sizeof(*kept));

    *kept = *t;
    kept->parts = mpx_alloc(a, t->count * sizeof(*t->parts));
    if (t->count > 0)
        memcpy(kept->parts, t->parts, t->count * sizeof(*t->parts));
    return kept;
}
