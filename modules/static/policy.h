/* SPDX-License-Identifier: MIT
   Which paths are hidden and which symbolic links are followed, as <multiplexd/files.h> tells
   other modules. */
#ifndef STATIC_POLICY_H
#define STATIC_POLICY_H
#include <multiplexd/files.h>

/* The words of the option "symlinks", in the order of its values. */
extern const char *const policy_links[];

struct policy {
    struct mpx_files_policy told; /* the first: hides() is given it */
    struct mpx_list hidden;       /* of struct mpx_str; borrowed */
};
/* Complains about "hidden"; 0 or -1. */
int policy_check(struct mpx_conf *c, struct mpx_list hidden);
void policy_init(struct policy *p, struct mpx_list hidden, int links);

#endif
