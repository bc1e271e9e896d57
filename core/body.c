/* SPDX-License-Identifier: MIT */
#include "body.h"

#include "must.h"
#include "own_page.h"
#include "spool.h"
#include "wait.h"

enum { WRITE_MAX = 256 << 10 }; /* bytes that are collected for one write to a file */

/* A thread's work on the file of a body. While it runs the loop leaves the bytes alone. */
struct body_file {
    struct pool_job job;
    struct mpx_req *r;
    struct spool spool;
    bool busy; /* the request is held for it */
    bool last; /* the body is complete with this write; afterwards: it is all there */
    int error;
};

void body_init(struct mpx_req *r)
{
    buffer_init(&r->body.bytes, 0);
}

/* A whole body that can be given away. */
static bool is_saved(const struct body *b)
{
    return b->complete && (b->file == NULL || (b->file->last && !b->file->busy));
}

/* Whether it was read as a whole, for who asks now: a page for an error has no body. */
static bool is_in_view(const struct mpx_req *r)
{
    const struct body *b = &r->body;

    return b->use == BODY_WHOLE && is_saved(b) && b->refused == 0 && !own_page_is_shown(r);
}

struct mpx_str body_view(const struct mpx_req *r)
{
    const struct body *b = &r->body;

    if (!is_in_view(r))
        return (struct mpx_str){ NULL, 0 };
    if (b->file == NULL)
        return buffer_str(&b->bytes);
    return (struct mpx_str){ b->file->spool.map, b->file->spool.n };
}

int body_fd(const struct mpx_req *r)
{
    return is_in_view(r) && r->body.file != NULL ? r->body.file->spool.fd : -1;
}

/* ---- who waits for it */

/* The request ends with that status; whoever waits does not go on. */
static void refuse(struct mpx_req *r, int status)
{
    r->body.refused = status;
    if (!r->body.complete)
        r->keep_alive = false;
}

int body_refusal(const struct mpx_req *r)
{
    return own_page_is_shown(r) ? 0 : r->body.refused;
}

/* Begins to wait for what is there already, or for the carrier to bring it. */
static enum mpx_rc ask(struct mpx_req *r, bool is_there)
{
    struct body *b = &r->body;

    if (b->received > b->limit || (!b->complete && req_is_too_long(r)))
        refuse(r, 413);
    if (is_there || b->refused != 0)
        wait_ready(r, WAIT_BODY);
    else if (!b->complete)
        r->carrier->want_body(r);
    return MPX_WAIT;
}

/* A page for an error goes on at once: with the end of a body that it does not have. */
static enum mpx_rc ask_nobody(struct mpx_req *r)
{
    wait_ready(r, WAIT_BODY);
    return MPX_WAIT;
}

static enum mpx_rc misread(struct mpx_req *r, const char *why)
{
    wait_cancel(r);
    req_log(r, MPX_ERROR, "%s", why);
    return MPX_FAIL;
}

enum mpx_rc body_read(struct mpx_req *r, size_t max, mpx_resume_fn fn, void *state)
{
    struct body *b = &r->body;

    if (wait_begin(r, WAIT_BODY, fn, state) == NULL)
        return MPX_FAIL;
    if (own_page_is_shown(r))
        return ask_nobody(r);
    if (b->use == BODY_PARTS && b->received > 0)
        return misread(r, "mpx_read_body: the body is read in parts already");
    b->use = BODY_WHOLE;
    if (max != 0 && max < b->limit)
        b->limit = max;
    return ask(r, is_saved(b));
}

static void drop_part(struct body *b)
{
    b->part = (struct mpx_str){ NULL, 0 };
    if (b->use == BODY_PARTS)
        buffer_finish(&b->bytes);
}

enum mpx_rc body_next(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    struct body *b = &r->body;

    if (wait_begin(r, WAIT_BODY, fn, state) == NULL)
        return MPX_FAIL;
    if (own_page_is_shown(r))
        return ask_nobody(r);
    if (b->use == BODY_WHOLE && !is_saved(b))
        return misread(r, "mpx_body_next: the body is read as a whole already");
    drop_part(b);
    if (b->use == BODY_WHOLE && !b->given) {
        b->given = true;
        b->part = body_view(r);
    } else if (b->use == BODY_UNREAD) {
        b->use = BODY_PARTS;
    }
    return ask(r, b->complete);
}

bool body_part(const struct mpx_req *r, struct mpx_str *part)
{
    const struct body *b = &r->body;

    *part = (struct mpx_str){ NULL, 0 };
    if (own_page_is_shown(r))
        return false;
    *part = b->part;
    return b->part.n > 0 || !b->complete || (b->use == BODY_WHOLE && !b->given);
}

/* ---- the file of a whole body */

static void file_work(void *arg)
{
    struct body_file *f = arg;
    const struct mpx_req *r = f->r;
    struct mpx_str bytes = buffer_str(&r->body.bytes);

    f->error = f->spool.fd < 0 ? spool_open(&f->spool, r->g->settings.temp_dir.p) : 0;
    if (f->error == 0)
        f->error = spool_append(&f->spool, bytes.p, bytes.n);
    if (f->error == 0 && f->last)
        f->error = spool_map(&f->spool);
}

static void close_work(void *arg)
{
    struct body_file *f = arg;

    spool_close(&f->spool);
}

/* The thread is done. False when the request is gone: it ends with the last one that holds it. */
static bool let_go(struct body_file *f)
{
    struct mpx_req *r = f->r;

    f->busy = false;
    r->holds--;
    if (!r->gone)
        return true;
    if (r->holds == 0)
        req_destroy(r);
    return false;
}

