/* SPDX-License-Identifier: MIT */
#include "guest.h"

#include <string.h>
#include <unistd.h>

enum { TICKETS = 1024, BODY_MAX = 8192 };

struct guest_observer guest_observer;

/* Waits under way, oldest first. */
static struct mpx_ticket *tickets[TICKETS];
static size_t ticket_first, ticket_count;

struct conf {
    bool closes; /* nothing: an option to be read */
};

struct slot {
    bool seen;
    size_t number;
};

static const struct mpx_option options[] = {
    { .name = "closes",
      .help = "has no effect",
      .type = MPX_T_BOOL,
      .offset = offsetof(struct conf, closes) },
    MPX_OPTION_END,
};

bool guest_wake(void)
{
    if (ticket_count == 0)
        return false;
    struct mpx_ticket *t = tickets[ticket_first];
    ticket_first = (ticket_first + 1) % TICKETS;
    ticket_count--;
    (void)mpx_wake(t);
    return true;
}

void guest_forget(void)
{
    while (guest_wake())
        ;
}

/* Waits until guest_wake. */
static enum mpx_rc pause_here(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    struct mpx_ticket *t;
    enum mpx_rc rc = mpx_wait_ticket(r, &t, 0, fn, state);

    if (ticket_count == TICKETS)
        (void)guest_wake();
    if (t != NULL)
        tickets[(ticket_first + ticket_count++) % TICKETS] = t;
    return rc;
}

static enum mpx_rc say(struct mpx_req *r, struct mpx_str text)
{
    (void)mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    (void)mpx_res_write(r, text);
    return mpx_res_end(r);
}

static enum mpx_rc say_ok(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return say(r, MPX_STR("ok"));
}

/* What was read, though it may lie in a file. */
static struct mpx_str whole_body(struct mpx_req *r)
{
    struct mpx_str body = mpx_req_body(r);
    int fd = mpx_body_fd(r);

    if (fd < 0)
        return body;
    char *bytes = mpx_alloc(mpx_req_arena(r), BODY_MAX);
    ssize_t n = pread(fd, bytes, BODY_MAX, 0);
    return (struct mpx_str){ bytes, n > 0 ? (size_t)n : 0 };
}

static enum mpx_rc say_body(struct mpx_req *r, const void *conf, struct mpx_str body)
{
    const struct slot *slot = mpx_req_slot(r, conf);

    guest_observer.body(slot->number, body);
    return say(r, body);
}

static enum mpx_rc echo(struct mpx_req *r, const void *conf, void *state)
{
    (void)state;
    return say_body(r, conf, whole_body(r));
}

/* A body in parts, put together again. */
struct parts {
    char bytes[BODY_MAX];
    size_t n;
    bool pauses, is_paused; /* between two of them */
};

static enum mpx_rc next_part(struct mpx_req *r, const void *conf, void *state)
{
    struct parts *p = state;
    struct mpx_str part;

    if (!mpx_body_part(r, &part))
        return say_body(r, conf, (struct mpx_str){ p->bytes, p->n });
    if (p->pauses && !p->is_paused) {
        p->is_paused = true;
        return pause_here(r, next_part, p);
    }
    p->is_paused = false;
    if (part.n <= sizeof(p->bytes) - p->n) { /* what is left out is found missing */
        memcpy(p->bytes + p->n, part.p, part.n);
        p->n += part.n;
    }
    return mpx_body_next(r, next_part, p);
}

static enum mpx_rc do_parts(struct mpx_req *r)
{
    return mpx_body_next(r, next_part, mpx_alloc(mpx_req_arena(r), sizeof(struct parts)));
}

static enum mpx_rc do_parts_slowly(struct mpx_req *r)
{
    struct parts *p = mpx_alloc(mpx_req_arena(r), sizeof(*p));

    p->pauses = true;
    return mpx_body_next(r, next_part, p);
}

/* Looks at the first part alone. */
static enum mpx_rc first_part(struct mpx_req *r, const void *conf, void *state)
{
    return say_ok(r, conf, state);
}

static enum mpx_rc do_first_part(struct mpx_req *r)
{
    return mpx_body_next(r, first_part, NULL);
}

static enum mpx_rc echo_later(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_read_body(r, 0, echo, state);
}

static enum mpx_rc do_echo(struct mpx_req *r)
{
    return mpx_read_body(r, 0, echo, NULL);
}

static enum mpx_rc do_echo_later(struct mpx_req *r)
{
    return pause_here(r, echo_later, NULL);
}

