/* SPDX-License-Identifier: MIT
   Whether somebody who is waited for is fast enough: waiting costs time, each byte pays for some.
   Who was fast may pause, but no longer than the grace. */
#ifndef PACE_H
#define PACE_H
#include <stdbool.h>
#include <stdint.h>

enum { PACE_GRACE_MS = 10000 };

struct pace {
    double left_ms; /* how long it may be waited for yet if no byte comes */
};
/* Begins anew, with the whole grace. */
void pace_start(struct pace *p);
/* It was waited for so long, and so many bytes came; 'rate' bytes a second, above 0, are asked for.
   False when it has been slower than that for too long. */
bool pace_note(struct pace *p, int64_t rate, int64_t waited_ms, uint64_t bytes);

#endif
