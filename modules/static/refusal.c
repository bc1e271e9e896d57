/* SPDX-License-Identifier: MIT */
#include "refusal.h"

#include <errno.h>
#include <pwd.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* When a root that could not be read may be logged again, in seconds; roots share the slots. */
enum { REFUSAL_SLOTS = 64, REFUSAL_SECONDS = 60 };
struct refusals {
    const char *user; /* who we are */
    time_t until[REFUSAL_SLOTS];
};

struct refusals *refusals_create(struct mpx_arena *a)
{
    struct refusals *refusals = mpx_alloc(a, sizeof(*refusals));
    const struct passwd *pw = getpwuid(geteuid());

    refusals->user = pw != NULL ? mpx_printf(a, "%s", pw->pw_name).p
                                : mpx_printf(a, "%u", (unsigned)geteuid()).p;
    return refusals;
}

/* Rights that are missing are the owner's to mend: told, but not with every request. */
static void log_refusal(struct mpx_req *r, struct refusals *refusals)
{
    struct mpx_str root = mpx_req_location(r), rest = mpx_req_rest(r);
    time_t now = time(NULL);
    size_t slot = 0;

    for (size_t i = 0; i < root.n; i++)
        slot = slot * 31 + (unsigned char)root.p[i];
    slot %= REFUSAL_SLOTS;
    if (now < refusals->until[slot])
        return;
    refusals->until[slot] = now + REFUSAL_SECONDS;
    /* the kernel has just walked that way: nothing is waited for */
    if (access(mpx_printf(mpx_req_arena(r), "%.*s", (int)root.n, root.p).p, X_OK) < 0)
        mpx_rlog(
            r, MPX_WARN,
            "user \"%s\" cannot enter \"%.*s\": %s: give it the right to search that folder and "
            "those above it",
            refusals->user, (int)root.n, root.p, strerror(errno));
    else
        mpx_rlog(r, MPX_WARN, "user \"%s\" cannot read \"%.*s\" beneath \"%.*s\": %s",
                 refusals->user, (int)rest.n, rest.p, (int)root.n, root.p, strerror(EACCES));
}

enum mpx_rc refusal_answer(struct mpx_req *r, struct refusals *refusals, int error)
{
    switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: /* a circle of symbolic links, or one that is not to be followed */
    case EXDEV: /* the way leads out of the root */
    case ENXIO: /* a socket */
        return MPX_NEXT;
    case EACCES:
        log_refusal(r, refusals);
        return mpx_res_error(r, 403);
    case EMFILE:
    case ENFILE:
        mpx_rlog(r, MPX_WARN, "cannot open a file: %s", strerror(error));
        return mpx_res_error(r, 503);
    default:
        mpx_rlog(r, MPX_ERROR, "cannot open \"%.*s\" beneath \"%.*s\": %s", (int)mpx_req_rest(r).n,
                 mpx_req_rest(r).p, (int)mpx_req_location(r).n, mpx_req_location(r).p,
                 strerror(error));
        return mpx_res_error(r, 500);
    }
}
