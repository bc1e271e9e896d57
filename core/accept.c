/* SPDX-License-Identifier: MIT */
#include "accept.h"

#include "must.h"
#include "str.h"

/* How closely a range describes a type. */
enum specificity { ANY_TYPE, ANY_SUBTYPE, NAMED, WITH_PARAMETER };

struct range {
    struct mpx_str type, subtype;
    enum specificity specificity;
    unsigned weight; /* 0 to 1000 */
};

/* What the ranges seen so far say of one type. */
struct verdict {
    bool is_covered;
    enum specificity specificity;
    unsigned weight;
};

/* A qvalue (RFC 9110 12.4.2) in thousandths: 0 or 1, at most three decimals, no more than 1. */
static bool read_weight(struct mpx_str s, unsigned *weight)
{
    unsigned unit = 1000;

    if (s.n == 0 || s.n > 5 || (s.p[0] != '0' && s.p[0] != '1') || (s.n > 1 && s.p[1] != '.'))
        return false;
    *weight = s.p[0] == '1' ? 1000 : 0;
    for (size_t i = 2; i < s.n; i++) {
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
        unit /= 10;
        *weight += unit * (unsigned)(s.p[i] - '0');
    }
    return *weight <= 1000;
}

/* Cuts off the first part of a list with semicolons; those in quoted strings are not seen. */
static struct mpx_str next_part(struct mpx_str *rest)
{
    bool quoted = false;
    size_t n = 0;

    for (; n < rest->n && (quoted || rest->p[n] != ';'); n++) {
        if (rest->p[n] == '"')
            quoted = !quoted;
        else if (quoted && rest->p[n] == '\\')
            n++;
    }
    struct mpx_str part = str_trim(str_head(*rest, n));
    *rest = str_from(*rest, n + 1);
    return part;
}

static bool is_our_charset(struct mpx_str value)
{
    return str_same_word(value, MPX_STR("utf-8")) || str_same_word(value, MPX_STR("\"utf-8\""));
}

/* False when the range cannot be read, or asks for a parameter that nothing of ours has. What
   stands behind the weight is not looked at (RFC 9110 12.5.1). */
static bool read_parameters(struct mpx_str rest, struct range *r)
{
    r->weight = 1000;
    while (rest.n > 0) {
        struct mpx_str part = next_part(&rest);
        size_t equals = str_find(part, '=');
        struct mpx_str name = str_head(part, equals), value = str_from(part, equals + 1);

        if (part.n == 0)
            continue;
        if (str_same_word(name, MPX_STR("q")))
            return read_weight(value, &r->weight);
        if (!str_same_word(name, MPX_STR("charset")) || !is_our_charset(value))
            return false;
        r->specificity = WITH_PARAMETER;
    }
    return true;
}

static bool read_range(struct mpx_str item, struct range *r)
{
    struct mpx_str name = next_part(&item);
    size_t slash = str_find(name, '/');

    r->type = str_head(name, slash);
    r->subtype = str_from(name, slash + 1);
    if (!str_is_token(r->type) || !str_is_token(r->subtype))
        return false;
    if (str_is(r->type, "*") && !str_is(r->subtype, "*"))
        return false;
    r->specificity = str_is(r->type, "*")      ? ANY_TYPE
                     : str_is(r->subtype, "*") ? ANY_SUBTYPE
                                               : NAMED;
    return read_parameters(item, r);
}

static bool covers(const struct range *r, struct mpx_str type)
{
    size_t slash = str_find(type, '/');

    if (!str_is(r->type, "*") && !str_same_word(r->type, str_head(type, slash)))
        return false;
    return str_is(r->subtype, "*") || str_same_word(r->subtype, str_from(type, slash + 1));
}

/* Takes a range into account that covers the type. */
static void hear(struct verdict *v, const struct range *r)
{
    if (v->is_covered && v->specificity > r->specificity)
        return;
    if (v->is_covered && v->specificity == r->specificity && v->weight >= r->weight)
        return;
    *v = (struct verdict){ true, r->specificity, r->weight };
}

static bool is_better(const struct verdict *a, const struct verdict *b)
{
    return a->weight > b->weight ||
           (a->weight == b->weight && a->weight > 0 && a->specificity > b->specificity);
}

size_t accept_choose(struct mpx_str accept, const struct mpx_str *types, size_t count)
{
    struct verdict verdicts[ACCEPT_TYPES_MAX] = { { false, ANY_TYPE, 0 } };
    struct mpx_str item;
    struct range r;
    size_t best = 0;

    MUST(count <= ACCEPT_TYPES_MAX);
    while (str_next_item(&accept, &item)) {
        if (!read_range(item, &r))
            continue;
        for (size_t i = 0; i < count; i++)
            if (covers(&r, types[i]))
                hear(&verdicts[i], &r);
    }
    for (size_t i = 1; i < count; i++)
        if (is_better(&verdicts[i], &verdicts[best]))
            best = i;
    return best;
}
