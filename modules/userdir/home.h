/* SPDX-License-Identifier: MIT
   The look-up of one name: the user database, then the disk. Runs on a thread and calls nothing of
   the server. It takes the same way for every name, so that its time tells nothing. */
#ifndef HOME_H
#define HOME_H
#include <stddef.h>
#include <sys/types.h>

enum home_problem {
    HOME_FINE,     /* found, or there is just nothing */
    HOME_NO_ENTRY, /* the way to the folder, or the folder, cannot be entered: error says why */
    HOME_OF_OTHER, /* the folder does not belong to the user */
    HOME_FAILED    /* the system has no means to say: error says why */
};

struct home_wanted {
    const char *name;
    const char *const *subdirs; /* NULL at the end */
    uid_t min_uid, nobody;
    int allowed; /* 0: there is nothing for this one, but look all the same */
};
struct home {
    char *folder; /* the first that is there, malloc'ed; NULL: none */
    uid_t uid;
    enum home_problem problem;
    int error;      /* an errno */
    char *at_fault; /* the folder that the problem is about, malloc'ed; or NULL */
};
void home_look_up(const struct home_wanted *wanted, struct home *home);
void home_finish(struct home *home); /* frees what it holds */

#endif
