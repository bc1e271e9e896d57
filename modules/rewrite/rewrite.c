/* SPDX-License-Identifier: MIT
   rewrite - other paths inside the server, redirects, and what is tried where there is no file. */
#include "rewrite.h"

static int check(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    int rc = 0;

    /* only the virtual host's rules are asked: a directory has them from there, not of its own */
    if (mpx_conf_at(c) != MPX_AT_DIRECTORY)
        rc = rules_compile(c, conf);
    return fallback_compile(c, conf) < 0 ? -1 : rc;
}

static int get_variable(struct mpx_req *r, struct mpx_str name, struct mpx_str *value)
{
    const struct conf *conf = mpx_req_conf(r, "rewrite");
    const struct slot *s = conf != NULL ? mpx_req_slot(r, conf) : NULL;

    for (const struct variable *v = s != NULL ? s->variables : NULL; v != NULL; v = v->next)
        if (mpx_str_eq(v->name, name)) {
            *value = v->value;
            return 0;
        }
    return -1;
}

static const struct mpx_variable variables[] = { { "rewrite", get_variable }, { NULL, NULL } };

static int open_conf(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;

    return conf->engine != NULL ? map_watch(c, conf->engine->maps) : 0;
}

MPX_MODULE(rewrite) = {
    MPX_HEADER(rewrite, "1.0"),
    .summary = "other paths, redirects, fallbacks",
    .options = rewrite_options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct slot),
    .check = check,
    .open = open_conf,
    .variables = variables,
    .on = { [MPX_PH_ROUTE] = rewrite_route, [MPX_PH_CONTENT] = fallback_content },
};
