/* SPDX-License-Identifier: MIT
   Filters over what the guest answers: the letters behind "?f=" push one each. All but the one that
   fails leave a body as it was, each in a way of its own. */
#include "guest.h"

#include <stdlib.h>
#include <string.h>

enum { PUSHED_MOST = 6 };

static size_t open_filters;

size_t guest_open_filters(void)
{
    return open_filters;
}

/* On the heap, so that one that is not ended is found. */
struct held {
    char *bytes;
    size_t n, at;
};

static void end(struct mpx_filter *f)
{
    struct held *h = mpx_filter_state(f);

    open_filters--;
    free(h->bytes);
    free(h);
}

static int pass(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return mpx_filter_next(f, in, flags);
}

static int watch(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    (void)f;
    (void)in;
    (void)flags;
    return 0;
}

/* A few bytes at a time, and nothing between them. */
static int chop(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    while (in.n > 7) {
        if (mpx_filter_next(f, (struct mpx_str){ in.p, 7 }, 0) < 0 ||
            mpx_filter_next(f, MPX_STR(""), MPX_FLUSH) < 0)
            return -1;
        in = (struct mpx_str){ in.p + 7, in.n - 7 };
    }
    return mpx_filter_next(f, in, flags);
}

static void keep(struct held *h, struct mpx_str in)
{
    if (in.n == 0)
        return;
    h->bytes = realloc(h->bytes, h->n + in.n);
    memcpy(h->bytes + h->n, in.p, in.n);
    h->n += in.n;
}

/* All that is held, as far as there is room. */
static int release(struct mpx_filter *f, struct held *h, unsigned flags)
{
    while (h->at < h->n) {
        size_t n = h->n - h->at < 3000 ? h->n - h->at : 3000;
        int rc = mpx_filter_next(f, (struct mpx_str){ h->bytes + h->at, n }, 0);

        h->at += n;
        if (rc != 0)
            return rc < 0 ? -1 : MPX_FILTER_MORE;
    }
    return mpx_filter_next(f, MPX_STR(""), flags);
}

static int hold(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    keep(mpx_filter_state(f), in);
    return (flags & MPX_LAST) != 0 ? release(f, mpx_filter_state(f), flags) : 0;
}

/* Until somebody flushes. */
static int until_flush(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    keep(mpx_filter_state(f), in);
    return flags != 0 ? release(f, mpx_filter_state(f), flags) : 0;
}

static int fail(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return (flags & MPX_LAST) != 0 ? -1 : mpx_filter_next(f, in, flags);
}

#define FILTER(function, bits)                                                     \
    {                                                                              \
        .size = sizeof(struct mpx_filter_ops), .flags = (bits), .name = #function, \
        .write = (function), .end = end                                            \
    }
static const struct {
    char letter;
    struct mpx_filter_ops ops;
} filters[] = {
    { 'p', FILTER(pass, 0) },        { 's', FILTER(pass, MPX_FILTER_SAME_LENGTH) },
    { 'c', FILTER(chop, 0) },        { 'd', FILTER(chop, MPX_FILTER_SAME_LENGTH) },
    { 'h', FILTER(hold, 0) },        { 'i', FILTER(hold, MPX_FILTER_SAME_LENGTH) },
    { 'u', FILTER(until_flush, 0) }, { 'w', FILTER(watch, MPX_FILTER_WATCH) },
    { 'x', FILTER(fail, 0) },
};

static void push(struct mpx_req *r, char letter)
{
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++) {
        if (filters[i].letter != letter)
            continue;
        struct held *h = calloc(1, sizeof(*h));

        open_filters++;
        if (mpx_filter_push(r, &filters[i].ops, h) < 0) {
            open_filters--;
            free(h);
        }
    }
}

enum mpx_rc guest_filter(struct mpx_req *r, const void *conf)
{
    struct mpx_str q = mpx_req_query(r);

    (void)conf;
    if (q.n > 2 && memcmp(q.p, "f=", 2) == 0)
        for (size_t i = 2; i < q.n && i < 2 + PUSHED_MOST; i++)
            push(r, q.p[i]);
    return MPX_NEXT;
}
