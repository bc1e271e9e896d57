/* SPDX-License-Identifier: MIT
   Reading of targets. */
#include "target.h"

#include "../common/percent.h"

#include <string.h>
#include <strings.h>

size_t target_word(struct mpx_str s)
{
    size_t n = 0;

    while (n < s.n && ((s.p[n] >= '0' && s.p[n] <= '9') || s.p[n] == '_' ||
                       ((s.p[n] | 0x20) >= 'a' && (s.p[n] | 0x20) <= 'z')))
        n++;
    return n;
}

/* A text while it is read. */
struct reader {
    const struct source *from;
    struct mpx_str text;
    size_t at;
    unsigned flags;
    enum zone zone;
    bool had_rest;
    struct target *t;
};

static struct part *add(struct reader *rd, enum part_kind kind, size_t n)
{
    struct part *p = &rd->t->parts[rd->t->count++];

    *p = (struct part){ .kind = kind, .zone = rd->zone, .text = { rd->text.p + rd->at, n } };
    rd->at += n;
    return p;
}

static void add_variable(struct reader *rd, const struct mpx_var *var, size_t n)
{
    struct part *p = add(rd, PART_VARIABLE, n);

    p->var = var;
    p->is_host = mpx_str_eq(p->text, MPX_STR("$host")) || mpx_str_eq(p->text, MPX_STR("$vhost"));
    p->is_query = mpx_str_eq(p->text, MPX_STR("$query"));
    if (p->zone == ZONE_AUTHORITY && mpx_str_eq(p->text, MPX_STR("$path")))
        p->zone = rd->zone = ZONE_PATH;
}

/* A capture, which goes before a variable of its name, a variable, or a dollar. */
static void read_dollar(struct reader *rd)
{
    const struct source *from = rd->from;
    struct mpx_str rest = { rd->text.p + rd->at + 1, rd->text.n - rd->at - 1 };
    struct mpx_str word = { rest.p, target_word(rest) };
    int group = from->match != NULL ? pattern_group_named(from->match, word) : -1;
    const struct mpx_var *var;
    size_t n;

    if (word.n > 0 && word.p[0] >= '0' && word.p[0] <= '9') {
        add(rd, PART_GROUP, 2)->group = (unsigned)(word.p[0] - '0');
    } else if (group > 0) {
        add(rd, PART_GROUP, 1 + word.n)->group = (unsigned)group;
    } else if ((var = mpx_var_find(from->c, from->below, rest, &n)) != NULL) {
        add_variable(rd, var, 1 + n);
    } else { /* "$$" is one */
        rd->at += rest.n > 0 && rest.p[0] == '$';
        (void)add(rd, PART_TEXT, 1);
    }
}

/* The end of the stretch of plain bytes at rd->at; *what is set when one may not stand there. */
static size_t plain_end(const struct reader *rd, const char **what)
{
    size_t i = rd->at;

    for (; i < rd->text.n; i++) {
        char c = rd->text.p[i];

        if ((c == '$' && rd->from->c != NULL) ||
            (c == '*' && (rd->flags & (TARGET_REST | TARGET_NO_REST)) != 0))
            break;
        if ((rd->flags & TARGET_TEXT) != 0)
            continue;
        if ((c == '?' && rd->zone <= ZONE_PATH) || (c == '#' && rd->zone != ZONE_FRAGMENT) ||
            (c == '/' && rd->zone == ZONE_AUTHORITY))
            break;
        if ((unsigned char)c < 0x20 || c == 0x7f)
            *what = "has a control byte in it";
        if (c == '@' && rd->zone == ZONE_AUTHORITY)
            *what = "has a user in it";
        if (c == '%' && percent_byte((struct mpx_str){ rd->text.p + i, rd->text.n - i }) <= 0)
            *what =
                "has a \"%\" that two hexadecimal digits other than 00 do not follow: \"%25\" is "
                "a plain one";
    }
    return i;
}

