/* SPDX-License-Identifier: MIT
   Bodies on an HTTP/1 connection (RFC 9112 6, 7.1): from bytes to what body.h takes, or to nothing
   when nobody wants them. */
#include "http1.h"
#include "phase.h"

static int take(void *arg, struct mpx_str piece)
{
    struct http1 *h = arg;

    if (!h->cur->finished)
        return body_take(h->cur, piece);
    h->drained += piece.n;
    return h->drained > HTTP1_DRAIN_MAX ? 413 : 0;
}

void http1_body_fails(struct http1 *h, int status)
{
    struct mpx_req *r = h->cur;

    if (!r->finished) {
        r->keep_alive = false;
        phase_break(r, status);
    }
    if (r->finished) {
        http1_stop_reading(h);
    } else { /* a page is still made for it: nothing is read meanwhile */
        h->reading = HTTP1_DONE;
        h->linger = true;
    }
}

void http1_read_body(struct http1 *h, struct mpx_str in, size_t *used)
{
    struct mpx_req *r = h->cur;

    h->parser.limit = r->finished ? UINT64_MAX : r->body.limit;
    int rc = parser_body(&h->parser, in, take, h, used);
    h->received = true;
    h->in.bytes += *used;
    if (rc != PARSER_MORE && rc != PARSER_COMPLETE) {
        *used = in.n;
        http1_body_fails(h, rc);
        return;
    }
    if (rc == PARSER_COMPLETE) {
        r->body.complete = true;
        h->reading = HTTP1_DONE;
    }
    body_go_on(r);
}
