/* SPDX-License-Identifier: MIT */
#include "uri.h"

#include "str.h"

#include <arpa/inet.h>

/* Visible ASCII that no URI may hold raw, yet '|', '^', '`', '{' and '}' pass: browsers send
   them. */
static bool is_refused(char c, const char *also)
{
    unsigned char u = (unsigned char)c;

    return u <= 0x20 || u >= 0x7f || strchr(also, c) != NULL;
}

static bool has_refused(struct mpx_str s, const char *also)
{
    for (size_t i = 0; i < s.n; i++)
        if (is_refused(s.p[i], also))
            return true;
    return false;
}

static int parse_path(struct mpx_str s, struct uri_target *t)
{
    size_t mark = str_find(s, '?');

    t->path = str_head(s, mark);
    t->query = str_from(s, mark + 1);
    if (has_refused(t->path, "\"<>\\#") || has_refused(t->query, "\"<>#"))
        return 400;
    return 0;
}

int uri_parse_target(struct mpx_str text, struct uri_target *t)
{
    static const struct mpx_str http = { "http://", 7 };

    *t = (struct uri_target){ .form = URI_ORIGIN };
    if (str_is(text, "*")) {
        t->form = URI_ASTERISK;
        t->path = text;
        return 0;
    }
    if (text.n > 0 && text.p[0] == '/')
        return parse_path(text, t);
    if (!str_same_word(str_head(text, http.n), http))
        return 400;
    t->form = URI_ABSOLUTE;
    text = str_from(text, http.n);
    size_t end = 0;
    while (end < text.n && strchr("/?#", text.p[end]) == NULL)
        end++;
    t->authority = str_head(text, end);
    text = str_from(text, end);
    if (t->authority.n == 0 || has_refused(t->authority, "\"<>\\@"))
        return 400;
    if (parse_path(text, t) != 0)
        return 400;
    if (t->path.n == 0)
        t->path = MPX_STR("/");
    return t->path.p[0] == '/' ? 0 : 400;
}

/* The length of an IPv6 literal with its brackets at the start of s, or 0. */
static size_t ipv6_length(struct mpx_str s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    size_t end = str_find(s, ']');

    if (end == s.n || end > sizeof(text))
        return 0;
    memcpy(text, s.p + 1, end - 1);
    text[end - 1] = '\0';
    if (strlen(text) != end - 1) /* the rest would not be looked at */
        return 0;
    return inet_pton(AF_INET6, text, &address) == 1 ? end + 1 : 0;
}

static bool is_host_char(char c)
{
    unsigned char u = (unsigned char)c;

    return (u >= '0' && u <= '9') || (str_lower(c) >= 'a' && str_lower(c) <= 'z') || c == '-' ||
           c == '.' || c == '_' || c == '~';
}

/* The length of the name or IPv4 address at the start of s; 0 when a label of it is empty: "a..b"
   and ".a" name nothing. */
static size_t name_length(struct mpx_str s)
{
    size_t n = 0;

    for (; n < s.n && is_host_char(s.p[n]); n++)
        if (s.p[n] == '.' && (n == 0 || s.p[n - 1] == '.'))
            return 0;
    return n;
}

static bool is_port(struct mpx_str s)
{
    uint64_t port;

    return s.n == 0 || (s.n <= 5 && str_to_u64(s, &port) == 0 && port <= 65535);
}

int uri_parse_host(struct mpx_str text, char out[URI_HOST_MAX])
{
    if (text.n == 0)
        return 0;
    size_t n = text.p[0] == '[' ? ipv6_length(text) : name_length(text);
    struct mpx_str port = str_from(text, n);
    if (n == 0 || (port.n > 0 && (port.p[0] != ':' || !is_port(str_from(port, 1)))))
        return -1;
    if (text.p[n - 1] == '.')
        n--;
    if (n > URI_HOST_MAX)
        return -1;
    for (size_t i = 0; i < n; i++)
        out[i] = str_lower(text.p[i]);
    return (int)n;
}

static int decode(struct mpx_str in, char *out, size_t *n)
{
    size_t w = 0;

    for (size_t i = 0; i < in.n; i++) {
        char c = in.p[i];

        if (c == '%') {
            int high = i + 2 < in.n ? str_hex_digit(in.p[i + 1]) : -1;
            int low = i + 2 < in.n ? str_hex_digit(in.p[i + 2]) : -1;
            if (high < 0 || low < 0)
                return 400;
            c = (char)(high << 4 | low);
            i += 2;
            if (c == '\0')
                return 400;
            if (c == '/' || c == '\\')
                return 404;
        }
        out[w++] = c;
    }
    *n = w;
    return 0;
}

int uri_normal_decoded(struct mpx_str in, char *out, size_t *n)
{
    size_t w = 0, i = 0;

    if (in.n == 0 || in.p[0] != '/' || str_find(in, '\0') < in.n)
        return 400;
    while (i < in.n) { /* in.p[i] is a slash, and out holds a path that ends without one */
        while (i < in.n && in.p[i] == '/')
            i++;
        struct mpx_str segment = str_head(str_from(in, i), str_find(str_from(in, i), '/'));
        bool last = i + segment.n == in.n;
        if (str_is(segment, "..")) {
            if (w == 0)
                return 400;
            while (out[--w] != '/')
                ;
        } else if (!str_is(segment, ".") && segment.n > 0) {
            out[w++] = '/';
            memmove(out + w, in.p + i, segment.n);
            w += segment.n;
            last = false;
        }
        i += segment.n;
        if (last) /* ended by a slash or a dot segment: a directory is meant */
            out[w++] = '/';
    }
    *n = w;
    return 0;
}

int uri_normal_path(struct mpx_str in, char *out, size_t *n)
{
    size_t decoded;
    int status = decode(in, out, &decoded);

    return status != 0 ? status : uri_normal_decoded((struct mpx_str){ out, decoded }, out, n);
}

size_t uri_encode_path(struct mpx_str path, char *out)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t w = 0;

    for (size_t i = 0; i < path.n; i++) {
        unsigned char c = (unsigned char)path.p[i];

        if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
            (c != '\0' && strchr("-._~/", c) != NULL)) {
            out[w++] = (char)c;
        } else {
            out[w++] = '%';
            out[w++] = hex[c >> 4];
            out[w++] = hex[c & 15];
        }
    }
    return w;
}
