/* SPDX-License-Identifier: MIT */
#include "tally.h"

#include <time.h>

static const char *const kind_names[BROKEN_KINDS] = {
    [BROKEN_REFUSED] = "refused", [BROKEN_RESET] = "reset", [BROKEN_CLOSED] = "closed",
    [BROKEN_SHORT] = "short",     [BROKEN_WRONG] = "wrong", [BROKEN_LATE] = "late",
};

int64_t tally_now_us(void)
{
    struct timespec ts;

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* 0 to 63 have a slot each, then 32 slots for each power of two: within 3 %. */
static size_t slot_of(int64_t us)
{
    uint64_t v = us > 0 ? (uint64_t)us : 0;
    unsigned shift = 0;

    while (v >> shift >= 64)
        shift++;
    size_t slot = (size_t)shift * 32 + (size_t)(v >> shift);
    return slot < TALLY_SLOTS ? slot : TALLY_SLOTS - 1;
}

/* The longest time that is counted in a slot. */
static int64_t top_of(size_t slot)
{
    size_t shift = slot < 64 ? 0 : slot / 32 - 1;

    return (int64_t)(((uint64_t)(slot - shift * 32 + 1) << shift) - 1);
}

void tally_ok(struct tally *t, int64_t begun_us, int64_t now_us)
{
    int64_t took = now_us - begun_us;

    t->ok++;
    t->slots[slot_of(took)]++;
    if (took > t->longest_us) {
        t->longest_us = took;
        t->longest_at_us = now_us - t->start_us;
    }
}

void tally_broken(struct tally *t, const struct tally_break *b)
{
    t->broken[b->kind]++;
    if (t->breaks_n < TALLY_BREAKS)
        t->breaks[t->breaks_n++] = *b;
}

uint64_t tally_broken_count(const struct tally *t)
{
    uint64_t sum = 0;

    for (int i = 0; i < BROKEN_KINDS; i++)
        sum += t->broken[i];
    return sum;
}

static int64_t percentile(const struct tally *t, double part)
{
    uint64_t wanted = (uint64_t)((double)t->ok * part), sum = 0;

    for (size_t i = 0; i < TALLY_SLOTS; i++) {
        sum += t->slots[i];
        if (sum > wanted)
            return top_of(i) < t->longest_us ? top_of(i) : t->longest_us;
    }
    return t->longest_us;
}

static json_t *broken_json(const struct tally *t)
{
    json_t *o = json_object();

    for (int i = 0; i < BROKEN_KINDS; i++)
        (void)json_object_set_new(o, kind_names[i], json_integer((json_int_t)t->broken[i]));
    (void)json_object_set_new(o, "total", json_integer((json_int_t)tally_broken_count(t)));
    return o;
}

static json_t *breaks_json(const struct tally *t)
{
    json_t *list = json_array();

    for (size_t i = 0; i < t->breaks_n; i++) {
        const struct tally_break *b = &t->breaks[i];

        (void)json_array_append_new(
            list, json_pack("{s:f, s:s, s:I, s:s, s:I, s:s}", "at_ms", (double)b->at_us / 1000,
                            "kind", kind_names[b->kind], "client", (json_int_t)b->client, "target",
                            b->target, "got", (json_int_t)b->got, "note", b->note));
    }
    return list;
}

json_t *tally_json(const struct tally *t, size_t clients)
{
    double seconds = (double)(tally_now_us() - t->start_us) / 1e6;
    uint64_t again = t->opened > clients ? t->opened - clients : 0;
    json_t *latency = json_pack(
        "{s:I, s:I, s:I, s:I, s:I, s:f}", "p50_us", (json_int_t)percentile(t, 0.5), "p90_us",
        (json_int_t)percentile(t, 0.9), "p99_us", (json_int_t)percentile(t, 0.99), "p999_us",
        (json_int_t)percentile(t, 0.999), "longest_us", (json_int_t)t->longest_us, "longest_at_ms",
        (double)t->longest_at_us / 1000);

    return json_pack("{s:f, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:I, s:o, s:o}", "seconds", seconds,
                     "ok", (json_int_t)t->ok, "left", (json_int_t)t->left, "broken", broken_json(t),
                     "bytes", (json_int_t)t->bytes, "connections", (json_int_t)t->opened,
                     "reconnects", (json_int_t)again, "closed_told", (json_int_t)t->closed_told,
                     "closed_idle", (json_int_t)t->closed_idle, "latency", latency, "breaks",
                     breaks_json(t));
}
