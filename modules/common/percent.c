/* SPDX-License-Identifier: MIT */
#include "percent.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int percent_byte(struct mpx_str s)
{
    int high = s.n > 2 && s.p[0] == '%' ? digit(s.p[1]) : -1;
    int low = high >= 0 ? digit(s.p[2]) : -1;

    return low >= 0 ? 16 * high + low : -1;
}

/* The character that s begins with; s goes on behind it. */
static char next(struct mpx_str *s)
{
    int byte = percent_byte(*s);
    size_t n = byte >= 0 ? 3 : 1;
    char c = byte >= 0 ? (char)byte : s->p[0] == '+' ? ' ' : s->p[0];

    *s = (struct mpx_str){ s->p + n, s->n - n };
    return c;
}

struct mpx_str percent_decode(struct mpx_arena *a, struct mpx_str s)
{
    char *out = mpx_alloc(a, s.n + 1);
    size_t n = 0;

    while (s.n > 0)
        out[n++] = next(&s);
    return (struct mpx_str){ out, n };
}

bool percent_is(struct mpx_str s, struct mpx_str decoded)
{
    for (size_t i = 0; i < decoded.n; i++)
        if (s.n == 0 || next(&s) != decoded.p[i])
            return false;
    return s.n == 0;
}

bool percent_parameter(struct mpx_str query, struct mpx_str name, struct mpx_str *value)
{
    for (size_t i = 0; i < query.n;) {
        const char *from = query.p + i, *end = memchr(from, '&', query.n - i);
        size_t n = end != NULL ? (size_t)(end - from) : query.n - i;
        const char *equals = memchr(from, '=', n);
        size_t name_n = equals != NULL ? (size_t)(equals - from) : n;

        i += n + 1;
        if (!percent_is((struct mpx_str){ from, name_n }, name))
            continue;
        *value = equals != NULL ? (struct mpx_str){ equals + 1, n - name_n - 1 } : MPX_STR("");
        return true;
    }
    return false;
}
