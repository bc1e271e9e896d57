/* SPDX-License-Identifier: MIT
   A virtual host's own page for an error (the key error_pages) in the place of the standard one: an
   internal GET, or HEAD, of its path through CONTENT alone, once for each request. The status
   stays, and so do the fields that the refusal had set; the page gives the body and what
   describes it. It is asked for without a body: what came with the request is not its. */
#ifndef OWN_PAGE_H
#define OWN_PAGE_H
#include "req.h"

/* A standard page is due. When the virtual host has one of its own, and none was begun: lets the
   request go on with CONTENT for that, and returns true. */
bool own_page_begin(struct mpx_req *r);
/* The response to that is about to start, ended or not: makes it the answer of the request. What
   is no page - an error, a redirect, no content - makes the standard page due. From here on r shows
   what the client had asked for. */
void own_page_take(struct mpx_req *r);
/* What hooks see of r: what the client asked for, for RESPONSE and LOG; or the page, for a hook
   that goes on in CONTENT. Do nothing when no page was begun. */
void own_page_show_request(struct mpx_req *r);
void own_page_show_page(struct mpx_req *r);
bool own_page_is_shown(const struct mpx_req *r);

#endif
