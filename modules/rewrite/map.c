/* SPDX-License-Identifier: MIT
   Map files: a table in a file of its own, read again on a thread when it has changed. */
#include "rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAP_BYTES_MAX = 64 << 20, MAP_LOOK_MS = 1000, WHY_BYTES = 512 };

/* What a look at a file found. */
struct look {
    struct map *map;
    struct stat before, now;
    bool is_untold;
    struct table *table; /* NULL: unchanged, or why not */
    char why[WHY_BYTES];
};

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The next word of a line; empty at its end. */
static struct mpx_str next_word(struct mpx_str *line)
{
    size_t from = 0, to;

    while (from < line->n && is_blank(line->p[from]))
        from++;
    for (to = from; to < line->n && !is_blank(line->p[to]);)
        to++;
    struct mpx_str word = { line->p + from, to - from };
    *line = (struct mpx_str){ line->p + to, line->n - to };
    return word;
}

/* 0 for none; -1 for what is no status. */
static int read_status(struct mpx_str word)
{
    int status = 0;

    if (word.n != 0 && word.n != 3)
        return -1;
    for (size_t i = 0; i < word.n; i++) {
        if (word.p[i] < '0' || word.p[i] > '9')
            return -1;
        status = 10 * status + (word.p[i] - '0');
    }
    return status;
}

/* NULL, or what is wrong with the line: "FROM TO [STATUS]", or "FROM - STATUS" for an error.
   Decodes FROM in its place. */
static const char *read_line(struct mpx_str line, unsigned number, struct table *t)
{
    struct mpx_str from = next_word(&line), to = next_word(&line), status = next_word(&line);
    struct entry e = { .status = read_status(status), .line = number };
    const struct source nowhere = { .c = NULL };
    struct part parts[TARGET_PARTS];
    struct target target;

    if (from.n == 0 || from.p[0] == '#')
        return NULL;
    if (to.n == 0 || next_word(&line).n > 0)
        return "a line is FROM TO [STATUS]; blanks are written %20";
    const char *what = table_key(from, (char *)(uintptr_t)from.p, &e.key, &e.is_prefix);
    if (what != NULL)
        return what;
    bool is_error = to.n == 1 && to.p[0] == '-';
    if (is_error ? e.status < 400 || e.status > 599
                 : e.status != 0 &&
                       (e.status < 301 || e.status > 308 || (e.status > 303 && e.status < 307)))
        return is_error ? "\"-\" needs an error, 400 to 599"
                        : "a status is 301, 302, 303, 307 or 308";
    if (!is_error) {
        what =
            target_read(&nowhere, to, e.is_prefix ? TARGET_REST : TARGET_NO_REST, &target, parts);
        e.to = to;
    }
    if (what == NULL && table_add(t, e) != NULL)
        what = "this path has a line already";
    return what;
}

/* The table that text says, which it takes; NULL, and why. */
static struct table *parse(char *text, size_t n, char why[WHY_BYTES])
{
    size_t lines = 1;
    unsigned number = 0;

    for (size_t i = 0; i < n; i++)
        lines += text[i] == '\n';
    struct table *t = table_create(lines);
    if (t == NULL) {
        free(text);
        (void)snprintf(why, WHY_BYTES, "there is no memory");
        return NULL;
    }
    t->text = text;
    for (size_t i = 0; i < n;) {
        const char *end = memchr(text + i, '\n', n - i);
        size_t length = end != NULL ? (size_t)(end - text) - i : n - i;
        const char *what = read_line((struct mpx_str){ text + i, length }, ++number, t);

        if (what != NULL) {
            (void)snprintf(why, WHY_BYTES, "line %u: %s", number, what);
            table_destroy(t);
            return NULL;
        }
        i += length + 1;
    }
    return t;
}

static struct table *read_file(const char *path, struct stat *st, char why[WHY_BYTES])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a FIFO would wait for its writer */
    char *text = NULL;
    size_t n = 0;
    ssize_t got = 1;

    if (fd < 0 || fstat(fd, st) < 0) {
        (void)snprintf(why, WHY_BYTES, "cannot be read: %s", strerror(errno));
    } else if (!S_ISREG(st->st_mode) || st->st_size > MAP_BYTES_MAX) {
        (void)snprintf(why, WHY_BYTES, "is no file of at most 64 MiB");
    } else if ((text = malloc((size_t)st->st_size + 1)) == NULL) {
        (void)snprintf(why, WHY_BYTES, "there is no memory");
    } else {
        while (n < (size_t)st->st_size && (got = read(fd, text + n, (size_t)st->st_size - n)) > 0)
            n += (size_t)got;
        if (got < 0)
            (void)snprintf(why, WHY_BYTES, "cannot be read: %s", strerror(errno));
    }
    if (fd >= 0)
        close(fd);
    if (text == NULL || got < 0) {
        free(text);
        return NULL;
    }
    return parse(text, n, why);
}

static void end_map(void *map)
{
    table_destroy(((struct map *)map)->table);
}

int map_add(struct mpx_conf *c, const char *below, struct mpx_str path, int status, bool last,
            struct map **maps)
{
    struct map *m = mpx_alloc(mpx_conf_arena(c), sizeof(*m));
    char why[WHY_BYTES];

    m->path = mpx_printf(mpx_conf_arena(c), "%.*s", (int)path.n, path.p).p;
    m->status = status;
    m->last = last;
    m->conf = c;
    m->table = read_file(m->path, &m->seen, why);
    mpx_defer(mpx_conf_arena(c), end_map, m);
    if (m->table == NULL && mpx_conf_is_tried(c))
        return mpx_conf_error(c, below, "\"%s\": %s", m->path, why);
    m->is_untold = m->table == NULL;
    while (*maps != NULL) /* the first that has a path rules */
        maps = &(*maps)->next;
    *maps = m;
    return 0;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* On a thread. What cannot be read is told once for each version of it. */
static void look(void *arg)
{
    struct look *l = arg;

    if (stat(l->map->path, &l->now) < 0) {
        memset(&l->now, 0, sizeof(l->now));
        (void)snprintf(l->why, WHY_BYTES, "cannot be read: %s", strerror(errno));
    }
    if ((l->is_untold || !is_same(&l->before, &l->now)) && l->now.st_nlink > 0)
        l->table = read_file(l->map->path, &l->now, l->why);
}

static void looked(void *arg)
{
    struct look *l = arg;
    struct map *m = l->map;
    bool is_news = m->is_untold || !is_same(&m->seen, &l->now);

    m->is_untold = false;
    m->seen = l->now;
    m->looking = false;
    if (l->table != NULL) {
        table_destroy(m->table);
        m->table = l->table;
        mpx_log(m->conf, MPX_INFO, "\"%s\" was read again: %zu paths", m->path, m->table->count);
    } else if (is_news) {
        mpx_log(m->conf, MPX_ERROR, "\"%s\": %s: %s", m->path, l->why,
                m->table != NULL ? "what was read before stays" : "it counts as empty");
    }
    free(l);
}

/* One look at a time; a full queue means another time. */
static void look_at_all(void *arg)
{
    for (struct map *m = arg; m != NULL; m = m->next) {
        struct look *l = m->looking ? NULL : calloc(1, sizeof(*l));

        if (l == NULL)
            continue;
        l->map = m;
        l->before = m->seen;
        l->is_untold = m->is_untold;
        m->looking = mpx_background(m->conf, look, l, looked) == 0;
        if (!m->looking)
            free(l);
    }
}

int map_watch(struct mpx_conf *c, struct map *maps)
{
    return maps != NULL ? mpx_every(c, MAP_LOOK_MS, look_at_all, maps) : 0;
}
