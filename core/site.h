/* SPDX-License-Identifier: MIT
   Builds the virtual hosts of a generation from the configuration's tree. */
#ifndef SITE_H
#define SITE_H
#include "level.h"

/* "defaults", then every virtual host with its names and directories. */
void site_build(const struct building *b);

#endif
