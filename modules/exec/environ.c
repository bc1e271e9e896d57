/* SPDX-License-Identifier: MIT
   The environment of a program: the meta-variables of RFC 3875 4.1, the fields of the request as
   HTTP_*, what the configuration adds; nothing else. */
#include "exec.h"

#include "../common/pointer.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Those that are texts with variables; one without a value is not set. */
static const struct {
    const char *name, *text;
} always[] = {
    { "GATEWAY_INTERFACE", "CGI/1.1" },
    { "QUERY_STRING", "$query" },
    { "REDIRECT_STATUS", "$status" }, /* php-cgi does not run without it */
    { "REMOTE_ADDR", "$remote_addr" },
    { "REMOTE_PORT", "$remote_port" },
    { "REMOTE_USER", "$user" },
    { "REQUEST_ID", "$request_id" },
    { "REQUEST_METHOD", "$method" },
    { "REQUEST_SCHEME", "$scheme" },
    { "REQUEST_URI", "$target" },
    { "SERVER_ADDR", "$server_addr" },
    { "SERVER_PORT", "$server_port" },
    { "SERVER_PROTOCOL", "$protocol" },
    { "SERVER_SOFTWARE", "multiplexd/" PACKAGE_VERSION },
};
enum { ALWAYS = sizeof(always) / sizeof(always[0]), OWN_MAX = 16 };

/* Fields that are about this connection, that stand elsewhere, or that would be taken for something
   else: HTTP_PROXY is a setting of many libraries (CVE-2016-5385). */
static const char *const kept_back[] = {
    "connection", "content-length",      "content-type", "expect",  "keep-alive",
    "proxy",      "proxy-authorization", "te",           "trailer", "transfer-encoding",
    "upgrade",
};

static bool is_name(struct mpx_str s)
{
    if (s.n == 0 || isdigit((unsigned char)s.p[0]))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && s.p[i] != '_')
            return false;
    return true;
}

int environ_check(struct mpx_conf *c, const struct conf *conf)
{
    const struct mpx_pair *env = conf->env.items;
    const struct mpx_str *names = conf->pass_env.items;
    int rc = 0;

    for (size_t i = 0; i < conf->env.count; i++) {
        const char *at = pointer_below(c, "env", env[i].key);

        if (!is_name(env[i].key))
            rc = mpx_conf_error(c, at,
                                "\"%.*s\" is no name of a variable: letters, digits and \"_\"",
                                (int)env[i].key.n, env[i].key.p);
        else if (memchr(env[i].value.p, '\0', env[i].value.n) != NULL)
            rc = mpx_conf_error(c, at, "a variable cannot hold a NUL");
        else
            (void)mpx_text_pieces(c, at, env[i].value);
    }
    for (size_t i = 0; i < conf->pass_env.count; i++)
        if (!is_name(names[i]))
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "pass_env/%zu", i).p,
                                "\"%.*s\" is no name of a variable: letters, digits and \"_\"",
                                (int)names[i].n, names[i].p);
    return rc;
}

static void pass(struct mpx_conf *c, struct conf *conf)
{
    const struct mpx_str *names = conf->pass_env.items;
    const char **list = mpx_alloc(mpx_conf_arena(c), (conf->pass_env.count + 1) * sizeof(*list));

    for (size_t i = 0; i < conf->pass_env.count; i++) {
        struct mpx_str name = mpx_printf(mpx_conf_arena(c), "%.*s", (int)names[i].n, names[i].p);
        const char *value = getenv(name.p);

        if (value != NULL)
            list[conf->passed_count++] = mpx_printf(mpx_conf_arena(c), "%s=%s", name.p, value).p;
    }
    conf->passed = list;
}

