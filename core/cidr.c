/* SPDX-License-Identifier: MIT */
#include "cidr.h"

#include "str.h"

#include <stdlib.h>

static const char any_form[] = "must be an address, a network such as \"10.0.0.0/8\", a range such "
                               "as \"10.0.0.1-10.0.0.9\", or \"unix\"";

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

/* "10" as "10.0.0.0": up to three numbers of an IPv4 address, filled up with zeros. */
static bool read_short(struct mpx_str text, union address *a)
{
    char full[ADDRESS_TEXT];
    unsigned dots = 0;
    size_t n = text.n;

    if (n == 0 || n > 11 || text.p[n - 1] == '.')
        return false;
    for (size_t i = 0; i < n; i++)
        dots += text.p[i] == '.';
    memcpy(full, text.p, n);
    for (; dots < 3; dots++) {
        full[n++] = '.';
        full[n++] = '0';
    }
    return address_read((struct mpx_str){ full, n }, a);
}

/* What stands before a slash. */
static bool read_base(struct mpx_str text, unsigned char key[ADDRESS_KEY])
{
    union address address;

    if (!address_read(text, &address) && !read_short(text, &address))
        return false;
    address_key(&address, key);
    return true;
}

static const char *read_network(struct mpx_arena *a, struct mpx_str text, size_t slash,
                                struct mpx_network *net)
{
    struct mpx_str base = str_head(text, slash);
    unsigned prefix;

    if (!read_base(base, net->first) || !read_prefix(str_from(text, slash + 1), &prefix))
        return any_form;
    unsigned bits = bits_of(net->first), most = is_mapped(base, net->first) ? 128 : bits;
    if (prefix > most)
        return arena_printf(a, "must have a prefix of at most %u bits", most).p;
    if (most > bits && prefix < 96)
        return any_form; /* a network of both kinds */
    prefix -= most - bits;
    bool has_host_bits = fill(net->first, prefix, false);
    memcpy(net->last, net->first, sizeof(net->last));
    (void)fill(net->last, prefix, true);
    if (!has_host_bits)
        return NULL;
    return arena_printf(a, "must be a whole network: write \"%.*s\"", STR_ARGS(cidr_text(a, net)))
        .p;
}

static const char *read_range(struct mpx_arena *a, struct mpx_str text, size_t dash,
                              struct mpx_network *net)
{
    struct mpx_str first = str_head(text, dash), last = str_from(text, dash + 1);
    union address from, to;

    if (!address_read(first, &from) || !address_read(last, &to) ||
        from.any.sa_family != to.any.sa_family)
        return any_form;
    address_key(&from, net->first);
    address_key(&to, net->last);
    (void)fill(net->last, bits_of(net->last), true);
    if (memcmp(net->first, net->last, ADDRESS_KEY) < 0)
        return NULL;
    return arena_printf(a, "ends before it begins: write \"%.*s-%.*s\"", STR_ARGS(last),
                        STR_ARGS(first))
        .p;
}

/* An address, all of it. */
static const char *read_one(struct mpx_arena *a, struct mpx_str text, struct mpx_network *net)
{
    union address address = { .any.sa_family = AF_UNIX };

    if (!str_is(text, "unix") && !address_read(text, &address)) {
        if (!read_short(text, &address))
            return any_form;
        return arena_printf(a, "must say how long the network's prefix is: write \"%.*s/%d\"",
                            STR_ARGS(text),
                            str_find_last(text, '.') == text.n                ? 8
                            : str_find(text, '.') == str_find_last(text, '.') ? 16
                                                                              : 24)
            .p;
    }
    address_key(&address, net->first);
    memcpy(net->last, net->first, sizeof(net->last));
    (void)fill(net->last, address.any.sa_family == AF_UNIX ? 0 : bits_of(net->first), true);
    return NULL;
}

const char *cidr_read(struct mpx_arena *a, struct mpx_str text, struct mpx_network *net)
{
    size_t slash = str_find(text, '/'), dash = str_find(text, '-');

    if (slash < text.n)
        return read_network(a, text, slash, net);
    if (dash < text.n)
        return read_range(a, text, dash, net);
    return read_one(a, text, net);
}

