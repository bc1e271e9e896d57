/* SPDX-License-Identifier: MIT
   multiplexd/mime.h - the service "mime", which module "static" provides: media types by suffix.

   In open():  p->mime = (const struct mpx_mime *)mpx_require(c, "mime", 1, 0);
   with "static" in the descriptor's "after". */
#ifndef MULTIPLEXD_MIME_H
#define MULTIPLEXD_MIME_H
#include <multiplexd/module.h>

struct mpx_mime {
    struct mpx_service head; /* 1.0 */
    /* The value for Content-Type of a file of this name, with charset for text, as the "static"
       settings of this request's directory have it. The view lives as long as the request. */
    struct mpx_str (*type)(struct mpx_req *r, struct mpx_str file_name);
};

#endif
