/* SPDX-License-Identifier: MIT
   Listeners that are well-formed, each by itself, and still cannot all be had: what --test would
   otherwise leave to the start. Nothing is bound and no name is looked up. */
#ifndef FEASIBLE_H
#define FEASIBLE_H
#include "settings.h"

/* Adds what is wrong to problems. */
void feasible_listeners(const struct settings *s, struct problems *problems);

#endif
