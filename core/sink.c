/* SPDX-License-Identifier: MIT */
#include "sink.h"

#include "journal.h"
#include "list.h"
#include "log.h"
#include "must.h"
#include "str.h"
#include "system_log.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_BYTES = 1 << 20,
    LINE_MAX_BYTES = 16384,
    ENTRY_MAX_BYTES = 8 * LINE_MAX_BYTES, /* a byte becomes four at most; then the other fields */
    NOTICE_BYTES = 160,                   /* room for how many lines were lost */
    GATHER_NS = 5 * 1000 * 1000,          /* how long the thread lets lines gather */
    DRAIN_TURNS = 200                     /* times 10 ms at the end */
};

/* A ring holds lines as they are written; in a syslog sink each ends with a newline as well, and
   its level stands before it as a digit. In one for journald there are entries, a NUL behind each.
   */
struct mpx_sink {
    struct link link;
    struct sinks *all;
    char *target;
    int fd, facility; /* facility -1: not syslog */
    bool is_journal;
    unsigned uses;
    char *ring;
    /* the rest under the lock */
    size_t head, used;
    int next_fd;        /* what fd is to become; -1: nothing */
    uint64_t dropped;   /* lines that were lost since that was last written in their place */
    uint64_t lost;      /* lines that were lost since sinks_next_loss told it */
    int error;          /* what write said when some were; 0: there was no room in the ring */
    bool failing, torn; /* the last write failed; it ended inside a line */
    uint64_t turn;      /* when the thread last took something out of it */
};

struct sinks {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list list;
    pthread_t thread;
    bool running, stopping, busy;
    const struct mpx_sink *writing; /* while busy: whose lines these are */
    unsigned unused;                /* sinks without a use: they go when they are written out */
    uint64_t turns;                 /* that there were */
    char *out;                      /* the thread's copy of a ring */
};

/* How many bytes were written; the rest cannot be, errno says why. */
static size_t write_fd(int fd, const char *p, size_t n)
{
    size_t at = 0;

    while (at < n) {
        ssize_t done = write(fd, p + at, n - at);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            break;
        at += (size_t)done;
    }
    return at;
}

static void write_syslog(int facility, struct mpx_str lines)
{
    while (lines.n > 1) {
        size_t end = str_find(lines, '\n');
        unsigned level = (unsigned)(lines.p[0] - '0') & 3;
        struct mpx_str line = str_from(str_head(lines, end), 1);

        system_log_line(facility, (enum mpx_level)level, line);
        lines = str_from(lines, end + 1);
    }
}

/* What the thread has taken out of a sink to write. */
struct batch {
    int fd, old_fd, facility; /* old_fd: no longer wanted; -1: none */
    const char *journal;      /* the target, where that is what it is; or NULL */
    size_t lines, n;          /* bytes of lines; of those and a notice of lost ones behind them */
    uint64_t dropped;         /* what that notice says */
    bool torn;                /* a line is to be ended first */
};

/* A full disk costs these lines, nothing else. */
static size_t write_batch(const struct batch *b, const char *text)
{
    if (b->old_fd > STDERR_FILENO)
        close(b->old_fd);
    if (b->facility >= 0) {
        write_syslog(b->facility, (struct mpx_str){ text, b->n });
        return b->n;
    }
    if (b->journal != NULL)
        return journal_send_all(b->fd, str_of(b->journal), (struct mpx_str){ text, b->n });
    if (b->torn && b->n > 0 && write_fd(b->fd, "\n", 1) == 0)
        return 0;
    return write_fd(b->fd, text, b->n);
}

/* Whether there is anything to do for it. A notice alone is not tried again and again. */
static bool has_work(const struct mpx_sink *k)
{
    return k->used > 0 || k->next_fd >= 0 || (k->dropped > 0 && !k->failing);
}

/* How many lines were lost, as a line of that sink, of at most NOTICE_BYTES; how many it has. */
static size_t add_notice(const struct mpx_sink *k, uint64_t dropped, char *out)
{
    static const char form[] = "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=4\nMESSAGE=";
    const char *before = k->is_journal ? form : k->facility >= 0 ? "1" : "";
    int n = snprintf(out, NOTICE_BYTES, "%s%llu lines were lost here\n", before,
                     (unsigned long long)dropped);

    return (size_t)n + (k->is_journal ? 1 : 0); /* with its NUL */
}

/* Under the lock. */
static struct batch take_batch(struct mpx_sink *k, char *out)
{
    size_t n = k->used, first = n < RING_BYTES - k->head ? n : RING_BYTES - k->head;
    struct batch b = { .old_fd = -1,
                       .facility = k->facility,
                       .journal = k->is_journal ? k->target : NULL,
                       .lines = n,
                       .dropped = k->dropped };

    if (k->next_fd >= 0) { /* what waits is for the new file */
        b.old_fd = k->fd;
        k->fd = k->next_fd;
        k->next_fd = -1;
        k->torn = k->failing = false;
    }
    memcpy(out, k->ring + k->head, first);
    memcpy(out + first, k->ring, n - first);
    k->head = (k->head + n) % RING_BYTES;
    k->used = 0;
    k->dropped = 0;
    if (b.dropped > 0)
        n += add_notice(k, b.dropped, out + n);
    b.n = n;
    b.fd = k->fd;
    b.torn = k->torn;
    return b;
}

