/* SPDX-License-Identifier: MIT */
#include "index.h"

#include <string.h>

/* Expressions with the same literal beginning. */
struct bucket {
    char literal[INDEX_LITERAL];
    size_t n;
    uint32_t hash;
    uint32_t *numbers; /* ascending */
    size_t count;
};
struct index {
    struct bucket *buckets; /* a hash table; free where count is 0 */
    size_t mask;
    size_t longest;
    bool lengths[INDEX_LITERAL + 1]; /* which literals there are */
};

enum { BASIS = 2166136261u, PRIME = 16777619u };

static uint32_t step(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * PRIME;
}

/* Whether something stands in it that reads brackets and bars in another way than we do: options,
   comments, quotations. */
static bool is_strange(struct mpx_str s)
{
    for (size_t i = 0; i + 1 < s.n; i++) {
        if (s.p[i] == '\\' && s.p[++i] == 'Q')
            return true;
        if (s.p[i] == '(' && s.p[i + 1] == '?' &&
            (i + 2 == s.n || strchr(":=!<>P'", s.p[i + 2]) == NULL))
            return true;
    }
    return false;
}

/* Whether an alternative stands outside of all groups: then no beginning is common. */
static bool has_alternatives(struct mpx_str s)
{
    int depth = 0;
    bool in_class = false;

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];

        if (c == '\\')
            i++;
        else if (in_class)
            in_class = c != ']';
        else if (c == '[')
            in_class = true, i += i + 1 < s.n && s.p[i + 1] == ']';
        else if (c == '(' || c == ')')
            depth += c == '(' ? 1 : -1;
        else if (c == '|' && depth == 0)
            return true;
    }
    return false;
}

size_t index_literal(struct mpx_str s, char literal[INDEX_LITERAL])
{
    size_t n = 0, i = 1;

    if (s.n == 0 || s.p[0] != '^' || is_strange(s) || has_alternatives(s))
        return 0;
    while (i < s.n && n < INDEX_LITERAL) {
        char c = s.p[i];
        size_t width = 1;

        if (c == '\\') { /* of a sign it is the sign itself */
            if (i + 1 >= s.n || strchr("/.-_+*?()[]{}^$|\\", s.p[i + 1]) == NULL ||
                s.p[i + 1] == '\0')
                break;
            c = s.p[i + 1];
            width = 2;
        } else if (c == '\0' || strchr("^$.[|()?*+{", c) != NULL) {
            break;
        }
        if (i + width < s.n && strchr("?*{", s.p[i + width]) != NULL)
            break; /* it need not be there */
        literal[n++] = c;
        i += width;
    }
    return n;
}

/* The bucket of a literal, or the free one where it would be. */
static struct bucket *find(const struct index *ix, const char *literal, size_t n, uint32_t hash)
{
    size_t i = hash & ix->mask;

    while (ix->buckets[i].count > 0 && (ix->buckets[i].hash != hash || ix->buckets[i].n != n ||
                                        memcmp(ix->buckets[i].literal, literal, n) != 0))
        i = (i + 1) & ix->mask;
    return &ix->buckets[i];
}

/* Room doubles: what is left behind goes with the arena. */
static void append(struct mpx_arena *a, struct bucket *b, uint32_t number)
{
    if ((b->count & (b->count - 1)) == 0) {
        uint32_t *more = mpx_alloc(a, (b->count > 0 ? 2 * b->count : 1) * sizeof(*more));

        if (b->count > 0)
            memcpy(more, b->numbers, b->count * sizeof(*more));
        b->numbers = more;
    }
    b->numbers[b->count++] = number;
}

struct index *index_make(struct mpx_arena *a, const struct mpx_str *expressions, size_t count)
{
    struct index *ix = mpx_alloc(a, sizeof(*ix));
    size_t slots = 4;

    while (slots < 2 * count)
        slots *= 2;
    ix->mask = slots - 1;
    ix->buckets = mpx_alloc(a, slots * sizeof(*ix->buckets));
    for (size_t i = 0; i < count; i++) {
        char literal[INDEX_LITERAL];
        size_t n = index_literal(expressions[i], literal);
        uint32_t hash = BASIS;

        for (size_t k = 0; k < n; k++)
            hash = step(hash, literal[k]);
        struct bucket *b = find(ix, literal, n, hash);
        memcpy(b->literal, literal, n);
        b->n = n;
        b->hash = hash;
        append(a, b, (uint32_t)i);
        ix->lengths[n] = true;
        ix->longest = n > ix->longest ? n : ix->longest;
    }
    return ix;
}

bool index_walk(const struct index *ix, struct mpx_str path, struct index_walk *w)
{
    uint32_t hash = BASIS;

    w->count = 0;
    for (size_t n = 0; n <= ix->longest && n <= path.n; n++) {
        if (n > 0)
            hash = step(hash, path.p[n - 1]);
        const struct bucket *b = ix->lengths[n] ? find(ix, path.p, n, hash) : NULL;
        if (b == NULL || b->count == 0)
            continue;
        w->lists[w->count].next = b->numbers;
        w->lists[w->count++].end = b->numbers + b->count;
    }
    return w->count > 0;
}

int64_t index_next(struct index_walk *w)
{
    size_t best = w->count;

    for (size_t i = 0; i < w->count; i++)
        if (w->lists[i].next < w->lists[i].end &&
            (best == w->count || *w->lists[i].next < *w->lists[best].next))
            best = i;
    return best < w->count ? (int64_t)*w->lists[best].next++ : -1;
}
