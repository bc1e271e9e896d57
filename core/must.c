/* SPDX-License-Identifier: MIT */
#include "must.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static _Noreturn void out_of_memory(size_t n)
{
    fprintf(stderr, "multiplexd: out of memory (%zu bytes wanted)\n", n);
    (void)pthread_sigqueue(pthread_self(), SIGABRT, (union sigval){ .sival_int = MUST_NO_MEMORY });
    abort();
}

void *must_alloc(size_t n)
{
    void *p = malloc(n != 0 ? n : 1);

    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *must_calloc(size_t n)
{
    void *p = calloc(1, n != 0 ? n : 1);

    if (p == NULL)
        out_of_memory(n);
    return p;
}

void *must_realloc(void *p, size_t n)
{
    void *q = realloc(p, n != 0 ? n : 1);

    if (q == NULL)
        out_of_memory(n);
    return q;
}

void must_fail(const char *file, int line, const char *what)
{
    fprintf(stderr, "multiplexd: %s:%d: this must hold: %s\n", file, line, what);
    abort();
}
