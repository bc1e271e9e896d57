/* SPDX-License-Identifier: MIT */
#include "users.h"

#include "home.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

enum {
    BUCKETS = 1024,
    FAILED_MS = 1000, /* how long a failure of the system is believed */
    TOLD_SLOTS = 64,  /* folders that are at fault and were logged */
    TOLD_MS = 60000
};

struct waiter {
    struct waiter *next;
    struct mpx_ticket *ticket;
};

struct user {
    struct user *next_in_bucket;
    struct user *newer, *older; /* in the list of its kind; waiting: who comes before, after */
    struct users *us;
    enum users_state state;
    bool is_sealed; /* NONE, but nobody is told before that tick */
    int64_t tick, known_ms;
    struct waiter *waiters;
    unsigned waiter_count;
    struct home_wanted wanted;
    struct home home;
    char name[];
};

struct users_list {
    struct user *newest, *oldest;
    unsigned count;
};

/* What all uses of the module share: who waits for a thread. */
struct queue {
    struct users_list waiting;
    unsigned running;
};

struct users {
    struct mpx_conf *c;
    const struct users_rules *rules;
    struct queue *queue;
    const char **subdirs;       /* NULL at the end */
    struct users_list known[2]; /* who has pages; who has none */
    int timer;                  /* set to the next tick while somebody is sealed */
    int64_t told_ms[TOLD_SLOTS], told_full_ms;
    struct user *buckets[BUCKETS];
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void list_add(struct users_list *list, struct user *u)
{
    u->newer = NULL;
    u->older = list->newest;
    *(u->older != NULL ? &u->older->newer : &list->oldest) = u;
    list->newest = u;
    list->count++;
}

static void list_remove(struct users_list *list, struct user *u)
{
    *(u->newer != NULL ? &u->newer->older : &list->newest) = u->older;
    *(u->older != NULL ? &u->older->newer : &list->oldest) = u->newer;
    list->count--;
}

static struct users_list *list_of(struct user *u)
{
    if (u->state == USERS_PENDING)
        return &u->us->queue->waiting;
    return &u->us->known[u->state == USERS_FOUND ? 0 : 1];
}

static uint32_t hash_of(struct mpx_str name)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < name.n; i++)
        h = (h ^ (unsigned char)name.p[i]) * 16777619u;
    return h;
}

static struct user **bucket(struct users *us, struct mpx_str name)
{
    struct user **link = &us->buckets[hash_of(name) % BUCKETS];

    while (*link != NULL &&
           (strlen((*link)->name) != name.n || memcmp((*link)->name, name.p, name.n) != 0))
        link = &(*link)->next_in_bucket;
    return link;
}

/* Whoever waited goes on, and asks again. */
static void wake(struct user *u)
{
    struct waiter *w;

    while ((w = u->waiters) != NULL) {
        u->waiters = w->next;
        (void)mpx_wake(w->ticket);
        free(w);
    }
    u->waiter_count = 0;
}

/* No longer known. No thread is at work for it. */
static void forget(struct user *u)
{
    struct user **link = bucket(u->us, (struct mpx_str){ u->name, strlen(u->name) });

    *link = u->next_in_bucket;
    list_remove(list_of(u), u);
    wake(u);
    home_finish(&u->home);
    free(u);
}

static void on_tick(int fd, short events, void *arg);

struct users *users_create(struct mpx_conf *c, const struct users_rules *rules)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    struct users *us = mpx_alloc(a, sizeof(*us));
    const struct mpx_str *subdirs = rules->subdirs.items;

    us->c = c;
    us->rules = rules;
    us->queue = mpx_keep(c, "queue", sizeof(*us->queue), NULL);
    us->subdirs = mpx_alloc(a, (rules->subdirs.count + 1) * sizeof(*us->subdirs));
    for (size_t i = 0; i < rules->subdirs.count; i++)
        us->subdirs[i] = mpx_printf(a, "%.*s", (int)subdirs[i].n, subdirs[i].p).p;
    us->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (us->timer >= 0 && mpx_conf_watch(c, us->timer, POLLIN, on_tick, us) != NULL)
        return us;
    mpx_log(c, MPX_ERROR, "cannot have a timer: %s", strerror(errno));
    if (us->timer >= 0)
        close(us->timer);
    return NULL;
}

