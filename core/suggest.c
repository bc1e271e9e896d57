/* SPDX-License-Identifier: MIT */
#include "suggest.h"

#include "str.h"

enum { WORD_MAX = 48 };

void suggest_start(struct suggestion *s, struct mpx_str wrong)
{
    *s = (struct suggestion){ .wrong = wrong, .distance = (unsigned)wrong.n / 3 + 2 };
}

static unsigned least(unsigned a, unsigned b, unsigned c)
{
    unsigned m = a < b ? a : b;

    return m < c ? m : c;
}

/* How many insertions, removals and replacements lead from a to b. */
static unsigned distance(struct mpx_str a, struct mpx_str b)
{
    unsigned row[WORD_MAX + 1];

    for (unsigned j = 0; j <= b.n; j++)
        row[j] = j;
    for (unsigned i = 1; i <= a.n; i++) {
        unsigned diagonal = row[0];

        row[0] = i;
        for (unsigned j = 1; j <= b.n; j++) {
            unsigned differs = str_lower(a.p[i - 1]) != str_lower(b.p[j - 1]);
            unsigned cost = least(row[j] + 1, row[j - 1] + 1, diagonal + differs);

            diagonal = row[j];
            row[j] = cost;
        }
    }
    return row[b.n];
}

void suggest_offer(struct suggestion *s, struct mpx_str word)
{
    if (s->wrong.n > WORD_MAX || word.n > WORD_MAX || word.n == 0)
        return;
    unsigned d = distance(s->wrong, word);
    if (d < s->distance && d < word.n) {
        s->distance = d;
        s->best = word;
    }
}

const char *suggest_text(const struct suggestion *s, struct mpx_arena *a)
{
    if (s->best.n == 0)
        return "";
    return arena_printf(a, " (did you mean \"%.*s\"?)", STR_ARGS(s->best)).p;
}
