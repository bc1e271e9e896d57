/* SPDX-License-Identifier: MIT
   A line of a log while it is made: bounded, and escaped so that whatever a client sends stays
   where it belongs. */
#ifndef ACCESSLOG_LINE_H
#define ACCESSLOG_LINE_H
#include <multiplexd/module.h>

enum {
    LINE_BYTES = 16384, /* what a sink takes */
    VALUE_BYTES = 2048  /* of one value, before it is escaped */
};

struct line {
    size_t n, end; /* what is there; where what is being added must end, at most LINE_BYTES */
    char text[LINE_BYTES];
};
/* Adds bytes as they are; what does not fit is cut off. */
void line_add(struct line *l, struct mpx_str s);
/* Everything but printable ASCII, and quotes, backslashes and the two bytes named, as \xHH. Cut off
   in front of what does not fit. */
void line_add_escaped(struct line *l, struct mpx_str s, char also, char and_also);
/* The inside of a JSON string (RFC 8259 7); bytes that are not UTF-8 become U+FFFD. The same. */
void line_add_json(struct line *l, struct mpx_str s);
/* How many bytes of JSON s begins with that are a number; whole: without decimals and exponent. 0
   when it is none. */
size_t line_json_number(struct mpx_str s, bool whole);

#endif
