/* SPDX-License-Identifier: MIT */
#include "slots.h"

bool slots_take(struct slots *s, struct slot *mine, int64_t most)
{
    if (s->running >= most || s->first != NULL)
        return false;
    s->running++;
    mine->slots = s;
    mine->is_mine = true;
    return true;
}

enum mpx_rc slots_wait(struct slots *s, struct slot *mine, struct mpx_req *r, int64_t most,
                       int64_t ms, mpx_resume_fn fn, void *state)
{
    if (s->waiting >= most)
        return MPX_NEXT;
    enum mpx_rc rc = mpx_wait_ticket(r, &mine->ticket, ms, fn, state);
    if (rc != MPX_WAIT)
        return rc;
    mine->slots = s;
    mine->is_waiting = true;
    mine->prev = s->last;
    mine->next = NULL;
    if (s->last != NULL)
        s->last->next = mine;
    else
        s->first = mine;
    s->last = mine;
    s->waiting++;
    return rc;
}

static void stop_waiting(struct slot *mine)
{
    struct slots *s = mine->slots;

    if (mine->prev != NULL)
        mine->prev->next = mine->next;
    else
        s->first = mine->next;
    if (mine->next != NULL)
        mine->next->prev = mine->prev;
    else
        s->last = mine->prev;
    s->waiting--;
    mine->is_waiting = false;
}

bool slot_is_given(const struct slot *mine)
{
    return mine->is_mine;
}

void slot_hand_over(struct slot *mine)
{
    mine->is_mine = false;
}

void slots_leave(void *slots)
{
    struct slots *s = slots;
    struct slot *next = s->first;

    if (next == NULL) {
        s->running--;
        return;
    }
    stop_waiting(next);
    struct mpx_ticket *ticket = next->ticket;
    next->ticket = NULL;
    next->is_mine = true; /* given up again when its request is gone by then */
    (void)mpx_wake(ticket);
}

void slot_give_up(struct slot *mine)
{
    if (mine->is_waiting) {
        stop_waiting(mine);
        (void)mpx_wake(mine->ticket);
        mine->ticket = NULL;
    } else if (mine->is_mine) {
        mine->is_mine = false;
        slots_leave(mine->slots);
    }
}
