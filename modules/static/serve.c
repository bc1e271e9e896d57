/* SPDX-License-Identifier: MIT */
#include "serve.h"

#include "conf.h"
#include "refusal.h"

#include <errno.h>
#include <string.h>

/* A request on its way; views and files live as long as it does. */
struct way {
    size_t index;             /* which index file is tried */
    struct mpx_str path, rel; /* of the file that is served: as a URI has it, and to be opened */
    struct mpx_file *file;    /* the original, */
    struct mpx_str type;      /* its media type, */
    size_t tried, count;      /* and what may lie compressed beside it */
    enum encoding order[ENCODING_COUNT];
};

static bool names_folder(struct mpx_str path)
{
    return path.n > 0 && path.p[path.n - 1] == '/';
}

/* The same resource with the slash that its relative links need; the query is kept. */
static enum mpx_rc redirect_to_folder(struct mpx_req *r)
{
    struct mpx_arena *a = mpx_req_arena(r);
    struct mpx_str path = mpx_encode_path(a, mpx_req_path(r)), query = mpx_req_query(r);

    return mpx_res_redirect(r, 301,
                            mpx_printf(a, "%.*s/%s%.*s", (int)path.n, path.p,
                                       query.n > 0 ? "?" : "", (int)query.n, query.p));
}

static char *put_hex(char *at, uint64_t n)
{
    char digits[16];
    size_t i = sizeof(digits);

    do
        digits[--i] = "0123456789abcdef"[n & 15];
    while ((n >>= 4) != 0);
    memcpy(at, digits + i, sizeof(digits) - i);
    return at + (sizeof(digits) - i);
}

/* Strong: time to the nanosecond, size and inode tell contents apart; a coding says so. */
static struct mpx_str entity_tag(char out[64], const struct stat *st, struct mpx_str encoding)
{
    char *at = out;

    *at++ = '"';
    at = put_hex(at, (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_size);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_ino);
    if (encoding.n > 0) {
        *at++ = '-';
        memcpy(at, encoding.p, encoding.n);
        at += encoding.n;
    }
    *at++ = '"';
    return (struct mpx_str){ out, (size_t)(at - out) };
}

static bool is_get_or_head(struct mpx_str method)
{
    return mpx_str_eq(method, MPX_STR("GET")) || mpx_str_eq(method, MPX_STR("HEAD"));
}

/* There is something here, but not for this method. */
static enum mpx_rc not_offered(struct mpx_req *r)
{
    mpx_req_allow(r, "GET, HEAD");
    return MPX_NEXT;
}

/* encoding is empty for the original. */
static enum mpx_rc send_file(struct mpx_req *r, const struct conf *conf, const struct way *w,
                             struct mpx_file *file, struct mpx_str encoding)
{
    const struct stat *st = mpx_file_stat(file);
    struct mpx_str control = cache_control(&conf->cache, w->path, w->type);
    char tag[64];

    mpx_res_header(r, "Content-Type", w->type);
    if (encoding.n > 0)
        mpx_res_header(r, "Content-Encoding", encoding);
    mpx_res_header(r, "ETag", entity_tag(tag, st, encoding));
    mpx_res_header(r, "Last-Modified", mpx_http_date(mpx_req_arena(r), st->st_mtim.tv_sec));
    if (control.n > 0)
        mpx_res_header(r, "Cache-Control", control);
    mpx_res_file(r, file);
    return mpx_res_end(r);
}

static bool is_hidden(const struct conf *conf, struct mpx_str path)
{
    return conf->policy.told.hides(&conf->policy.told, path);
}

static enum mpx_rc sidecar_opened(struct mpx_req *r, const void *data, void *state);

/* Opens the next file that may lie compressed beside the original, or sends that. */
static enum mpx_rc try_sidecar(struct mpx_req *r, const struct conf *conf, struct way *w)
{
    unsigned flags = conf->policy.told.links | MPX_OPEN_ABSENCE;
    struct mpx_arena *a = mpx_req_arena(r);

    for (; w->tried < w->count; w->tried++) {
        enum encoding e = w->order[w->tried];

        if (!is_hidden(conf, sidecar_name(a, w->path, e)))
            return mpx_open(r, sidecar_name(a, w->rel, e), flags, sidecar_opened, w);
    }
    return send_file(r, conf, w, w->file, MPX_STR(""));
}

