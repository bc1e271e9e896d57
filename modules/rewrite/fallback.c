/* SPDX-License-Identifier: MIT
   "fallback": what to try where there is no file. Whatever is there goes before it. */
#include "rewrite.h"

#include <errno.h>
#include <string.h>

struct fallback {
    const struct target **tries; /* files, or folders with a slash at their end */
    size_t count;
    const struct target *to; /* what is taken in the end; NULL: status */
    int status;              /* 0: what would have been without */
};

/* A request on its way through the tries. */
struct attempt {
    size_t at; /* 0: the path as it is; behind the tries: the folder of that name */
    bool as_folder;
    struct mpx_str path, query;
};

bool rewrite_is_there(const struct mpx_req *r, bool as_folder)
{
    struct mpx_file *file;
    int rc = mpx_open_result(r, &file);

    if (rc < 0) /* who serves files tells why these cannot be had */
        return rc == -EACCES || rc == -EMFILE || rc == -ENFILE;
    return as_folder || S_ISREG(mpx_file_stat(file)->st_mode);
}

static int status_of(struct mpx_str s)
{
    if (s.n != 3 || s.p[0] < '4' || s.p[0] > '5' || s.p[1] < '0' || s.p[1] > '9' || s.p[2] < '0' ||
        s.p[2] > '9')
        return 0;
    return (s.p[0] - '0') * 100 + (s.p[1] - '0') * 10 + (s.p[2] - '0');
}

int fallback_compile(struct mpx_conf *c, struct conf *conf)
{
    const struct mpx_str *texts = conf->fallback.items;
    size_t n = conf->fallback.count;

    if (n == 0)
        return 0;
    struct fallback *f = mpx_alloc(mpx_conf_arena(c), sizeof(*f));
    f->tries = mpx_alloc(mpx_conf_arena(c), n * sizeof(struct target *));
    for (size_t i = 0; i < n; i++) {
        const char *below = mpx_printf(mpx_conf_arena(c), "fallback/%zu", i).p;

        if (i + 1 == n && (f->status = status_of(texts[i])) != 0)
            break;
        if (texts[i].n == 0 || (texts[i].p[0] != '/' && texts[i].p[0] != '$'))
            return mpx_conf_error(c, below,
                                  i + 1 == n
                                      ? "must be a path, \"/...\", or the status of an error, "
                                        "\"404\""
                                      : "must be a path, \"/...\" or \"$path...\"");
        const struct target *t = rewrite_target(c, below, texts[i], NULL, 0);
        if (t == NULL)
            return -1;
        if (i + 1 == n)
            f->to = t;
        else
            f->tries[f->count++] = t;
    }
    conf->tries = f;
    return 0;
}

static enum mpx_rc next(struct mpx_req *r, const struct conf *conf, struct attempt *a);

static enum mpx_rc take(struct mpx_req *r, const struct conf *conf, const struct attempt *a)
{
    struct slot *s = mpx_req_slot(r, conf);

    s->is_done = s->fell_back = true;
    if (mpx_req_rewrite(r, a->path, a->query) < 0)
        return mpx_res_error(r, 404);
    return MPX_RESTART;
}

static enum mpx_rc opened(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct attempt *a = state;

    if (!rewrite_is_there(r, a->as_folder)) {
        a->at++;
        return next(r, conf, a);
    }
    if (a->at == 0 || a->at == conf->tries->count + 1)
        return MPX_NEXT;
    return take(r, conf, a);
}

static enum mpx_rc look(struct mpx_req *r, struct attempt *a)
{
    a->as_folder = a->path.n > 0 && a->path.p[a->path.n - 1] == '/';
    return mpx_open_path(r, a->path, 0, opened, a);
}

/* Where a target leads. False when it is too long. */
static bool fill(struct mpx_req *r, const struct target *t, struct attempt *a)
{
    const struct filling none = { .groups = NULL };
    struct place p;

    if (target_fill(r, t, &none, &p) < 0)
        return false;
    a->path = p.path;
    a->query = p.query;
    return true;
}

static enum mpx_rc next(struct mpx_req *r, const struct conf *conf, struct attempt *a)
{
    const struct fallback *f = conf->tries;
    struct mpx_str path = mpx_req_path(r);

    if (a->at == 0) {
        a->path = path;
        return look(r, a);
    }
    if (a->at <= f->count)
        return fill(r, f->tries[a->at - 1], a) ? look(r, a) : mpx_res_error(r, 414);
    if (a->at == f->count + 1 && path.p[path.n - 1] != '/') {
        a->path = mpx_printf(mpx_req_arena(r), "%.*s/", (int)path.n, path.p);
        return look(r, a);
    }
    if (f->to == NULL)
        return mpx_res_error(r, f->status);
    return fill(r, f->to, a) ? take(r, conf, a) : mpx_res_error(r, 414);
}

enum mpx_rc fallback_content(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct slot *s;

    /* a page for an error is what it is */
    if (conf->tries == NULL || mpx_res_get_status(r) != 200)
        return MPX_NEXT;
    s = mpx_req_slot(r, conf);
    if (s->fell_back)
        return MPX_NEXT;
    return next(r, conf, mpx_alloc(mpx_req_arena(r), sizeof(struct attempt)));
}
