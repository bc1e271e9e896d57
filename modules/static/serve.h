/* SPDX-License-Identifier: MIT
   The CONTENT hook of "static": from a path to an answer. */
#ifndef STATIC_SERVE_H
#define STATIC_SERVE_H
#include <multiplexd/module.h>

enum mpx_rc serve(struct mpx_req *r, const void *conf);

#endif
