/* SPDX-License-Identifier: MIT
   Jobs that block do it at a gate, a pipe: each byte in it lets one of them go on. */
#include "pool.h"

#include "aid.h"
#include "must.h"
#include "unit.h"

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct loop *l;
static struct pool *p;
static int gate[2];
static atomic_int begun, ended; /* jobs that work() was called for, and that came out of it */
static char worked[64], told[64];
static size_t told_count;

struct task {
    struct pool_job job;
    char letter;
    pid_t worked_by, told_by;
    int times;                     /* told so far */
    void (*then)(struct task *me); /* what done() does besides; may be NULL */
};

static void work(void *arg)
{
    struct task *t = arg;
    int at = atomic_fetch_add(&begun, 1);

    t->worked_by = gettid();
    if (at < (int)sizeof(worked) - 1)
        worked[at] = t->letter;
    atomic_fetch_add(&ended, 1);
}

static void work_at_gate(void *arg)
{
    struct task *t = arg;
    char byte;

    t->worked_by = gettid();
    atomic_fetch_add(&begun, 1);
    if (read(gate[0], &byte, 1) == 1)
        atomic_fetch_add(&ended, 1);
}

static void done(void *arg)
{
    struct task *t = arg;

    t->told_by = gettid();
    t->times++;
    if (told_count < sizeof(told) - 1)
        told[told_count++] = t->letter;
    if (t->then != NULL)
        t->then(t);
}

static struct task task(char letter, void (*fn)(void *arg))
{
    return (struct task){ .job = { .work = fn, .done = done }, .letter = letter };
}

static int submit(struct task *t)
{
    t->job.arg = t;
    return pool_submit(p, &t->job);
}

static void set_up(unsigned threads, unsigned queue)
{
    ck_assert_int_eq(pipe(gate), 0);
    l = loop_create();
    ck_assert_ptr_nonnull(l);
    p = pool_create(l, threads, queue);
    ck_assert_ptr_nonnull(p);
}

static void take_down(void)
{
    pool_destroy(p);
    loop_destroy(l);
    close(gate[0]);
    close(gate[1]);
}

static void open_gate(int times)
{
    for (int i = 0; i < times; i++)
        ck_assert_int_eq(write(gate[1], "x", 1), 1);
}

/* A number that is reached. */
struct mark {
    atomic_int *count;
    int n;
};

static bool is_reached(void *arg)
{
    const struct mark *m = arg;

    return atomic_load(m->count) >= m->n;
}

static void wait_begun(int n)
{
    ck_assert(aid_wait_until(is_reached, &(struct mark){ &begun, n }));
}

static void wait_ended(int n)
{
    ck_assert(aid_wait_until(is_reached, &(struct mark){ &ended, n }));
}

static bool are_told(void *arg)
{
    loop_turn(l, false);
    return told_count >= *(size_t *)arg;
}

static void wait_told(size_t n)
{
    ck_assert_msg(aid_wait_until(are_told, &n), "%zu of %zu were told", told_count, n);
}

static void turns(int n)
{
    for (int i = 0; i < n; i++)
        loop_turn(l, false);
}

