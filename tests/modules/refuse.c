/* SPDX-License-Identifier: MIT
   refuse - errors, redirects and methods, one for each path, for tests of the pages that core makes
   of them: what stays of a refusal, what an error page is shown, what LOG sees. */
#include <multiplexd/module.h>

#include <stdlib.h>
#include <string.h>

/* Kept across configurations: the request before this one, as LOG saw it. */
struct shared {
    char logged[256];
};

struct conf {
    struct mpx_str offered_at, offered;
    int64_t unserved;
    bool tell;
    struct shared *shared;
};

static const struct mpx_option options[] = {
    { .name = "tell",
      .help = "RESPONSE adds X-Method and X-Path, as it sees them",
      .type = MPX_T_BOOL,
      .offset = offsetof(struct conf, tell) },
    { .name = "offered_at",
      .help = "a path that it says it serves",
      .type = MPX_T_STRING,
      .offset = offsetof(struct conf, offered_at) },
    { .name = "offered",
      .help = "... to these methods",
      .type = MPX_T_STRING,
      .offset = offsetof(struct conf, offered) },
    { .name = "unserved",
      .help = "... and the status for what nobody serves there",
      .type = MPX_T_INT,
      .offset = offsetof(struct conf, unserved) },
    MPX_OPTION_END,
};

static bool is_method(const struct mpx_req *r, struct mpx_str method)
{
    return mpx_str_eq(mpx_req_method(r), method);
}

static enum mpx_rc say(struct mpx_req *r, struct mpx_str text)
{
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, text);
    return mpx_res_end(r);
}

/* The status that the query names, with fields that go with a refusal and some that do not. */
static enum mpx_rc do_error(struct mpx_req *r, const void *conf)
{
    struct mpx_str q = mpx_req_query(r);

    (void)conf;
    mpx_res_header(r, "Content-Type", MPX_STR("image/png"));
    mpx_res_header(r, "ETag", MPX_STR("\"of what it was to be\""));
    mpx_res_header(r, "X-Why", MPX_STR("because"));
    mpx_res_header(r, "Cache-Control", MPX_STR("no-store"));
    return mpx_res_error(
        r, (int)strtol(mpx_printf(mpx_req_arena(r), "%.*s", (int)q.n, q.p).p, NULL, 10));
}

static enum mpx_rc do_later(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_header(r, "Retry-After", MPX_STR("120"));
    mpx_res_header(r, "Vary", MPX_STR("Cookie"));
    return mpx_res_error(r, 503);
}

static enum mpx_rc do_fail(struct mpx_req *r, const void *conf)
{
    (void)r;
    (void)conf;
    return MPX_FAIL;
}

/* A response that is complete, with a validator and a time to live. */
static enum mpx_rc do_tagged(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_header(r, "ETag", MPX_STR("\"tag\""));
    mpx_res_header(r, "Cache-Control", MPX_STR("max-age=60"));
    mpx_res_header(r, "X-Why", MPX_STR("because"));
    return say(r, MPX_STR("tagged"));
}

/* Its own body; and as an error page, with fields that are not the error's. */
static enum mpx_rc do_own(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_status(r, 404);
    mpx_res_header(r, "ETag", MPX_STR("\"page\""));
    mpx_res_header(r, "Cache-Control", MPX_STR("max-age=60"));
    mpx_res_header(r, "Set-Cookie", MPX_STR("page=1"));
    mpx_res_header(r, "X-Why", MPX_STR("the page"));
    mpx_res_header(r, "X-Page", MPX_STR("yes"));
    return say(r, MPX_STR("own body"));
}

static enum mpx_rc do_nothing(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_status(r, 204);
    return mpx_res_end(r);
}

static enum mpx_rc do_redirect(struct mpx_req *r, const void *conf)
{
    struct mpx_str to = mpx_req_query(r);

    (void)conf;
    mpx_res_header(r, "X-Why", MPX_STR("because"));
    return mpx_res_redirect(r, 302, to.n > 0 ? to : MPX_STR("/a'b\"<c>&\\d\xff"));
}

static enum mpx_rc do_rewrite(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (mpx_req_rewrite(r, MPX_STR("/own"), MPX_STR("")) < 0)
        return MPX_FAIL;
    return MPX_RESTART;
}

