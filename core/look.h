/* SPDX-License-Identifier: MIT
   What an open would find for an entry of a directory that is open, without opening it. Safe in
   any thread. */
#ifndef LOOK_H
#define LOOK_H
#include "file.h"

/* 0 or -errno: see mpx_file_look. */
int look_up(const struct mpx_file *dir, const char *name, unsigned flags, struct stat *entry,
            struct stat *found);

#endif
