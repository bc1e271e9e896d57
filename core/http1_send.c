/* SPDX-License-Identifier: MIT
   The sending half of http1.h: formats heads, frames chunks, gathers pieces of all answers that
   are due into one system call. */
#include "filter.h"
#include "http1.h"
#include "must.h"
#include "phase.h"
#include "str.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    GATHER_MAX = 64,            /* pieces in one call */
    SENDFILE_PER_TURN = 4 << 20 /* bytes, then others have a turn */
};

/* Whether the connection can go on after this answer. */
static bool can_keep_alive(const struct http1 *h, const struct mpx_req *r)
{
    const struct mpx_conn *c = h->c;
    int64_t most = c->settings->limits.requests;

    if (!r->keep_alive || r->res.close || conn_is_ending(c) || (most > 0 && c->requests >= most))
        return false;
    if (r->body.complete)
        return true;
    if (r->expects_continue) /* a client that waits for 100 may never send it */
        return false;
    if (r->body.use != BODY_UNREAD && !r->res.ended) /* it is read while it is answered */
        return true;
    /* a long rest is not worth reading */
    return r->content_length == UINT64_MAX ||
           r->content_length - r->body.received <= HTTP1_DRAIN_MAX;
}

static char *put(char *at, struct mpx_str s)
{
    memcpy(at, s.p, s.n);
    return at + s.n;
}

static char *put_field(char *at, struct mpx_str name, struct mpx_str value)
{
    at = put(at, name);
    at = put(at, MPX_STR(": "));
    at = put(at, value);
    return put(at, MPX_STR("\r\n"));
}

static char *put_number(char *at, uint64_t n)
{
    char digits[20];
    size_t i = sizeof(digits);

    do
        digits[--i] = (char)('0' + n % 10);
    while ((n /= 10) != 0);
    return put(at, (struct mpx_str){ digits + i, sizeof(digits) - i });
}

static char *put_status(char *at, int status)
{
    at = put(at, MPX_STR("HTTP/1.1 "));
    at = put_number(at, (uint64_t)status);
    *at++ = ' ';
    at = put(at, str_of(res_reason(status)));
    return put(at, MPX_STR("\r\n"));
}

/* How the body ends, and whether the connection does. */
static char *put_framing(char *at, const struct mpx_req *r)
{
    const struct res *res = &r->res;

    if (!res->no_body && res->length >= 0) {
        at = put(at, MPX_STR("Content-Length: "));
        at = put_number(at, (uint64_t)res->length);
        at = put(at, MPX_STR("\r\n"));
    } else if (res->chunked) {
        at = put(at, MPX_STR("Transfer-Encoding: chunked\r\n"));
    }
    if (!r->keep_alive)
        at = put(at, MPX_STR("Connection: close\r\n"));
    else if (r->version == 10)
        at = put(at, MPX_STR("Connection: keep-alive\r\n"));
    return put(at, MPX_STR("\r\n"));
}

static bool is_set(const struct mpx_req *r, struct mpx_str name)
{
    struct mpx_str value;

    return res_get(r, name, &value);
}

static struct mpx_str format_head(struct mpx_req *r)
{
    const struct res *res = &r->res;
    struct mpx_str server = r->g->settings.server_id, date = { r->w->date, DATE_HTTP - 1 };
    size_t room = 256 + server.n;

    for (size_t i = 0; i < res->count; i++)
        room += res->fields[i].key.n + res->fields[i].value.n + 4;
    char *text = arena_take(&r->arena, room), *at = put_status(text, res->status);
    if (server.p != NULL && !is_set(r, MPX_STR("Server")))
        at = put_field(at, MPX_STR("Server"), server);
    if (!is_set(r, MPX_STR("Date")))
        at = put_field(at, MPX_STR("Date"), date);
    for (size_t i = 0; i < res->count; i++)
        at = put_field(at, res->fields[i].key, res->fields[i].value);
    at = put_framing(at, r);
    return (struct mpx_str){ text, (size_t)(at - text) };
}

