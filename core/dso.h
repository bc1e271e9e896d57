/* SPDX-License-Identifier: MIT
   Shared objects. The only file that knows libltdl. Opening one that is damaged or misses a
   symbol is a message, never a crash: libltdl itself says "file not found" for every failure,
   binds lazily, and dlopen dies of SIGBUS on a file that was cut short. */
#ifndef DSO_H
#define DSO_H
#include "arena.h"

struct dso; /* opened for the life of the process: nothing is ever unloaded */

/* Reads the ELF header and program headers and holds them against the file's length. NULL when
   it can be given to the dynamic linker, else why not (in a). */
const char *dso_verify(struct mpx_arena *a, const char *path);
/* Lets the dynamic linker resolve every symbol now: NULL, or its own words (in a). The constructors
   of the object run: a process that can afford to die calls this first. */
const char *dso_try(struct mpx_arena *a, const char *path);
/* Opens it: local, resident. NULL, with *error set (in a), when it cannot be. */
struct dso *dso_open(struct mpx_arena *a, const char *path, const char **error);
void *dso_symbol(struct dso *d, const char *name); /* or NULL */
/* Tells every executable part of every file that is loaded: its path ("" for the program), its
   addresses, and what they are less in the file. */
void dso_each(void (*fn)(void *arg, const char *path, uintptr_t start, uintptr_t end,
                         uintptr_t bias),
              void *arg);
const char *dso_version(void); /* "libltdl (libltdl.so.7.3.2)" */

#endif
