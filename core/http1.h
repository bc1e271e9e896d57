/* SPDX-License-Identifier: MIT
   HTTP/1.0 and 1.1 on a connection (RFC 9112): reads requests one after the other, hands each to
   the phases, sends the answers in order. http1.c decides, http1_read.c and
   http1_body.c read, http1_send.c writes. */
#ifndef HTTP1_H
#define HTTP1_H
#include "conn.h"
#include "pace.h"
#include "parser.h"
#include "req.h"

extern const struct protocol http1_protocol;

enum { HTTP1_DRAIN_MAX = 256 << 10 }; /* bytes of a body that nobody wants, read to go on */

/* Exists while a connection is not idle. */
struct http1 {
    struct spare spare; /* must come first */
    struct mpx_conn *c;
    struct parser parser;
    struct guard guard;
    struct mpx_req *cur; /* the request that is read or answered; NULL between two */
    enum { HTTP1_HEAD, HTTP1_BODY, HTTP1_DONE } reading;
    struct mpx_req *first, *last; /* answers that are not all sent, in order */
    unsigned queued;
    uint64_t queued_bytes; /* that they hold; 0 again when all are sent */
    char *head;            /* of cur, while it is incomplete; in its arena */
    size_t head_n, head_room;
    uint64_t drained; /* bytes of body that nobody wanted */
    char *stash;      /* received, not yet looked at; on the heap */
    size_t stash_n, stash_at;
    bool line_checked;      /* cur's request line was looked at */
    bool delivered;         /* cur's answer is all sent */
    bool closing;           /* no request is read any more */
    bool linger;            /* bytes may be under way to us: close gently */
    bool lingering;         /* our half is closed */
    bool received, sent;    /* bytes of a body, of an answer, since the last time-out was set */
    bool read_end;          /* the end of the client's bytes was read */
    struct cold_load *load; /* a thread brings a file's pages in: nothing is sent meanwhile */
    bool loaded;            /* ... it has done so for the next piece */
    size_t unsent;          /* what the client had not taken when the send time-out began */
    struct http1_rate {     /* where min_rate is set: how fast bytes come or go */
        bool running;       /* it was waited for once */
        struct pace pace;
        uint64_t bytes;    /* since it was measured */
        int64_t waited_ms; /* for the client, since then */
    } in, out;             /* of cur's body; of the first answer */
    size_t held;           /* bytes that lay in the socket when out was measured */
    int64_t since_ms;      /* when the wait that is not counted yet began */
    struct loop_event again;
};

extern const struct carrier http1_carrier;

/* Reads requests, and bodies as far as they are wanted, from what has come, no more than a round's
   share. The connection may be dead afterwards. */
void http1_read(struct http1 *h);
/* Whether bytes of the client can be looked at now. */
bool http1_wants_input(struct http1 *h);
/* Leaves a request that is over: its message is read, or is not worth reading. */
void http1_advance(struct http1 *h);
/* The head that is being read is answered with that status; the connection ends. */
void http1_refuse(struct http1 *h, int status);
/* After cur's answer nothing is read but to throw it away: the client may still be sending. */
void http1_stop_reading(struct http1 *h);

/* Reads on in cur's body; *used of the bytes belong to it. */
void http1_read_body(struct http1 *h, struct mpx_str in, size_t *used);
/* The body that is being read cannot be read to its end. */
void http1_body_fails(struct http1 *h, int status);

/* Sends what can be sent. False when the connection is broken, or an answer that must be cut off
   is at its turn: the caller closes it. */
bool http1_flush(struct http1 *h);
/* Whether answers wait to be sent. */
bool http1_has_output(const struct http1 *h);
void http1_cancel_load(struct http1 *h);
void http1_drive_again(struct http1 *h); /* in the next turn: it has had its share of this one */
/* A request's answer is all sent, and its message all read: it ends. */
void http1_deliver(struct http1 *h, struct mpx_req *r);

#endif