static enum mpx_rc do_little(struct mpx_req *r)
{
    return mpx_read_body(r, 16, echo, NULL);
}

static enum mpx_rc do_pause(struct mpx_req *r)
{
    return pause_here(r, say_ok, NULL);
}

static enum mpx_rc do_sleep(struct mpx_req *r)
{
    return mpx_sleep(r, 0, say_ok, NULL);
}

static enum mpx_rc do_ok(struct mpx_req *r)
{
    return say(r, MPX_STR("ok"));
}

static enum mpx_rc do_nothing(struct mpx_req *r)
{
    mpx_res_status(r, 204);
    return mpx_res_end(r);
}

static enum mpx_rc do_blob(struct mpx_req *r)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR("blob"));

    (void)mpx_res_header(r, "ETag", MPX_STR("\"b\""));
    (void)mpx_res_blob(r, b);
    (void)mpx_res_blob(r, b);
    mpx_blob_drop(b);
    return mpx_res_end(r);
}

/* Four pieces, each sent before the next: chunks, or until close. */
static enum mpx_rc piece(struct mpx_req *r, const void *conf, void *state)
{
    static const char text[] = "one two three four ";
    int *n = state;

    (void)conf;
    (void)mpx_res_write(r, (struct mpx_str){ text + 5 * *n, 5 });
    if (++*n == 3)
        return mpx_res_end(r);
    (void)mpx_res_flush(r);
    return pause_here(r, piece, n);
}

static enum mpx_rc do_pieces(struct mpx_req *r)
{
    return piece(r, NULL, mpx_alloc(mpx_req_arena(r), sizeof(int)));
}

static char pattern[GUEST_STREAM];

static enum mpx_rc stream(struct mpx_req *r, const void *conf, void *state)
{
    size_t *at = state;

    (void)conf;
    while (*at < sizeof(pattern)) {
        size_t n = sizeof(pattern) - *at < 9999 ? sizeof(pattern) - *at : 9999;
        int rc = mpx_res_write(r, (struct mpx_str){ pattern + *at, n });

        *at += n;
        if (rc < 0)
            return MPX_FAIL;
        if (rc > 0)
            return mpx_wait_drain(r, stream, at);
    }
    return mpx_res_end(r);
}

static enum mpx_rc do_stream(struct mpx_req *r)
{
    return stream(r, NULL, mpx_alloc(mpx_req_arena(r), sizeof(size_t)));
}

/* Promises more than it writes, or less, after it has begun. */
static enum mpx_rc short_end(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return mpx_res_end(r);
}

static enum mpx_rc do_short(struct mpx_req *r)
{
    (void)mpx_res_header(r, "Content-Length", MPX_STR("10"));
    (void)mpx_res_write(r, MPX_STR("short"));
    (void)mpx_res_flush(r);
    return pause_here(r, short_end, NULL);
}

static enum mpx_rc do_long(struct mpx_req *r)
{
    (void)mpx_res_header(r, "Content-Length", MPX_STR("2"));
    (void)mpx_res_write(r, MPX_STR("long"));
    return mpx_res_end(r);
}

static enum mpx_rc do_counted(struct mpx_req *r)
{
    (void)mpx_res_header(r, "Content-Length", MPX_STR("5"));
    (void)mpx_res_write(r, MPX_STR("cou"));
    (void)mpx_res_flush(r);
    (void)mpx_res_write(r, MPX_STR("nt"));
    return mpx_res_end(r);
}

/* Bytes of the client in places where they could split an answer. */
static enum mpx_rc do_reflect(struct mpx_req *r)
{
    (void)mpx_res_header(r, "X-Path", mpx_req_path(r));
    (void)mpx_res_header(r, "X-Query", mpx_req_query(r));
    (void)mpx_res_header_add(r, "Set-Cookie", mpx_req_line(r));
    return mpx_res_redirect(r, 302, mpx_req_query(r));
}

static enum mpx_rc do_refuse(struct mpx_req *r)
{
    return mpx_res_error(r, 403);
}

static enum mpx_rc do_fail(struct mpx_req *r)
{
    (void)r;
    return MPX_FAIL;
}

static enum mpx_rc do_wait_wrong(struct mpx_req *r)
{
    (void)r;
    return MPX_WAIT;
}

static enum mpx_rc fail_late(struct mpx_req *r, const void *conf, void *state)
{
    (void)r;
    (void)conf;
    (void)state;
    return MPX_FAIL;
}

static enum mpx_rc do_fail_late(struct mpx_req *r)
{
    (void)mpx_res_write(r, MPX_STR("begun"));
    (void)mpx_res_flush(r);
    return pause_here(r, fail_late, NULL);
}

