/* SPDX-License-Identifier: MIT
   What the fuzz targets share. Each target is a function that is given bytes and comes back; what
   must hold and does not ends the process, with words and the place on standard error. */
#ifndef FUZZ_H
#define FUZZ_H
#include <stddef.h>
#include <stdint.h>

/* libFuzzer calls one of them, the replay of the corpora all. */
#define FUZZ_TARGETS(X)    X(config) X(date) X(host) X(http1) X(json) X(range) X(uri)

#define FUZZ_DECLARE(name) void fuzz_##name(const uint8_t *data, size_t n);
FUZZ_TARGETS(FUZZ_DECLARE)

_Noreturn void fuzz_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
#define FUZZ_MUST(claim, ...)                           \
    do {                                                \
        if (!(claim))                                   \
            fuzz_fail(__FILE__, __LINE__, __VA_ARGS__); \
    } while (0)

#endif