/* What became of it. Under the lock. */
static void account(struct mpx_sink *k, const struct batch *b, const char *text, size_t done,
                    int error)
{
    uint64_t lost = 0;

    if (b->n == 0)
        return;
    k->failing = done < b->n;
    k->torn = done > 0 ? text[done - 1] != '\n' : b->torn;
    if (!k->failing)
        return;
    for (size_t i = done; i < b->lines; i++)
        lost += text[i] == (b->journal != NULL ? '\0' : '\n');
    k->dropped += b->dropped + lost;
    k->lost += lost;
    k->error = error;
}

/* Of those with something to do the one that waits longest, so that none keeps the thread from the
   others; NULL: there is nothing. Under the lock. */
static struct mpx_sink *next_sink(struct sinks *s)
{
    struct mpx_sink *next = NULL;

    for (struct link *l = list_first(&s->list); l != NULL; l = list_next(&s->list, l)) {
        struct mpx_sink *k = CONTAINER_OF(l, struct mpx_sink, link);

        if (has_work(k) && (next == NULL || k->turn < next->turn))
            next = k;
    }
    return next;
}

/* Does what there is to do for one sink; false when there is nothing. Under the lock, which is
   given up while writing. */
static bool write_one(struct sinks *s)
{
    struct mpx_sink *k = next_sink(s);

    if (k == NULL)
        return false;
    k->turn = ++s->turns;
    struct batch b = take_batch(k, s->out);
    s->busy = true;
    s->writing = k;
    pthread_mutex_unlock(&s->lock);
    size_t done = write_batch(&b, s->out);
    int error = errno;
    pthread_mutex_lock(&s->lock);
    s->busy = false;
    account(k, &b, s->out, done, error);
    return true;
}

