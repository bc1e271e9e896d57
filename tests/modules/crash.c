/* SPDX-License-Identifier: MIT
   crash - brings its process down in every way that a module can, wherever it is told to: by the
   path of a request, or by its settings. */
#include <multiplexd/module.h>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct conf {
    struct mpx_str in_open;  /* a file: while it is there, open() crashes */
    struct mpx_str in_timer; /* the same for a timer */
    struct mpx_str in_watch;
    bool in_close;
    bool refuses; /* ACCESS answers 403 */
    int ends[2];  /* of a pipe that always has something to read, for the watch */
};

#define AT(member) offsetof(struct conf, member)

static const struct mpx_option options[] = {
    { .name = "in_open", .type = MPX_T_STRING, .offset = AT(in_open) },
    { .name = "in_timer", .type = MPX_T_STRING, .offset = AT(in_timer) },
    { .name = "in_watch", .type = MPX_T_STRING, .offset = AT(in_watch) },
    { .name = "in_close", .type = MPX_T_BOOL, .offset = AT(in_close) },
    { .name = "refuses", .type = MPX_T_BOOL, .offset = AT(refuses) },
    MPX_OPTION_END,
};

static volatile uintptr_t nowhere = 16;

static void fault(void)
{
    *(volatile int *)nowhere = 1;
}

static void trap(void)
{
    __builtin_trap();
}

static void divide(void)
{
    (void)raise(SIGFPE); /* not every processor minds a division by zero */
}

static void leave(void)
{
    _exit(7);
}

__attribute__((noinline)) static void smash(void)
{
    char small[16];
    volatile size_t n = 64;

    for (size_t i = 0; i < n; i++)
        ((volatile char *)small)[i] = 'x';
}

/* The thread alone; others go on. */
static void quit(void)
{
    pthread_exit(NULL);
}

static volatile bool never;

static void loop(void)
{
    while (!never)
        ;
}

static int depth(volatile char *from, int n)
{
    volatile char room[1024];

    room[0] = from[0];
    return never ? n : depth(room, n + 1) + room[0];
}

static void recurse(void)
{
    volatile char start[1] = { 0 };

    (void)depth(start, 0);
}

/* As the kernel does when there is no memory left; not the module's fault. */
static void vanish(void)
{
    (void)kill(getpid(), SIGKILL);
}

static void doze(void)
{
    const struct timespec t = { .tv_sec = 1, .tv_nsec = 300000000 };

    (void)nanosleep(&t, NULL);
}

static const struct {
    const char *name;
    void (*fn)(void);
} deeds[] = {
    { "fault", fault },   { "abort", abort }, { "trap", trap }, { "divide", divide },
    { "leave", leave },   { "smash", smash }, { "loop", loop }, { "recurse", recurse },
    { "vanish", vanish }, { "doze", doze },   { "quit", quit },
};

static void do_deed(struct mpx_str name)
{
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (mpx_str_eq(name, (struct mpx_str){ deeds[i].name, strlen(deeds[i].name) }))
            deeds[i].fn();
}

static void work(void *arg)
{
    do_deed(*(struct mpx_str *)arg);
}

static enum mpx_rc answer(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    (void)mpx_res_write(r, MPX_STR("alive\n"));
    return mpx_res_end(r);
}

static enum mpx_rc late(struct mpx_req *r, const void *conf, void *state)
{
    do_deed(*(struct mpx_str *)state);
    return answer(r, conf, state);
}

/* "/PLACE/DEED": whether this is the place; then what to do. */
static bool is_at(const struct mpx_req *r, const char *place, struct mpx_str *deed)
{
    struct mpx_str path = mpx_req_path(r);
    size_t n = strlen(place);

    if (path.n <= n + 2 || path.p[0] != '/' || memcmp(path.p + 1, place, n) != 0 ||
        path.p[n + 1] != '/')
        return false;
    *deed = (struct mpx_str){ path.p + n + 2, path.n - n - 2 };
    return true;
}

static void at(const struct mpx_req *r, const char *place)
{
    struct mpx_str deed;

    if (is_at(r, place, &deed))
        do_deed(deed);
}

static enum mpx_rc route(struct mpx_req *r, const void *conf)
{
    (void)conf;
    at(r, "route");
    return MPX_NEXT;
}

static enum mpx_rc access_(struct mpx_req *r, const void *conf)
{
    const struct conf *c = conf;

    at(r, "access");
    return c->refuses ? mpx_res_error(r, 403) : MPX_NEXT;
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str *deed = mpx_alloc(mpx_req_arena(r), sizeof(*deed));

    at(r, "content");
    if (is_at(r, "thread", deed))
        return mpx_offload(r, work, deed, answer, NULL);
    if (is_at(r, "later", deed))
        return mpx_sleep(r, 1, late, deed);
    if (is_at(r, "end", deed))
        *(struct mpx_str *)mpx_req_slot(r, conf) = *deed;
    return is_at(r, "static", deed) ? MPX_NEXT : answer(r, conf, NULL);
}

static int filter(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    do_deed(*(struct mpx_str *)mpx_filter_state(f));
    return mpx_filter_next(f, in, flags);
}

static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    const struct mpx_filter_ops ops = { .size = sizeof(ops), .name = "crash", .write = filter };
    struct mpx_str *deed = mpx_alloc(mpx_req_arena(r), sizeof(*deed));

    (void)conf;
    at(r, "response");
    if (is_at(r, "filter", deed))
        (void)mpx_filter_push(r, &ops, deed);
    return MPX_NEXT;
}

static enum mpx_rc log_it(struct mpx_req *r, const void *conf)
{
    (void)conf;
    at(r, "log");
    return MPX_NEXT;
}

static void req_end(struct mpx_req *r, void *slot)
{
    (void)r;
    do_deed(*(struct mpx_str *)slot);
}

static void on_timer(void *arg)
{
    const struct conf *c = arg;

    if (access(c->in_timer.p, F_OK) == 0)
        fault();
}

static void on_watch(int fd, short events, void *arg)
{
    const struct conf *c = arg;
    char byte;

    (void)events;
    (void)!read(fd, &byte, 1);
    (void)!write(c->ends[1], "x", 1);
    if (access(c->in_watch.p, F_OK) == 0)
        fault();
    (void)nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static int open_watch(struct mpx_conf *c, struct conf *own)
{
    if (pipe2(own->ends, O_CLOEXEC) < 0 || write(own->ends[1], "x", 1) != 1)
        return -1;
    return mpx_conf_watch(c, own->ends[0], POLLIN, on_watch, own) != NULL ? 0 : -1;
}

static int open_it(struct mpx_conf *c, void *conf)
{
    struct conf *own = conf;

    if (own->in_open.n > 0 && access(own->in_open.p, F_OK) == 0)
        fault();
    if (own->in_watch.n > 0 && open_watch(c, own) < 0)
        return -1;
    return own->in_timer.n > 0 ? mpx_every(c, 20, on_timer, own) : 0;
}

static void close_it(void *conf)
{
    const struct conf *own = conf;

    if (own->in_close)
        fault();
}

MPX_MODULE(crash) = {
    MPX_HEADER(crash, "1.0"),
    .summary = "brings its process down, for tests",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct mpx_str),
    .open = open_it,
    .close = close_it,
    .req_end = req_end,
    .on = { [MPX_PH_ROUTE] = route,
            [MPX_PH_ACCESS] = access_,
            [MPX_PH_CONTENT] = content,
            [MPX_PH_RESPONSE] = response,
            [MPX_PH_LOG] = log_it },
};
