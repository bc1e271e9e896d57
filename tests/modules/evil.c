/* SPDX-License-Identifier: MIT
   evil - breaks one rule of the module API for each path. What the server makes of it is in
   tests/unit/test_misuse.c. */
#include "evil.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static enum mpx_rc end_now(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    mpx_res_write(r, MPX_STR("late"));
    return mpx_res_end(r);
}

static enum mpx_rc wait_without_helper(struct mpx_req *r)
{
    (void)r;
    return MPX_WAIT;
}

static enum mpx_rc helper_without_wait(struct mpx_req *r)
{
    (void)mpx_sleep(r, 5, end_now, NULL);
    return MPX_NEXT;
}

static enum mpx_rc helper_and_done(struct mpx_req *r)
{
    (void)mpx_sleep(r, 5, end_now, NULL);
    return mpx_res_end(r);
}

static enum mpx_rc two_helpers(struct mpx_req *r)
{
    (void)mpx_sleep(r, 5, end_now, NULL);
    return mpx_sleep(r, 5, end_now, NULL);
}

static enum mpx_rc watch_without_wait(struct mpx_req *r)
{
    static int pipes[2];

    if (pipes[1] == 0 && pipe2(pipes, O_CLOEXEC) < 0)
        return MPX_FAIL;
    (void)mpx_req_watch(r, pipes[0], POLLIN, end_now, NULL);
    return MPX_NEXT;
}

/* A watch that fires at once: a pipe can always be written to. */
static enum mpx_rc watch_and_wait(struct mpx_req *r, mpx_resume_fn fn)
{
    static int pipes[2];

    if (pipes[1] == 0 && pipe2(pipes, O_CLOEXEC) < 0)
        return MPX_FAIL;
    return mpx_req_watch(r, pipes[1], POLLOUT, fn, NULL) != NULL ? MPX_WAIT : MPX_FAIL;
}

static enum mpx_rc end_and_wait(struct mpx_req *r, const void *conf, void *state)
{
    (void)end_now(r, conf, state);
    return MPX_WAIT;
}

static enum mpx_rc watch_ends_and_waits(struct mpx_req *r)
{
    return watch_and_wait(r, end_and_wait);
}

static enum mpx_rc overrun_and_wait(struct mpx_req *r, const void *conf, void *state)
{
    static char block[65536];

    (void)conf;
    (void)state;
    for (int i = 0; i < 64; i++)
        (void)mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });
    return MPX_WAIT;
}

static enum mpx_rc watch_overruns_and_waits(struct mpx_req *r)
{
    return watch_and_wait(r, overrun_and_wait);
}

static enum mpx_rc flush_and_next(struct mpx_req *r)
{
    (void)mpx_res_flush(r);
    return MPX_NEXT;
}

/* One request waits; another writes into it. */
static struct {
    struct mpx_req *r;
    struct mpx_ticket *ticket;
} held;

static enum mpx_rc hold(struct mpx_req *r)
{
    held.r = r;
    mpx_res_write(r, MPX_STR("first "));
    (void)mpx_res_flush(r);
    return mpx_wait_ticket(r, &held.ticket, 0, end_now, NULL);
}

static enum mpx_rc write_to_held(struct mpx_req *r)
{
    int refused = mpx_res_write(held.r, MPX_STR("raw")) < 0;

    refused += mpx_res_flush(held.r) < 0;
    refused += mpx_res_end(held.r) == MPX_FAIL;
    (void)mpx_wake(held.ticket);
    mpx_res_write(r, refused == 3 ? MPX_STR("all refused") : MPX_STR("some passed"));
    return mpx_res_end(r);
}

/* Two requests that wake each other without end. */
static struct {
    struct mpx_ticket *tickets[2];
    unsigned turns;
} rally;

static enum mpx_rc return_ball(struct mpx_req *r, const void *conf, void *state)
{
    size_t me = state != NULL;
    struct mpx_ticket *other = rally.tickets[1 - me];

