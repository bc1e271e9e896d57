/* SPDX-License-Identifier: MIT
   dirlist - the page of a folder that has no index file: for people as HTML, for programs as JSON.
   The hook finds out what is asked for and sends what pages.c has; a thread reads and writes. */
#include "pages.h"

#include "../common/pattern.h"
#include "../common/percent.h"

#include <errno.h>
#include <string.h>
#include <time.h>

const char *const field_words[] = { "kind",  "size",  "mtime",  "user",
                                    "group", "flags", "target", NULL };
const char *const sort_words[] = { "name", "size", "time", "kind", NULL };
const char *const order_words[] = { "asc", "desc", NULL };
const char *const format_words[] = { "html", "json", NULL };

static const struct mpx_option field_element = { .name = "",
                                                 .type = MPX_T_ENUM,
                                                 .names = field_words };
static const struct mpx_option name_element = { .name = "", .type = MPX_T_STRING };

static const struct mpx_option options[] = {
    { .name = "enabled",
      .help = "whether folders are listed here",
      .type = MPX_T_BOOL,
      .flags = MPX_OPT_BARE,
      .fallback = "true",
      .offset = offsetof(struct settings, enabled) },
    { .name = "fields",
      .help = "what is told beside the name, in this order: kind, size, mtime, user, group, flags, "
              "target",
      .type = MPX_T_LIST,
      .of = &field_element,
      .of_size = sizeof(int),
      .fallback = "[\"size\", \"mtime\"]",
      .offset = offsetof(struct settings, fields) },
    { .name = "sort",
      .help = "the order where the request names none",
      .type = MPX_T_ENUM,
      .names = sort_words,
      .fallback = "\"name\"",
      .offset = offsetof(struct settings, sort) },
    { .name = "order",
      .help = "which way round",
      .type = MPX_T_ENUM,
      .names = order_words,
      .fallback = "\"asc\"",
      .offset = offsetof(struct settings, order) },
    { .name = "dirs_first",
      .help = "folders stand before files, whatever the order",
      .type = MPX_T_BOOL,
      .fallback = "true",
      .offset = offsetof(struct settings, dirs_first) },
    { .name = "names",
      .help = "a regular expression (PCRE2): only names that it matches are listed",
      .type = MPX_T_STRING,
      .offset = offsetof(struct settings, names) },
    { .name = "hide_symlinks",
      .help = "a link looks like what it leads to",
      .type = MPX_T_BOOL,
      .fallback = "false",
      .offset = offsetof(struct settings, hide_symlinks) },
    { .name = "max_entries",
      .help = "how many are shown; a note says that there are more",
      .type = MPX_T_INT,
      .min = 1,
      .max = 1000000,
      .fallback = "10000",
      .offset = offsetof(struct settings, max_entries) },
    { .name = "header",
      .help = "files of the folder, the first that exists is shown above the listing",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct settings, header) },
    { .name = "readme",
      .help = "files of the folder, the first that exists is shown below the listing",
      .type = MPX_T_LIST,
      .of = &name_element,
      .of_size = sizeof(struct mpx_str),
      .offset = offsetof(struct settings, readme) },
    { .name = "css",
      .help = "the URL of a style sheet of your own",
      .type = MPX_T_STRING,
      .offset = offsetof(struct settings, css) },
    { .name = "style",
      .help = "the built-in style sheet, before that of css",
      .type = MPX_T_BOOL,
      .fallback = "true",
      .offset = offsetof(struct settings, style) },
    MPX_OPTION_END,
};

/* ---- settings */

static int check_names(struct mpx_conf *c, const char *key, struct mpx_list list)
{
    const struct mpx_str *names = list.items;
    int rc = 0;

    for (size_t i = 0; i < list.count; i++)
        if (names[i].n == 0 || memchr(names[i].p, '/', names[i].n) != NULL)
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "%s/%zu", key, i).p,
                                "\"%.*s\" is not the name of a file", (int)names[i].n, names[i].p);
    return rc;
}

