/* SPDX-License-Identifier: MIT
   Listeners of the settings whose sockets were passed to this process: which descriptors these are,
   what is wrong with them, which sockets nobody wants. */
#ifndef PASSED_H
#define PASSED_H
#include "settings.h"

/* Whether it is such a listener. */
bool passed_is(const struct listener_settings *l);
/* The first of its descriptors above 'after' (0: the first of all); 0 when there is no other; -1
   and *error, one sentence with the cure (in a), where it cannot be used or there is none at all.
   */
int passed_next(struct mpx_arena *a, const struct listener_settings *l, int after,
                const char **error);
/* A word in the log of sockets that systemd passed and no listener has: nobody would ever accept
   from them. */
void passed_warn_of_unused(const struct settings *s);

#endif