void users_destroy(struct users *us)
{
    if (us != NULL)
        close(us->timer);
    for (size_t i = 0; us != NULL && i < BUCKETS; i++)
        while (us->buckets[i] != NULL)
            forget(us->buckets[i]);
}

static bool is_letter_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool users_is_name(struct mpx_str name)
{
    if (name.n == 0 || name.n > USERS_NAME_MAX || name.p[0] == '-' || name.p[0] == '.')
        return false;
    for (size_t i = 0; i < name.n; i++)
        if (!is_letter_or_digit(name.p[i]) && name.p[i] != '.' && name.p[i] != '_' &&
            name.p[i] != '-')
            return false;
    return true;
}

static bool holds(const struct mpx_list *list, struct mpx_str name)
{
    const struct mpx_str *names = list->items;

    for (size_t i = 0; i < list->count; i++)
        if (mpx_str_eq(names[i], name))
            return true;
    return false;
}

static bool is_allowed(const struct users_rules *rules, struct mpx_str name)
{
    return (rules->allow.count == 0 || holds(&rules->allow, name)) && !holds(&rules->deny, name);
}

/* Whether a minute has passed since that was told. */
static bool may_tell(int64_t *told_ms)
{
    int64_t now = now_ms();

    if (*told_ms != 0 && now - *told_ms < TOLD_MS)
        return false;
    *told_ms = now;
    return true;
}

/* What is wrong is the user's or the administrator's to mend: told, but not at each look. */
static void tell(struct user *u)
{
    struct users *us = u->us;
    const struct home *h = &u->home;
    struct mpx_str name = { u->name, strlen(u->name) };

    if (h->problem == HOME_FINE || !may_tell(&us->told_ms[hash_of(name) % TOLD_SLOTS]))
        return;
    if (h->problem == HOME_NO_ENTRY)
        mpx_log(us->c, MPX_WARN, "user \"%s\" has no pages: cannot enter \"%s\": %s%s", u->name,
                h->at_fault, strerror(h->error),
                h->error == EACCES ? ": give this server's user the right to search it and the "
                                     "folders above it"
                                   : "");
    else if (h->problem == HOME_OF_OTHER)
        mpx_log(us->c, MPX_WARN,
                "user \"%s\" has no pages: \"%s\" belongs to somebody else: give it to the user",
                u->name, h->at_fault);
    else
        mpx_log(us->c, MPX_WARN, "cannot look up user \"%s\": %s", u->name, strerror(h->error));
}

static enum users_state state_of(const struct home *h)
{
    if (h->problem == HOME_FAILED)
        return USERS_FAILED;
    return h->folder != NULL ? USERS_FOUND : USERS_NONE;
}

/* Sets the timer to the next tick of the clock, which is the same whoever is looked up. */
static void set_timer(struct users *us)
{
    const int64_t next = (now_ms() / USERS_TICK_MS + 1) * USERS_TICK_MS;
    const struct itimerspec at = { .it_value = { .tv_sec = next / 1000,
                                                 .tv_nsec = next % 1000 * 1000000 } };

    (void)timerfd_settime(us->timer, TFD_TIMER_ABSTIME, &at, NULL);
}

/* How long the database looks tells whether there is such a user, and what the disk does, too.
   So all who have no pages wait for the second tick since they were asked about, which comes
   when the look-up has long ended. */
static void on_tick(int fd, short events, void *arg)
{
    struct users *us = arg;
    const int64_t tick = now_ms() / USERS_TICK_MS;
    bool more = false;
    uint64_t n;

    (void)events;
    (void)!read(fd, &n, sizeof(n));
    for (struct user *u = us->known[1].newest; u != NULL; u = u->older) {
        if (!u->is_sealed)
            continue;
        u->is_sealed = u->tick > tick;
        more = more || u->is_sealed;
        if (!u->is_sealed)
            wake(u);
    }
    if (more)
        set_timer(us);
}

