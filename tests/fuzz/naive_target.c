/* SPDX-License-Identifier: MIT */
#include "naive.h"

#include <string.h>

static struct mpx_str from(struct mpx_str s, size_t n)
{
    return (struct mpx_str){ s.p + n, s.n - n };
}

static int hex(char c)
{
    const char *digits = "0123456789abcdef", *at;

    if (c >= 'A' && c <= 'F')
        c = (char)(c + 32);
    at = c != '\0' ? strchr(digits, c) : NULL;
    return at != NULL ? (int)(at - digits) : -1;
}

/* What may stand raw. RFC 3986 3.3 and 3.4 have less: browsers send the rest. */
static bool is_raw(struct mpx_str s, const char *refused)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= 0x20 || s.p[i] >= 0x7f || strchr(refused, s.p[i]) != NULL)
            return false;
    return true;
}

static bool decode(struct naive *v, struct naive_message *m, struct mpx_str path,
                   struct mpx_str *out)
{
    char *to = v->room + v->used;
    size_t n = 0;

    for (size_t i = 0; i < path.n; i++) {
        if (path.p[i] != '%') {
            to[n++] = path.p[i];
            continue;
        }
        int high = path.n - i > 2 ? hex(path.p[i + 1]) : -1;
        int low = path.n - i > 2 ? hex(path.p[i + 2]) : -1;
        if (high < 0 || low < 0 || high + low == 0) {
            naive_break(m, NAIVE_PATH_ESCAPE);
            return false;
        }
        to[n] = (char)(high * 16 + low);
        if (to[n] == '/' || to[n] == '\\') {
            naive_break(m, NAIVE_PATH_SLASH);
            return false;
        }
        n++;
        i += 2;
    }
    v->used += n;
    *out = (struct mpx_str){ to, n };
    return true;
}

/* Segments on a stack: "." and nothing are left out, ".." takes one away. */
static void normalise(struct naive *v, struct naive_message *m, struct mpx_str path)
{
    struct mpx_str stack[512];
    size_t depth = 0;
    bool slash = true;

    while (path.n > 0) {
        path = from(path, 1); /* a slash */
        const char *end = memchr(path.p, '/', path.n);
        struct mpx_str segment = { path.p, end != NULL ? (size_t)(end - path.p) : path.n };

        path = from(path, segment.n);
        slash = segment.n == 0 || naive_same(segment, ".") || naive_same(segment, "..");
        if (naive_same(segment, "..") && depth == 0) {
            naive_break(m, NAIVE_PATH_ABOVE);
            return;
        }
        if (naive_same(segment, ".."))
            depth--;
        else if (!slash)
            stack[depth++] = segment;
    }
    char *to = v->room + v->used;
    size_t n = 0;
    for (size_t i = 0; i < depth; i++) {
        to[n++] = '/';
        memcpy(to + n, stack[i].p, stack[i].n);
        n += stack[i].n;
    }
    if (slash)
        to[n++] = '/';
    v->used += n;
    m->path = (struct mpx_str){ to, n };
}

static void read_path(struct naive *v, struct naive_message *m, struct mpx_str text)
{
    const char *mark = memchr(text.p, '?', text.n);
    struct mpx_str path = { text.p, mark != NULL ? (size_t)(mark - text.p) : text.n }, decoded;

    m->query = mark != NULL ? from(text, path.n + 1) : from(text, text.n);
    if (!is_raw(path, "\"<>\\#") || !is_raw(m->query, "\"<>#"))
        naive_break(m, NAIVE_TARGET_SHAPE);
    else if (decode(v, m, path, &decoded))
        normalise(v, m, decoded);
}

