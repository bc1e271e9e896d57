/* SPDX-License-Identifier: MIT */
#include "problem.h"

#include "must.h"

#include <stdio.h>
#include <stdlib.h>

enum { MARK_MAX = 60, SHOWN_MAX = 160 /* bytes of a line */, SHOW_BYTES = 1 << 20 };

struct problem {
    struct problem *next;
    struct place at;
    struct mpx_str text;
    unsigned index;
};

void problems_init(struct problems *p)
{
    *p = (struct problems){ .first = NULL };
    arena_init(&p->arena, NULL);
}

void problems_finish(struct problems *p)
{
    arena_finish(&p->arena);
}

/* Whether a stands before b in the files; what lies nowhere comes last. */
static bool precedes(const struct problem *a, const struct problem *b)
{
    if (a->at.src == NULL || b->at.src == NULL)
        return a->at.src != NULL && b->at.src == NULL;
    if (a->at.src != b->at.src)
        return a->at.src->order < b->at.src->order;
    return a->at.off < b->at.off;
}

static bool is_same(const struct problem *a, const struct problem *b)
{
    return a->at.src == b->at.src && a->at.off == b->at.off && str_eq(a->text, b->text);
}

static void insert(struct problems *p, struct place at, struct mpx_str text)
{
    struct problem *new = arena_zero(&p->arena, sizeof(*new));
    struct problem **link = &p->first;

    *new = (struct problem){ .at = at, .text = text, .index = p->count };
    if (p->last != NULL && precedes(p->last, new)) /* as most do */
        link = &p->last->next;
    while (*link != NULL && !precedes(new, *link)) {
        if (is_same(*link, new)) /* one cause found twice, such as a rule that two levels inherit */
            return;
        link = &(*link)->next;
    }
    new->next = *link;
    *link = new;
    if (new->next == NULL)
        p->last = new;
    p->count++;
}

void problem_vadd(struct problems *p, struct place at, const char *fmt, va_list ap)
{
    insert(p, at, arena_vprintf(&p->arena, fmt, ap));
}

void problem_add(struct problems *p, struct place at, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    problem_vadd(p, at, fmt, ap);
    va_end(ap);
}

static bool is_inside_character(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80; /* of UTF-8 */
}

/* Bytes of the line before the place, with tabs kept so that the mark stands under the words. */
static void add_indent(struct buffer *out, struct mpx_str line, size_t n)
{
    for (size_t i = 0; i < n && i < line.n; i++)
        if (!is_inside_character(line.p[i]))
            (void)buffer_add_char(out, line.p[i] == '\t' ? '\t' : ' ');
}

static void add_marks(struct buffer *out, struct mpx_str words)
{
    (void)buffer_add_char(out, '^');
    for (size_t i = 1; i < words.n && i < MARK_MAX; i++)
        if (!is_inside_character(words.p[i]))
            (void)buffer_add_char(out, '~');
    (void)buffer_add_char(out, '\n');
}

/* The part of a long line, such as a file without line breaks, in which the place lies. */
static struct mpx_str clip(struct mpx_str line, size_t *before)
{
    size_t from = line.n > SHOWN_MAX && *before > SHOWN_MAX / 2 ? *before - SHOWN_MAX / 2 : 0;
    size_t to = line.n - from > SHOWN_MAX ? from + SHOWN_MAX : line.n;

    while (from < line.n && is_inside_character(line.p[from]))
        from++;
    while (to < line.n && is_inside_character(line.p[to]))
        to++;
    *before -= from;
    return str_head(str_from(line, from), to - from);
}

/* Without bytes that move the cursor. */
static void add_line(struct buffer *out, struct mpx_str line)
{
    for (size_t i = 0; i < line.n; i++) {
        unsigned char c = (unsigned char)line.p[i];

        (void)buffer_add_char(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : line.p[i]);
    }
}

static void add_place(struct buffer *out, struct place at)
{
    struct mpx_arena a;

    if (at.src == NULL)
        return;
    arena_init(&a, NULL);
    (void)buffer_printf(out, "%s: ", place_text(&a, at));
    arena_finish(&a);
}

static void print_one(const struct problem *pr, struct buffer *out)
{
    unsigned line, column;
    struct mpx_str text;

    add_place(out, pr->at);
    (void)buffer_add(out, MPX_STR("error: "));
    add_line(out, pr->text);
    (void)buffer_add_char(out, '\n');
    if (pr->at.src == NULL || pr->at.len == 0 || !source_is_written(pr->at.src))
        return;
    place_find(&pr->at, &line, &column, &text);
    if (text.n == 0)
        return;
    size_t before = (size_t)(pr->at.src->text.p + pr->at.off - text.p);
    text = clip(text, &before);
    (void)buffer_printf(out, "%5u | ", line);
    add_line(out, text);
    (void)buffer_add(out, MPX_STR("\n      | "));
    add_indent(out, text, before);
    add_marks(out, str_head(str_from(text, before), pr->at.len));
}

void problems_print(const struct problems *p, struct buffer *out)
{
    unsigned shown = 0;

    for (const struct problem *pr = p->first; pr != NULL && shown < PROBLEMS_SHOWN; pr = pr->next) {
        print_one(pr, out);
        shown++;
    }
    if (shown < p->count)
        (void)buffer_printf(out, "and %u more error%s\n", p->count - shown,
                            p->count - shown > 1 ? "s" : "");
}

void problems_show(const struct problems *p)
{
    struct buffer b;

    buffer_init(&b, SHOW_BYTES);
    problems_print(p, &b);
    if (b.n > 0)
        (void)fwrite(b.p, 1, b.n, stderr);
    buffer_finish(&b);
}

void problems_each(const struct problems *p, void (*fn)(void *arg, struct mpx_str line), void *arg)
{
    struct buffer b;

    buffer_init(&b, SHOW_BYTES);
    for (const struct problem *pr = p->first; pr != NULL; pr = pr->next) {
        b.n = 0;
        add_place(&b, pr->at);
        add_line(&b, pr->text);
        fn(arg, buffer_str(&b));
    }
    buffer_finish(&b);
}

/* "ORDER OFFSET LENGTH\nTEXT", with order -1 for nowhere. */
bool problem_save(const struct problems *p, unsigned index, struct buffer *out)
{
    const struct problem *pr = p->first;

    while (pr != NULL && pr->index != index)
        pr = pr->next;
    if (pr == NULL)
        return false;
    (void)buffer_printf(out, "%d %zu %zu\n", pr->at.src != NULL ? (int)pr->at.src->order : -1,
                        pr->at.off, pr->at.len);
    (void)buffer_add(out, pr->text);
    return true;
}

int problem_load(struct problems *p, const struct sources *s, struct mpx_str saved)
{
    struct place at = { .src = s->first };
    char head[64];
    int order;
    size_t end = str_find(saved, '\n');

    if (end == saved.n || end >= sizeof(head))
        return -1;
    memcpy(head, saved.p, end);
    head[end] = '\0';
    if (sscanf(head, "%d %zu %zu", &order, &at.off, &at.len) != 3)
        return -1;
    while (at.src != NULL && (int)at.src->order != order)
        at.src = at.src->next;
    if (at.src != NULL && (at.off > at.src->text.n || at.len > at.src->text.n - at.off))
        return -1;
    insert(p, at, arena_copy(&p->arena, str_from(saved, end + 1)));
    return 0;
}
