/* SPDX-License-Identifier: MIT */
#include "resolver.h"

#include "date.h"
#include "log.h"
#include "must.h"
#include "str.h"

#include <event2/dns.h>
#include <stdio.h>
#include <stdlib.h>

enum { ATTEMPTS = 3, TURNS_AT_THE_END = 100 };

/* What is known of an address, or asked just now. */
struct entry {
    struct entry *next; /* in its bucket */
    struct link link;   /* in rs->known, or in rs->asked */
    struct resolver *rs;
    union address address;
    unsigned char key[ADDRESS_KEY];
    enum { ASKED, TOLD, KNOWN } state; /* TOLD: to those who have waited, just now */
    enum resolver_result result;
    char *name; /* NULL: none */
    int64_t until_ms;
    /* while it is asked */
    struct list waiting; /* by resolver_wait.link */
    struct question *question;
    struct loop_event deadline;
    int ttl; /* of the name, in seconds */
};

/* One query of evdns, which calls back in any case, but later. */
struct question {
    struct resolver *rs;
    struct entry *e; /* NULL: nobody wants to know any more */
    struct evdns_request *query;
};

struct resolver {
    struct loop *loop;
    struct resolver_settings settings;
    struct evdns_base *dns; /* NULL before the first look-up */
    struct entry **buckets;
    size_t bucket_count;
    struct list known; /* the one not asked for longest comes first */
    unsigned known_count;
    struct list asked;
    unsigned asked_count, questions;
};

static const union address *copy_servers(const struct resolver_settings *s)
{
    union address *copy = must_calloc((s->server_count + 1) * sizeof(*copy));

    for (size_t i = 0; i < s->server_count; i++)
        copy[i] = s->servers[i];
    return copy;
}

struct resolver *resolver_create(struct loop *l, const struct resolver_settings *s)
{
    struct resolver *rs = must_calloc(sizeof(*rs));

    rs->loop = l;
    rs->settings = *s;
    rs->settings.servers = copy_servers(s);
    rs->bucket_count = 16;
    while (rs->bucket_count < s->entries)
        rs->bucket_count *= 2;
    list_init(&rs->known);
    list_init(&rs->asked);
    return rs;
}

/* Which addresses share a bucket depends on the seed. */
static struct entry **bucket_of(const struct resolver *rs, const unsigned char key[ADDRESS_KEY])
{
    uint64_t x = rs->settings.seed;

    for (size_t i = 0; i < ADDRESS_KEY; i++) {
        x = (x ^ key[i]) * UINT64_C(0xff51afd7ed558ccd);
        x ^= x >> 32;
    }
    return &rs->buckets[x & (rs->bucket_count - 1)];
}

static struct entry *find(const struct resolver *rs, const unsigned char key[ADDRESS_KEY])
{
    struct entry *e = *bucket_of(rs, key);

    while (e != NULL && memcmp(e->key, key, ADDRESS_KEY) != 0)
        e = e->next;
    return e;
}

static void entry_destroy(struct entry *e)
{
    struct entry **at = bucket_of(e->rs, e->key);

    while (*at != e)
        at = &(*at)->next;
    *at = e->next;
    list_remove(&e->link);
    free(e->name);
    free(e);
}

static void forget_known(struct resolver *rs, struct entry *e)
{
    entry_destroy(e);
    rs->known_count--;
}

static void on_log(int is_warning, const char *text)
{
    (void)is_warning; /* of one server, one query: nobody's concern but his who looks for a fault */
    log_debug("resolver: %s", text);
}

static void add_servers(struct resolver *rs)
{
    static const char file[] = "/etc/resolv.conf";

    for (size_t i = 0; i < rs->settings.server_count; i++) {
        const union address *a = &rs->settings.servers[i];

        if (evdns_base_nameserver_sockaddr_add(rs->dns, &a->any, address_length(a), 0) != 0)
            log_warn("resolver: a server of daemon.resolver cannot be used");
    }
    if (rs->settings.server_count == 0 &&
        evdns_base_resolv_conf_parse(rs->dns, DNS_OPTION_NAMESERVERS, file) != 0)
        log_warn("resolver: %s names no server: set daemon.resolver.servers", file);
}

/* A server has a part of the time, so that there is some left for another, or to ask again. */
static int open_dns(struct resolver *rs)
{
    char seconds[32];
    int64_t part = rs->settings.timeout_ms / ATTEMPTS;

    if (rs->dns != NULL)
        return 0;
    evdns_set_log_fn(on_log);
    rs->dns = evdns_base_new(loop_base(rs->loop), 0);
    if (rs->dns == NULL) {
        log_warn("resolver: cannot be started, clients have no names");
        return -1;
    }
    (void)snprintf(seconds, sizeof(seconds), "%lld.%03lld", (long long)part / 1000,
                   (long long)part % 1000);
    (void)evdns_base_set_option(rs->dns, "timeout:", seconds);
    (void)evdns_base_set_option(rs->dns, "attempts:", "3"); /* ATTEMPTS */
    (void)evdns_base_set_option(rs->dns, "initial-probe-timeout:", "1");
    (void)evdns_base_set_option(rs->dns, "max-inflight:", "256"); /* RESOLVER_LOOKUPS */
    /* names that nobody answers for are their owners' fault, not the server's */
    (void)evdns_base_set_option(rs->dns, "max-timeouts:", "255");
    add_servers(rs);
    return 0;
}

