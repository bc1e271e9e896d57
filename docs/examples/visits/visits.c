/* SPDX-License-Identifier: MIT - visits.c: tells each visitor how often they were here */
#include <multiplexd/session.h>

struct visits { const struct mpx_session *session; };

static int open_visits(struct mpx_conf *c, void *conf)
{
    struct visits *v = conf;

    v->session = (const struct mpx_session *)mpx_require(c, "session", 1, 0);
    return v->session != NULL ? 0 : mpx_conf_error(c, "", "needs the module session");
}

static enum mpx_rc counted(struct mpx_req *r, const void *conf, void *state)
{
    const struct visits *v = conf;
    struct mpx_str n;

    if (v->session->result(r) != 0 || !v->session->get(r, MPX_STR("visits"), &n))
        return mpx_res_error(r, 503); /* the store has logged why */
    mpx_res_header(r, "Content-Type", MPX_STR("text/plain"));
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "visit %.*s\n", (int)n.n, n.p));
    return mpx_res_end(r);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    const struct visits *v = conf;

    if (!mpx_str_eq(mpx_req_path(r), MPX_STR("/visits")))
        return MPX_NEXT;
    return v->session->increment(r, MPX_STR("visits"), 1, counted, NULL);
}

static const char *const after[] = { "session", NULL };

MPX_MODULE(visits) = {
    MPX_HEADER(visits, "1.0"),
    .conf_size = sizeof(struct visits),
    .open = open_visits,
    .after = after,
    .on = { [MPX_PH_CONTENT] = content },
};
