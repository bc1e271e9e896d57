/* SPDX-License-Identifier: MIT
   probe - uses every helper of the module API as it should be used, one for each path, and
   counts what begins and ends. */
#include "probe.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct conf {
    struct mpx_str header;
    struct shared *shared;
};

/* Kept across configurations. */
struct shared {
    uint64_t requests, ended, ticks, background, conns_ended;
    struct mpx_ticket *ticket;
    int pipe[2];
    struct mpx_watch *watch;
    char seen[64];
};

static const struct mpx_option options[] = {
    { .name = "header",
      .help = "added to every response as X-Probe",
      .type = MPX_T_STRING,
      .offset = offsetof(struct conf, header) },
    MPX_OPTION_END,
};

static struct shared *shared(const void *conf)
{
    return ((const struct conf *)conf)->shared;
}

enum mpx_rc say(struct mpx_req *r, struct mpx_str text)
{
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, text);
    return mpx_res_end(r);
}

enum mpx_rc say_done(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return say(r, mpx_wait_expired(r) ? MPX_STR("expired") : MPX_STR("done"));
}

static enum mpx_rc do_sleep(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_sleep(r, 20, say_done, NULL);
}

static enum mpx_rc do_sleep_long(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_sleep(r, 60000, say_done, NULL);
}

static enum mpx_rc fd_ready(struct mpx_req *r, const void *conf, void *state)
{
    char text[16];
    ssize_t n = read(shared(conf)->pipe[0], text, sizeof(text));

    (void)state;
    if (mpx_wait_expired(r))
        return say(r, MPX_STR("expired"));
    return say(r, (struct mpx_str){ text, n > 0 ? (size_t)n : 0 });
}

static enum mpx_rc do_fd(struct mpx_req *r, const void *conf)
{
    return mpx_wait_fd(r, shared(conf)->pipe[0], POLLIN, 5000, fd_ready, NULL);
}

static enum mpx_rc do_fd_expire(struct mpx_req *r, const void *conf)
{
    return mpx_wait_fd(r, shared(conf)->pipe[0], POLLIN, 20, fd_ready, NULL);
}

static enum mpx_rc do_fd_write(struct mpx_req *r, const void *conf)
{
    ssize_t n = write(shared(conf)->pipe[1], "piped", 5);

    return say(r, n == 5 ? MPX_STR("written") : MPX_STR("failed"));
}

static enum mpx_rc do_ticket(struct mpx_req *r, const void *conf)
{
    return mpx_wait_ticket(r, &shared(conf)->ticket, 0, say_done, NULL);
}

static enum mpx_rc do_ticket_expire(struct mpx_req *r, const void *conf)
{
    return mpx_wait_ticket(r, &shared(conf)->ticket, 20, say_done, NULL);
}

static enum mpx_rc do_wake(struct mpx_req *r, const void *conf)
{
    struct mpx_ticket *t = shared(conf)->ticket;

    shared(conf)->ticket = NULL;
    return say(r, mpx_wake(t) ? MPX_STR("woken") : MPX_STR("nobody"));
}

/* Wakes itself before it has answered WAIT. */
static enum mpx_rc do_wake_self(struct mpx_req *r, const void *conf)
{
    struct mpx_ticket *t;
    enum mpx_rc rc = mpx_wait_ticket(r, &t, 0, say_done, NULL);

    (void)conf;
    (void)mpx_wake(t);
    return rc;
}

static enum mpx_rc slow_work_done(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return say(r, mpx_printf(mpx_req_arena(r), "%d", *(int *)state));
}

static void work(void *arg)
{
    const struct timespec t = { .tv_nsec = 20000000 };

    nanosleep(&t, NULL);
    *(int *)arg = 42;
}

static enum mpx_rc do_offload(struct mpx_req *r, const void *conf)
{
    int *answer = mpx_alloc(mpx_req_arena(r), sizeof(*answer));

    (void)conf;
    return mpx_offload(r, work, answer, slow_work_done, answer);
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_file *f;
    int rc = mpx_open_result(r, &f);

    (void)conf;
    (void)state;
    if (rc < 0)
        return say(r, mpx_printf(mpx_req_arena(r), "error %d", -rc));
    mpx_res_header(r, "X-Descriptor", mpx_file_fd(f) >= 0 ? MPX_STR("yes") : MPX_STR("no"));
    mpx_res_file(r, f);
    return mpx_res_end(r);
}