static void carrier_start(struct mpx_req *r)
{
    struct http1 *h = r->carrier_data;

    r->keep_alive = can_keep_alive(h, r);
    res_insert_bytes(r, piece_last_framed(&r->res.queue),
                     format_head(r)); /* behind a "100 Continue" */
}

/* Puts what came since the last time into a chunk, and the last chunk behind the last one. */
static void frame_chunk(struct mpx_req *r)
{
    struct piece *behind = piece_last_framed(&r->res.queue);
    struct piece *p = behind != NULL ? behind->next : r->res.queue.first;
    char size[20];
    size_t total = 0;

    if (!r->res.started || !r->res.chunked || r->res.broken)
        return;
    for (; p != NULL; p = p->next) {
        p->is_framed = true;
        total += p->n;
    }
    if (total > 0) {
        int n = snprintf(size, sizeof(size), "%zx\r\n", total);

        (void)res_insert(r, behind, (struct mpx_str){ size, (size_t)n });
        (void)res_insert(r, r->res.queue.last, MPX_STR("\r\n"));
    }
    if (res_is_whole(&r->res) && !r->res.closed_off) {
        r->res.closed_off = true;
        (void)res_insert(r, r->res.queue.last, MPX_STR("0\r\n\r\n"));
    }
}

static void carrier_more(struct mpx_req *r)
{
    struct http1 *h = r->carrier_data;

    frame_chunk(r);
    conn_drive(h->c);
}

