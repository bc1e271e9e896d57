/* SPDX-License-Identifier: MIT */
#include "feasible.h"

#include "endpoint.h"
#include "uri.h"

#include <arpa/inet.h>
#include <string.h>

/* Where a listener listens, as far as that can be known. */
struct spot {
    int family; /* AF_INET, AF_INET6; AF_UNSPEC: a name, or every address */
    char address[16];
    bool is_any;   /* all addresses of the family */
    bool is_every; /* of both families */
};

static bool has_only(struct mpx_str s, const char *set)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\0' || strchr(set, s.p[i]) == NULL)
            return false;
    return s.n > 0;
}

/* host is no "*". */
static struct spot spot_of(struct mpx_str host)
{
    static const char nothing[16];
    struct spot spot = { .family = AF_UNSPEC };
    char text[INET6_ADDRSTRLEN];

    host = str_head(host, str_find(host, '%')); /* a link's name */
    if (host.n >= sizeof(text))
        return spot;
    memcpy(text, host.p, host.n);
    text[host.n] = '\0';
    if (inet_pton(AF_INET, text, spot.address) == 1)
        spot.family = AF_INET;
    else if (inet_pton(AF_INET6, text, spot.address) == 1)
        spot.family = AF_INET6;
    spot.is_any = spot.family != AF_UNSPEC && memcmp(spot.address, nothing, sizeof(nothing)) == 0;
    return spot;
}

/* What is wrong with a host, with its cure; NULL when nothing is. */
static const char *fault_of(struct mpx_str host)
{
    char out[URI_HOST_MAX];
    size_t colon = str_find(host, ':');

    if (str_is(host, "*") || spot_of(host).family != AF_UNSPEC)
        return NULL;
    if (host.n == 0)
        return "must not be empty: \"*\" stands for all addresses";
    if (host.p[0] == '[')
        return "stands without brackets here";
    if (colon < host.n && has_only(str_from(host, colon + 1), "0123456789"))
        return "is an address alone: the port stands in \"port\"";
    if (colon < host.n)
        return "is no IPv6 address";
    if (has_only(host, "0123456789."))
        return "is no IPv4 address: that is four numbers from 0 to 255";
    return uri_parse_host(host, out) <= 0 ? "is no host name" : NULL;
}

static struct spot spot_of_listener(const struct listener_settings *l)
{
    struct spot spot = spot_of(l->host);

    spot.is_every = str_is(l->host, "*") || (spot.family == AF_INET6 && spot.is_any && !l->v6only);
    return spot;
}

/* Whether only one of two listeners could be bound. */
static bool collide(const struct listener_settings *a, const struct listener_settings *b)
{
    struct spot x = spot_of_listener(a), y = spot_of_listener(b);

    if (a->systemd.n > 0 || b->systemd.n > 0)
        return str_eq(a->systemd, b->systemd);
    if (a->inherited > 0 || b->inherited > 0)
        return a->inherited == b->inherited;
    if (a->socket.n > 0 || b->socket.n > 0)
        return a->socket.n > 0 && str_eq(a->socket, b->socket);
    if (a->port != b->port || a->port == 0)
        return false;
    if (x.is_every || y.is_every)
        return (x.is_every && y.is_every) || x.family != AF_UNSPEC || y.family != AF_UNSPEC;
    if (x.family == AF_UNSPEC || y.family == AF_UNSPEC)
        return str_same_word(a->host, b->host);
    return x.family == y.family &&
           (x.is_any || y.is_any || memcmp(x.address, y.address, sizeof(x.address)) == 0);
}

static void check_host(const struct listener_settings *l, size_t i, struct problems *problems)
{
    const char *fault = settings_has_no_address(l) ? NULL : fault_of(l->host);

    if (fault != NULL)
        problem_add(problems, l->at, "/connection/%zu/host %s, not \"%.*s\"", i, fault,
                    STR_ARGS(l->host));
}

/* The first one before the i-th that has its address. */
static void check_twice(const struct settings *s, size_t i, struct problems *problems)
{
    for (size_t k = 0; k < i; k++) {
        const struct listener_settings *l = &s->listeners[k];

        if (!collide(l, &s->listeners[i]))
            continue;
        problem_add(problems, s->listeners[i].at,
                    "this address is listened on already, by the listener at %s: remove one, or "
                    "give it another port",
                    place_text(&problems->arena, l->at));
        return;
    }
}

void feasible_listeners(const struct settings *s, struct problems *problems)
{
    size_t addresses = 0;

    for (size_t i = 0; i < s->listener_count; i++) {
        const struct listener_settings *l = &s->listeners[i];
        bool before = addresses <= ENDPOINTS_MAX;

        addresses += str_is(l->host, "*") && l->v6only ? 2 : 1;
        if (addresses > ENDPOINTS_MAX && before)
            problem_add(problems, l->at,
                        "from here on there are more than %d addresses to listen on",
                        ENDPOINTS_MAX);
        check_host(l, i, problems);
        if (addresses <= ENDPOINTS_MAX)
            check_twice(s, i, problems);
    }
}
