/* SPDX-License-Identifier: MIT
   Requests through the real core with no socket: the configuration, the modules, the phases and, on
   wires (wire.h), HTTP/1 itself are the server's own. What a client would do is done by calls. */
#ifndef LOOPBACK_H
#define LOOPBACK_H
#include "req.h"
#include "wire.h"

struct loopback;

/* Loads a configuration text, modules from the build tree (MPX_BUILD in the environment). NULL,
   with the problems on standard error, when something is wrong with it. */
struct loopback *loopback_create(const char *config);
/* The same with modules that are linked in, NULL at the end: they need no file. */
struct loopback *loopback_create_with(const char *config, const struct mpx_module *const *built_in);
/* The same with modules in quarantine: a list as quarantine_write makes it. */
struct loopback *loopback_create_confined(const char *config,
                                          const struct mpx_module *const *built_in,
                                          const char *quarantine);
/* As if it had been found on disk and loaded. */
void loopback_add_module(struct modules *ms, const struct mpx_module *d);
void loopback_destroy(struct loopback *lb); /* all requests and wires must be gone */
struct worker *loopback_worker(struct loopback *lb);
struct listener *loopback_listener(struct loopback *lb);
/* The error log since the last call to loopback_forget_log, a line each. */
const char *loopback_log(const struct loopback *lb);
/* Warnings and errors alone. */
const char *loopback_complaints(const struct loopback *lb);
void loopback_forget_log(struct loopback *lb);
/* Lets the loop run until nothing is ready, or for so long. */
void loopback_turn(struct loopback *lb);
void loopback_run(struct loopback *lb, int64_t ms);
/* As if so much time had passed: connections whose time is over are timed out. */
void loopback_sweep(struct loopback *lb, int64_t ms);

/* A request without a connection. */
struct loopback_req {
    struct loopback *lb;
    struct mpx_req *r;
    struct mpx_str body; /* of the request, given when a module asks; borrowed */
    size_t body_at;      /* bytes of it that were given */
    size_t step;         /* bytes that are given at a time, at most 64 KiB; 0: as many as go */
    bool asked;          /* a module has asked for it */
    bool holds_body;     /* nothing is given yet */
    bool holds_answer;   /* pieces are left where they are: a slow client */
    bool giving;
    bool started, done, broken;
    int status;
    char *fields;         /* "name: value\n" each, names as sent */
    struct buffer answer; /* the body of the response */
};
/* head: "GET /path HTTP/1.1\r\nHost: x\r\n\r\n"; it must be right. Runs as far as it can at
   once. */
void loopback_send(struct loopback *lb, struct loopback_req *q, const char *head, const char *body);
/* Runs until the answer is complete, at most 5 s; whether it is. */
bool loopback_wait(struct loopback_req *q);
void loopback_give_body(struct loopback_req *q);   /* after holds_body */
bool loopback_give_part(struct loopback_req *q);   /* one step of it; whether it was wanted */
void loopback_take_answer(struct loopback_req *q); /* after holds_answer */
bool loopback_has_field(const struct loopback_req *q, const char *field); /* "Name: value" */
/* The client leaves, or the answer was looked at: LOG runs, the request ends. */
void loopback_end(struct loopback_req *q);

#endif
