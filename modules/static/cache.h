/* SPDX-License-Identifier: MIT
   What is said to caches (RFC 9111 5.2.2) of a file, by its name and type. */
#ifndef STATIC_CACHE_H
#define STATIC_CACHE_H
#include <multiplexd/module.h>

struct cache_rule;

/* The settings, and what is made of them. */
struct cache {
    int64_t max_age; /* milliseconds; 0: nothing is said of it */
    struct mpx_str control;
    struct mpx_list by_type; /* of struct mpx_pair */
    /* made by cache_open: */
    struct mpx_str otherwise;
    struct cache_rule *rules; /* the most exact first */
    size_t rule_count;
};
int cache_check(struct mpx_conf *c, const struct cache *cache); /* 0 or -1 */
void cache_open(struct mpx_conf *c, struct cache *cache);
/* The value for Cache-Control, or an empty view. */
struct mpx_str cache_control(const struct cache *cache, struct mpx_str name, struct mpx_str type);

#endif
