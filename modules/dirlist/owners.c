/* SPDX-License-Identifier: MIT */
#include "owners.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLOTS = 512, BELIEVED_SECONDS = 60, LOOKUP_BYTES = 4096, LOOKUP_BYTES_MAX = 1 << 20 };

/* A number has one slot; what comes later takes it. */
struct slot {
    unsigned id;
    time_t until; /* 0: free */
    char name[OWNER_BYTES];
};

struct owners {
    pthread_mutex_t lock;
    struct slot users[SLOTS], groups[SLOTS];
};

struct owners *owners_create(void)
{
    struct owners *o = calloc(1, sizeof(*o));

    if (o != NULL && pthread_mutex_init(&o->lock, NULL) != 0) {
        free(o);
        return NULL;
    }
    return o;
}

void owners_destroy(struct owners *o)
{
    if (o == NULL)
        return;
    (void)pthread_mutex_destroy(&o->lock);
    free(o);
}

static time_t seconds(void)
{
    struct timespec ts = { 0, 0 };

    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec + 1;
}

static void copy_name(char name[OWNER_BYTES], const char *from)
{
    (void)snprintf(name, OWNER_BYTES, "%s", from);
}

static bool find_user(unsigned id, char *room, size_t n, bool *again, char name[OWNER_BYTES])
{
    struct passwd pw, *found = NULL;

    *again = getpwuid_r((uid_t)id, &pw, room, n, &found) == ERANGE;
    if (found != NULL)
        copy_name(name, found->pw_name);
    return found != NULL;
}

static bool find_group(unsigned id, char *room, size_t n, bool *again, char name[OWNER_BYTES])
{
    struct group gr, *found = NULL;

    *again = getgrgid_r((gid_t)id, &gr, room, n, &found) == ERANGE;
    if (found != NULL)
        copy_name(name, found->gr_name);
    return found != NULL;
}

/* Asks the system, with as much room as it wants. */
static void ask(unsigned id,
                bool (*find)(unsigned id, char *room, size_t n, bool *again,
                             char name[OWNER_BYTES]),
                char name[OWNER_BYTES])
{
    bool again = true;

    for (size_t n = LOOKUP_BYTES; again && n <= LOOKUP_BYTES_MAX; n *= 4) {
        char *room = malloc(n);
        bool found = room != NULL && find(id, room, n, &again, name);

        free(room);
        if (found)
            return;
        if (room == NULL)
            break;
    }
    (void)snprintf(name, OWNER_BYTES, "%u", id);
}

static void name_of(struct owners *o, struct slot slots[SLOTS], unsigned id,
                    bool (*find)(unsigned id, char *room, size_t n, bool *again,
                                 char name[OWNER_BYTES]),
                    char name[OWNER_BYTES])
{
    struct slot *s = &slots[id % SLOTS];
    time_t now = seconds();

    pthread_mutex_lock(&o->lock);
    bool known = s->until > now && s->id == id;
    if (known)
        copy_name(name, s->name);
    pthread_mutex_unlock(&o->lock);
    if (known)
        return;
    ask(id, find, name);
    pthread_mutex_lock(&o->lock);
    s->id = id;
    s->until = now + BELIEVED_SECONDS;
    copy_name(s->name, name);
    pthread_mutex_unlock(&o->lock);
}

void owners_user(struct owners *o, uid_t uid, char name[OWNER_BYTES])
{
    name_of(o, o->users, uid, find_user, name);
}

void owners_group(struct owners *o, gid_t gid, char name[OWNER_BYTES])
{
    name_of(o, o->groups, gid, find_group, name);
}
