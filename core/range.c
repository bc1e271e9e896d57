/* SPDX-License-Identifier: MIT */
#include "range.h"

#include "str.h"

static bool is_number(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return s.n > 0;
}

/* Whether one number is less than another, whatever their size. */
static bool is_less(struct mpx_str a, struct mpx_str b)
{
    while (a.n > 0 && a.p[0] == '0')
        a = str_from(a, 1);
    while (b.n > 0 && b.p[0] == '0')
        b = str_from(b, 1);
    return a.n != b.n ? a.n < b.n : a.n > 0 && memcmp(a.p, b.p, a.n) < 0;
}

/* A number that does not fit is as good as the greatest one: no representation is longer. */
static uint64_t number(struct mpx_str digits)
{
    uint64_t n;

    return str_to_u64(digits, &n) == 0 ? n : UINT64_MAX;
}

/* "first-last", "first-" or "-length": 1 with *r, 0 when none of these bytes is there, -1 when it
   is none of the three. */
static int read_spec(struct mpx_str spec, uint64_t length, struct range *r)
{
    size_t hyphen = str_find(spec, '-');
    struct mpx_str first = str_head(spec, hyphen), last = str_from(spec, hyphen + 1);

    if (hyphen == spec.n || (first.n > 0 && !is_number(first)) ||
        (last.n > 0 && !is_number(last)) || first.n + last.n == 0)
        return -1;
    if (first.n == 0) {
        uint64_t n = number(last);

        *r = (struct range){ n < length ? length - n : 0, length };
        return n > 0 ? 1 : 0;
    }
    *r = (struct range){ number(first), length };
    if (last.n > 0 && is_less(last, first))
        return -1;
    if (last.n > 0 && number(last) < length)
        r->end = number(last) + 1;
    return r->first < length ? 1 : 0;
}

/* In its place among those that are there. */
static void insert(struct range *list, size_t count, struct range r)
{
    size_t i = count;

    for (; i > 0 && list[i - 1].first > r.first; i--)
        list[i] = list[i - 1];
    list[i] = r;
}

/* Of ranges in order, joins those that overlap or touch; how many are left. */
static size_t merge(struct range *list, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept == 0 || list[i].first > list[kept - 1].end)
            list[kept++] = list[i];
        else if (list[i].end > list[kept - 1].end)
            list[kept - 1].end = list[i].end;
    }
    return kept;
}

enum range_answer range_read(struct mpx_str value, uint64_t length, struct ranges *rs)
{
    size_t equals = str_find(value, '='), specs = 0, count = 0;
    struct mpx_str set = str_from(value, equals + 1), spec;
    struct range list[RANGE_SPECS], r;

    if (!str_same_word(str_head(value, equals), MPX_STR("bytes")))
        return RANGE_WHOLE;
    while (str_next_item(&set, &spec)) {
        int rc = specs++ < RANGE_SPECS ? read_spec(spec, length, &r) : -1;

        if (rc < 0)
            return RANGE_WHOLE;
        if (rc > 0)
            insert(list, count++, r);
    }
    if (specs == 0)
        return RANGE_WHOLE;
    if (count == 0)
        return RANGE_NONE;
    count = merge(list, count);
    /* the last bytes of an empty representation are there, but no Content-Range can say so */
    if (count > RANGE_MOST || length == 0)
        return RANGE_WHOLE;
    rs->count = count;
    memcpy(rs->list, list, count * sizeof(*list));
    return RANGE_SOME;
}

struct range_step range_next(struct range_walk *w, size_t n)
{
    const struct ranges *rs = w->ranges;
    const struct range *r = w->at < rs->count ? &rs->list[w->at] : NULL;
    struct range_step step = { .skip = n };

    if (r != NULL && r->first < w->pos + n) {
        uint64_t from = r->first > w->pos ? r->first : w->pos, end = w->pos + n;

        end = r->end < end ? r->end : end;
        step.skip = (size_t)(from - w->pos);
        step.take = (size_t)(end - from);
        step.begins = from == r->first;
        w->at += end == r->end ? 1 : 0;
        step.ends = w->at == rs->count;
    }
    w->pos += step.skip + step.take;
    return step;
}
