/* SPDX-License-Identifier: MIT */
#include "endpoint_url.h"

#include "str.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/un.h>

/* One without a path is abstract: its name begins behind a NUL (unix(7)). */
static void write_unix(char url[ENDPOINT_URL], const struct sockaddr_un *un, socklen_t len)
{
    size_t before = offsetof(struct sockaddr_un, sun_path);
    struct mpx_str name = { un->sun_path, len > before ? len - before : 0 };
    bool is_abstract = name.n > 0 && name.p[0] == '\0';

    name = is_abstract ? str_from(name, 1) : str_head(name, str_find(name, '\0'));
    snprintf(url, ENDPOINT_URL, "unix:%s%.*s", is_abstract ? "@" : "", STR_ARGS(name));
}

void endpoint_url(char url[ENDPOINT_URL], const struct sockaddr *address, socklen_t len)
{
    char host[64], port[8];
    int rc = getnameinfo(address, len, host, sizeof(host), port, sizeof(port),
                         NI_NUMERICHOST | NI_NUMERICSERV);
    bool six = address->sa_family == AF_INET6;

    if (rc != 0)
        snprintf(host, sizeof(host), "?");
    snprintf(url, ENDPOINT_URL, "http://%s%s%s:%s/", six ? "[" : "", host, six ? "]" : "", port);
}

void endpoint_url_of(char url[ENDPOINT_URL], int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_un un;
        struct sockaddr_storage room;
    } bound;
    socklen_t len = sizeof(bound);

    if (getsockname(fd, &bound.any, &len) < 0)
        return;
    if (bound.any.sa_family == AF_UNIX)
        write_unix(url, &bound.un, len);
    else
        endpoint_url(url, &bound.any, len);
}
