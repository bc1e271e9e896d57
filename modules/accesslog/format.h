/* SPDX-License-Identifier: MIT
   "format": what a line looks like. It is read once, into steps; a request walks through them. */
#ifndef ACCESSLOG_FORMAT_H
#define ACCESSLOG_FORMAT_H
#include "discreet.h"
#include "line.h"

/* What is kept out of the log. */
struct privacy {
    struct mask mask;
    bool show_secrets;
    struct mpx_list hidden; /* of struct mpx_str: parameters of queries */
};

struct format {
    struct step *steps;
    size_t count;
    const struct privacy *privacy; /* borrowed */
};

/* Reads the option "format" - a MAP of pairs, or one pair without a key: a name or a text with
   variables - into f. Errors are told at "below". 0, or -1. */
int format_read(struct mpx_conf *c, const char *below, struct mpx_list option,
                const struct privacy *privacy, struct format *f);
/* The line of a request, without a newline. */
struct mpx_str format_write(const struct format *f, struct mpx_req *r, struct line *l);

#endif
