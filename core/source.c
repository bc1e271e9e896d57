/* SPDX-License-Identifier: MIT */
#include "source.h"

#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void sources_init(struct sources *s)
{
    char folder[PATH_MAX];

    *s = (struct sources){ .first = NULL };
    arena_init(&s->arena, NULL);
    s->folder =
        arena_copyz(&s->arena, str_of(getcwd(folder, sizeof(folder)) != NULL ? folder : "/"));
}

void sources_finish(struct sources *s)
{
    arena_finish(&s->arena);
}

static int read_all(int fd, struct buffer *b)
{
    char piece[16384];

    for (;;) {
        ssize_t n = read(fd, piece, sizeof(piece));

        if (n == 0)
            return 0;
        if (n < 0 && errno != EINTR)
            return errno;
        if (n > 0 && buffer_add(b, (struct mpx_str){ piece, (size_t)n }) < 0)
            return EFBIG;
    }
}

static void read_file(struct sources *s, struct source *src)
{
    char real[PATH_MAX];
    struct buffer b;
    int fd = open(src->name, O_RDONLY | O_CLOEXEC | O_NOCTTY);

    if (fd < 0) {
        src->error = errno;
        return;
    }
    if (src->kind == SOURCE_CONFIG && realpath(src->name, real) != NULL)
        src->real = arena_copyz(&s->arena, str_of(real));
    buffer_init(&b, SOURCE_BYTES_MAX);
    src->error = read_all(fd, &b);
    close(fd);
    struct mpx_str text = buffer_str(&b);
    if (src->kind == SOURCE_VALUE)
        while (text.n > 0 && strchr(" \t\r\n", text.p[text.n - 1]) != NULL)
            text.n--;
    src->text = arena_copy(&s->arena, text);
    buffer_finish(&b);
}

static void read_glob(struct sources *s, struct source *src)
{
    struct buffer b;
    glob_t found;
    int rc = glob(src->name, 0, NULL, &found);

    if (rc != 0) {
        src->error = rc == GLOB_NOMATCH ? ENOENT : rc == GLOB_NOSPACE ? ENOMEM : EACCES;
        return;
    }
    buffer_init(&b, SOURCE_BYTES_MAX);
    for (size_t i = 0; i < found.gl_pathc; i++) /* glob sorts them */
        (void)buffer_printf(&b, "%s\n", found.gl_pathv[i]);
    src->text = arena_copy(&s->arena, buffer_str(&b));
    buffer_finish(&b);
    globfree(&found);
}

static void read_env(struct sources *s, struct source *src)
{
    const char *value = getenv(src->name);

    if (value == NULL)
        src->error = ENOENT;
    else
        src->text = arena_copy(&s->arena, str_of(value));
}

static struct source *append(struct sources *s, enum source_kind kind, struct mpx_str name)
{
    struct source *src = arena_zero(&s->arena, sizeof(*src));

    src->kind = kind;
    src->name = arena_copyz(&s->arena, name);
    src->real = "";
    src->order = s->last != NULL ? s->last->order + 1 : 0;
    if (s->last != NULL)
        s->last->next = src;
    else
        s->first = src;
    s->last = src;
    return src;
}

const struct source *source_get(struct sources *s, enum source_kind kind, const char *name)
{
    for (struct source *src = s->first; src != NULL; src = src->next)
        if (src->kind == kind && strcmp(src->name, name) == 0)
            return src;
    struct source *src = append(s, kind, str_of(name));
    if (s->frozen)
        src->error = ENOENT;
    else if (kind == SOURCE_GLOB)
        read_glob(s, src);
    else if (kind == SOURCE_ENV)
        read_env(s, src);
    else
        read_file(s, src);
    return src;
}

const struct source *source_add(struct sources *s, const char *name, struct mpx_str text)
{
    struct source *src = append(s, SOURCE_CONFIG, str_of(name));

    src->text = arena_copy(&s->arena, text);
    return src;
}

/* Saved form: "FOLDER\0", then for each source a line "KIND ERROR NAMEBYTES REALBYTES TEXTBYTES\n"
   and these three. */
void sources_save(const struct sources *s, struct buffer *b)
{
    (void)buffer_printf(b, "%s", s->folder);
    (void)buffer_add_char(b, '\0');
    for (const struct source *src = s->first; src != NULL; src = src->next) {
        (void)buffer_printf(b, "%c %d %zu %zu %zu\n", src->kind, src->error, strlen(src->name),
                            strlen(src->real), src->text.n);
        (void)buffer_add(b, str_of(src->name));
        (void)buffer_add(b, str_of(src->real));
        (void)buffer_add(b, src->text);
    }
}

