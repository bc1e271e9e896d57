/* SPDX-License-Identifier: MIT */
#include "worker.h"

#include "log.h"
#include "overload.h"
#include "str.h"

#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
    ARENA_BLOCKS_KEPT = 1024,
    PAGES_KEPT = 256,
    FILES_BYTES = 64 << 20,
    FILE_ENTRIES = 20000,
    RUSH = 100,           /* connections that make one */
    GIVE_BACK_MS = 10000, /* freeing takes its time, too */
    LOSSES_MS = 10000,    /* between two warnings of lost log lines */
    LOSSES_TOLD = 16
};

/* How many there may be at a time. */
static unsigned count_descriptors(void)
{
    struct rlimit rl = { .rlim_cur = 1024 };

    (void)getrlimit(RLIMIT_NOFILE, &rl);
    return rl.rlim_cur < INT_MAX ? (unsigned)rl.rlim_cur : INT_MAX;
}

/* Open files may take a quarter of the descriptors. */
static unsigned file_descriptors(unsigned all)
{
    return all / 4 < 4096 ? all / 4 : 4096;
}

void worker_update_clock(struct worker *w)
{
    w->now_ms = clock_ms();
    turn_begin(&w->turn);
}

static void free_spares(struct worker *w)
{
    while (w->spares != NULL) {
        struct spare *s = w->spares;

        w->spares = s->next;
        free(s);
    }
}

/* The allocator keeps what is freed among what is in use: it is asked to give that back as well. */
static void give_back(struct worker *w)
{
    free_spares(w);
    arena_pool_finish(&w->arenas);
    pages_finish(&w->pages);
#ifdef __GLIBC__
    (void)malloc_trim(0);
#endif
    w->given_back_ms = w->now_ms;
}

/* Whether most of those who came have left again; not more often than GIVE_BACK_MS. */
static bool is_rush_over(const struct worker *w)
{
    return w->conn_peak > 2 * w->conn_count + RUSH &&
           (w->given_back_ms == 0 || w->now_ms - w->given_back_ms >= GIVE_BACK_MS);
}

/* At most every ten seconds: how many lines of which log were lost, and why. */
static void tell_losses(struct worker *w)
{
    struct sink_loss loss;

    if (w->sinks == NULL || (w->lost_ms != 0 && w->now_ms - w->lost_ms < LOSSES_MS))
        return;
    for (int i = 0; i < LOSSES_TOLD && sinks_next_loss(w->sinks, &loss);
         i++) { /* telling may lose */
        w->lost_ms = w->now_ms;
        log_warn("%llu lines for \"%s\" were lost: %s", (unsigned long long)loss.lines, loss.target,
                 loss.error != 0 ? strerror(loss.error)
                                 : "they came faster than they were written");
    }
}

void worker_tick(struct worker *w)
{
    worker_update_clock(w);
    turn_tick(&w->turn);
    w->now = time(NULL);
    date_http(w->now, w->date);
    tell_losses(w);
    if (w->sinks != NULL)
        (void)sinks_reap(w->sinks);
    if (w->conn_count > w->conn_peak)
        w->conn_peak = w->conn_count;
    if (!is_rush_over(w))
        return;
    give_back(w);
    w->conn_peak = w->conn_count;
}

static struct resolver *create_resolver(const struct worker *w, const struct settings *s)
{
    struct resolver_settings how = { .servers = s->resolver.addresses,
                                     .server_count = s->resolver.servers.count,
                                     .timeout_ms = s->resolver.timeout,
                                     .cache_ms = s->resolver.cache,
                                     .entries = (unsigned)s->resolver.entries };

    if (getrandom(&how.seed, sizeof(how.seed), 0) != (ssize_t)sizeof(how.seed))
        how.seed = (uint64_t)clock_us();
    return resolver_create(w->loop, &how);
}

int worker_init(struct worker *w, const struct settings *s, struct blame *blame)
{
    const unsigned descriptors = count_descriptors();
    const struct files_limits limits = { .entries = FILE_ENTRIES,
                                         .descriptors = file_descriptors(descriptors),
                                         .roots = file_descriptors(descriptors) / 2,
                                         .bytes = FILES_BYTES };

    memset(w, 0, offsetof(struct worker, input));
    w->blame = blame;
    turn_init(&w->turn, blame, s->watchdog.warn);
    list_init(&w->ready);
    list_init(&w->deferred);
    list_init(&w->programs);
    list_init(&w->listeners);
    w->descriptors = descriptors;
    w->reserve = -1;
    overload_take_reserve(w);
    arena_pool_init(&w->arenas, ARENA_BLOCKS_KEPT);
    pages_init(&w->pages, PAGES_KEPT);
    worker_tick(w);
    if (getrandom(&w->next_id, sizeof(w->next_id), 0) != (ssize_t)sizeof(w->next_id))
        w->next_id = (uint64_t)clock_us() << 20;
    w->sinks = sinks_create();
    w->files = files_create(&limits);
    w->loop = loop_create();
    if (w->loop != NULL) {
        w->pool = pool_create(w->loop, (unsigned)s->pool.threads, (unsigned)s->pool.queue);
        w->resolver = create_resolver(w, s);
        loop_on_turn(w->loop, turn_end, &w->turn);
    }
    if (w->pool == NULL)
        return -1;
    pool_set_blame(w->pool, blame);
    turn_forget(&w->turn);
    return 0;
}

void worker_finish(struct worker *w)
{
    free_spares(w);
    if (w->reserve >= 0)
        close(w->reserve);
    loop_end(&w->ready_event);
    loop_end(&w->deferred_event);
    pool_destroy(w->pool);
    resolver_destroy(w->resolver);
    files_destroy(w->files);
    loop_destroy(w->loop);
    arena_pool_finish(&w->arenas);
    pages_finish(&w->pages);
    sinks_destroy(w->sinks);
}