void cidr_everybody(struct mpx_network *net)
{
    memset(net->first, 0, sizeof(net->first));
    memset(net->last, 0xff, sizeof(net->last));
}

struct mpx_str cidr_text(struct mpx_arena *a, const struct mpx_network *net)
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

/* What encloses stands before what it encloses; of equal ones the first is behind the others, as if
   it were the narrowest. */
static int compare(const void *a, const void *b)
{
    const struct cidr_stretch *x = a, *y = b;
    int order = memcmp(x->net.first, y->net.first, ADDRESS_KEY);

    if (order == 0)
        order = memcmp(y->net.last, x->net.last, ADDRESS_KEY);
    return order != 0 ? order : (x->index < y->index) - (x->index > y->index);
}

/* The key behind this one, or before it; the whole of a key counts as one number. */
static void step(unsigned char key[ADDRESS_KEY], bool up)
{
    for (size_t i = ADDRESS_KEY; i-- > 0;) {
        bool carries = key[i] == (up ? 0xff : 0);

        key[i] = (unsigned char)(up ? key[i] + 1 : key[i] - 1);
        if (!carries)
            return;
    }
}

/* While the sorted networks are walked from the first address to the last. */
struct walk {
    struct cidr_stretch *out;
    size_t count;
    const struct cidr_stretch **open; /* those that have begun, the narrowest on top */
    size_t depth;
    unsigned char at[ADDRESS_KEY]; /* all before it is told */
    bool at_end;                   /* of all addresses */
};

/* The narrowest one that is open has all from here up to last. */
static void tell(struct walk *w, const unsigned char last[ADDRESS_KEY])
{
    struct cidr_stretch *s = &w->out[w->count];

    if (w->at_end || memcmp(w->at, last, ADDRESS_KEY) > 0)
        return;
    memcpy(s->net.first, w->at, ADDRESS_KEY);
    memcpy(s->net.last, last, ADDRESS_KEY);
    s->index = w->open[w->depth - 1]->index;
    w->count++;
    memcpy(w->at, last, ADDRESS_KEY);
    step(w->at, true);
    w->at_end = w->at[0] == 0 && last[0] == 0xff;
}

/* Closes what ends before a network begins, or all. */
static void close_before(struct walk *w, const struct cidr_stretch *next)
{
    while (w->depth > 0) {
        const struct cidr_stretch *top = w->open[w->depth - 1];

        if (next != NULL && memcmp(top->net.last, next->net.first, ADDRESS_KEY) >= 0)
            return;
        tell(w, top->net.last);
        w->depth--;
    }
}

static void begin(struct walk *w, const struct cidr_stretch *next)
{
    unsigned char before[ADDRESS_KEY];

    close_before(w, next);
    if (w->depth > 0 && memcmp(w->at, next->net.first, ADDRESS_KEY) < 0) {
        memcpy(before, next->net.first, ADDRESS_KEY);
        step(before, false);
        tell(w, before);
    }
    memcpy(w->at, next->net.first, ADDRESS_KEY);
    w->open[w->depth++] = next;
}

void cidr_table_make(struct mpx_arena *a, const struct mpx_network *list, size_t count,
                     struct cidr_table *t)
{
    struct cidr_stretch *sorted = arena_take(a, count * sizeof(*sorted));
    struct walk w = { .out = arena_take(a, 2 * count * sizeof(*w.out)),
                      .open = arena_take(a, count * sizeof(struct cidr_stretch *)) };

    for (size_t i = 0; i < count; i++)
        sorted[i] = (struct cidr_stretch){ list[i], (uint32_t)i };
    qsort(sorted, count, sizeof(*sorted), compare);
    for (size_t i = 0; i < count; i++)
        begin(&w, &sorted[i]);
    close_before(&w, NULL);
    *t = (struct cidr_table){ w.out, w.count };
}

int cidr_table_find(const struct cidr_table *t, const union address *address)
{
    unsigned char key[ADDRESS_KEY];
    size_t low = 0, high = t->count; /* what begins behind the address is at high or later */

    address_key(address, key);
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (memcmp(t->list[middle].net.first, key, ADDRESS_KEY) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || memcmp(key, t->list[low - 1].net.last, ADDRESS_KEY) > 0)
        return -1;
    return (int)t->list[low - 1].index;
}
