/* SPDX-License-Identifier: MIT
   A response while it is made: status, fields, and the body as a queue of pieces that a carrier
   takes away. It does not know how a response is written on a connection. */
#ifndef RES_H
#define RES_H
#include "piece.h"

#include <multiplexd/module.h>

enum {
    RES_MARK = 64 << 10,    /* waiting bytes: over it, mpx_res_write says so */
    RES_DRAINED = 16 << 10, /* below it, mpx_wait_drain goes on */
};

struct res {
    int status;
    struct mpx_pair *fields;
    size_t count, room;
    int64_t declared; /* Content-Length as a module set it; -1: not */
    int64_t length;   /* of the body that is sent, once started; -1: known at its end */
    uint64_t written; /* body bytes the modules gave */
    uint64_t sent;    /* body bytes the client took */
    size_t waiting;   /* body bytes in memory that wait for the client, wherever */
    size_t waiting_max;
    struct pieces queue; /* what goes out */
    struct piece *spare;
    struct cut *cut;      /* what of the body goes out; NULL: all */
    struct pieces *input; /* where filters take what modules write; NULL: there are none */
    bool filtering;       /* more may come out of filters */
    bool resized;         /* by filters: what goes out has another length than what is written */
    bool ended;           /* nothing more comes */
    bool enough;          /* nothing of what may still come would go out */
    bool flush;           /* send what there is */
    bool drains;          /* a module waits until it is sent: the header must go out */
    bool started;         /* the header is final */
    bool seen;            /* the first byte of it went out */
    bool no_body;         /* HEAD, 204, 304 */
    bool chunked, close;
    bool closed_off;   /* the last chunk is in the queue */
    bool broken;       /* cannot be completed: the connection must end */
    bool page_due;     /* ended with an error whose page is still to be made (page_text.h) */
    const char *fault; /* what a module did that broke it */
};

void res_init(struct mpx_req *r);
/* Throws away all that was prepared: as at the beginning, but with this status. */
void res_reset(struct mpx_req *r, int status);
void res_finish(struct mpx_req *r); /* gives back what the pieces hold */

/* These do what the public calls of nearly the same name do, without a word to the log. */
int res_set(struct mpx_req *r, struct mpx_str name, struct mpx_str value);
int res_add(struct mpx_req *r, struct mpx_str name, struct mpx_str value);
/* The same for what is known to be well formed; borrows both for the request's life. */
void res_set_own(struct mpx_req *r, struct mpx_str name, struct mpx_str value);
void res_add_own(struct mpx_req *r, struct mpx_str name, struct mpx_str value);
void res_remove(struct mpx_req *r, struct mpx_str name);
bool res_get(const struct mpx_req *r, struct mpx_str name, struct mpx_str *value);
int res_write(struct mpx_req *r, struct mpx_str bytes);
int res_blob(struct mpx_req *r, struct mpx_blob *b);
int res_file(struct mpx_req *r, struct mpx_file *f);
void res_bytes(struct mpx_req *r, struct mpx_str bytes); /* borrows for the request's life */

/* Makes the header final: decides how the body is delimited for the request's version. */
void res_start(struct mpx_req *r);
/* The length of the whole body that the client could get, where it is known by now; else -1. */
int64_t res_length(const struct mpx_req *r);
/* 304: the header without its body. */
void res_not_modified(struct mpx_req *r);
const char *res_reason(int status);

/* Nothing more of the body comes, from modules or out of filters. */
static inline bool res_is_whole(const struct res *res)
{
    return res->ended && !res->filtering;
}

/* For carriers: framing of their own, behind a piece (NULL: in front of all). Copies at most 23
   bytes; res_insert_bytes borrows any number for the request's life. */
struct piece *res_insert(struct mpx_req *r, struct piece *behind, struct mpx_str text);
struct piece *res_insert_bytes(struct mpx_req *r, struct piece *behind, struct mpx_str bytes);
/* n bytes of the first pieces are gone; what is left of n when there were fewer. */
size_t res_took(struct mpx_req *r, size_t n);

#endif
