/* SPDX-License-Identifier: MIT
   The waits of wait.h that a thread works for. */
#include "str.h"
#include "uri.h"
#include "wait.h"

#include <errno.h>

/* Work on a thread for a request. Its memory is the request's, which lives until it is done. */
struct wait_job {
    struct pool_job job;
    struct mpx_req *r;
    bool cancelled; /* nobody waits for it any more */
    bool is_open;
    struct file_open open;
    void (*work)(void *arg);
    void *arg;
};

/* A job has ended. Whoever asked may be gone: then only the memory is given back. */
static void on_job_done(void *arg)
{
    struct wait_job *j = arg;
    struct mpx_req *r = j->r;
    bool wanted = !j->cancelled;

    worker_update_clock(r->w);
    if (j->is_open) {
        struct mpx_file *file = NULL;
        int rc = file_open_finish(&j->open, r->w->now_ms, wanted ? &file : NULL);

        if (wanted) {
            r->open_rc = rc;
            r->open_file = file;
        }
    }
    r->holds--;
    if (wanted) {
        r->wait.job = NULL;
        r->spare_job = j;
        wait_ready(r, j->is_open ? WAIT_OPEN : WAIT_OFFLOAD);
    } else if (r->gone && r->holds == 0) {
        req_destroy(r);
    }
}

/* The memory of a job that is over serves the next one. */
static struct wait_job *job_new(struct mpx_req *r)
{
    struct wait_job *j = r->spare_job;

    r->spare_job = NULL;
    if (j == NULL)
        j = arena_take(&r->arena, sizeof(*j));
    *j = (struct wait_job){ .r = r };
    return j;
}

/* Gives a job to the pool; what the hook is to answer. A full queue is 503, not an error of
   anyone. */
static enum mpx_rc submit(struct mpx_req *r, struct wait_job *j)
{
    j->job.done = on_job_done;
    if (pool_submit(r->w->pool, &j->job) < 0) {
        if (j->is_open)
            (void)file_open_finish(&j->open, r->w->now_ms, NULL);
        wait_cancel(r);
        req_log(r, MPX_WARN, "the queue of the thread pool is full: answered 503");
        r->fail_status = 503;
        return MPX_FAIL;
    }
    r->holds++;
    r->wait.job = j;
    return MPX_WAIT;
}

static void drop_file(void *file)
{
    file_drop(file);
}

static void work_open(void *arg)
{
    struct wait_job *j = arg;

    file_open_work(&j->open);
}

/* Whether rel can only lead down: no "..", no NUL, no slash at its start. */
static bool is_relative(struct mpx_str rel)
{
    if (str_find(rel, '\0') < rel.n || (rel.n > 0 && rel.p[0] == '/'))
        return false;
    while (rel.n > 0) {
        struct mpx_str step = str_head(rel, str_find(rel, '/'));

        if (str_is(step, ".."))
            return false;
        rel = str_from(rel, step.n + 1);
    }
    return true;
}

/* Opens rel beneath d, which may be NULL; one that cannot be opened at all is told as error. */
static enum mpx_rc open_beneath(struct mpx_req *r, const struct directory *d, struct mpx_str rel,
                                unsigned flags, int error)
{
    struct file_open open = { .files = r->w->files, .flags = flags & ~(unsigned)FILE_OWNED };

    if (r->open_file != NULL) { /* the one before lives as long as the request, too */
        arena_defer(&r->arena, drop_file, r->open_file);
        r->open_file = NULL;
    }
    r->open_rc = error != 0 ? error : -ENOENT;
    if (d == NULL || d->root.n == 0 || error != 0) {
        wait_ready(r, WAIT_OPEN);
        return MPX_WAIT;
    }
    open.root = d->root.p;
    if (d->is_owned) {
        open.flags |= FILE_OWNED;
        open.owner = d->owner;
    }
    open.rel = arena_copyz(&r->arena, rel);
    if (d->base.n > 0)
        open.rel = arena_printf(&r->arena, "%.*s%.*s", STR_ARGS(d->base), STR_ARGS(rel)).p;
    if (file_open_now(&open, r->w->now_ms, &r->open_file, &r->open_rc) == 1) {
        wait_ready(r, WAIT_OPEN);
        return MPX_WAIT;
    }
    struct wait_job *j = job_new(r);
    j->is_open = true;
    j->open = open;
    j->job.work = work_open;
    j->job.arg = j;
    return submit(r, j);
}

enum mpx_rc wait_open(struct mpx_req *r, struct mpx_str rel, unsigned flags, mpx_resume_fn fn,
                      void *state)
{
    if (wait_begin(r, WAIT_OPEN, fn, state) == NULL)
        return MPX_FAIL;
    return open_beneath(r, r->directory, rel, flags, is_relative(rel) ? 0 : -EXDEV);
}

enum mpx_rc wait_open_path(struct mpx_req *r, struct mpx_str path, unsigned flags, mpx_resume_fn fn,
                           void *state)
{
    char *normal = arena_take(&r->arena, path.n + 1);
    size_t n;

    if (wait_begin(r, WAIT_OPEN, fn, state) == NULL)
        return MPX_FAIL;
    if (uri_normal_decoded(path, normal, &n) != 0)
        return open_beneath(r, NULL, path, flags, -EINVAL);
    if (normal[n - 1] == '/') {
        flags |= MPX_OPEN_DIRECTORY;
        n--;
    }
    const struct directory *d = req_directory_of(r, (struct mpx_str){ normal, n });
    struct mpx_str rel = str_from((struct mpx_str){ normal, n }, d->path.n);
    while (rel.n > 0 && rel.p[0] == '/')
        rel = str_from(rel, 1);
    return open_beneath(r, d, rel, flags, 0);
}

static void work_offload(void *arg)
{
    struct wait_job *j = arg;

    j->work(j->arg);
}

enum mpx_rc wait_offload(struct mpx_req *r, void (*work)(void *arg), void *arg, mpx_resume_fn fn,
                         void *state)
{
    if (wait_begin(r, WAIT_OFFLOAD, fn, state) == NULL)
        return MPX_FAIL;
    struct wait_job *j = job_new(r);
    j->work = work;
    j->arg = arg;
    j->job.by = blame_work(r->w->blame);
    j->job.work = work_offload;
    j->job.arg = j;
    return submit(r, j);
}

void wait_cancel_job(struct mpx_req *r)
{
    struct wait_job *j = r->wait.job;

    j->cancelled = true;
    if (!pool_cancel(r->w->pool, &j->job))
        return;
    if (j->is_open)
        (void)file_open_finish(&j->open, r->w->now_ms, NULL);
    r->holds--;
}