static void *thread_main(void *arg)
{
    struct sinks *s = arg;
    const struct timespec gather = { .tv_nsec = GATHER_NS };

    pthread_mutex_lock(&s->lock);
    for (;;) {
        if (write_one(s))
            continue;
        if (s->stopping)
            break;
        pthread_cond_wait(&s->wake, &s->lock);
        if (s->stopping)
            continue;
        pthread_mutex_unlock(&s->lock);
        nanosleep(&gather, NULL);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

struct sinks *sinks_create(void)
{
    struct sinks *s = must_calloc(sizeof(*s));

    MUST(pthread_mutex_init(&s->lock, NULL) == 0);
    MUST(pthread_cond_init(&s->wake, NULL) == 0);
    list_init(&s->list);
    s->out = must_alloc(RING_BYTES + NOTICE_BYTES);
    return s;
}

/* The thread starts with the first sink, with all signals blocked. */
static void start_thread(struct sinks *s)
{
    sigset_t all, before;

    if (s->running)
        return;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    s->running = pthread_create(&s->thread, NULL, thread_main, s) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    MUST(s->running);
}

static void sink_free(struct mpx_sink *k)
{
    list_remove(&k->link);
    if (k->fd > STDERR_FILENO)
        close(k->fd);
    if (k->next_fd >= 0)
        close(k->next_fd);
    free(k->ring);
    free(k->target);
    free(k);
}

static bool is_written_out(struct sinks *s)
{
    if (s->busy)
        return false;
    for (struct link *l = list_first(&s->list); l != NULL; l = list_next(&s->list, l))
        if (CONTAINER_OF(l, struct mpx_sink, link)->used > 0)
            return false;
    return true;
}

/* Waits until the rings are empty, but not for ever: a pipe that nobody reads must not keep us.
   Under the lock. */
static void drain(struct sinks *s)
{
    const struct timespec pause = { .tv_nsec = 10 * 1000 * 1000 };

    for (int i = 0; i < DRAIN_TURNS && !is_written_out(s); i++) {
        pthread_cond_signal(&s->wake);
        pthread_mutex_unlock(&s->lock);
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&s->lock);
    }
}

void sinks_destroy(struct sinks *s)
{
    if (s == NULL)
        return;
    pthread_mutex_lock(&s->lock);
    if (s->running)
        drain(s);
    bool stuck = s->busy;
    s->stopping = true;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    if (stuck) /* the thread hangs in write: leave it the memory, the process ends */
        return;
    if (s->running)
        pthread_join(s->thread, NULL);
    struct link *l;
    while ((l = list_first(&s->list)) != NULL)
        sink_free(CONTAINER_OF(l, struct mpx_sink, link));
    pthread_cond_destroy(&s->wake);
    pthread_mutex_destroy(&s->lock);
    free(s->out);
    free(s);
}

struct mpx_sink *sink_find(struct sinks *s, struct mpx_str target)
{
    for (struct link *l = list_first(&s->list); l != NULL; l = list_next(&s->list, l)) {
        struct mpx_sink *k = CONTAINER_OF(l, struct mpx_sink, link);

        if (str_is(target, k->target)) {
            s->unused -= k->uses++ == 0;
            return k;
        }
    }
    return NULL;
}

struct mpx_sink *sink_open(struct sinks *s, struct mpx_str target, int fd)
{
    struct mpx_sink *k = must_calloc(sizeof(*k));

    k->all = s;
    k->target = must_calloc(target.n + 1);
    memcpy(k->target, target.p, target.n);
    k->facility = system_log_facility(target);
    k->is_journal = journal_is(target);
    if (k->is_journal)
        fd = journal_open();
    k->fd = fd >= 0 ? fd : STDERR_FILENO;
    k->next_fd = -1;
    k->uses = 1;
    k->ring = must_alloc(RING_BYTES);
    start_thread(s);
    pthread_mutex_lock(&s->lock);
    list_push(&s->list, &k->link);
    pthread_mutex_unlock(&s->lock);
    return k;
}

void sink_close(struct mpx_sink *k)
{
    struct sinks *s = k->all;

    if (--k->uses > 0)
        return;
    s->unused++;
    (void)sinks_reap(s);
}

/* Whether nobody uses it and nothing is left to do or to tell. Under the lock. */
static bool is_over(const struct sinks *s, const struct mpx_sink *k)
{
    return k->uses == 0 && k->used == 0 && k->next_fd < 0 && k->lost == 0 &&
           !(s->busy && s->writing == k);
}

unsigned sinks_reap(struct sinks *s)
{
    struct link *next;

    if (s->unused == 0)
        return 0;
    pthread_mutex_lock(&s->lock);
    for (struct link *l = list_first(&s->list); l != NULL; l = next) {
        struct mpx_sink *k = CONTAINER_OF(l, struct mpx_sink, link);

        next = list_next(&s->list, l);
        if (!is_over(s, k))
            continue;
        sink_free(k);
        s->unused--;
    }
    pthread_mutex_unlock(&s->lock);
    return s->unused;
}

bool sink_reopen(struct sinks *s, struct mpx_str target, int fd)
{
    struct mpx_sink *k = sink_find(s, target);

    if (k == NULL) {
        close(fd);
        return false;
    }
    s->unused += --k->uses == 0;
    pthread_mutex_lock(&s->lock);
    if (k->next_fd >= 0)
        close(k->next_fd);
    k->next_fd = fd;
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    return true;
}

bool sinks_next_loss(struct sinks *s, struct sink_loss *loss)
{
    bool found = false;

    pthread_mutex_lock(&s->lock);
    for (struct link *l = list_first(&s->list); l != NULL && !found; l = list_next(&s->list, l)) {
        struct mpx_sink *k = CONTAINER_OF(l, struct mpx_sink, link);

        if (k->lost == 0)
            continue;
        *loss = (struct sink_loss){ k->target, k->lost, k->error };
        k->lost = 0;
        found = true;
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

void sinks_each_file(struct sinks *s, void (*fn)(void *arg, struct mpx_str target), void *arg)
{
    for (struct link *l = list_first(&s->list); l != NULL; l = list_next(&s->list, l)) {
        const struct mpx_sink *k = CONTAINER_OF(l, struct mpx_sink, link);

        if (sink_is_file(str_of(k->target)))
            fn(arg, str_of(k->target));
    }
}

/* Under the lock; the room was checked. */
static void put(struct mpx_sink *k, struct mpx_str s)
{
    size_t at = (k->head + k->used) % RING_BYTES;
    size_t first = s.n < RING_BYTES - at ? s.n : RING_BYTES - at;

    if (s.n == 0)
        return;
    memcpy(k->ring + at, s.p, first);
    memcpy(k->ring, s.p + first, s.n - first);
    k->used += s.n;
}

/* What stands before the text: nothing, or a level's digit. */
static void add(struct mpx_sink *k, struct mpx_str before, struct mpx_str text, char end)
{
    struct sinks *s = k->all;

    pthread_mutex_lock(&s->lock);
    bool was_empty = k->used == 0;
    if (before.n + text.n + 1 > RING_BYTES - k->used) {
        k->dropped++;
        k->lost++;
        k->error = 0;
    } else {
        put(k, before);
        put(k, text);
        put(k, (struct mpx_str){ &end, 1 });
    }
    if (was_empty)
        pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
}

void sink_write_entry(struct mpx_sink *k, struct mpx_str entry)
{
    add(k, MPX_STR(""), entry, '\0');
}

static void write_as_entry(struct mpx_sink *k, enum mpx_level level, struct mpx_str line)
{
    static const struct log_about nothing;
    struct buffer b;

    buffer_init(&b, ENTRY_MAX_BYTES);
    log_add_entry(&b, level, &nothing, line);
    sink_write_entry(k, buffer_str(&b));
    buffer_finish(&b);
}

void sink_write(struct mpx_sink *k, enum mpx_level level, struct mpx_str line)
{
    char digit = (char)('0' + (int)level);

    line = str_head(line, LINE_MAX_BYTES);
    if (k->is_journal)
        write_as_entry(k, level, line);
    else
        add(k, (struct mpx_str){ &digit, k->facility >= 0 ? 1 : 0 }, line, '\n');
}
