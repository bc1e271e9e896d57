/* SPDX-License-Identifier: MIT */
#include "phase.h"

#include "admission.h"
#include "cond.h"
#include "field_rules.h"
#include "filter.h"
#include "own_page.h"
#include "page_text.h"
#include "str.h"
#include "unowned.h"
#include "wait.h"

enum { RESTARTS_MAX = 10, RESUMES_PER_TURN = 64 };

/* The hook that runs or is suspended, or the next one; NULL at the end of the phase. */
static const struct hook *current(const struct mpx_req *r)
{
    return r->at < r->chain->count[r->phase] ? &r->chain->hooks[r->phase][r->at] : NULL;
}

static void enter(struct mpx_req *r, const struct mpx_conf *conf)
{
    r->caller = conf;
    r->running = true;
    r->fail_status = 0;
    r->lacks = NULL;
    blame_request(r->w->blame, r->id);
    blame_set(r->w->blame, conf->module->index, BLAME_HOOK + (unsigned)r->phase, r->vhost->host);
}

/* What its answer is. Without a variable of a module in quarantine nobody knows what it would have
   said: the request has come to that module. */
static enum mpx_rc leave(struct mpx_req *r, enum mpx_rc rc)
{
    blame_clear(r->w->blame);
    r->running = false;
    if (r->lacks == NULL || r->phase == MPX_PH_LOG || r->res.started)
        return rc;
    return req_refuse_confined(r, r->lacks);
}

static enum mpx_rc call_hook(struct mpx_req *r, const struct hook *h)
{
    r->caller = h->conf;
    if (h->fn == NULL)
        return req_refuse_confined(r, h->conf->module);
    enter(r, h->conf);
    return leave(r, h->fn(r, h->conf->data));
}

static enum mpx_rc call_resume(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    const struct mpx_conf *conf = r->caller;

    enter(r, conf);
    return leave(r, fn(r, conf->data, state));
}

/* Whatever the hook waits for, it does not go on. */
static void stop_waiting(struct mpx_req *r)
{
    wait_cancel(r);
    wait_end_watches(r);
    r->suspended = false;
}

/* Shows the response to RESPONSE hooks; false when one of them fails. */
static bool edit_response(struct mpx_req *r)
{
    enum mpx_phase before = r->phase;
    unsigned at = r->at;
    const struct mpx_conf *caller = r->caller;
    bool failed = false;

    r->edited = true;
    r->phase = MPX_PH_RESPONSE;
    for (r->at = 0; current(r) != NULL && !failed; r->at++) {
        enum mpx_rc rc = call_hook(r, current(r));

        if (rc != MPX_NEXT && rc != MPX_FAIL)
            req_log(r, MPX_ERROR,
                    "answered %s in RESPONSE, where only NEXT and FAIL have a meaning",
                    req_rc_name(rc));
        failed = rc != MPX_NEXT;
    }
    r->phase = before;
    r->at = at;
    r->caller = caller;
    return !failed;
}

/* Sends the header as it is but for what the configuration says of all. */
static void send_header(struct mpx_req *r)
{
    if (r->res.page_due)
        page_text_fill(r);
    field_rules_apply(r);
    res_start(r);
    r->carrier->start(r);
}

/* Whether the virtual host has a page of its own: what waited for the response waits in vain. */
static bool begin_own_page(struct mpx_req *r)
{
    if (!own_page_begin(r))
        return false;
    stop_waiting(r);
    return true;
}

/* Makes the header final, once RESPONSE hooks have seen it; or lets the request go on with the
   virtual host's own page for an error. */
static void start_response(struct mpx_req *r)
{
    if (unowned_is_trace(r)) {
        stop_waiting(r);
        unowned_refuse_trace(r);
    }
    if (r->res.page_due && begin_own_page(r))
        return;
    if (r->own_page != NULL)
        own_page_take(r);
    if (r->res.page_due)
        page_text_fill(r);
    if (!r->edited && !edit_response(r)) {
        stop_waiting(r);
        page_text_error(r, r->fail_status != 0 ? r->fail_status : 500);
    }
    filter_begin(r);
    cond_apply(r);
    if (r->res.page_due && begin_own_page(r))
        return;
    send_header(r);
    if (!r->res.ended)
        own_page_show_page(r);
}

/* Nothing more is done for it: what it waited for is no use any more. */
static void finish(struct mpx_req *r)
{
    stop_waiting(r);
    r->finished = true;
}

/* The response is complete, or as much of it is there as can be sent. */
static void respond(struct mpx_req *r)
{
    struct res *res = &r->res;
    size_t budget = FILTER_PER_TURN;

    if (!res->started && !res->broken &&
        (res->ended || res->flush || res->drains || res->waiting >= RES_MARK))
        start_response(r);
    if (res->flush)
        filter_flush(r);
    (void)filter_run(r, &budget);
    res->flush = res->drains = false;
    if (res->ended || res->enough || res->broken)
        finish(r);
}

