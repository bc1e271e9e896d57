/* SPDX-License-Identifier: MIT */
#include "cond.h"

#include "cut.h"
#include "page_text.h"
#include "str.h"

/* An entity tag that s begins with (RFC 9110 8.8.3): its length, or 0. A backslash in it is one. */
static size_t tag_length(struct mpx_str s)
{
    size_t weak = str_starts(s, MPX_STR("W/")) ? 2 : 0;
    struct mpx_str quoted = str_from(s, weak);

    if (quoted.n == 0 || quoted.p[0] != '"')
        return 0;
    size_t end = str_find(str_from(quoted, 1), '"') + 1;
    return end < quoted.n ? weak + end + 1 : 0;
}

/* The next entity tag of a list; advances it. An element that is something else is passed over. */
static bool next_tag(struct mpx_str *list, struct mpx_str *tag)
{
    while (list->n > 0) {
        struct mpx_str s = str_trim(*list);
        size_t n = tag_length(s);
        struct mpx_str behind = str_from(s, n);
        size_t comma = str_find(behind, ',');

        *list = str_from(behind, comma + 1);
        *tag = str_head(s, n);
        if (n > 0 && str_trim(str_head(behind, comma)).n == 0)
            return true;
    }
    return false;
}

static bool is_weak(struct mpx_str tag)
{
    return str_starts(tag, MPX_STR("W/"));
}

static struct mpx_str opaque_part(struct mpx_str tag)
{
    return is_weak(tag) ? str_from(tag, 2) : tag;
}

/* RFC 9110 8.8.3.2 */
static bool is_same_tag(struct mpx_str a, struct mpx_str b, bool strong)
{
    if (strong && (is_weak(a) || is_weak(b)))
        return false;
    return str_eq(opaque_part(a), opaque_part(b));
}

/* Whether a list of entity tags, or "*", has ours. */
static bool has_tag(struct mpx_str list, struct mpx_str ours, bool strong)
{
    struct mpx_str tag;

    if (str_is(list, "*"))
        return true;
    while (next_tag(&list, &tag))
        if (is_same_tag(tag, ours, strong))
            return true;
    return false;
}

/* A field of the response that is a date. */
static bool get_date(const struct mpx_req *r, struct mpx_str name, time_t *t)
{
    struct mpx_str value;

    return res_get(r, name, &value) && date_parse(value, r->w->now, t) == 0;
}

/* Whether the response is newer than a date in the request; a date that cannot be read, or a
   response without one, is as if the field were not there. */
static bool compare_date(const struct mpx_req *r, struct mpx_str date, bool *is_newer)
{
    time_t theirs, ours;

    if (!get_date(r, MPX_STR("Last-Modified"), &ours) || date_parse(date, r->w->now, &theirs) < 0)
        return false;
    *is_newer = ours > theirs;
    return true;
}

static bool is_get(const struct mpx_req *r)
{
    return str_is(r->method, "GET");
}

/* Whether the response's validators are those of what was asked for: in others they are missing,
   or speak of something else. */
static bool has_validator(const struct mpx_req *r)
{
    int status = r->res.status;
    struct mpx_str value;

    return (r->is_head || is_get(r)) && (status == 200 || status == 203 || status == 206) &&
           (res_get(r, MPX_STR("ETag"), &value) || res_get(r, MPX_STR("Last-Modified"), &value));
}

