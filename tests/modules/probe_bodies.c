/* SPDX-License-Identifier: MIT
   Reads bodies in every way that the API has: whole, in parts, at leisure, and not to the end. */
#include "probe.h"

#include <unistd.h>

/* What has been seen of a body. */
struct seen {
    uint64_t bytes, sum;
    unsigned parts;
    struct mpx_str part; /* as it was before a pause */
    uint64_t part_sum;
};

/* Other bytes, or the same in another order, have another sum. */
static uint64_t add_up(uint64_t sum, struct mpx_str bytes)
{
    for (size_t i = 0; i < bytes.n; i++)
        sum = (sum ^ (unsigned char)bytes.p[i]) * 1099511628211u;
    return sum;
}

static struct seen *begin(struct mpx_req *r)
{
    return mpx_alloc(mpx_req_arena(r), sizeof(struct seen));
}

static void note(struct seen *s, struct mpx_str part)
{
    s->bytes += part.n;
    s->sum = add_up(s->sum, part);
    s->parts++;
}

static enum mpx_rc report(struct mpx_req *r, const struct seen *s)
{
    return say(r, mpx_printf(mpx_req_arena(r), "bytes %llu sum %016llx",
                             (unsigned long long)s->bytes, (unsigned long long)s->sum));
}

/* ---- whole */

static enum mpx_rc echo_body(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return say(r, mpx_req_body(r));
}

static enum mpx_rc do_body(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 0, echo_body, NULL);
}

static enum mpx_rc do_body_small(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 16, echo_body, NULL);
}

/* The same with a second reader behind the first, who allows less. */
static enum mpx_rc read_again(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return mpx_read_body(r, 4, echo_body, NULL);
}

static enum mpx_rc do_body_twice(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 0, read_again, NULL);
}

static enum mpx_rc flushed_body(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    mpx_res_write(r, mpx_req_body(r));
    return mpx_res_end(r);
}

static enum mpx_rc then_read(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_read_body(r, 0, flushed_body, state);
}

/* The answer begins before the body is read. */
static enum mpx_rc do_flush_body(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_write(r, MPX_STR("early "));
    (void)mpx_res_flush(r);
    return mpx_sleep(r, 1, then_read, NULL);
}

/* Where it lies, and whether the file holds what the view shows; "file: different" must not be. */
static enum mpx_rc body_where(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str body = mpx_req_body(r);
    int fd = mpx_body_fd(r);
    uint64_t sum = 0, bytes = 0;
    char block[4096];
    ssize_t n;

    (void)conf;
    (void)state;
    while (fd >= 0 && (n = read(fd, block, sizeof(block))) > 0) {
        sum = add_up(sum, (struct mpx_str){ block, (size_t)n });
        bytes += (uint64_t)n;
    }
    uint64_t wanted = add_up(0, body);
    if (fd >= 0 && (sum != wanted || bytes != body.n))
        return say(r, MPX_STR("file: different"));
    return say(r, mpx_printf(mpx_req_arena(r), "%s: bytes %zu sum %016llx",
                             fd >= 0 ? "file" : "memory", body.n, (unsigned long long)wanted));
}

static enum mpx_rc do_body_where(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 0, body_where, NULL);
}

/* Reads the whole and then does nothing for a minute. */
static enum mpx_rc rest(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_sleep(r, 60000, body_where, state);
}

static enum mpx_rc do_body_hold(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 0, rest, NULL);
}

/* ---- in parts */

static enum mpx_rc part_came(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str part;

    (void)conf;
    if (!mpx_body_part(r, &part))
        return report(r, state);
    note(state, part);
    return mpx_body_next(r, part_came, state);
}

static enum mpx_rc do_parts(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_body_next(r, part_came, begin(r));
}

/* Into how many parts it was made. */
static enum mpx_rc count_part(struct mpx_req *r, const void *conf, void *state)
{
    struct seen *s = state;
    struct mpx_str part;

    (void)conf;
    if (!mpx_body_part(r, &part))
        return say(r, mpx_printf(mpx_req_arena(r), "parts %u", s->parts));
    note(s, part);
    return mpx_body_next(r, count_part, state);
}

