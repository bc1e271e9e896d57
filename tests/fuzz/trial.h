/* SPDX-License-Identifier: MIT
   One conversation with the server, held against the naive reader: what the guest is told of its
   requests as they come and go, and the answers at its end. */
#ifndef TRIAL_H
#define TRIAL_H
#include "answers.h"
#include "guest.h"
#include "naive.h"
#include "wire.h"

/* What became of a request. */
struct outcome {
    int status;
    bool started, broken, begun, is_head;
};

struct trial {
    struct wire *w;
    bool timed;         /* time has passed: time-outs are right */
    bool halved;        /* the client has closed its half */
    bool gone;          /* ... is gone */
    struct mpx_str big; /* what /big.bin holds */
    struct outcome outcomes[NAIVE_MESSAGES + 1];
    size_t over; /* requests whose LOG ran */
    struct naive naive;
    struct answers answers;
};
extern struct trial trial;
extern const struct naive_limits trial_limits;
extern const struct guest_observer trial_observer;

/* All that the client will send. */
void trial_begin(struct mpx_str bytes);
/* Nothing is under way: what was answered is right, and nothing is left unanswered. */
void trial_check(void);

#endif