/* In the order of RFC 9110 13.2.2. */
int cond_judge(const struct mpx_req *r)
{
    struct mpx_str tag = { NULL, 0 }, value;
    bool is_newer;

    if (!req_has_condition(r) || !has_validator(r))
        return 0;
    (void)res_get(r, MPX_STR("ETag"), &tag);
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

/* Whether a date is the response's own and strong: it was not changed again in the same second, as
   far as can be told from here (RFC 9110 8.8.2.2). */
static bool is_same_date(const struct mpx_req *r, struct mpx_str date)
{
    time_t theirs, ours;

    return get_date(r, MPX_STR("Last-Modified"), &ours) &&
           date_parse(date, r->w->now, &theirs) == 0 && theirs == ours && ours < r->w->now;
}

bool cond_allows_range(const struct mpx_req *r)
{
    struct mpx_str value, tag;

    if (!req_known(r, REQ_IF_RANGE, &value))
        return true;
    if (value.n == 0 || tag_length(value) != value.n)
        return is_same_date(r, value);
    return res_get(r, MPX_STR("ETag"), &tag) && is_same_tag(value, tag, true);
}

/* A resource was not changed later than we say so (RFC 9110 8.8.2.1). */
static void keep_out_of_future(struct mpx_req *r)
{
    struct mpx_str date;
    time_t t;

    if (!res_get(r, MPX_STR("Last-Modified"), &date) ||
        (date.n == DATE_HTTP - 1 && date_compare(date.p, r->w->date) <= 0))
        return;
    if (date_parse(date, r->w->now, &t) == 0 && t > r->w->now)
        (void)res_set(r, MPX_STR("Last-Modified"), (struct mpx_str){ r->w->date, DATE_HTTP - 1 });
}

static void remove_fields(struct mpx_req *r, const char *const *names)
{
    for (; *names != NULL; names++)
        res_remove(r, str_of(*names));
}

/* 304 says what has to be known of the 200 that it stands for, and not what the client has (RFC
   9110 15.4.5). */
static void answer_not_modified(struct mpx_req *r)
{
    static const char *const of_content[] = { "Content-Type",     "Content-Encoding",
                                              "Content-Language", "Content-Length",
                                              "Content-Range",    NULL };
    struct mpx_str tag;

    remove_fields(r, of_content);
    if (res_get(r, MPX_STR("ETag"), &tag))
        res_remove(r, MPX_STR("Last-Modified"));
    res_not_modified(r);
    r->res.enough = true;
}

/* A page instead of the response. How long that one may be kept is not said of this one: a cache
   that believed it would refuse others. */
static void answer_page(struct mpx_req *r, int status)
{
    static const char *const of_caches[] = { "Cache-Control", "Expires", NULL };

    page_text_error(r, status);
    remove_fields(r, of_caches);
    r->res.enough = true;
}

/* Whether the response may go out in parts; a module that does not want that, or that cut it
   itself, has said so. */
static bool can_be_cut(const struct mpx_req *r)
{
    struct mpx_str value;

    return r->res.status == 200 && has_validator(r) && res_length(r) >= 0 &&
           !res_get(r, MPX_STR("Content-Range"), &value) &&
           (!res_get(r, MPX_STR("Accept-Ranges"), &value) ||
            str_same_word(value, MPX_STR("bytes")));
}

static void apply_range(struct mpx_req *r)
{
    uint64_t length = (uint64_t)res_length(r);
    struct mpx_str value;
    struct ranges ranges;

    if (!res_get(r, MPX_STR("Accept-Ranges"), &value))
        res_add_own(r, MPX_STR("Accept-Ranges"), MPX_STR("bytes"));
    if (!is_get(r) || !req_known(r, REQ_RANGE, &value) || !cond_allows_range(r))
        return;
    switch (range_read(value, length, &ranges)) {
    case RANGE_WHOLE:
        return;
    case RANGE_SOME:
        cut_begin(r, &ranges, length);
        return;
    case RANGE_NONE:
        answer_page(r, 416);
        (void)res_set(r, MPX_STR("Content-Range"),
                      arena_printf(&r->arena, "bytes */%llu", (unsigned long long)length));
        return;
    }
}

void cond_apply(struct mpx_req *r)
{
    keep_out_of_future(r);
    int judged = cond_judge(r);
    if (judged == 304)
        answer_not_modified(r);
    else if (judged != 0)
        answer_page(r, judged);
    else if (can_be_cut(r))
        apply_range(r);
}
