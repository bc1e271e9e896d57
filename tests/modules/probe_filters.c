/* SPDX-License-Identifier: MIT
   Filters over every response: "X-Filter: upper, double" pushes these two. What became of each that
   was pushed is told in the log. */
#include "probe.h"

#include <stdlib.h>
#include <string.h>

struct state {
    const char *name;
    uint64_t seen, unseen;
    unsigned flushes, lasts, ends;
    char *held; /* on the heap: end() must free it */
    size_t n, room, at;
};

static void note(struct state *s, struct mpx_str in, unsigned flags)
{
    s->seen += in.p != NULL ? in.n : 0;
    s->unseen += in.p == NULL ? in.n : 0;
    s->flushes += (flags & MPX_FLUSH) != 0;
    s->lasts += (flags & MPX_LAST) != 0;
}

static void tell(struct mpx_filter *f)
{
    struct state *s = mpx_filter_state(f);

    s->ends++;
    free(s->held);
    mpx_rlog(mpx_filter_req(f), MPX_INFO,
             "filter %s: seen %llu unseen %llu flushes %u lasts %u ends %u", s->name,
             (unsigned long long)s->seen, (unsigned long long)s->unseen, s->flushes, s->lasts,
             s->ends);
}

/* As many bytes as there were, made by fn. */
static int map(struct mpx_filter *f, struct mpx_str in, unsigned flags, char (*fn)(char))
{
    char part[1024];

    note(mpx_filter_state(f), in, flags);
    while (in.n > sizeof(part)) {
        for (size_t i = 0; i < sizeof(part); i++)
            part[i] = fn(in.p[i]);
        if (mpx_filter_next(f, (struct mpx_str){ part, sizeof(part) }, 0) < 0)
            return -1;
        in.p += sizeof(part);
        in.n -= sizeof(part);
    }
    for (size_t i = 0; i < in.n; i++)
        part[i] = fn(in.p[i]);
    return mpx_filter_next(f, (struct mpx_str){ part, in.n }, flags);
}

static char up(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c;
}

static int upper(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return map(f, in, flags, up);
}

static char turn(char c)
{
    static const char turned[] = "nopqrstuvwxyzabcdefghijklm";

    return c >= 'a' && c <= 'z' ? turned[c - 'a'] : c;
}

static int rot(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return map(f, in, flags, turn);
}

/* Each byte so often, without a look at what next() says. */
static int repeat(struct mpx_filter *f, struct mpx_str in, unsigned flags, size_t times)
{
    char same[1000];

    note(mpx_filter_state(f), in, flags);
    for (size_t i = 0; i < in.n; i++) {
        memset(same, in.p[i], times);
        (void)mpx_filter_next(f, (struct mpx_str){ same, times }, 0);
    }
    return mpx_filter_next(f, MPX_STR(""), flags);
}

static int twice(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return repeat(f, in, flags, 2);
}

static int thousandfold(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return repeat(f, in, flags, 1000);
}

/* Digits do not pass. */
static int drop(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    note(mpx_filter_state(f), in, flags);
    for (size_t i = 0; i < in.n; i++)
        if ((in.p[i] < '0' || in.p[i] > '9') &&
            mpx_filter_next(f, (struct mpx_str){ in.p + i, 1 }, 0) < 0)
            return -1;
    return mpx_filter_next(f, MPX_STR(""), flags);
}

static int drop_all(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    note(mpx_filter_state(f), in, flags);
    return (flags & MPX_LAST) != 0 ? mpx_filter_next(f, MPX_STR(""), MPX_LAST) : 0;
}

static void keep(struct state *s, struct mpx_str in)
{
    if (s->n + in.n > s->room) {
        s->room = 2 * (s->n + in.n);
        s->held = realloc(s->held, s->room);
    }
    if (in.n > 0)
        memcpy(s->held + s->n, in.p, in.n);
    s->n += in.n;
}

/* Keeps all until the last byte has come; then it passes on as much as there is room for. */
static int hold(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    struct state *s = mpx_filter_state(f);

    note(s, in, flags);
    keep(s, in);
    if ((flags & MPX_LAST) == 0)
        return 0;
    while (s->at < s->n) {
        size_t n = s->n - s->at < 5000 ? s->n - s->at : 5000;
        int rc = mpx_filter_next(f, (struct mpx_str){ s->held + s->at, n }, 0);

        s->at += n;
        if (rc != 0)
            return rc < 0 ? -1 : MPX_FILTER_MORE;
    }
    return mpx_filter_next(f, MPX_STR(""), MPX_LAST);
}

/* A sign behind what comes with a flag. */
static int mark(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    struct mpx_str sign = flags == 0                ? MPX_STR("")
                          : (flags & MPX_LAST) != 0 ? MPX_STR("!")
                                                    : MPX_STR("|");

    note(mpx_filter_state(f), in, flags);
    if (mpx_filter_next(f, in, 0) < 0)
        return -1;
    return mpx_filter_next(f, sign, flags);
}

/* Passes five bytes on. */
static int fail(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    struct state *s = mpx_filter_state(f);
    size_t left = s->seen < 5 ? 5 - (size_t)s->seen : 0;

    note(s, in, flags);
    if (in.n < left)
        return mpx_filter_next(f, in, flags);
    (void)mpx_filter_next(f, (struct mpx_str){ in.p, left }, 0);
    return -1;
}

static int fail_last(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    note(mpx_filter_state(f), in, flags);
    return (flags & MPX_LAST) == 0 && mpx_filter_next(f, in, flags) >= 0 ? 0 : -1;
}

static int watch(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    note(mpx_filter_state(f), in, flags);
    return 0;
}

#define FILTER(function, bits)                                                     \
    {                                                                              \
        .size = sizeof(struct mpx_filter_ops), .flags = (bits), .name = #function, \
        .write = (function), .end = tell                                           \
    }
static const struct mpx_filter_ops filters[] = {
    FILTER(upper, MPX_FILTER_SAME_LENGTH),
    FILTER(rot, MPX_FILTER_SAME_LENGTH),
    FILTER(twice, 0),
    FILTER(thousandfold, 0),
    FILTER(drop, 0),
    FILTER(drop_all, 0),
    FILTER(hold, 0),
    FILTER(mark, 0),
    FILTER(fail, MPX_FILTER_SAME_LENGTH),
    FILTER(fail_last, 0),
    FILTER(watch, MPX_FILTER_WATCH),
};

static void push(struct mpx_req *r, struct mpx_str word)
{
    for (size_t i = 0; i < sizeof(filters) / sizeof(filters[0]); i++)
        if (mpx_str_eq(word, (struct mpx_str){ filters[i].name, strlen(filters[i].name) })) {
            struct state *s = mpx_alloc(mpx_req_arena(r), sizeof(*s));

            s->name = filters[i].name;
            (void)mpx_filter_push(r, &filters[i], s);
        }
}

void probe_filter(struct mpx_req *r)
{
    struct mpx_str list;

    if (!mpx_req_header(r, "X-Filter", &list))
        return;
    while (list.n > 0) {
        size_t n = 0;

        while (n < list.n && list.p[n] != ',' && list.p[n] != ' ')
            n++;
        push(r, (struct mpx_str){ list.p, n });
        n += n < list.n;
        list = (struct mpx_str){ list.p + n, list.n - n };
    }
}
