/* SPDX-License-Identifier: MIT
   How many programs run at a time, and who waits for one of them to end, in the order in which they
   came. Shared by all uses of the module; a program counts until its last process is gone. */
#ifndef EXEC_SLOTS_H
#define EXEC_SLOTS_H
#include <multiplexd/module.h>

struct slots;
/* A request's place; zeroed it has none. It must be given up before its memory goes. */
struct slot {
    struct slots *slots;
    struct slot *prev, *next; /* among those that wait */
    struct mpx_ticket *ticket;
    bool is_waiting, is_mine; /* it waits; a program may run for it */
};
struct slots {
    int64_t running, waiting;
    struct slot *first, *last;
};

/* True: a program may run, at once. */
bool slots_take(struct slots *s, struct slot *mine, int64_t most);
/* Waits for one, at most so long; MPX_NEXT: more than most wait already. fn then asks
   slot_is_given. */
enum mpx_rc slots_wait(struct slots *s, struct slot *mine, struct mpx_req *r, int64_t most,
                       int64_t ms, mpx_resume_fn fn, void *state);
bool slot_is_given(const struct slot *mine);
/* The program now holds the place; it is given back with slots_leave when that is gone. */
void slot_hand_over(struct slot *mine);
/* The request is over, waiting or not. */
void slot_give_up(struct slot *mine);
void slots_leave(void *slots);

#endif
