/* SPDX-License-Identifier: MIT
   Allocation that succeeds or ends the process, and checks that stay in the program.
   It knows nothing but libc. */
#ifndef MUST_H
#define MUST_H
#include <stddef.h>

/* What SIGABRT is queued with when there is no memory: nobody in particular is to blame. */
enum { MUST_NO_MEMORY = 0x6d656d };

/* Fresh memory, not zeroed; free() it. n may be 0. Ends the process when there is none. */
void *must_alloc(size_t n) __attribute__((malloc, returns_nonnull));
void *must_calloc(size_t n) __attribute__((malloc, returns_nonnull));
void *must_realloc(void *p, size_t n) __attribute__((returns_nonnull));

/* Says what is broken and aborts: for what only a bug of ours can bring about. */
_Noreturn void must_fail(const char *file, int line, const char *what);
#define MUST(cond) ((cond) ? (void)0 : must_fail(__FILE__, __LINE__, #cond))

/* Recycled memory would hide a use after free from a sanitizer. */
#if defined(__SANITIZE_ADDRESS__)
#define IS_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define IS_SANITIZED 1
#endif
#endif

#endif
