/* SPDX-License-Identifier: MIT
   The keys of "resolver" in settings.h, and its DNS servers. */
#include "option_value.h"
#include "settings.h"

#define AT(type, member) offsetof(struct type, member)

static const struct mpx_option server_element = { .name = "", .type = MPX_T_STRING };

const struct mpx_option settings_resolver_keys[] = {
    { .name = "servers",
      .help = "DNS servers, \"address\" or \"address:port\"; by default those of /etc/resolv.conf",
      .type = MPX_T_LIST,
      .of = &server_element,
      .of_size = sizeof(struct mpx_str),
      .offset = AT(settings, resolver.servers) - AT(settings, resolver) },
    { .name = "timeout",
      .help = "for finding a name and confirming it; then the client has none",
      .type = MPX_T_MSEC,
      .fallback = "\"3s\"",
      .min = 10,
      .max = 60000,
      .offset = AT(settings, resolver.timeout) - AT(settings, resolver) },
    { .name = "cache",
      .help = "the longest that a name is remembered, however long the DNS allows it",
      .type = MPX_T_MSEC,
      .fallback = "\"10m\"",
      .max = 86400000,
      .offset = AT(settings, resolver.cache) - AT(settings, resolver) },
    { .name = "entries",
      .help = "clients whose names are remembered",
      .type = MPX_T_INT,
      .fallback = "10000",
      .min = 1,
      .max = 1000000,
      .offset = AT(settings, resolver.entries) - AT(settings, resolver) },
    MPX_OPTION_END,
};

enum { DNS_PORT = 53, SERVERS_MAX = 16 };

static bool read_port(struct mpx_str text, uint16_t *port)
{
    uint64_t n;

    if (str_to_u64(text, &n) < 0 || n == 0 || n > UINT16_MAX)
        return false;
    *port = (uint16_t)n;
    return true;
}

/* "192.0.2.1", "192.0.2.1:53", "2001:db8::1" or "[2001:db8::1]:53". */
static bool read_server(struct mpx_str text, union address *a)
{
    size_t colon = str_find_last(text, ':'), close = str_find(text, ']');
    struct mpx_str host = text;
    uint16_t port = DNS_PORT;

    if (text.n > 0 && text.p[0] == '[') {
        host = str_head(str_from(text, 1), close - 1);
        if (close + 1 < text.n &&
            (text.p[close + 1] != ':' || !read_port(str_from(text, close + 2), &port)))
            return false;
    } else if (str_find(text, ':') == colon && colon < text.n) {
        host = str_head(text, colon);
        if (!read_port(str_from(text, colon + 1), &port))
            return false;
    }
    if (!address_read(host, a) ||
        (close < text.n) != (a->any.sa_family == AF_INET6 && text.p[0] == '['))
        return false;
    if (a->any.sa_family == AF_INET)
        a->in.sin_port = htons(port);
    else
        a->in6.sin6_port = htons(port);
    return true;
}

int settings_read_resolver(const struct option_reading *rd, const struct node *daemon,
                           struct settings *s)
{
    const struct node *list = node_member(node_member(daemon, "resolver"), "servers");
    const struct node *e = list != NULL && list->kind == NODE_ARRAY ? list->first : list;
    union address *addresses = arena_take(rd->a, s->resolver.servers.count * sizeof(*addresses));
    size_t count = 0;
    int rc = 0;

    for (; e != NULL && count < s->resolver.servers.count; e = e->next, count++) {
        if (e->kind != NODE_STRING || e->is_wrong) /* complained of before */
            rc = -1;
        else if (count >= SERVERS_MAX)
            return option_complain(rd, NULL, e, "is one too many, %d are enough", SERVERS_MAX);
        else if (!read_server(e->string, &addresses[count]))
            rc = option_complain(rd, NULL, e,
                                 "must be an address, such as \"192.0.2.53\", with a port or "
                                 "without, \"[2001:db8::53]:5353\"");
    }
    s->resolver.addresses = addresses;
    return rc;
}
