/* SPDX-License-Identifier: MIT
   Range fields: the bytes that are sent are those that a naive reader of RFC 9110 14.1 marks one by
   one, however the body passes. The first two bytes of the input are the length. */
#include "range.h"

#include "fuzz.h"
#include "str.h"

enum { LENGTH_MAX = 2048 };

struct marks {
    bool wanted[LENGTH_MAX];
    bool any, bad;
    size_t specs;
};

static bool is_digits(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < '0' || s.p[i] > '9')
            return false;
    return true;
}

/* Is a smaller than b, both of any number of digits? */
static bool is_less(struct mpx_str a, struct mpx_str b)
{
    while (a.n > 0 && a.p[0] == '0')
        a = str_from(a, 1);
    while (b.n > 0 && b.p[0] == '0')
        b = str_from(b, 1);
    return a.n != b.n ? a.n < b.n : memcmp(a.p, b.p, a.n) < 0;
}

/* No more than LENGTH_MAX, which is past any end. */
static size_t small(struct mpx_str s)
{
    size_t n = 0;

    for (size_t i = 0; i < s.n && n < LENGTH_MAX; i++)
        n = n * 10 + (size_t)(s.p[i] - '0');
    return n < LENGTH_MAX ? n : LENGTH_MAX;
}

static void mark(struct marks *m, size_t from, size_t to, size_t length)
{
    for (size_t i = from; i <= to && i < length; i++)
        m->any = m->wanted[i] = true;
}

static void mark_spec(struct marks *m, struct mpx_str spec, size_t length)
{
    size_t hyphen = str_find(spec, '-');
    struct mpx_str first = str_head(spec, hyphen), last = str_from(spec, hyphen + 1);

    m->specs++;
    if (hyphen == spec.n || !is_digits(first) || !is_digits(last) || first.n + last.n == 0 ||
        (first.n > 0 && last.n > 0 && is_less(last, first)))
        m->bad = true;
    else if (first.n == 0)
        mark(m, small(last) < length ? length - small(last) : 0, small(last) > 0 ? length : 0,
             small(last) > 0 ? length : 0);
    else
        mark(m, small(first), last.n > 0 ? small(last) : LENGTH_MAX, length);
    if (first.n == 0 && last.n > 0 && small(last) > 0 && length == 0)
        m->any = true; /* the last bytes of nothing: satisfiable by RFC 9110 14.1.2 */
}

static void read_marks(struct marks *m, struct mpx_str value, size_t length)
{
    *m = (struct marks){ .specs = 0 };
    if (value.n < 6 || !str_same_word(str_head(value, 6), MPX_STR("bytes="))) {
        m->bad = true;
        return;
    }
    for (value = str_from(value, 6); value.n > 0;) {
        struct mpx_str spec = str_head(value, str_find(value, ','));

        value = str_from(value, spec.n + 1);
        spec = str_trim(spec);
        if (spec.n > 0)
            mark_spec(m, spec, length);
    }
    m->bad = m->bad || m->specs == 0;
}

static size_t count_runs(const struct marks *m, size_t length)
{
    size_t runs = 0;

    for (size_t i = 0; i < length; i++)
        runs += m->wanted[i] && (i == 0 || !m->wanted[i - 1]);
    return runs;
}

/* The body passes in pieces of 'step' bytes: what is taken is what is marked. */
static void check_walk(const struct marks *m, const struct ranges *rs, size_t length, size_t step)
{
    struct range_walk w = { .ranges = rs };
    size_t at = 0, begins = 0, ends = 0;

    while (at < length) {
        size_t left = length - at < step ? length - at : step;

        while (left > 0) {
            struct range_step s = range_next(&w, left);

            FUZZ_MUST(s.skip + s.take <= left && s.skip + s.take > 0, "a step of nothing");
            for (size_t i = 0; i < s.skip + s.take; i++)
                FUZZ_MUST(m->wanted[at + i] == (i >= s.skip), "byte %zu of %zu", at + i, length);
            at += s.skip + s.take;
            left -= s.skip + s.take;
            begins += s.begins;
            ends += s.ends;
        }
    }
    FUZZ_MUST(begins == rs->count && ends == 1, "%zu ranges begin, %zu end all", begins, ends);
}

void fuzz_range(const uint8_t *data, size_t n)
{
    struct ranges rs = { .count = 0 };
    struct marks m;

    if (n < 2)
        return;
    size_t length = (size_t)(data[0] << 8 | data[1]) % LENGTH_MAX;
    struct mpx_str value = { (const char *)data + 2, n - 2 };
    if (str_find(value, '"') < value.n) /* a quote may hide a comma: not in the grammar */
        return;
    read_marks(&m, value, length);
    switch (range_read(value, length, &rs)) {
    case RANGE_WHOLE:
        FUZZ_MUST(m.bad || m.specs > RANGE_SPECS || length == 0 ||
                      count_runs(&m, length) > RANGE_MOST,
                  "ignored, why?");
        return;
    case RANGE_NONE:
        FUZZ_MUST(!m.bad && !m.any, "what is there is said not to be");
        return;
    case RANGE_SOME:
        break;
    }
    FUZZ_MUST(!m.bad && m.any, "ranges out of nothing");
    FUZZ_MUST(rs.count == count_runs(&m, length), "%zu ranges, not %zu", rs.count,
              count_runs(&m, length));
    for (size_t step = 1; step < 70; step = step * 4 + 1)
        check_walk(&m, &rs, length, step);
    check_walk(&m, &rs, length, length);
}
