/* SPDX-License-Identifier: MIT
   What can be done to a session, and what comes of it: the rules that all stores share. A store
   reads the row, has op_apply decide, writes what that says, all in one step. No store knows
   cookies or requests. */
#ifndef OP_H
#define OP_H
#include "values.h"

enum {
    OP_ID = 32,          /* bytes of what a session is found by */
    OP_MOVED_MS = 30000, /* for so long an old id is known to have been replaced */
    OP_TOUCHES = 16,     /* in "idle", at most, are loads written down */
};

enum op_kind { OP_LOAD, OP_CHANGE, OP_INCREMENT, OP_UPDATE, OP_END };

/* A session in a store. */
struct row {
    bool exists;
    bool is_moved;                  /* the id was replaced; there are no values */
    int64_t created, used, expires; /* milliseconds of the calendar */
    struct mpx_str data;
};

struct op {
    struct op *next;             /* for the store's use */
    void (*done)(struct op *op); /* on the loop, once */
    void *waiter;                /* for done() */
    enum op_kind kind;
    bool has_id;    /* id may be that of a session */
    bool is_known;  /* there was one when the request began: nothing may begin in its place */
    bool may_begin; /* a new id can still be told to the client */
    bool renews;    /* what there is gets the new id */
    unsigned char id[OP_ID], new_id[OP_ID];
    int64_t now, idle, lifetime;
    size_t max_size;
    const struct mpx_pair *changes; /* CHANGE; INCREMENT and UPDATE: the key in the first */
    size_t count;
    struct mpx_arena *arena; /* where the picture goes; NULL: the heap, for other threads */
    struct mpx_str old;      /* UPDATE */
    int64_t by;              /* INCREMENT */
    /* what came of it */
    int rc;        /* as session.h has it */
    bool is_found; /* there is a session now */
    bool is_begun; /* it has the new id */
    char *picture; /* its values; on the heap whoever has the op frees them */
    size_t size;
};

enum op_deed {
    OP_NOTHING, /* leave the store as it is */
    OP_TOUCH,   /* write used and expires; no harm when that fails */
    OP_WRITE,   /* write after for id */
    OP_BEGIN,   /* write after for new_id */
    OP_MOVE,    /* ... and make the row of id one that is moved, for OP_MOVED_MS */
    OP_DELETE
};
/* before is the row of op->id, exists false where there is none; its data is not changed.
   after->data is in op->picture. */
enum op_deed op_apply(struct op *op, const struct row *before, struct row *after);

#endif
