/* SPDX-License-Identifier: MIT
   multiplexd/session.h - the service "session", which the module of that name provides: values that
   belong to a user's browser, whatever connection its requests come on.

   In open():  p->session = (const struct mpx_session *)mpx_require(c, "session", 1, 0);
   with "session" in the descriptor's "after".

   A request has a picture of its session: all values as they were when they were last read. It is
   taken before the first ACCESS hook that stands behind "session", and anew by each call below that
   waits. What is seen in it never changes by itself; it costs no wait.

   A change is made in the store, in one step that nobody else's change comes between, and is there
   for all requests that begin to read after it. What was read before may be old by then: whoever
   makes a new value out of an old one uses increment or update, which lose nothing.

   A session begins with the first value that is stored; until then the client has no cookie. It
   ends when it was not used for "idle", at the end of its "lifetime", with end(), or when the store
   needs its room: whoever reads has to do without. A cookie goes out with the header of the
   response: a session can begin, change its id or end until RESPONSE hooks have run. */
#ifndef MULTIPLEXD_SESSION_H
#define MULTIPLEXD_SESSION_H
#include <multiplexd/module.h>

struct mpx_session {
    struct mpx_service head; /* 1.0 */

    /* From the picture; no wait. Views live as long as r. */
    /* A value; false when there is none. A value may be empty and hold any bytes. */
    bool (*get)(struct mpx_req *r, struct mpx_str key, struct mpx_str *value);
    /* All values, struct mpx_pair, in the order in which their keys were first set. */
    struct mpx_list (*all)(struct mpx_req *r);
    /* A name of the session that can stand in logs: 16 hex digits that nobody can make the cookie
       of, other ones for each id. Empty while there is no session. */
    struct mpx_str (*name)(struct mpx_req *r);

    /* Waits as in section 9 of module.h: return what the call returns; fn is your function, with
       your conf. result() tells in fn what came of it. Keys and values are copied. */
    /* The picture anew. */
    enum mpx_rc (*load)(struct mpx_req *r, mpx_resume_fn fn, void *state);
    /* Stores a value. A key is 1 to 64 of [A-Za-z0-9_]. */
    enum mpx_rc (*set)(struct mpx_req *r, struct mpx_str key, struct mpx_str value,
                       mpx_resume_fn fn, void *state);
    /* Forgets a value; 0 also when there is none. */
    enum mpx_rc (*drop)(struct mpx_req *r, struct mpx_str key, mpx_resume_fn fn, void *state);
    /* Several at once, struct mpx_pair: all or none of them; a value whose p is NULL drops its key.
       Of the same key twice the later counts. */
    enum mpx_rc (*change)(struct mpx_req *r, struct mpx_list pairs, mpx_resume_fn fn, void *state);
    /* Adds to a decimal number, 0 where there is none; afterwards get() has what this call made of
       it, which no other call made. -ERANGE: it is no number of 64 bits, or would be none. */
    enum mpx_rc (*increment)(struct mpx_req *r, struct mpx_str key, int64_t by, mpx_resume_fn fn,
                             void *state);
    /* Stores a value if the key still has the old one (p NULL: none; and a new one with p NULL
       drops it). -EAGAIN: it has another, which get() now has: begin again from that. */
    enum mpx_rc (*update)(struct mpx_req *r, struct mpx_str key, struct mpx_str old,
                          struct mpx_str value, mpx_resume_fn fn, void *state);
    /* The same session under a new id; the old one is worth nothing from then on. Call it whenever
       somebody signs in, so that an id which was planted before has no share in it. Changes can be
       made in the same step: pairs as for change(), or none. A session begins where there was none
       and something is stored. */
    enum mpx_rc (*regenerate)(struct mpx_req *r, struct mpx_list pairs, mpx_resume_fn fn,
                              void *state);
    /* Forgets the session and takes the cookie back. */
    enum mpx_rc (*end)(struct mpx_req *r, mpx_resume_fn fn, void *state);
    /* Of the last call that waited, 0 or
       -ENOENT    "session" is not active for this request
       -EINVAL    no key
       -E2BIG     the session would be larger than its limit
       -EALREADY  the response has its header already, and the cookie would have to change
       -ESTALE    the client's session has got another id or ended since this request began
       -EBUSY     too many wait for the store
       -EIO       the store could not do it in time or at all, which is logged: nothing is changed,
                  or that could not be found out
       -ERANGE, -EAGAIN  as said above. After an error the picture is that of before. */
    int (*result)(const struct mpx_req *r);
};

#endif
