/* SPDX-License-Identifier: MIT
   Which program a path means: the first of its segments that leads to a file (RFC 3875 3.2), what
   follows is PATH_INFO. Everything is opened as module "static" would open it. */
#include "exec.h"

#include <errno.h>
#include <string.h>

/* Whether a file name has that suffix, and something before it. */
static bool ends_with(struct mpx_str name, struct mpx_str suffix)
{
    return name.n > suffix.n && memcmp(name.p + name.n - suffix.n, suffix.p, suffix.n) == 0;
}

static bool has_execute_permission(const struct stat *st)
{
    return (st->st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
}

/* Whether a file is a program; then also what runs it. The longest suffix counts. */
static bool is_program(const struct conf *conf, struct mpx_str name, const struct stat *st,
                       const char **interpreter)
{
    const struct mpx_pair *pairs = conf->extensions.items, *best = NULL;

    if (!S_ISREG(st->st_mode))
        return false;
    for (size_t i = 0; i < conf->extensions.count; i++)
        if (ends_with(name, pairs[i].key) && (best == NULL || pairs[i].key.n > best->key.n))
            best = &pairs[i];
    *interpreter = best != NULL && best->value.n > 0 ? best->value.p : NULL;
    return best != NULL || (conf->executable && has_execute_permission(st));
}

static struct mpx_str joined(struct mpx_arena *a, struct mpx_str x, struct mpx_str y)
{
    return mpx_printf(a, "%.*s%.*s", (int)x.n, x.p, (int)y.n, y.p);
}

static bool is_hidden(struct mpx_req *r, const struct way *w, struct mpx_str name)
{
    const struct mpx_str before = { mpx_req_path(r).p, w->prefix };

    return w->policy->hides(w->policy, joined(mpx_req_arena(r), before, name));
}

/* The program is open: it, and no other that may lie there by now, is run. */
static enum mpx_rc program_opened(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;
    int rc = mpx_open_result(r, &w->file);

    if (rc == 0 && is_program(data, w->name, mpx_file_stat(w->file), &w->interpreter))
        return run(r, data, w);
    mpx_rlog(r, MPX_ERROR, "\"%.*s\" cannot be opened: %s", (int)w->name.n, w->name.p,
             strerror(rc < 0 ? -rc : ENOENT));
    return mpx_res_error(r, 500);
}

/* What lies there: the program that is meant, or something else, which others serve. */
static enum mpx_rc found(struct mpx_req *r, const struct conf *conf, struct way *w,
                         struct mpx_str name, struct mpx_str info, const struct mpx_file *file)
{
    if (!is_program(conf, name, mpx_file_stat(file), &w->interpreter))
        return MPX_NEXT;
    w->name = name;
    w->info = info;
    return mpx_open(r, name, w->policy->links | MPX_OPEN_DESCRIPTOR, program_opened, w);
}

/* ---- index files: those of "static", so that no program among them is sent as a file */

static enum mpx_rc index_opened(struct mpx_req *r, const void *data, void *state);

static enum mpx_rc next_index(struct mpx_req *r, struct way *w)
{
    const struct mpx_str *names = w->policy->index_file.items;

    for (; w->index < w->policy->index_file.count; w->index++) {
        w->name = joined(mpx_req_arena(r), w->rest, names[w->index]);
        if (!is_hidden(r, w, w->name))
            return mpx_open(r, w->name, w->policy->links, index_opened, w);
    }
    return MPX_NEXT;
}

static enum mpx_rc index_opened(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;
    struct mpx_file *file;
    int rc = mpx_open_result(r, &file);

    if (rc == 0 && S_ISREG(mpx_file_stat(file)->st_mode))
        return found(r, data, w, w->name, MPX_STR(""), file);
    if (rc == -EACCES)
        return MPX_NEXT;
    w->index++;
    return next_index(r, w);
}

/* ---- PATH_INFO: segment by segment */

static enum mpx_rc segment_opened(struct mpx_req *r, const void *data, void *state);

static enum mpx_rc next_segment(struct mpx_req *r, struct way *w)
{
    size_t n = w->tried + (w->tried > 0);

    while (n < w->rest.n && w->rest.p[n] != '/')
        n++;
    w->tried = n;
    if (n >= w->rest.n)
        return MPX_NEXT;
    return mpx_open(r, (struct mpx_str){ w->rest.p, n }, w->policy->links, segment_opened, w);
}

static enum mpx_rc segment_opened(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;
    struct mpx_file *file;
    int rc = mpx_open_result(r, &file);
    struct mpx_str name = { w->rest.p, w->tried };

    if (rc < 0 || is_hidden(r, w, name))
        return MPX_NEXT;
    if (S_ISDIR(mpx_file_stat(file)->st_mode))
        return next_segment(r, w);
    return found(r, data, w, name, (struct mpx_str){ w->rest.p + w->tried, w->rest.n - w->tried },
                 file);
}

/* Mostly the whole path means one file. */
static enum mpx_rc path_opened(struct mpx_req *r, const void *data, void *state)
{
    struct way *w = state;
    struct mpx_file *file;
    int rc = mpx_open_result(r, &file);

    if (rc == -ENOTDIR)
        return next_segment(r, w);
    if (rc < 0 || is_hidden(r, w, w->rest))
        return MPX_NEXT;
    if (!S_ISDIR(mpx_file_stat(file)->st_mode))
        return found(r, data, w, w->rest, MPX_STR(""), file);
    bool is_named_as_folder = w->rest.n == 0 || w->rest.p[w->rest.n - 1] == '/';
    return is_named_as_folder ? next_index(r, w) : MPX_NEXT;
}

enum mpx_rc find(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;

    if (!conf->is_on || mpx_req_location(r).n == 0)
        return MPX_NEXT;
    struct way *w = mpx_alloc(mpx_req_arena(r), sizeof(*w));
    /* "static" stands behind this module, and opens behind it */
    w->policy = mpx_files_policy_of(
        (const struct mpx_files *)(const void *)mpx_require(conf->c, "files", 1, 0), r);
    w->conf = conf;
    w->session = mpx_req_conf(r, "session") != NULL ? conf->session : NULL;
    w->rest = mpx_req_rest(r);
    w->prefix = mpx_req_path(r).n - w->rest.n;
    return mpx_open(r, w->rest, w->policy->links, path_opened, w);
}
