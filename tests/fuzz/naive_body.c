/* SPDX-License-Identifier: MIT */
#include "naive.h"

#include <string.h>

enum { EXTENSION_MAX = 256, EXTENSIONS_MAX = 16384, TRAILER_BYTES = 8192, TRAILER_FIELDS = 64 };

struct chunks {
    struct naive *v;
    struct naive_message *m;
    struct mpx_str bytes;
    size_t at;
    uint64_t limit, total;
    size_t extension, extensions; /* bytes of this chunk's, of all */
};

static void broken(struct chunks *c, enum naive_rule rule)
{
    c->m->body_rules |= (uint64_t)1 << rule;
}

/* The next byte without taking it; -1 at the end. */
static int peek(const struct chunks *c)
{
    return c->at < c->bytes.n ? (unsigned char)c->bytes.p[c->at] : -1;
}

/* False with the rule broken, or, at the end of what there is, without. */
static bool want(struct chunks *c, char byte, enum naive_rule rule)
{
    int next = peek(c);

    if (next == byte) {
        c->at++;
        return true;
    }
    if (next >= 0)
        broken(c, rule);
    return false;
}

static bool read_size(struct chunks *c, uint64_t *size)
{
    size_t digits = 0;
    bool too_long = false;

    *size = 0;
    for (;; c->at++, digits++) {
        int byte = peek(c), low = byte | 32;

        if (byte >= '0' && byte <= '9')
            byte -= '0';
        else if (byte >= 0 && low >= 'a' && low <= 'f')
            byte = low - 'a' + 10;
        else
            break;
        too_long = too_long || *size >> 60 != 0;
        *size = *size << 4 | (uint64_t)byte;
        if (digits >= 16 || too_long)
            broken(c, NAIVE_CHUNK_DIGITS);
    }
    if (c->m->body_rules != 0)
        return false;
    if (digits == 0 && peek(c) >= 0)
        broken(c, NAIVE_CHUNK_SIZE);
    return digits > 0;
}

static bool is_token_byte(int byte)
{
    char c = (char)byte;

    return byte > 0 && byte < 0x80 && naive_is_token((struct mpx_str){ &c, 1 });
}

static void count(struct chunks *c)
{
    c->at++;
    if (++c->extension > EXTENSION_MAX || ++c->extensions > EXTENSIONS_MAX)
        broken(c, NAIVE_CHUNK_EXTENSION_LONG);
}

static void read_token(struct chunks *c)
{
    if (peek(c) >= 0 && !is_token_byte(peek(c)))
        broken(c, NAIVE_CHUNK_EXTENSION);
    while (is_token_byte(peek(c)))
        count(c);
}

static void read_quoted(struct chunks *c)
{
    count(c);
    while (peek(c) >= 0 && peek(c) != '"') {
        if (peek(c) == '\\')
            count(c);
        int byte = peek(c);
        if (byte >= 0 && ((byte < 0x20 && byte != '\t') || byte == 0x7f)) {
            broken(c, NAIVE_CHUNK_EXTENSION);
            return;
        }
        if (byte >= 0)
            count(c);
    }
    if (peek(c) == '"')
        count(c);
}

static bool skip_blanks(struct chunks *c)
{
    bool any = false;

    for (; peek(c) == ' ' || peek(c) == '\t'; any = true)
        count(c);
    return any;
}

/* *( BWS ";" BWS name [ BWS "=" BWS value ] ) */
static bool read_extensions(struct chunks *c)
{
    bool blank;

    c->extension = 0;
    while ((blank = skip_blanks(c)), peek(c) == ';' && c->m->body_rules == 0) {
        count(c);
        (void)skip_blanks(c);
        read_token(c);
        size_t before = c->at;
        (void)skip_blanks(c);
        if (peek(c) != '=') {
            c->extension -= c->at - before; /* they may belong to a semicolon: read again */
            c->extensions -= c->at - before;
            c->at = before;
            continue;
        }
        count(c);
        (void)skip_blanks(c);
        if (peek(c) == '"')
            read_quoted(c);
        else
            read_token(c);
    }
    if (blank && peek(c) >= 0)
        broken(c, NAIVE_CHUNK_EXTENSION);
    return c->m->body_rules == 0;
}

