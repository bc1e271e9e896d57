/* SPDX-License-Identifier: MIT */
#include "child.h"

#include "str.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* A number that is an id (never (id)-1, which means "no change" to the kernel). */
static bool is_id(struct mpx_str s, uint32_t *id)
{
    uint64_t value;

    if (str_to_u64(s, &value) < 0 || value >= UINT32_MAX)
        return false;
    *id = (uint32_t)value;
    return true;
}

static void set_groups_of(struct child_user *user, const char *name)
{
    int count = CHILD_GROUPS_MAX;

    if (getgrouplist(name, user->gid, user->groups, &count) < 0)
        count = count < CHILD_GROUPS_MAX ? count : CHILD_GROUPS_MAX;
    user->group_count = (size_t)count;
}

int child_find_user(struct mpx_arena *a, const char *name, struct child_user *user,
                    const char **error)
{
    uint32_t id;
    bool numeric = is_id(str_of(name), &id);
    errno = 0;
    const struct passwd *pw = numeric ? getpwuid(id) : getpwnam(name);

    *user = (struct child_user){ .change = pw != NULL || numeric };
    if (pw != NULL) {
        user->uid = pw->pw_uid;
        user->gid = pw->pw_gid;
        user->name = arena_copyz(a, str_of(pw->pw_name));
        set_groups_of(user, pw->pw_name);
        return 0;
    }
    if (!numeric) {
        *error = arena_printf(a, "there is no user \"%s\"", name).p;
        return -1;
    }
    user->uid = id;
    user->gid = id;
    user->groups[0] = id;
    user->group_count = 1;
    user->name = arena_copyz(a, str_of(name));
    return 0;
}

int child_find_groups(struct mpx_arena *a, const char *names, struct child_user *user,
                      const char **error)
{
    struct mpx_str rest = str_of(names);

    user->group_count = 0;
    while ((rest = str_trim(rest)).n > 0) {
        size_t n = str_find(rest, ' ');
        struct mpx_str word = arena_copy(a, str_head(rest, n));
        const struct group *group = getgrnam(word.p);
        uint32_t id;

        if (group != NULL) {
            id = group->gr_gid;
        } else if (!is_id(word, &id)) {
            *error = arena_printf(a, "there is no group \"%s\"", word.p).p;
            return -1;
        }
        if (user->group_count == CHILD_GROUPS_MAX) {
            *error = "these are too many groups";
            return -1;
        }
        user->groups[user->group_count++] = id;
        rest = str_from(rest, n);
    }
    if (user->group_count > 0)
        user->gid = user->groups[0];
    return 0;
}

bool child_has_groups(const struct child_user *user)
{
    gid_t mine[NGROUPS_MAX + 1];
    int count = getgroups(NGROUPS_MAX, mine);

    if (count < 0)
        return false;
    mine[count++] = getegid();
    for (size_t i = 0; i < user->group_count; i++) {
        int k = 0;

        while (k < count && mine[k] != user->groups[i])
            k++;
        if (k == count)
            return false;
    }
    return user->group_count == 0 || user->groups[0] == getegid();
}

void child_user_of(struct mpx_arena *a, uid_t uid, gid_t gid, struct child_user *user)
{
    const struct passwd *pw = getpwuid(uid);

    *user = (struct child_user){ .change = true, .uid = uid, .gid = gid };
    user->name = pw != NULL ? arena_copyz(a, str_of(pw->pw_name))
                            : arena_printf(a, "uid %u", (unsigned)uid).p;
    if (pw != NULL)
        set_groups_of(user, pw->pw_name);
    else
        user->groups[user->group_count++] = gid;
}

const char *child_name(struct mpx_arena *a)
{
    const struct passwd *pw = getpwuid(geteuid());

    return pw != NULL ? arena_copyz(a, str_of(pw->pw_name))
                      : arena_printf(a, "%u", (unsigned)geteuid()).p;
}

int child_drop(const struct child_user *user, bool no_new_privs, const char **error)
{
    *error = "no_new_privs cannot be set";
    if (no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
        return -1;
    if (!user->change)
        return 0;
    *error = "the supplementary groups cannot be set";
    if (setgroups(user->group_count, user->groups) < 0)
        return -1;
    *error = "the group cannot be changed";
    if (setresgid(user->gid, user->gid, user->gid) < 0)
        return -1;
    *error = "the user cannot be changed";
    if (setresuid(user->uid, user->uid, user->uid) < 0)
        return -1;
    *error = "root could be had back";
    if (user->uid != 0 && (setuid(0) == 0 || seteuid(0) == 0 || getuid() != user->uid ||
                           geteuid() != user->uid || getgid() != user->gid))
        return -1;
    /* the change made the process undumpable and forget the parent: undo that */
    (void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    return 0;
}

pid_t child_fork(enum child_purpose purpose)
{
    pid_t parent = getpid(), pid = fork();
    sigset_t none;

    if (pid != 0)
        return pid;
    static const int parents[] = { SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2 };
    for (size_t i = 0; i < sizeof(parents) / sizeof(parents[0]); i++)
        (void)signal(parents[i], purpose == CHILD_SERVES ? SIG_IGN : SIG_DFL);
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGCHLD, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0);
    if (getppid() != parent) /* it died before we asked to be told */
        _exit(1);
    return 0;
}

int child_wait(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    return status;
}

const char *child_status_text(struct mpx_arena *a, int status)
{
    if (WIFSIGNALED(status))
        return arena_printf(a, "signal %d (%s)", WTERMSIG(status), strsignal(WTERMSIG(status))).p;
    return arena_printf(a, "exit status %d", WEXITSTATUS(status)).p;
}
