/* SPDX-License-Identifier: MIT
   Connections: accepted, timed, counted, closed. What is said on them is the protocol's
   business, how bytes get in and out the transport's. */
#ifndef CONN_H
#define CONN_H
#include "address.h"
#include "crowd.h"
#include "worker.h"

#include <sys/uio.h>

struct mpx_conn;

/* How bytes get in and out. Each but close returns as its system call does, EAGAIN included. */
struct transport {
    ssize_t (*recv)(struct mpx_conn *c, void *to, size_t n);
    ssize_t (*peek)(struct mpx_conn *c, void *to, size_t n); /* they stay to be received */
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
    /* where min_rate is set, once a second while a body or the taking of an answer is waited for:
       whether the client is fast enough; what it began is ended here when not */
    bool (*measure)(struct mpx_conn *c, enum conn_timer timer);
    void (*finish)(struct mpx_conn *c); /* the connection is about to be freed */
};

struct listener {
    struct worker *w;
    const struct listener_settings *settings;
    const struct protocol *protocol;
    int fd;
    struct link link; /* in the worker's listeners */
    struct loop_event event, pause;
    struct list timed[CONN_TIMERS]; /* connections by time-out, the first to run out first */
    struct list conns;              /* all of them */
    unsigned id;                    /* of the socket, for as long as it exists */
    bool leaving;                   /* the configuration has it no more: nobody else comes */
    struct generation *holds;       /* then: whose settings it goes on with; counts as a use */
    unsigned count;                 /* those that are served */
    unsigned refused;               /* those that are being told that there are too many */
    struct crowd crowd;             /* for limits.per_address */
    bool paused;                    /* full, or no descriptors are left */
    int64_t warned_ms;              /* of addresses with too many connections */
};

/* The order is for size: there are many of them, most of them idle. */
struct mpx_conn {
    struct worker *w;
    struct listener *listener;
    const struct transport *transport;
    void *transport_data; /* the transport's own */
    const struct listener_settings *settings;
    int fd;
    unsigned requests; /* answered or begun */
    struct loop_event event;
    struct link link, timed;
    enum conn_timer timer;
    bool readable, writable;
    bool woken;       /* by an event, not by an answer of ours */
    bool peer_closed; /* its half: nothing more comes */
    bool dead, reset; /* to be freed when nothing is on the stack */
    bool driving;     /* the protocol is on the stack */
    bool refused;     /* see listener.refused */
    int64_t deadline_ms;
    const struct protocol *protocol; /* the listener's, or what comes before it */
    void *session;                   /* the protocol's; NULL while idle */
    void **slots;                    /* of modules, by index */
    unsigned slot_count;
    union address peer;          /* who is at the other end */
    union address *told;         /* whom the PROXY header names; NULL: nobody */
    struct conn_known *known;    /* see conn_local and conn_id; NULL: nobody has asked yet */
    struct crowd_entry *counted; /* where it counts for limits.per_address; or NULL */
};

/* A connection with this peer, which is copied; fd -1 for transports without a socket. NULL when
   the loop has no room for it: it is closed. */
struct mpx_conn *conn_create(struct listener *l, const struct transport *t, int fd,
                             const union address *peer);
/* Something happened: readable, writable, peer_closed were set. The protocol goes on; the
   connection may be gone afterwards. */
void conn_drive(struct mpx_conn *c);
void conn_set_timer(struct mpx_conn *c, enum conn_timer timer); /* begins anew */
int64_t conn_timer_began(const struct mpx_conn *c);             /* on the worker's clock */
/* Other settings for a listener and all its connections, whose times run on by the new ones. */
void conn_settle_all(struct listener *l, const struct listener_settings *s);
/* No configuration has that module any more: what it keeps for connections goes, before what it
   may point to does. */
void conn_end_slots_of(struct listener *l, const struct module *m);
/* Whether answers end their connection: nothing new is to begin here. */
static inline bool conn_is_ending(const struct mpx_conn *c)
{
    return c->w->stopping || c->listener->leaving;
}
/* Where the client has connected to; AF_UNSPEC: not known. */
const union address *conn_local(struct mpx_conn *c);
/* A number that no other connection and no request has. */
uint64_t conn_id(struct mpx_conn *c);
/* Ends it; reset: the client must see that something is missing. Freed when nothing is on the
   stack. */
void conn_close(struct mpx_conn *c, bool reset);

#endif
