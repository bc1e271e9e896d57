/* SPDX-License-Identifier: MIT
   The line guard: stands before the parser and lets through only lines that no two readers can
   cut differently (RFC 9112 2.2, 5.1, 5.2). CR and LF come in pairs, no line is folded, no
   control byte and no empty field name appears, everything is bounded. It also finds where the
   head ends, so that the parser always sees a whole one. It knows nothing of what the lines
   mean. */
#ifndef GUARD_H
#define GUARD_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guard_limits {
    size_t bytes;    /* of the whole section; past it 431 */
    size_t uri;      /* of the request target, and 64 for the rest of its line; past it 414 */
    uint32_t fields; /* field lines; past it 431 */
};

struct guard {
    size_t seen;       /* bytes passed so far */
    size_t line_start; /* where the request line begins: behind empty lines */
    size_t line_end;   /* where it ends, without CRLF; 0: not there yet */
    size_t line;       /* bytes in the present line */
    uint32_t fields;   /* field lines passed */
    uint8_t empty;     /* empty lines before the request line */
    bool in_fields, cr;
    bool checks_names, in_name;
};
void guard_start(struct guard *g); /* a request line, then fields: a parser sees them next */
/* Fields alone, that nobody sees: what stands before the colon is looked at here (RFC 9112 5). */
void guard_start_trailers(struct guard *g);

enum { GUARD_MORE = 0, GUARD_COMPLETE = 1 };
/* Scans the next n bytes. GUARD_MORE: all passed, the section goes on. GUARD_COMPLETE: it ends
   with the first *used of them. Else the status to refuse with: 400, 414 or 431, by the first
   fault in the bytes, however they were cut; *used says nothing then. */
int guard_scan(struct guard *g, const struct guard_limits *limits, const char *p, size_t n,
               size_t *used);

#endif
