/* SPDX-License-Identifier: MIT */
#include "naive.h"

#include <string.h>

/* Lines of a head, byte after byte. */
struct lines {
    struct mpx_str bytes;
    size_t at, room; /* the next byte; where the head has become too long */
    size_t line_max; /* of the request line; 0 behind it */
    struct naive_message *m;
};

enum got { GOT_LINE, GOT_PART, GOT_FAULT };

static const struct {
    const char *name;
    int status;
} rules[] = {
#define NAIVE_ENTRY(name, status, stricter) { #name, status },
    NAIVE_RULES(NAIVE_ENTRY)
#undef NAIVE_ENTRY
};

const char *naive_rule_name(unsigned rule)
{
    return rules[rule].name;
}

bool naive_may_answer(const struct naive_message *m, int status)
{
    bool may = false;

    for (unsigned i = 0; i < NAIVE_RULE_COUNT; i++)
        may = may ||
              (((m->rules | m->body_rules | m->maybe) >> i & 1) != 0 && rules[i].status == status);
    /* are codings that do not make sense together malformed, or not known? */
    return may || (status == 400 && (m->rules >> NAIVE_CODING_OTHER & 1) != 0);
}

bool naive_same(struct mpx_str a, const char *lower)
{
    if (a.n != strlen(lower))
        return false;
    for (size_t i = 0; i < a.n; i++) {
        char c = a.p[i] >= 'A' && a.p[i] <= 'Z' ? (char)(a.p[i] + 32) : a.p[i];

        if (c != lower[i])
            return false;
    }
    return true;
}

bool naive_is_token(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL))
            return false;
    }
    return s.n > 0;
}

static enum got fault(struct lines *l, enum naive_rule rule)
{
    naive_break(l->m, rule);
    l->m->decided = true;
    return GOT_FAULT;
}

/* The next byte; -1 at the end of what there is, -2 past the room. */
static int next_byte(struct lines *l)
{
    if (l->at == l->bytes.n)
        return -1;
    if (l->at == l->room)
        return -2;
    return (unsigned char)l->bytes.p[l->at++];
}

static enum got get_line(struct lines *l, struct mpx_str *line)
{
    size_t from = l->at;

    for (;;) {
        bool in_fields = l->line_max == 0, first = l->at == from;
        int c = next_byte(l);

        if (c == '\r') {
            *line = (struct mpx_str){ l->bytes.p + from, l->at - 1 - from };
            c = next_byte(l);
            if (c == '\n')
                return GOT_LINE;
            if (c >= 0)
                return fault(l, NAIVE_BARE_CR);
        }
        if (c == -1)
            return GOT_PART;
        if (c == -2)
            return fault(l, NAIVE_HEAD_TOO_LONG);
        if (c == '\n')
            return fault(l, NAIVE_BARE_LF);
        if (first && (c == ' ' || c == '\t'))
            return fault(l, NAIVE_FOLDED);
        if (first && c == ':' && in_fields)
            return fault(l, NAIVE_NO_NAME);
        if (c == 0x7f || (c < 0x20 && !(c == '\t' && in_fields)))
            return fault(l, NAIVE_CONTROL_BYTE);
        if (c >= 0x80 && !in_fields)
            return fault(l, NAIVE_HIGH_BYTE);
        if (!in_fields && l->at - from > l->line_max)
            return fault(l, NAIVE_LINE_TOO_LONG);
    }
}

static void read_version(struct naive_message *m)
{
    struct mpx_str v = m->version;

    if (v.n != 8 || memcmp(v.p, "HTTP/", 5) != 0 || v.p[5] < '0' || v.p[5] > '9' || v.p[6] != '.' ||
        v.p[7] < '0' || v.p[7] > '9')
        naive_break(m, NAIVE_VERSION_SHAPE);
    else if (v.p[5] != '1' || v.p[7] > '1')
        naive_break(m, NAIVE_VERSION_OTHER);
}

static bool is_method(struct mpx_str s)
{
    static const char known[] =
        " GET HEAD POST PUT DELETE PATCH OPTIONS TRACE COPY LOCK MKCOL MOVE "
        "ACL PROPFIND PROPPATCH UNLOCK REPORT SEARCH ";
    char word[24];

    if (s.n + 3 > sizeof(word))
        return false;
    word[0] = ' ';
    memcpy(word + 1, s.p, s.n);
    word[1 + s.n] = ' ';
    word[2 + s.n] = '\0';
    return strstr(known, word) != NULL;
}

