/* SPDX-License-Identifier: MIT
   The pages that core itself answers with. */
#ifndef PAGE_TEXT_H
#define PAGE_TEXT_H
#include "req.h"

/* Each replaces the body that was prepared and ends the response; fields stay, but those that
   spoke of the old body. */
void page_text_error(struct mpx_req *r, int status);
void page_text_redirect(struct mpx_req *r, int status, struct mpx_str location);
void page_text_not_allowed(struct mpx_req *r, struct mpx_str methods); /* 405 */
void page_text_options(struct mpx_req *r, struct mpx_str methods);     /* 204 */
void page_text_welcome(struct mpx_req *r);

#endif
