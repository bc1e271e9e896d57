/* SPDX-License-Identifier: MIT */
#include "types.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLOTS_AT_FIRST = 64, SUFFIX_MAX = 24, LINE_BYTES = 4096 };

struct entry {
    char suffix[SUFFIX_MAX]; /* lower case; empty: a free slot */
    size_t suffix_n;
    char *type;
    size_t type_n;
};

/* An open hash table, at most half full. */
struct types {
    struct entry *slots;
    size_t room, count;
};

static const char *const built_in[][2] = {
    { "html", "text/html" },
    { "htm", "text/html" },
    { "css", "text/css" },
    { "js", "text/javascript" },
    { "mjs", "text/javascript" },
    { "json", "application/json" },
    { "map", "application/json" },
    { "webmanifest", "application/manifest+json" },
    { "xml", "application/xml" },
    { "txt", "text/plain" },
    { "text", "text/plain" },
    { "log", "text/plain" },
    { "md", "text/markdown" },
    { "csv", "text/csv" },
    { "ics", "text/calendar" },
    { "svg", "image/svg+xml" },
    { "png", "image/png" },
    { "jpg", "image/jpeg" },
    { "jpeg", "image/jpeg" },
    { "gif", "image/gif" },
    { "webp", "image/webp" },
    { "avif", "image/avif" },
    { "ico", "image/vnd.microsoft.icon" },
    { "bmp", "image/bmp" },
    { "tif", "image/tiff" },
    { "tiff", "image/tiff" },
    { "woff", "font/woff" },
    { "woff2", "font/woff2" },
    { "ttf", "font/ttf" },
    { "otf", "font/otf" },
    { "mp3", "audio/mpeg" },
    { "ogg", "audio/ogg" },
    { "opus", "audio/opus" },
    { "wav", "audio/x-wav" },
    { "flac", "audio/flac" },
    { "mp4", "video/mp4" },
    { "webm", "video/webm" },
    { "mkv", "video/x-matroska" },
    { "pdf", "application/pdf" },
    { "wasm", "application/wasm" },
    { "atom", "application/atom+xml" },
    { "rss", "application/rss+xml" },
    { "zip", "application/zip" },
    { "gz", "application/gzip" },
    { "bz2", "application/x-bzip2" },
    { "xz", "application/x-xz" },
    { "zst", "application/zstd" },
    { "tar", "application/x-tar" },
    { "7z", "application/x-7z-compressed" },
    { "deb", "application/vnd.debian.binary-package" },
};

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* Writes the suffix in lower case; 0 when it is too long to be one. */
static size_t fold(struct mpx_str suffix, char out[SUFFIX_MAX])
{
    if (suffix.n >= SUFFIX_MAX)
        return 0;
    for (size_t i = 0; i < suffix.n; i++)
        out[i] = lower(suffix.p[i]);
    return suffix.n;
}

static struct entry *find_slot(const struct types *t, const char *suffix, size_t n)
{
    size_t h = 5381;

    for (size_t i = 0; i < n; i++)
        h = h * 33 ^ (unsigned char)suffix[i];
    for (;; h++) {
        struct entry *e = &t->slots[h & (t->room - 1)];

        if (e->suffix_n == 0 || (e->suffix_n == n && memcmp(e->suffix, suffix, n) == 0))
            return e;
    }
}

/* The tables are made while a configuration is loaded: without memory there is no server. */
static void *need(void *p)
{
    if (p == NULL) {
        fputs("static: out of memory\n", stderr);
        abort();
    }
    return p;
}

struct types *types_create(void)
{
    struct types *t = need(calloc(1, sizeof(*t)));

    t->room = SLOTS_AT_FIRST;
    t->slots = need(calloc(t->room, sizeof(*t->slots)));
    return t;
}

void types_destroy(void *types)
{
    struct types *t = types;

    for (size_t i = 0; i < t->room; i++)
        free(t->slots[i].type);
    free(t->slots);
    free(t);
}

