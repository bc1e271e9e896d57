/* SPDX-License-Identifier: MIT */
#include "address.h"

#include <arpa/inet.h>
#include <string.h>

socklen_t address_length(const union address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
        return sizeof(a->in);
    case AF_INET6:
        return sizeof(a->in6);
    case AF_UNIX:
        return sizeof(a->any.sa_family);
    default:
        return 0;
    }
}

unsigned address_port(const union address *a)
{
    switch (a->any.sa_family) {
    case AF_INET:
        return ntohs(a->in.sin_port);
    case AF_INET6:
        return ntohs(a->in6.sin6_port);
    default:
        return 0;
    }
}

void address_unmap(union address *a)
{
    struct sockaddr_in in = { .sin_family = AF_INET };

    if (a->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&a->in6.sin6_addr))
        return;
    in.sin_port = a->in6.sin6_port;
    memcpy(&in.sin_addr, a->in6.sin6_addr.s6_addr + 12, 4);
    a->in = in;
}

bool address_read(struct mpx_str text, union address *a)
{
    char z[ADDRESS_TEXT];
    union address found;

    if (text.n == 0 || text.n >= sizeof(z) || memchr(text.p, '\0', text.n) != NULL)
        return false;
    memcpy(z, text.p, text.n);
    z[text.n] = '\0';
    memset(&found, 0, sizeof(found));
    if (inet_pton(AF_INET, z, &found.in.sin_addr) == 1)
        found.any.sa_family = AF_INET;
    else if (inet_pton(AF_INET6, z, &found.in6.sin6_addr) == 1)
        found.any.sa_family = AF_INET6;
    else
        return false;
    address_unmap(&found);
    *a = found;
    return true;
}

const char *address_write(const union address *a, char text[ADDRESS_TEXT])
{
    text[0] = '\0';
    if (a->any.sa_family == AF_INET)
        (void)inet_ntop(AF_INET, &a->in.sin_addr, text, ADDRESS_TEXT);
    else if (a->any.sa_family == AF_INET6)
        (void)inet_ntop(AF_INET6, &a->in6.sin6_addr, text, ADDRESS_TEXT);
    else if (a->any.sa_family == AF_UNIX)
        memcpy(text, "unix", 5);
    return text;
}

void address_key(const union address *a, unsigned char key[ADDRESS_KEY])
{
    memset(key, 0, ADDRESS_KEY);
    key[0] = (unsigned char)a->any.sa_family;
    if (a->any.sa_family == AF_INET)
        memcpy(key + 1, &a->in.sin_addr, 4);
    else if (a->any.sa_family == AF_INET6)
        memcpy(key + 1, &a->in6.sin6_addr, 16);
}
