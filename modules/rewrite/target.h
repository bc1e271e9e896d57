/* SPDX-License-Identifier: MIT
   Where a rule leads: a path or an absolute URI, with captures ($1), variables ($name) and, in
   tables, the rest of the path (*). What is filled in is encoded as its place in the URI needs
   (RFC 3986 2.1). */
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
    const struct mpx_var *var;
    bool is_host, is_query; /* $host, $vhost; $query: as a URI has it in that place */
    struct mpx_str text;    /* as written, with its dollar */
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
    TARGET_TEXT = 4     /* not a URI: any text with captures and variables */
};
/* Where a target stands in the configuration. */
struct source {
    struct mpx_conf *c; /* NULL: in no configuration, a "$" is a plain one; for other threads too */
    const char *below;
    const struct pattern *match; /* whose captures it may call, by names too; NULL: none */
};
/* Borrows text; parts has room for TARGET_PARTS. NULL, or what is wrong with it; a variable that
   there is not is told by core. */
const char *target_read(const struct source *from, struct mpx_str text, unsigned flags,
                        struct target *t, struct part *parts);
/* Bytes of the word that s begins with: letters, digits and "_". */
size_t target_word(struct mpx_str s);
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
