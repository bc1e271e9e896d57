/* SPDX-License-Identifier: MIT
   static - files beneath a directory's location: index files, validators, media types. Hidden
   files are as if they were not there; mpx_open sees to symbolic links. */
#include "policy.h"
#include "types.h"

#include <multiplexd/mime.h>

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct conf {
    struct mpx_list index_file; /* of struct mpx_str */
    struct mpx_list types;      /* of struct mpx_pair */
    struct mpx_str default_type, charset, mime_types;
    const struct types *system; /* kept: shared by all uses */
    struct types *own;
    struct mpx_list hidden; /* of struct mpx_str */
    int symlinks;
    struct policy policy;
    struct refusals *refusals;
};

/* When a root that could not be read may be logged again, in seconds; roots share the slots. */
enum { REFUSAL_SLOTS = 64, REFUSAL_SECONDS = 60 };
struct refusals {
    const char *user; /* who we are */
    time_t until[REFUSAL_SLOTS];
};

struct state {
    size_t index; /* which index file is tried; past the last: the path itself */
};

static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option options[] = {
    { .name = "index_file",
      .help = "served for a folder, the first that exists",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "[\"index.html\", \"index.htm\"]",
      .offset = offsetof(struct conf, index_file) },
    { .name = "types",
      .help = "media types by suffix, before those of mime_types: { \"md\": \"text/markdown\" }",
      .type = MPX_T_MAP,
      .offset = offsetof(struct conf, types) },
    { .name = "default_type",
      .help = "the media type of other files",
      .type = MPX_T_STRING,
      .fallback = "\"application/octet-stream\"",
      .offset = offsetof(struct conf, default_type) },
    { .name = "charset",
      .help = "added to text types, \"\" for none",
      .type = MPX_T_STRING,
      .fallback = "\"utf-8\"",
      .offset = offsetof(struct conf, charset) },
    { .name = "hidden",
      .help = "\"deny\": names that begin with a dot; \"allow\": none; or names, with *",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .fallback = "\"deny\"",
      .offset = offsetof(struct conf, hidden) },
    { .name = "symlinks",
      .help = "which symbolic links are followed: beneath the location, of one owner, all, none",
      .type = MPX_T_ENUM,
      .names = policy_links,
      .fallback = "\"beneath\"",
      .offset = offsetof(struct conf, symlinks) },
    { .name = "mime_types",
      .help = "the file with media types; a built-in list where there is none",
      .type = MPX_T_PATH,
      .where = MPX_AT_PROCESS,
      .fallback = "\"/etc/mime.types\"",
      .offset = offsetof(struct conf, mime_types) },
    MPX_OPTION_END,
};

static int check_index(struct mpx_conf *c, const struct conf *conf)
{
    const struct mpx_str *names = conf->index_file.items;
    int rc = 0;

    for (size_t i = 0; i < conf->index_file.count; i++)
        if (names[i].n == 0 || memchr(names[i].p, '/', names[i].n) != NULL)
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "index_file/%zu", i).p,
                                "\"%.*s\" is not the name of a file", (int)names[i].n, names[i].p);
    return rc;
}

static int check(struct mpx_conf *c, void *data)
{
    const struct conf *conf = data;
    const struct mpx_pair *pairs = conf->types.items;
    int rc = check_index(c, conf);

    if (policy_check(c, conf->hidden) < 0)
        rc = -1;
    if (!types_is_type(conf->default_type))
        rc = mpx_conf_error(c, "default_type", "must be a media type such as \"text/plain\"");
    if (conf->charset.n > 0 && !types_is_token(conf->charset))
        rc = mpx_conf_error(c, "charset", "must be one word, such as \"utf-8\"");
    for (size_t i = 0; i < conf->types.count; i++)
        if (!types_is_type(pairs[i].value))
            rc = mpx_conf_error(
                c,
                mpx_printf(mpx_conf_arena(c), "types/%.*s", (int)pairs[i].key.n, pairs[i].key.p).p,
                "must be a media type such as \"text/plain\"");
    return rc;
}

/* The view that Content-Type gets: with charset for text. */
static struct mpx_str with_charset(struct mpx_req *r, struct mpx_str type, struct mpx_str charset)
{
    static const struct mpx_str between = { "; charset=", 10 };

