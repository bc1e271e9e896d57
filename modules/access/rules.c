/* SPDX-License-Identifier: MIT */
#include "rules.h"

#include <string.h>
#include <strings.h>

static bool is(struct mpx_str s, const char *word)
{
    return s.n == strlen(word) && memcmp(s.p, word, s.n) == 0;
}

/* What people write who know other servers. */
static const char *cure_for(struct mpx_str text)
{
    if (is(text, "all"))
        return "must be \"*\", which is everybody";
    if (is(text, "localhost") || is(text, "localhost."))
        return "is no name of the DNS: write \"127.0.0.0/8\" and \"::1\"";
    return NULL;
}

/* Networks, ranges and addresses never end in a word, and names have no slash and no colon. */
static bool looks_like_name(struct mpx_str s)
{
    size_t i = s.n;

    if (s.n == 0 || is(s, "unix") || memchr(s.p, '/', s.n) != NULL || memchr(s.p, ':', s.n) != NULL)
        return false;
    if (s.p[i - 1] == '.')
        i--;
    while (i > 0 && s.p[i - 1] != '.')
        i--;
    return i < s.n && !(s.p[i] >= '0' && s.p[i] <= '9') && !(s.n == 1 && s.p[0] == '*');
}

static const char *place(struct mpx_conf *c, const char *key, size_t i)
{
    return mpx_printf(mpx_conf_arena(c), "%s/%zu", key, i).p;
}

/* While a list is read. */
struct draft {
    struct mpx_network *networks;
    size_t *network_of, network_count;
    struct host *hosts;
    size_t host_count;
};

static int read_text(struct mpx_conf *c, const char *key, size_t i, struct mpx_str text,
                     struct draft *d)
{
    const char *wrong = cure_for(text);

    if (wrong == NULL && !looks_like_name(text)) {
        d->network_of[d->network_count] = i;
        return mpx_conf_network(c, place(c, key, i), text, &d->networks[d->network_count++]);
    }
    struct host *h = &d->hosts[d->host_count++];
    if (wrong == NULL)
        wrong = hosts_read(mpx_conf_arena(c), text, false, h);
    h->index = i;
    if (wrong == NULL)
        return 0;
    return mpx_conf_error(c, place(c, key, i), "\"%.*s\" %s", (int)text.n, text.p, wrong);
}

int rules_read(struct mpx_conf *c, const char *key, struct mpx_list texts, struct rules *rules)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    struct draft d = { .networks = mpx_alloc(a, texts.count * sizeof(*d.networks)),
                       .network_of = mpx_alloc(a, texts.count * sizeof(*d.network_of)),
                       .hosts = mpx_alloc(a, texts.count * sizeof(*d.hosts)) };
    int rc = 0;

    *rules = (struct rules){ .texts = texts.items };
    for (size_t i = 0; i < texts.count; i++)
        if (read_text(c, key, i, rules->texts[i], &d) < 0)
            rc = -1;
    if (rc < 0)
        return rc;
    rules->networks = mpx_networks_make(a, d.networks, d.network_count);
    rules->network_of = d.network_of;
    hosts_make(&rules->hosts, d.hosts, d.host_count);
    return 0;
}

const struct mpx_str *rules_by_address(const struct rules *rules, const struct sockaddr *address)
{
    int found = mpx_networks_find(rules->networks, address);

    return found >= 0 ? &rules->texts[rules->network_of[found]] : NULL;
}

const struct mpx_str *rules_by_name(const struct rules *rules, struct mpx_str name)
{
    long found = hosts_find(&rules->hosts, name);

    return found >= 0 ? &rules->texts[found] : NULL;
}

int referers_read(struct mpx_conf *c, const char *key, struct mpx_list texts, struct referers *rf)
{
    const struct mpx_str *list = texts.items;
    struct host *hosts = mpx_alloc(mpx_conf_arena(c), texts.count * sizeof(*hosts));
    size_t count = 0;
    int rc = 0;

    *rf = (struct referers){ .is_given = list != NULL };
    for (size_t i = 0; i < texts.count; i++) {
        if (is(list[i], "none")) {
            rf->none = true;
        } else if (is(list[i], "blocked")) {
            rf->blocked = true;
        } else if (is(list[i], "own")) {
            rf->own = true;
        } else {
            const char *wrong = hosts_read(mpx_conf_arena(c), list[i], true, &hosts[count++]);

            if (wrong != NULL)
                rc = mpx_conf_error(c, place(c, key, i), "\"%.*s\" %s", (int)list[i].n, list[i].p,
                                    wrong);
        }
    }
    hosts_make(&rf->hosts, hosts, count);
    return rc;
}

static bool skip(struct mpx_str *s, const char *prefix)
{
    size_t n = strlen(prefix);

    if (s->n < n || strncasecmp(s->p, prefix, n) != 0)
        return false;
    s->p += n;
    s->n -= n;
    return true;
}

/* Where the host that begins there ends: at its port, which has no colon in brackets before it. */
static size_t host_end(struct mpx_str s, size_t begin, size_t end)
{
    bool is_literal = begin < end && s.p[begin] == '[';

    while (begin < end && (is_literal || s.p[begin] != ':'))
        if (s.p[begin++] == ']')
            break;
    return begin;
}

/* Whether it is an http or https URI (RFC 3986 3.2). *host: its host in lower case without a dot at
   its end; "" where there is none, or no name could be so long. */
static bool is_page(struct mpx_str uri, char out[HOST_MAX], struct mpx_str *host)
{
    size_t begin = 0, end, n = 0;

    *host = MPX_STR("");
    if (!skip(&uri, "http://") && !skip(&uri, "https://"))
        return false;
    for (end = 0; end < uri.n && strchr("/?#\\", uri.p[end]) == NULL; end++)
        if (uri.p[end] == '@')
            begin = end + 1;
    end = host_end(uri, begin, end);
    if (end - begin > HOST_MAX)
        return true;
    for (size_t i = begin; i < end; i++)
        out[n++] = (char)(uri.p[i] >= 'A' && uri.p[i] <= 'Z' ? uri.p[i] | 0x20 : uri.p[i]);
    if (n > 0 && out[n - 1] == '.')
        n--;
    *host = (struct mpx_str){ out, n };
    return true;
}

bool referers_have(const struct referers *rf, const struct mpx_req *r)
{
    char text[HOST_MAX];
    struct mpx_str value, host;

    if (!mpx_req_header(r, "Referer", &value))
        return rf->none;
    if (!is_page(value, text, &host))
        return rf->blocked;
    if (host.n == 0)
        return false;
    if (rf->own && (mpx_req_owns_host(r, host) || mpx_str_eq(host, mpx_req_host(r))))
        return true;
    return hosts_find(&rf->hosts, host) >= 0;
}
