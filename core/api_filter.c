/* SPDX-License-Identifier: MIT
   The public calls about body filters (module.h section 10): what a module does wrong is told in
   the log. */
#include "filter.h"
#include "req.h"
#include "str.h"

/* Why these cannot be pushed; NULL when they can. */
static const char *objection(const struct mpx_req *r, const struct mpx_filter_ops *ops)
{
    const unsigned known = MPX_FILTER_SAME_LENGTH | MPX_FILTER_WATCH;
    struct mpx_str value;

    if (!r->running || r->phase != MPX_PH_RESPONSE)
        return "only a RESPONSE hook can push a filter";
    if (ops->size < sizeof(*ops)) /* what ABI 1.0 had */
        return "its size must be sizeof(struct mpx_filter_ops)";
    if (ops->write == NULL)
        return "it needs a write()";
    if ((ops->flags & ~known) != 0)
        return "it has flags that there are not";
    if ((ops->flags & known) == 0 &&
        (r->res.status == 206 || res_get(r, MPX_STR("Content-Range"), &value)))
        return "a part of something cannot change its length (RFC 9110 15.3.7)";
    return NULL;
}

int mpx_filter_push(struct mpx_req *r, const struct mpx_filter_ops *ops, void *state)
{
    const char *why = objection(r, ops);

    if (why == NULL && filter_push(r, ops, state) < 0)
        why = "there are too many over this response";
    if (why == NULL)
        return 0;
    req_log(r, MPX_ERROR, "mpx_filter_push: filter \"%s\": %s",
            ops->size >= sizeof(*ops) && ops->name != NULL ? ops->name : "", why);
    return -1;
}

void *mpx_filter_state(const struct mpx_filter *f)
{
    return f->state;
}

struct mpx_req *mpx_filter_req(const struct mpx_filter *f)
{
    return f->r;
}

/* Whoever calls at another time may do so for ever: the body would not be what it says it is. */
int mpx_filter_next(struct mpx_filter *f, struct mpx_str out, unsigned flags)
{
    if (f->works)
        return filter_pass(f, out, flags);
    const struct mpx_conf *caller = f->r->caller;
    f->r->caller = f->conf;
    req_log(f->r, MPX_ERROR, "mpx_filter_next: filter \"%s\" is not in its write()%s",
            f->ops.name != NULL ? f->ops.name : "", f->ended ? ", and has ended" : "");
    f->r->caller = caller;
    f->r->res.broken = f->r->res.broken || !f->ended;
    return -1;
}
