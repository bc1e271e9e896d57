/* SPDX-License-Identifier: MIT */
#include "table.h"

#include "../common/percent.h"

#include <stdlib.h>
#include <string.h>

enum { BASIS = 2166136261u, PRIME = 16777619u };

static uint32_t step(uint32_t hash, char c)
{
    return (hash ^ (unsigned char)c) * PRIME;
}

struct table *table_create(size_t room)
{
    struct table *t = calloc(1, sizeof(*t));
    size_t slots = 4;

    if (t == NULL)
        return NULL;
    while (slots < 2 * room)
        slots *= 2;
    t->room = room;
    t->mask = slots - 1;
    t->entries = calloc(room > 0 ? room : 1, sizeof(*t->entries));
    t->slots = calloc(slots, sizeof(*t->slots));
    if (t->entries != NULL && t->slots != NULL)
        return t;
    table_destroy(t);
    return NULL;
}

void table_destroy(void *table)
{
    struct table *t = table;

    if (t == NULL)
        return;
    free(t->entries);
    free(t->slots);
    free(t->text);
    free(t);
}

/* The slot of an entry, or the free one where it would stand. A path that lacks the slash of the
   prefix is looked for with slash set. */
static uint32_t *find(const struct table *t, struct mpx_str key, bool slash, bool is_prefix,
                      uint32_t hash)
{
    size_t i = hash & t->mask;

    for (;; i = (i + 1) & t->mask) {
        const struct entry *e = &t->entries[t->slots[i] - 1];

        if (t->slots[i] == 0 || (e->hash == hash && e->is_prefix == is_prefix &&
                                 e->key.n == key.n + slash && memcmp(e->key.p, key.p, key.n) == 0))
            return &t->slots[i];
    }
}

static const struct entry *at(const struct table *t, const uint32_t *slot)
{
    return *slot != 0 ? &t->entries[*slot - 1] : NULL;
}

const struct entry *table_add(struct table *t, struct entry e)
{
    e.hash = BASIS;
    for (size_t i = 0; i < e.key.n; i++)
        e.hash = step(e.hash, e.key.p[i]);
    uint32_t *slot = find(t, e.key, false, e.is_prefix, e.hash);
    if (*slot != 0)
        return at(t, slot);
    t->entries[t->count] = e;
    *slot = (uint32_t)++t->count;
    if (e.is_prefix && e.key.n > t->longest)
        t->longest = e.key.n;
    return NULL;
}

const struct entry *table_exact(const struct table *t, struct mpx_str path)
{
    uint32_t hash = BASIS;

    if (t == NULL || t->count == 0)
        return NULL;
    for (size_t i = 0; i < path.n; i++)
        hash = step(hash, path.p[i]);
    return at(t, find(t, path, false, false, hash));
}

const struct entry *table_prefix(const struct table *t, struct mpx_str path, struct mpx_str *rest)
{
    const struct entry *best = NULL;
    uint32_t hash = BASIS;
    size_t i = 0;

    if (t == NULL || t->longest == 0)
        return NULL;
    for (; i < path.n && i < t->longest; i++) {
        hash = step(hash, path.p[i]);
        if (path.p[i] != '/')
            continue;
        const struct entry *e =
            at(t, find(t, (struct mpx_str){ path.p, i + 1 }, false, true, hash));
        if (e != NULL)
            best = e;
    }
    *rest = (struct mpx_str){ path.p + path.n, 0 };
    if (i == path.n && path.n > 0 && path.p[path.n - 1] != '/') {
        const struct entry *e = at(t, find(t, path, true, true, step(hash, '/')));

        if (e != NULL)
            return e;
    }
    if (best != NULL)
        *rest = (struct mpx_str){ path.p + best->key.n, path.n - best->key.n };
    return best;
}

/* Whether no request has such a path once it is in its normal form. */
static bool is_never_asked(struct mpx_str path)
{
    for (size_t i = 0, from = 1; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        size_t n = i > from ? i - from : 0;
        bool inner = i < path.n && i > 0;

        if ((n == 0 && inner) || (n == 1 && path.p[from] == '.') ||
            (n == 2 && memcmp(path.p + from, "..", 2) == 0))
            return true;
        from = i + 1;
    }
    return false;
}

const char *table_key(struct mpx_str text, char *out, struct mpx_str *key, bool *is_prefix)
{
    size_t n = 0;

    *is_prefix = text.n > 1 && text.p[text.n - 1] == '*';
    if (*is_prefix && text.p[text.n - 2] != '/')
        return "\"*\" stands for whole segments: write \"/*\" at the end, or an expression";
    if (text.n == 0 || text.p[0] != '/')
        return "a path begins with \"/\"";
    for (size_t i = 0; i < text.n - *is_prefix; i++) {
        char c = text.p[i];

        if (c == '?' || c == '#')
            return "a path has no \"?\" or \"#\": what follows it is for \"if\": { \"query\" }";
        if (c == '*')
            return "\"*\" stands at the end; \"%2A\" is a plain one";
        if (c == '%') {
            int byte = percent_byte((struct mpx_str){ text.p + i, text.n - i });

            if (byte <= 0)
                return "\"%\" is followed by two hexadecimal digits, not 00: \"%25\" is one";
            c = (char)byte;
            i += 2;
        }
        out[n++] = c;
    }
    *key = (struct mpx_str){ out, n };
    return is_never_asked(*key) ? "no request has a path with \"//\", \".\" or \"..\" in it" : NULL;
}
