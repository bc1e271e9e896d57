/* SPDX-License-Identifier: MIT
   Whose pages there are, and where: looked up by name on a thread, believed for some seconds,
   bounded in memory and threads. All names that have no pages are alike, whatever the reason. */
#ifndef USERS_H
#define USERS_H
#include <multiplexd/module.h>

enum {
    USERS_NAME_MAX = 64,       /* bytes of a name */
    USERS_BELIEVED_MS = 3000,  /* how long an answer is not asked for again */
    USERS_TICK_MS = 25,        /* when it is told that there are no pages: at the second tick */
    USERS_KNOWN_MAX = 1024,    /* answers that are kept, of each kind */
    USERS_RUNNING_MAX = 2,     /* threads that may be at work, of the whole server */
    USERS_WAITING_MAX = 64,    /* names that may wait for one of them */
    USERS_PER_NAME_MAX = 1024, /* requests that may wait for one name */
    USERS_NOBODY = 65534       /* the uid that owns nothing */
};

/* Who has pages. */
struct users_rules {
    struct mpx_list subdirs, allow, deny; /* of struct mpx_str */
    int64_t min_uid;
};

enum users_state {
    USERS_PENDING, /* not known, or not told yet */
    USERS_FOUND,
    USERS_NONE,   /* unknown, denied, a system's user, without pages ... */
    USERS_FAILED, /* the system has no means to say at the moment */
};

struct users;
struct user;

/* c, rules: borrowed, live as long. NULL, and logged, when there is no timer to be had. */
struct users *users_create(struct mpx_conf *c, const struct users_rules *rules);
void users_destroy(struct users *us);

/* Whether that can be the name of a user: POSIX 3.437, no dot in front, not too long. */
bool users_is_name(struct mpx_str name);
/* What is known of that name; begins to look it up when nothing is. NULL: too many wait. */
struct user *users_ask(struct users *us, struct mpx_str name);
enum users_state user_state(const struct user *u);
/* Until it is known about one who is PENDING what there is: fn asks again. Returns what the hook is
   to return: MPX_FAIL, without a wait, when too many wait. */
enum mpx_rc user_wait(struct user *u, struct mpx_req *r, int64_t ms, mpx_resume_fn fn);
/* Of one who is FOUND: the folder, and whose it is. Valid until the next call of users_ask. */
struct mpx_str user_folder(const struct user *u, uid_t *uid);

#endif
