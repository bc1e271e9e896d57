/* SPDX-License-Identifier: MIT
   What filters read of a file: on the loop what is in memory, on a thread what is on the disk. */
#include "filter.h"
#include "must.h"
#include "req.h"
#include "str.h"

#include <errno.h>
#include <stdlib.h>

/* A thread's work for a request, which is held meanwhile; kept until its bytes were looked at. */
struct filter_load {
    struct pool_job job;
    struct mpx_req *r;
    struct mpx_file *file; /* a use counted */
    off_t off;
    size_t n;
    ssize_t got;
    bool is_done;
    bool dropped; /* nobody wants it any more */
    char bytes[WORKER_READ];
};

static void load_free(struct filter_load *load)
{
    file_drop(load->file);
    free(load);
}

static void load_work(void *arg)
{
    struct filter_load *load = arg;

    load->got = file_read(load->file->fd, load->bytes, load->n, load->off, true);
}

static void load_done(void *arg)
{
    struct filter_load *load = arg;
    struct mpx_req *r = load->r;

    r->holds--;
    load->is_done = true;
    worker_update_clock(r->w);
    if (!load->dropped) {
        r->carrier->more(r);
        return;
    }
    load_free(load);
    if (r->gone && r->holds == 0)
        req_destroy(r);
}

/* False when no thread can be had. */
static bool load_start(struct mpx_req *r, const struct piece *p)
{
    struct filter_load *load = must_alloc(sizeof(*load));

    memset(load, 0, offsetof(struct filter_load, bytes));
    load->r = r;
    load->file = p->owner.file;
    load->off = p->off;
    load->n = p->n < sizeof(load->bytes) ? p->n : sizeof(load->bytes);
    load->job.work = load_work;
    load->job.done = load_done;
    load->job.arg = load;
    if (pool_submit(r->w->pool, &load->job) < 0) {
        free(load);
        return false;
    }
    load->file->uses++;
    r->holds++;
    r->filters->load = load;
    return true;
}

void filter_file_drop(struct mpx_req *r)
{
    struct filter_load *load = r->filters->load;

    r->filters->load = NULL;
    if (load == NULL)
        return;
    if (!load->is_done && !pool_cancel(r->w->pool, &load->job)) {
        load->dropped = true;
        return;
    }
    if (!load->is_done)
        r->holds--;
    load_free(load);
}

/* What a thread has read for the piece; NULL when it has read something else. */
static const struct filter_load *loaded(struct mpx_req *r, const struct piece *p)
{
    const struct filter_load *load = r->filters->load;
    off_t end = load != NULL && load->got > 0 ? load->off + (off_t)load->got : 0;

    if (load == NULL)
        return NULL;
    if (load->file == p->owner.file && load->off <= p->off &&
        (p->off < end || (load->got <= 0 && load->off == p->off)))
        return load;
    filter_file_drop(r);
    return NULL;
}

static int cannot_read(struct mpx_req *r, ssize_t got)
{
    req_log(r, MPX_WARN, "a file cannot be sent: %s",
            got < 0 ? strerror((int)-got) : "it became shorter meanwhile");
    return -1;
}

int filter_file_view(struct mpx_req *r, const struct piece *p, size_t n, struct mpx_str *view)
{
    if (r->filters->load != NULL && !r->filters->load->is_done)
        return 0;
    const struct filter_load *load = loaded(r, p);
    if (load != NULL) {
        if (load->got <= 0)
            return cannot_read(r, load->got);
        size_t skip = (size_t)(p->off - load->off);
        *view = str_head((struct mpx_str){ load->bytes + skip, (size_t)load->got - skip }, n);
        return 1;
    }
    n = n < WORKER_READ ? n : WORKER_READ;
    ssize_t got = file_read(p->owner.file->fd, r->w->read, n, p->off, false);
    if (got == -EAGAIN && load_start(r, p))
        return 0;
    if (got == -EAGAIN) /* no thread is to be had: slowly, but it comes */
        got = file_read(p->owner.file->fd, r->w->read, n, p->off, true);
    if (got <= 0)
        return cannot_read(r, got);
    *view = (struct mpx_str){ r->w->read, (size_t)got };
    return 1;
}
