/* SPDX-License-Identifier: MIT
   What is wrong with a configuration, collected so that all of it is told at once: each problem
   with the place in the file, the line it stands in and a mark under the words. */
#ifndef PROBLEM_H
#define PROBLEM_H
#include "source.h"

enum { PROBLEMS_SHOWN = 50 };

struct problem;

struct problems {
    struct mpx_arena arena;
    struct problem *first, *last;
    unsigned count;
};
void problems_init(struct problems *p);
void problems_finish(struct problems *p);
/* The text, with its cure, in one sentence. 'at' may lie nowhere; where its length is 0, its line
   is not shown: it holds a secret. */
void problem_add(struct problems *p, struct place at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void problem_vadd(struct problems *p, struct place at, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));
/* All of them as text, sorted by place; at most PROBLEMS_SHOWN, then how many more there are. */
void problems_print(const struct problems *p, struct buffer *out);
void problems_show(const struct problems *p); /* the same on standard error; harmless without any */
/* Calls fn with each, sorted by place, as a single line: "FILE:LINE:COLUMN: TEXT". */
void problems_each(const struct problems *p, void (*fn)(void *arg, struct mpx_str line), void *arg);
/* One problem per call, in the order of discovery, for another process: false past the last. */
bool problem_save(const struct problems *p, unsigned index, struct buffer *out);
/* Adds what problem_save wrote; the sources must be the same. -1: it is something else. */
int problem_load(struct problems *p, const struct sources *s, struct mpx_str saved);

#endif
