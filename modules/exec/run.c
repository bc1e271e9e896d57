/* SPDX-License-Identifier: MIT
   A program's life for one request: it waits for its turn, runs, and what becomes of it is made an
   answer. */
#include "exec.h"
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

static enum mpx_rc busy(struct mpx_req *r)
{
    mpx_res_header(r, "Retry-After", MPX_STR("5"));
    return mpx_res_error(r, 503);
}

/* ---- the end of it */

/* What has begun is broken off, so that nobody takes it for whole. */
static enum mpx_rc fail(struct mpx_req *r, const struct way *w, int status)
{
    return w->output->passed > 0 ? MPX_FAIL : mpx_res_error(r, status);
}

static enum mpx_rc not_started(struct mpx_req *r, const struct way *w, int error)
{
    bool is_shortage = error == EAGAIN || error == EMFILE || error == ENFILE || error == ENOMEM;

    mpx_rlog(r, MPX_ERROR, "\"%.*s\" cannot be run%s%s: %s", (int)w->name.n, w->name.p,
             w->interpreter != NULL ? " by " : "", w->interpreter != NULL ? w->interpreter : "",
             strerror(error));
    return is_shortage ? busy(r) : mpx_res_error(r, 500);
}

static enum mpx_rc faulty(struct mpx_req *r, const struct way *w, const char *fault)
{
    mpx_rlog(r, MPX_ERROR, "what \"%.*s\" answers %s", (int)w->name.n, w->name.p, fault);
    return fail(r, w, 502);
}

/* In the place of this request, for GET and HEAD; others the client asks for itself, since they
   have been carried out (RFC 3875 6.2.2). */
static enum mpx_rc redirect(struct mpx_req *r, const struct way *w)
{
    struct mpx_str to = w->output->location, method = mpx_req_method(r);
    const char *mark = memchr(to.p, '?', to.n);
    struct mpx_str path = { to.p, mark != NULL ? (size_t)(mark - to.p) : to.n };
    struct mpx_str query = { "", 0 };

    if (!mpx_str_eq(method, MPX_STR("GET")) && !mpx_str_eq(method, MPX_STR("HEAD")))
        return mpx_res_redirect(r, 303, to);
    if (mpx_res_get_status(r) != 200)
        return faulty(r, w, "is a redirect within the server, for a page of error_pages");
    if (mark != NULL)
        query = (struct mpx_str){ mark + 1, to.n - path.n - 1 };
    if (mpx_req_rewrite(r, path, query) < 0)
        return faulty(r, w, "has a Location without a normal form");
    return MPX_RESTART;
}

static enum mpx_rc complete(struct mpx_req *r, const struct way *w)
{
    const struct output *o = w->output;
    bool is_head = mpx_str_eq(mpx_req_method(r), MPX_STR("HEAD"));

    if (!is_head && o->promised >= 0 && o->passed < o->promised && o->status != 304)
        return faulty(r, w, "has fewer bytes than its Content-Length says");
    if (o->location.n > 0 && o->passed == 0 && !o->has_type && o->status >= 300 &&
        o->status < 400 && o->status != 304) {
        mpx_res_header_remove(r, "Location");
        return mpx_res_redirect(r, o->status, o->location);
    }
    return mpx_res_end(r);
}

/* ---- what it has stored in the session */

static enum mpx_rc change_session(struct mpx_req *r, struct way *w, mpx_resume_fn fn)
{
    w->output->keeps_sets = false;
    return w->session->change(r, (struct mpx_list){ w->output->sets, w->output->set_count }, fn, w);
}

/* What could not be stored costs the value, not the answer. */
static void tell_session(struct mpx_req *r, const struct way *w)
{
    int rc = w->session->result(r);

    if (rc < 0)
        mpx_rlog(r, MPX_WARN, "what \"%.*s\" set in the session is not stored: %s", (int)w->name.n,
                 w->name.p, strerror(-rc));
}

static enum mpx_rc session_changed(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;

    (void)data;
    tell_session(r, w);
    if (output_take(r, w->output, w->output->rest) == 0)
        return mpx_spawn_go_on(r);
    return w->output->fault != NULL ? faulty(r, w, w->output->fault) : MPX_FAIL;
}

static enum mpx_rc hold(struct mpx_req *r, const void *data, void *state)
{
    (void)data;
    return change_session(r, state, session_changed);
}

/* For a redirect within the server, which goes on elsewhere. */
static enum mpx_rc session_changed_first(struct mpx_req *r, const void *data, void *state)
{
    (void)data;
    tell_session(r, state);
    return redirect(r, state);
}

