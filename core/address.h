/* SPDX-License-Identifier: MIT
   Addresses of clients: IPv4, IPv6, or a socket of this machine. It knows nothing but libc. */
#ifndef ADDRESS_H
#define ADDRESS_H
#include <multiplexd/module.h>

#include <netinet/in.h>

/* Of an AF_UNIX client the family alone; AF_UNSPEC is "not known". */
union address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};
enum {
    ADDRESS_TEXT = INET6_ADDRSTRLEN, /* bytes that address_write needs */
    ADDRESS_KEY = 17
};

/* How many of its bytes count, as system calls want to know. */
socklen_t address_length(const union address *a);
/* An IPv4 client on an IPv6 socket (RFC 4291 2.5.5.2) becomes what it is: IPv4. */
void address_unmap(union address *a);
/* An IPv4 or IPv6 address without brackets, port or zone; an IPv4-mapped one becomes IPv4. False,
   and *a is as it was, for anything else. */
bool address_read(struct mpx_str text, union address *a);
/* "192.0.2.1", "2001:db8::1", "unix", or "" where it is not known. Returns text. */
const char *address_write(const union address *a, char text[ADDRESS_TEXT]);
/* The port of an IPv4 or IPv6 address; 0 where there is none. */
unsigned address_port(const union address *a);
/* Family and address without the port as bytes: in the order of memcmp, addresses of one network
   stand together. */
void address_key(const union address *a, unsigned char key[ADDRESS_KEY]);

#endif
