/* SPDX-License-Identifier: MIT
   Where a rule leads: a path or an absolute URI, with captures ($1), variables ($name) and, in
   tables, the rest of the path (*). Reading one is plain C, for other threads too; what is filled
   in is encoded as its place in the URI needs (RFC 3986 2.1). */
#ifndef TARGET_H
#define TARGET_H
#include "../common/pattern.h"

enum { TARGET_PARTS = 48 };
enum part_kind { PART_TEXT, PART_GROUP, PART_VARIABLE, PART_REST };
enum zone { ZONE_AUTHORITY, ZONE_PATH, ZONE_QUERY, ZONE_FRAGMENT };
struct part {
    enum part_kind kind;
    enum zone zone;
    unsigned group;
    struct mpx_str text; /* as written; of a variable with its dollar */
};
struct target {
    const char *scheme; /* "http", "https"; NULL: a path */
    bool has_query;     /* an own one, be it empty */
    size_t count;
    struct part *parts;
};
enum {
    TARGET_REST = 1,    /* "*" is what lies below the prefix */
    TARGET_NO_REST = 2, /* there is no such thing: "*" is an error */
    TARGET_PLAIN = 4    /* "$" is a plain one */
};
/* Borrows text; parts has room for TARGET_PARTS. match may be NULL: its captures may be called by
   their names. NULL, or what is wrong with it. */
const char *target_read(struct mpx_str text, unsigned flags, const struct pattern *match,
                        struct target *t, struct part *parts);
/* Any text with captures and variables, as one for a variable: not a URI. */
const char *target_read_text(struct mpx_str text, const struct pattern *match, struct target *t,
                             struct part *parts);
/* A copy without room for more. */
const struct target *target_keep(struct mpx_arena *a, const struct target *t);

/* What a target is filled with. */
struct filling {
    const struct mpx_str *groups; /* PATTERN_GROUPS, or NULL */
    struct mpx_str rest;
};
struct place {
    struct mpx_str authority; /* encoded; of a path "" */
    struct mpx_str path;      /* decoded, begins with one "/" */
    struct mpx_str encoded;   /* the same for a URI; "" where an absolute URI has none */
    struct mpx_str query;     /* encoded, without "?" */
    struct mpx_str fragment;  /* encoded, with "#" */
};
/* In the request's arena. -1 when it is longer than 64 KiB. */
int target_fill(struct mpx_req *r, const struct target *t, const struct filling *f,
                struct place *place);
/* All parts as they are; the same. */
int target_fill_text(struct mpx_req *r, const struct target *t, const struct filling *f,
                     struct mpx_str *text);

#endif
