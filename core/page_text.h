/* SPDX-License-Identifier: MIT
   The pages that core itself answers with, as HTML, JSON or plain text: what the client's Accept
   prefers, HTML where it does not care (RFC 9110 12.5.1). */
#ifndef PAGE_TEXT_H
#define PAGE_TEXT_H
#include "req.h"

/* Each replaces what was prepared and ends the response; fields stay, but those that spoke of the
   old body - and, where that was a success, of how long it is good for. */

/* The page itself is made by page_text_fill, so that a virtual host's own may take its place. */
void page_text_error(struct mpx_req *r, int status);
void page_text_redirect(struct mpx_req *r, int status, struct mpx_str location);
/* 405, and 204 to OPTIONS: set (method.h) is what the path offers beside OPTIONS. */
void page_text_not_allowed(struct mpx_req *r, uint32_t set);
void page_text_options(struct mpx_req *r, uint32_t set);
void page_text_no_content(struct mpx_req *r); /* 204 */
void page_text_welcome(struct mpx_req *r);

/* Makes the standard page that is due. */
void page_text_fill(struct mpx_req *r);

#endif
