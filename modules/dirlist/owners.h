/* SPDX-License-Identifier: MIT
   Names of users and groups by their numbers, looked up on threads and remembered for a minute. */
#ifndef DIRLIST_OWNERS_H
#define DIRLIST_OWNERS_H
#include <sys/types.h>

enum { OWNER_BYTES = 33 }; /* of a name, with its NUL; a longer one is cut */

struct owners;
struct owners *owners_create(void); /* NULL: no memory */
void owners_destroy(struct owners *o);
/* On any thread. The number as text when there is no such user or group. */
void owners_user(struct owners *o, uid_t uid, char name[OWNER_BYTES]);
void owners_group(struct owners *o, gid_t gid, char name[OWNER_BYTES]);

#endif
