/* SPDX-License-Identifier: MIT
   A session as one request has it: the id that the client sent, the picture of the values, what has
   to be told to the client. It knows stores by their interface alone. */
#ifndef SEAT_H
#define SEAT_H
#include "cookie.h"
#include "store.h"

struct conf {
    int store; /* enum store_name */
    struct mpx_str file;
    struct store_limits limits;
    int64_t idle, lifetime, max_size;
    struct cookie cookie;
    struct mpx_list require; /* of struct rule */
    bool inherit;
    struct mpx_str login;
    struct mpx_conf *c;
    struct store *home;
};

enum seat_cookie { SEAT_SILENT, SEAT_GIVE, SEAT_TAKE_BACK };

struct seat {        /* the slot of a request */
    bool is_entered; /* the cookie was looked for */
    bool is_loaded;  /* by ACCESS */
    bool has_id, is_live;
    bool is_known;     /* the client has had a session in this request */
    bool is_broken;    /* the store could not be asked */
    bool is_looked_at; /* the response depends on it */
    bool is_sent;      /* RESPONSE hooks have run */
    enum seat_cookie cookie;
    unsigned char id[OP_ID];
    char text[COOKIE_TEXT + 1]; /* of a new cookie */
    char name[17];
    struct mpx_str data; /* the picture */
    int rc;              /* of the last call */
};

/* The seat of a request; NULL, and *conf NULL, where the module is not active. */
struct seat *seat_of(struct mpx_req *r, const struct conf **conf);

struct seat_wish {
    enum op_kind kind;
    bool renews;
    struct mpx_list changes; /* of struct mpx_pair; copied, as the rest */
    struct mpx_str old;
    int64_t by;
};
/* Does it, then fn, with what came of it in seat->rc. Returns what a hook returns. */
enum mpx_rc seat_do(struct mpx_req *r, const struct seat_wish *wish, mpx_resume_fn fn, void *state);
/* Loads, or begins to: 1 when it is there already, else 0 and *rc is what the hook returns. */
int seat_load(struct mpx_req *r, mpx_resume_fn fn, enum mpx_rc *rc);
/* Puts what the client and caches have to know into the response. */
int seat_answer(struct mpx_req *r);

#endif
