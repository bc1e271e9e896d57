/* SPDX-License-Identifier: MIT
   Sessions in a file, which survive the daemon. All that is to be done goes to one thread at a
   time: the disk holds up no request that wants something else. */
#include "db.h"
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    WAITING_MAX = 4096, /* ops; more are told that the store is busy */
    TOLD_MS = 60000,    /* a disk that stays full is told once in so long */
    CONFS_FIRST = 8
};

struct ops {
    struct op *first, **end;
    size_t count;
};

struct sqlite {
    struct store store;
    struct db *db;
    struct ops waiting;
    struct op *batch; /* the thread's, while it runs */
    bool is_running, is_sweep_due, is_sweeping;
    int64_t now, begun;      /* since the last sweep */
    struct mpx_conf **confs; /* who serves; the threads are one of them's */
    size_t conf_count, conf_room;
    char note[1024]; /* the thread's */
    int64_t told_ms;
};

static struct sqlite *sqlite_of(struct store *s)
{
    return (struct sqlite *)s;
}

static void empty(struct ops *ops)
{
    ops->first = NULL;
    ops->end = &ops->first;
    ops->count = 0;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* On the thread. */
static void work(void *arg)
{
    struct sqlite *q = arg;

    for (struct op *op = q->batch; op != NULL; op = op->next)
        db_run(q->db, op, q->note, sizeof(q->note));
    if (q->is_sweeping)
        db_sweep(q->db, q->now, q->store.limits.max_sessions);
}

static void tell(struct sqlite *q)
{
    int64_t now = now_ms();

    if (q->note[0] != '\0' && (q->told_ms == 0 || now - q->told_ms >= TOLD_MS)) {
        q->told_ms = now;
        mpx_log(q->confs[0], MPX_ERROR, "%s", q->note);
    }
    q->note[0] = '\0';
}

/* An op is gone as soon as it is told. */
static void conclude(struct op *first, int rc)
{
    for (struct op *op = first, *next; op != NULL; op = next) {
        next = op->next;
        if (rc != 0)
            op->rc = rc;
        op->done(op);
    }
}

static void start(struct sqlite *q);

static void worked(void *arg)
{
    struct sqlite *q = arg;
    struct op *batch = q->batch;

    q->is_running = false;
    q->batch = NULL;
    tell(q);
    for (const struct op *op = batch; op != NULL; op = op->next)
        q->begun += op->is_begun;
    if (q->begun > q->store.limits.max_sessions / 16)
        q->is_sweep_due = true;
    conclude(batch, 0);
    if (!q->is_running)
        start(q);
}

/* Gives the thread all that waits. */
static void start(struct sqlite *q)
{
    if (q->waiting.first == NULL && !q->is_sweep_due)
        return;
    q->batch = q->waiting.first;
    empty(&q->waiting);
    q->is_sweeping = q->is_sweep_due;
    if (q->is_sweeping)
        q->begun = 0;
    q->is_sweep_due = false;
    q->is_running = true;
    if (q->conf_count > 0 && mpx_background(q->confs[0], work, q, worked) == 0)
        return;
    struct op *batch = q->batch;
    q->batch = NULL;
    q->is_running = false;
    conclude(batch, -EBUSY);
}

static bool run(struct store *s, struct op *op)
{
    struct sqlite *q = sqlite_of(s);

    op->next = NULL;
    if (q->waiting.count >= WAITING_MAX) {
        op->rc = -EBUSY;
        op->done(op);
        return false;
    }
    q->now = op->now;
    *q->waiting.end = op;
    q->waiting.end = &op->next;
    q->waiting.count++;
    if (!q->is_running)
        start(q);
    return false;
}

static void sweep(struct store *s, int64_t now)
{
    struct sqlite *q = sqlite_of(s);

    q->now = now;
    q->is_sweep_due = true;
    if (!q->is_running)
        start(q);
}

void sqlite_store_join(struct store *s, struct mpx_conf *c)
{
    struct sqlite *q = sqlite_of(s);

    if (q->conf_count == q->conf_room) {
        size_t room = q->conf_room == 0 ? CONFS_FIRST : 2 * q->conf_room;
        struct mpx_conf **confs = realloc(q->confs, room * sizeof(struct mpx_conf *));

        if (confs == NULL)
            return;
        q->confs = confs;
        q->conf_room = room;
    }
    q->confs[q->conf_count++] = c;
}

static void leave(struct store *s, struct mpx_conf *c)
{
    struct sqlite *q = sqlite_of(s);

    for (size_t i = 0; i < q->conf_count; i++)
        if (q->confs[i] == c) {
            q->confs[i] = q->confs[--q->conf_count];
            return;
        }
}

/* What requests that have left wanted is done first. No thread is at work: it would hold the
   configuration. */
static void destroy(struct store *s)
{
    struct sqlite *q = sqlite_of(s);

    q->batch = q->waiting.first;
    q->is_sweeping = false;
    work(q);
    conclude(q->batch, 0);
    db_close(q->db);
    free(q->confs);
    free(q);
}

struct store *sqlite_store_create(struct mpx_conf *c, const char *path)
{
    struct sqlite *q = calloc(1, sizeof(*q));

    if (q == NULL)
        return NULL;
    q->store = (struct store){
        .run = run, .sweep = sweep, .leave = leave, .destroy = destroy, .is_slow = true
    };
    empty(&q->waiting);
    q->db = db_open(path, q->note, sizeof(q->note));
    if (q->db == NULL) {
        (void)mpx_conf_error(c, "file", "%s", q->note);
        free(q);
        return NULL;
    }
    return &q->store; /* a note is told when the first work is done: logs are open then */
}
