/* SPDX-License-Identifier: MIT
   The keys of "defaults", of a virtual host and of a directory that core itself reads; all others
   there are modules'. */
#ifndef SITE_KEYS_H
#define SITE_KEYS_H
#include "option.h"

/* What "limits" holds beneath a listener. */
struct site_limits {
    int64_t body;
};

/* What core itself reads of "defaults", of a virtual host and of a directory. What stands at every
   level comes first in all three. */
struct level_settings {
    struct mpx_str elsewhere; /* the text of ELSEWHERE keys */
    struct site_limits limits;
    int satisfy; /* 0: all, 1: any */
};
struct vhost_settings {
    struct level_settings level;
    struct mpx_str name, documents;
    struct mpx_list aliases; /* of struct mpx_str */
};
struct directory_settings {
    struct level_settings level;
    struct mpx_str path, location;
};

extern const struct option_table site_vhost_keys, site_directory_keys, site_defaults_keys;
extern const struct option_table site_limits_keys; /* of "limits" at all three */

/* Where a key of core's own may stand, in words; NULL for any other key. */
const char *site_key_belongs(struct mpx_str key);

#endif