/* The byte where a stretch ends: the begin of another zone, or of what is filled in. */
static const char *read_mark(struct reader *rd)
{
    switch (rd->text.p[rd->at]) {
    case '$':
        read_dollar(rd);
        return NULL;
    case '*':
        if ((rd->flags & TARGET_NO_REST) != 0 || rd->had_rest)
            return rd->had_rest ? "has \"*\" twice" : "has a \"*\" but its path has none";
        rd->had_rest = true;
        if (rd->zone == ZONE_AUTHORITY)
            rd->zone = ZONE_PATH;
        (void)add(rd, PART_REST, 1);
        return NULL;
    case '/':
        rd->zone = ZONE_PATH;
        return NULL;
    case '?':
        rd->zone = ZONE_QUERY;
        rd->t->has_query = true;
        rd->at++;
        return NULL;
    default:
        rd->zone = ZONE_FRAGMENT;
        rd->at++;
        return NULL;
    }
}

static const char *read_parts(struct reader *rd)
{
    const char *what = NULL;

    rd->t->count = 0;
    while (rd->at < rd->text.n && what == NULL) {
        if (rd->t->count + 2 > TARGET_PARTS)
            return "has more variables than 24";
        size_t end = plain_end(rd, &what);
        if (end > rd->at)
            (void)add(rd, PART_TEXT, end - rd->at);
        if (what == NULL && rd->at < rd->text.n)
            what = read_mark(rd);
    }
    return what;
}

/* What comes from a client does not make the end of a host name: "https://new.example$1" has a
   slash before $1, whatever that is. */
static void end_authority(struct target *t)
{
    size_t n = 0;

    while (n < t->count && t->parts[n].zone == ZONE_AUTHORITY)
        n++;
    if (n < 2 || (n < t->count && t->parts[n].zone == ZONE_PATH))
        return;
    struct part *p = &t->parts[n - 1];
    if (p->kind != PART_TEXT && !p->is_host)
        p->zone = ZONE_PATH;
}

/* How a URI begins, up to its host. */
static const char *read_begin(struct reader *rd)
{
    struct mpx_str text = rd->text;

    if (text.n >= 7 && strncasecmp(text.p, "http://", 7) == 0) {
        rd->t->scheme = "http";
        rd->at = 7;
    } else if (text.n >= 8 && strncasecmp(text.p, "https://", 8) == 0) {
        rd->t->scheme = "https";
        rd->at = 8;
    } else if (text.n > 1 && memcmp(text.p, "//", 2) == 0) {
        return "begins with \"//\", which names another host: write \"https://\" or one \"/\"";
    } else if (text.n == 0 || (text.p[0] != '/' && (text.p[0] != '$' || rd->from->c == NULL))) {
        return "must be a path, \"/...\", or an absolute URI, \"https://...\"";
    }
    if (rd->t->scheme != NULL)
        rd->zone = ZONE_AUTHORITY;
    return NULL;
}

const char *target_read(const struct source *from, struct mpx_str text, unsigned flags,
                        struct target *t, struct part *parts)
{
    struct reader rd = { .from = from, .text = text, .flags = flags, .zone = ZONE_PATH, .t = t };
    const char *what;

    *t = (struct target){ .parts = parts };
    what = (flags & TARGET_TEXT) == 0 ? read_begin(&rd) : NULL;
    if (what == NULL)
        what = read_parts(&rd);
    if (what != NULL || t->scheme == NULL)
        return what;
    if (t->count == 0 || t->parts[0].zone != ZONE_AUTHORITY)
        return "names no host";
    end_authority(t);
    return NULL;
}

const struct target *target_keep(struct mpx_arena *a, const struct target *t)
{
    struct target *kept = mpx_alloc(a, sizeof(*kept));

    *kept = *t;
    kept->parts = mpx_alloc(a, t->count * sizeof(*t->parts));
    if (t->count > 0)
        memcpy(kept->parts, t->parts, t->count * sizeof(*t->parts));
    return kept;
}
