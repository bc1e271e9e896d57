/* SPDX-License-Identifier: MIT */
#include "unowned.h"

#include "method.h"
#include "page_text.h"
#include "str.h"

void unowned_answer(struct mpx_req *r)
{
    bool is_welcome = r->vhost->welcome && str_is(r->path, "/");
    uint32_t said = is_welcome ? (uint32_t)METHOD_GET | METHOD_HEAD : r->allow;
    uint32_t offered = said & ~(uint32_t)(METHOD_OPTIONS | METHOD_TRACE);
    uint32_t asked = method_find(r->method);
    int nothing = r->unserved != 0 ? r->unserved : 404;

    if (said == 0)
        page_text_error(r, nothing);
    else if (asked == METHOD_OPTIONS)
        page_text_options(r, offered);
    else if ((asked & offered) == 0)
        page_text_not_allowed(r, offered);
    else if (is_welcome)
        page_text_welcome(r);
    else
        page_text_error(r, nothing);
}

bool unowned_is_trace(const struct mpx_req *r)
{
    return r->phase == MPX_PH_CONTENT && !r->res.page_due && r->res.status < 400 &&
           str_is(r->method, "TRACE");
}

void unowned_refuse_trace(struct mpx_req *r)
{
    page_text_not_allowed(r, (r->allow | METHOD_GET | METHOD_HEAD) & ~(uint32_t)METHOD_TRACE);
}
