/* SPDX-License-Identifier: MIT
   What the files of module probe share: a path, and what is done there. */
#ifndef PROBE_H
#define PROBE_H
#include <multiplexd/module.h>

struct deed {
    const char *path; /* NULL at the end of a table */
    mpx_hook_fn fn;
};
extern const struct deed answer_deeds[], body_deeds[];

enum mpx_rc say(struct mpx_req *r, struct mpx_str text); /* as text/plain */
enum mpx_rc say_done(struct mpx_req *r, const void *conf, void *state);

/* CONTENT for paths below /range/: a body that could go out in parts, written in the way that the
   path names, with the status and fields that words in the query name. */
enum mpx_rc probe_range(struct mpx_req *r, const void *conf);

/* RESPONSE: pushes the filters that the request names. */
void probe_filter(struct mpx_req *r);

#endif
