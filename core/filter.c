/* SPDX-License-Identifier: MIT */
#include "filter.h"

#include "cut.h"
#include "req.h"
#include "str.h"

enum {
    SLICE_FIRST = 1 << 10, /* bytes: nobody knows yet what it makes of them */
    SLICE_LEAST = 64,
    SLICE_MOST = WORKER_READ,
    CALL_COSTS = 64 /* of the budget, though it be for nothing */
};

static bool watches(const struct mpx_filter *f)
{
    return (f->ops.flags & MPX_FILTER_WATCH) != 0;
}

static bool keeps_length(const struct mpx_filter *f)
{
    return (f->ops.flags & (MPX_FILTER_WATCH | MPX_FILTER_SAME_LENGTH)) != 0;
}

int filter_push(struct mpx_req *r, const struct mpx_filter_ops *ops, void *state)
{
    if (r->filters == NULL)
        r->filters = arena_zero(&r->arena, sizeof(*r->filters));
    struct filters *all = r->filters;
    if (all->count == FILTERS_MAX)
        return -1;
    struct mpx_filter *f = arena_zero(&r->arena, sizeof(*f));
    memcpy(&f->ops, ops, ops->size < sizeof(f->ops) ? ops->size : sizeof(f->ops));
    f->r = r;
    f->conf = r->caller;
    f->state = state;
    f->slice = SLICE_FIRST;
    if (all->count > 0)
        all->list[all->count - 1]->next = f;
    all->list[all->count++] = f;
    return 0;
}

/* ---- what is said of the body */

/* Equal bytes are no longer promised by equal tags (RFC 9110 8.8.1). */
static void weaken_tag(struct mpx_req *r)
{
    struct mpx_str tag;

    if (res_get(r, MPX_STR("ETag"), &tag) && !str_starts(tag, MPX_STR("W/")))
        res_set_own(r, MPX_STR("ETag"), arena_printf(&r->arena, "W/%.*s", STR_ARGS(tag)));
}

static void describe(struct mpx_req *r)
{
    bool changes = false;

    for (unsigned i = 0; i < r->filters->count; i++) {
        changes = changes || !watches(r->filters->list[i]);
        r->res.resized = r->res.resized || !keeps_length(r->filters->list[i]);
    }
    if (changes) { /* RFC 9530: they were of other bytes */
        res_remove(r, MPX_STR("Content-Digest"));
        res_remove(r, MPX_STR("Repr-Digest"));
    }
    if (r->res.resized) {
        res_remove(r, MPX_STR("Accept-Ranges"));
        weaken_tag(r);
    }
}

void filter_begin(struct mpx_req *r)
{
    struct filters *all = r->filters;
    struct pieces *out = &r->res.queue;

    if (all == NULL || all->begun)
        return;
    all->begun = true;
    describe(r);
    size_t waiting = out->waiting;
    struct piece *last = out->last, *first = piece_detach_behind(r, out, piece_last_framed(out));
    all->list[0]->in = (struct pieces){ first, first != NULL ? last : NULL, NULL, waiting };
    r->res.waiting += waiting;
    r->res.input = &all->list[0]->in;
    r->res.filtering = true;
}

/* ---- calls into the modules */

struct before {
    const struct mpx_conf *caller;
    uint64_t blame;
};

static struct before enter(const struct mpx_filter *f)
{
    struct mpx_req *r = f->r;
    struct before before = { r->caller, blame_get(r->w->blame) };

    r->caller = f->conf;
    blame_request(r->w->blame, r->id);
    blame_set(r->w->blame, f->conf->module->index, BLAME_FILTER, r->vhost->host);
    return before;
}

static void leave(const struct mpx_filter *f, struct before before)
{
    blame_put(f->r->w->blame, before.blame);
    f->r->caller = before.caller;
}

/* Its module is named: the response cannot be completed. */
static void break_off(const struct mpx_filter *f, const char *why)
{
    struct mpx_req *r = f->r;
    const struct mpx_conf *caller = r->caller;

    r->caller = f->conf;
    req_log(r, MPX_ERROR, "filter \"%s\" %s: the response is broken off",
            f->ops.name != NULL ? f->ops.name : "", why);
    r->caller = caller;
    r->res.broken = true;
}

