/* SPDX-License-Identifier: MIT */
#include "cond.h"

#include "str.h"

static bool is_weak(struct mpx_str tag)
{
    return str_starts(tag, MPX_STR("W/"));
}

static struct mpx_str opaque_part(struct mpx_str tag)
{
    return is_weak(tag) ? str_from(tag, 2) : tag;
}

/* Whether a list of entity tags, or "*", has one that matches ours (RFC 9110 8.8.3.2). */
static bool has_tag(struct mpx_str list, struct mpx_str tag, bool strong)
{
    struct mpx_str item;

    if (str_is(list, "*"))
        return true;
    while (str_next_item(&list, &item)) {
        if (strong && (is_weak(item) || is_weak(tag)))
            continue;
        if (tag.n > 0 && str_eq(opaque_part(item), opaque_part(tag)))
            return true;
    }
    return false;
}

/* Whether the response is newer than a date in the request; a date that cannot be read, or a
   response without one, is as if the field were not there. */
static bool compare_date(const struct mpx_req *r, struct mpx_str date, bool *is_newer)
{
    struct mpx_str last_modified;
    time_t theirs, ours;

    if (!res_get(r, MPX_STR("Last-Modified"), &last_modified) ||
        date_parse(last_modified, r->w->now, &ours) < 0 || date_parse(date, r->w->now, &theirs) < 0)
        return false;
    *is_newer = ours > theirs;
    return true;
}

/* In the order of RFC 9110 13.2.2. */
int cond_judge(const struct mpx_req *r)
{
    struct mpx_str tag = { NULL, 0 }, value;
    bool is_newer;

    if (r->res.status != 200 || !(r->is_head || str_is(r->method, "GET")))
        return 0;
    if (!res_get(r, MPX_STR("ETag"), &tag) && !res_get(r, MPX_STR("Last-Modified"), &value))
        return 0;
    if (req_known(r, REQ_IF_MATCH, &value)) {
        if (!has_tag(value, tag, true))
            return 412;
    } else if (req_known(r, REQ_IF_UNMODIFIED_SINCE, &value) && compare_date(r, value, &is_newer) &&
               is_newer) {
        return 412;
    }
    if (req_known(r, REQ_IF_NONE_MATCH, &value))
        return has_tag(value, tag, false) ? 304 : 0;
    if (req_known(r, REQ_IF_MODIFIED_SINCE, &value) && compare_date(r, value, &is_newer) &&
        !is_newer)
        return 304;
    return 0;
}