static enum mpx_rc ended(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;
    const struct output *o = w->output;
    int status, rc = mpx_spawn_status(r, &status);

    (void)data;
    if (o->fault != NULL)
        return faulty(r, w, o->fault);
    if (output_is_local_redirect(o))
        return o->set_count > 0 && o->keeps_sets ? change_session(r, w, session_changed_first)
                                                 : redirect(r, w);
    if (rc == -ETIMEDOUT) {
        mpx_rlog(r, MPX_WARN, "the time of \"%.*s\" was over", (int)w->name.n, w->name.p);
        return fail(r, w, 504);
    }
    if (rc == -ECANCELED) /* the response is broken: whoever did that has said so */
        return MPX_FAIL;
    if (rc < 0)
        return not_started(r, w, -rc);
    if (WIFSIGNALED(status)) {
        mpx_rlog(r, MPX_ERROR, "\"%.*s\" was ended by signal %d (%s)", (int)w->name.n, w->name.p,
                 WTERMSIG(status), strsignal(WTERMSIG(status)));
        return fail(r, w, 502);
    }
    if (WEXITSTATUS(status) != 0)
        mpx_rlog(r, MPX_WARN, "\"%.*s\" ended with exit status %d", (int)w->name.n, w->name.p,
                 WEXITSTATUS(status));
    if (!o->has_header)
        return faulty(r, w, o->head_n > 0 ? "has a header that does not end" : "is nothing");
    return complete(r, w);
}

/* ---- the beginning */

static int take(struct mpx_req *r, struct mpx_str part, void *state)
{
    const struct way *w = state;

    return output_take(r, w->output, part);
}

/* The folder that holds the program; the working directory (RFC 3875 7.2). */
static const char *folder_of(struct mpx_arena *a, struct mpx_str path)
{
    while (path.n > 1 && path.p[path.n - 1] != '/')
        path.n--;
    return mpx_printf(a, "%.*s", (int)path.n, path.p).p;
}

static struct mpx_str last_segment(struct mpx_str path)
{
    size_t at = path.n;

    while (at > 0 && path.p[at - 1] != '/')
        at--;
    return (struct mpx_str){ path.p + at, path.n - at };
}

static enum mpx_rc start(struct mpx_req *r, const struct conf *conf, struct way *w,
                         int64_t body_length)
{
    struct mpx_arena *a = mpx_req_arena(r);
    struct mpx_str location = mpx_req_location(r), name = last_segment(w->name);
    struct mpx_str path =
        mpx_printf(a, "%.*s/%.*s", (int)location.n, location.p, (int)w->name.n, w->name.p);
    const char **argv = mpx_alloc(a, 3 * sizeof(*argv));
    struct mpx_program s = {
        .size = sizeof(s), .on_stdout = take, .on_hold = hold, .on_gone = slots_leave
    };

    argv[0] = w->interpreter != NULL ? w->interpreter : path.p;
    argv[1] = w->interpreter != NULL ? path.p : NULL;
    s.path = argv[0];
    s.argv = argv;
    s.envp = environ_make(r, w, body_length);
    s.cwd = folder_of(a, path);
    s.file = w->interpreter == NULL ? w->file : NULL;
    s.body_to_stdin = true;
    s.silence_ms = conf->timeout;
    s.timeout_ms = conf->max_time;
    s.limits = conf->rlimits;
    s.limit_count = conf->rlimit_count;
    s.gone_arg = conf->slots;
    w->output =
        output_create(r, (size_t)conf->max_header, name.n > 4 && memcmp(name.p, "nph-", 4) == 0);
    w->output->keeps_sets = w->session != NULL;
    slot_hand_over(w->slot);
    return mpx_spawn(r, &s, ended, w);
}

static enum mpx_rc body_is_there(struct mpx_req *r, const void *data, void *state)
{
    return start(r, data, state, (int64_t)mpx_req_body(r).n);
}

/* Programs are told the length of a body (RFC 3875 4.1.2): where the client does not say it the
   body is read first. */
static enum mpx_rc start_with_body(struct mpx_req *r, const struct conf *conf, struct way *w)
{
    struct mpx_str value;
    int64_t length = 0;

    if (mpx_res_get_status(r) != 200) /* a page of error_pages has no body */
        return start(r, conf, w, -1);
    if (mpx_req_header(r, "Transfer-Encoding", &value))
        return mpx_read_body(r, 0, body_is_there, w);
    if (!mpx_req_header(r, "Content-Length", &value))
        return start(r, conf, w, -1);
    for (size_t i = 0; i < value.n; i++)
        length = 10 * length + (value.p[i] - '0');
    return start(r, conf, w, length);
}

static enum mpx_rc has_turn(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;

    if (slot_is_given(w->slot))
        return start_with_body(r, data, w);
    slot_give_up(w->slot);
    mpx_rlog(r, MPX_WARN, "no other program ended in time (max_children): answered 503");
    return busy(r);
}

enum mpx_rc run(struct mpx_req *r, const struct conf *conf, struct way *w)
{
    w->slot = mpx_req_slot(r, conf);
    if (slots_take(conf->slots, w->slot, conf->max_children))
        return start_with_body(r, conf, w);
    enum mpx_rc rc =
        slots_wait(conf->slots, w->slot, r, conf->queue, conf->queue_timeout, has_turn, w);
    if (rc != MPX_NEXT)
        return rc;
    mpx_rlog(r, MPX_WARN, "too many programs run and wait (max_children, queue): answered 503");
    return busy(r);
}