static int check_fields(struct mpx_conf *c, struct settings *s)
{
    const int *fields = s->fields.items;
    int rc = 0;

    for (size_t i = 0; i < s->fields.count; i++) {
        if (s->shows[fields[i]])
            rc = mpx_conf_error(c, mpx_printf(mpx_conf_arena(c), "fields/%zu", i).p,
                                "\"%s\" is in this list twice", field_words[fields[i]]);
        s->shows[fields[i]] = true;
    }
    return rc;
}

/* Where a style sheet comes from, as a policy names it (CSP3 2.3.1); "" when it cannot be told. */
static struct mpx_str source_of(struct mpx_arena *a, struct mpx_str url)
{
    const char *authority = memmem(url.p, url.n, "//", 2);
    size_t scheme = authority != NULL ? (size_t)(authority - url.p) : 0;

    for (size_t i = 0; i < url.n; i++)
        if ((unsigned char)url.p[i] <= 0x20 || (unsigned char)url.p[i] >= 0x7f)
            return MPX_STR("");
    if (authority == NULL || (scheme > 0 && authority[-1] != ':') ||
        memchr(url.p, '/', url.n) != authority)
        return MPX_STR("'self'");
    size_t n = scheme + 2;
    while (n < url.n && strchr("/?#;,'\"", url.p[n]) == NULL)
        n++;
    return scheme > 0 ? mpx_printf(a, "%.*s", (int)n, url.p)
                      : mpx_printf(a, "%.*s", (int)(n - 2), url.p + 2);
}

/* Whether any of these files would be shown as HTML, which may need more than a policy of ours
   admits. */
static bool is_html(struct mpx_str name)
{
    return (name.n > 5 && memcmp(name.p + name.n - 5, ".html", 5) == 0) ||
           (name.n > 4 && memcmp(name.p + name.n - 4, ".htm", 4) == 0);
}

static bool has_html(struct mpx_list names)
{
    const struct mpx_str *items = names.items;

    for (size_t i = 0; i < names.count; i++)
        if (is_html(items[i]))
            return true;
    return false;
}

static void set_policy(struct mpx_arena *a, struct settings *s)
{
    struct mpx_str css = s->css.n > 0 ? source_of(a, s->css) : MPX_STR("");

    if (has_html(s->header) || has_html(s->readme))
        return;
    s->admits = mpx_printf(a,
                           "default-src 'none'; style-src%s%s%s%s%.*s; img-src 'self' data:; "
                           "font-src 'self'; base-uri 'none'; form-action 'none'",
                           s->style ? " 'sha256-" : "", s->style ? html_style_hash : "",
                           s->style ? "'" : "",
                           css.n > 0  ? " "
                           : s->style ? ""
                                      : " 'none'",
                           (int)css.n, css.p);
}

static int check(struct mpx_conf *c, void *data)
{
    struct settings *s = data;
    int rc = check_fields(c, s);

    if (check_names(c, "header", s->header) < 0 || check_names(c, "readme", s->readme) < 0)
        rc = -1;
    if (s->css.n > 0 && source_of(mpx_conf_arena(c), s->css).n == 0)
        rc = mpx_conf_error(c, "css", "must be a URL such as \"/style.css\", percent-encoded");
    if (s->names.n > 0 && (s->pattern = pattern_compile(c, "names", s->names)) == NULL)
        rc = -1;
    set_policy(mpx_conf_arena(c), s);
    return rc;
}

static int open_conf(struct mpx_conf *c, void *data)
{
    struct pages **kept = mpx_keep(c, "pages", sizeof(*kept), pages_end);
    struct settings *s = data;

    if (*kept == NULL)
        *kept = pages_create();
    if (*kept == NULL)
        return mpx_conf_error(c, "", "there is no memory for listings");
    s->pages = *kept;
    s->id = pages_next_id(s->pages);
    s->conf = c;
    s->files = (const struct mpx_files *)mpx_require(c, "files", 1, 0);
    s->is_on = s->enabled && mpx_conf_given(c);
    return 0;
}

/* ---- requests */

struct state {
    struct job job; /* what pages_make is asked for */
    int part;       /* that is looked for ... */
    size_t name;    /* ... and under which of its names */
    struct page *page;
};