bool phase_refill(struct mpx_req *r, size_t *budget)
{
    bool done = filter_run(r, budget);

    if ((r->res.enough || r->res.broken) && !r->finished)
        finish(r);
    return done;
}

/* Ends it with a standard page where that is still possible. */
static void fail(struct mpx_req *r, int status)
{
    stop_waiting(r);
    r->res.broken = r->res.started;
    if (!r->res.started)
        page_text_error(r, status);
}

/* A module has broken a rule: 500, and its name in the log. */
__attribute__((format(printf, 2, 3))) static void misuse(struct mpx_req *r, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    req_vlog(r, MPX_ERROR, fmt, ap);
    va_end(ap);
    fail(r, 500);
}

static void answer_wait(struct mpx_req *r)
{
    if (!wait_is_armed(r))
        misuse(r, "answered WAIT without a helper: return what the helper returned");
    else if (r->res.ended)
        misuse(r, "answered WAIT after it had ended the response");
    else
        r->suspended = true;
}

static void answer_next(struct mpx_req *r)
{
    if (r->res.ended)
        misuse(r, "answered NEXT after it had ended the response: return what mpx_res_end "
                  "returned");
    else if (r->res.written > 0 || r->res.started || r->res.flush)
        misuse(r, "answered NEXT after it had begun a response: end it instead");
    else
        r->at++;
}

static void answer_done(struct mpx_req *r)
{
    const struct res *res = &r->res;

    if (!res->ended)
        misuse(r, "answered DONE without having ended the response: return mpx_res_end(r)");
    else if (res->declared >= 0 && !r->is_head && !res->no_body &&
             res->written != (uint64_t)res->declared)
        misuse(r, "promised a Content-Length of %lld but wrote %llu bytes",
               (long long)res->declared, (unsigned long long)res->written);
    if (admission_is_any(r) && admission_hold(r))
        r->at++; /* another may admit */
}

static void answer_restart(struct mpx_req *r)
{
    if (r->own_page != NULL) {
        misuse(r, "answered RESTART for a page of error_pages: only CONTENT is asked for it");
        return;
    }
    if (!r->rewritten || r->res.started || r->res.ended) {
        misuse(r, "answered RESTART without mpx_req_rewrite, or after a response");
        return;
    }
    if (++r->restarts > RESTARTS_MAX) {
        misuse(r, "answered RESTART more than %d times: its rules lead in a circle", RESTARTS_MAX);
        return;
    }
    admission_forget(r);
    res_reset(r, 200);
    r->rewritten = false;
    r->directory = NULL;
    r->allow = 0;
    r->unserved = 0;
    r->chain = &r->vhost->chain;
    r->phase = MPX_PH_ROUTE;
    r->at = 0;
}

/* Gives the answer of a hook, or of a function that it went on in, its meaning. */
static void answer(struct mpx_req *r, enum mpx_rc rc)
{
    if (r->res.fault != NULL) {
        misuse(r, "%s", r->res.fault);
        return;
    }
    if (rc != MPX_WAIT && wait_is_armed(r) && rc != MPX_FAIL) {
        misuse(r, "began to wait but answered %s: return what the helper returned",
               req_rc_name(rc));
        return;
    }
    switch (rc) {
    case MPX_WAIT:
        answer_wait(r);
        return;
    case MPX_NEXT:
        answer_next(r);
        return;
    case MPX_DONE:
        answer_done(r);
        return;
    case MPX_RESTART:
        answer_restart(r);
        return;
    case MPX_FAIL:
        fail(r, r->fail_status != 0 ? r->fail_status : 500);
        return;
    case MPX_GRANT:
        if (r->phase == MPX_PH_ACCESS) {
            if (admission_is_any(r))
                admission_grant(r);
            answer_next(r);
            return;
        }
        break;
    }
    misuse(r, "answered %s (%d), which has no meaning here", req_rc_name(rc), (int)rc);
}

/* A body that is announced too long is refused before a byte of it is kept or asked for. */
static void begin_access(struct mpx_req *r)
{
    req_choose_directory(r);
    r->phase = MPX_PH_ACCESS;
    if (!req_is_too_long(r))
        return;
    r->keep_alive = false;
    page_text_error(r, 413);
}

/* The phase has no more hooks. */
static void next_phase(struct mpx_req *r)
{
    r->at = 0;
    r->caller = NULL;
    switch (r->phase) {
    case MPX_PH_ROUTE:
        begin_access(r);
        return;
    case MPX_PH_ACCESS:
        if (!admission_refuses(r))
            r->phase = MPX_PH_CONTENT;
        return;
    case MPX_PH_CONTENT:
        unowned_answer(r);
        return;
    case MPX_PH_RESPONSE:
    case MPX_PH_LOG:
    case MPX_PH_COUNT:
    case MPX_PH_SLOTS:
        break;
    }
}

