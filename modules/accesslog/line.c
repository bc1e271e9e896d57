/* SPDX-License-Identifier: MIT */
#include "line.h"

#include <string.h>

static const char hex[] = "0123456789ABCDEF";

void line_add(struct line *l, struct mpx_str s)
{
    size_t room = l->end - l->n, n = s.n < room ? s.n : room;

    if (n > 0)
        memcpy(l->text + l->n, s.p, n);
    l->n += n;
}

/* All of it, or nothing and false. */
static bool add_whole(struct line *l, const char *p, size_t n)
{
    if (n > l->end - l->n)
        return false;
    if (n > 0)
        memcpy(l->text + l->n, p, n);
    l->n += n;
    return true;
}

void line_add_escaped(struct line *l, struct mpx_str s, char also, char and_also)
{
    size_t plain = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        const char text[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && s.p[i] != also && s.p[i] != and_also)
            continue;
        line_add(l, (struct mpx_str){ s.p + plain, i - plain });
        if (!add_whole(l, text, sizeof(text)))
            return;
        plain = i + 1;
    }
    line_add(l, (struct mpx_str){ s.p + plain, s.n - plain });
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static bool add_code(struct line *l, unsigned code)
{
    const char text[6] = {
        '\\', 'u', hex[code >> 12], hex[code >> 8 & 15], hex[code >> 4 & 15], hex[code & 15]
    };

    return add_whole(l, text, sizeof(text));
}

/* One character of n bytes that is not plain. Controls (C0, DEL, C1) and line ends of Unicode,
   which move a terminal's cursor or end a line for some readers, are written as codes. */
static bool add_character(struct line *l, const char *p, size_t n)
{
    const char pair[2] = { '\\', p[0] };
    unsigned char first = (unsigned char)p[0], second = n > 1 ? (unsigned char)p[1] : 0;

    if (n == 1 && (p[0] == '"' || p[0] == '\\'))
        return add_whole(l, pair, sizeof(pair));
    if (n == 1)
        return add_code(l, first);
    if (n == 2 && first == 0xc2 && second < 0xa0)
        return add_code(l, second);
    if (n == 3 && (memcmp(p, "\xe2\x80\xa8", 3) == 0 || memcmp(p, "\xe2\x80\xa9", 3) == 0))
        return add_code(l, 0x2020 + ((unsigned char)p[2] & 0xf));
    return add_whole(l, p, n);
}

void line_add_json(struct line *l, struct mpx_str s)
{
    size_t i = 0;

    while (i < s.n) {
        size_t plain = i, n;
        bool fits;

        while (i < s.n && is_plain((unsigned char)s.p[i]))
            i++;
        line_add(l, (struct mpx_str){ s.p + plain, i - plain });
        if (i == s.n)
            return;
        n = mpx_utf8_length((struct mpx_str){ s.p + i, s.n - i });
        fits = n > 0 ? add_character(l, s.p + i, n) : add_whole(l, "\xef\xbf\xbd", 3);
        if (!fits)
            return;
        i += n > 0 ? n : 1;
    }
}

static size_t digits(struct mpx_str s, size_t at)
{
    size_t n = 0;

    while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
        n++;
    return n;
}

size_t line_json_number(struct mpx_str s, bool whole)
{
    size_t at = s.n > 0 && s.p[0] == '-', n = digits(s, at);

    if (n == 0 || (n > 1 && s.p[at] == '0'))
        return 0;
    at += n;
    size_t end = at;
    if (at < s.n && s.p[at] == '.') {
        n = digits(s, at + 1);
        if (n == 0)
            return 0;
        at += 1 + n;
    }
    if (at != s.n)
        return 0;
    return whole ? end : at;
}