static enum mpx_rc do_open(struct mpx_req *r, const void *conf)
{
    struct mpx_str name = mpx_req_query(r);

    (void)conf;
    return mpx_open(r, name, 0, opened, NULL);
}

static enum mpx_rc do_open_fd(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_open(r, mpx_req_query(r), MPX_OPEN_DESCRIPTOR, opened, NULL);
}

static enum mpx_rc do_open_directory(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_open(r, mpx_req_query(r), MPX_OPEN_DIRECTORY, opened, NULL);
}

/* A watch is called until it has seen three bytes; a sleep beside it would end the wait. */
static enum mpx_rc watch_fired(struct mpx_req *r, const void *conf, void *state)
{
    struct shared *s = shared(conf);
    size_t n = strlen(s->seen);

    (void)state;
    if (read(s->pipe[0], s->seen + n, 1) == 1)
        s->seen[n + 1] = '\0';
    return strlen(s->seen) < 3 ? MPX_WAIT : say(r, (struct mpx_str){ s->seen, strlen(s->seen) });
}

static enum mpx_rc do_watch(struct mpx_req *r, const void *conf)
{
    shared(conf)->seen[0] = '\0';
    if (mpx_req_watch(r, shared(conf)->pipe[0], POLLIN, watch_fired, NULL) == NULL)
        return MPX_FAIL;
    return MPX_WAIT;
}

static enum mpx_rc do_watch_expire(struct mpx_req *r, const void *conf)
{
    shared(conf)->seen[0] = '\0';
    if (mpx_req_watch(r, shared(conf)->pipe[0], POLLIN, watch_fired, NULL) == NULL)
        return MPX_FAIL;
    return mpx_sleep(r, 20, say_done, NULL);
}

/* Resumes many times without waiting for anything. */
static enum mpx_rc again(struct mpx_req *r, const void *conf, void *state)
{
    int *left = state;

    (void)conf;
    if (--*left == 0)
        return say(r, MPX_STR("done"));
    return mpx_wait_drain(r, again, left);
}

static enum mpx_rc do_busy(struct mpx_req *r, const void *conf)
{
    int *left = mpx_alloc(mpx_req_arena(r), sizeof(*left));

    (void)conf;
    *left = 1000;
    return mpx_wait_drain(r, again, left);
}

static enum mpx_rc do_expand(struct mpx_req *r, const void *conf)
{
    struct mpx_str out;

    (void)conf;
    if (mpx_expand(r, mpx_req_query(r), &out) < 0)
        return mpx_res_error(r, 500);
    return say(r, out);
}

static enum mpx_rc do_counts(struct mpx_req *r, const void *conf)
{
    const struct shared *s = shared(conf);

    return say(r,
               mpx_printf(mpx_req_arena(r), "requests %llu ended %llu ticks %llu background %llu",
                          (unsigned long long)s->requests, (unsigned long long)s->ended,
                          (unsigned long long)s->ticks, (unsigned long long)s->background));
}

static enum mpx_rc do_rewrite(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (mpx_req_rewrite(r, MPX_STR("//x/../expand"), MPX_STR("$path")) < 0)
        return MPX_FAIL;
    return MPX_RESTART;
}

static enum mpx_rc do_request(struct mpx_req *r, const void *conf)
{
    struct mpx_str p = mpx_req_prefix(r), rest = mpx_req_rest(r), l = mpx_req_location(r),
                   h = mpx_req_host(r), v = mpx_req_vhost(r);

    (void)conf;
    return say(r,
               mpx_printf(mpx_req_arena(r),
                          "prefix=%.*s rest=%.*s location=%.*s host=%.*s vhost=%.*s", (int)p.n, p.p,
                          (int)rest.n, rest.p, (int)l.n, l.p, (int)h.n, h.p, (int)v.n, v.p));
}

static enum mpx_rc do_refuse(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_res_error(r, 403);
}