void types_end(void *block)
{
    struct types **t = block;

    types_destroy(*t);
}

static void grow(struct types *t)
{
    struct types bigger = { .room = 2 * t->room, .count = t->count };

    bigger.slots = need(calloc(bigger.room, sizeof(*bigger.slots)));
    for (size_t i = 0; i < t->room; i++)
        if (t->slots[i].suffix_n > 0)
            *find_slot(&bigger, t->slots[i].suffix, t->slots[i].suffix_n) = t->slots[i];
    free(t->slots);
    *t = bigger;
}

void types_add(struct types *t, struct mpx_str suffix, struct mpx_str type)
{
    char folded[SUFFIX_MAX];

    if (suffix.n > 0 && suffix.p[0] == '.')
        suffix = (struct mpx_str){ suffix.p + 1, suffix.n - 1 };
    size_t n = fold(suffix, folded);
    if (n == 0 || type.n == 0)
        return;
    if (2 * (t->count + 1) > t->room)
        grow(t);
    struct entry *e = find_slot(t, folded, n);
    if (e->suffix_n == 0)
        t->count++;
    memcpy(e->suffix, folded, n);
    e->suffix_n = n;
    free(e->type);
    e->type = need(malloc(type.n));
    memcpy(e->type, type.p, type.n);
    e->type_n = type.n;
}

struct mpx_str types_find(const struct types *t, struct mpx_str name)
{
    char folded[SUFFIX_MAX];
    size_t dot = name.n;

    while (dot > 0 && name.p[dot - 1] != '.' && name.p[dot - 1] != '/')
        dot--;
    if (dot == 0 || name.p[dot - 1] == '/')
        return (struct mpx_str){ NULL, 0 };
    size_t n = fold((struct mpx_str){ name.p + dot, name.n - dot }, folded);
    if (n == 0)
        return (struct mpx_str){ NULL, 0 };
    const struct entry *e = find_slot(t, folded, n);
    return (struct mpx_str){ e->type, e->type_n };
}

bool types_is_token(struct mpx_str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";

    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i], folded = (char)(c | 0x20);

        if (!(folded >= 'a' && folded <= 'z') && !(c >= '0' && c <= '9') &&
            (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return s.n > 0;
}

bool types_is_type(struct mpx_str s)
{
    const char *slash = memchr(s.p, '/', s.n), *end = memchr(s.p, ';', s.n);

    if (slash == NULL || (end != NULL && end < slash))
        return false;
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
            return false;
    while (end != NULL && end[-1] == ' ')
        end--;
    struct mpx_str type = { s.p, (size_t)(slash - s.p) };
    struct mpx_str subtype = { slash + 1, (size_t)((end != NULL ? end : s.p + s.n) - slash - 1) };
    return types_is_token(type) && types_is_token(subtype);
}

/* "type suffix suffix ...", with comments from '#' on. */
static void read_line(struct types *t, char *line)
{
    static const char blanks[] = " \t\r\n";
    char *rest;

    line[strcspn(line, "#")] = '\0';
    char *type = strtok_r(line, blanks, &rest);
    if (type == NULL || !types_is_type((struct mpx_str){ type, strlen(type) }))
        return;
    for (char *s = strtok_r(NULL, blanks, &rest); s != NULL; s = strtok_r(NULL, blanks, &rest))
        types_add(t, (struct mpx_str){ s, strlen(s) }, (struct mpx_str){ type, strlen(type) });
}

struct types *types_read(const char *file)
{
    struct types *t = types_create();
    char line[LINE_BYTES];
    FILE *f = fopen(file, "re");

    for (size_t i = 0; i < sizeof(built_in) / sizeof(built_in[0]); i++)
        types_add(t, (struct mpx_str){ built_in[i][0], strlen(built_in[i][0]) },
                  (struct mpx_str){ built_in[i][1], strlen(built_in[i][1]) });
    while (f != NULL && fgets(line, sizeof(line), f) != NULL)
        read_line(t, line);
    if (f != NULL)
        (void)fclose(f);
    return t;
}
