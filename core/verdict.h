/* SPDX-License-Identifier: MIT
   How a worker ended: what its wait status and its blame memory say, as a sentence, and whether a
   module is to be held responsible. Nothing of what the process has left is believed. */
#ifndef VERDICT_H
#define VERDICT_H
#include "blame.h"

struct verdict {
    /* "died: signal 11 (Segmentation fault) at x.so+0x1234, address 0x0, module \"x\" in its
       CONTENT hook, virtual host \"y\", request 0123456789abcdef" */
    const char *text;
    const char *module; /* whose crash it is; NULL: nobody's */
    bool at_load;       /* it cannot even be loaded */
};

/* Both in a. status is waitpid's; stalled_ms: it was killed for not having turned for so long; 0:
   it was not. Nobody is responsible for what others have sent (an administrator, the kernel that
   had no memory left), for our own want of memory, and for a crash while no module was at work. */
void verdict_find(const struct blame *b, struct mpx_arena *a, int status, int64_t stalled_ms,
                  struct verdict *v);

#endif
