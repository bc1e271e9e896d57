/* SPDX-License-Identifier: MIT
   Builds the virtual hosts of a generation from the configuration's tree. */
#ifndef SITE_H
#define SITE_H
#include "level.h"

/* First "defaults", then a virtual host with its names and directories at each call. True while
   there is more to build. */
bool site_build_part(struct building *b);

#endif
