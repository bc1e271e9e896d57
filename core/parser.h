/* SPDX-License-Identifier: MIT
   The HTTP/1 grammar (RFC 9112). The only file that knows llhttp, strict build, no lenient flag.
   A head is given whole, after the line guard has passed it, so that every span lies in it; a body
   may come in any pieces: chunk.c reads the lines before the chunks, the line guard the trailers.
   What is allowed beyond the grammar is for head.c to say. */
#ifndef PARSER_H
#define PARSER_H
#include "chunk.h"
#include "guard.h"

#include <multiplexd/module.h>

struct parser {
    _Alignas(16) char opaque[96];
    struct chunk_line chunk;
    struct guard trailers;
    struct mpx_pair *fields; /* while a head is read */
    size_t field_count, field_room;
    int (*take)(void *arg, struct mpx_str piece); /* while a body is read */
    void *arg;
    uint64_t received, limit; /* bytes of the body: announced so far, allowed */
    int refused;              /* a status, when a callback found the fault */
    bool complete, in_size, in_trailers;
};

/* Reads a whole head into fields (room entries; the guard has counted them). 0; else the status
   to refuse with: 400 or 501. Afterwards p is ready for the body, p->complete tells when there
   is none. */
int parser_head(struct parser *p, struct mpx_str head, struct mpx_pair *fields, size_t room);

enum { PARSER_MORE = 0, PARSER_COMPLETE = 1 };
/* Reads on in a body, whose chunks may sum up to p->limit (a Content-Length is for head.c to
   compare with it): gives its pieces (views of in) to take, which answers 0 or a status to refuse
   with. PARSER_COMPLETE when the body has ended, with the first *used bytes of in; PARSER_MORE
   when all of in is used; else the status to refuse with. Trailers are checked and dropped, never
   merged (RFC 9112 7.1.2). Bytes of in that were used are not looked at again: take may write over
   them. */
int parser_body(struct parser *p, struct mpx_str in, int (*take)(void *arg, struct mpx_str piece),
                void *arg, size_t *used);

const char *parser_version(void); /* "llhttp 8.1.0" */

#endif
