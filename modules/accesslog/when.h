/* SPDX-License-Identifier: MIT
   "if" and "unless": which requests are logged. */
#ifndef ACCESSLOG_WHEN_H
#define ACCESSLOG_WHEN_H
#include <multiplexd/module.h>

/* A condition: all members that are set must hold, one of each list is enough. */
struct when {
    struct mpx_list path, host, method; /* of struct mpx_str; "*" stands for any bytes */
    struct mpx_list status;             /* of struct mpx_str, JSON: 404, "4xx", "500-504" */
    struct mpx_list header;             /* of struct mpx_pair: a field and its value */
    int64_t slower;                     /* ms; 0: any */
    /* made by when_check, one for each */
    struct span *statuses;
    const char **fields;
};
extern const struct mpx_option when_options[];

/* Makes the rest; 0, or -1 when one is none (told at "below/status/i"). */
int when_check(struct mpx_conf *c, const char *below, struct when *w);
bool when_holds(const struct when *w, const struct mpx_req *r);

#endif