/* How long that may be believed. */
static int64_t believed_ms(const struct resolver *rs, const struct entry *e)
{
    int64_t ms = RESOLVER_LEAST_MS;

    if (e->result == RESOLVER_NONE)
        ms = RESOLVER_NONE_MS;
    else if (e->result == RESOLVER_NAME && e->ttl > RESOLVER_LEAST_MS / 1000)
        ms = 1000 * (int64_t)e->ttl;
    return ms < rs->settings.cache_ms ? ms : rs->settings.cache_ms;
}

static void drop_question(struct entry *e)
{
    struct question *q = e->question;

    if (q == NULL)
        return;
    e->question = NULL;
    q->e = NULL;
    if (q->query != NULL)
        evdns_cancel_request(e->rs->dns, q->query);
}

/* Moves the entry to those that are known. */
static void remember(struct entry *e)
{
    struct resolver *rs = e->rs;

    loop_end(&e->deadline);
    drop_question(e);
    list_remove(&e->link);
    rs->asked_count--;
    e->until_ms = clock_ms() + believed_ms(rs, e);
    list_push(&rs->known, &e->link);
    rs->known_count++;
}

/* The look-up is over: all who wait are told. Whoever is told may ask for others. */
static void finish(struct entry *e, enum resolver_result result)
{
    struct resolver *rs = e->rs;
    struct mpx_str name = MPX_STR("");
    struct link *k;

    e->result = result;
    if (result == RESOLVER_NAME)
        name = str_of(e->name);
    remember(e);
    e->state = TOLD;
    while ((k = list_pop(&e->waiting)) != NULL) {
        struct resolver_wait *w = CONTAINER_OF(k, struct resolver_wait, link);

        w->done(w, result, name);
    }
    e->state = KNOWN;
    while (rs->known_count > rs->settings.entries)
        forget_known(rs, CONTAINER_OF(list_first(&rs->known), struct entry, link));
}

/* A host name of letters, digits, "-", "_" and dots, in lower case. */
static char *read_name(const char *text)
{
    size_t n = strlen(text);

    if (n > 0 && text[n - 1] == '.')
        n--;
    if (n == 0 || n > RESOLVER_NAME_MAX || text[0] == '.')
        return NULL;
    char *name = must_calloc(n + 1);
    for (size_t i = 0; i < n; i++) {
        char c = str_lower(text[i]);

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
              (c == '.' && text[i - 1] != '.'))) {
            free(name);
            return NULL;
        }
        name[i] = c;
    }
    return name;
}

/* evdns has answered; the entry, or NULL when nobody wants to know. */
static struct entry *end_question(struct question *q)
{
    struct entry *e = q->e;

    q->rs->questions--;
    free(q);
    if (e != NULL)
        e->question = NULL;
    return e;
}

static struct question *new_question(struct entry *e)
{
    struct question *q = must_calloc(sizeof(*q));

    *q = (struct question){ .rs = e->rs, .e = e };
    e->question = q;
    e->rs->questions++;
    return q;
}

/* evdns could not even begin. */
static void take_back(struct entry *e)
{
    (void)end_question(e->question);
    finish(e, RESOLVER_UNSURE);
}

static bool has_address(const struct entry *e, char type, int count, const void *addresses)
{
    size_t size = type == DNS_IPv4_A ? 4 : 16;

    if (type != (e->key[0] == AF_INET ? DNS_IPv4_A : DNS_IPv6_AAAA))
        return false;
    for (int i = 0; i < count; i++)
        if (memcmp((const char *)addresses + (size_t)i * size, e->key + 1, size) == 0)
            return true;
    return false;
}

/* The addresses of the name. */
static void on_forward(int error, char type, int count, int ttl, void *addresses, void *arg)
{
    struct entry *e = end_question(arg);

    if (e == NULL)
        return;
    if (error != DNS_ERR_NONE || !has_address(e, type, count, addresses)) {
        log_debug("resolver: \"%s\" does not confirm the address that it is the name of", e->name);
        finish(e, RESOLVER_UNSURE);
        return;
    }
    if (ttl < e->ttl)
        e->ttl = ttl;
    finish(e, RESOLVER_NAME);
}

