/* SPDX-License-Identifier: MIT
   Connections: accepted, timed, counted, closed. What is said on them is the protocol's
   business, how bytes get in and out the transport's. */
#ifndef CONN_H
#define CONN_H
#include "worker.h"

#include <netinet/in.h>
#include <sys/uio.h>
#include <sys/un.h>

struct mpx_conn;

/* How bytes get in and out. Each but close returns as its system call does, EAGAIN included. */
struct transport {
    ssize_t (*recv)(struct mpx_conn *c, void *to, size_t n);
    ssize_t (*sendv)(struct mpx_conn *c, const struct iovec *v, int count, bool more_follows);
    ssize_t (*sendfile)(struct mpx_conn *c, int fd, off_t off, size_t n);
    void (*shutdown)(struct mpx_conn *c); /* no more is sent */
    bool (*is_gone)(struct mpx_conn *c);  /* reset, or closed in both directions */
    size_t (*unsent)(struct mpx_conn *c); /* bytes sent that the client has not taken yet */
    void (*close)(struct mpx_conn *c, bool reset);
};
extern const struct transport transport_socket;

/* Which time-out a connection is under. */
enum conn_timer {
    CONN_HEADER,
    CONN_BODY,
    CONN_KEEPALIVE,
    CONN_SEND,
    CONN_LINGER,
    CONN_TIMERS,
    CONN_NO_TIMER = CONN_TIMERS
};

/* What is said on a connection; c->session is its own. */
struct protocol {
    /* readable, writable or peer_closed were set, or there is more to say */
    void (*drive)(struct mpx_conn *c);
    void (*timeout)(struct mpx_conn *c, enum conn_timer timer); /* this one ran out */
    void (*finish)(struct mpx_conn *c); /* the connection is about to be freed */
};

struct listener {
    struct worker *w;
    const struct listener_settings *settings;
    const struct protocol *protocol;
    int fd;
    struct loop_event event, pause;
    struct list timed[CONN_TIMERS]; /* connections by time-out, the first to run out first */
    struct list conns;              /* all of them */
    unsigned count;
    bool paused; /* full, or no descriptors are left */
    int64_t warned_ms;
};

struct mpx_conn {
    struct worker *w;
    struct listener *listener;
    const struct transport *transport;
    void *transport_data; /* the transport's own */
    const struct listener_settings *settings;
    int fd;
    struct loop_event event;
    struct link link, timed;
    enum conn_timer timer;
    int64_t deadline_ms;
    unsigned requests; /* answered or begun */
    bool readable, writable;
    bool woken;       /* by an event, not by an answer of ours */
    bool peer_closed; /* its half: nothing more comes */
    bool dead, reset; /* to be freed when nothing is on the stack */
    bool driving;     /* the protocol is on the stack */
    void *session;    /* the protocol's; NULL while idle */
    void **slots;     /* of modules, by index */
    unsigned slot_count;
    socklen_t peer_len;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer;
};

/* Listens on a descriptor that is bound and listening; takes it. */
struct listener *listener_create(struct worker *w, const struct listener_settings *s,
                                 const struct protocol *protocol, int fd);
void listener_stop(struct listener *l);    /* accepts no more; the descriptor is closed */
void listener_destroy(struct listener *l); /* with its connections */
void listener_sweep(struct listener *l);   /* once a second: what has run out of time */
void listener_close_idle(struct listener *l);

/* For transports without a socket: a connection on a listener without a descriptor. */
struct mpx_conn *conn_create(struct listener *l, const struct transport *t, int fd);
/* Something happened: readable, writable, peer_closed were set. The protocol goes on; the
   connection may be gone afterwards. */
void conn_drive(struct mpx_conn *c);
void conn_set_timer(struct mpx_conn *c, enum conn_timer timer); /* begins anew */
/* Ends it; reset: the client must see that something is missing. Freed when nothing is on the
   stack. */
void conn_close(struct mpx_conn *c, bool reset);

#endif
