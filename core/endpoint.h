/* SPDX-License-Identifier: MIT
   The sockets of a configuration: resolved, bound, listening; and how they become those of another
   one. Where several workers serve, each has a socket of its own for an address, so that the kernel
   deals the connections out (SO_REUSEPORT); a unix socket they share. */
#ifndef ENDPOINT_H
#define ENDPOINT_H
#include "endpoint_url.h"
#include "settings.h"
#include "socket_file.h"

#include <netinet/in.h>
#include <sys/socket.h>

enum { ENDPOINTS_MAX = 64 };

union endpoint_address {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};
struct endpoint {
    int fd;      /* the first worker's socket, or that of all */
    unsigned id; /* of that socket; those of 'others' have the numbers behind it */
    int *others; /* sockets of the second worker and on; NULL: they share fd. On the heap */
    size_t others_count;
    size_t listener;                /* which of the settings' listeners it belongs to */
    union endpoint_address address; /* as it was asked for; not of a unix socket */
    union endpoint_address bound;   /* with the port that the kernel chose */
    bool v6only;
    int inherited; /* the descriptor that it was passed as, which stays open beside fd; 0: none */
    char url[ENDPOINT_URL]; /* "http://127.0.0.1:8080/", "unix:/run/www.sock" */
    struct socket_file
        file; /* of a unix socket that we made; its path is NULL where there is none */
};
struct endpoints {
    struct endpoint list[ENDPOINTS_MAX];
    size_t count;
    unsigned next_id; /* a number is never given twice */
};

/* Binds every address of every listener, and finds the sockets that were passed (passed.h). 0; -1
   and *error, one sentence with the cure (in a), when one cannot be had: none is open then, errno
   is the reason or 0. The paths of unix sockets are borrowed from s. */
int endpoints_open(struct mpx_arena *a, const struct settings *s, struct endpoints *e,
                   const char **error);
/* The sockets of another configuration: those of old that it has as well, the same descriptors, and
   new ones. old goes on as it is. 0; -1 and *error: nothing was opened. */
int endpoints_change(struct mpx_arena *a, const struct settings *s, struct endpoints *old,
                     struct endpoints *e, const char **error);
/* What e has and other has not: for each, with its URL. */
void endpoints_each_gone(const struct endpoints *e, const struct endpoints *other,
                         void (*fn)(void *arg, const char *url), void *arg);
/* The end of a change, one way or the other: closes what e has and kept has not, with the names of
   such sockets; e is empty then. */
void endpoints_part(struct endpoints *e, const struct endpoints *kept);
/* What was kept of another configuration gets its own backlog, send buffer, mode and owner. */
void endpoints_settle(const struct endpoints *e, const struct settings *s);
/* The descriptors that the i-th worker has, in fds, and the text that goes with them: for each a
   line "LISTENER ID". Returns how many. */
size_t endpoints_write(const struct endpoints *e, size_t worker, int fds[ENDPOINTS_MAX],
                       struct buffer *text);
/* Closes our descriptors; others that have the sockets go on listening. */
void endpoints_close(struct endpoints *e);
/* Takes the sockets' names out of the file system as well: nobody is to come any more. */
void endpoints_remove(struct endpoints *e);

#endif
