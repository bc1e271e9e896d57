/* SPDX-License-Identifier: MIT
   A request's head: the request line, the fields, and what must hold between them (RFC 9112 2 to
   7, RFC 9110 7.2). The line guard has passed it. */
#ifndef HEAD_H
#define HEAD_H
#include "parser.h"
#include "req.h"

/* Looks at a request line alone: 0, or the status to refuse with (400, 414, 501, 505). Fills r's
   line, method and version and *target. */
int head_line(struct mpx_req *r, struct mpx_str line, const struct listener_limits *limits,
              struct mpx_str *target);
/* Reads a whole head, which must live as long as r, and fills r; line_start and field lines as
   the guard counted them. 0, or the status to refuse with; parser is ready for the body then.
   *close: after such a refusal nothing on the connection can be trusted. */
int head_read(struct mpx_req *r, struct parser *parser, struct mpx_str head,
              const struct guard *guard, const struct listener_limits *limits, bool *close);

#endif
