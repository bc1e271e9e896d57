/* SPDX-License-Identifier: MIT
   What a program answers: its header (RFC 3875 6), which becomes that of the response, and its body
   as it comes. */
#ifndef EXEC_OUTPUT_H
#define EXEC_OUTPUT_H
#include <multiplexd/module.h>

struct output {
    size_t max;  /* bytes of the header */
    bool is_nph; /* it writes a whole response (RFC 3875 5) */
    char *head;  /* what has come of it, without the end of the last line */
    size_t head_n, room;
    bool has_header; /* it is complete, and right */
    bool has_status, has_type;
    size_t fields;           /* lines of the header */
    int status;              /* as it says; 0: it does not */
    struct mpx_str location; /* or "" */
    int64_t promised;        /* Content-Length; -1: none */
    int64_t passed;          /* bytes of the body */
    struct mpx_pair *sets;   /* of Session-Set; a value whose p is NULL drops its key */
    size_t set_count;
    bool keeps_sets;     /* there is a session that they are for, and they are not stored yet */
    struct mpx_str rest; /* what came behind the header and waits for that */
    const char *fault;   /* what is wrong with it, for the log; or NULL */
};

struct output *output_create(struct mpx_req *r, size_t max, bool is_nph);
/* The next bytes; 0; 1 where the session is to be changed before the header goes out: the rest is
   kept, and to be taken then; or -1 when no more are wanted: a fault, a redirect within the server,
   or the response is broken. */
int output_take(struct mpx_req *r, struct output *o, struct mpx_str part);
/* It means another path of this server, to be answered in its place (RFC 3875 6.2.2). */
bool output_is_local_redirect(const struct output *o);

#endif
