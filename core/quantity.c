/* SPDX-License-Identifier: MIT */
#include "quantity.h"

#include "str.h"

struct unit {
    const char *name;
    int64_t factor;
};

static int read_quantity(struct mpx_str text, const struct unit *units, int64_t *value)
{
    size_t digits = 0;
    uint64_t n;

    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    if (str_to_u64(str_head(text, digits), &n) < 0)
        return -1;
    for (const struct unit *u = units; u->name != NULL; u++) {
        if (!str_is(str_from(text, digits), u->name))
            continue;
        if (n > INT64_MAX / (uint64_t)u->factor)
            return -1;
        *value = (int64_t)n * u->factor;
        return 0;
    }
    return -1;
}

int quantity_bytes(struct mpx_str text, int64_t *bytes)
{
    static const struct unit units[] = {
        { "", 1 },        { "k", 1 << 10 }, { "K", 1 << 10 }, { "m", 1 << 20 },
        { "M", 1 << 20 }, { "g", 1 << 30 }, { "G", 1 << 30 }, { NULL, 0 },
    };

    return read_quantity(text, units, bytes);
}

int quantity_ms(struct mpx_str text, int64_t *ms)
{
    static const struct unit units[] = {
        { "ms", 1 },      { "s", 1000 },     { "m", 60000 },
        { "h", 3600000 }, { "d", 86400000 }, { NULL, 0 },
    };

    if (str_is(text, "0")) {
        *ms = 0;
        return 0;
    }
    return read_quantity(text, units, ms);
}

int quantity_mode(struct mpx_str text, unsigned *mode)
{
    *mode = 0;
    if (text.n == 0 || text.n > 4)
        return -1;
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] < '0' || text.p[i] > '7')
            return -1;
        *mode = 8 * *mode + (unsigned)(text.p[i] - '0');
    }
    return *mode <= 0777 ? 0 : -1;
}
