/* SPDX-License-Identifier: MIT
   Rules of access: what a session must have. They hold level by level, like those of "access". */
#ifndef RULES_H
#define RULES_H
#include "seat.h"

struct rule {
    struct mpx_str key;
    struct mpx_list values; /* of struct mpx_str: any of them; "*" is any that is not empty */
};

int rules_check(struct mpx_conf *c, const struct conf *conf);
/* What the ACCESS hook answers, once the session is loaded. */
enum mpx_rc rules_judge(struct mpx_req *r, const struct conf *conf);

#endif