static void on_closed(void *arg)
{
    (void)let_go(arg);
}

static void on_written(void *arg)
{
    struct body_file *f = arg;
    struct mpx_req *r = f->r;

    worker_update_clock(r->w);
    if (!let_go(f) || r->finished)
        return;
    r->body.bytes.n = 0;
    if (f->error != 0) {
        req_log(r, MPX_ERROR, "a body cannot be kept in %s, daemon.temp_dir: %s",
                r->g->settings.temp_dir.p, strerror(f->error));
        refuse(r, 500);
    } else if (!f->last) {
        r->carrier->more(r);
        return;
    }
    buffer_finish(&r->body.bytes);
    wait_go_on(r, WAIT_BODY);
}

static int submit(struct body_file *f, void (*work)(void *arg), void (*done)(void *arg))
{
    f->job = (struct pool_job){ .work = work, .done = done, .arg = f };
    if (pool_submit(f->r->w->pool, &f->job) < 0)
        return -1;
    f->busy = true;
    f->r->holds++;
    return 0;
}

static void write_file(struct mpx_req *r)
{
    struct body *b = &r->body;

    if (b->file == NULL) {
        b->file = arena_zero(&r->arena, sizeof(*b->file));
        *b->file = (struct body_file){ .r = r, .spool = SPOOL_CLOSED };
    }
    b->file->last = b->complete;
    if (submit(b->file, file_work, on_written) == 0)
        return;
    req_log(r, MPX_WARN, "the queue of the thread pool is full: answered 503");
    refuse(r, 503);
    wait_go_on(r, WAIT_BODY);
}

/* ---- what the carrier brings */

bool body_is_wanted(const struct mpx_req *r)
{
    const struct body *b = &r->body;

    return r->wait.kind == WAIT_BODY && !r->wait.ready && !b->complete &&
           (b->file == NULL || !b->file->busy);
}

/* Whether it has, or is going to have, more bytes than are held in memory. */
static bool is_for_file(const struct mpx_req *r)
{
    const struct body *b = &r->body;
    uint64_t most = (uint64_t)r->limits->body_memory;

    return b->file != NULL || b->bytes.n > most ||
           (r->content_length != UINT64_MAX && r->content_length > most);
}

static size_t write_at(const struct mpx_req *r)
{
    int64_t most = r->limits->body_memory;

    return most < WRITE_MAX ? (size_t)most : WRITE_MAX;
}

/* How much memory a whole body needs at once, where that is known. */
static size_t room_for(const struct mpx_req *r)
{
    if (r->content_length == UINT64_MAX)
        return 0;
    if (r->content_length <= (uint64_t)r->limits->body_memory)
        return (size_t)r->content_length;
    return write_at(r) + WORKER_INPUT;
}

static void keep(struct mpx_req *r, struct mpx_str bytes)
{
    struct body *b = &r->body;

    if (b->bytes.max == 0) {
        b->bytes.max = (size_t)r->limits->body_memory + WORKER_INPUT;
        (void)buffer_reserve(&b->bytes, room_for(r));
    }
    MUST(buffer_add(&b->bytes, bytes) == 0);
}

/* The first piece stays where it is; others are moved up to it, over the lines between chunks. */
static void gather(struct mpx_str *part, struct mpx_str bytes)
{
    if (part->n == 0)
        part->p = bytes.p;
    else if (part->p + part->n != bytes.p)
        memmove((char *)(uintptr_t)(part->p + part->n), bytes.p, bytes.n);
    part->n += bytes.n;
}

int body_take(struct mpx_req *r, struct mpx_str bytes)
{
    struct body *b = &r->body;

    if (b->received > b->limit || bytes.n > b->limit - b->received)
        return 413;
    b->received += bytes.n;
    if (b->use == BODY_WHOLE)
        keep(r, bytes);
    else
        gather(&b->part, bytes);
    return 0;
}

static void go_on_whole(struct mpx_req *r)
{
    struct body *b = &r->body;

    if (!is_for_file(r)) {
        if (b->complete)
            wait_go_on(r, WAIT_BODY);
    } else if (b->complete || b->bytes.n >= write_at(r)) {
        write_file(r);
    }
}

static void go_on_in_parts(struct mpx_req *r)
{
    struct body *b = &r->body;

    if (b->part.n == 0 && !b->complete)
        return;
    wait_go_on(r, WAIT_BODY);
    if (b->part.n == 0)
        return;
    if (r->finished) {
        drop_part(b);
        return;
    }
    /* it waits for something else, the part in hand: the carrier needs its buffer elsewhere */
    b->bytes.max = WORKER_INPUT;
    MUST(buffer_add(&b->bytes, b->part) == 0);
    b->part = buffer_str(&b->bytes);
}

void body_go_on(struct mpx_req *r)
{
    if (r->finished)
        return;
    if (r->body.use == BODY_WHOLE)
        go_on_whole(r);
    else
        go_on_in_parts(r);
}

/* ---- the end */

void body_release(struct mpx_req *r)
{
    struct body_file *f = r->body.file;

    if (f == NULL)
        return;
    if (f->busy && pool_cancel(r->w->pool, &f->job)) {
        f->busy = false;
        r->holds--;
    }
    /* a large file takes its time to go */
    if (!f->busy && f->spool.fd >= 0 && submit(f, close_work, on_closed) < 0)
        spool_close(&f->spool);
}

void body_finish(struct mpx_req *r)
{
    buffer_finish(&r->body.bytes);
}