void environ_open(struct mpx_conf *c, struct conf *conf)
{
    const struct mpx_pair *env = conf->env.items;
    struct environ_piece *list =
        mpx_alloc(mpx_conf_arena(c), (ALWAYS + conf->env.count) * sizeof(*list));

    for (size_t i = 0; i < ALWAYS; i++)
        list[conf->environ_count++] = (struct environ_piece){
            { always[i].name, strlen(always[i].name) },
            mpx_text_pieces(c, "", (struct mpx_str){ always[i].text, strlen(always[i].text) })
        };
    for (size_t i = 0; i < conf->env.count; i++)
        list[conf->environ_count++] = (struct environ_piece){
            env[i].key, mpx_text_pieces(c, pointer_below(c, "env", env[i].key), env[i].value)
        };
    conf->environ = list;
    pass(c, conf);
}

/* ---- for one request */

struct list {
    struct mpx_arena *a;
    const char **items;
    size_t n, room;
};

/* A later value of the same name takes the place of an earlier one. */
static void put(struct list *l, struct mpx_str name, struct mpx_str value)
{
    const char *text = mpx_printf(l->a, "%.*s=%.*s", (int)name.n, name.p, (int)value.n, value.p).p;

    for (size_t i = 0; i < l->n; i++)
        if (strncmp(l->items[i], text, name.n + 1) == 0) {
            l->items[i] = text;
            return;
        }
    if (l->n < l->room)
        l->items[l->n++] = text;
}

static void put_own(struct list *l, const char *name, struct mpx_str value)
{
    put(l, (struct mpx_str){ name, strlen(name) }, value);
}

static void put_texts(struct list *l, struct mpx_req *r, const struct conf *conf)
{
    for (size_t i = 0; i < conf->environ_count; i++) {
        const struct environ_piece *e = &conf->environ[i];
        struct mpx_str value;
        bool is_of_site = i >= ALWAYS; /* set though it may be empty */

        if (mpx_join(r, e->text, &value) == 0 &&
            memchr(value.n > 0 ? value.p : "", '\0', value.n) == NULL &&
            (value.n > 0 || is_of_site || strcmp(e->name.p, "QUERY_STRING") == 0))
            put(l, e->name, value);
    }
}

static bool is_kept_back(const struct conf *conf, struct mpx_str name)
{
    for (size_t i = 0; i < sizeof(kept_back) / sizeof(kept_back[0]); i++)
        if (name.n == strlen(kept_back[i]) && strncasecmp(name.p, kept_back[i], name.n) == 0)
            return true;
    return name.n == 13 && strncasecmp(name.p, "authorization", 13) == 0 &&
           !conf->pass_authorization;
}

/* "X-Name" as HTTP_X_NAME. False for what could be mistaken for another field when it is written
   like that. */
static bool variable_of(struct mpx_str field, char *name)
{
    memcpy(name, "HTTP_", 5);
    for (size_t i = 0; i < field.n; i++) {
        unsigned char c = (unsigned char)field.p[i];

        if (!isalnum(c) && c != '-')
            return false;
        name[5 + i] = (char)(c == '-' ? '_' : toupper(c));
    }
    return true;
}

/* The lines of a repeated field are joined (RFC 3875 4.1.18); those of cookies in their own way
   (RFC 6265 5.4). */
static void put_field(struct list *l, struct mpx_req *r, const struct mpx_pair *line)
{
    char *name = mpx_alloc(l->a, line->key.n + 6);
    struct mpx_str variable = { name, line->key.n + 5 }, value;

    if (!variable_of(line->key, name))
        return;
    if (strcmp(name, "HTTP_COOKIE") != 0) {
        if (mpx_req_header(r, mpx_printf(l->a, "%.*s", (int)line->key.n, line->key.p).p, &value))
            put(l, variable, value);
        return;
    }
    struct mpx_str all = { "", 0 };
    struct mpx_pair other;
    for (size_t i = 0; mpx_req_header_at(r, i, &other); i++)
        if (other.key.n == 6 && strncasecmp(other.key.p, "cookie", 6) == 0)
            all = mpx_printf(l->a, "%.*s%s%.*s", (int)all.n, all.p, all.n > 0 ? "; " : "",
                             (int)other.value.n, other.value.p);
    put(l, variable, all);
}

