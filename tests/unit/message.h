/* SPDX-License-Identifier: MIT
   A message on its way through line guard and parser, as http1 leads it, whole or in pieces. */
#ifndef MESSAGE_H
#define MESSAGE_H
#include "parser.h"

#define MESSAGE_LINE    "POST /x HTTP/1.1\r\nHost: a\r\n"
#define MESSAGE_CHUNKED MESSAGE_LINE "Transfer-Encoding: chunked\r\n\r\n"

enum { MESSAGE_FIELDS = 8 };

/* What came of a message. */
struct message {
    int rc;                                 /* PARSER_MORE, PARSER_COMPLETE or a status */
    size_t used;                            /* bytes up to its end, when it is complete */
    struct mpx_pair fields[MESSAGE_FIELDS]; /* views of the text */
    size_t field_count;
    char body[4096];
    size_t n, pieces;
    size_t take_max;
};

/* A take function; arg is the message. */
int message_take(void *arg, struct mpx_str piece);
/* Reads the head alone; the offset behind it, or 0 and m->rc. */
size_t message_head(struct parser *p, struct mpx_str text, struct message *m);
/* Reads a message whose body may have 'limit' bytes and comes in pieces of 'step', with one more
   cut at 'cut'. */
struct message message_read_cut(struct mpx_str text, uint64_t limit, size_t cut, size_t step);
/* Reads it whole, then cut at each byte and into pieces of each size: all must be one. */
struct message message_read(struct mpx_str text, uint64_t limit);

/* Fails unless the message ends so. */
void message_check(const char *text, int rc);
/* The same for texts that follow the same beginning, with a bar between them. */
void message_check_each(const char *before, const char *texts, int rc);

#endif
