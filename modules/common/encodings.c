/* SPDX-License-Identifier: MIT */
#include "encodings.h"

#include <string.h>
#include <strings.h>

enum { UNSAID = -1, WHOLE = 1000 };

/* What the client says of each, in thousandths. */
struct weights {
    int known[ENCODING_COUNT], identity, others;
};

struct mpx_str encoding_name(enum encoding e)
{
    switch (e) {
    case ENCODING_BR:
        return MPX_STR("br");
    case ENCODING_ZSTD:
        return MPX_STR("zstd");
    case ENCODING_GZIP:
        return MPX_STR("gzip");
    case ENCODING_COUNT:
        break;
    }
    return MPX_STR("identity");
}

static struct mpx_str trim(struct mpx_str s)
{
    while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
        s = (struct mpx_str){ s.p + 1, s.n - 1 };
    while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
        s.n--;
    return s;
}

/* The text before the next mark; *s goes on behind it. */
static struct mpx_str cut(struct mpx_str *s, char mark)
{
    const char *at = s->n > 0 ? memchr(s->p, mark, s->n) : NULL;
    size_t n = at != NULL ? (size_t)(at - s->p) : s->n;
    struct mpx_str head = { s->p, n };

    *s = at != NULL ? (struct mpx_str){ at + 1, s->n - n - 1 } : (struct mpx_str){ NULL, 0 };
    return trim(head);
}

static bool is_word(struct mpx_str s, const char *word)
{
    return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

/* "q=0.5" (RFC 9110 12.4.2): 0 to 1, three digits behind the point; -1 when it is no such thing. */
static int weight_of(struct mpx_str s)
{
    int q = 0, unit = WHOLE;

    if (s.n < 3 || s.n > 7 || (s.p[0] != 'q' && s.p[0] != 'Q') || s.p[1] != '=')
        return -1;
    if ((s.p[2] != '0' && s.p[2] != '1') || (s.n > 3 && s.p[3] != '.'))
        return -1;
    q = (s.p[2] - '0') * WHOLE;
    for (size_t i = 4; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return -1;
        unit /= 10;
        q += (s.p[i] - '0') * unit;
    }
    return q <= WHOLE ? q : -1;
}

static int *place_of(struct weights *w, struct mpx_str name)
{
    if (is_word(name, "gzip") || is_word(name, "x-gzip"))
        return &w->known[ENCODING_GZIP];
    if (is_word(name, "br"))
        return &w->known[ENCODING_BR];
    if (is_word(name, "zstd"))
        return &w->known[ENCODING_ZSTD];
    if (is_word(name, "identity"))
        return &w->identity;
    return is_word(name, "*") ? &w->others : NULL;
}

static struct weights read_weights(struct mpx_str accept)
{
    struct weights w = { .identity = UNSAID, .others = UNSAID };

    for (size_t i = 0; i < ENCODING_COUNT; i++)
        w.known[i] = UNSAID;
    while (accept.n > 0) {
        struct mpx_str element = cut(&accept, ',');
        int *place = place_of(&w, cut(&element, ';'));
        int q = element.p == NULL ? WHOLE : weight_of(trim(element));

        if (place != NULL && q >= 0)
            *place = q;
    }
    return w;
}

size_t encodings_order(struct mpx_str accept, const enum encoding *offered, size_t count,
                       enum encoding order[ENCODING_COUNT])
{
    struct weights w = read_weights(accept);
    int least = w.identity > 0 ? w.identity : 1, q[ENCODING_COUNT];
    size_t n = 0;

    for (size_t i = 0; i < count && n < ENCODING_COUNT; i++) {
        int weight = w.known[offered[i]] != UNSAID ? w.known[offered[i]] : w.others;
        size_t at = n;

        if (weight < least)
            continue;
        for (; at > 0 && q[at - 1] < weight; at--) {
            q[at] = q[at - 1];
            order[at] = order[at - 1];
        }
        q[at] = weight;
        order[at] = offered[i];
        n++;
    }
    return n;
}

size_t encodings_accepted(const struct mpx_req *r, const enum encoding *offered, size_t count,
                          enum encoding order[ENCODING_COUNT])
{
    struct mpx_str accept;

    return mpx_req_header(r, "Accept-Encoding", &accept)
               ? encodings_order(accept, offered, count, order)
               : 0;
}
