/* SPDX-License-Identifier: MIT
   Builds the virtual hosts of a generation from the configuration's tree. */
#ifndef SITE_H
#define SITE_H
#include "level.h"

/* "defaults", then every virtual host with its names and directories. */
void site_build(const struct building *b);

/* Where a key of core's own may stand, in words; NULL for any other key. */
const char *site_belongs(struct mpx_str key);

/* Core's own keys in these objects, for the test that holds the documentation against them. */
extern const struct mpx_option site_vhost_options[], site_directory_options[],
    site_defaults_options[];

#endif