/* That many bytes off the front of *rest; 0, or -1 when there are not so many. */
static int take(struct mpx_str *rest, uint64_t n, struct mpx_str *part)
{
    if (n > rest->n)
        return -1;
    *part = str_head(*rest, n);
    *rest = str_from(*rest, n);
    return 0;
}

/* One source off the front of *saved. */
static int load_one(struct sources *s, struct mpx_str *saved)
{
    uint64_t field[4]; /* error; the lengths of name, real name and text */
    struct mpx_str line = str_head(*saved, str_find(*saved, '\n')), name, real, text;
    struct mpx_str rest = str_from(line, 2);

    if (line.n < 2)
        return -1;
    for (size_t i = 0; i < 4; i++) {
        size_t n = str_find(rest, ' ');

        if (str_to_u64(str_head(rest, n), &field[i]) < 0)
            return -1;
        rest = str_from(rest, n + 1);
    }
    *saved = str_from(*saved, line.n + 1);
    if (take(saved, field[1], &name) < 0 || take(saved, field[2], &real) < 0 ||
        take(saved, field[3], &text) < 0)
        return -1;
    struct source *src = append(s, (enum source_kind)line.p[0], name);
    src->error = (int)field[0];
    src->real = arena_copyz(&s->arena, real);
    src->text = arena_copy(&s->arena, text);
    return 0;
}

int sources_load(struct sources *s, struct mpx_str saved)
{
    size_t end = str_find(saved, '\0');

    if (end == saved.n)
        return -1;
    s->folder = arena_copyz(&s->arena, str_head(saved, end));
    s->frozen = true;
    saved = str_from(saved, end + 1);
    while (saved.n > 0)
        if (load_one(s, &saved) < 0)
            return -1;
    return 0;
}

const char *source_resolve(struct sources *s, const struct source *src, struct mpx_str name)
{
    struct mpx_str own = str_of(src->name);
    size_t slash = str_find_last(own, '/');

    if ((name.n > 0 && name.p[0] == '/') || slash == own.n)
        return arena_copyz(&s->arena, name);
    return arena_printf(&s->arena, "%.*s/%.*s", STR_ARGS(str_head(own, slash)), STR_ARGS(name)).p;
}

struct mpx_str source_absolute(struct sources *s, const struct source *src, struct mpx_str name,
                               struct mpx_arena *a)
{
    struct mpx_str path = str_of(source_resolve(s, src, name));
    size_t w = 0;

    if (path.n == 0 || path.p[0] != '/')
        path = arena_printf(a, "%s/%.*s", s->folder, STR_ARGS(path));
    char *out = arena_take(a, path.n + 2);
    while (path.n > 0) { /* drops "." and doubled slashes; ".." may lead through a symbolic link */
        struct mpx_str segment = str_head(path, str_find(path, '/'));

        path = str_from(path, segment.n + 1);
        if (segment.n == 0 || str_is(segment, "."))
            continue;
        out[w++] = '/';
        memcpy(out + w, segment.p, segment.n);
        w += segment.n;
    }
    if (w == 0)
        out[w++] = '/';
    out[w] = '\0';
    return (struct mpx_str){ out, w };
}

void place_find(const struct place *at, unsigned *line, unsigned *column, struct mpx_str *line_text)
{
    struct mpx_str text = at->src->text;
    size_t start = 0, off = at->off < text.n ? at->off : text.n;

    *line = 1;
    *column = 1;
    for (size_t i = 0; i < off; i++)
        if (text.p[i] == '\n') {
            ++*line;
            start = i + 1;
        }
    for (size_t i = start; i < off; i++)
        if (((unsigned char)text.p[i] & 0xc0) != 0x80) /* not inside a UTF-8 character */
            ++*column;
    struct mpx_str rest = str_from(text, start);
    *line_text = str_head(rest, str_find(rest, '\n'));
    if (line_text->n > 0 && line_text->p[line_text->n - 1] == '\r')
        line_text->n--;
}

bool source_is_written(const struct source *src)
{
    return src->name[0] != '(';
}

const char *place_text(struct mpx_arena *a, struct place at)
{
    unsigned line, column;
    struct mpx_str text;

    if (!source_is_written(at.src))
        return at.src->name;
    place_find(&at, &line, &column, &text);
    return arena_printf(a, "%s:%u:%u", at.src->name, line, column).p;
}
