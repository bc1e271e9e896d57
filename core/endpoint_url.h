/* SPDX-License-Identifier: MIT
   How an address to listen on is called: "http://127.0.0.1:8080/", "unix:/run/www.sock", and
   "unix:@name" where that is abstract. */
#ifndef ENDPOINT_URL_H
#define ENDPOINT_URL_H
#include <sys/socket.h>

enum { ENDPOINT_URL = 128 };

void endpoint_url(char url[ENDPOINT_URL], const struct sockaddr *address, socklen_t len);
/* Of a socket that is bound; left as it is where that cannot be told. */
void endpoint_url_of(char url[ENDPOINT_URL], int fd);

#endif
