/* SPDX-License-Identifier: MIT */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 8192, LINE_BYTES = 256 };

void text_free(struct text *t)
{
    free(t->p);
    *t = (struct text){ .p = NULL };
}

char *text_room(struct text *t, size_t n)
{
    size_t room = t->room > 0 ? t->room : FIRST_BYTES;

    if (t->failed || n > SIZE_MAX / 4 - t->n)
        return NULL;
    while (room < t->n + n)
        room *= 2;
    if (room > t->room) {
        char *p = realloc(t->p, room);

        if (p == NULL) {
            t->failed = true;
            return NULL;
        }
        t->p = p;
        t->room = room;
    }
    t->n += n;
    return t->p + t->n - n;
}

void text_fit(struct text *t)
{
    char *p = t->n > 0 ? realloc(t->p, t->n) : NULL;

    if (p == NULL)
        return;
    t->p = p;
    t->room = t->n;
}

void text_add(struct text *t, struct mpx_str s)
{
    char *at = s.n > 0 ? text_room(t, s.n) : NULL;

    if (at != NULL)
        memcpy(at, s.p, s.n);
}

void text_puts(struct text *t, const char *s)
{
    text_add(t, (struct mpx_str){ s, strlen(s) });
}

void text_number(struct text *t, int64_t n)
{
    char digits[24];
    size_t i = sizeof(digits);
    uint64_t rest = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

    do
        digits[--i] = (char)('0' + rest % 10);
    while ((rest /= 10) != 0);
    if (n < 0)
        digits[--i] = '-';
    text_add(t, (struct mpx_str){ digits + i, sizeof(digits) - i });
}

void text_printf(struct text *t, const char *fmt, ...)
{
    char line[LINE_BYTES];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (n > 0)
        text_add(t,
                 (struct mpx_str){ line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1 });
}

/* The length of the UTF-8 sequence that s begins with (RFC 3629 4), or 0. */
static size_t utf8_length(const unsigned char *p, size_t n)
{
    size_t length = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;

    if (length > n || p[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    bool is_long = (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xf0 && p[1] < 0x90);
    bool is_none = (p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f);

    return is_long || is_none ? 0 : length;
}

/* What stands for a byte in HTML, or NULL for itself. */
static const char *html_of(unsigned char c)
{
    switch (c) {
    case '&':
        return "&amp;";
    case '<':
        return "&lt;";
    case '>':
        return "&gt;";
    case '"':
        return "&quot;";
    case '\'':
        return "&#39;";
    default:
        return NULL;
    }
}

static bool is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* U+2400 to U+2421 are pictures of the control characters. */
static void add_picture(struct text *t, unsigned char c)
{
    char picture[3] = { (char)0xe2, (char)0x90, (char)(0x80 + (c == 0x7f ? 0x21 : c)) };

    text_add(t, (struct mpx_str){ picture, sizeof(picture) });
}

static void add_html(struct text *t, struct mpx_str s, bool show)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t plain = 0, i = 0;

    while (i < s.n) {
        size_t length = utf8_length(p + i, s.n - i);
        const char *entity = html_of(p[i]);

        if (length > 0 && entity == NULL && !(show && is_control(p[i]))) {
            i += length;
            continue;
        }
        text_add(t, (struct mpx_str){ s.p + plain, i - plain });
        if (length == 0)
            text_puts(t, "\xef\xbf\xbd");
        else if (entity != NULL)
            text_puts(t, entity);
        else
            add_picture(t, p[i]);
        plain = ++i;
    }
    text_add(t, (struct mpx_str){ s.p + plain, i - plain });
}

void text_html(struct text *t, struct mpx_str s)
{
    add_html(t, s, false);
}

void text_shown(struct text *t, struct mpx_str s)
{
    add_html(t, s, true);
}

/* '<' too: a listing that somebody puts into a page's script ends no element there. */
void text_json(struct text *t, struct mpx_str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    size_t plain = 0, i = 0;

    while (i < s.n) {
        size_t length = utf8_length(p + i, s.n - i);

        if (length > 0 && !is_control(p[i]) && p[i] != '"' && p[i] != '\\' && p[i] != '<') {
            i += length;
            continue;
        }
        text_add(t, (struct mpx_str){ s.p + plain, i - plain });
        if (length == 0)
            text_puts(t, "\xef\xbf\xbd");
        else
            text_printf(t, "\\u%04x", p[i]);
        plain = ++i;
    }
    text_add(t, (struct mpx_str){ s.p + plain, i - plain });
}

static bool is_unreserved(char c)
{
    char folded = (char)(c | 0x20);

    return (folded >= 'a' && folded <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
           c == '_' || c == '~';
}

void text_uri(struct text *t, struct mpx_str s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t plain = 0;

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char escape[3] = { '%', hex[c >> 4], hex[c & 15] };

        if (is_unreserved(s.p[i]) || s.p[i] == '/')
            continue;
        text_add(t, (struct mpx_str){ s.p + plain, i - plain });
        text_add(t, (struct mpx_str){ escape, sizeof(escape) });
        plain = i + 1;
    }
    text_add(t, (struct mpx_str){ s.p + plain, s.n - plain });
}
