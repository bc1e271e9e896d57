/* SPDX-License-Identifier: MIT
   The DNS servers of settings.h. */
#include "option_value.h"
#include "settings.h"

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