static void end_one(struct mpx_filter *f)
{
    if (f->ended)
        return;
    f->ended = true;
    if (f->ops.end == NULL)
        return;
    struct before before = enter(f);
    f->ops.end(f);
    leave(f, before);
}

/* Ever more at a time, but no more than it makes a fair piece of. */
static void adapt_slice(struct mpx_filter *f, size_t given)
{
    if (given == 0)
        return;
    if (f->passed > RES_MARK)
        f->slice = given * RES_MARK / f->passed;
    else if (f->passed <= RES_MARK / 4)
        f->slice *= 4;
    if (f->slice < SLICE_LEAST)
        f->slice = SLICE_LEAST;
    if (f->slice > SLICE_MOST)
        f->slice = SLICE_MOST;
}

/* What its answer means. */
static void judge(struct mpx_filter *f, int rc, size_t given)
{
    f->more = rc == MPX_FILTER_MORE;
    if (rc < 0 || rc > MPX_FILTER_MORE)
        break_off(f, "failed");
    else if (f->more && watches(f))
        break_off(f, "answered MPX_FILTER_MORE, but it only watches");
    else if (f->more && given == 0 && f->passed == 0)
        break_off(f, "answered MPX_FILTER_MORE, and passed nothing on");
    else if (!f->more && f->got_last && !f->gave_last && !watches(f))
        break_off(f, "did not pass MPX_LAST on");
    else if (!f->more && f->got_last)
        end_one(f);
    adapt_slice(f, given);
}

static void call(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    f->flags = flags;
    f->got_last = f->got_last || (flags & MPX_LAST) != 0;
    f->taken += in.n;
    f->passed = 0;
    struct before before = enter(f);
    f->works = true;
    int rc = f->ops.write(f, in, flags);
    f->works = false;
    leave(f, before);
    if (!f->r->res.broken) /* else it was told */
        judge(f, rc, in.n);
}

/* ---- what they pass on */

static struct pieces *queue_behind(const struct mpx_filter *f)
{
    return f->next != NULL ? &f->next->in : &f->r->res.queue;
}

static void pass_flags(const struct mpx_filter *f, unsigned flags)
{
    if (f->next != NULL)
        f->next->due |= flags;
    else if ((flags & MPX_LAST) != 0)
        f->r->res.filtering = false;
}

/* Why it may not pass that on; NULL when it may. */
static const char *objection(const struct mpx_filter *f, size_t n, unsigned flags)
{
    bool is_last = (flags & MPX_LAST) != 0;
    size_t waiting = queue_behind(f)->waiting, most = f->r->res.waiting_max;

    if (watches(f))
        return "passed something on, but it only watches";
    if ((flags & ~(unsigned)(MPX_FLUSH | MPX_LAST)) != 0)
        return "passed flags on that there are not";
    if (f->gave_last)
        return "passed something on behind MPX_LAST";
    if (is_last && !f->got_last)
        return "passed MPX_LAST on before it had come";
    if (keeps_length(f) && f->given + n > f->taken)
        return "passed on more than it was given, but has MPX_FILTER_SAME_LENGTH";
    if (keeps_length(f) && is_last && f->given + n < f->taken)
        return "passed on less than it was given, but has MPX_FILTER_SAME_LENGTH";
    if (n > most || waiting > most - n)
        return "passed on more than limits.response_buffer in one call: answer "
               "MPX_FILTER_MORE when mpx_filter_next gives 1";
    return NULL;
}

int filter_pass(struct mpx_filter *f, struct mpx_str out, unsigned flags)
{
    const struct piece from = { .kind = PIECE_BYTES, .p = out.p, .n = out.n };
    struct mpx_req *r = f->r;
    struct pieces *q = queue_behind(f);

    if (r->res.broken)
        return -1;
    const char *why = objection(f, out.n, flags);
    if (why != NULL) {
        break_off(f, why);
        return -1;
    }
    f->passed += out.n;
    f->given += out.n;
    f->gave_last = (flags & MPX_LAST) != 0;
    if (out.n > 0 && f->next == NULL && r->res.cut != NULL)
        cut_pass(r, &from, piece_copy);
    else if (out.n > 0)
        piece_copy(r, q, &from, 0, out.n);
    pass_flags(f, flags);
    return q->waiting > RES_MARK ? 1 : 0;
}