static void carrier_want_body(struct mpx_req *r)
{
    bool is_due = r->expects_continue && !r->res.started; /* not once the answer has begun */

    r->expects_continue = false;
    if (is_due)
        (void)res_insert_bytes(r, NULL, MPX_STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

const struct carrier http1_carrier = {
    .start = carrier_start,
    .more = carrier_more,
    .want_body = carrier_want_body,
};

/* A thread's work on a file whose pages are not in memory. It may outlive the connection. */
struct cold_load {
    struct pool_job job;
    struct http1 *h; /* NULL: nobody waits */
    struct mpx_file *file;
    off_t off;
    size_t n;
};

static void load_work(void *arg)
{
    const struct cold_load *load = arg;

    file_load(load->file->fd, load->off, load->n);
}

static void load_done(void *arg)
{
    struct cold_load *load = arg;
    struct http1 *h = load->h;

    file_drop(load->file);
    free(load);
    if (h == NULL)
        return;
    h->load = NULL;
    h->loaded = true; /* what a thread could not read is not asked for again */
    worker_update_clock(h->c->w);
    conn_drive(h->c);
}

void http1_cancel_load(struct http1 *h)
{
    struct cold_load *load = h->load;

    if (load == NULL)
        return;
    h->load = NULL;
    load->h = NULL;
    if (pool_cancel(h->c->w->pool, &load->job))
        load_done(load);
}

/* True when a thread was found to fetch them; else they are sent as they are, at worst slowly. */
static bool start_load(struct http1 *h, struct mpx_file *file, off_t off, size_t n)
{
    struct cold_load *load = must_calloc(sizeof(*load));

    *load = (struct cold_load){ .h = h, .file = file, .off = off, .n = n };
    load->job.work = load_work;
    load->job.done = load_done;
    load->job.arg = load;
    if (pool_submit(h->c->w->pool, &load->job) < 0) {
        free(load);
        return false;
    }
    file->uses++;
    h->load = load;
    return true;
}

bool http1_has_output(const struct http1 *h)
{
    return h->first != NULL && h->first->res.queue.first != NULL &&
           (h->first->res.started || h->first->res.queue.first->is_framed);
}

/* Whether the answers behind r have their turn as soon as r's pieces are gone. */
static bool is_last_word(const struct mpx_req *r)
{
    return r->finished && r->res.started && !r->res.broken && !r->res.filtering;
}

/* What can go out in one call: memory up to the next file. *file is that file's piece, when it
   comes next. */
static int gather(const struct http1 *h, struct iovec *v, struct piece **file)
{
    int count = 0;

    *file = NULL;
    for (const struct mpx_req *r = h->first; r != NULL; r = r->next) {
        for (struct piece *p = r->res.queue.first; p != NULL; p = p->next) {
            if (!r->res.started && !p->is_framed)
                return count;
            if (p->kind == PIECE_FILE) {
                *file = p;
                return count;
            }
            if (count == GATHER_MAX)
                return count;
            v[count++] = (struct iovec){ (void *)(uintptr_t)p->p, p->n };
        }
        if (!is_last_word(r))
            return count;
    }
    return count;
}

/* Filters make more of the answers that are due, as far as there is room. */
static void refill(struct http1 *h, size_t *budget)
{
    for (struct mpx_req *r = h->first; r != NULL; r = r->next) {
        if (r->res.filtering && phase_refill(r, budget))
            frame_chunk(r);
        if (!is_last_word(r))
            break;
    }
    if (*budget == 0)
        http1_drive_again(h);
}

/* n bytes went out; they are the first ones of the queue. */
static void took(struct http1 *h, size_t n)
{
    h->sent = true;
    h->out.bytes += n;
    for (struct mpx_req *r = h->first; n > 0; r = r->next)
        n = res_took(r, n);
}

/* Requests at the front whose answers are all sent. */
static void release(struct http1 *h)
{
    while (h->first != NULL && is_last_word(h->first) && h->first->res.queue.first == NULL) {
        struct mpx_req *r = h->first;

        h->first = r->next;
        if (h->first == NULL) {
            h->last = NULL;
            h->queued_bytes = 0;
        }
        h->queued--;
        h->out.running = false;
        http1_deliver(h, r);
    }
}

enum sent { SENT_ALL, SENT_SOME, SENT_BLOCKED, SENT_BROKEN };

static enum sent sent_result(struct mpx_conn *c, ssize_t n)
{
    if (n > 0)
        return SENT_SOME;
    if (n < 0 && errno == EAGAIN) {
        c->writable = false;
        return SENT_BLOCKED;
    }
    return SENT_BROKEN; /* 0 from sendfile: the file became shorter */
}

static enum sent send_file(struct http1 *h, struct piece *p, size_t *budget)
{
    struct mpx_conn *c = h->c;
    size_t n = file_chunk(p->off, p->n);

    if (*budget < n) {
        http1_drive_again(h);
        return SENT_BLOCKED;
    }
    if (!h->loaded && !file_is_resident(p->owner.file, p->off, n, c->w->now_ms) &&
        start_load(h, p->owner.file, p->off, n))
        return SENT_BLOCKED;
    h->loaded = false;
    *budget -= n;
    ssize_t sent = c->transport->sendfile(c, p->owner.file->fd, p->off, n);
    if (sent > 0)
        took(h, (size_t)sent);
    return sent_result(c, sent);
}

static enum sent send_once(struct http1 *h, size_t *budget)
{
    struct mpx_conn *c = h->c;
    struct iovec v[GATHER_MAX];
    struct piece *file;
    int count = gather(h, v, &file);
    size_t total = 0;

    if (count == 0)
        return file != NULL ? send_file(h, file, budget) : SENT_ALL;
    for (int i = 0; i < count; i++)
        total += v[i].iov_len;
    ssize_t n = c->transport->sendv(c, v, count, file != NULL);
    if (n > 0)
        took(h, (size_t)n);
    if (n > 0 && (size_t)n < total)
        c->writable = false;
    return sent_result(c, n);
}

bool http1_flush(struct http1 *h)
{
    size_t budget = SENDFILE_PER_TURN, to_filter = FILTER_PER_TURN;

    while (h->c->writable && h->load == NULL) {
        refill(h, &to_filter);
        enum sent rc = send_once(h, &budget);

        release(h);
        if (rc == SENT_BROKEN)
            return false;
        if (rc != SENT_SOME)
            break;
    }
    return h->first == NULL || !h->first->res.broken || http1_has_output(h);
}