    (void)conf;
    if (++rally.turns > 100000)
        return mpx_res_end(r);
    rally.tickets[1 - me] = NULL;
    (void)mpx_wake(other);
    return mpx_wait_ticket(r, &rally.tickets[me], 0, return_ball, state);
}

static enum mpx_rc rally_left(struct mpx_req *r)
{
    rally.turns = 0;
    return mpx_wait_ticket(r, &rally.tickets[0], 0, return_ball, NULL);
}

static enum mpx_rc rally_right(struct mpx_req *r)
{
    return return_ball(r, NULL, &rally);
}

static enum mpx_rc rally_turns(struct mpx_req *r)
{
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "%u", rally.turns));
    return mpx_res_end(r);
}

static void hang_on(void *arg)
{
    (void)arg;
    (void)sleep(30);
}

static enum mpx_rc hang_a_thread(struct mpx_req *r)
{
    return mpx_offload(r, hang_on, NULL, end_now, NULL);
}

static enum mpx_rc send_a_folder(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_file *f;

    (void)conf;
    (void)state;
    if (mpx_open_result(r, &f) < 0 || mpx_res_file(r, f) == 0)
        return mpx_res_error(r, 404);
    mpx_res_write(r, MPX_STR("refused"));
    return mpx_res_end(r);
}

static enum mpx_rc file_of_folder(struct mpx_req *r)
{
    return mpx_open(r, MPX_STR(""), MPX_OPEN_DIRECTORY, send_a_folder, NULL);
}

static enum mpx_rc wait_after_end(struct mpx_req *r)
{
    (void)mpx_res_end(r);
    return mpx_sleep(r, 5, end_now, NULL);
}

static enum mpx_rc done_without_end(struct mpx_req *r)
{
    mpx_res_write(r, MPX_STR("half"));
    return MPX_DONE;
}

static enum mpx_rc end_twice(struct mpx_req *r)
{
    (void)mpx_res_end(r);
    return mpx_res_end(r);
}

static enum mpx_rc error_after_end(struct mpx_req *r)
{
    (void)mpx_res_end(r);
    (void)mpx_res_error(r, 404);
    return MPX_DONE;
}

static enum mpx_rc write_after_end(struct mpx_req *r)
{
    enum mpx_rc rc = mpx_res_end(r);

    mpx_res_write(r, MPX_STR("more"));
    return rc;
}

static enum mpx_rc next_after_end(struct mpx_req *r)
{
    (void)mpx_res_end(r);
    return MPX_NEXT;
}

static enum mpx_rc next_after_write(struct mpx_req *r)
{
    mpx_res_write(r, MPX_STR("half"));
    return MPX_NEXT;
}

static enum mpx_rc nonsense(struct mpx_req *r)
{
    (void)r;
    return (enum mpx_rc)42;
}

static enum mpx_rc grant_content(struct mpx_req *r)
{
    (void)r;
    return MPX_GRANT;
}

static enum mpx_rc restart_without_rewrite(struct mpx_req *r)
{
    (void)r;
    return MPX_RESTART;
}

static enum mpx_rc restart_for_ever(struct mpx_req *r)
{
    if (mpx_req_rewrite(r, MPX_STR("/restart-for-ever"), MPX_STR("")) < 0)
        return MPX_FAIL;
    return MPX_RESTART;
}

static enum mpx_rc rewrite_upwards(struct mpx_req *r)
{
    if (mpx_req_rewrite(r, MPX_STR("/../etc"), MPX_STR("")) < 0)
        return MPX_FAIL;
    return MPX_RESTART;
}

static enum mpx_rc declare_more(struct mpx_req *r)
{
    mpx_res_header(r, "Content-Length", MPX_STR("10"));
    mpx_res_write(r, MPX_STR("four"));
    return mpx_res_end(r);
}

static enum mpx_rc declare_less(struct mpx_req *r)
{
    mpx_res_header(r, "Content-Length", MPX_STR("2"));
    mpx_res_write(r, MPX_STR("four"));
    return mpx_res_end(r);
}

static enum mpx_rc end_short(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return mpx_res_end(r);
}

