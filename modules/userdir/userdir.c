/* SPDX-License-Identifier: MIT
   userdir - the pages of users: /~user/rest lies in a folder of that user's home, and the modules
   behind this one serve it. Who has none, for whatever reason, is answered alike. */
#include "users.h"

#include <string.h>
#include <unistd.h>

enum { WAIT_MS = 10000 }; /* a database that takes longer is answered for with 503 */

struct conf {
    struct users_rules rules;
    struct users *users;
};

static const struct mpx_option folder_element = { .name = "", .type = MPX_T_STRING };
static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option options[] = {
    { .name = "user_subdirs",
      .help = "folders in a user's home; the first that is there is served",
      .type = MPX_T_LIST,
      .flags = MPX_OPT_BARE,
      .of = &folder_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "[\"public_html\"]",
      .offset = offsetof(struct conf, rules.subdirs) },
    { .name = "allow_users",
      .help = "these alone have pages",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct conf, rules.allow) },
    { .name = "deny_users",
      .help = "these have none, allowed or not",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct conf, rules.deny) },
    { .name = "min_uid",
      .help = "users with a lower number are the system's and have none",
      .type = MPX_T_INT,
      .fallback = "1000",
      .min = 1000,
      .max = 4294967293,
      .offset = offsetof(struct conf, rules.min_uid) },
    MPX_OPTION_END,
};

/* A path of real names, so that it is a part of the home and not all of it. */
static bool is_subdir(struct mpx_str path)
{
    size_t from = 0;

    for (size_t i = 0; i <= path.n; i++) {
        if (i < path.n && path.p[i] != '/')
            continue;
        struct mpx_str step = { path.p + from, i - from };

        if (step.n == 0 || step.n > 255 || mpx_str_eq(step, MPX_STR(".")) ||
            mpx_str_eq(step, MPX_STR("..")) || memchr(step.p, '\0', step.n) != NULL)
            return false;
        from = i + 1;
    }
    return true;
}

static int wrong(struct mpx_conf *c, const char *key, size_t i, struct mpx_str value,
                 const char *what)
{
    return mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "%s/%zu", key, i).p, "\"%.*s\" %s",
                          (int)value.n, value.p, what);
}

static int check_names(struct mpx_conf *c, const char *key, const struct mpx_list *list)
{
    const struct mpx_str *names = list->items;
    int rc = 0;

    for (size_t i = 0; i < list->count; i++)
        if (!users_is_name(names[i]))
            rc = wrong(c, key, i, names[i],
                       "cannot be the name of a user: that has letters, digits, \"_\", and behind "
                       "the first also \"-\" and \".\"");
    return rc;
}

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;
    const struct mpx_str *subdirs = conf->rules.subdirs.items;
    int rc = 0;

    if (conf->rules.subdirs.count == 0)
        rc = mpx_conf_error(c, "user_subdirs", "names no folder: nobody could have pages");
    for (size_t i = 0; i < conf->rules.subdirs.count; i++)
        if (!is_subdir(subdirs[i]))
            rc = wrong(c, "user_subdirs", i, subdirs[i],
                       "is no folder in a home: it must be a relative path such as "
                       "\"public_html\", without \"..\"");
    if (check_names(c, "allow_users", &conf->rules.allow) < 0 ||
        check_names(c, "deny_users", &conf->rules.deny) < 0)
        rc = -1;
    return rc;
}

/* What root may read is not to be had by a link in anybody's home. */
static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    if (geteuid() == 0)
        return mpx_conf_error(c, "",
                              "pages of users are not served by a daemon that runs as root: set "
                              "\"user\" in \"daemon\" to another one");
    conf->users = users_create(c, &conf->rules);
    return conf->users != NULL ? 0 : -1;
}

static void close_conf(void *data)
{
    users_destroy(((struct conf *)data)->users);
}

/* What stands between "/~" and the next slash; "" where there is no user's name. */
static struct mpx_str user_in(struct mpx_str path)
{
    const struct mpx_str none = { "", 0 };

    if (path.n < 3 || path.p[1] != '~')
        return none;
    struct mpx_str name = { path.p + 2, path.n - 2 };
    const char *slash = memchr(name.p, '/', name.n);
    if (slash != NULL)
        name.n = (size_t)(slash - name.p);
    return users_is_name(name) ? name : none;
}

/* Whether the configuration names a folder for that path, or for one beneath it. */
static bool is_placed(const struct mpx_req *r, struct mpx_str prefix)
{
    struct mpx_str root = mpx_req_root_prefix(r);

    return root.n >= prefix.n && memcmp(root.p, prefix.p, prefix.n) == 0 &&
           (root.n == prefix.n || root.p[prefix.n] == '/');
}

static enum mpx_rc busy(struct mpx_req *r)
{
    mpx_res_header(r, "Retry-After", MPX_STR("5"));
    return mpx_res_error(r, 503);
}

static enum mpx_rc looked_up(struct mpx_req *r, const void *data, void *state);

static enum mpx_rc content(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct mpx_str path = mpx_req_path(r), name = user_in(path);
    struct mpx_str prefix = { path.p, name.n + 2 }, folder;
    enum mpx_rc rc;
    uid_t uid;

    if (name.n == 0 || is_placed(r, prefix))
        return MPX_NEXT;
    struct user *u = users_ask(conf->users, name);
    if (u == NULL)
        return busy(r);
    switch (user_state(u)) {
    case USERS_PENDING:
        rc = user_wait(u, r, WAIT_MS, looked_up);
        return rc == MPX_WAIT ? rc : busy(r);
    case USERS_FOUND:
        folder = user_folder(u, &uid);
        return mpx_req_set_root(r, prefix, folder, uid) < 0 ? MPX_FAIL : MPX_NEXT;
    case USERS_NONE:
        return mpx_res_error(r, 404);
    case USERS_FAILED:
        break;
    }
    return busy(r);
}

static enum mpx_rc looked_up(struct mpx_req *r, const void *data, void *state)
{
    (void)state;
    if (!mpx_wait_expired(r))
        return content(r, data);
    mpx_rlog(r, MPX_WARN, "a user was not looked up within %d seconds: answered 503",
             WAIT_MS / 1000);
    return busy(r);
}

MPX_MODULE(userdir) = {
    MPX_HEADER(userdir, "1.0"),
    .summary = "pages of users: /~user/ lies in their home",
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
    .open = open_conf,
    .close = close_conf,
    .on = { [MPX_PH_CONTENT] = content },
};