static void confirm(struct entry *e)
{
    struct question *q = new_question(e);

    if (e->key[0] == AF_INET)
        q->query = evdns_base_resolve_ipv4(e->rs->dns, e->name, DNS_QUERY_NO_SEARCH, on_forward, q);
    else
        q->query = evdns_base_resolve_ipv6(e->rs->dns, e->name, DNS_QUERY_NO_SEARCH, on_forward, q);
    if (q->query == NULL)
        take_back(e);
}

/* The name of the address. */
static void on_reverse(int error, char type, int count, int ttl, void *names, void *arg)
{
    struct entry *e = end_question(arg);

    if (e == NULL)
        return;
    if (error == DNS_ERR_NONE && type == DNS_PTR && count > 0)
        e->name = read_name(*(char **)names);
    if (e->name != NULL) {
        e->ttl = ttl;
        confirm(e);
    } else {
        finish(e, error == DNS_ERR_NOTEXIST || error == DNS_ERR_NODATA ? RESOLVER_NONE
                                                                       : RESOLVER_UNSURE);
    }
}

static void on_deadline(int fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    finish(arg, RESOLVER_UNSURE);
}

static int begin(struct entry *e)
{
    struct question *q = new_question(e);

    if (e->key[0] == AF_INET)
        q->query =
            evdns_base_resolve_reverse(e->rs->dns, &e->address.in.sin_addr, 0, on_reverse, q);
    else
        q->query = evdns_base_resolve_reverse_ipv6(e->rs->dns, &e->address.in6.sin6_addr, 0,
                                                   on_reverse, q);
    if (q->query != NULL &&
        loop_timer(e->rs->loop, &e->deadline, e->rs->settings.timeout_ms, 0, on_deadline, e) == 0)
        return 0;
    if (q->query == NULL)
        (void)end_question(q);
    else
        drop_question(e);
    return -1;
}

/* A look-up of its own; NULL when there is no room for it. */
static struct entry *look_up(struct resolver *rs, const union address *a,
                             const unsigned char key[ADDRESS_KEY])
{
    if (rs->asked_count >= RESOLVER_LOOKUPS || open_dns(rs) < 0)
        return NULL;
    struct entry *e = must_calloc(sizeof(*e)), **bucket = bucket_of(rs, key);
    e->rs = rs;
    e->address = *a;
    memcpy(e->key, key, ADDRESS_KEY);
    list_init(&e->waiting);
    e->next = *bucket;
    *bucket = e;
    if (begin(e) < 0) {
        entry_destroy(e);
        return NULL;
    }
    list_push(&rs->asked, &e->link);
    rs->asked_count++;
    return e;
}

/* What is remembered of an address, or asked just now; NULL: nothing. */
static struct entry *recall(struct resolver *rs, const unsigned char key[ADDRESS_KEY])
{
    struct entry *e = find(rs, key);

    if (e == NULL || e->state != KNOWN)
        return e;
    if (clock_ms() >= e->until_ms) {
        forget_known(rs, e);
        return NULL;
    }
    list_remove(&e->link); /* asked for last */
    list_push(&rs->known, &e->link);
    return e;
}

bool resolver_ask(struct resolver *rs, const union address *a, struct resolver_wait *w,
                  enum resolver_result *result, struct mpx_str *name)
{
    unsigned char key[ADDRESS_KEY];

    *result = RESOLVER_UNSURE;
    *name = MPX_STR("");
    address_key(a, key);
    if (rs->buckets == NULL)
        rs->buckets = must_calloc(rs->bucket_count * sizeof(struct entry *));
    struct entry *e = recall(rs, key);
    if (e == NULL)
        e = look_up(rs, a, key);
    if (e == NULL)
        return true;
    if (e->state == ASKED) {
        list_push(&e->waiting, &w->link);
        return false;
    }
    *result = e->result;
    if (e->result == RESOLVER_NAME)
        *name = str_of(e->name);
    return true;
}

void resolver_forget(struct resolver_wait *w)
{
    list_remove(&w->link);
}

/* What evdns still wants to tell comes in a turn of the loop. */
static void end_dns(struct resolver *rs)
{
    if (rs->dns == NULL)
        return;
    evdns_base_free(rs->dns, 1);
    for (int i = 0; i < TURNS_AT_THE_END && rs->questions > 0; i++)
        loop_turn(rs->loop, false);
}

static void destroy_all(struct list *entries)
{
    struct link *k;

    while ((k = list_first(entries)) != NULL) {
        struct entry *e = CONTAINER_OF(k, struct entry, link);

        loop_end(&e->deadline);
        drop_question(e);
        while (list_pop(&e->waiting) != NULL)
            ;
        entry_destroy(e);
    }
}

void resolver_destroy(struct resolver *rs)
{
    if (rs == NULL)
        return;
    destroy_all(&rs->asked);
    destroy_all(&rs->known);
    end_dns(rs);
    free(rs->buckets);
    free((void *)(uintptr_t)rs->settings.servers);
    free(rs);
}