/* What delimits messages has no business here: to refuse it is as right as to drop it. */
static void suspect(struct chunks *c, size_t start)
{
    const char *at = c->bytes.p + start;
    size_t n = c->at - start;
    const char *colon = memchr(at, ':', n);
    struct mpx_str name = { at, colon != NULL ? (size_t)(colon - at) : n };

    if (naive_same(name, "transfer-encoding") || naive_same(name, "content-length"))
        c->m->maybe |= (uint64_t)1 << NAIVE_TRAILER_OF_FRAMING;
}

/* Field lines behind the last chunk; they are dropped, but must be right. */
static bool read_trailers(struct chunks *c)
{
    size_t from = c->at, lines = 0;

    for (;;) {
        size_t start = c->at;
        bool colon = false;

        while (peek(c) >= 0 && peek(c) != '\r') {
            int byte = peek(c);

            if (c->at - from >= TRAILER_BYTES) {
                broken(c, NAIVE_TRAILERS_TOO_LONG);
                return false;
            }
            if (!colon && byte != ':' && !is_token_byte(byte))
                broken(c, NAIVE_FIELD_SHAPE);
            if (byte == ':' && c->at == start)
                broken(c, NAIVE_NO_NAME);
            if ((byte < 0x20 && byte != '\t') || byte == 0x7f)
                broken(c, NAIVE_CONTROL_BYTE);
            if (c->m->body_rules != 0)
                return false;
            colon = colon || byte == ':';
            c->at++;
        }
        bool empty = c->at == start;
        suspect(c, start);
        if (!empty && !colon && peek(c) >= 0)
            broken(c, NAIVE_FIELD_SHAPE);
        if (c->m->body_rules != 0 || !want(c, '\r', NAIVE_BARE_LF) || !want(c, '\n', NAIVE_BARE_CR))
            return false;
        if (empty)
            return true;
        if (++lines > TRAILER_FIELDS) {
            broken(c, NAIVE_TRAILERS_TOO_LONG);
            return false;
        }
    }
}

static bool read_data(struct chunks *c, uint64_t size)
{
    size_t n = c->bytes.n - c->at < size ? c->bytes.n - c->at : (size_t)size;

    memcpy(c->v->room + c->v->used, c->bytes.p + c->at, n);
    c->v->used += n;
    c->m->body.n += n;
    c->at += n;
    return want(c, '\r', NAIVE_CHUNK_END) && want(c, '\n', NAIVE_CHUNK_END);
}

static bool read_chunks(struct chunks *c)
{
    uint64_t size;

    for (;;) {
        if (!read_size(c, &size))
            return false;
        if (!read_extensions(c) || !want(c, '\r', NAIVE_CHUNK_SIZE) ||
            !want(c, '\n', NAIVE_CHUNK_SIZE))
            return false;
        if (size == 0)
            return read_trailers(c);
        if (size > c->limit || c->total > c->limit - size) /* if anybody reads it */
            c->m->maybe |= (uint64_t)1 << NAIVE_BODY_TOO_LONG;
        if (size > UINT64_MAX - c->total) { /* longer than can be counted */
            broken(c, NAIVE_BODY_TOO_LONG);
            return false;
        }
        c->total += size;
        if (!read_data(c, size))
            return false;
    }
}

void naive_body(struct naive *v, struct naive_message *m, const struct naive_limits *limits,
                struct mpx_str bytes, size_t at, bool chunked, uint64_t length)
{
    if (!chunked) {
        m->whole = bytes.n - at >= length;
        m->body = (struct mpx_str){ bytes.p + at, m->whole ? (size_t)length : bytes.n - at };
        m->end = at + m->body.n;
        return;
    }
    struct chunks c = { .v = v, .m = m, .bytes = bytes, .at = at, .limit = limits->body };
    m->body.p = v->room + v->used;
    m->whole = read_chunks(&c);
    m->decided = m->decided || m->body_rules != 0;
    m->end = c.at;
}