/* The promise is broken after the header has gone out. */
static enum mpx_rc declare_more_late(struct mpx_req *r)
{
    mpx_res_header(r, "Content-Length", MPX_STR("10"));
    mpx_res_write(r, MPX_STR("four"));
    mpx_res_flush(r);
    return mpx_sleep(r, 1, end_short, NULL);
}

static enum mpx_rc ignore_mark(struct mpx_req *r)
{
    static char block[65536];
    int rc = 0;

    memset(block, 'x', sizeof(block));
    for (int i = 0; i < 64 && rc >= 0; i++)
        rc = mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });
    return mpx_res_end(r);
}

static enum mpx_rc bad_headers(struct mpx_req *r)
{
    int refused = 0;

    refused += mpx_res_header(r, "X-A", MPX_STR("a\r\nX-Injected: yes")) < 0;
    refused += mpx_res_header(r, "X-B", MPX_STR("a\nb")) < 0;
    refused += mpx_res_header(r, "X-C", ((struct mpx_str){ "a\0b", 3 })) < 0;
    refused += mpx_res_header(r, "X D", MPX_STR("a")) < 0;
    refused += mpx_res_header(r, "", MPX_STR("a")) < 0;
    refused += mpx_res_header_add(r, "X-E:", MPX_STR("a")) < 0;
    refused += mpx_res_header(r, "Connection", MPX_STR("upgrade")) < 0;
    refused += mpx_res_header(r, "Transfer-Encoding", MPX_STR("gzip")) < 0;
    refused += mpx_res_header(r, "Content-Length", MPX_STR("-1")) < 0;
    mpx_res_write(r, refused == 9 ? MPX_STR("all refused") : MPX_STR("some passed"));
    return mpx_res_end(r);
}

static enum mpx_rc bad_status(struct mpx_req *r)
{
    mpx_res_status(r, 100);
    mpx_res_status(r, 1000);
    mpx_res_status(r, 202);
    return mpx_res_end(r);
}

static enum mpx_rc bad_redirect(struct mpx_req *r)
{
    return mpx_res_redirect(r, 302, MPX_STR("/a\r\nX-Injected: yes"));
}

static enum mpx_rc read_whole(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    return mpx_read_body(r, 0, end_now, NULL);
}

static enum mpx_rc read_after_parts(struct mpx_req *r)
{
    return mpx_body_next(r, read_whole, NULL);
}

static enum mpx_rc two_bodies(struct mpx_req *r)
{
    (void)mpx_read_body(r, 0, end_now, NULL);
    return mpx_body_next(r, end_now, NULL);
}

static enum mpx_rc not_mine(struct mpx_req *r, const void *conf, void *state)
{
    char c;

    (void)r;
    (void)conf;
    return read(*(int *)state, &c, 1) == 1 ? MPX_NEXT : MPX_FAIL;
}

/* Leaves a body half read to the next module. */
static enum mpx_rc half_a_body(struct mpx_req *r)
{
    static int pipes[2];
    enum mpx_rc rc = mpx_read_body(r, 0, end_now, NULL);

    if (pipe2(pipes, O_CLOEXEC) < 0 || write(pipes[1], "x", 1) != 1 ||
        mpx_req_watch(r, pipes[0], POLLIN, not_mine, pipes) == NULL)
        return MPX_FAIL;
    return rc;
}

static enum mpx_rc fail(struct mpx_req *r)
{
    mpx_rlog(r, MPX_ERROR, "this is the cause");
    return MPX_FAIL;
}

static enum mpx_rc crash(struct mpx_req *r)
{
    (void)r;
    (void)raise(SIGSEGV);
    return MPX_NEXT;
}

static int pass(struct mpx_filter *f, struct mpx_str in, unsigned flags)
{
    return mpx_filter_next(f, in, flags);
}

/* Before there is a response to look at. */
static enum mpx_rc push_in_content(struct mpx_req *r)
{
    const struct mpx_filter_ops ops = { .size = sizeof(ops), .name = "early", .write = pass };