    if (charset.n == 0 || type.n < 5 || memcmp(type.p, "text/", 5) != 0 ||
        memchr(type.p, ';', type.n) != NULL)
        return type;
    char *text = mpx_alloc(mpx_req_arena(r), type.n + between.n + charset.n);
    memcpy(text, type.p, type.n);
    memcpy(text + type.n, between.p, between.n);
    memcpy(text + type.n + between.n, charset.p, charset.n);
    return (struct mpx_str){ text, type.n + between.n + charset.n };
}

static struct mpx_str type_of(struct mpx_req *r, const struct conf *conf, struct mpx_str name)
{
    struct mpx_str type = types_find(conf->own, name);

    if (type.n == 0)
        type = types_find(conf->system, name);
    return with_charset(r, type.n > 0 ? type : conf->default_type, conf->charset);
}

static struct mpx_str service_type(struct mpx_req *r, struct mpx_str name)
{
    const struct conf *conf = mpx_req_conf(r, "static");

    return conf != NULL ? type_of(r, conf, name) : MPX_STR("application/octet-stream");
}

static const struct mpx_mime mime = {
    .head = { .size = sizeof(mime), .major = 1, .minor = 0 },
    .type = service_type,
};

static const struct mpx_files_policy *service_policy(struct mpx_req *r)
{
    const struct conf *conf = mpx_req_conf(r, "static");

    return conf != NULL ? &conf->policy.told : mpx_files_policy(NULL, r);
}

static const struct mpx_files files = {
    .head = { .size = sizeof(files), .major = 1, .minor = 0 },
    .policy = service_policy,
};

static struct refusals *make_refusals(struct mpx_arena *a)
{
    struct refusals *refusals = mpx_alloc(a, sizeof(*refusals));
    const struct passwd *pw = getpwuid(geteuid());

    refusals->user = pw != NULL ? mpx_printf(a, "%s", pw->pw_name).p
                                : mpx_printf(a, "%u", (unsigned)geteuid()).p;
    return refusals;
}

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;
    struct types **kept = mpx_keep(c, "types", sizeof(*kept), types_end);

    if (*kept == NULL)
        *kept = types_read(conf->mime_types.p);
    conf->system = *kept;
    conf->refusals = make_refusals(mpx_conf_arena(c));
    conf->own = types_create();
    mpx_defer(mpx_conf_arena(c), types_destroy, conf->own);
    const struct mpx_pair *pairs = conf->types.items;
    for (size_t i = 0; i < conf->types.count; i++)
        types_add(conf->own, pairs[i].key, pairs[i].value);
    policy_init(&conf->policy, conf->hidden, conf->symlinks);
    return mpx_provide(c, "mime", &mime.head) < 0 || mpx_provide(c, "files", &files.head) < 0 ? -1
                                                                                              : 0;
}

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

/* Strong: time to the nanosecond, size and inode tell contents apart. */
static struct mpx_str entity_tag(char out[64], const struct stat *st)
{
    char *at = out;

    *at++ = '"';
    at = put_hex(at, (uint64_t)st->st_mtim.tv_sec * 1000000000u + (uint64_t)st->st_mtim.tv_nsec);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_size);
    *at++ = '-';
    at = put_hex(at, (uint64_t)st->st_ino);
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

static enum mpx_rc send_file(struct mpx_req *r, const struct conf *conf, struct mpx_file *file,
                             struct mpx_str name)
{
    const struct stat *st = mpx_file_stat(file);
    char tag[64];

    mpx_res_header(r, "Content-Type", type_of(r, conf, name));
    mpx_res_header(r, "ETag", entity_tag(tag, st));
    mpx_res_header(r, "Last-Modified", mpx_http_date(mpx_req_arena(r), st->st_mtim.tv_sec));
    mpx_res_file(r, file);
    return mpx_res_end(r);
}