static enum mpx_rc do_post(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (!is_method(r, MPX_STR("POST"))) {
        mpx_req_allow(r, "POST");
        return MPX_NEXT;
    }
    return say(r, MPX_STR("posted"));
}

/* Answers OPTIONS itself, and nothing else. */
static enum mpx_rc do_options(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (!is_method(r, MPX_STR("OPTIONS"))) {
        mpx_req_allow(r, "OPTIONS");
        return MPX_NEXT;
    }
    mpx_res_header(r, "Allow", MPX_STR("OPTIONS"));
    return say(r, MPX_STR("options"));
}

static enum mpx_rc do_bad_allow(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_req_allow(r, "FETCH, DELETE");
    return MPX_NEXT;
}

/* Looks at no method at all. */
static enum mpx_rc do_any(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return say(r, mpx_req_method(r));
}

static enum mpx_rc stream_on(struct mpx_req *r, const void *conf, void *state)
{
    int *left = state;

    (void)conf;
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "%d ", *left));
    if (--*left == 0)
        return mpx_res_end(r);
    mpx_res_flush(r);
    return mpx_sleep(r, 5, stream_on, left);
}

/* "3 2 1 " and who is asked at the end, in pieces. */
static enum mpx_rc do_stream(struct mpx_req *r, const void *conf)
{
    int *left = mpx_alloc(mpx_req_arena(r), sizeof(*left));

    *left = 3;
    return stream_on(r, conf, left);
}

static enum mpx_rc say_where(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str p = mpx_req_path(r);

    (void)conf;
    (void)state;
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "at %.*s", (int)p.n, p.p));
    return mpx_res_end(r);
}

/* Goes on behind its header. */
static enum mpx_rc do_late(struct mpx_req *r, const void *conf)
{
    (void)conf;
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_flush(r);
    return mpx_sleep(r, 5, say_where, NULL);
}

/* The same with a validator: what it waits for may be in vain. */
static enum mpx_rc do_late_tagged(struct mpx_req *r, const void *conf)
{
    mpx_res_header(r, "ETag", MPX_STR("\"late\""));
    mpx_res_header(r, "X-Why", MPX_STR("because"));
    return do_late(r, conf);
}

/* More than the client has room for at once. */
static enum mpx_rc long_on(struct mpx_req *r, const void *conf, void *state)
{
    static const char block[4096] = "0123456789abcdef";
    size_t *left = state;

    while (*left > 0) {
        int rc = mpx_res_write(r, (struct mpx_str){ block, sizeof(block) });

        *left -= sizeof(block);
        if (rc < 0)
            return MPX_FAIL;
        if (rc > 0)
            return mpx_wait_drain(r, long_on, left);
    }
    (void)conf;
    return mpx_res_end(r);
}

static enum mpx_rc do_long(struct mpx_req *r, const void *conf)
{
    size_t *left = mpx_alloc(mpx_req_arena(r), sizeof(*left));

    *left = 1 << 20;
    return long_on(r, conf, left);
}

/* All of a request that an internal one changes. */
static enum mpx_rc do_seen(struct mpx_req *r, const void *conf)
{
    struct mpx_str m = mpx_req_method(r), p = mpx_req_path(r), q = mpx_req_query(r),
                   x = mpx_req_prefix(r), l = mpx_req_line(r);

    (void)conf;
    return say(r, mpx_printf(mpx_req_arena(r), "%.*s %.*s ?%.*s in %.*s for %d: %.*s", (int)m.n,
                             m.p, (int)p.n, p.p, (int)q.n, q.p, (int)x.n, x.p,
                             mpx_res_get_status(r), (int)l.n, l.p));
}

static enum mpx_rc do_logged(struct mpx_req *r, const void *conf)
{
    const char *text = ((const struct conf *)conf)->shared->logged;

    return say(r, (struct mpx_str){ text, strlen(text) });
}

