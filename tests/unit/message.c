/* SPDX-License-Identifier: MIT */
#include "message.h"

#include "str.h"
#include "unit.h"

#include <stdio.h>
#include <stdlib.h>

static const struct guard_limits wide = { .bytes = 100000, .uri = 10000, .fields = MESSAGE_FIELDS };

int message_take(void *arg, struct mpx_str piece)
{
    struct message *m = arg;

    m->pieces++;
    if (piece.n > m->take_max - m->n)
        return 507;
    memcpy(m->body + m->n, piece.p, piece.n);
    m->n += piece.n;
    return 0;
}

size_t message_head(struct parser *p, struct mpx_str text, struct message *m)
{
    struct guard g;
    size_t used;

    guard_start(&g);
    m->rc = guard_scan(&g, &wide, text.p, text.n, &used);
    if (m->rc != GUARD_COMPLETE)
        return 0;
    m->rc = parser_head(p, str_from(str_head(text, used), g.line_start), m->fields, g.fields);
    m->field_count = p->field_count;
    return m->rc == 0 ? used : 0;
}

struct message message_read_cut(struct mpx_str text, uint64_t limit, size_t cut, size_t step)
{
    struct message m = { .take_max = sizeof(m.body) };
    struct parser p;
    size_t at = message_head(&p, text, &m);

    if (at == 0)
        return m;
    p.limit = limit;
    m.rc = p.complete ? PARSER_COMPLETE : PARSER_MORE;
    while (m.rc == PARSER_MORE && at < text.n) {
        size_t end = text.n - at > step ? at + step : text.n, used;

        if (at < cut && cut < end)
            end = cut;
        char *piece = malloc(end - at); /* of its own, so that reading past it is seen */
        memcpy(piece, text.p + at, end - at);
        m.rc = parser_body(&p, (struct mpx_str){ piece, end - at }, message_take, &m, &used);
        free(piece);
        if (m.rc == PARSER_MORE && used != end - at)
            ck_abort_msg("%zu of %zu used", used, end - at);
        at += used;
    }
    m.used = m.rc == PARSER_COMPLETE ? at : 0;
    return m;
}

struct message message_read(struct mpx_str text, uint64_t limit)
{
    struct message whole = message_read_cut(text, limit, 0, SIZE_MAX);

    for (size_t i = 0; i < 2 * text.n; i++) {
        size_t cut = i < text.n ? i : 0, step = i < text.n ? SIZE_MAX : i - text.n + 1;
        struct message m = message_read_cut(text, limit, cut, step);
        bool same = m.rc == whole.rc && m.used == whole.used;

        /* what was taken of a body that is refused may depend on the cuts */
        if (whole.rc == PARSER_COMPLETE || whole.rc == PARSER_MORE)
            same = same && m.n == whole.n && memcmp(m.body, whole.body, m.n) == 0;
        if (!same)
            ck_abort_msg("cut %zu, step %zu: %d, whole %d: %.*s", cut, step, m.rc, whole.rc,
                         STR_ARGS(text));
    }
    return whole;
}

void message_check(const char *text, int rc)
{
    struct message m = message_read(str_of(text), 1000);

    ck_assert_msg(m.rc == rc, "%d, not %d: %s", m.rc, rc, text);
}

void message_check_each(const char *before, const char *texts, int rc)
{
    struct mpx_str all = str_of(texts);

    while (all.n > 0) {
        struct mpx_str one = str_head(all, str_find(all, '|'));
        char text[200];

        (void)snprintf(text, sizeof(text), "%s%.*s", before, STR_ARGS(one));
        message_check(text, rc);
        all = str_from(all, one.n + 1);
    }
}
