/* SPDX-License-Identifier: MIT
   The sockets of a configuration: resolved, bound, listening. */
#ifndef ENDPOINT_H
#define ENDPOINT_H
#include "settings.h"
#include "socket_file.h"

#include <sys/socket.h>

enum { ENDPOINTS_MAX = 64, ENDPOINT_URL = 128 };

struct endpoint {
    int fd;
    size_t listener;        /* which of the settings' listeners it belongs to */
    int inherited;          /* the descriptor that it was passed as, which stays open; 0: none */
    char url[ENDPOINT_URL]; /* "http://127.0.0.1:8080/", "unix:/run/www.sock" */
    struct socket_file
        file; /* of a unix socket that we made; its path is NULL where there is none */
};
struct endpoints {
    struct endpoint list[ENDPOINTS_MAX];
    size_t count;
};

/* Binds every address of every listener, and finds the sockets that were passed (inherited.h). 0; -1
   and *error, one sentence with the cure (in a), when one cannot be had: none is open then; errno is
   the reason or 0. The paths of unix sockets are borrowed from s. */
int endpoints_open(struct mpx_arena *a, const struct settings *s, struct endpoints *e,
                   const char **error);
/* The names of sockets that systemd passed and none of these listeners has, in quotes, commas between
   them; "" for none. In a. */
const char *endpoints_unused(struct mpx_arena *a, const struct settings *s);
/* Closes our descriptors; others that have the sockets go on listening. */
void endpoints_close(struct endpoints *e);
/* Takes the sockets' names out of the file system as well: nobody is to come any more. */
void endpoints_remove(struct endpoints *e);

#endif
