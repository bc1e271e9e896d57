/* SPDX-License-Identifier: MIT */
#include "values.h"

#include <stdio.h>
#include <string.h>

bool values_is_key(struct mpx_str key)
{
    for (size_t i = 0; i < key.n; i++)
        if (!((key.p[i] >= 'a' && key.p[i] <= 'z') || (key.p[i] >= 'A' && key.p[i] <= 'Z') ||
              (key.p[i] >= '0' && key.p[i] <= '9') || key.p[i] == '_'))
            return false;
    return key.n > 0 && key.n <= VALUES_KEY_MAX;
}

static size_t length_at(const char *p)
{
    const unsigned char *b = (const unsigned char *)p;

    return (size_t)b[0] << 24 | (size_t)b[1] << 16 | (size_t)b[2] << 8 | b[3];
}

bool values_next(struct mpx_str *rest, struct mpx_pair *pair)
{
    if (rest->n < VALUES_HEAD)
        return false;
    pair->key = (struct mpx_str){ rest->p + 1, (unsigned char)rest->p[0] };
    if (rest->n - VALUES_HEAD < pair->key.n)
        return false;
    pair->value.p = rest->p + VALUES_HEAD + pair->key.n;
    pair->value.n = length_at(pair->value.p - 4);
    if (rest->n - VALUES_HEAD - pair->key.n < pair->value.n)
        return false;
    size_t used = VALUES_HEAD + pair->key.n + pair->value.n;
    *rest = (struct mpx_str){ rest->p + used, rest->n - used };
    return true;
}

bool values_get(struct mpx_str data, struct mpx_str key, struct mpx_str *value)
{
    struct mpx_pair pair;

    while (values_next(&data, &pair))
        if (mpx_str_eq(pair.key, key)) {
            *value = pair.value;
            return true;
        }
    return false;
}

static size_t write_pair(struct mpx_str key, struct mpx_str value, char *out)
{
    out[0] = (char)key.n;
    memcpy(out + 1, key.p, key.n);
    for (size_t i = 0; i < 4; i++)
        out[1 + key.n + i] = (char)(unsigned char)(value.n >> (24 - 8 * i));
    if (value.n > 0)
        memcpy(out + VALUES_HEAD + key.n, value.p, value.n);
    return VALUES_HEAD + key.n + value.n;
}

size_t values_put(struct mpx_str data, struct mpx_str key, struct mpx_str value, char *out)
{
    struct mpx_pair pair;
    bool is_due = value.p != NULL;
    size_t n = 0;

    while (values_next(&data, &pair)) {
        bool is_it = mpx_str_eq(pair.key, key);

        if (is_it && is_due)
            n += write_pair(key, value, out + n);
        else if (!is_it)
            n += write_pair(pair.key, pair.value, out + n);
        is_due = is_due && !is_it;
    }
    return is_due ? n + write_pair(key, value, out + n) : n;
}

/* False when it is none. */
static bool number_of(struct mpx_str s, int64_t *number)
{
    bool is_negative = s.n > 0 && s.p[0] == '-';
    int64_t n = 0;

    if (s.n == (is_negative ? 1 : 0) || s.n > 20)
        return false;
    for (size_t i = is_negative ? 1 : 0; i < s.n; i++) {
        int digit = s.p[i] - '0';

        if (digit < 0 || digit > 9 || __builtin_mul_overflow(n, 10, &n) ||
            __builtin_add_overflow(n, is_negative ? -digit : digit, &n))
            return false;
    }
    *number = n;
    return true;
}

size_t values_add(struct mpx_str number, int64_t by, char out[21])
{
    int64_t n = 0;

    if (number.p != NULL && !number_of(number, &n))
        return 0;
    if (__builtin_add_overflow(n, by, &n))
        return 0;
    return (size_t)snprintf(out, 21, "%lld", (long long)n);
}
