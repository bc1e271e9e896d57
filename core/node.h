/* SPDX-License-Identifier: MIT
   A tree of configuration values in which every value and key knows where it stands, so that an
   error found much later can still show its place. It knows nothing of the text's grammar. */
#ifndef NODE_H
#define NODE_H
#include "source.h"

enum node_kind { NODE_NULL, NODE_BOOL, NODE_INT, NODE_REAL, NODE_STRING, NODE_ARRAY, NODE_OBJECT };

struct node {
    enum node_kind kind;
    bool expanded;       /* a string that came out of ${...}: its text may stand for a number */
    bool is_wrong;       /* what stands here cannot be had and was told: nothing else about it is */
    bool is_bare;        /* the first member of an object: what stood in its place, and shorthands
                            have added the others */
    bool is_made;        /* a define: what it uses was put into it */
    struct place at;     /* the value */
    struct place key_at; /* the member's name; where there is none, the value */
    struct mpx_str key;  /* of a member of an object */
    bool boolean;
    int64_t integer;
    double real;
    struct mpx_str string;
    struct node *parent, *next, *first, *last; /* elements and members, in the file's order */
    unsigned count;
};

struct node *node_member(const struct node *object, const char *name); /* or NULL */
struct node *node_member_named(const struct node *object, struct mpx_str name);
/* The same for many look-ups in one object, which does not change meanwhile. */
struct node_index {
    const struct node *object;
    const struct node *
        *sorted; /* by key, then in the file's order; NULL: few enough to be searched */
};
void node_index_init(struct node_index *ix, const struct node *object); /* object may be NULL */
void node_index_finish(struct node_index *ix);
struct node *node_index_find(const struct node_index *ix, struct mpx_str name); /* or NULL */
const char *node_kind_name(const struct node *j); /* "a number", "an object": for messages */
struct node *node_new(struct mpx_arena *a, enum node_kind kind, struct place at);
/* Links j in as the last member or element; takes it. */
void node_append(struct node *parent, struct node *j, struct mpx_str key);
void node_unlink(struct node *j);
/* A deep copy with the same places. */
struct node *node_copy(struct mpx_arena *a, const struct node *j);
/* over laid upon under: objects member by member, anything else replaces; null removes. Both may be
   NULL. Makes a new tree. */
struct node *node_merge(struct mpx_arena *a, const struct node *under, const struct node *over);
void node_write(const struct node *j, struct buffer *out); /* as compact JSON */
/* The JSON pointer (RFC 6901) of a value, "" for the root. */
const char *node_pointer(struct mpx_arena *a, const struct node *j);

#endif
