/* SPDX-License-Identifier: MIT
   What came of a run: answers counted by how they ended, how long they took, and where and when the
   broken ones were. Knows nothing of sockets. */
#ifndef LOAD_TALLY_H
#define LOAD_TALLY_H
#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

/* How a request can fail to be answered. Nothing is tried again: each of these is one request that
   somebody would have had an error for. */
enum broken {
    BROKEN_REFUSED, /* the connection was not accepted */
    BROKEN_RESET,   /* the connection was reset before a byte of the answer came */
    BROKEN_CLOSED,  /* it was closed before a byte of the answer came */
    BROKEN_SHORT,   /* it ended inside the answer, in whichever way */
    BROKEN_WRONG,   /* an answer that is not the expected one, or no HTTP */
    BROKEN_LATE,    /* nothing complete within the limit */
    BROKEN_KINDS,
};

enum { TALLY_SLOTS = 1280, TALLY_BREAKS = 200, TALLY_NOTE = 96 };

struct tally_break {
    int64_t at_us; /* since the start */
    enum broken kind;
    size_t client;
    const char *target;    /* borrowed */
    uint64_t got;          /* bytes of the answer that came */
    char note[TALLY_NOTE]; /* what was wrong with it, or why; may be empty */
};

struct tally {
    int64_t start_us;
    uint64_t ok, left, broken[BROKEN_KINDS];
    uint64_t bytes;       /* of answers, heads and framing included */
    uint64_t opened;      /* connections */
    uint64_t closed_told; /* by the server, which had said so in an answer unasked */
    uint64_t closed_idle; /* by the server, between two requests */
    int64_t longest_us, longest_at_us;
    uint64_t slots[TALLY_SLOTS]; /* of latencies: 32 for each power of two */
    struct tally_break breaks[TALLY_BREAKS];
    size_t breaks_n; /* those that were kept, the first ones */
};

int64_t tally_now_us(void); /* of a clock that nobody sets */
void tally_ok(struct tally *t, int64_t begun_us, int64_t now_us);
/* Counts it, and keeps a copy of it if there is room. */
void tally_broken(struct tally *t, const struct tally_break *b);
uint64_t tally_broken_count(const struct tally *t);
/* New reference; clients: how many there were. */
json_t *tally_json(const struct tally *t, size_t clients);

#endif
