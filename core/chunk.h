/* SPDX-License-Identifier: MIT
   The line in front of a chunk's data (RFC 9112 7.1): a size and extensions that nobody
   understands. It is read here to the last byte, strictly and bounded, so that the parser behind
   sees the bare size; it knows nothing of data and trailers. */
#ifndef CHUNK_H
#define CHUNK_H
#include <stddef.h>
#include <stdint.h>

enum {
    CHUNK_SIZE_DIGITS = 16,      /* leading zeros count */
    CHUNK_EXTENSION_MAX = 256,   /* bytes between the size and the line's end */
    CHUNK_EXTENSIONS_MAX = 16384 /* ... of all lines of a body together */
};

/* Zeroed: before the first line of a body. */
struct chunk_line {
    uint64_t size;
    uint32_t digits;
    uint32_t extension, extensions; /* bytes so far: of this line, of all */
    uint8_t state;
};

enum { CHUNK_MORE = 0, CHUNK_COMPLETE = 1 };
/* Reads on in a line. CHUNK_MORE: all n bytes belong to it, it goes on. CHUNK_COMPLETE: it ends
   with the first *used of them, c->size is the size, the next call begins another line. Else 400,
   by the first byte that is wrong or one too many, however the bytes were cut. */
int chunk_scan(struct chunk_line *c, const char *p, size_t n, size_t *used);

#endif
