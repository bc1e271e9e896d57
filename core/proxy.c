/* SPDX-License-Identifier: MIT */
#include "proxy.h"

#include "str.h"

static const char signature[] = "\r\n\r\n\0\r\nQUIT\n";
enum { SIGNATURE = sizeof(signature) - 1 };

/* Version 2: what it says, and for what kind of addresses. */
enum { V2_LOCAL = 0x20, V2_PROXY = 0x21 };
enum { V2_UNSPEC = 0x00, V2_TCP4 = 0x11, V2_TCP6 = 0x21, V2_UNIX = 0x31 };

/* The word before the next space, which must be there; both are taken off *line. */
static bool next_word(struct mpx_str *line, struct mpx_str *word)
{
    size_t space = str_find(*line, ' ');

    *word = str_head(*line, space);
    *line = str_from(*line, space + 1);
    return space > 0 && word->p + space < line->p + line->n;
}

static bool read_port(struct mpx_str s, uint16_t *port)
{
    uint64_t n;

    if (s.n == 0 || s.n > 5 || (s.n > 1 && s.p[0] == '0') || str_to_u64(s, &n) < 0 || n > 65535)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* An address of the family that the line names. */
static bool read_address(struct mpx_str s, bool six, union address *a)
{
    return (str_find(s, ':') < s.n) == six && address_read(s, a);
}

/* A whole line of version 1, without its CR LF and the word PROXY. */
static enum proxy_rc read_line(struct mpx_str line, union address *client)
{
    struct mpx_str source, destination, port;
    uint16_t from, to;
    union address a, b;
    bool six = str_starts(line, MPX_STR("TCP6 "));

    if (str_is(line, "UNKNOWN") || str_starts(line, MPX_STR("UNKNOWN ")))
        return PROXY_OWN;
    if (!six && !str_starts(line, MPX_STR("TCP4 ")))
        return PROXY_BAD;
    line = str_from(line, 5);
    if (!next_word(&line, &source) || !next_word(&line, &destination) || !next_word(&line, &port) ||
        !read_address(source, six, &a) || !read_address(destination, six, &b) ||
        !read_port(port, &from) || !read_port(line, &to))
        return PROXY_BAD;
    if (a.any.sa_family == AF_INET)
        a.in.sin_port = htons(from);
    else
        a.in6.sin6_port = htons(from);
    *client = a;
    return PROXY_TOLD;
}

static enum proxy_rc take_v1(struct proxy *p, unsigned char c, union address *client)
{
    static const struct mpx_str word = { "PROXY ", 6 };
    const char *bytes = (const char *)p->bytes;

    if (p->n <= word.n)
        return c == (unsigned char)word.p[p->n - 1] ? PROXY_MORE : PROXY_BAD;
    bool was_cr = bytes[p->n - 2] == '\r';
    if (was_cr && c == '\n')
        return read_line((struct mpx_str){ bytes + word.n, p->n - word.n - 2 }, client);
    if (was_cr || c == '\n' || p->n == PROXY_V1_MAX)
        return PROXY_BAD;
    return PROXY_MORE;
}

/* The bytes of addresses that a kind has at least; -1 for a kind that there is not. */
static int address_bytes(unsigned char kind)
{
    switch (kind) {
    case V2_UNSPEC:
        return 0;
    case V2_TCP4:
        return 12;
    case V2_TCP6:
        return 36;
    case V2_UNIX:
        return 216;
    default:
        return -1;
    }
}

static unsigned body_length(const struct proxy *p)
{
    return (unsigned)p->bytes[14] << 8 | p->bytes[15];
}

/* The first 16 bytes are complete. */
static bool is_head_good(const struct proxy *p)
{
    int least = address_bytes(p->bytes[13]);
    unsigned n = body_length(p);

    if (n > PROXY_V2_BODY)
        return false;
    if (p->bytes[12] == V2_LOCAL) /* whatever the rest says */
        return true;
    return p->bytes[12] == V2_PROXY && least >= 0 && n >= (unsigned)least;
}

static enum proxy_rc read_body(const struct proxy *p, union address *client)
{
    const unsigned char *at = p->bytes + PROXY_V2_HEAD;
    union address a;

    memset(&a, 0, sizeof(a));
    if (p->bytes[12] == V2_LOCAL || p->bytes[13] == V2_UNSPEC)
        return PROXY_OWN;
    if (p->bytes[13] == V2_TCP4) {
        a.in.sin_family = AF_INET;
        memcpy(&a.in.sin_addr, at, 4);
        memcpy(&a.in.sin_port, at + 8, 2);
    } else if (p->bytes[13] == V2_TCP6) {
        a.in6.sin6_family = AF_INET6;
        memcpy(&a.in6.sin6_addr, at, 16);
        memcpy(&a.in6.sin6_port, at + 32, 2);
        address_unmap(&a);
    } else {
        a.any.sa_family = AF_UNIX;
    }
    *client = a;
    return PROXY_TOLD;
}

static enum proxy_rc take_v2(struct proxy *p, unsigned char c, union address *client)
{
    if (p->n <= SIGNATURE)
        return c == (unsigned char)signature[p->n - 1] ? PROXY_MORE : PROXY_BAD;
    if (p->n < PROXY_V2_HEAD)
        return PROXY_MORE;
    if (p->n == PROXY_V2_HEAD && !is_head_good(p))
        return PROXY_BAD;
    return p->n < PROXY_V2_HEAD + body_length(p) ? PROXY_MORE : read_body(p, client);
}

enum proxy_rc proxy_read(struct proxy *p, struct mpx_str in, size_t *used, union address *client)
{
    enum proxy_rc rc = PROXY_MORE;
    size_t i = 0;

    while (i < in.n && rc == PROXY_MORE) {
        unsigned char c = (unsigned char)in.p[i++];

        if (p->n < sizeof(p->bytes))
            p->bytes[p->n] = c;
        p->n++;
        rc = p->bytes[0] == 'P' ? take_v1(p, c, client) : take_v2(p, c, client);
    }
    *used = i;
    return rc;
}
