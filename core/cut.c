/* SPDX-License-Identifier: MIT */
#include "cut.h"

#include "req.h"
#include "str.h"

#include <sys/random.h>

struct cut {
    struct ranges ranges;
    struct range_walk walk;
    /* multipart/byteranges: what stands before each range, and behind the last */
    struct mpx_str heads[RANGE_MOST], tail;
};

static struct mpx_str content_range(struct mpx_req *r, const struct range *range, uint64_t length)
{
    return arena_printf(&r->arena, "bytes %llu-%llu/%llu", (unsigned long long)range->first,
                        (unsigned long long)range->end - 1, (unsigned long long)length);
}

/* Too random to be found in a body by accident, or to be written into one on purpose. */
static struct mpx_str make_boundary(struct mpx_req *r)
{
    uint64_t n[2];

    if (getrandom(n, sizeof(n), 0) != (ssize_t)sizeof(n)) {
        n[0] = r->id;
        n[1] = (uint64_t)clock_us();
    }
    return arena_printf(&r->arena, "%016llx%016llx", (unsigned long long)n[0],
                        (unsigned long long)n[1]);
}

/* multipart/byteranges (RFC 9110 14.6); the length of all of it. */
static uint64_t make_parts(struct mpx_req *r, struct cut *c, uint64_t length)
{
    struct mpx_str boundary = make_boundary(r), type = { "", 0 };
    bool has_type = res_get(r, MPX_STR("Content-Type"), &type);
    uint64_t total = 0;

    for (size_t i = 0; i < c->ranges.count; i++) {
        const struct range *range = &c->ranges.list[i];

        c->heads[i] = arena_printf(
            &r->arena, "%s--%.*s\r\n%s%.*s%sContent-Range: %.*s\r\n\r\n", i > 0 ? "\r\n" : "",
            STR_ARGS(boundary), has_type ? "Content-Type: " : "", STR_ARGS(type),
            has_type ? "\r\n" : "", STR_ARGS(content_range(r, range, length)));
        total += c->heads[i].n + (range->end - range->first);
    }
    c->tail = arena_printf(&r->arena, "\r\n--%.*s--\r\n", STR_ARGS(boundary));
    (void)res_set(
        r, MPX_STR("Content-Type"),
        arena_printf(&r->arena, "multipart/byteranges; boundary=%.*s", STR_ARGS(boundary)));
    return total + c->tail.n;
}

/* Passes what is in the queue already. */
static void cut_queue(struct mpx_req *r)
{
    struct piece *next;
    struct pieces *q = &r->res.queue;
    struct piece *p = piece_detach_behind(r, q, piece_last_framed(q));

    for (; p != NULL; p = next) {
        next = p->next;
        cut_pass(r, p, piece_append);
        piece_release(r, p);
    }
}

void cut_begin(struct mpx_req *r, const struct ranges *ranges, uint64_t length)
{
    struct cut *c = arena_zero(&r->arena, sizeof(*c));
    const struct range *only = &c->ranges.list[0];

    c->ranges = *ranges;
    c->walk.ranges = &c->ranges;
    r->res.cut = c;
    r->res.status = 206;
    if (ranges->count > 1) {
        r->res.length = (int64_t)make_parts(r, c, length);
    } else {
        r->res.length = (int64_t)(only->end - only->first);
        (void)res_set(r, MPX_STR("Content-Range"), content_range(r, only, length));
    }
    cut_queue(r);
}

static void add_text(struct mpx_req *r, struct mpx_str text)
{
    const struct piece from = { .kind = PIECE_BYTES, .p = text.p, .n = text.n };

    if (text.n > 0)
        piece_append(r, &r->res.queue, &from, 0, text.n);
}

void cut_pass(struct mpx_req *r, const struct piece *from, cut_add_fn add)
{
    struct cut *c = r->res.cut;
    size_t at = 0;

    while (at < from->n && !r->res.broken) {
        size_t i = c->walk.at;
        struct range_step step = range_next(&c->walk, from->n - at);

        if (step.begins)
            add_text(r, c->heads[i]);
        if (step.take > 0)
            add(r, &r->res.queue, from, at + step.skip, step.take);
        if (step.ends) {
            add_text(r, c->tail);
            r->res.enough = true;
        }
        at += step.skip + step.take;
    }
}
