/* SPDX-License-Identifier: MIT
   Reads answers back from bytes and accepts nothing but well-formed ones: the strict half of the
   fuzzer (RFC 9112 4 to 7, RFC 9110 6.4, 8.6). */
#ifndef ANSWERS_H
#define ANSWERS_H
#include <multiplexd/module.h>

enum { ANSWERS_MAX = 600, ANSWERS_ROOM = 8 << 20 };

struct answer {
    int status;
    struct mpx_str head; /* its field lines, each with its CRLF */
    struct mpx_str body; /* without framing */
    unsigned interim;    /* 1xx answers before it */
    bool close;          /* "Connection: close" */
};

struct answers {
    struct answer list[ANSWERS_MAX];
    size_t count;
    bool partial;      /* bytes of an answer that is not whole are left */
    bool cut;          /* ... and of its body, which is otherwise right so far */
    unsigned interim;  /* 1xx answers behind the last one */
    const char *fault; /* what is wrong; NULL: nothing */
    char room[ANSWERS_ROOM];
    size_t used;
};

/* What answer i is asked by. */
struct asked {
    bool is_head, is_10;
};

/* ended: the connection is closed, which ends a body without a length. */
void answers_read(struct answers *a, struct mpx_str bytes, bool ended,
                  struct asked (*asked)(void *arg, size_t i), void *arg);
/* How often a field is there, and its first value. */
size_t answer_field(const struct answer *a, const char *lower, struct mpx_str *value);

#endif
