/* SPDX-License-Identifier: MIT
   The queue of pieces that a response consists of: memory of several owners, and files. A piece
   holds a use of what its bytes are in, and gives it back when the bytes are gone. */
#ifndef PIECE_H
#define PIECE_H
#include "file.h"
#include "page.h"

struct mpx_req;

enum piece_kind {
    PIECE_BYTES, /* memory that lives as long as the request */
    PIECE_PAGE,
    PIECE_BLOB,
    PIECE_SMALL, /* the bytes of a small file */
    PIECE_FILE
};
struct piece {
    struct piece *next;
    enum piece_kind kind;
    bool is_body;   /* else the carrier's own framing */
    bool is_framed; /* nothing more may be added to it */
    const char *p;  /* what is left of it */
    size_t n;
    off_t off; /* PIECE_FILE: where in the file */
    union {
        struct page *page;
        struct mpx_blob *blob;
        struct mpx_file *file;
    } owner;
    char text[24]; /* framing: a chunk's size */
};

struct pieces {
    struct piece *first, *last;
    struct piece *copied; /* the last that bytes were copied to, while it is here; or NULL */
    size_t waiting;       /* body bytes in memory */
};

struct mpx_blob {
    unsigned uses;
    struct mpx_str bytes;
    void (*release)(void *owner); /* NULL: the bytes are behind this struct */
    void *owner;
};
void blob_drop(struct mpx_blob *b); /* gives a use back */

/* The request counts what waits in all its queues together: r->res.waiting. */

/* An empty one that is in no queue; it has to get into one. */
struct piece *piece_new(struct mpx_req *r, enum piece_kind kind);
void piece_insert(struct pieces *q, struct piece *behind, struct piece *p); /* NULL: the first */
/* Gives back what a piece outside a queue holds, and keeps it for the next piece_new. */
void piece_release(struct mpx_req *r, struct piece *p);
/* The last one of the carrier's framing at the front of the queue ("100 Continue"), or NULL. */
struct piece *piece_last_framed(const struct pieces *q);
/* Takes the pieces behind one of them (NULL: all) out of the queue, body all of them; the first, or
   NULL. */
struct piece *piece_detach_behind(struct mpx_req *r, struct pieces *q, struct piece *behind);
/* The first n bytes of the first piece are gone, and the piece when it has no more. */
void piece_took(struct mpx_req *r, struct pieces *q, size_t n);

/* Body, at the end of a queue: n bytes of 'from' (in no queue, all but its uses set), behind
   'skip' bytes of it. The first holds a further use of what they are in; the second copies them. */
void piece_append(struct mpx_req *r, struct pieces *q, const struct piece *from, size_t skip,
                  size_t n);
void piece_copy(struct mpx_req *r, struct pieces *q, const struct piece *from, size_t skip,
                size_t n);
/* The first piece of one queue, which is body, goes to the end of another. */
void piece_move(struct pieces *from, struct pieces *to);

#endif