/* The value of a parameter of the query; "" without it. Values are plain words. */
static struct mpx_str parameter(struct mpx_str query, struct mpx_str name)
{
    struct mpx_str value;

    return percent_parameter(query, name, &value) ? value : MPX_STR("");
}

/* The index of a word, or what holds without one that is known. */
static int choose(struct mpx_str word, const char *const *words, int otherwise)
{
    for (int i = 0; words[i] != NULL; i++)
        if (word.n == strlen(words[i]) && memcmp(word.p, words[i], word.n) == 0)
            return i;
    return otherwise;
}

static struct look look_of(struct mpx_req *r, const struct settings *s)
{
    static const struct mpx_str types[] = { { "text/html", 9 }, { "application/json", 16 } };
    struct mpx_str query = mpx_req_query(r);
    int format = choose(parameter(query, MPX_STR("format")), format_words, -1);
    int sort = choose(parameter(query, MPX_STR("sort")), sort_words, -1);
    struct look look = { .format_given = format >= 0 };

    look.format = (enum format)(format >= 0 ? format : (int)mpx_req_accept(r, types, 2));
    look.sort = (enum sort)(sort >= 0 ? sort : s->sort);
    /* the order that is configured belongs to the sort that is */
    look.descending = choose(parameter(query, MPX_STR("order")), order_words,
                             sort >= 0 && sort != s->sort ? 0 : s->order);
    return look;
}

/* All that a page of this directory depends on beside the directory. */
static struct page_key key_of(struct mpx_req *r, const struct settings *s, const struct state *st)
{
    struct mpx_str vhost = mpx_req_vhost(r), location = mpx_req_location(r), path = mpx_req_path(r);
    struct page_key key = { .dir = mpx_file_stat(st->job.dir) };

    key.text =
        mpx_printf(mpx_req_arena(r), "%llu %p %d%d%d%d %.*s %.*s %.*s", (unsigned long long)s->id,
                   (const void *)st->job.policy, (int)st->job.look.format,
                   st->job.look.format_given, (int)st->job.look.sort, st->job.look.descending,
                   (int)vhost.n, vhost.p, (int)location.n, location.p, (int)path.n, path.p);
    return key;
}

/* What the client is told of an errno; 0: that there is nothing here. */
static int status_of(int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: /* a circle of symbolic links, or one that may not be followed */
    case EXDEV: /* the way leads out of the root */
    case ENXIO:
        return 0;
    case EACCES:
        return 403;
    case EAGAIN: /* too many at a time */
    case EMFILE:
    case ENFILE:
    case ENOMEM:
        return 503;
    default:
        return 500;
    }
}

static enum mpx_rc cannot_list(struct mpx_req *r, const struct settings *s, int error)
{
    struct mpx_str path = mpx_req_path(r);
    int status = status_of(error);

    if (status == 0)
        return MPX_NEXT;
    if (pages_may_tell(s->pages))
        mpx_rlog(r, MPX_WARN, "cannot list \"%.*s\": %s", (int)path.n, path.p,
                 error == EAGAIN ? "too many listings wait to be made" : strerror(error));
    return mpx_res_error(r, status);
}

static enum mpx_rc send_page(struct mpx_req *r, const struct settings *s, const struct state *st)
{
    bool html = st->job.look.format == FORMAT_HTML;

    if (page_error(st->page) != 0)
        return cannot_list(r, s, page_error(st->page));
    mpx_res_header(r, "Content-Type",
                   html ? MPX_STR("text/html; charset=utf-8") : MPX_STR("application/json"));
    mpx_res_header(r, "ETag", page_tag(st->page));
    mpx_res_header(r, "Cache-Control", MPX_STR("no-cache"));
    mpx_res_header(r, "X-Content-Type-Options", MPX_STR("nosniff"));
    if (!st->job.look.format_given)
        mpx_res_header_add(r, "Vary", MPX_STR("Accept"));
    if (html && s->admits.n > 0)
        mpx_res_header(r, "Content-Security-Policy", s->admits);
    mpx_res_blob(r, page_blob(st->page));
    return mpx_res_end(r);
}

