/* SPDX-License-Identifier: MIT
   The cookie that holds a session's id, and nothing else (RFC 6265; its prefixes RFC 6265bis). */
#ifndef COOKIE_H
#define COOKIE_H
#include "op.h"

enum { COOKIE_BYTES = 20, COOKIE_TEXT = 2 * COOKIE_BYTES }; /* 160 bits, as hex digits */

struct cookie {
    struct mpx_str name, path, domain;
    int same_site;   /* index into cookie_same_site */
    bool persistent; /* outlives the browser, until its lifetime ends */
};
extern const char *const cookie_same_site[];

/* Complains, with "cookie/..." as the place; 0 or -1. */
int cookie_check(struct mpx_conf *c, const struct cookie *k);
/* The name as clients of this request have it: with the prefix that its connection allows. */
struct mpx_str cookie_name(struct mpx_req *r, const struct cookie *k);
/* The id that the client sends; false when there is none, or none that could be one of ours. The
   view lives as long as r. */
bool cookie_read(struct mpx_req *r, const struct cookie *k, struct mpx_str *text);
/* A new id, out of the kernel's randomness. 0 or -1. */
int cookie_make(char text[COOKIE_TEXT + 1]);
/* What a store finds the session by: a hash of the id and of where it holds. So neither a store
   that is stolen nor another site's cookie opens anything, nor the cookie of a plain connection a
   session of secure ones. */
void cookie_hash(struct mpx_req *r, const struct cookie *k, struct mpx_str text,
                 unsigned char id[OP_ID]);
/* Adds Set-Cookie. An empty text takes the cookie back. lifetime in milliseconds. */
int cookie_send(struct mpx_req *r, const struct cookie *k, struct mpx_str text, int64_t lifetime);

#endif