static enum mpx_rc do_allow(struct mpx_req *r)
{
    mpx_req_allow(r, "PUT, DELETE");
    return MPX_NEXT;
}

static enum mpx_rc do_rewrite(struct mpx_req *r)
{
    if (mpx_req_rewrite(r, MPX_STR("/a/../ok"), MPX_STR("q")) < 0)
        return MPX_FAIL;
    return MPX_RESTART;
}

static void work(void *arg)
{
    *(int *)arg = 1;
}

static enum mpx_rc do_offload(struct mpx_req *r)
{
    int *done = mpx_alloc(mpx_req_arena(r), sizeof(*done));

    return mpx_offload(r, work, done, say_ok, done);
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_file *f;

    (void)conf;
    (void)state;
    if (mpx_open_result(r, &f) < 0)
        return mpx_res_error(r, 404);
    (void)mpx_res_write(r, MPX_STR("["));
    (void)mpx_res_file(r, f);
    (void)mpx_res_write(r, MPX_STR("]"));
    return mpx_res_end(r);
}

static enum mpx_rc do_file(struct mpx_req *r)
{
    return mpx_open(r, MPX_STR("small.txt"), MPX_OPEN_DESCRIPTOR, opened, NULL);
}

static const struct deed {
    const char *path;
    enum mpx_rc (*fn)(struct mpx_req *r);
    const char *body; /* of its 200; NULL: not known here */
} deeds[] = {
    { "/echo", do_echo, "" },
    { "/later", do_echo_later, "" },
    { "/parts", do_parts, "" },
    { "/slowly", do_parts_slowly, "" },
    { "/first", do_first_part, "ok" },
    { "/little", do_little, "" },
    { "/pause", do_pause, "ok" },
    { "/sleep", do_sleep, "ok" },
    { "/ok", do_ok, "ok" },
    { "/offload", do_offload, "ok" },
    { "/rewrite", do_rewrite, "ok" },
    { "/nothing", do_nothing, NULL },
    { "/blob", do_blob, "blobblob" },
    { "/pieces", do_pieces, "one two three f" },
    { "/stream", do_stream, NULL },
    { "/short", do_short, NULL },
    { "/long", do_long, NULL },
    { "/counted", do_counted, "count" },
    { "/reflect", do_reflect, NULL },
    { "/refuse", do_refuse, NULL },
    { "/fail", do_fail, NULL },
    { "/wrong", do_wait_wrong, NULL },
    { "/broken", do_fail_late, NULL },
    { "/allow", do_allow, NULL },
    { "/file", do_file, NULL },
};

static const struct deed *find(struct mpx_str path)
{
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (path.n == strlen(deeds[i].path) && memcmp(path.p, deeds[i].path, path.n) == 0)
            return &deeds[i];
    return NULL;
}

bool guest_expected(struct mpx_str path, struct mpx_str body, struct mpx_str *expected)
{
    const struct deed *d = find(path);

    if (d != NULL && d->fn == do_stream) {
        *expected = (struct mpx_str){ pattern, sizeof(pattern) };
        return true;
    }
    if (d == NULL || d->body == NULL)
        return false;
    *expected = d->body[0] != '\0' ? (struct mpx_str){ d->body, strlen(d->body) } : body;
    return true;
}

static enum mpx_rc route(struct mpx_req *r, const void *conf)
{
    struct slot *slot = mpx_req_slot(r, conf);

    if (!slot->seen)
        slot->number = guest_observer.begun(r);
    slot->seen = true;
    return MPX_NEXT;
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    const struct deed *d = find(mpx_req_path(r));

    (void)conf;
    return d != NULL ? d->fn(r) : MPX_NEXT;
}

static enum mpx_rc log_it(struct mpx_req *r, const void *conf)
{
    (void)conf;
    guest_observer.over(r);
    return MPX_NEXT;
}

static int open_conf(struct mpx_conf *c, void *conf)
{
    (void)c;
    (void)conf;
    for (size_t i = 0; i < sizeof(pattern); i++)
        pattern[i] = (char)('a' + i % 26);
    return 0;
}

MPX_MODULE(guest) = {
    MPX_HEADER(guest, "1.0"),
    .summary = "answers the fuzzer",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct slot),
    .open = open_conf,
    .on = { [MPX_PH_ROUTE] = route,
            [MPX_PH_CONTENT] = content,
            [MPX_PH_RESPONSE] = guest_filter,
            [MPX_PH_LOG] = log_it },
};
