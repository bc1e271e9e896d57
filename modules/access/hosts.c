/* SPDX-License-Identifier: MIT */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>

static bool is_letter(char c)
{
    return c >= 'a' && c <= 'z';
}

/* Labels of letters, digits, "-" and "_", separated by dots. */
static bool is_name(struct mpx_str s)
{
    size_t label = 0;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '.') {
            if (label == 0)
                return false;
            label = 0;
        } else if (is_letter(c) || (c >= '0' && c <= '9') || c == '-' || c == '_') {
            if (++label > 63)
                return false;
        } else {
            return false;
        }
    }
    return label > 0 && s.n <= HOST_MAX;
}

/* The last label of a name is never a number: those are addresses. */
static bool ends_in_a_word(struct mpx_str s)
{
    size_t i = s.n;

    while (i > 0 && s.p[i - 1] != '.')
        i--;
    return i < s.n && is_letter(s.p[i]);
}

static struct mpx_str from(struct mpx_str s, size_t n)
{
    return (struct mpx_str){ s.p + n, s.n - n };
}

static const char *complaint(bool open)
{
    return open ? "must be a host name, \".domain\", \"*.domain\", \"name.*\", \"none\", "
                  "\"blocked\" or \"own\""
                : "must be an address, a network, a range, a host name or \".domain\"";
}

const char *hosts_read(struct mpx_arena *a, struct mpx_str text, bool open, struct host *h)
{
    char *lower = mpx_alloc(a, text.n + 1);
    size_t n = text.n;

    for (size_t i = 0; i < n; i++) {
        if ((unsigned char)text.p[i] >= 0x80)
            return "must be written with the letters of the DNS (\"xn--...\")";
        lower[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] | 0x20 : text.p[i]);
    }
    if (n > 1 && lower[n - 1] == '.')
        n--;
    h->text = (struct mpx_str){ lower, n };
    struct mpx_str name = h->text;
    bool is_domain = n > 1 && lower[0] == '.';
    bool is_below = n > 2 && lower[0] == '*' && lower[1] == '.';
    bool is_open = n > 2 && lower[n - 1] == '*' && lower[n - 2] == '.';

    if (is_below && !open && is_name(from(name, 2)))
        return mpx_printf(a, "must be \"%.*s\", which is the domain and all below", (int)n - 1,
                          lower + 1)
            .p;
    if (is_domain || (is_below && open))
        name = from(name, is_domain ? 1 : 2);
    else if (is_open && open)
        name.n -= 2;
    if (!is_name(name) || (!is_open && !ends_in_a_word(name)))
        return complaint(open);
    return NULL;
}

static int order(struct mpx_str a, struct mpx_str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int first = n > 0 ? memcmp(a.p, b.p, n) : 0;

    return first != 0 ? first : (a.n > b.n) - (a.n < b.n);
}

static int by_text(const void *a, const void *b)
{
    const struct host *x = a, *y = b;
    int first = order(x->text, y->text);

    return first != 0 ? first : (x->index > y->index) - (x->index < y->index);
}

void hosts_make(struct hosts *t, struct host *list, size_t count)
{
    if (count > 0)
        qsort(list, count, sizeof(*list), by_text);
    *t = (struct hosts){ list, count };
}

static long find(const struct hosts *t, const char *p, size_t n)
{
    size_t low = 0, high = t->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int is = order((struct mpx_str){ p, n }, t->list[middle].text);

        if (is == 0)
            return (long)t->list[middle].index;
        if (is < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return -1;
}

/* The label that begins at text + i: the rest as a domain, as what lies below one, and what is in
   front of it with an open end. */
static long find_at(const struct hosts *t, char *text, size_t i, size_t n)
{
    char kept[2] = { text[i - 2], text[i - 1] };
    long found;

    text[i - 1] = '.';
    found = find(t, text + i - 1, n - i + 1);
    if (found < 0 && i > 2) {
        text[i - 2] = '*';
        found = find(t, text + i - 2, n - i + 2);
        text[i - 2] = kept[0];
    }
    text[i - 1] = kept[1];
    if (found < 0 && i > 2) {
        char after = text[i];

        text[i] = '*';
        found = find(t, text + 2, i - 1);
        text[i] = after;
    }
    return found;
}

long hosts_find(const struct hosts *t, struct mpx_str name)
{
    char text[HOST_MAX + 3] = { ' ', ' ' }; /* room in front of the first label */
    size_t n = name.n + 2;

    if (name.n == 0 || name.n > HOST_MAX || t->count == 0)
        return -1;
    memcpy(text + 2, name.p, name.n);
    long found = find(t, text + 2, name.n);
    for (size_t i = 2; i < n && found < 0; i++)
        if (i == 2 || text[i - 1] == '.')
            found = find_at(t, text, i, n);
    return found;
}
