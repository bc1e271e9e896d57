/* SPDX-License-Identifier: MIT
   Ranges of bytes (RFC 9110 14): what a Range field asks for, and which bytes of a body that
   passes in pieces belong to it. It knows nothing of requests and responses. */
#ifndef RANGE_H
#define RANGE_H
#include <multiplexd/module.h>

enum {
    RANGE_MOST = 10, /* that are sent, after merging; of a request for more, none */
    RANGE_SPECS = 64 /* that are looked at; a field with more is ignored */
};

/* From first up to, but not including, end; never empty. */
struct range {
    uint64_t first, end;
};
/* Ascending; they neither overlap nor touch. */
struct ranges {
    size_t count;
    struct range list[RANGE_MOST];
};

enum range_answer {
    RANGE_WHOLE, /* the field asks for nothing that can be given in parts: ignore it */
    RANGE_SOME,
    RANGE_NONE /* nothing that it asks for is there: 416 */
};
/* What the field's value asks for of a representation of so many bytes. *rs is filled, with at
   least one range that lies within the length, when the answer is RANGE_SOME. RANGE_WHOLE: another
   unit than bytes, a value that breaks the grammar (RFC 9110 14.1.1), too many ranges, or all of
   nothing. Numbers of any size are read. */
enum range_answer range_read(struct mpx_str value, uint64_t length, struct ranges *rs);

/* How far a body has passed. */
struct range_walk {
    const struct ranges *ranges;
    size_t at;    /* the range that is being passed, or comes next; count: none does */
    uint64_t pos; /* of the next byte */
};
/* Some of the bytes that come next: a number of them in no range, then a number in one. */
struct range_step {
    size_t skip, take;
    bool begins; /* the first that is taken is the first of its range */
    bool ends;   /* the last that is taken is the last of all ranges */
};
/* Of n bytes that come next; what the step says of them has passed then. All n are skipped when
   none of them is to be taken. pos + n must not overflow. */
struct range_step range_next(struct range_walk *w, size_t n);

#endif
