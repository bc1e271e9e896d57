/* SPDX-License-Identifier: MIT */
#include "turn.h"

#include "log.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum { TOLD_EVERY_MS = 5000 };

/* How long this thread has been ready to run and did not, in its life; 0 where nobody counts. */
static int64_t waited_ms(void)
{
    char text[96];
    int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    ssize_t n = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
    char *end;

    if (fd >= 0)
        close(fd);
    if (n <= 0)
        return 0;
    text[n] = '\0';
    (void)strtoull(text, &end, 10); /* it ran */
    return (int64_t)(strtoull(end, NULL, 10) / 1000000);
}

void turn_init(struct turn *t, struct blame *b, int64_t warn_ms)
{
    *t = (struct turn){ .blame = b, .warn_ms = warn_ms };
}

void turn_set_warn(struct turn *t, int64_t warn_ms)
{
    t->warn_ms = warn_ms;
}

static void count(struct blame *b)
{
    uint64_t n = atomic_load_explicit(&b->turn.count, memory_order_relaxed);

    atomic_store_explicit(&b->turn.count, n + 1, memory_order_relaxed);
}

void turn_start(struct turn *t)
{
    struct blame *b = t->blame;

    t->is_on = true;
    t->began_ms = blame_clock();
    b->turn.since_ms = t->began_ms;
    b->turn.longest_ms = 0;
    b->turn.longest_at = 0;
    count(b);
}

/* Who took it: what is known of the longest call into a module. */
static void tell(const struct turn *t, int64_t took)
{
    const struct blame_turn *turn = &t->blame->turn;
    struct mpx_arena a;

    arena_init(&a, NULL);
    const char *who = blame_text_of(t->blame, &a, turn->longest_at, turn->longest_request);
    const char *more =
        t->untold > 0 ? arena_printf(&a, " (%u more since the last line)", t->untold).p : "";
    if (who != NULL)
        log_warn("a turn of the loop took %lld ms, %lld of them in %s: all clients waited; work "
                 "that takes its time belongs on a thread, by mpx_offload%s",
                 (long long)took, (long long)turn->longest_ms, who, more);
    else
        log_warn("a turn of the loop took %lld ms, without a module%s", (long long)took, more);
    arena_finish(&a);
}

static void judge(struct turn *t, int64_t now)
{
    int64_t took = now - t->began_ms, waited = waited_ms();

    if (took - (waited - t->waited_ms) <= t->warn_ms)
        return;
    t->waited_ms = waited;
    if (t->told_ms != 0 && now - t->told_ms < TOLD_EVERY_MS) {
        t->untold++;
        return;
    }
    tell(t, took);
    t->told_ms = now;
    t->untold = 0;
}

void turn_end(void *turn)
{
    struct turn *t = turn;

    if (!t->is_on)
        return;
    t->is_on = false;
    int64_t now = blame_clock();
    if (t->warn_ms > 0 && now - t->began_ms > t->warn_ms)
        judge(t, now);
    count(t->blame);
}

void turn_forget(struct turn *t)
{
    if (t->is_on)
        count(t->blame);
    t->is_on = false;
}

void turn_tick(struct turn *t)
{
    if (t->warn_ms > 0)
        t->waited_ms = waited_ms();
}
