/* SPDX-License-Identifier: MIT */
#include "launch.h"

#include "config.h"
#include "feasible.h"
#include "must.h"

#include <stdlib.h>
#include <unistd.h>

void launch_init(struct launch *l)
{
    *l = (struct launch){ .file = NULL };
    arena_init(&l->arena, NULL);
    sources_init(&l->sources);
    problems_init(&l->problems);
}

/* The error log is wanted by every worker; what else is, the checker tells. */
static void grant_log(struct launch *l)
{
    const struct log_setting *log = l->settings.log.items;

    grants_init(&l->grants, l->root, &l->sources);
    l->grants.as = (struct logfile_as){ l->settings.log_mode_bits, &l->user };
    for (size_t i = 0; i < l->settings.log.count; i++)
        (void)grants_add(&l->grants, log[i].to, GRANT_APPEND);
}

void launch_finish(struct launch *l)
{
    grants_finish(&l->grants);
    problems_finish(&l->problems);
    sources_finish(&l->sources);
    arena_finish(&l->arena);
}

struct launch *launch_create(void)
{
    struct launch *l = must_calloc(sizeof(*l));

    launch_init(l);
    return l;
}

void launch_destroy(struct launch *l)
{
    if (l == NULL)
        return;
    launch_finish(l);
    free(l);
}

/* Who the workers become. Only root can become somebody else. */
static void find_user(struct launch *l)
{
    const struct settings *s = &l->settings;
    struct child_user *user = &l->user, nobody_yet;
    const char *error;

    if (geteuid() != 0)
        return;
    if (s->user.n > 0 && child_find_user(&l->arena, s->user.p, user, &error) < 0)
        problem_add(&l->problems, s->user_at, "%s: create it, or mend \"user\"", error);
    if (!user->change)
        user = &nobody_yet; /* the groups are held against the system all the same */
    if (s->group.n > 0 && child_find_groups(&l->arena, s->group.p, user, &error) < 0)
        problem_add(&l->problems, s->group_at, "%s: create it, or mend \"group\"", error);
}

/* "user" or "user:group" of a unix socket. */
static void find_owner(struct launch *l, struct listener_settings *s)
{
    size_t colon = str_find(s->owner, ':');
    const char *name = arena_copyz(&l->arena, str_head(s->owner, colon));
    struct mpx_str group = str_from(s->owner, colon + 1);
    struct child_user owner;
    const char *error = "a socket has one group";

    if (str_find(group, ' ') < group.n || child_find_user(&l->arena, name, &owner, &error) < 0 ||
        (group.n > 0 && child_find_groups(&l->arena, group.p, &owner, &error) < 0)) {
        problem_add(&l->problems, s->owner_at, "%s: create it, or mend \"owner\"", error);
        return;
    }
    s->uid = owner.uid;
    s->gid = owner.gid;
}

static void find_owners(struct launch *l)
{
    for (size_t i = 0; i < l->settings.listener_count; i++)
        if (l->settings.listeners[i].owner.n > 0)
            find_owner(l, &l->settings.listeners[i]);
}

void launch_read(struct launch *l)
{
    l->root = config_read(&l->arena, &l->sources, l->file, l->overrides, l->strict, &l->problems);
    if (settings_read(&l->arena, &l->sources, l->root, &l->problems, &l->settings) == 0)
        feasible_listeners(&l->settings, &l->problems);
    find_user(l);
    find_owners(l);
    grant_log(l);
}

/* Where a key of "daemon" stands, or else the section; nowhere when neither is written. */
static struct place place_of(const struct launch *l, const char *key)
{
    const struct node *daemon = node_member(l->root, "daemon");
    const struct node *value = node_member(daemon, key);
    const struct place nowhere = { .src = NULL };

    if (value != NULL)
        return value->at;
    return daemon != NULL ? daemon->key_at : nowhere;
}

static void need_restart(struct launch *l, const char *key)
{
    problem_add(&l->problems, place_of(l, key),
                "/daemon/%s has changed, which needs a restart: restart, or put it back", key);
}

static bool same_resolver(const struct settings *a, const struct settings *b)
{
    const struct mpx_str *x = a->resolver.servers.items, *y = b->resolver.servers.items;
    bool same = a->resolver.servers.count == b->resolver.servers.count;

    for (size_t i = 0; same && i < a->resolver.servers.count; i++)
        same = str_eq(x[i], y[i]);
    return same && a->resolver.timeout == b->resolver.timeout &&
           a->resolver.cache == b->resolver.cache && a->resolver.entries == b->resolver.entries;
}

void launch_compare(struct launch *l, const struct launch *serving)
{
    const struct settings *new = &l->settings, *old = &serving->settings;

    if (!str_eq(new->user, old->user))
        need_restart(l, "user");
    if (!str_eq(new->group, old->group))
        need_restart(l, "group");
    if (!str_eq(new->pid_file, old->pid_file))
        need_restart(l, "pid_file");
    if (new->workers != old->workers)
        need_restart(l, "workers");
    if (new->no_new_privs != old->no_new_privs)
        need_restart(l, "no_new_privs");
    if (new->detach != old->detach)
        need_restart(l, "detach");
    if (new->pool.threads != old->pool.threads || new->pool.queue != old->pool.queue)
        need_restart(l, "pool");
    if (!same_resolver(new, old))
        need_restart(l, "resolver");
}

/* "FILE\0OVERRIDES\0S" (S is '1' for strict), then the sources. */
void launch_save(const struct launch *l, struct buffer *b)
{
    (void)buffer_add(b, str_of(l->file));
    (void)buffer_add_char(b, '\0');
    (void)buffer_add(b, str_of(l->overrides != NULL ? l->overrides : ""));
    (void)buffer_add_char(b, '\0');
    (void)buffer_add_char(b, l->strict ? '1' : '0');
    sources_save(&l->sources, b);
}

int launch_load(struct launch *l, struct mpx_str saved)
{
    struct mpx_str file = str_head(saved, str_find(saved, '\0'));
    struct mpx_str rest = str_from(saved, file.n + 1);
    struct mpx_str overrides = str_head(rest, str_find(rest, '\0'));

    rest = str_from(rest, overrides.n + 1);
    if (rest.n == 0)
        return -1;
    l->file = arena_copyz(&l->arena, file);
    l->overrides = overrides.n > 0 ? arena_copyz(&l->arena, overrides) : NULL;
    l->strict = rest.p[0] == '1';
    return sources_load(&l->sources, str_from(rest, 1));
}
