/* SPDX-License-Identifier: MIT
   Sessions in the memory of the process: a hash table, and a list from the most recently used to
   the least, which leave first when there is no room. */
#include "store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BUCKETS = 256, SWEEP_MAX = 1000 };

struct entry {
    struct entry *next;          /* in its bucket */
    struct entry *newer, *older; /* by use */
    unsigned char id[OP_ID];
    struct row row; /* its data is on the heap */
};

struct memory {
    struct store store;
    struct entry **buckets;
    size_t bucket_count, count; /* a power of two */
    int64_t bytes;
    struct entry *newest, *oldest;
};

static struct memory *memory_of(struct store *s)
{
    return (struct memory *)s;
}

/* The id is a hash: any of its bytes are as good as others. */
static struct entry **bucket(struct memory *m, const unsigned char *id)
{
    uint64_t h;

    memcpy(&h, id, sizeof(h));
    return &m->buckets[h & (m->bucket_count - 1)];
}

static struct entry *find(struct memory *m, const unsigned char *id)
{
    struct entry *e = *bucket(m, id);

    while (e != NULL && memcmp(e->id, id, OP_ID) != 0)
        e = e->next;
    return e;
}

static int64_t bytes_of(const struct entry *e)
{
    return (int64_t)(sizeof(*e) + e->row.data.n);
}

static void unlink_use(struct memory *m, struct entry *e)
{
    *(e->newer != NULL ? &e->newer->older : &m->newest) = e->older;
    *(e->older != NULL ? &e->older->newer : &m->oldest) = e->newer;
}

static void link_newest(struct memory *m, struct entry *e)
{
    e->newer = NULL;
    e->older = m->newest;
    *(m->newest != NULL ? &m->newest->newer : &m->oldest) = e;
    m->newest = e;
}

static void forget(struct memory *m, struct entry *e)
{
    struct entry **link = bucket(m, e->id);

    while (*link != e)
        link = &(*link)->next;
    *link = e->next;
    unlink_use(m, e);
    m->count--;
    m->bytes -= bytes_of(e);
    free((char *)e->row.data.p);
    free(e);
}

/* Without memory it stays as it is, which is but slower. */
static void grow(struct memory *m)
{
    size_t count = m->bucket_count * 2;
    struct entry **old = m->buckets, **buckets = calloc(count, sizeof(struct entry *));

    if (buckets == NULL)
        return;
    m->buckets = buckets;
    m->bucket_count = count;
    for (size_t i = 0; i < count / 2; i++)
        for (struct entry *e = old[i], *next; e != NULL; e = next) {
            struct entry **link = bucket(m, e->id);

            next = e->next;
            e->next = *link;
            *link = e;
        }
    free(old);
}

static struct entry *add(struct memory *m, const unsigned char *id)
{
    struct entry *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    if (m->count >= m->bucket_count)
        grow(m);
    memcpy(e->id, id, OP_ID);
    struct entry **link = bucket(m, id);
    e->next = *link;
    *link = e;
    link_newest(m, e);
    m->count++;
    m->bytes += bytes_of(e);
    return e;
}

/* The newest stays, be it alone too large: it has just been told to somebody. */
static void make_room(struct memory *m)
{
    const struct store_limits *l = &m->store.limits;

    while (m->oldest != m->newest &&
           ((int64_t)m->count > l->max_sessions || m->bytes > l->max_memory))
        forget(m, m->oldest);
}

static int set(struct memory *m, struct entry *e, const struct row *row)
{
    char *data = malloc(row->data.n + 1);

    if (data == NULL)
        return -EIO;
    if (row->data.n > 0)
        memcpy(data, row->data.p, row->data.n);
    m->bytes += (int64_t)row->data.n - (int64_t)e->row.data.n;
    free((char *)e->row.data.p);
    e->row = *row;
    e->row.data.p = data;
    return 0;
}

/* Makes the session of the op one of the new id. */
static int begin(struct memory *m, const struct op *op, const struct row *row)
{
    struct entry *e = add(m, op->new_id);

    if (e == NULL)
        return -EIO;
    if (set(m, e, row) == 0)
        return 0;
    forget(m, e);
    return -EIO;
}

static int move(struct memory *m, const struct op *op, struct entry *old, const struct row *row)
{
    const struct row moved = { .exists = true,
                               .is_moved = true,
                               .created = op->now,
                               .used = op->now,
                               .expires = op->now + OP_MOVED_MS };

    return begin(m, op, row) == 0 ? set(m, old, &moved) : -EIO;
}

static bool run(struct store *s, struct op *op)
{
    struct memory *m = memory_of(s);
    struct entry *e = op->has_id ? find(m, op->id) : NULL;
    struct row before = e != NULL ? e->row : (struct row){ .exists = false }, after;
    int rc = 0;

    if (e != NULL) {
        unlink_use(m, e);
        link_newest(m, e);
    }
    switch (op_apply(op, &before, &after)) {
    case OP_NOTHING:
        return true;
    case OP_TOUCH:
        e->row.used = after.used;
        e->row.expires = after.expires;
        return true;
    case OP_WRITE:
        rc = set(m, e, &after);
        break;
    case OP_BEGIN:
        rc = begin(m, op, &after);
        break;
    case OP_MOVE:
        rc = move(m, op, e, &after);
        break;
    case OP_DELETE:
        forget(m, e);
        break;
    }
    if (rc != 0)
        op->rc = rc;
    make_room(m);
    return true;
}

/* Those who were used least recently are over first, where all have the same "idle". */
static void sweep(struct store *s, int64_t now)
{
    struct memory *m = memory_of(s);
    struct entry *e = m->oldest, *newer;

    for (int i = 0; e != NULL && i < SWEEP_MAX; i++, e = newer) {
        newer = e->newer;
        if (now >= e->row.expires)
            forget(m, e);
    }
    make_room(m);
}

static void destroy(struct store *s)
{
    struct memory *m = memory_of(s);

    while (m->oldest != NULL)
        forget(m, m->oldest);
    free(m->buckets);
    free(m);
}

struct store *memory_store_create(void)
{
    struct memory *m = calloc(1, sizeof(*m));

    if (m == NULL)
        return NULL;
    m->store = (struct store){ .run = run, .sweep = sweep, .destroy = destroy };
    m->bucket_count = FIRST_BUCKETS;
    m->buckets = calloc(m->bucket_count, sizeof(struct entry *));
    if (m->buckets != NULL)
        return &m->store;
    free(m);
    return NULL;
}
