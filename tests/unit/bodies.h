/* SPDX-License-Identifier: MIT
   Requests with bodies for tests/modules/probe_bodies.c. */
#ifndef BODIES_H
#define BODIES_H
#include "loopback.h"

enum { BODIES_BYTES = 300000 };

/* The host "a" with "probe"; daemon and limits are members of those objects. Its directories: /tiny
   allows 5 bytes, /large 1 MiB, /large/inner says nothing. */
struct loopback *bodies_site(const char *daemon, const char *limits);
struct loopback *bodies_usual(void); /* limits.body 400k, body_memory 16k */
/* n bytes that are like no others, at most BODIES_BYTES; the same at each call. */
const char *bodies_text(size_t n);
/* What a reader answers that has seen them, behind some words. */
const char *bodies_report(const char *before, const char *body);
/* Sends a body with its length, or chunked. */
void bodies_post(struct loopback *lb, struct loopback_req *q, const char *path, const char *body,
                 bool chunked);
/* Sends it so many bytes at a time: the answer is 200 with that body. */
void bodies_expect(struct loopback *lb, const char *path, const char *body, size_t step,
                   bool chunked, const char *answer);
/* The answer has that status; for an error the connection ends, and what is announced too long is
   not asked for. */
void bodies_expect_status(struct loopback *lb, const char *path, const char *body, bool chunked,
                          int status);
/* Puts a head and so many bytes on a wire. */
void bodies_send(struct wire *w, const char *path, size_t n);
/* For aid_wait_until, with the loopback: no request is left. */
bool bodies_is_idle(void *arg);

#endif
