/* SPDX-License-Identifier: MIT */
#include "crowd.h"

#include "must.h"

#include <stdlib.h>
#include <string.h>

enum { BUCKETS_AT_FIRST = 16 };

/* 10.1.2.3, or the first half of an IPv6 address. */
struct network {
    uint64_t bits;
    bool six;
};

struct crowd_entry {
    struct crowd_entry *next;
    struct network of;
    unsigned count;
};

static struct network network_of(const union address *a)
{
    struct network n = { .six = a->any.sa_family == AF_INET6 };

    if (n.six)
        memcpy(&n.bits, &a->in6.sin6_addr, sizeof(n.bits));
    else
        n.bits = a->in.sin_addr.s_addr;
    return n;
}

/* Which addresses share a bucket depends on the seed, in all bits. */
static size_t bucket_of(const struct crowd *w, const struct network *n)
{
    uint64_t x = n->bits ^ w->seed ^ (n->six ? UINT64_MAX : 0);

    for (int i = 0; i < 2; i++) {
        x ^= x >> 33;
        x *= UINT64_C(0xff51afd7ed558ccd);
        x ^= w->seed >> 7;
    }
    return (size_t)(x ^ x >> 32) & (w->bucket_count - 1);
}

static void resize(struct crowd *w, size_t buckets)
{
    struct crowd old = *w;

    w->bucket_count = buckets;
    w->buckets = must_calloc(buckets * sizeof(struct crowd_entry *));
    for (size_t i = 0; i < old.bucket_count; i++)
        for (struct crowd_entry *e = old.buckets[i], *next; e != NULL; e = next) {
            struct crowd_entry **to = &w->buckets[bucket_of(w, &e->of)];

            next = e->next;
            e->next = *to;
            *to = e;
        }
    free(old.buckets);
}

static struct crowd_entry *add(struct crowd *w, const struct network *n)
{
    if (w->entry_count >= w->bucket_count)
        resize(w, w->bucket_count > 0 ? 2 * w->bucket_count : BUCKETS_AT_FIRST);
    struct crowd_entry **to = &w->buckets[bucket_of(w, n)], *e = must_calloc(sizeof(*e));

    e->of = *n;
    e->next = *to;
    *to = e;
    w->entry_count++;
    return e;
}

struct crowd_entry *crowd_enter(struct crowd *w, const union address *a, unsigned most)
{
    struct network n = network_of(a);
    struct crowd_entry *e = NULL;

    if (most == 0)
        return NULL;
    if (w->bucket_count > 0)
        e = w->buckets[bucket_of(w, &n)];
    while (e != NULL && (e->of.bits != n.bits || e->of.six != n.six))
        e = e->next;
    if (e == NULL)
        e = add(w, &n);
    if (e->count >= most)
        return NULL;
    e->count++;
    return e;
}

static void remove_entry(struct crowd *w, struct crowd_entry *e)
{
    struct crowd_entry **at = &w->buckets[bucket_of(w, &e->of)];

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    free(e);
    w->entry_count--;
    if (w->entry_count == 0) {
        free(w->buckets);
        w->buckets = NULL;
        w->bucket_count = 0;
    } else if (w->bucket_count > BUCKETS_AT_FIRST && w->entry_count < w->bucket_count / 8) {
        resize(w, w->bucket_count / 2);
    }
}

void crowd_leave(struct crowd *w, struct crowd_entry *e)
{
    if (e != NULL && --e->count == 0)
        remove_entry(w, e);
}
