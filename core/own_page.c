/* SPDX-License-Identifier: MIT */
#include "own_page.h"

#include "str.h"

enum { WARN_EVERY_MS = 10000 };

/* What hooks see of a request. */
struct shown {
    struct mpx_str method, path, query, rest;
    const struct directory *directory;
    const struct chain *chain;
};

struct own_page {
    const struct error_page *wanted;
    int status;                /* of the error */
    struct mpx_pair *fields;   /* of the refusal */
    size_t count;              /* of these */
    bool shows_page, is_taken; /* r is the page's at the moment; the response is */
    struct shown other;        /* the one that r does not show */
};

static void swap(struct mpx_req *r)
{
    struct own_page *p = r->own_page;
    struct shown before = { r->method, r->path, r->query, r->rest, r->directory, r->chain };

    r->method = p->other.method;
    r->path = p->other.path;
    r->query = p->other.query;
    r->rest = p->other.rest;
    r->directory = p->other.directory;
    r->chain = p->other.chain;
    p->other = before;
    p->shows_page = !p->shows_page;
}

void own_page_show_request(struct mpx_req *r)
{
    if (own_page_is_shown(r))
        swap(r);
}

void own_page_show_page(struct mpx_req *r)
{
    if (r->own_page != NULL && !r->own_page->shows_page)
        swap(r);
}

bool own_page_is_shown(const struct mpx_req *r)
{
    return r->own_page != NULL && r->own_page->shows_page;
}

bool own_page_begin(struct mpx_req *r)
{
    const struct error_page *wanted;

    if (r->own_page != NULL)
        return false;
    wanted = error_page_find(r->vhost, r->res.status);
    if (wanted == NULL)
        return false;
    struct own_page *p = arena_zero(&r->arena, sizeof(*p));
    p->wanted = wanted;
    p->status = r->res.status;
    p->fields = r->res.fields;
    p->count = r->res.count;
    r->own_page = p;
    own_page_show_page(r);
    r->method = r->is_head ? MPX_STR("HEAD") : MPX_STR("GET");
    r->path = wanted->path;
    r->query = wanted->query;
    req_choose_directory(r);
    res_reset(r, p->status);
    r->phase = MPX_PH_CONTENT;
    r->at = 0;
    r->caller = NULL;
    return true;
}

/* A response with a body of its module's own. */
static bool is_page(const struct res *res)
{
    return !res->page_due && !res->broken && res->status != 204 && res->status != 205 &&
           (res->status < 300 || res->status >= 400);
}

/* Whether a field of the page is sent with the error. Not what speaks of the page as a resource:
   there is nothing to validate or to keep, and it lies nowhere. */
static bool is_of_error(const struct own_page *p, struct mpx_str name)
{
    static const struct mpx_str of_resource[] = {
        { "ETag", 4 },           { "Last-Modified", 13 },    { "Accept-Ranges", 13 },
        { "Cache-Control", 13 }, { "Expires", 7 },           { "Age", 3 },
        { "Location", 8 },       { "Content-Location", 16 }, { "Content-Range", 13 },
    };

    for (size_t i = 0; i < sizeof(of_resource) / sizeof(of_resource[0]); i++)
        if (str_same_word(name, of_resource[i]))
            return false;
    if (str_same_word(name, MPX_STR("Set-Cookie")) || str_same_word(name, MPX_STR("Vary")))
        return true;
    for (size_t i = 0; i < p->count; i++)
        if (str_same_word(name, p->fields[i].key))
            return false;
    return true;
}

static void take_fields(struct mpx_req *r, const struct own_page *p)
{
    struct res *res = &r->res;
    const struct mpx_pair *of_page = res->fields;
    size_t count = res->count;

    res->fields = NULL;
    res->count = res->room = 0;
    for (size_t i = 0; i < p->count; i++)
        res_add_own(r, p->fields[i].key, p->fields[i].value);
    for (size_t i = 0; i < count; i++)
        if (is_of_error(p, of_page[i].key))
            res_add_own(r, of_page[i].key, of_page[i].value);
}

/* There is no page where the configuration says: told from time to time. */
static void warn(struct mpx_req *r, const struct own_page *p)
{
    if (r->w->warned_ms != 0 && r->w->now_ms - r->w->warned_ms < WARN_EVERY_MS)
        return;
    r->w->warned_ms = r->w->now_ms;
    req_log(r, MPX_WARN, "error_pages: \"%.*s\" for %d gives no page: mend it, or what serves it",
            STR_ARGS(p->wanted->path), p->status);
}

void own_page_take(struct mpx_req *r)
{
    struct own_page *p = r->own_page;

    if (p->is_taken)
        return;
    p->is_taken = true;
    own_page_show_request(r);
    if (!is_page(&r->res)) {
        warn(r, p);
        res_reset(r, p->status);
        r->res.page_due = r->res.ended = true;
    }
    take_fields(r, p);
    r->res.status = p->status;
}