/* Rights that are missing are the owner's to mend: told, but not with every request. */
static void log_refusal(struct mpx_req *r, struct refusals *refusals)
{
    struct mpx_str root = mpx_req_location(r), rest = mpx_req_rest(r);
    time_t now = time(NULL);
    size_t slot = 0;

    for (size_t i = 0; i < root.n; i++)
        slot = slot * 31 + (unsigned char)root.p[i];
    slot %= REFUSAL_SLOTS;
    if (now < refusals->until[slot])
        return;
    refusals->until[slot] = now + REFUSAL_SECONDS;
    /* the kernel has just walked that way: nothing is waited for */
    if (access(mpx_printf(mpx_req_arena(r), "%.*s", (int)root.n, root.p).p, X_OK) < 0)
        mpx_rlog(
            r, MPX_WARN,
            "user \"%s\" cannot enter \"%.*s\": %s: give it the right to search that folder and "
            "those above it",
            refusals->user, (int)root.n, root.p, strerror(errno));
    else
        mpx_rlog(r, MPX_WARN, "user \"%s\" cannot read \"%.*s\" beneath \"%.*s\": %s",
                 refusals->user, (int)rest.n, rest.p, (int)root.n, root.p, strerror(EACCES));
}

/* What an open that failed means to the client. */
static enum mpx_rc cannot_open(struct mpx_req *r, const struct conf *conf, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: /* a circle of symbolic links, or one that is not to be followed */
    case EXDEV: /* the way leads out of the root */
    case ENXIO: /* a socket */
        return MPX_NEXT;
    case EACCES:
        log_refusal(r, conf->refusals);
        return mpx_res_error(r, 403);
    case EMFILE:
    case ENFILE:
        mpx_rlog(r, MPX_WARN, "cannot open a file: %s", strerror(error));
        return mpx_res_error(r, 503);
    default:
        mpx_rlog(r, MPX_ERROR, "cannot open \"%.*s\" beneath \"%.*s\": %s", (int)mpx_req_rest(r).n,
                 mpx_req_rest(r).p, (int)mpx_req_location(r).n, mpx_req_location(r).p,
                 strerror(error));
        return mpx_res_error(r, 500);
    }
}

static enum mpx_rc opened(struct mpx_req *r, const void *data, void *state);

/* Opens the next index file of a folder; none is left: somebody else's. */
static enum mpx_rc open_index(struct mpx_req *r, const struct conf *conf, struct state *s)
{
    const struct mpx_str *names = conf->index_file.items;
    struct mpx_str rest = mpx_req_rest(r);

    if (s->index >= conf->index_file.count)
        return MPX_NEXT;
    struct mpx_str name = names[s->index];
    char *rel = mpx_alloc(mpx_req_arena(r), rest.n + name.n);
    if (rest.n > 0)
        memcpy(rel, rest.p, rest.n);
    memcpy(rel + rest.n, name.p, name.n);
    return mpx_open(r, (struct mpx_str){ rel, rest.n + name.n }, conf->policy.told.links, opened,
                    s);
}

static enum mpx_rc opened(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    const struct mpx_str *names = conf->index_file.items;
    struct state *s = state;
    bool is_index = names_folder(mpx_req_path(r));
    struct mpx_file *file;
    int rc = mpx_open_result(r, &file);

    if (is_index && (rc == -ENOENT || (rc == 0 && !S_ISREG(mpx_file_stat(file)->st_mode)))) {
        s->index++;
        return open_index(r, conf, s);
    }
    if (rc < 0)
        return cannot_open(r, conf, -rc);
    bool is_folder = S_ISDIR(mpx_file_stat(file)->st_mode);
    if (!is_folder && !S_ISREG(mpx_file_stat(file)->st_mode))
        return MPX_NEXT;
    if (!is_get_or_head(mpx_req_method(r)))
        return not_offered(r);
    if (is_folder)
        return redirect_to_folder(r);
    return send_file(r, conf, file, is_index ? names[s->index] : mpx_req_path(r));
}

static enum mpx_rc content(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct mpx_str path = mpx_req_path(r);

    if (mpx_req_location(r).n == 0 || conf->policy.told.hides(&conf->policy.told, path))
        return MPX_NEXT;
    if (names_folder(path))
        return open_index(r, conf, mpx_alloc(mpx_req_arena(r), sizeof(struct state)));
    return mpx_open(r, mpx_req_rest(r), conf->policy.told.links, opened, NULL);
}

MPX_MODULE(static) = {
    MPX_HEADER(static, "1.0"),
    .summary = "files, index files, media types, validators",
    .options = options,
    .conf_size = sizeof(struct conf),
    .check = check,
    .open = open_conf,
    .on = { [MPX_PH_CONTENT] = content },
};
