/* SPDX-License-Identifier: MIT
   Partial responses (RFC 9110 15.3.7): a body that modules write goes out in parts. It is cut as
   it passes; what nobody asked for is dropped where it is written, and never waits. */
#ifndef CUT_H
#define CUT_H
#include "piece.h"
#include "range.h"

/* Makes a response of so many bytes, whose header is not out yet, a 206 with these ranges of it:
   one with its Content-Range, several as multipart/byteranges. What is in the queue is cut at
   once. */
void cut_begin(struct mpx_req *r, const struct ranges *ranges, uint64_t length);

/* Adds n bytes of a piece, behind 'skip' bytes of it, to a queue: piece_append, piece_copy. */
typedef void (*cut_add_fn)(struct mpx_req *r, struct pieces *q, const struct piece *from,
                           size_t skip, size_t n);
/* The next piece of the body: those parts of it that go out are added, with what has to stand
   before, between and behind them. */
void cut_pass(struct mpx_req *r, const struct piece *from, cut_add_fn add);

#endif
