/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <string.h>

int rules_check(struct mpx_conf *c, const struct conf *conf)
{
    const struct rule *rules = conf->require.items;
    int rc = 0;

    for (size_t i = 0; i < conf->require.count; i++)
        if (!values_is_key(rules[i].key))
            rc = mpx_conf_error(c, "require",
                                "\"%.*s\" cannot be a key of a session: 1 to 64 of A-Z, a-z, 0-9 "
                                "and _",
                                (int)rules[i].key.n, rules[i].key.p);
    if (conf->login.n > 0 &&
        (conf->login.p[0] != '/' || memchr(conf->login.p, '?', conf->login.n) != NULL))
        rc = mpx_conf_error(c, "login",
                            "\"%.*s\" must be a path of this virtual host without a query, such "
                            "as \"/login\"",
                            (int)conf->login.n, conf->login.p);
    return rc;
}

static bool holds(const struct seat *seat, const struct rule *rule)
{
    const struct mpx_str *values = rule->values.items;
    struct mpx_str value;

    if (!values_get(seat->data, rule->key, &value))
        return false;
    for (size_t i = 0; i < rule->values.count; i++)
        if (mpx_str_eq(values[i], MPX_STR("*")) ? value.n > 0 : mpx_str_eq(values[i], value))
            return true;
    return false;
}

/* The first rule that does not hold, or NULL; *any: there are rules. */
static const struct rule *first_broken(const struct seat *seat, const struct conf *conf, bool *any)
{
    *any = false;
    for (; conf != NULL; conf = conf->inherit ? mpx_conf_outer(conf) : NULL) {
        const struct rule *rules = conf->require.items;

        for (size_t i = 0; i < conf->require.count; i++) {
            *any = true;
            if (!holds(seat, &rules[i]))
                return &rules[i];
        }
    }
    return NULL;
}

/* What the client asked for, to come back to: as it was sent. A path that begins with two slashes
   would be another host to who goes there. */
static struct mpx_str target_of(struct mpx_req *r)
{
    struct mpx_str line = mpx_req_line(r);
    const char *p = memchr(line.p, ' ', line.n);
    size_t n = p != NULL ? line.n - (size_t)(p + 1 - line.p) : 0;
    const char *end = n > 0 ? memchr(p + 1, ' ', n) : NULL;

    if (end != NULL && end - p > 1 && p[1] == '/' && p[2] != '/' && p[2] != '\\')
        return (struct mpx_str){ p + 1, (size_t)(end - p - 1) };
    return mpx_encode_path(mpx_req_arena(r), mpx_req_path(r));
}

static enum mpx_rc refuse(struct mpx_req *r, const struct conf *conf, const struct rule *rule)
{
    struct mpx_str method = mpx_req_method(r);
    struct mpx_arena *a = mpx_req_arena(r);

    mpx_rlog(r, MPX_INFO, "refused: the session does not have what \"%.*s\" requires",
             (int)rule->key.n, rule->key.p);
    if (conf->login.n == 0 ||
        !(mpx_str_eq(method, MPX_STR("GET")) || mpx_str_eq(method, MPX_STR("HEAD"))))
        return mpx_res_error(r, 403);
    struct mpx_str login = mpx_encode_path(a, conf->login);
    struct mpx_str back = mpx_encode_path(a, target_of(r));
    (void)mpx_res_header(r, "Cache-Control", MPX_STR("no-store"));
    return mpx_res_redirect(
        r, 303, mpx_printf(a, "%.*s?return=%.*s", (int)login.n, login.p, (int)back.n, back.p));
}

enum mpx_rc rules_judge(struct mpx_req *r, const struct conf *conf)
{
    const struct conf *active;
    struct seat *seat = seat_of(r, &active);
    bool any;
    const struct rule *broken = first_broken(seat, conf, &any);

    if (!any || (conf->login.n > 0 && mpx_str_eq(mpx_req_path(r), conf->login)))
        return MPX_NEXT;
    seat->is_looked_at = true;
    if (broken == NULL)
        return MPX_GRANT;
    if (seat->is_broken)
        return mpx_res_error(r, 503);
    return refuse(r, conf, broken);
}