/* method SP request-target SP HTTP-version */
static void read_request_line(struct naive_message *m, const struct naive_limits *limits)
{
    struct mpx_str words[3] = { { m->line.p, 0 } };
    size_t word = 0;

    for (size_t i = 0; i < m->line.n; i++) {
        if (m->line.p[i] != ' ')
            words[word].n++;
        else if (word < 2)
            words[++word] = (struct mpx_str){ m->line.p + i + 1, 0 };
        else
            word = 3;
        if (word == 3)
            break;
    }
    m->method = words[0];
    m->target = words[1];
    m->version = words[2];
    if (word != 2 || !naive_is_token(m->method) || m->target.n == 0) {
        naive_break(m, NAIVE_LINE_SHAPE);
        return;
    }
    read_version(m);
    if (m->target.n > limits->uri)
        naive_break(m, NAIVE_TARGET_TOO_LONG);
    if (!is_method(m->method))
        naive_break(m, NAIVE_METHOD_UNKNOWN);
}

static struct mpx_str without_blanks(struct mpx_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct mpx_str){ s.p + 1, s.n - 1 };
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

static void read_field(struct naive_message *m, struct mpx_str line)
{
    const char *colon = memchr(line.p, ':', line.n);
    struct mpx_pair *f = &m->fields[m->field_count];

    if (colon == NULL || m->field_count == NAIVE_FIELDS) {
        naive_break(m, NAIVE_FIELD_SHAPE);
        return;
    }
    size_t n = (size_t)(colon - line.p);
    f->key = (struct mpx_str){ line.p, n };
    f->value = without_blanks((struct mpx_str){ colon + 1, line.n - n - 1 });
    if (!naive_is_token(f->key))
        naive_break(m, NAIVE_FIELD_SHAPE);
    m->field_count++;
}

/* How often a field is there, and its first value. */
static size_t find(const struct naive_message *m, const char *name, struct mpx_str *value)
{
    size_t count = 0;

    for (size_t i = 0; i < m->field_count; i++)
        if (naive_same(m->fields[i].key, name) && count++ == 0)
            *value = m->fields[i].value;
    return count;
}

static void read_host(struct naive *v, struct naive_message *m)
{
    struct mpx_str value, host;
    size_t count = find(m, "host", &value);

    if (count > 1 || (count == 0 && m->version.p[7] == '1'))
        naive_break(m, NAIVE_HOST_COUNT);
    if (count == 1 && !naive_host(v, value, &host))
        naive_break(m, NAIVE_HOST_SHAPE);
    else if (count == 1 && m->host.p == NULL) /* the target's authority rules */
        m->host = host;
}

/* Connection is a list of tokens; one with quotes in it can be cut in more than one way. */
static void read_connection(struct naive_message *m)
{
    bool close = false, keep = false, quoted = false;

    for (size_t i = 0; i < m->field_count; i++) {
        struct mpx_str rest = m->fields[i].value;

        if (!naive_same(m->fields[i].key, "connection"))
            continue;
        while (rest.n > 0) {
            const char *comma = memchr(rest.p, ',', rest.n);
            size_t n = comma != NULL ? (size_t)(comma - rest.p) : rest.n;
            struct mpx_str word = without_blanks((struct mpx_str){ rest.p, n });

            close = close || naive_same(word, "close");
            keep = keep || naive_same(word, "keep-alive");
            quoted = quoted || memchr(rest.p, '"', n) != NULL;
            n += comma != NULL;
            rest = (struct mpx_str){ rest.p + n, rest.n - n };
        }
    }
    m->close = close || (m->version.p[7] == '0' && !keep);
    m->close_maybe = quoted;
}

/* Digits alone, of a number that 64 bits hold. */
static bool read_length(struct mpx_str s, uint64_t *length)
{
    *length = 0;
    for (size_t i = 0; i < s.n; i++) {
        uint64_t digit = (uint64_t)(unsigned char)s.p[i] - '0';

        if (digit > 9 || *length > (UINT64_MAX - digit) / 10)
            return false;
        *length = *length * 10 + digit;
    }
    return s.n > 0;
}

