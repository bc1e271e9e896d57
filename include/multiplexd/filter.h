/* SPDX-License-Identifier: MIT
   multiplexd/filter.h - body filters, section 10 of module.h, which includes it. */
#ifndef MULTIPLEXD_FILTER_H
#define MULTIPLEXD_FILTER_H
#include <multiplexd/module.h>
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)
/* A RESPONSE hook puts them over the response that it looks at; they run in the
   order of the modules' list: the first one sees what was written, the last one's bytes go out.
   Bodies of all kinds pass through them: pages, blobs, files, streams, standard error pages and the
   virtual host's own. write() does not run where no body goes out (HEAD, 204, 205, 304), nor for
   the page of a 412 or 416 that takes the place of the response. Without filters files go by
   sendfile; for a filter they are read, a piece at a time, while the client takes what comes of
   it. A filter does not suspend and does not answer: calls of section 8 that change a response
   fail in it, and so do those of section 9.

   What it does to the body is told by flags, and so are the fields, of a HEAD as of its GET:
   0                       The length may change. Content-Length and Accept-Ranges go, ranges are
                           not served, a strong ETag becomes a weak one before conditions are judged
                           (If-None-Match finds it, If-Match and If-Range do not). Not over a part
                           (206, Content-Range).
   MPX_FILTER_SAME_LENGTH  As many bytes come out as go in, and always the same out of the same:
                           length, ETag and ranges stay. It sees the whole body, and core cuts what
                           comes out: the last byte of a file costs the reading of all of it.
   MPX_FILTER_WATCH        It passes nothing on: core does that, untouched, and sendfile stays. Of
                           bytes that core has not read it is told the number: in.p is NULL. It is
                           told of the whole body also where ranges of it go out.
   But for WATCH, Content-Digest and Repr-Digest go (RFC 9530). */
enum { MPX_FLUSH = 1, MPX_LAST = 2 };
enum { MPX_FILTER_SAME_LENGTH = 1, MPX_FILTER_WATCH = 2 };
enum { MPX_FILTER_MORE = 2 };
struct mpx_filter_ops {
    uint32_t size, flags; /* sizeof(struct mpx_filter_ops); MPX_FILTER_* */
    const char *name;     /* for the log */
    /* The next piece of the body, at most 64 KiB unless it only watches; in lives until write
       returns, and may be empty. It may be passed on, changed, dropped, held back in memory of
       your own. MPX_FLUSH: pass on what you hold, the module called mpx_res_flush; and the flag.
       MPX_LAST: nothing comes behind this; pass the flag on, with your last bytes or without.
       Answer 0, or what mpx_filter_next gave last; MPX_FILTER_MORE: there is more to pass on, call
       again when there is room (in is empty then, and flags are the same); -1: it failed. After
       that, as after anything that breaks these rules, the module is named in the log and the
       connection ends: no body looks whole that is not. */
    int (*write)(struct mpx_filter *f, struct mpx_str in, unsigned flags);
    /* Nothing more comes: after MPX_LAST, when the response is broken off or replaced, when the
       client is gone, when no more of the body is wanted. Once, in any case, before LOG. May be
       NULL. */
    void (*end)(struct mpx_filter *f);
};
/* Over the response, behind those that are there; 16 at most. The same ops may be pushed again.
   Copies ops, borrows the name; state is yours. 0; or -1, and logged: end() does not run then. */
int mpx_filter_push(struct mpx_req *r, const struct mpx_filter_ops *ops, void *state);
void *mpx_filter_state(const struct mpx_filter *f);
struct mpx_req *mpx_filter_req(const struct mpx_filter *f); /* for its log, arena, fields */
/* In write(), any number of times: to the next filter, or out; copies. 0; 1 when more than 64 KiB
   wait there: keep what is left and answer MPX_FILTER_MORE; -1 when the response is broken off:
   answer -1. Past limits.response_buffer (1 MiB) in one call of write() it is broken off. So for a
   slow client no more waits than that behind each filter, beside what it holds itself. A filter
   that makes much of little and does not look at the answer is given less at a time: 1 KiB at
   first, later as much as came out as 64 KiB. */
int mpx_filter_next(struct mpx_filter *f, struct mpx_str out, unsigned flags);
#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