static int thread_count(void)
{
    DIR *d = opendir("/proc/self/task");
    int n = -2; /* "." and ".." */

    ck_assert_ptr_nonnull(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}

START_TEST(work_runs_on_a_thread_and_done_on_the_loop)
{
    struct task a = task('a', work);

    set_up(1, 8);
    ck_assert_int_eq(submit(&a), 0);
    wait_ended(1);
    ck_assert_int_eq(a.times, 0); /* the loop did not turn yet */
    wait_told(1);
    ck_assert_int_ne(a.worked_by, gettid());
    ck_assert_int_eq(a.told_by, gettid());
    turns(3);
    ck_assert_int_eq(a.times, 1);
    take_down();
}
END_TEST

START_TEST(one_thread_works_in_the_order_of_submission)
{
    struct task first = task('0', work_at_gate), rest[5];

    set_up(1, 8);
    ck_assert_int_eq(submit(&first), 0);
    for (int i = 0; i < 5; i++) {
        rest[i] = task((char)('1' + i), work);
        ck_assert_int_eq(submit(&rest[i]), 0);
    }
    wait_begun(1);
    open_gate(1);
    wait_told(6);
    ck_assert_str_eq(worked + 1, "12345");
    ck_assert_str_eq(told, "012345");
    take_down();
}
END_TEST

START_TEST(a_full_queue_refuses_at_once)
{
    struct task running = task('r', work_at_gate), a = task('a', work), b = task('b', work);
    struct task refused = task('x', work);

    set_up(1, 2);
    ck_assert_int_eq(submit(&running), 0);
    wait_begun(1); /* what runs is not in the queue */
    ck_assert_int_eq(submit(&a), 0);
    ck_assert_int_eq(submit(&b), 0);
    ck_assert_int_eq(submit(&refused), -1);
    ck_assert(!pool_cancel(p, &refused.job));
    open_gate(1);
    wait_told(3);
    turns(3);
    ck_assert_str_eq(told, "rab");
    ck_assert_int_eq(submit(&refused), 0);
    wait_told(4);
    take_down();
}
END_TEST

START_TEST(a_job_that_waits_is_cancelled_and_the_submitters_again)
{
    struct task running = task('r', work_at_gate), a = task('a', work), *b = must_alloc(sizeof(*b));
    struct task c = task('c', work);

    set_up(1, 2);
    *b = task('b', work);
    ck_assert_int_eq(submit(&running), 0);
    wait_begun(1);
    ck_assert_int_eq(submit(&a), 0);
    ck_assert_int_eq(submit(b), 0);
    ck_assert(pool_cancel(p, &b->job));
    ck_assert(!pool_cancel(p, &b->job));
    free(b);
    ck_assert_int_eq(submit(&c), 0); /* its place is free as well */
    ck_assert(pool_cancel(p, &a.job));
    ck_assert_int_eq(submit(&a), 0);
    open_gate(1);
    wait_told(3);
    turns(3);
    ck_assert_str_eq(told, "rca");
    ck_assert_str_eq(worked + 1, "ca");
    take_down();
}
END_TEST

START_TEST(a_job_that_has_begun_is_told_though_it_was_cancelled)
{
    struct task a = task('a', work_at_gate);

    set_up(1, 2);
    ck_assert(!pool_cancel(p, &a.job)); /* not submitted at all */
    ck_assert_int_eq(submit(&a), 0);
    wait_begun(1);
    ck_assert(!pool_cancel(p, &a.job));
    open_gate(1);
    wait_ended(1);
    ck_assert(!pool_cancel(p, &a.job)); /* done() is about to be called */
    wait_told(1);
    ck_assert(!pool_cancel(p, &a.job));
    ck_assert_int_eq(a.times, 1);
    take_down();
}
END_TEST

static void go_on(struct task *me)
{
    if (me->letter == 'h')
        free(me);
    else if (me->times < 5)
        ck_assert_int_eq(submit(me), 0);
}

START_TEST(done_may_submit_its_job_again_or_free_it)
{
    struct task again = task('a', work), *heap = must_alloc(sizeof(*heap));

    set_up(2, 2);
    again.then = go_on;
    *heap = task('h', work);
    heap->then = go_on;
    ck_assert_int_eq(submit(&again), 0);
    ck_assert_int_eq(submit(heap), 0);
    wait_told(6);
    ck_assert_int_eq(again.times, 5);
    take_down();
}
END_TEST

static struct task waiting;

static void cancel_waiting(struct task *me)
{
    (void)me;
    ck_assert(pool_cancel(p, &waiting.job));
}

START_TEST(done_may_cancel_a_job_that_waits)
{
    struct task a = task('a', work_at_gate), b = task('b', work_at_gate);

    set_up(1, 4);
    waiting = task('w', work);
    a.then = cancel_waiting;
    ck_assert_int_eq(submit(&a), 0);
    ck_assert_int_eq(submit(&b), 0);
    ck_assert_int_eq(submit(&waiting), 0);
    open_gate(1);
    wait_told(1);
    open_gate(1);
    wait_told(2);
    turns(3);
    ck_assert_str_eq(told, "ab");
    ck_assert_int_eq(waiting.worked_by, 0);
    take_down();
}
END_TEST

START_TEST(threads_start_with_the_first_job_and_are_no_more_than_asked_for)
{
    struct task tasks[5];
    int before = thread_count();

    set_up(2, 8);
    ck_assert_int_eq(thread_count(), before);
    for (int i = 0; i < 5; i++) {
        tasks[i] = task((char)('1' + i), work_at_gate);
        ck_assert_int_eq(submit(&tasks[i]), 0);
    }
    wait_begun(2);
    ck_assert_int_eq(thread_count(), before + 2);
    open_gate(5);
    wait_told(5);
    ck_assert_int_eq(thread_count(), before + 2);
    take_down();
}
END_TEST

static sigset_t mask_of_thread;

static void work_on_mask(void *arg)
{
    (void)pthread_sigmask(SIG_BLOCK, NULL, &mask_of_thread);
    work(arg);
}

START_TEST(signals_are_left_to_the_loops_thread)
{
    static const int numbers[] = { SIGTERM, SIGINT, SIGCHLD, SIGUSR1, SIGPIPE };
    struct task a = task('a', work_on_mask);
    sigset_t mask;

    set_up(1, 1);
    ck_assert_int_eq(submit(&a), 0);
    wait_told(1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, NULL, &mask), 0);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        ck_assert_int_eq(sigismember(&mask_of_thread, numbers[i]), 1);
        ck_assert_int_eq(sigismember(&mask, numbers[i]), 0);
    }
    take_down();
}
END_TEST