/* One that cannot be had, for whatever reason, is none: there is the original. */
static enum mpx_rc sidecar_opened(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct way *w = state;
    struct mpx_file *file;

    if (mpx_open_result(r, &file) == 0 &&
        sidecar_is_good(mpx_file_stat(file), mpx_file_stat(w->file)))
        return send_file(r, conf, w, file, encoding_name(w->order[w->tried]));
    w->tried++;
    return try_sidecar(r, conf, w);
}

static enum mpx_rc answer(struct mpx_req *r, const struct conf *conf, struct way *w)
{
    w->type = conf_type_of(r, conf, w->path);
    if (!sidecars_may_be(&conf->sidecars, w->type))
        return send_file(r, conf, w, w->file, MPX_STR(""));
    mpx_res_header_add(r, "Vary", MPX_STR("Accept-Encoding"));
    w->count = sidecars_order(&conf->sidecars, r, w->order);
    return try_sidecar(r, conf, w);
}

/* A folder that has no index: forbidden, unless somebody else lists it. */
static enum mpx_rc folder_opened(struct mpx_req *r, const void *data, void *state)
{
    struct mpx_file *folder;
    int rc = mpx_open_result(r, &folder);

    (void)data;
    (void)state;
    if (rc == 0 || rc == -EACCES)
        mpx_req_unserved(r, 403);
    return MPX_NEXT;
}

static enum mpx_rc index_opened(struct mpx_req *r, const void *data, void *state);

static struct mpx_str joined(struct mpx_arena *a, struct mpx_str folder, struct mpx_str name)
{
    char *text = mpx_alloc(a, folder.n + name.n);

    if (folder.n > 0)
        memcpy(text, folder.p, folder.n);
    memcpy(text + folder.n, name.p, name.n);
    return (struct mpx_str){ text, folder.n + name.n };
}

/* Opens the next index file of a folder. */
static enum mpx_rc open_index(struct mpx_req *r, const struct conf *conf, struct way *w)
{
    const struct mpx_str *names = conf->index_file.items;
    struct mpx_arena *a = mpx_req_arena(r);
    unsigned links = conf->policy.told.links;

    for (; w->index < conf->index_file.count; w->index++) {
        w->path = joined(a, mpx_req_path(r), names[w->index]);
        w->rel = joined(a, mpx_req_rest(r), names[w->index]);
        if (!is_hidden(conf, w->path))
            return mpx_open(r, w->rel, links, index_opened, w);
    }
    return mpx_open(r, mpx_req_rest(r), links | MPX_OPEN_DIRECTORY, folder_opened, NULL);
}

/* There is no such file, or none that is served. */
static bool is_missing(int rc)
{
    return rc == -ENOENT || rc == -ELOOP || rc == -EXDEV || rc == -ENXIO;
}

static enum mpx_rc index_opened(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct way *w = state;
    int rc = mpx_open_result(r, &w->file);

    if (is_missing(rc) || (rc == 0 && !S_ISREG(mpx_file_stat(w->file)->st_mode))) {
        w->index++;
        return open_index(r, conf, w);
    }
    if (rc < 0)
        return refusal_answer(r, conf->refusals, -rc);
    return is_get_or_head(mpx_req_method(r)) ? answer(r, conf, w) : not_offered(r);
}

static enum mpx_rc opened(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct way *w = state;
    int rc = mpx_open_result(r, &w->file);

    if (rc < 0)
        return refusal_answer(r, conf->refusals, -rc);
    bool is_folder = S_ISDIR(mpx_file_stat(w->file)->st_mode);
    if (!is_folder && !S_ISREG(mpx_file_stat(w->file)->st_mode))
        return MPX_NEXT;
    if (!is_get_or_head(mpx_req_method(r)))
        return not_offered(r);
    return is_folder ? redirect_to_folder(r) : answer(r, conf, w);
}

enum mpx_rc serve(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct mpx_str path = mpx_req_path(r);

    if (mpx_req_location(r).n == 0 || is_hidden(conf, path))
        return MPX_NEXT;
    struct way *w = mpx_alloc(mpx_req_arena(r), sizeof(*w));
    if (names_folder(path))
        return open_index(r, conf, w);
    w->path = path;
    w->rel = mpx_req_rest(r);
    return mpx_open(r, w->rel, conf->policy.told.links, opened, w);
}
