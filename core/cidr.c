/* SPDX-License-Identifier: MIT */
#include "cidr.h"

#include "str.h"

#include <stdlib.h>

/* How many bits of a key are an address: its family's byte is not counted. */
static unsigned bits_of(const unsigned char key[ADDRESS_KEY])
{
    return key[0] == AF_INET ? 32 : 128;
}

static bool read_prefix(struct mpx_str text, unsigned *bits)
{
    uint64_t n;

    if (text.n == 0 || text.n > 3 || (text.n > 1 && text.p[0] == '0') || str_to_u64(text, &n) < 0)
        return false;
    *bits = (unsigned)n;
    return true;
}

/* Clears or sets all bits of the address behind the prefix; whether that changed one. */
static bool fill(unsigned char key[ADDRESS_KEY], unsigned prefix, bool with)
{
    bool changed = false;

    for (unsigned i = prefix; i < 8 * (ADDRESS_KEY - 1); i++) {
        unsigned char *byte = &key[1 + i / 8], bit = (unsigned char)(0x80 >> i % 8);

        if (((*byte & bit) != 0) == with)
            continue;
        *byte ^= bit;
        changed = true;
    }
    return changed;
}

/* "::ffff:10.0.0.0/104": its address was read as IPv4, the prefix counts from the other form. */
static bool is_mapped(struct mpx_str text, const unsigned char key[ADDRESS_KEY])
{
    return key[0] == AF_INET && str_find(text, ':') < text.n;
}

int cidr_read(struct mpx_str text, struct cidr *net)
{
    size_t slash = str_find(text, '/');
    struct mpx_str host = str_head(text, slash);
    union address a = { .any.sa_family = AF_UNIX };
    unsigned prefix = 0;

    if (!str_is(text, "unix") && !address_read(host, &a))
        return CIDR_BAD;
    address_key(&a, net->first);
    if (a.any.sa_family != AF_UNIX)
        prefix = bits_of(net->first);
    if (slash < text.n) {
        unsigned most = is_mapped(host, net->first) ? 128 : prefix;

        if (!read_prefix(str_from(text, slash + 1), &prefix))
            return CIDR_BAD;
        if (prefix > most)
            return CIDR_LONG_PREFIX;
        if (most > bits_of(net->first) && prefix < 96)
            return CIDR_BAD; /* a network of both kinds */
        prefix -= most - bits_of(net->first);
    }
    bool has_host_bits = fill(net->first, prefix, false);
    memcpy(net->last, net->first, sizeof(net->last));
    (void)fill(net->last, prefix, true);
    return has_host_bits ? CIDR_HOST_BITS : CIDR_OK;
}

struct mpx_str cidr_text(struct mpx_arena *a, const struct cidr *net)
{
    union address address = { .any.sa_family = net->first[0] };
    char text[ADDRESS_TEXT];
    unsigned prefix = 0;

    if (net->first[0] == AF_UNIX)
        return MPX_STR("unix");
    while (prefix < bits_of(net->first) &&
           ((net->first[1 + prefix / 8] ^ net->last[1 + prefix / 8]) & (0x80 >> prefix % 8)) == 0)
        prefix++;
    if (net->first[0] == AF_INET)
        memcpy(&address.in.sin_addr, net->first + 1, 4);
    else
        memcpy(&address.in6.sin6_addr, net->first + 1, 16);
    return arena_printf(a, "%s/%u", address_write(&address, text), prefix);
}

static int compare(const void *a, const void *b)
{
    return memcmp(((const struct cidr *)a)->first, ((const struct cidr *)b)->first, ADDRESS_KEY);
}

void cidr_table_make(struct mpx_arena *a, const struct cidr *list, size_t count,
                     struct cidr_table *t)
{
    struct cidr *sorted = arena_take(a, count * sizeof(*sorted));
    size_t n = 0;

    if (count > 0)
        memcpy(sorted, list, count * sizeof(*sorted));
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count; i++) {
        if (n == 0 || memcmp(sorted[i].first, sorted[n - 1].last, ADDRESS_KEY) > 0)
            sorted[n++] = sorted[i];
        else if (memcmp(sorted[i].last, sorted[n - 1].last, ADDRESS_KEY) > 0)
            memcpy(sorted[n - 1].last, sorted[i].last, ADDRESS_KEY);
    }
    *t = (struct cidr_table){ sorted, n };
}

bool cidr_table_has(const struct cidr_table *t, const union address *address)
{
    unsigned char key[ADDRESS_KEY];
    size_t low = 0, high = t->count; /* what begins behind the address is at high or later */

    address_key(address, key);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(t->list[middle].first, key, ADDRESS_KEY) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && memcmp(key, t->list[low - 1].last, ADDRESS_KEY) <= 0;
}
