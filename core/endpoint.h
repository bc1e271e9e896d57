/* SPDX-License-Identifier: MIT
   The sockets of a configuration: resolved, bound, listening. */
#ifndef ENDPOINT_H
#define ENDPOINT_H
#include "settings.h"

#include <sys/socket.h>

enum { ENDPOINTS_MAX = 64 };

struct endpoint {
    int fd;
    size_t listener; /* which of the settings' listeners it belongs to */
    char url[96];    /* "http://127.0.0.1:8080/" */
};
struct endpoints {
    struct endpoint list[ENDPOINTS_MAX];
    size_t count;
};

/* Binds every address of every listener. 0; -1 and *error, one sentence with the cure (in a),
   when one cannot be had: none is open then. */
int endpoints_open(struct mpx_arena *a, const struct settings *s, struct endpoints *e,
                   const char **error);
void endpoints_close(struct endpoints *e);

#endif