static void put_fields(struct list *l, struct mpx_req *r, const struct conf *conf)
{
    struct mpx_pair line;

    for (size_t i = 0; mpx_req_header_at(r, i, &line); i++)
        if (!is_kept_back(conf, line.key))
            put_field(l, r, &line);
}

static size_t count_fields(struct mpx_req *r)
{
    struct mpx_pair line;
    size_t n = 0;

    while (mpx_req_header_at(r, n, &line))
        n++;
    return n;
}

static void put_paths(struct list *l, struct mpx_req *r, const struct way *w)
{
    struct mpx_str path = mpx_req_path(r), location = mpx_req_location(r);

    put_own(l, "SCRIPT_NAME",
            mpx_printf(l->a, "%.*s%.*s", (int)w->prefix, path.p, (int)w->name.n, w->name.p));
    put_own(l, "SCRIPT_FILENAME",
            mpx_printf(l->a, "%.*s/%.*s", (int)location.n, location.p, (int)w->name.n, w->name.p));
    put_own(l, "DOCUMENT_ROOT", mpx_req_translate(r, MPX_STR("/")));
    if (w->info.n == 0)
        return;
    put_own(l, "PATH_INFO", w->info);
    put_own(l, "PATH_TRANSLATED", mpx_req_translate(r, w->info));
}

/* What the user's session holds, each value under SESSION_ and its key. */
static void put_session(struct list *l, struct mpx_list values)
{
    const struct mpx_pair *pairs = values.items;

    for (size_t i = 0; i < values.count; i++)
        if (memchr(pairs[i].value.n > 0 ? pairs[i].value.p : "", '\0', pairs[i].value.n) == NULL)
            put(l, mpx_printf(l->a, "SESSION_%.*s", (int)pairs[i].key.n, pairs[i].key.p),
                pairs[i].value);
}

static void put_client(struct list *l, struct mpx_req *r)
{
    struct mpx_str name, host = mpx_req_host(r), value;

    if (mpx_client_name_result(r, &name) == 0)
        put_own(l, "REMOTE_HOST", name);
    put_own(l, "SERVER_NAME", host.n > 0 ? host : mpx_req_vhost(r));
    if (mpx_str_eq(mpx_req_scheme(r), MPX_STR("https")))
        put_own(l, "HTTPS", MPX_STR("on"));
    if (mpx_req_user(r).n > 0 && mpx_req_header(r, "Authorization", &value)) {
        const char *blank = memchr(value.p, ' ', value.n);

        put_own(l, "AUTH_TYPE",
                (struct mpx_str){ value.p, blank != NULL ? (size_t)(blank - value.p) : value.n });
    }
}

const char *const *environ_make(struct mpx_req *r, const struct way *w, int64_t body_length)
{
    const struct conf *conf = w->conf;
    const struct mpx_list none = { NULL, 0 };
    struct mpx_list session = w->session != NULL ? w->session->all(r) : none;
    struct list l = { .a = mpx_req_arena(r),
                      .room = 1 + conf->passed_count + conf->environ_count + OWN_MAX +
                              count_fields(r) + session.count };
    struct mpx_str value;

    l.items = mpx_alloc(l.a, (l.room + 1) * sizeof(*l.items));
    l.items[l.n++] = "PATH=/usr/local/bin:/usr/bin:/bin";
    for (size_t i = 0; i < conf->passed_count; i++) {
        const char *equals = strchr(conf->passed[i], '=');

        put(&l, (struct mpx_str){ conf->passed[i], (size_t)(equals - conf->passed[i]) },
            (struct mpx_str){ equals + 1, strlen(equals + 1) });
    }
    put_fields(&l, r, conf);
    put_paths(&l, r, w);
    put_client(&l, r);
    put_session(&l, session);
    if (body_length >= 0)
        put_own(&l, "CONTENT_LENGTH", mpx_printf(l.a, "%lld", (long long)body_length));
    if (mpx_req_header(r, "Content-Type", &value) && value.n > 0)
        put_own(&l, "CONTENT_TYPE", value);
    put_texts(&l, r, conf);
    return l.items;
}
