/* SPDX-License-Identifier: MIT
   Reads one answer as it comes, in parts of any size, and compares it with what was expected: the
   status, the length, the bytes. A reader of its own, that shares no line with the server. */
#ifndef LOAD_ANSWER_H
#define LOAD_ANSWER_H
#include "target.h"

enum { ANSWER_HEAD = 8192, ANSWER_NOTE = 96 };

struct answer {
    const struct target *target;
    enum {
        ANSWER_IN_HEAD,
        ANSWER_IN_BODY, /* of left bytes */
        ANSWER_TO_END,  /* of the connection */
        ANSWER_IN_CHUNK_SIZE,
        ANSWER_IN_CHUNK,
        ANSWER_AFTER_CHUNK,
        ANSWER_IN_TRAILER,
        ANSWER_COMPLETE,
    } state;
    char line[ANSWER_HEAD]; /* the head, or a line of the chunked framing, so far */
    size_t line_n;
    uint64_t got, body, left;
    int status;
    bool closes;            /* the server will close */
    char note[ANSWER_NOTE]; /* the first thing that is wrong with it; empty: nothing */
};

void answer_begin(struct answer *a, const struct target *target);
/* Takes bytes up to the end of the answer, and returns how many. Stops where no HTTP follows, with
   a note. */
size_t answer_take(struct answer *a, const char *bytes, size_t n);
/* The connection has ended. Whether that completes the answer. */
bool answer_end(struct answer *a);

#endif
