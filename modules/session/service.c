/* SPDX-License-Identifier: MIT */
#include "service.h"

#include "seat.h"

#include <errno.h>

/* The seat for who looks at what is in it. */
static struct seat *looked_at(struct mpx_req *r)
{
    const struct conf *conf;
    struct seat *seat = seat_of(r, &conf);

    if (seat != NULL)
        seat->is_looked_at = true;
    return seat;
}

static bool get(struct mpx_req *r, struct mpx_str key, struct mpx_str *value)
{
    const struct seat *seat = looked_at(r);

    return seat != NULL && values_get(seat->data, key, value);
}

static struct mpx_list all(struct mpx_req *r)
{
    const struct seat *seat = looked_at(r);
    struct mpx_str rest = seat != NULL ? seat->data : MPX_STR("");
    struct mpx_pair pair;
    size_t count = 0;

    for (struct mpx_str s = rest; values_next(&s, &pair);)
        count++;
    struct mpx_pair *pairs = mpx_alloc(mpx_req_arena(r), (count + 1) * sizeof(*pairs));
    for (size_t i = 0; i < count; i++)
        (void)values_next(&rest, &pairs[i]);
    return (struct mpx_list){ pairs, count };
}

static struct mpx_str name(struct mpx_req *r)
{
    const struct conf *conf;
    const struct seat *seat = seat_of(r, &conf);

    if (seat == NULL || !seat->is_live)
        return MPX_STR("");
    return mpx_printf(mpx_req_arena(r), "%s", seat->name);
}

static enum mpx_rc load(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    const struct seat_wish wish = { .kind = OP_LOAD };

    return seat_do(r, &wish, fn, state);
}

static enum mpx_rc change_one(struct mpx_req *r, struct seat_wish wish, struct mpx_str key,
                              struct mpx_str value, mpx_resume_fn fn, void *state)
{
    const struct mpx_pair pair = { key, value };

    wish.changes = (struct mpx_list){ &pair, 1 };
    return seat_do(r, &wish, fn, state);
}

static enum mpx_rc set(struct mpx_req *r, struct mpx_str key, struct mpx_str value,
                       mpx_resume_fn fn, void *state)
{
    if (value.p == NULL)
        value = MPX_STR("");
    return change_one(r, (struct seat_wish){ .kind = OP_CHANGE }, key, value, fn, state);
}

static enum mpx_rc drop(struct mpx_req *r, struct mpx_str key, mpx_resume_fn fn, void *state)
{
    return change_one(r, (struct seat_wish){ .kind = OP_CHANGE }, key, (struct mpx_str){ NULL, 0 },
                      fn, state);
}

static enum mpx_rc change(struct mpx_req *r, struct mpx_list pairs, mpx_resume_fn fn, void *state)
{
    const struct seat_wish wish = { .kind = OP_CHANGE, .changes = pairs };

    return seat_do(r, &wish, fn, state);
}

static enum mpx_rc increment(struct mpx_req *r, struct mpx_str key, int64_t by, mpx_resume_fn fn,
                             void *state)
{
    return change_one(r, (struct seat_wish){ .kind = OP_INCREMENT, .by = by }, key,
                      (struct mpx_str){ NULL, 0 }, fn, state);
}

static enum mpx_rc update(struct mpx_req *r, struct mpx_str key, struct mpx_str old,
                          struct mpx_str value, mpx_resume_fn fn, void *state)
{
    return change_one(r, (struct seat_wish){ .kind = OP_UPDATE, .old = old }, key, value, fn,
                      state);
}

static enum mpx_rc regenerate(struct mpx_req *r, struct mpx_list pairs, mpx_resume_fn fn,
                              void *state)
{
    const struct seat_wish wish = { .kind = OP_CHANGE, .renews = true, .changes = pairs };

    return seat_do(r, &wish, fn, state);
}

static enum mpx_rc end(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    const struct seat_wish wish = { .kind = OP_END };

    return seat_do(r, &wish, fn, state);
}

static int result(const struct mpx_req *r)
{
    const struct conf *conf;
    /* the slot is the request's, which is given as one that is not to be changed */
    const struct seat *seat = seat_of((struct mpx_req *)(uintptr_t)r, &conf);

    return seat != NULL ? seat->rc : -ENOENT;
}

const struct mpx_session service = {
    .head = { .size = sizeof(struct mpx_session), .major = 1, .minor = 0 },
    .get = get,
    .all = all,
    .name = name,
    .load = load,
    .set = set,
    .drop = drop,
    .change = change,
    .increment = increment,
    .update = update,
    .regenerate = regenerate,
    .end = end,
    .result = result,
};