static enum mpx_rc do_parts_count(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_body_next(r, count_part, begin(r));
}

/* Asks when some of it has long come. */
static enum mpx_rc late(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_body_next(r, part_came, state);
}

static enum mpx_rc do_parts_late(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_sleep(r, 5, late, begin(r));
}

static enum mpx_rc do_parts_after_whole(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_read_body(r, 0, late, begin(r));
}

/* Waits with each part in hand, and looks whether it is still the same. */
static enum mpx_rc slept(struct mpx_req *r, const void *conf, void *state);

static enum mpx_rc slow_part(struct mpx_req *r, const void *conf, void *state)
{
    struct seen *s = state;

    (void)conf;
    if (!mpx_body_part(r, &s->part))
        return report(r, s);
    s->part_sum = add_up(0, s->part);
    return mpx_sleep(r, 2, slept, s);
}

static enum mpx_rc slept(struct mpx_req *r, const void *conf, void *state)
{
    struct seen *s = state;
    struct mpx_str part;

    (void)conf;
    if (!mpx_body_part(r, &part) || part.n != s->part.n || add_up(0, part) != s->part_sum)
        return say(r, MPX_STR("the part has changed"));
    note(s, part);
    return mpx_body_next(r, slow_part, s);
}

static enum mpx_rc do_parts_slow(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_body_next(r, slow_part, begin(r));
}

/* Takes one part and does nothing for a minute. */
static enum mpx_rc hold(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_sleep(r, 60000, part_came, state);
}

static enum mpx_rc do_parts_hold(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_body_next(r, hold, begin(r));
}

/* Never asks. */
static enum mpx_rc do_parts_never(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_sleep(r, 60000, late, begin(r));
}

static enum mpx_rc stop(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str part;

    (void)conf;
    (void)state;
    return say(r, mpx_body_part(r, &part) ? MPX_STR("stopped") : MPX_STR("no body"));
}

static enum mpx_rc do_parts_stop(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_body_next(r, stop, NULL);
}

/* Sends back what it reads while it reads. */
static enum mpx_rc echo_part(struct mpx_req *r, const void *conf, void *state);

static enum mpx_rc echo_on(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_body_next(r, echo_part, state);
}

static enum mpx_rc echo_part(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str part;

    (void)conf;
    if (!mpx_body_part(r, &part))
        return mpx_res_end(r);
    int rc = mpx_res_write(r, part);
    if (rc < 0)
        return MPX_FAIL;
    return rc > 0 ? mpx_wait_drain(r, echo_on, state) : mpx_body_next(r, echo_part, state);
}

static enum mpx_rc do_parts_echo(struct mpx_req *r, const void *conf)
{
    mpx_res_header(r, "Content-Type", MPX_STR("application/octet-stream"));
    return echo_on(r, conf, NULL);
}

/* The header goes out before anything is read. */
static enum mpx_rc do_parts_flush(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_flush(r);
    return mpx_sleep(r, 5, echo_on, NULL);
}

/* What mpx_body_part says before anybody has asked. */
static enum mpx_rc do_parts_before(struct mpx_req *r, const void *conf)
{
    struct mpx_str part;
    bool more = mpx_body_part(r, &part);

    (void)conf;
    return say(r, mpx_printf(mpx_req_arena(r), "%s %zu", more ? "more" : "end", part.n));
}

const struct deed body_deeds[] = {
    { "/body", do_body },
    { "/body-small", do_body_small },
    { "/body-twice", do_body_twice },
    { "/flush-body", do_flush_body },
    { "/body-where", do_body_where },
    { "/body-hold", do_body_hold },
    { "/parts", do_parts },
    { "/parts-count", do_parts_count },
    { "/parts-late", do_parts_late },
    { "/parts-after-whole", do_parts_after_whole },
    { "/parts-slow", do_parts_slow },
    { "/parts-hold", do_parts_hold },
    { "/parts-never", do_parts_never },
    { "/parts-stop", do_parts_stop },
    { "/parts-echo", do_parts_echo },
    { "/parts-flush", do_parts_flush },
    { "/parts-before", do_parts_before },
    { NULL, NULL },
};
