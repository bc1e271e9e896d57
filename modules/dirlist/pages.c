/* SPDX-License-Identifier: MIT */
#include "pages.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BUCKETS = 512, TAG_BYTES = 40, TOLD_MS = 10000 };

struct page {
    struct page *next_in_bucket, *next; /* next: younger; or behind it in the line */
    struct pages *pages;
    unsigned uses;
    enum { PENDING, RUNNING, READY } state;
    bool is_known; /* in the table */
    uint64_t hash;
    struct mpx_str key;
    struct stat dir;
    int64_t began_ms;
    struct mpx_ticket **waiting;
    size_t waiting_count, waiting_room;
    struct job job;
    int error;
    struct mpx_blob *blob;
    char tag[TAG_BYTES];
};

struct line {
    struct page *first, *last;
    unsigned count;
};

struct pages {
    struct page *buckets[BUCKETS];
    struct line ready;   /* the oldest first */
    struct line pending; /* the next one first */
    unsigned running;
    size_t bytes; /* of those that are ready */
    uint64_t last_id;
    int64_t told_ms; /* when a failure was logged; 0: never */
    struct owners *owners;
};

static void line_push(struct line *l, struct page *p)
{
    p->next = NULL;
    if (l->last != NULL)
        l->last->next = p;
    else
        l->first = p;
    l->last = p;
    l->count++;
}

static struct page *line_pop(struct line *l)
{
    struct page *p = l->first;

    if (p == NULL)
        return NULL;
    l->first = p->next;
    if (l->first == NULL)
        l->last = NULL;
    l->count--;
    return p;
}

