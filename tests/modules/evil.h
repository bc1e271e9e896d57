/* SPDX-License-Identifier: MIT
   What the files of module evil share. */
#ifndef EVIL_H
#define EVIL_H
#include <multiplexd/module.h>

/* RESPONSE for paths below /filter/: pushes a filter that breaks the rule which the path names. */
void evil_filter(struct mpx_req *r);
/* LOG for these: calls what must not be called any more. */
void evil_filter_late(struct mpx_req *r);

#endif