/* RFC 9112 6: how the body is delimited. */
static void read_framing(struct naive_message *m, const struct naive_limits *limits, bool *chunked,
                         uint64_t *length)
{
    struct mpx_str coding, text;
    size_t codings = find(m, "transfer-encoding", &coding);
    size_t lengths = find(m, "content-length", &text);

    *length = 0;
    *chunked = codings > 0;
    if (codings > 0 && lengths > 0)
        naive_break(m, NAIVE_LENGTH_AND_CODING);
    if (codings > 1 || (codings == 1 && !naive_same(coding, "chunked")))
        naive_break(m, NAIVE_CODING_OTHER);
    if (codings > 0 && m->version.p[7] == '0')
        m->close = true;
    if (lengths > 1 || (lengths == 1 && !read_length(text, length)))
        naive_break(m, NAIVE_LENGTH_SHAPE);
    m->too_long = codings == 0 && *length > limits->body;
}

static void read_expect(struct naive_message *m, bool has_body)
{
    struct mpx_str value;
    size_t count = find(m, "expect", &value);

    if (count == 0 || m->version.p[7] == '0')
        return;
    if (count > 1 || !naive_same(value, "100-continue"))
        naive_break(m, NAIVE_EXPECTATION);
    else
        m->expects = has_body;
}

/* Lines up to the empty one; false when the head is not whole. */
static bool read_lines(struct lines *l, const struct naive_limits *limits)
{
    struct naive_message *m = l->m;
    size_t empty = 0, fields = 0;

    do {
        if (get_line(l, &m->line) != GOT_LINE) {
            m->line.n = 0;
            return false;
        }
        if (m->line.n == 0 && ++empty > 2)
            return fault(l, NAIVE_EMPTY_LINES) == GOT_LINE;
    } while (m->line.n == 0);
    read_request_line(m, limits);
    l->line_max = 0;
    for (;;) {
        struct mpx_str line;

        if (get_line(l, &line) != GOT_LINE)
            return false;
        if (line.n == 0)
            return true;
        read_field(m, line);
        if (++fields > limits->headers)
            return fault(l, NAIVE_TOO_MANY_FIELDS) == GOT_LINE;
    }
}

static void read_message(struct naive *v, struct naive_message *m,
                         const struct naive_limits *limits, struct mpx_str bytes, size_t at)
{
    struct lines l = { .bytes = bytes,
                       .at = at,
                       .room = at + limits->header_bytes,
                       .line_max = limits->uri + 64,
                       .m = m };
    const uint64_t line_broken = (uint64_t)1 << NAIVE_LINE_SHAPE |
                                 (uint64_t)1 << NAIVE_VERSION_SHAPE |
                                 (uint64_t)1 << NAIVE_VERSION_OTHER;
    uint64_t length;
    bool chunked;

    memset(m, 0, offsetof(struct naive_message, fields));
    m->field_count = 0;
    m->host = m->path = m->query = m->body = (struct mpx_str){ NULL, 0 };
    m->at = at;
    for (int i = 0; i < 2 && bytes.n - at >= 2 && memcmp(bytes.p + at, "\r\n", 2) == 0; i++)
        at += 2;
    m->is_head = bytes.n - at >= 5 && memcmp(bytes.p + at, "HEAD ", 5) == 0;
    bool whole = read_lines(&l, limits);
    if (!whole)
        return;
    m->decided = m->rules != 0;
    if ((m->rules & line_broken) != 0)
        return;
    naive_target(v, m);
    read_host(v, m);
    read_connection(m);
    read_framing(m, limits, &chunked, &length);
    read_expect(m, chunked || length > 0);
    m->decided = m->rules != 0;
    m->head = m->rules == 0;
    if ((m->rules & ~((uint64_t)1 << NAIVE_PATH_SLASH)) == 0)
        naive_body(v, m, limits, bytes, l.at, chunked, length);
}

void naive_read(struct naive *v, const struct naive_limits *limits, struct mpx_str bytes)
{
    size_t at = 0;

    v->count = v->used = 0;
    while (at < bytes.n && v->count < NAIVE_MESSAGES) {
        struct naive_message *m = &v->messages[v->count++];

        read_message(v, m, limits, bytes, at);
        if (!m->whole || (m->close && !m->close_maybe))
            return;
        at = m->end;
    }
}
