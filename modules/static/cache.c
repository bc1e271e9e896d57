/* SPDX-License-Identifier: MIT */
#include "cache.h"

#include "../common/glob.h"
#include "../common/pointer.h"

#include <string.h>
#include <strings.h>

struct cache_rule {
    struct mpx_str what; /* in lower case: a media type, with stars, or what a name ends with */
    struct mpx_str value;
    bool is_type;
};

/* The directives may stand in any case, alone or among others. */
static bool names(struct mpx_conf *c, struct mpx_str control, const char *directive)
{
    struct mpx_str s = glob_lower(mpx_conf_arena(c), control);

    for (const char *at = s.p; (at = strstr(at, directive)) != NULL; at++)
        if ((at == s.p || strchr(" ,", at[-1]) != NULL) &&
            strchr(" ,=", at[strlen(directive)]) != NULL)
            return true;
    return false;
}

static bool is_sendable(struct mpx_str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] < 0x20 || (unsigned char)s.p[i] >= 0x7f)
            return false;
    return s.n == 0 || (s.p[0] != ' ' && s.p[s.n - 1] != ' ');
}

static bool begins_with_digit(struct mpx_str s)
{
    return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

static bool is_type(struct mpx_str key)
{
    return memchr(key.p, '/', key.n) != NULL;
}

/* A suffix has a star in its front at most. */
static bool is_key(struct mpx_str key)
{
    size_t i = 0;

    if (key.n > 0 && is_type(key))
        return true;
    while (i < key.n && (key.p[i] == '*' || key.p[i] == '.'))
        i++;
    return i < key.n && memchr(key.p + i, '*', key.n - i) == NULL;
}

static int check_seconds(struct mpx_conf *c, const char *at, int64_t ms)
{
    return ms % 1000 == 0 ? 0
                          : mpx_conf_error(c, at, "caches count whole seconds, such as \"30s\"");
}

static int check_control(struct mpx_conf *c, const struct cache *cache)
{
    static const char *const against[] = { "max-age", "no-store", "no-cache" };
    int rc = 0;

    if (!is_sendable(cache->control))
        rc = mpx_conf_error(c, "cache_control",
                            "cannot be sent: one line of ASCII, such as "
                            "\"public, immutable\"");
    for (size_t i = 0; cache->max_age > 0 && i < sizeof(against) / sizeof(against[0]); i++)
        if (names(c, cache->control, against[i]))
            rc = mpx_conf_error(c, "cache_control",
                                "says \"%s\", and max_age says how long: leave one of them out "
                                "(\"max_age\": \"0\")",
                                against[i]);
    return rc;
}

int cache_check(struct mpx_conf *c, const struct cache *cache)
{
    const struct mpx_pair *pairs = cache->by_type.items;
    int rc = check_control(c, cache);

    if (check_seconds(c, "max_age", cache->max_age) < 0)
        rc = -1;
    for (size_t i = 0; i < cache->by_type.count; i++) {
        struct mpx_str key = pairs[i].key, value = pairs[i].value;
        const char *at = pointer_below(c, "cache", key);
        int64_t ms = 0;

        if (!is_key(key))
            rc = mpx_conf_error(c, at,
                                "the key must be a media type such as \"image/*\", or a "
                                "suffix such as \".css\"");
        else if (begins_with_digit(value) ? mpx_duration(value, &ms) < 0 : !is_sendable(value))
            rc = mpx_conf_error(c, at,
                                "must be a time such as \"7d\", or the text of "
                                "Cache-Control such as \"no-cache\"");
        else if (check_seconds(c, at, ms) < 0)
            rc = -1;
    }
    return rc;
}

static struct mpx_str max_age(struct mpx_arena *a, int64_t ms, struct mpx_str more)
{
    return mpx_printf(a, "max-age=%lld%s%.*s", (long long)(ms / 1000), more.n > 0 ? ", " : "",
                      (int)more.n, more.p != NULL ? more.p : "");
}

static bool has_star(struct mpx_str s)
{
    return memchr(s.p, '*', s.n) != NULL;
}

/* Suffixes, then types, then types with stars; among each the longer before the shorter. */
static bool is_more_exact(const struct cache_rule *a, const struct cache_rule *b)
{
    int rank_a = a->is_type + has_star(a->what), rank_b = b->is_type + has_star(b->what);

    return rank_a != rank_b ? rank_a < rank_b : a->what.n > b->what.n;
}

static void add_rule(struct cache *cache, const struct cache_rule *rule)
{
    size_t at = cache->rule_count++;

    for (; at > 0 && is_more_exact(rule, &cache->rules[at - 1]); at--)
        cache->rules[at] = cache->rules[at - 1];
    cache->rules[at] = *rule;
}

/* "css", ".css" and "*.css" are the same suffix. */
static struct mpx_str suffix_of(struct mpx_arena *a, struct mpx_str key)
{
    while (key.n > 0 && (key.p[0] == '*' || key.p[0] == '.'))
        key = (struct mpx_str){ key.p + 1, key.n - 1 };
    return glob_lower(a, mpx_printf(a, ".%.*s", (int)key.n, key.p));
}

void cache_open(struct mpx_conf *c, struct cache *cache)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    const struct mpx_pair *pairs = cache->by_type.items;
    int64_t ms;

    cache->otherwise =
        cache->max_age > 0 ? max_age(a, cache->max_age, cache->control) : cache->control;
    cache->rules = mpx_alloc(a, (cache->by_type.count + 1) * sizeof(*cache->rules));
    for (size_t i = 0; i < cache->by_type.count; i++) {
        struct mpx_str key = pairs[i].key;
        struct cache_rule rule = { .value = pairs[i].value, .is_type = is_type(key) };

        rule.what = rule.is_type ? glob_lower(a, key) : suffix_of(a, key);
        if (begins_with_digit(rule.value) && mpx_duration(rule.value, &ms) == 0)
            rule.value = max_age(a, ms, (struct mpx_str){ NULL, 0 });
        add_rule(cache, &rule);
    }
}

static bool ends_with(struct mpx_str name, struct mpx_str suffix)
{
    return name.n >= suffix.n && strncasecmp(name.p + name.n - suffix.n, suffix.p, suffix.n) == 0;
}

struct mpx_str cache_control(const struct cache *cache, struct mpx_str name, struct mpx_str type)
{
    char room[GLOB_TYPE_BYTES];

    if (cache->rule_count == 0)
        return cache->otherwise;
    type = glob_type(type, room);
    for (size_t i = 0; i < cache->rule_count; i++) {
        const struct cache_rule *rule = &cache->rules[i];

        if (rule->is_type ? glob_matches(rule->what, type) : ends_with(name, rule->what))
            return rule->value;
    }
    return cache->otherwise;
}