static enum mpx_rc made(struct mpx_req *r, const void *conf, void *state)
{
    return send_page(r, conf, state);
}

static enum mpx_rc use_page(struct mpx_req *r, const struct settings *s, struct state *st)
{
    mpx_defer(mpx_req_arena(r), page_release, st->page);
    return page_is_ready(st->page) ? send_page(r, s, st) : page_wait(r, st->page, made, st);
}

static enum mpx_rc part_opened(struct mpx_req *r, const void *conf, void *state);

/* Opens the next file that may be shown above or below; when none is left the page is made - or
   found, somebody else may have been faster. */
static enum mpx_rc open_parts(struct mpx_req *r, const struct settings *s, struct state *st)
{
    struct mpx_arena *a = mpx_req_arena(r);

    for (; st->part < PARTS; st->part++, st->name = 0) {
        const struct mpx_list *names = st->part == PART_HEADER ? &s->header : &s->readme;

        if (st->name >= names->count)
            continue;
        struct mpx_str rest = mpx_req_rest(r),
                       name = ((const struct mpx_str *)names->items)[st->name];
        char *rel = mpx_alloc(a, rest.n + name.n);
        if (rest.n > 0)
            memcpy(rel, rest.p, rest.n);
        memcpy(rel + rest.n, name.p, name.n);
        st->job.part_is_html[st->part] = is_html(name);
        return mpx_open(r, (struct mpx_str){ rel, rest.n + name.n },
                        MPX_OPEN_DESCRIPTOR | st->job.policy->links, part_opened, st);
    }
    struct page_key key = key_of(r, s, st);
    st->page = pages_find(s->pages, &key);
    if (st->page == NULL)
        st->page = pages_make(s->pages, &key, &st->job);
    return st->page != NULL ? use_page(r, s, st) : cannot_list(r, s, errno);
}

static enum mpx_rc part_opened(struct mpx_req *r, const void *conf, void *state)
{
    struct state *st = state;
    struct mpx_file *file;

    if (mpx_open_result(r, &file) == 0 && S_ISREG(mpx_file_stat(file)->st_mode)) {
        st->job.part[st->part++] = file;
        st->name = 0;
    } else {
        st->name++;
    }
    return open_parts(r, conf, st);
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    const struct settings *s = conf;
    struct state *st = state;
    struct mpx_str method = mpx_req_method(r);
    int rc = mpx_open_result(r, &st->job.dir);

    if (rc < 0)
        return cannot_list(r, s, -rc);
    if (!mpx_str_eq(method, MPX_STR("GET")) && !mpx_str_eq(method, MPX_STR("HEAD"))) {
        mpx_req_allow(r, "GET, HEAD");
        return MPX_NEXT;
    }
    st->job.look = look_of(r, s);
    struct page_key key = key_of(r, s, st);
    st->page = pages_find(s->pages, &key);
    return st->page != NULL ? use_page(r, s, st) : open_parts(r, s, st);
}

static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    const struct settings *s = conf;
    struct mpx_str path = mpx_req_path(r);

    if (!s->is_on || mpx_req_location(r).n == 0 || path.p[path.n - 1] != '/')
        return MPX_NEXT;
    const struct mpx_files_policy *policy = mpx_files_policy_of(s->files, r);
    if (policy->hides(policy, path))
        return MPX_NEXT;
    struct state *st = mpx_alloc(mpx_req_arena(r), sizeof(*st));
    st->job.settings = s;
    st->job.path = path;
    st->job.policy = policy;
    return mpx_open(r, mpx_req_rest(r), MPX_OPEN_DIRECTORY | MPX_OPEN_DESCRIPTOR | policy->links,
                    opened, st);
}

static const char *const after[] = { "static", "userdir", NULL };

MPX_MODULE(dirlist) = {
    MPX_HEADER(dirlist, "1.0"),
    .summary = "the page of a folder without an index file, as HTML or JSON",
    .options = options,
    .conf_size = sizeof(struct settings),
    .check = check,
    .open = open_conf,
    .on = { [MPX_PH_CONTENT] = content },
    .after = after,
};