/* The answer is there: it is kept, and one that is older may have to go. */
static void conclude(struct user *u)
{
    u->state = state_of(&u->home);
    u->known_ms = now_ms();
    struct users_list *list = list_of(u);
    list_add(list, u);
    if (list->count > USERS_KNOWN_MAX)
        forget(list->oldest);
    u->is_sealed = u->state == USERS_NONE;
    if (u->is_sealed)
        set_timer(u->us);
    else
        wake(u);
}

static void look(void *arg)
{
    struct user *u = arg;

    home_look_up(&u->wanted, &u->home);
}

static void run_next(struct queue *q);

static void looked(void *arg)
{
    struct user *u = arg;
    struct queue *q = u->us->queue;

    q->running--;
    tell(u);
    conclude(u);
    run_next(q);
}

/* Gives threads to those who wait longest. */
static void run_next(struct queue *q)
{
    while (q->running < USERS_RUNNING_MAX && q->waiting.oldest != NULL) {
        struct user *u = q->waiting.oldest;

        list_remove(&q->waiting, u);
        if (mpx_background(u->us->c, look, u, looked) < 0) {
            u->home.problem = HOME_FAILED;
            u->home.error = EAGAIN; /* the queue of the threads is full */
            tell(u);
            conclude(u);
            continue;
        }
        q->running++;
    }
}

/* Has a name looked up; NULL when it cannot be, now. */
static struct user *begin(struct users *us, struct mpx_str name, struct user **link)
{
    if (us->queue->waiting.count >= USERS_WAITING_MAX) {
        if (may_tell(&us->told_full_ms))
            mpx_log(us->c, MPX_WARN, "%d users wait to be looked up: more are answered 503",
                    USERS_WAITING_MAX);
        return NULL;
    }
    struct user *u = calloc(1, sizeof(*u) + name.n + 1);
    if (u == NULL)
        return NULL;
    memcpy(u->name, name.p, name.n);
    u->us = us;
    u->tick = now_ms() / USERS_TICK_MS + 2;
    u->wanted = (struct home_wanted){ .name = u->name,
                                      .subdirs = us->subdirs,
                                      .min_uid = (uid_t)us->rules->min_uid,
                                      .nobody = USERS_NOBODY,
                                      .allowed = is_allowed(us->rules, name) };
    u->next_in_bucket = *link;
    *link = u;
    list_add(&us->queue->waiting, u);
    run_next(us->queue);
    return u;
}

enum users_state user_state(const struct user *u)
{
    return u->is_sealed ? USERS_PENDING : u->state;
}

static bool is_fresh(const struct user *u)
{
    int64_t believed = u->state == USERS_FAILED ? FAILED_MS : USERS_BELIEVED_MS;

    return user_state(u) == USERS_PENDING || now_ms() - u->known_ms < believed;
}

struct user *users_ask(struct users *us, struct mpx_str name)
{
    struct user **link = bucket(us, name);

    if (*link != NULL && is_fresh(*link))
        return *link;
    if (*link != NULL)
        forget(*link);
    return begin(us, name, bucket(us, name));
}

enum mpx_rc user_wait(struct user *u, struct mpx_req *r, int64_t ms, mpx_resume_fn fn)
{
    struct waiter *w = u->waiter_count < USERS_PER_NAME_MAX ? malloc(sizeof(*w)) : NULL;

    if (w == NULL)
        return MPX_FAIL;
    enum mpx_rc rc = mpx_wait_ticket(r, &w->ticket, ms, fn, NULL);
    w->next = u->waiters;
    u->waiters = w;
    u->waiter_count++;
    return rc;
}

struct mpx_str user_folder(const struct user *u, uid_t *uid)
{
    *uid = u->home.uid;
    return (struct mpx_str){ u->home.folder, strlen(u->home.folder) };
}
