/* SPDX-License-Identifier: MIT */
#include "quarantine.h"

void quarantine_init(struct quarantine *q, const struct quarantine_rules *rules)
{
    *q = (struct quarantine){ .rules = *rules };
}

void quarantine_set_rules(struct quarantine *q, const struct quarantine_rules *rules)
{
    q->rules = *rules;
    for (unsigned i = 0; rules->crashes == 0 && i < q->count; i++)
        q->entries[i].until_ms = 0;
}

static struct quarantine_entry *find(const struct quarantine *q, struct mpx_str name)
{
    for (unsigned i = 0; i < q->count; i++)
        if (str_is(name, q->entries[i].name))
            return (struct quarantine_entry *)(uintptr_t)&q->entries[i];
    return NULL;
}

/* Room for one more: of those that are not in, the one whose last crash is the longest ago goes. */
static struct quarantine_entry *room(struct quarantine *q)
{
    struct quarantine_entry *oldest = NULL;

    if (q->count < QUARANTINE_MODULES)
        return &q->entries[q->count++];
    for (unsigned i = 0; i < q->count; i++) {
        struct quarantine_entry *e = &q->entries[i];

        if (!e->is_in && (oldest == NULL || e->crashes[0] < oldest->crashes[0]))
            oldest = e;
    }
    return oldest;
}

static void add_crash(struct quarantine_entry *e, int64_t now_ms)
{
    memmove(e->crashes + 1, e->crashes, sizeof(e->crashes) - sizeof(e->crashes[0]));
    e->crashes[0] = now_ms;
    if (e->count < QUARANTINE_CRASHES)
        e->count++;
}

static unsigned in_window(const struct quarantine *q, const struct quarantine_entry *e,
                          int64_t now_ms)
{
    unsigned n = 0;

    while (n < e->count && now_ms - e->crashes[n] < q->rules.window_ms)
        n++;
    return n;
}

bool quarantine_note(struct quarantine *q, struct mpx_str name, bool at_load, int64_t now_ms)
{
    struct quarantine_entry *e = find(q, name);

    if (e == NULL && name.n < QUARANTINE_NAME && (e = room(q)) != NULL) {
        *e = (struct quarantine_entry){ .count = 0 };
        memcpy(e->name, name.p, name.n);
    }
    if (e == NULL || q->rules.crashes == 0)
        return false;
    add_crash(e, now_ms);
    if (e->is_in) { /* it was not opened, and even so: then it is left where it is */
        bool is_new = at_load && !e->is_not_loaded;

        e->is_not_loaded = e->is_not_loaded || at_load;
        return is_new;
    }
    if (now_ms >= e->until_ms && in_window(q, e, now_ms) < q->rules.crashes)
        return false;
    e->is_in = true;
    e->until_ms = now_ms + q->rules.length_ms;
    e->is_not_loaded = at_load;
    return true;
}

unsigned quarantine_crashes(const struct quarantine *q, struct mpx_str name, int64_t now_ms)
{
    const struct quarantine_entry *e = find(q, name);

    return e != NULL ? in_window(q, e, now_ms) : 0;
}

const char *quarantine_release(struct quarantine *q, int64_t now_ms)
{
    for (unsigned i = 0; i < q->count; i++) {
        struct quarantine_entry *e = &q->entries[i];

        if (!e->is_in || now_ms < e->until_ms)
            continue;
        e->is_in = false;
        e->is_not_loaded = false;
        e->until_ms = now_ms + q->rules.length_ms;
        return e->name;
    }
    return NULL;
}

int64_t quarantine_due(const struct quarantine *q)
{
    int64_t due = 0;

    for (unsigned i = 0; i < q->count; i++) {
        const struct quarantine_entry *e = &q->entries[i];
        int64_t until = e->until_ms > 0 ? e->until_ms : 1;

        if (e->is_in && (due == 0 || until < due))
            due = until;
    }
    return due;
}

void quarantine_write(const struct quarantine *q, int64_t now_ms, struct buffer *out)
{
    for (unsigned i = 0; i < q->count; i++) {
        const struct quarantine_entry *e = &q->entries[i];
        int64_t left = (e->until_ms - now_ms + 999) / 1000;

        if (e->is_in)
            (void)buffer_printf(out, "%s %lld %c\n", e->name, left > 1 ? (long long)left : 1LL,
                                e->is_not_loaded ? 'l' : 'o');
    }
}

bool quarantine_read(struct mpx_str *list, struct quarantine_line *line)
{
    size_t end = str_find(*list, '\n');
    struct mpx_str rest = str_head(*list, end);

    *list = str_from(*list, end + 1);
    line->name = str_head(rest, str_find(rest, ' '));
    rest = str_from(rest, line->name.n + 1);
    struct mpx_str seconds = str_head(rest, str_find(rest, ' '));
    rest = str_from(rest, seconds.n + 1);
    line->is_not_loaded = str_is(rest, "l");
    return line->name.n > 0 && str_to_u64(seconds, &line->seconds) == 0 && rest.n == 1;
}