    mpx_res_write(r, mpx_filter_push(r, &ops, NULL) < 0 ? MPX_STR("refused") : MPX_STR("passed"));
    return mpx_res_end(r);
}

/* Something for evil_filter to be pushed over, in two pieces. */
static enum mpx_rc filtered(struct mpx_req *r)
{
    struct mpx_blob *b = mpx_blob_make(MPX_STR("a body of "));

    mpx_res_blob(r, b);
    mpx_blob_drop(b);
    mpx_res_write(r, MPX_STR("some length"));
    return mpx_res_end(r);
}

static const struct {
    const char *path;
    enum mpx_rc (*fn)(struct mpx_req *r);
} deeds[] = {
    { "/wait-without-helper", wait_without_helper },
    { "/helper-without-wait", helper_without_wait },
    { "/helper-and-done", helper_and_done },
    { "/two-helpers", two_helpers },
    { "/watch-without-wait", watch_without_wait },
    { "/watch-ends-and-waits", watch_ends_and_waits },
    { "/watch-overruns-and-waits", watch_overruns_and_waits },
    { "/flush-and-next", flush_and_next },
    { "/hold", hold },
    { "/write-to-held", write_to_held },
    { "/rally-left", rally_left },
    { "/rally-right", rally_right },
    { "/rally-turns", rally_turns },
    { "/hang-a-thread", hang_a_thread },
    { "/file-of-folder", file_of_folder },
    { "/wait-after-end", wait_after_end },
    { "/done-without-end", done_without_end },
    { "/end-twice", end_twice },
    { "/error-after-end", error_after_end },
    { "/write-after-end", write_after_end },
    { "/next-after-end", next_after_end },
    { "/next-after-write", next_after_write },
    { "/nonsense", nonsense },
    { "/grant", grant_content },
    { "/restart-without-rewrite", restart_without_rewrite },
    { "/restart-for-ever", restart_for_ever },
    { "/rewrite-upwards", rewrite_upwards },
    { "/declare-more", declare_more },
    { "/declare-less", declare_less },
    { "/declare-more-late", declare_more_late },
    { "/ignore-mark", ignore_mark },
    { "/bad-headers", bad_headers },
    { "/bad-status", bad_status },
    { "/bad-redirect", bad_redirect },
    { "/read-after-parts", read_after_parts },
    { "/two-bodies", two_bodies },
    { "/half/parts", half_a_body },
    { "/fail", fail },
    { "/crash", crash },
    { "/push-in-content", push_in_content },
};

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r);

    (void)conf;
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (mpx_str_eq(path, (struct mpx_str){ deeds[i].path, strlen(deeds[i].path) }))
            return deeds[i].fn(r);
    if (mpx_str_eq(path, MPX_STR("/response-wait")) || mpx_str_eq(path, MPX_STR("/log-wait")) ||
        mpx_str_eq(path, MPX_STR("/response-fail"))) {
        mpx_res_write(r, MPX_STR("body"));
        return mpx_res_end(r);
    }
    return path.n > 8 && memcmp(path.p, "/filter/", 8) == 0 ? filtered(r) : MPX_NEXT;
}

static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r);

    (void)conf;
    if (mpx_str_eq(path, MPX_STR("/response-wait")))
        return mpx_sleep(r, 1, end_now, NULL);
    if (mpx_str_eq(path, MPX_STR("/response-fail")))
        return MPX_FAIL;
    evil_filter(r);
    return MPX_NEXT;
}

static enum mpx_rc log_it(struct mpx_req *r, const void *conf)
{
    (void)conf;
    evil_filter_late(r);
    if (mpx_str_eq(mpx_req_path(r), MPX_STR("/log-wait")))
        return mpx_sleep(r, 1, end_now, NULL);
    return MPX_NEXT;
}

MPX_MODULE(evil) = {
    MPX_HEADER(evil, "1.0"),
    .summary = "breaks the rules of the module API, for tests",
    .on = { [MPX_PH_CONTENT] = content, [MPX_PH_RESPONSE] = response, [MPX_PH_LOG] = log_it },
};