static int64_t now_ms(void)
{
    struct timespec ts = { 0, 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool pages_may_tell(struct pages *ps)
{
    int64_t now = now_ms();

    if (ps->told_ms != 0 && now - ps->told_ms < TOLD_MS)
        return false;
    ps->told_ms = now;
    return true;
}

/* FNV-1a, eight bytes at a time: tells apart what changed, not what somebody made to collide. */
static uint64_t hash_of(struct mpx_str s)
{
    uint64_t h = 14695981039346656037u, word;

    for (; s.n >= sizeof(word); s.p += sizeof(word), s.n -= sizeof(word)) {
        memcpy(&word, s.p, sizeof(word));
        h = (h ^ word) * 1099511628211u;
        h ^= h >> 29;
    }
    for (; s.n > 0; s.p++, s.n--)
        h = (h ^ (unsigned char)*s.p) * 1099511628211u;
    return h ^ h >> 32;
}

struct pages *pages_create(void)
{
    struct pages *ps = calloc(1, sizeof(*ps));

    if (ps != NULL && (ps->owners = owners_create()) == NULL) {
        free(ps);
        return NULL;
    }
    return ps;
}

uint64_t pages_next_id(struct pages *ps)
{
    return ++ps->last_id;
}

static void drop_files(struct job *j)
{
    mpx_file_drop(j->dir);
    j->dir = NULL;
    for (int i = 0; i < PARTS; i++) {
        mpx_file_drop(j->part[i]);
        j->part[i] = NULL;
    }
}

void page_release(void *arg)
{
    struct page *p = arg;

    if (--p->uses > 0)
        return;
    drop_files(&p->job);
    mpx_blob_drop(p->blob);
    free(p->waiting);
    free(p);
}

/* Takes it out of the table, which gives its use back. */
static void forget(struct page *p)
{
    struct page **link = &p->pages->buckets[p->hash % BUCKETS];

    if (!p->is_known)
        return;
    while (*link != p)
        link = &(*link)->next_in_bucket;
    *link = p->next_in_bucket;
    p->is_known = false;
    page_release(p);
}

static size_t bytes_of(const struct page *p)
{
    return sizeof(*p) + 2 * p->key.n + p->job.body.n;
}

static void forget_oldest(struct pages *ps)
{
    struct page *p = line_pop(&ps->ready);

    ps->bytes -= bytes_of(p);
    forget(p);
    page_release(p); /* the line's */
}

static void forget_old(struct pages *ps)
{
    int64_t now = now_ms();

    while (ps->ready.first != NULL && (now - ps->ready.first->began_ms >= PAGES_LIVE_MS ||
                                       (ps->bytes > PAGES_BYTES && ps->ready.count > 1)))
        forget_oldest(ps);
}

/* Whoever waits goes on; some may be gone. */
static void wake_all(struct page *p)
{
    size_t count = p->waiting_count;

    p->waiting_count = 0;
    for (size_t i = 0; i < count; i++)
        (void)mpx_wake(p->waiting[i]);
}

static void fail(struct page *p, int error)
{
    p->state = READY;
    p->error = error;
    drop_files(&p->job);
    text_free(&p->job.body);
    forget(p); /* the next one tries again */
    wake_all(p);
}

void pages_end(void *block)
{
    struct pages *ps = *(struct pages **)block;
    struct page *p;

    if (ps == NULL)
        return;
    while (ps->ready.first != NULL)
        forget_oldest(ps);
    while ((p = line_pop(&ps->pending)) != NULL) {
        fail(p, EAGAIN);
        page_release(p);
    }
    owners_destroy(ps->owners);
    free(ps);
}

static bool is_same_dir(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
           a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

struct page *pages_find(struct pages *ps, const struct page_key *key)
{
    uint64_t hash = hash_of(key->text);

    forget_old(ps);
    for (struct page *p = ps->buckets[hash % BUCKETS]; p != NULL; p = p->next_in_bucket)
        if (p->hash == hash && mpx_str_eq(p->key, key->text) && is_same_dir(&p->dir, key->dir) &&
            (p->state != READY || now_ms() - p->began_ms < PAGES_LIVE_MS)) {
            p->uses++;
            return p;
        }
    return NULL;
}

/* ---- making one */

/* On a thread. */
static void work(void *arg)
{
    struct page *p = arg;
    struct job *j = &p->job;

    p->error = -entries_read(j);
    if (p->error == 0 && j->look.format == FORMAT_HTML)
        html_write(j);
    else if (p->error == 0)
        json_write(j);
    entries_free(&j->entries);
    if (j->body.failed)
        p->error = ENOMEM;
    if (p->error != 0)
        return;
    text_fit(&j->body);
    (void)snprintf(p->tag, sizeof(p->tag), "\"%016llx-%zx\"",
                   (unsigned long long)hash_of((struct mpx_str){ j->body.p, j->body.n }),
                   j->body.n);
}

static void start(struct page *p);

/* The next of the line that somebody still waits for. */
static void start_next(struct pages *ps)
{
    while (ps->running < PAGES_RUNNING && ps->pending.first != NULL) {
        struct page *p = line_pop(&ps->pending);

        if (p->uses > 2) { /* the table's, the line's and somebody's */
            start(p);
        } else {
            fail(p, EAGAIN);
            page_release(p);
        }
    }
}

/* On the loop. */
static void worked(void *arg)
{
    struct page *p = arg;
    struct pages *ps = p->pages;

    ps->running--;
    if (p->error != 0) {
        fail(p, p->error);
        page_release(p); /* the thread's use; else it is the line's now */
    } else {
        p->blob =
            mpx_blob_take((struct mpx_str){ p->job.body.p, p->job.body.n }, free, p->job.body.p);
        drop_files(&p->job);
        p->state = READY;
        ps->bytes += bytes_of(p);
        line_push(&ps->ready, p);
        wake_all(p);
    }
    forget_old(ps);
    start_next(ps);
}

/* Gives it to a thread, with the use that is the line's. */
static void start(struct page *p)
{
    p->state = RUNNING;
    p->began_ms = now_ms();
    p->pages->running++;
    if (mpx_background(p->job.settings->conf, work, p, worked) == 0)
        return;
    p->pages->running--;
    fail(p, EAGAIN);
    page_release(p);
}

/* The key and the path are copied behind it. */
static struct page *page_new(struct pages *ps, const struct page_key *key, const struct job *job)
{
    struct page *p = calloc(1, sizeof(*p) + key->text.n + job->path.n);
    char *text = (char *)(p + 1);

    if (p == NULL)
        return NULL;
    memcpy(text, key->text.p, key->text.n);
    memcpy(text + key->text.n, job->path.p, job->path.n);
    p->pages = ps;
    p->uses = 1;
    p->key = (struct mpx_str){ text, key->text.n };
    p->hash = hash_of(p->key);
    p->dir = *mpx_file_stat(job->dir);
    p->job = *job;
    p->job.path = (struct mpx_str){ text + key->text.n, job->path.n };
    p->job.owners = ps->owners;
    p->job.dir = mpx_file_hold(job->dir);
    for (int i = 0; i < PARTS; i++)
        if (job->part[i] != NULL)
            p->job.part[i] = mpx_file_hold(job->part[i]);
    return p;
}

struct page *pages_make(struct pages *ps, const struct page_key *key, const struct job *job)
{
    struct page *p = ps->pending.count < PAGES_PENDING ? page_new(ps, key, job) : NULL;

    if (p == NULL) {
        errno = EAGAIN;
        return NULL;
    }
    p->uses += 2; /* the caller's is there: now the table's and the line's */
    p->is_known = true;
    p->next_in_bucket = ps->buckets[p->hash % BUCKETS];
    ps->buckets[p->hash % BUCKETS] = p;
    line_push(&ps->pending, p);
    start_next(ps);
    return p;
}

enum mpx_rc page_wait(struct mpx_req *r, struct page *p, mpx_resume_fn fn, void *state)
{
    if (p->waiting_count == p->waiting_room) {
        size_t room = p->waiting_room > 0 ? 2 * p->waiting_room : 4;
        struct mpx_ticket **waiting = realloc(p->waiting, room * sizeof(struct mpx_ticket *));

        if (waiting == NULL)
            return mpx_res_error(r, 503);
        p->waiting = waiting;
        p->waiting_room = room;
    }
    struct mpx_ticket *ticket;
    enum mpx_rc rc = mpx_wait_ticket(r, &ticket, 0, fn, state);
    if (ticket != NULL)
        p->waiting[p->waiting_count++] = ticket;
    return rc;
}

bool page_is_ready(const struct page *p)
{
    return p->state == READY;
}

int page_error(const struct page *p)
{
    return p->error;
}

struct mpx_blob *page_blob(const struct page *p)
{
    return p->blob;
}

struct mpx_str page_tag(const struct page *p)
{
    return (struct mpx_str){ p->tag, strlen(p->tag) };
}
