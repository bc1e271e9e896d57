/* SPDX-License-Identifier: MIT
   Regular expressions of a configuration (PCRE2), compiled once and matched in bounded time and
   memory: hooks run on the event loop, and what they match comes from clients. */
#ifndef PATTERN_H
#define PATTERN_H
#include <multiplexd/module.h>

enum {
    PATTERN_GROUPS = 32,              /* captures that a match tells, the whole included */
    PATTERN_MATCH_LIMIT = 100 * 1000, /* steps of one match, then it is given up */
    PATTERN_DEPTH_LIMIT = 250,
    PATTERN_HEAP_KIB = 1024
};

struct pattern;

/* In check() or open(): compiles text, and notes an error at "below" with its place in the text.
   What is made goes with the configuration; NULL after an error. */
struct pattern *pattern_compile(struct mpx_conf *c, const char *below, struct mpx_str text);
unsigned pattern_groups(const struct pattern *p); /* captures it has, without the whole */

/* The number of a capture that has a name, (?<name>...), or -1. */
int pattern_group_named(const struct pattern *p, struct mpx_str name);

/* The views lie in the subject; those of groups that took no part are empty. groups[0] is the whole
   match. Returns 1; 0: no match; -1: a limit was passed, which is no match either, and worth a
   word in the log. groups may be NULL. */
int pattern_match(const struct pattern *p, struct mpx_str subject,
                  struct mpx_str groups[PATTERN_GROUPS]);

/* On other threads: whether it matches, with memory of that thread's own. A limit that was passed
   is no match. NULL: no memory; destroying NULL is harmless. */
struct pattern_room;
struct pattern_room *pattern_room_create(void);
void pattern_room_destroy(struct pattern_room *room);
bool pattern_test(const struct pattern *p, struct mpx_str subject, struct pattern_room *room);

#endif
