/* SPDX-License-Identifier: MIT */
#include "glob.h"

/* A star that has taken too little takes one more; what came before it never changes. */
bool glob_matches(struct mpx_str pattern, struct mpx_str text)
{
    size_t p = 0, n = 0, star = pattern.n, from = 0;

    while (n < text.n) {
        if (p < pattern.n && pattern.p[p] == '*') {
            star = p++;
            from = n;
        } else if (p < pattern.n && pattern.p[p] == text.p[n]) {
            p++;
            n++;
        } else if (star < pattern.n) {
            p = star + 1;
            n = ++from;
        } else {
            return false;
        }
    }
    while (p < pattern.n && pattern.p[p] == '*')
        p++;
    return p == pattern.n;
}

static char to_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

struct mpx_str glob_type(struct mpx_str type, char room[GLOB_TYPE_BYTES])
{
    size_t n = 0;

    for (; n < type.n && n < GLOB_TYPE_BYTES && type.p[n] != ';' && type.p[n] != ' '; n++)
        room[n] = to_lower(type.p[n]);
    return (struct mpx_str){ room, n };
}

struct mpx_str glob_lower(struct mpx_arena *a, struct mpx_str s)
{
    char *text = mpx_alloc(a, s.n + 1);

    for (size_t i = 0; i < s.n; i++)
        text[i] = to_lower(s.p[i]);
    return (struct mpx_str){ text, s.n };
}
