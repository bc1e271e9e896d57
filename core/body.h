/* SPDX-License-Identifier: MIT
   The body of a request: how long it may be, where its bytes are, and the two ways of reading it.
   Whole: kept in memory up to limits.body_memory, else in a file that only threads write. In parts:
   one at a time, borrowed from the carrier as long as nobody waits with it. It knows nothing of how
   a carrier gets the bytes. */
#ifndef BODY_H
#define BODY_H
#include "str.h"

struct mpx_req;

struct body {
    uint64_t limit;    /* bytes that it may have */
    uint64_t received; /* bytes that came for a module */
    enum { BODY_UNREAD, BODY_WHOLE, BODY_PARTS } use;
    bool complete;          /* all of it was received, or there is none */
    bool given;             /* WHOLE: it was given as a part, too */
    int refused;            /* the status that ends the request in place of fn; or 0 */
    struct buffer bytes;    /* WHOLE: in memory, not in the file yet. PARTS: a part that is kept */
    struct mpx_str part;    /* the present one */
    struct body_file *file; /* NULL while memory is enough; in the request's arena */
};

/* These do what the public calls of nearly the same name do (module.h section 9). */
enum mpx_rc body_read(struct mpx_req *r, size_t max, mpx_resume_fn fn, void *state);
enum mpx_rc body_next(struct mpx_req *r, mpx_resume_fn fn, void *state);
bool body_part(const struct mpx_req *r, struct mpx_str *part);
struct mpx_str body_view(const struct mpx_req *r);
int body_fd(const struct mpx_req *r);

/* The status with which the request ends in place of going on with its body; or 0. */
int body_refusal(const struct mpx_req *r);

/* For carriers. Bytes are brought only while they are wanted: nobody waits with a part in hand, and
   no thread writes. */
bool body_is_wanted(const struct mpx_req *r);
/* Bytes have come. 0, or the status to refuse with. What comes until body_go_on, at most
   WORKER_INPUT bytes, must lie in one buffer in its order and live as long; a part is made of it in
   place, so that buffer is written to. */
int body_take(struct mpx_req *r, struct mpx_str bytes);
/* After them, or when complete was set: the module goes on with what there is, here and now. r must
   not be running, and must not end before this returns. */
void body_go_on(struct mpx_req *r);

/* For req.c. */
void body_init(struct mpx_req *r);
/* The request is over: a file is closed by a thread, which holds the request. */
void body_release(struct mpx_req *r);
void body_finish(struct mpx_req *r); /* nothing holds it */

#endif