static const struct deed deeds[] = {
    { "/sleep", do_sleep },
    { "/sleep-long", do_sleep_long },
    { "/fd", do_fd },
    { "/fd-expire", do_fd_expire },
    { "/fd-write", do_fd_write },
    { "/ticket", do_ticket },
    { "/ticket-expire", do_ticket_expire },
    { "/wake", do_wake },
    { "/wake-self", do_wake_self },
    { "/offload", do_offload },
    { "/open", do_open },
    { "/open-fd", do_open_fd },
    { "/open-directory", do_open_directory },
    { "/watch", do_watch },
    { "/watch-expire", do_watch_expire },
    { "/busy", do_busy },
    { "/expand", do_expand },
    { "/counts", do_counts },
    { "/rewrite", do_rewrite },
    { "/refused", do_refuse },
    { NULL, NULL },
};

static mpx_hook_fn find_in(const struct deed *d, struct mpx_str path)
{
    while (d->path != NULL && !mpx_str_eq(path, (struct mpx_str){ d->path, strlen(d->path) }))
        d++;
    return d->fn;
}

static mpx_hook_fn find(struct mpx_str path)
{
    const struct deed *const tables[] = { deeds, answer_deeds, body_deeds };

    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        if (find_in(tables[i], path) != NULL)
            return find_in(tables[i], path);
    if (path.n >= 7 && memcmp(path.p, "/range/", 7) == 0)
        return probe_range;
    if (path.n >= 8 && memcmp(path.p, "/request", 8) == 0)
        return do_request;
    /* in directories, too: what follows the last slash */
    while (path.n > 1 && memchr(path.p + 1, '/', path.n - 1) != NULL)
        path = (struct mpx_str){ path.p + 1, path.n - 1 };
    return find_in(body_deeds, path);
}

static enum mpx_rc access_hook(struct mpx_req *r, const void *conf)
{
    bool *slot = mpx_req_slot(r, conf);

    if (!*slot)
        shared(conf)->requests++;
    *slot = true;
    return mpx_str_eq(mpx_req_path(r), MPX_STR("/granted")) ? MPX_GRANT : MPX_NEXT;
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    mpx_hook_fn fn = find(mpx_req_path(r));

    if (mpx_req_conn(r) != NULL)
        *(struct shared **)mpx_conn_slot(mpx_req_conn(r), conf) = shared(conf);
    return fn != NULL ? fn(r, conf) : MPX_NEXT;
}

static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    const struct conf *c = conf;

    if (c->header.n > 0)
        mpx_res_header(r, "X-Probe", c->header);
    probe_filter(r);
    return MPX_NEXT;
}

static void req_end(struct mpx_req *r, void *slot)
{
    const struct conf *c = mpx_req_conf(r, "probe");

    (void)slot;
    if (c != NULL)
        c->shared->ended++;
}

static void conn_end(struct mpx_conn *k, void *slot)
{
    (void)k;
    (*(struct shared **)slot)->conns_ended++; /* kept: the conf may be gone by now */
}

static void tick(void *arg)
{
    ((struct shared *)arg)->ticks++;
}

static void background_work(void *arg)
{
    (void)arg;
}

static void background_done(void *arg)
{
    ((struct shared *)arg)->background++;
}

static void shared_end(void *block)
{
    struct shared *s = block;

    close(s->pipe[0]);
    close(s->pipe[1]);
}

static int variable(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    if (!mpx_str_eq(name, MPX_STR("path")))
        return -1;
    *value = mpx_req_path(r);
    return 0;
}

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    struct shared *s = mpx_keep(c, "shared", sizeof(*s), shared_end);

    conf->shared = s;
    if (s->pipe[1] == 0) {
        if (pipe2(s->pipe, O_NONBLOCK | O_CLOEXEC) < 0)
            return mpx_conf_error(c, "", "no pipe: %s", strerror(errno));
        mpx_every(c, 10, tick, s);
        mpx_background(c, background_work, s, background_done);
    }
    return 0;
}

static const struct mpx_variable variables[] = { { "probe", variable }, { NULL, NULL } };

MPX_MODULE(probe) = {
    MPX_HEADER(probe, "1.0"),
    .summary = "uses every helper of the module API, for tests",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(bool),
    .conn_size = sizeof(void *),
    .open = open_conf,
    .variables = variables,
    .on = { [MPX_PH_ACCESS] = access_hook,
            [MPX_PH_CONTENT] = content,
            [MPX_PH_RESPONSE] = response },
    .req_end = req_end,
    .conn_end = conn_end,
};
