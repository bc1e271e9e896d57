/* SPDX-License-Identifier: MIT */
#include "pace.h"

void pace_start(struct pace *p)
{
    p->left_ms = PACE_GRACE_MS;
}

bool pace_note(struct pace *p, int64_t rate, int64_t waited_ms, uint64_t bytes)
{
    p->left_ms += (double)bytes * 1000 / (double)rate - (double)waited_ms;
    if (p->left_ms > PACE_GRACE_MS)
        p->left_ms = PACE_GRACE_MS;
    return p->left_ms >= 0;
}
