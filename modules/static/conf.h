/* SPDX-License-Identifier: MIT
   The settings of "static", and what is made of them. */
#ifndef STATIC_CONF_H
#define STATIC_CONF_H
#include "cache.h"
#include "policy.h"
#include "sidecar.h"
#include "types.h"

struct refusals;

struct conf {
    struct mpx_list index_file; /* of struct mpx_str */
    struct mpx_list types;      /* of struct mpx_pair */
    struct mpx_str default_type, charset, mime_types;
    struct mpx_list hidden; /* of struct mpx_str */
    int symlinks;
    struct policy policy;
    struct cache cache;
    struct sidecars sidecars;
    const struct types *system; /* kept: shared by all uses */
    struct types *own;
    struct refusals *refusals;
};

/* The value for Content-Type: with charset for text. */
struct mpx_str conf_type_of(struct mpx_req *r, const struct conf *conf, struct mpx_str name);

#endif