static void work_a_while(void *arg)
{
    (void)arg;
    atomic_fetch_add(&begun, 1);
    aid_pause_ms(30);
    atomic_fetch_add(&ended, 1);
}

START_TEST(destroying_waits_for_what_runs_and_drops_what_waits)
{
    struct task running = task('r', work_a_while), queued[3];
    size_t before = aid_descriptors();

    set_up(1, 8);
    ck_assert_int_eq(submit(&running), 0);
    for (int i = 0; i < 3; i++) {
        queued[i] = task('q', work);
        ck_assert_int_eq(submit(&queued[i]), 0);
    }
    wait_begun(1);
    pool_destroy(p);
    ck_assert_int_eq(atomic_load(&ended), 1);
    ck_assert_int_eq(atomic_load(&begun), 1);
    turns(3);
    ck_assert_str_eq(told, "");
    p = NULL;
    take_down(); /* destroying none is harmless */
    ck_assert_uint_eq(aid_descriptors(), before);
}
END_TEST

START_TEST(what_is_finished_but_untold_is_dropped_at_the_end)
{
    struct task a = task('a', work), b = task('b', work);

    set_up(2, 8);
    ck_assert_int_eq(submit(&a), 0);
    ck_assert_int_eq(submit(&b), 0);
    wait_ended(2);
    take_down();
    ck_assert_str_eq(told, "");
}
END_TEST

enum { MANY = 20000, AT_A_TIME = 100 };

START_TEST(of_many_jobs_each_is_told_once)
{
    struct task *tasks = must_calloc(MANY * sizeof(*tasks));
    size_t refused = 0;

    set_up(4, AT_A_TIME);
    for (int i = 0; i < MANY; i++) {
        tasks[i] = task('.', work);
        while (submit(&tasks[i]) < 0) {
            refused++;
            loop_turn(l, false);
        }
    }
    for (int i = 0; i < MANY; i++)
        while (tasks[i].times == 0)
            loop_turn(l, true);
    turns(3);
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(tasks[i].times, 1);
    ck_assert_int_eq(atomic_load(&ended), MANY);
    ck_assert_uint_gt(refused, 0);
    take_down();
    free(tasks);
}
END_TEST

START_TEST(no_descriptor_left_is_an_error_with_a_cause)
{
    struct rlimit limit, none;

    aid_log_start();
    l = loop_create();
    ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
    none = limit;
    none.rlim_cur = 0;
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
    p = pool_create(l, 1, 1);
    ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
    ck_assert_ptr_null(p);
    ck_assert_msg(
        strstr(aid_log(), "error: cannot create the thread pool: Too many open files\n") != NULL,
        "%s", aid_log());
    loop_destroy(l);
}
END_TEST

/* Threads that start from now on want so much stack. */
static void want_stack(size_t bytes)
{
    pthread_attr_t a;

    ck_assert_int_eq(pthread_attr_init(&a), 0);
    ck_assert_int_eq(pthread_attr_setstacksize(&a, bytes), 0);
    ck_assert_int_eq(pthread_setattr_default_np(&a), 0);
    pthread_attr_destroy(&a);
}

START_TEST(without_any_thread_jobs_are_refused_and_with_one_they_are_not)
{
    struct task a = task('a', work), b = task('b', work);

    aid_log_start();
    set_up(2, 8);
    want_stack((size_t)1 << 50);
    ck_assert_int_eq(submit(&a), -1);
    ck_assert_msg(strstr(aid_log(), "error: cannot start a thread of the pool: ") != NULL, "%s",
                  aid_log());
    want_stack((size_t)1 << 20);
    ck_assert_int_eq(submit(&a), 0);
    wait_told(1);
    want_stack((size_t)1 << 50);
    ck_assert_int_eq(submit(&b), 0);
    wait_told(2);
    ck_assert_str_eq(told, "ab");
    take_down();
}
END_TEST

Suite *suite_pool(void)
{
    static const TTest **const tests[] = {
        &work_runs_on_a_thread_and_done_on_the_loop,
        &one_thread_works_in_the_order_of_submission,
        &a_full_queue_refuses_at_once,
        &a_job_that_waits_is_cancelled_and_the_submitters_again,
        &a_job_that_has_begun_is_told_though_it_was_cancelled,
        &done_may_submit_its_job_again_or_free_it,
        &done_may_cancel_a_job_that_waits,
        &threads_start_with_the_first_job_and_are_no_more_than_asked_for,
        &signals_are_left_to_the_loops_thread,
        &destroying_waits_for_what_runs_and_drops_what_waits,
        &what_is_finished_but_untold_is_dropped_at_the_end,
        &of_many_jobs_each_is_told_once,
        &no_descriptor_left_is_an_error_with_a_cause,
        &without_any_thread_jobs_are_refused_and_with_one_they_are_not,
        NULL,
    };

    return unit_suite("pool", tests);
}
