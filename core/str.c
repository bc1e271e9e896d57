/* SPDX-License-Identifier: MIT */
#include "str.h"

#include "must.h"

#include <stdio.h>
#include <stdlib.h>

bool str_same_word(struct mpx_str a, struct mpx_str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (str_lower(a.p[i]) != str_lower(b.p[i]))
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t';
}

struct mpx_str str_trim(struct mpx_str s)
{
    while (s.n > 0 && is_blank(s.p[0]))
        s = str_from(s, 1);
    while (s.n > 0 && is_blank(s.p[s.n - 1]))
        s.n--;
    return s;
}

size_t str_find(struct mpx_str s, char c)
{
    const char *at = s.n > 0 ? memchr(s.p, c, s.n) : NULL;

    return at != NULL ? (size_t)(at - s.p) : s.n;
}

size_t str_find_last(struct mpx_str s, char c)
{
    for (size_t i = s.n; i > 0; i--)
        if (s.p[i - 1] == c)
            return i - 1;
    return s.n;
}

bool str_is_token_char(unsigned char c)
{
    if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
        return true;
    switch (c) { /* a call for each hyphen of a field's name would be felt */
    case '!':
    case '#':
    case '$':
    case '%':
    case '&':
    case '\'':
    case '*':
    case '+':
    case '-':
    case '.':
    case '^':
    case '_':
    case '`':
    case '|':
    case '~':
        return true;
    default:
        return false;
    }
}

bool str_is_token(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!str_is_token_char((unsigned char)s.p[i]))
            return false;
    return s.n > 0;
}

bool str_is_field_value(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

int str_hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = str_lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

size_t str_utf8_length(struct mpx_str s)
{
    /* by the first byte: how many there are, and between what the second one lies (RFC 3629 4) */
    unsigned char c = s.n > 0 ? (unsigned char)s.p[0] : 0x80;
    size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
    unsigned char least = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    unsigned char most = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;

    if (n > s.n)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((unsigned char)s.p[i] < least || (unsigned char)s.p[i] > most)
            return 0;
        least = 0x80;
        most = 0xbf;
    }
    return n;
}

/* The length of the list element that s begins with. */
static size_t item_length(struct mpx_str s)
{
    bool quoted = false;

    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '"')
            quoted = !quoted;
        else if (quoted && s.p[i] == '\\' && i + 1 < s.n)
            i++;
        else if (!quoted && s.p[i] == ',')
            return i;
    }
    return s.n;
}

bool str_next_item(struct mpx_str *list, struct mpx_str *item)
{
    while (list->n > 0) {
        size_t n = item_length(*list);

        *item = str_trim(str_head(*list, n));
        *list = str_from(*list, n + 1);
        if (item->n > 0)
            return true;
    }
    return false;
}

int str_to_u64(struct mpx_str s, uint64_t *value)
{
    uint64_t v = 0;

    if (s.n == 0)
        return -1;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = (unsigned char)s.p[i] - (unsigned)'0';

        if (digit > 9 || v > (UINT64_MAX - digit) / 10)
            return -1;
        v = v * 10 + digit;
    }
    *value = v;
    return 0;
}

void buffer_init(struct buffer *b, size_t max)
{
    *b = (struct buffer){ .max = max };
}

void buffer_finish(struct buffer *b)
{
    free(b->p);
    buffer_init(b, b->max);
}

/* Makes room for n more bytes; -1 when the maximum forbids it. */
static int reserve(struct buffer *b, size_t n)
{
    size_t cap = b->cap != 0 ? b->cap : 256;

    if (b->full || n > b->max - b->n) {
        b->full = true;
        return -1;
    }
    if (b->n + n <= b->cap)
        return 0;
    while (cap < b->n + n)
        cap *= 2;
    b->cap = cap < b->max ? cap : b->max;
    b->p = must_realloc(b->p, b->cap);
    return 0;
}

int buffer_reserve(struct buffer *b, size_t n)
{
    if (b->full || n > b->max - b->n)
        return -1;
    if (n > b->cap - b->n) {
        b->cap = b->n + n;
        b->p = must_realloc(b->p, b->cap);
    }
    return 0;
}

int buffer_add(struct buffer *b, struct mpx_str s)
{
    if (reserve(b, s.n) < 0)
        return -1;
    if (s.n > 0)
        memcpy(b->p + b->n, s.p, s.n);
    b->n += s.n;
    return 0;
}

int buffer_add_char(struct buffer *b, char c)
{
    return buffer_add(b, (struct mpx_str){ &c, 1 });
}

int buffer_vprintf(struct buffer *b, const char *fmt, va_list ap)
{
    va_list again;
    int n;

    va_copy(again, ap);
    n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    if (n < 0 || reserve(b, (size_t)n) < 0)
        return -1;
    /* vsnprintf writes a NUL as well, which need not fit: format aside and copy */
    char *text = must_alloc((size_t)n + 1);
    vsnprintf(text, (size_t)n + 1, fmt, ap);
    int rc = buffer_add(b, (struct mpx_str){ text, (size_t)n });
    free(text);
    return rc;
}

int buffer_printf(struct buffer *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    int rc = buffer_vprintf(b, fmt, ap);
    va_end(ap);
    return rc;
}

int buffer_add_html(struct buffer *b, struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '&')
            (void)buffer_add(b, MPX_STR("&amp;"));
        else if (c == '<')
            (void)buffer_add(b, MPX_STR("&lt;"));
        else if (c == '>')
            (void)buffer_add(b, MPX_STR("&gt;"));
        else if (c == '"')
            (void)buffer_add(b, MPX_STR("&quot;"));
        else if (c == '\'')
            (void)buffer_add(b, MPX_STR("&#39;"));
        else
            (void)buffer_add_char(b, c);
    }
    return b->full ? -1 : 0;
}

int buffer_add_json(struct buffer *b, struct mpx_str s)
{
    for (size_t i = 0, n; i < s.n; i += n != 0 ? n : 1) {
        unsigned char c = (unsigned char)s.p[i];

        n = str_utf8_length(str_from(s, i));
        if (c == '"' || c == '\\')
            (void)buffer_printf(b, "\\%c", c);
        else if (c == '\n')
            (void)buffer_add(b, MPX_STR("\\n"));
        else if (c < 0x20 || c == 0x7f)
            (void)buffer_printf(b, "\\u%04x", c);
        else if (n == 0)
            (void)buffer_add(b, MPX_STR("\\ufffd"));
        else
            (void)buffer_add(b, str_head(str_from(s, i), n));
    }
    return b->full ? -1 : 0;
}

int buffer_add_escaped(struct buffer *b, struct mpx_str s)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        char text[4] = { '\\', 'x', hex[c >> 4], hex[c & 15] };

        if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\')
            (void)buffer_add_char(b, (char)c);
        else
            (void)buffer_add(b, (struct mpx_str){ text, sizeof(text) });
    }
    return b->full ? -1 : 0;
}
