/* SPDX-License-Identifier: MIT
   Files that lie compressed beside their originals, "a.js.br" for "a.js": of which types they are
   looked for, in which order, and what makes one good. */
#ifndef STATIC_SIDECAR_H
#define STATIC_SIDECAR_H
#include "../common/encodings.h"

#include <multiplexd/module.h>

/* The words of the option, which are the suffixes, in the order of enum encoding. */
extern const char *const sidecar_suffixes[];

struct sidecars {
    struct mpx_list listed; /* of int: enum encoding, the most wanted first */
    struct mpx_list types;  /* of struct mpx_str, with stars; by sidecars_open in lower case */
};
int sidecars_check(struct mpx_conf *c, const struct sidecars *s); /* 0 or -1 */
void sidecars_open(struct mpx_conf *c, struct sidecars *s);
/* Whether a file of this type may have some: then its answers vary by Accept-Encoding. */
bool sidecars_may_be(const struct sidecars *s, struct mpx_str type);
/* Those that this client takes, the best first; returns how many. */
size_t sidecars_order(const struct sidecars *s, const struct mpx_req *r,
                      enum encoding order[ENCODING_COUNT]);
struct mpx_str sidecar_name(struct mpx_arena *a, struct mpx_str original, enum encoding e);
/* One that is older than its original is what somebody forgot. */
bool sidecar_is_good(const struct stat *sidecar, const struct stat *original);

#endif
