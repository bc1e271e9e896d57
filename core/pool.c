/* SPDX-License-Identifier: MIT */
#include "pool.h"

#include "crash.h"
#include "log.h"
#include "must.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct pool {
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct list queued, finished;
    unsigned queue_length, queue_max;
    unsigned threads_wanted, threads_started;
    struct pool_thread {
        struct pool *p;
        pthread_t thread;
        unsigned slot; /* in the blame; 0: none */
    } * threads;
    struct blame *blame; /* or NULL */
    struct loop_event event;
    int eventfd;
    bool stopping;
};

static void tell_loop(struct pool *p)
{
    uint64_t one = 1;

    while (write(p->eventfd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

static void work(const struct pool_thread *t, struct pool_job *job)
{
    if (t->slot != 0)
        blame_work_put(t->p->blame, t->slot, job->by);
    job->work(job->arg);
    if (t->slot != 0)
        blame_work_put(t->p->blame, t->slot, (struct blame_work){ 0, 0 });
}

static void *thread_main(void *arg)
{
    const struct pool_thread *t = arg;
    struct pool *p = t->p;

    crash_begin_thread(t->slot != 0 ? t->slot : BLAME_THREADS);
    pthread_mutex_lock(&p->lock);
    for (;;) {
        while (!p->stopping && list_is_empty(&p->queued))
            pthread_cond_wait(&p->wake, &p->lock);
        if (p->stopping)
            break;
        struct pool_job *job = CONTAINER_OF(list_pop(&p->queued), struct pool_job, link);
        p->queue_length--;
        job->state = POOL_RUNNING;
        pthread_mutex_unlock(&p->lock);
        work(t, job);
        pthread_mutex_lock(&p->lock);
        bool first = list_is_empty(&p->finished);
        list_push(&p->finished, &job->link);
        if (first)
            tell_loop(p);
    }
    pthread_mutex_unlock(&p->lock);
    crash_end_thread();
    return NULL;
}

static struct pool_job *next_finished(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    struct link *k = list_pop(&p->finished);
    struct pool_job *job = k != NULL ? CONTAINER_OF(k, struct pool_job, link) : NULL;
    if (job != NULL)
        job->state = POOL_IDLE;
    pthread_mutex_unlock(&p->lock);
    return job;
}

static void on_finished(int fd, short what, void *arg)
{
    struct pool *p = arg;
    struct pool_job *job;
    uint64_t count;

    (void)what;
    while (read(fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
    while ((job = next_finished(p)) != NULL)
        job->done(job->arg);
}

struct pool *pool_create(struct loop *l, unsigned threads, unsigned queue)
{
    struct pool *p = must_calloc(sizeof(*p));

    p->threads_wanted = threads;
    p->queue_max = queue;
    list_init(&p->queued);
    list_init(&p->finished);
    p->eventfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->eventfd < 0 ||
        loop_watch(l, &p->event, p->eventfd, LOOP_READ | LOOP_REPEAT, 0, on_finished, p) < 0) {
        log_error("cannot create the thread pool: %s", strerror(errno));
        if (p->eventfd >= 0)
            close(p->eventfd);
        free(p);
        return NULL;
    }
    p->threads = must_calloc(threads * sizeof(*p->threads));
    MUST(pthread_mutex_init(&p->lock, NULL) == 0);
    MUST(pthread_cond_init(&p->wake, NULL) == 0);
    return p;
}

void pool_set_blame(struct pool *p, struct blame *b)
{
    p->blame = b;
}

void pool_destroy(struct pool *p)
{
    if (p == NULL)
        return;
    pthread_mutex_lock(&p->lock);
    p->stopping = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (unsigned i = 0; i < p->threads_started; i++)
        pthread_join(p->threads[i].thread, NULL);
    loop_end(&p->event);
    close(p->eventfd);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    free(p->threads);
    free(p);
}

/* Signals are the loop thread's business: threads start with all of them blocked, but those that
   they bring about themselves. */
static int start_thread(struct pool *p)
{
    struct pool_thread *t = &p->threads[p->threads_started];
    sigset_t all, before;

    t->p = p;
    t->slot =
        p->blame != NULL && p->threads_started + 1 < BLAME_THREADS ? p->threads_started + 1 : 0;
    sigfillset(&all);
    crash_unblock(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&t->thread, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (rc == 0)
        p->threads_started++;
    else
        log_error("cannot start a thread of the pool: %s", strerror(rc));
    return rc == 0 ? 0 : -1;
}

int pool_submit(struct pool *p, struct pool_job *job)
{
    int rc = -1;

    if (p->threads_started < p->threads_wanted && start_thread(p) < 0 && p->threads_started == 0)
        return -1;
    pthread_mutex_lock(&p->lock);
    if (p->queue_length < p->queue_max) {
        p->queue_length++;
        job->state = POOL_QUEUED;
        list_push(&p->queued, &job->link);
        pthread_cond_signal(&p->wake);
        rc = 0;
    }
    pthread_mutex_unlock(&p->lock);
    return rc;
}

bool pool_cancel(struct pool *p, struct pool_job *job)
{
    pthread_mutex_lock(&p->lock);
    bool queued = job->state == POOL_QUEUED;
    if (queued) {
        list_remove(&job->link);
        p->queue_length--;
        job->state = POOL_IDLE;
    }
    pthread_mutex_unlock(&p->lock);
    return queued;
}
