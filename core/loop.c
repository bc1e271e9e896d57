/* SPDX-License-Identifier: MIT */
#include "loop.h"

#include "log.h"
#include "must.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct event) <= sizeof(((struct loop_event *)0)->opaque), "an event fits");
_Static_assert(_Alignof(struct event) <= 16, "an event is aligned");
_Static_assert(LOOP_TIMEOUT == EV_TIMEOUT && LOOP_READ == EV_READ && LOOP_WRITE == EV_WRITE &&
                   LOOP_SIGNAL == EV_SIGNAL && LOOP_REPEAT == EV_PERSIST && LOOP_EDGE == EV_ET &&
                   LOOP_CLOSED == EV_CLOSED,
               "our names for libevent's bits");

struct loop {
    struct event_base *base;
    bool is_stopped;
    void (*on_turn)(void *arg);
    void *arg;
};

static struct event *event_of(struct loop_event *ev)
{
    return (struct event *)(void *)ev->opaque;
}

struct loop *loop_create(void)
{
    struct event_config *config = event_config_new();
    struct loop *l = must_calloc(sizeof(*l));

    MUST(config != NULL);
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    event_config_require_features(config, EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
    l->base = event_base_new_with_config(config);
    event_config_free(config);
    if (l->base == NULL) {
        log_error("cannot create an event loop: %s", strerror(errno));
        free(l);
        return NULL;
    }
    return l;
}

void loop_destroy(struct loop *l)
{
    if (l == NULL)
        return;
    event_base_free(l->base);
    free(l);
}

static void turn(struct loop *l, int flags)
{
    MUST(event_base_loop(l->base, flags) >= 0);
    if (l->on_turn != NULL)
        l->on_turn(l->arg);
}

void loop_run(struct loop *l)
{
    for (l->is_stopped = false; !l->is_stopped;)
        turn(l, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
}

void loop_on_turn(struct loop *l, void (*fn)(void *arg), void *arg)
{
    l->on_turn = fn;
    l->arg = arg;
}

void loop_stop(struct loop *l)
{
    l->is_stopped = true;
    (void)event_base_loopbreak(l->base);
}

void loop_turn(struct loop *l, bool wait)
{
    turn(l, wait ? EVLOOP_ONCE : EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

static int start(struct loop *l, struct loop_event *ev, int fd, short what, int64_t ms, loop_fn fn,
                 void *arg)
{
    struct timeval tv = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };
    struct event *e = event_of(ev);
    bool timed = ms > 0 || (what & (LOOP_READ | LOOP_WRITE | LOOP_SIGNAL | LOOP_CLOSED)) == 0;

    if (event_assign(e, l->base, fd, what, fn, arg) == 0 && event_add(e, timed ? &tv : NULL) == 0)
        return 0;
    log_error("cannot wait for descriptor %d: %s", fd, strerror(errno));
    memset(ev, 0, sizeof(*ev));
    return -1;
}

int loop_watch(struct loop *l, struct loop_event *ev, int fd, short what, int64_t ms, loop_fn fn,
               void *arg)
{
    return start(l, ev, fd, what, ms, fn, arg);
}

int loop_timer(struct loop *l, struct loop_event *ev, int64_t ms, short repeat, loop_fn fn,
               void *arg)
{
    return start(l, ev, -1, repeat, ms, fn, arg);
}

int loop_soon(struct loop *l, struct loop_event *ev, loop_fn fn, void *arg)
{
    if (!loop_is_waiting(ev) && event_assign(event_of(ev), l->base, -1, 0, fn, arg) < 0)
        return -1;
    event_active(event_of(ev), EV_TIMEOUT, 0);
    return 0;
}

int loop_signal(struct loop *l, struct loop_event *ev, int number, loop_fn fn, void *arg)
{
    return start(l, ev, number, LOOP_SIGNAL | LOOP_REPEAT, 0, fn, arg);
}

void loop_end(struct loop_event *ev)
{
    if (!event_initialized(event_of(ev)))
        return;
    (void)event_del(event_of(ev));
    memset(ev, 0, sizeof(*ev));
}

bool loop_is_waiting(const struct loop_event *ev)
{
    const struct event *e = (const struct event *)(const void *)ev->opaque;

    return event_initialized(e) &&
           event_pending(e, EV_READ | EV_WRITE | EV_TIMEOUT | EV_SIGNAL | EV_CLOSED, NULL) != 0;
}

struct event_base *loop_base(const struct loop *l)
{
    return l->base;
}

const char *loop_version(void)
{
    static char text[48];

    snprintf(text, sizeof(text), "libevent %s", event_get_version());
    return text;
}