/* What was watched goes on as it is. Small pieces are put together: each would keep a page. */
static void move_on(struct mpx_filter *f)
{
    struct mpx_req *r = f->r;
    struct piece *p = f->in.first;
    bool is_small = p->kind == PIECE_PAGE && p->n < PAGE_BYTES / 2;

    if (f->next == NULL && r->res.cut != NULL) {
        cut_pass(r, p, is_small ? piece_copy : piece_append);
    } else if (is_small) {
        piece_copy(r, queue_behind(f), p, 0, p->n);
    } else {
        piece_move(&f->in, queue_behind(f));
        return;
    }
    piece_took(r, &f->in, p->n);
}

/* ---- whose turn it is */

static bool has_work(const struct mpx_filter *f)
{
    return f->more || f->in.first != NULL || f->due != 0;
}

/* The last one that has something to do: what is under way goes first. */
static struct mpx_filter *choose(const struct filters *all)
{
    unsigned i = all->count;

    while (i > 0 && !has_work(all->list[i - 1]))
        i--;
    return i > 0 ? all->list[i - 1] : NULL;
}

/* The bytes that come next; false when they must be waited for, or cannot be had. */
static bool look(struct mpx_filter *f, struct mpx_str *in)
{
    const struct piece *p = f->in.first;

    *in = MPX_STR("");
    if (p == NULL)
        return true;
    if (watches(f)) {
        *in = (struct mpx_str){ p->kind != PIECE_FILE ? p->p : NULL, p->n };
        return true;
    }
    size_t n = p->n < f->slice ? p->n : f->slice;
    if (p->kind != PIECE_FILE) {
        *in = (struct mpx_str){ p->p, n };
        return true;
    }
    int rc = filter_file_view(f->r, p, n, in);
    f->r->res.broken = f->r->res.broken || rc < 0;
    return rc > 0;
}

/* One call, and what comes of it; false when nothing can be done now. */
static bool step(struct mpx_filter *f, size_t *budget)
{
    const struct piece *p = f->in.first;
    struct mpx_str in = { "", 0 };

    if (f->more) {
        call(f, in, f->flags);
    } else if (look(f, &in)) {
        bool is_all = p == NULL || (in.n == p->n && p->next == NULL);
        unsigned flags = is_all ? f->due : 0;

        f->due = is_all ? 0 : f->due;
        call(f, in, flags);
        if (p != NULL && watches(f))
            move_on(f);
        else if (p != NULL)
            piece_took(f->r, &f->in, in.n);
        if (watches(f))
            pass_flags(f, flags);
    } else {
        return false;
    }
    size_t cost = CALL_COSTS + f->passed + (in.p != NULL ? in.n : 0);
    *budget -= cost < *budget ? cost : *budget;
    return true;
}

bool filter_run(struct mpx_req *r, size_t *budget)
{
    struct res *res = &r->res;
    struct mpx_filter *f;
    bool done = false;

    if (!res->started || !res->filtering)
        return false;
    if (res->ended && !r->filters->list[0]->got_last)
        r->filters->list[0]->due |= MPX_LAST;
    while (res->filtering && !res->broken && !res->enough && res->queue.waiting <= RES_MARK &&
           *budget > 0 && (f = choose(r->filters)) != NULL && step(f, budget))
        done = true;
    if (!res->broken && !res->enough)
        return done;
    filter_end(r);
    return true;
}

void filter_flush(struct mpx_req *r)
{
    if (r->res.filtering && !r->res.ended)
        r->filters->list[0]->due |= MPX_FLUSH;
}

void filter_end(struct mpx_req *r)
{
    struct filters *all = r->filters;
    struct piece *next;

    if (all == NULL)
        return;
    all->begun = true;
    r->res.input = NULL;
    r->res.filtering = false;
    for (unsigned i = 0; i < all->count; i++) {
        struct mpx_filter *f = all->list[i];

        end_one(f);
        for (struct piece *p = piece_detach_behind(r, &f->in, NULL); p != NULL; p = next) {
            next = p->next;
            piece_release(r, p);
        }
    }
    filter_file_drop(r);
}