void naive_target(struct naive *v, struct naive_message *m)
{
    struct mpx_str text = m->target, authority;
    size_t n = 7;

    if (naive_same(text, "*")) {
        m->path = text;
        if (m->method.n != 7 || memcmp(m->method.p, "OPTIONS", 7) != 0)
            naive_break(m, NAIVE_TARGET_SHAPE);
        return;
    }
    if (text.p[0] == '/') {
        read_path(v, m, text);
        return;
    }
    if (text.n < 7 || !naive_same((struct mpx_str){ text.p, 7 }, "http://")) {
        naive_break(m, NAIVE_TARGET_SHAPE);
        return;
    }
    while (n < text.n && text.p[n] != '/' && text.p[n] != '?' && text.p[n] != '#')
        n++;
    authority = (struct mpx_str){ text.p + 7, n - 7 };
    if (!naive_host(v, authority, &m->host))
        naive_break(m, NAIVE_TARGET_SHAPE);
    text = from(text, n);
    if (text.n > 0 && text.p[0] == '/') {
        read_path(v, m, text);
    } else if (text.n > 0 && text.p[0] == '#') {
        naive_break(m, NAIVE_TARGET_SHAPE);
    } else { /* RFC 9110 4.2.3: an empty path is "/" */
        m->query = text.n > 0 ? from(text, 1) : text;
        m->path = MPX_STR("/");
        if (!is_raw(m->query, "\"<>#"))
            naive_break(m, NAIVE_TARGET_SHAPE);
    }
}

/* One to three digits of at most 255, without leading zeros, at the start of s. */
static size_t octet(struct mpx_str s)
{
    size_t n = 0, value = 0;

    while (n < s.n && n < 3 && s.p[n] >= '0' && s.p[n] <= '9')
        value = value * 10 + (size_t)(s.p[n++] - '0');
    return value > 255 || (n > 1 && s.p[0] == '0') ? 0 : n;
}

static bool is_ipv4(struct mpx_str s)
{
    for (int i = 0; i < 4; i++) {
        size_t n = octet(s);

        if (n == 0 || (i < 3 && (n == s.n || s.p[n] != '.')) || (i == 3 && n != s.n))
            return false;
        s = from(s, i < 3 ? n + 1 : n);
    }
    return true;
}

/* RFC 3986 3.2.2: eight groups, or fewer with one "::" among them; an IPv4 address for two. */
static bool is_ipv6(struct mpx_str s)
{
    size_t groups = 0;
    bool gap = false, want = false;

    while (s.n > 0) {
        if (s.n >= 2 && s.p[0] == ':' && s.p[1] == ':') {
            if (gap || want)
                return false;
            gap = true;
            s = from(s, 2);
            continue;
        }
        size_t n = 0;
        while (n < s.n && n < 4 && hex(s.p[n]) >= 0)
            n++;
        if (n == 0)
            return false;
        if (n < s.n && s.p[n] == '.')
            return is_ipv4(s) && (gap ? groups <= 5 : groups == 6);
        groups++;
        s = from(s, n);
        want = s.n > 0 && s.p[0] == ':' && (s.n == 1 || s.p[1] != ':');
        if (s.n > 0 && s.p[0] != ':')
            return false;
        if (want)
            s = from(s, 1);
    }
    return !want && (gap ? groups <= 7 : groups == 8);
}

/* Letters, digits, "-._~" in labels that are not empty; one dot may end it. */
static size_t name_length(struct mpx_str s)
{
    size_t n = 0;

    for (; n < s.n && s.p[n] != ':'; n++) {
        char c = s.p[n];

        if (c == '.' && (n == 0 || s.p[n - 1] == '.'))
            return 0;
        if (!(c >= '0' && c <= '9') && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
            (c == '\0' || strchr("-._~", c) == NULL))
            return 0;
    }
    return n;
}

static bool is_port(struct mpx_str s)
{
    unsigned long port = 0;

    if (s.n == 0)
        return true;
    if (s.p[0] != ':' || s.n > 6)
        return false;
    for (size_t i = 1; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        port = port * 10 + (unsigned long)(s.p[i] - '0');
    }
    return port <= 65535;
}

bool naive_host(struct naive *v, struct mpx_str text, struct mpx_str *host)
{
    size_t n = 0;

    if (text.n > 0 && text.p[0] == '[') {
        const char *end = memchr(text.p, ']', text.n);

        if (end == NULL || !is_ipv6((struct mpx_str){ text.p + 1, (size_t)(end - text.p) - 1 }))
            return false;
        n = (size_t)(end - text.p) + 1;
    } else {
        n = name_length(text);
    }
    if (n == 0 || !is_port(from(text, n)))
        return false;
    if (text.p[n - 1] == '.')
        n--;
    if (n > 255)
        return false;
    char *to = v->room + v->used;
    for (size_t i = 0; i < n; i++)
        to[i] = text.p[i] >= 'A' && text.p[i] <= 'Z' ? (char)(text.p[i] + 32) : text.p[i];
    v->used += n;
    *host = (struct mpx_str){ to, n };
    return true;
}
