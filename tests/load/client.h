/* SPDX-License-Identifier: MIT
   A client: one connection at a time, one request after the other on it, none tried again. */
#ifndef LOAD_CLIENT_H
#define LOAD_CLIENT_H
#include "answer.h"
#include "tally.h"

#include <netinet/in.h>

/* What all clients of a run share. */
struct load {
    int epoll;
    struct sockaddr_in server;
    struct targets targets;
    struct tally tally;
    int64_t think_us;   /* between an answer and the next request */
    int64_t every_us;   /* between two requests, when not 0: think_us does not count */
    int64_t limit_us;   /* for a request, connecting included */
    uint64_t requests;  /* to begin; UINT64_MAX: any number */
    uint64_t begun;     /* requests */
    uint64_t per_conn;  /* requests on a connection, then it is closed; 0: any number */
    bool looks;         /* whether the server has closed, before each request */
    bool stopped;       /* no request is begun any more */
    size_t busy, count; /* clients with a request under way; all */
};

struct client {
    struct load *load;
    size_t number;
    int fd; /* -1: not connected */
    bool connected, busy;
    const char *unsent;
    size_t unsent_n;
    uint64_t asked;   /* on this connection */
    int64_t due_us;   /* when the next request is to begin, or the present one was */
    int64_t begun_us; /* of the present one */
    uint32_t random;
    struct target *target;
    struct answer answer;
};

/* The first request is due at that time. */
void client_init(struct client *c, struct load *l, size_t number, int64_t due_us);
/* The connection is readable, writable or gone. */
void client_drive(struct client *c);
/* Begins a request that is due, ends one that is late. When to come again, at the latest;
   INT64_MAX: never. */
int64_t client_tick(struct client *c, int64_t now_us);
void client_finish(struct client *c);

#endif
