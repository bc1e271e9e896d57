/* SPDX-License-Identifier: MIT
   Filters that modules have put over a response (module.h section 10): they stand between what is
   written and what goes out. Each has a queue of what waits for it; one call at a time, nobody
   calls the next one from within. Files that must be read for them are read here, too. */
#ifndef FILTER_H
#define FILTER_H
#include "piece.h"

enum {
    FILTERS_MAX = 16,           /* over one response */
    FILTER_PER_TURN = 256 << 10 /* bytes that are looked at, then others have a turn */
};

struct mpx_filter {
    struct mpx_req *r;
    const struct mpx_conf *conf; /* of the module that pushed it */
    struct mpx_filter_ops ops;   /* a copy; what an older module lacks is zeroed */
    void *state;
    struct mpx_filter *next; /* NULL: what it passes on goes out */
    struct pieces in;        /* what waits for it */
    size_t slice;            /* bytes that it is given at a time */
    unsigned due;            /* flags that come with the last byte of 'in' */
    unsigned flags;          /* of the last call */
    uint64_t taken, given;   /* bytes */
    size_t passed;           /* bytes, in this call */
    bool works;              /* its write() is on the stack */
    bool more;               /* it has more to give: it is called again */
    bool got_last, gave_last, ended;
};
struct filters {
    struct mpx_filter *list[FILTERS_MAX];
    unsigned count;
    bool begun;
    struct filter_load *load; /* what a thread reads or has read for them, or NULL */
};

/* At the end of the others, for the module that runs; copies ops. -1 when there are too many. */
int filter_push(struct mpx_req *r, const struct mpx_filter_ops *ops, void *state);
/* RESPONSE hooks have run: fields become what they can be, and what was written waits for the
   filters. Before conditions are judged; does nothing where none were pushed, or a second time. */
void filter_begin(struct mpx_req *r);
/* Module.h's mpx_filter_next. */
int filter_pass(struct mpx_filter *f, struct mpx_str out, unsigned flags);
/* What was written so far is to go out. */
void filter_flush(struct mpx_req *r);
/* Lets them go on while there is room in the response's queue, with at most so many bytes; *budget
   is what is left of that. Whether anything was done. The response may have broken, and no more of
   it be wanted, afterwards. */
bool filter_run(struct mpx_req *r, size_t *budget);
/* Ends those that have not ended, and drops what waits for them. */
void filter_end(struct mpx_req *r);

/* ---- filter_file.c */
/* At most n bytes (and at most WORKER_READ) that a piece of a file begins with: 1 and a view that
   is good until the next call; 0: a thread reads them, the carrier's more() tells; -1, and logged:
   they cannot be had. */
int filter_file_view(struct mpx_req *r, const struct piece *p, size_t n, struct mpx_str *view);
void filter_file_drop(struct mpx_req *r); /* nobody wants what was read */

#endif
