/* SPDX-License-Identifier: MIT */
#include "admission.h"

struct admission {
    bool is_granted, is_refused;
    struct res refusal; /* its queue is not looked at: */
    struct pieces body; /* nobody counts what waits in it */
};

static struct admission *admission_of(struct mpx_req *r)
{
    if (r->admission == NULL)
        r->admission = arena_zero(&r->arena, sizeof(*r->admission));
    return r->admission;
}

static void drop_refusal(struct mpx_req *r)
{
    struct admission *a = r->admission;
    struct piece *next;

    for (struct piece *p = a->body.first; p != NULL; p = next) {
        next = p->next;
        piece_release(r, p);
    }
    a->body = (struct pieces){ .first = NULL };
    a->is_refused = false;
}

void admission_grant(struct mpx_req *r)
{
    admission_of(r)->is_granted = true;
}

static bool is_refusal(const struct res *res)
{
    return !res->started && !res->broken &&
           ((res->status >= 300 && res->status < 400) || res->status == 401 || res->status == 403 ||
            res->status == 404);
}

bool admission_hold(struct mpx_req *r)
{
    struct admission *a = admission_of(r);

    if (!r->res.ended || !is_refusal(&r->res))
        return false;
    if (!a->is_refused || (a->refusal.status != 401 && r->res.status == 401)) {
        drop_refusal(r);
        a->is_refused = true;
        a->body = r->res.queue;
        a->body.copied = NULL;
        a->body.first = piece_detach_behind(r, &r->res.queue, piece_last_framed(&r->res.queue));
        a->refusal = r->res;
    }
    res_reset(r, 200);
    return true;
}

/* What the carrier has in its queue, and what is free, is not the refusal's. */
static void take_refusal(struct mpx_req *r)
{
    struct admission *a = r->admission;
    struct res *res = &r->res, now = *res;

    *res = a->refusal;
    res->queue = now.queue;
    res->spare = now.spare;
    res->waiting = now.waiting + a->body.waiting;
    while (a->body.first != NULL)
        piece_move(&a->body, &res->queue);
}

bool admission_refuses(struct mpx_req *r)
{
    struct admission *a = r->admission;

    if (a == NULL || !a->is_refused || a->is_granted)
        return false;
    take_refusal(r);
    admission_forget(r);
    return true;
}

void admission_forget(struct mpx_req *r)
{
    if (r->admission == NULL)
        return;
    drop_refusal(r);
    r->admission->is_granted = false;
}
