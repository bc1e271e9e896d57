/* SPDX-License-Identifier: MIT
   Filters that break one rule each. What the server makes of them is in
   tests/unit/test_filter_evil.c. */
#include "evil.h"

#include <string.h>

static struct mpx_filter *first; /* of the response that is made */

static enum mpx_rc nothing(struct mpx_req *r, const void *conf, void *state)
{
    (void)r;
    (void)conf;
    (void)state;
    return MPX_NEXT;
}

static int pass(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    first = f;
    return mpx_filter_next(f, in, flags);
}

static int no_last(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)flags;
    return mpx_filter_next(f, in, 0);
}

static int early_last(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)flags;
    (void)mpx_filter_next(f, in, MPX_LAST);
    return 0;
}

static int after_last(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(f, in, flags);
    if ((flags & MPX_LAST) != 0)
        (void)mpx_filter_next(f, MPX_STR("more"), 0);
    return 0;
}

static int last_twice(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(f, in, flags);
    (void)mpx_filter_next(f, MPX_STR(""), flags);
    return 0;
}

/* For each byte a call of itself. */
static int recurse(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    if (in.n <= 1)
        return pass(f, in, flags);
    if (mpx_filter_next(f, (struct mpx_str){ in.p, 1 }, 0) < 0)
        return -1;
    return recurse(f, (struct mpx_str){ in.p + 1, in.n - 1 }, flags);
}

static int spin(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)f;
    (void)in;
    (void)flags;
    return MPX_FILTER_MORE;
}

static int flood(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    static char block[65536];

    for (int i = 0; i < 64; i++)
        (void)mpx_filter_next(f, (struct mpx_str){ block, sizeof(block) }, 0);
    return pass(f, in, flags);
}

static int nonsense(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(f, in, flags);
    return 7;
}

static int odd_flags(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(f, in, flags | 64);
    return 0;
}

static int grow(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(f, in, 0);
    return pass(f, MPX_STR("more"), flags);
}

static int shrink(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return pass(f, in.n > 0 ? (struct mpx_str){ in.p, in.n - 1 } : in, flags);
}

static int other(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)mpx_filter_next(first, MPX_STR("smuggled"), 0);
    return mpx_filter_next(f, in, flags);
}

static const struct mpx_filter_ops passing = { .size = sizeof(struct mpx_filter_ops),
                                               .name = "passing",
                                               .write = pass };

/* Tries all that a filter may not do, and goes on. */
static int busy(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    struct mpx_req *r = mpx_filter_req(f);
    int refused = mpx_res_write(r, MPX_STR("raw")) < 0;

    refused += mpx_res_flush(r) < 0;
    refused += mpx_res_end(r) == MPX_FAIL;
    refused += mpx_res_error(r, 500) == MPX_FAIL;
    refused += mpx_res_header(r, "X-Late", MPX_STR("1")) < 0;
    refused += mpx_sleep(r, 1, nothing, NULL) == MPX_FAIL;
    refused += mpx_wait_drain(r, nothing, NULL) == MPX_FAIL;
    refused += mpx_filter_push(r, &passing, NULL) < 0;
    refused += mpx_req_rewrite(r, MPX_STR("/"), MPX_STR("")) < 0;
    if ((flags & MPX_LAST) != 0)
        return pass(f, refused == 9 ? MPX_STR("all refused") : MPX_STR("some passed"), flags);
    (void)in;
    return 0;
}

static void end_and_pass(struct mpx_filter *f)
{
    (void)mpx_filter_next(f, MPX_STR("late"), 0);
}

static const struct {
    const char *path;
    struct mpx_filter_ops ops;
} deeds[] = {
#define EVIL(text, function, bits, ...)                                               \
    {                                                                                 \
        "/filter/" text,                                                              \
        {                                                                             \
            .size = sizeof(struct mpx_filter_ops), .name = text, .write = (function), \
            .flags = (bits), __VA_ARGS__                                              \
        }                                                                             \
    }
    EVIL("no-last", no_last, 0, ),
    EVIL("early-last", early_last, 0, ),
    EVIL("after-last", after_last, 0, ),
    EVIL("last-twice", last_twice, 0, ),
    EVIL("recursion", recurse, 0, ),
    EVIL("spin", spin, 0, ),
    EVIL("flood", flood, 0, ),
    EVIL("nonsense", nonsense, 0, ),
    EVIL("odd-flags", odd_flags, 0, ),
    EVIL("same-grows", grow, MPX_FILTER_SAME_LENGTH, ),
    EVIL("same-shrinks", shrink, MPX_FILTER_SAME_LENGTH, ),
    EVIL("watch-passes", pass, MPX_FILTER_WATCH, ),
    EVIL("watch-more", spin, MPX_FILTER_WATCH, ),
    EVIL("busy", busy, 0, ),
    EVIL("end-passes", pass, 0, .end = end_and_pass),
    EVIL("late", pass, 0, ),
    EVIL("unknown", pass, 64, ),
    EVIL("no-write", NULL, 0, ),
};

static bool is(struct mpx_str s, const char *z)
{
    return mpx_str_eq(s, (struct mpx_str){ z, strlen(z) });
}

void evil_filter(struct mpx_req *r)
{
    struct mpx_str path = mpx_req_path(r);
    struct mpx_filter_ops small = { .size = 8, .write = pass };
    const struct mpx_filter_ops second = { .size = sizeof(second),
                                           .name = "other",
                                           .write = other };

    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (is(path, deeds[i].path))
            (void)mpx_filter_push(r, &deeds[i].ops, NULL);
    if (is(path, "/filter/small"))
        (void)mpx_filter_push(r, &small, NULL);
    for (int i = 0; i < 20 && is(path, "/filter/many"); i++)
        (void)mpx_filter_push(r, &passing, NULL);
    if (is(path, "/filter/other")) {
        (void)mpx_filter_push(r, &passing, NULL);
        (void)mpx_filter_push(r, &second, NULL);
    }
}

void evil_filter_late(struct mpx_req *r)
{
    if (is(mpx_req_path(r), "/filter/late"))
        (void)mpx_filter_next(first, MPX_STR("late"), 0);
}