static const struct {
    const char *path;
    mpx_hook_fn fn;
} deeds[] = {
    { "/error", do_error },
    { "/later", do_later },
    { "/fail", do_fail },
    { "/tagged", do_tagged },
    { "/own", do_own },
    { "/nothing", do_nothing },
    { "/redirect", do_redirect },
    { "/rewrite", do_rewrite },
    { "/post", do_post },
    { "/options", do_options },
    { "/bad-allow", do_bad_allow },
    { "/any", do_any },
    { "/response-fails", do_any },
    { "/stream", do_stream },
    { "/late", do_late },
    { "/late-tagged", do_late_tagged },
    { "/long", do_long },
    { "/pages/seen", do_seen },
    { "/logged", do_logged },
};

static bool is_below(struct mpx_str path, struct mpx_str prefix)
{
    return path.n >= prefix.n && memcmp(path.p, prefix.p, prefix.n) == 0;
}

static enum mpx_rc route(struct mpx_req *r, const void *conf)
{
    (void)conf;
    return mpx_str_eq(mpx_req_path(r), MPX_STR("/closed")) ? mpx_res_error(r, 410) : MPX_NEXT;
}

static enum mpx_rc access_hook(struct mpx_req *r, const void *conf)
{
    (void)conf;
    if (!is_below(mpx_req_path(r), MPX_STR("/guarded")))
        return MPX_NEXT;
    mpx_res_header(r, "WWW-Authenticate", MPX_STR("Basic realm=\"refuse\""));
    mpx_res_header(r, "Set-Cookie", MPX_STR("asked=1"));
    return mpx_res_error(r, 401);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    const struct conf *c = conf;
    struct mpx_str path = mpx_req_path(r);

    if (c->offered.n > 0 && mpx_str_eq(path, c->offered_at))
        mpx_req_allow(r, c->offered.p);
    if (c->unserved != 0 && mpx_str_eq(path, c->offered_at))
        mpx_req_unserved(r, (int)c->unserved);
    for (size_t i = 0; i < sizeof(deeds) / sizeof(deeds[0]); i++)
        if (mpx_str_eq(path, (struct mpx_str){ deeds[i].path, strlen(deeds[i].path) }))
            return deeds[i].fn(r, conf);
    return MPX_NEXT;
}

static enum mpx_rc response(struct mpx_req *r, const void *conf)
{
    if (!((const struct conf *)conf)->tell)
        return MPX_NEXT;
    mpx_res_header(r, "X-Method", mpx_req_method(r));
    mpx_res_header_add(r, "X-Path", mpx_req_path(r));
    return mpx_str_eq(mpx_req_path(r), MPX_STR("/response-fails")) ? MPX_FAIL : MPX_NEXT;
}

static enum mpx_rc log_hook(struct mpx_req *r, const void *conf)
{
    struct mpx_str m = mpx_req_method(r), p = mpx_req_path(r);
    struct shared *s = ((const struct conf *)conf)->shared;
    struct mpx_str text = mpx_printf(mpx_req_arena(r), "%.*s %.*s %d", (int)m.n, m.p, (int)p.n, p.p,
                                     mpx_res_get_status(r));

    if (text.n < sizeof(s->logged) && !mpx_str_eq(p, MPX_STR("/logged")))
        memcpy(s->logged, text.p, text.n + 1);
    return MPX_NEXT;
}

/* $refuse.split is what no field may hold, $refuse.blank is all blanks. */
static int variable(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    (void)r;
    if (mpx_str_eq(name, MPX_STR("split")))
        *value = MPX_STR("a\r\nX-Injected: yes");
    else if (mpx_str_eq(name, MPX_STR("blank")))
        *value = MPX_STR(" \t ");
    else
        return -1;
    return 0;
}

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    conf->shared = mpx_keep(c, "shared", sizeof(*conf->shared), NULL);
    return mpx_provide_var(c, "refuse", variable);
}

MPX_MODULE(refuse) = {
    MPX_HEADER(refuse, "1.0"),
    .summary = "errors, redirects and methods, for tests",
    .options = options,
    .conf_size = sizeof(struct conf),
    .open = open_conf,
    .on = { [MPX_PH_ROUTE] = route,
            [MPX_PH_ACCESS] = access_hook,
            [MPX_PH_CONTENT] = content,
            [MPX_PH_RESPONSE] = response,
            [MPX_PH_LOG] = log_hook },
};