static struct mpx_watch *fired_watch(const struct mpx_req *r)
{
    for (struct link *l = list_first(&r->watches); l != NULL; l = list_next(&r->watches, l)) {
        struct mpx_watch *k = CONTAINER_OF(l, struct mpx_watch, link);

        if (k->fired)
            return k;
    }
    return NULL;
}

/* Whether WAIT, from the callback of a watch, leaves all as it was. */
static bool is_still_waiting(const struct mpx_req *r)
{
    return wait_is_armed(r) && !r->res.ended && !r->res.broken;
}

/* What a suspended request does next; false when there is nothing yet. */
static bool resume(struct mpx_req *r)
{
    struct mpx_watch *k = fired_watch(r);
    enum mpx_rc rc;

    if (r->wait.ready && r->wait.kind == WAIT_BODY && body_refusal(r) != 0) {
        fail(r, body_refusal(r));
        return true;
    }
    if (r->wait.ready) {
        mpx_resume_fn fn = r->wait.fn;
        void *state = r->wait.state;
        bool expired = r->wait.expired;

        wait_cancel(r);
        r->wait.expired = expired;
        rc = call_resume(r, fn, state);
    } else if (k != NULL) {
        k->fired = false;
        rc = call_resume(r, k->resume, k->arg);
        if (rc == MPX_WAIT && is_still_waiting(r)) /* as suspended as it was */
            return true;
        wait_cancel(r);
    } else {
        return false;
    }
    r->suspended = false;
    if (rc != MPX_WAIT)
        wait_end_watches(r);
    answer(r, rc);
    return true;
}

static void run(struct mpx_req *r)
{
    const struct hook *h;

    while (!r->finished) {
        if (r->suspended) {
            if (r->resumes >= RESUMES_PER_TURN) {
                wait_next_turn(r);
                break;
            }
            r->resumes++;
            if (!resume(r))
                break;
        } else if ((h = current(r)) != NULL) {
            answer(r, call_hook(r, h));
        } else {
            next_phase(r);
        }
        respond(r);
    }
    r->carrier->more(r);
}

/* An answer that core has made itself. */
static void answer_alone(struct mpx_req *r)
{
    finish(r);
    send_header(r);
    r->carrier->more(r);
}

void phase_refuse(struct mpx_req *r, int status)
{
    page_text_error(r, status);
    answer_alone(r);
}

/* False when there is none: answered. */
static bool enter_vhost(struct mpx_req *r)
{
    if (req_choose_vhost(r))
        return true;
    phase_refuse(r, 421);
    return false;
}

void phase_start(struct mpx_req *r)
{
    if (!enter_vhost(r))
        return;
    if (r->is_asterisk && req_is_too_long(r)) {
        r->keep_alive = false;
        phase_refuse(r, 413);
        return;
    }
    if (r->is_asterisk) { /* about no resource: nothing is offered in particular */
        page_text_no_content(r);
        answer_alone(r);
        return;
    }
    r->phase = MPX_PH_ROUTE;
    r->at = 0;
    run(r);
}

void phase_decline(struct mpx_req *r, int status)
{
    if (!enter_vhost(r))
        return;
    r->edited = true;
    phase_break(r, status);
}

void phase_break(struct mpx_req *r, int status)
{
    fail(r, status);
    respond(r);
    run(r);
}

void phase_go_on(struct mpx_req *r)
{
    r->resumes = 0;
    if (r->suspended && !r->gone)
        run(r);
}

/* What became of it, for people who look for a mistake. */
static void tell(const struct mpx_req *r)
{
    struct mpx_str path = r->directory != NULL ? r->directory->path : MPX_STR("");

    req_log(r, MPX_DEBUG, "\"%.*s\": %d, %llu bytes, directory \"%.*s/\"",
            STR_ARGS(mpx_req_line(r)), mpx_res_get_status(r), (unsigned long long)mpx_res_bytes(r),
            STR_ARGS(path));
}

void phase_log(struct mpx_req *r)
{
    if (r->logged)
        return;
    r->logged = true;
    filter_end(r);
    own_page_show_request(r);
    r->phase = MPX_PH_LOG;
    for (r->at = 0; current(r) != NULL; r->at++) {
        enum mpx_rc rc = call_hook(r, current(r));

        if (rc != MPX_NEXT || wait_is_armed(r))
            req_log(r, MPX_ERROR, "answered %s in LOG, where only NEXT has a meaning",
                    req_rc_name(rc));
        wait_cancel(r);
        wait_end_watches(r);
    }
    r->caller = NULL;
    if (log_wants(MPX_DEBUG))
        tell(r);
}
