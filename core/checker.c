/* SPDX-License-Identifier: MIT */
#include "checker.h"

#include "broker.h"
#include "date.h"
#include "descriptors.h"
#include "log.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { CRASHES_MAX = 32, SECONDS_MAX = 60 };

/* A module that a checker died of: the next one leaves it out. */
struct crash {
    char name[BLAME_NAME];
    const char *why;
};
struct check {
    struct launch *l;
    struct blame *blame;
    struct crash crashes[CRASHES_MAX];
    size_t crash_count;
};

/* The child: everything is loaded and checked, then told. */
static void check_all(struct check *k, int channel)
{
    struct generation g;
    struct modules modules;
    struct problems problems;
    const struct generation_request request = { .file = k->l->file,
                                                .overrides = k->l->overrides,
                                                .strict = k->l->strict,
                                                .careful = true,
                                                .read_private = broker_read_private,
                                                .on_sink = broker_tell_sink,
                                                .arg = &channel };

    problems_init(&problems);
    modules_init(&modules);
    for (size_t i = 0; i < k->crash_count; i++)
        modules_refuse(&modules, k->crashes[i].name, k->crashes[i].why);
    generation_build(&g, &k->l->sources, &modules, &problems, k->blame, &request);
    broker_tell_problems(channel, &problems);
    (void)channel_send(channel, BROKER_DONE, MPX_STR(""), NULL, 0);
    generation_finish(&g);
    modules_finish(&modules);
    problems_finish(&problems);
}

static _Noreturn void child(struct check *k, int channel)
{
    const char *error;

    descriptors_keep(channel);
    if (child_drop(&k->l->user, true, &error) < 0) {
        log_error("the checker cannot give up its rights: %s", error);
        _exit(1);
    }
    (void)alarm(SECONDS_MAX); /* a constructor that never ends */
    check_all(k, channel);
    exit(0); /* with the leak checker of a sanitizer build */
}

/* The parent's side until the child has said all: true; false when it died before, broke the rules
   (*broke) or does not end. */
static bool listen_to(struct broker *b, bool *broke)
{
    int64_t end = clock_ms() + (SECONDS_MAX + 5) * 1000;
    int rc = 0;

    while (rc == 0 || (rc < 0 && errno == EAGAIN)) {
        short wanted = peer_has_more(&b->peer) ? POLLIN | POLLOUT : POLLIN;
        struct pollfd p = { .fd = b->peer.end, .events = wanted };
        int64_t left = end - clock_ms();

        if (left <= 0 || (poll(&p, 1, (int)left) < 0 && errno != EINTR))
            return false;
        if (peer_push(&b->peer) < 0)
            return false;
        rc = broker_take(b);
    }
    *broke = rc < 0 && errno == EPROTO;
    return rc == 1;
}

/* What a module did to the child, for people. */
static const char *deed(struct check *k, const char *name, int status)
{
    struct mpx_arena *a = &k->l->arena;
    const char *moment = blame_moment(k->blame, a);

    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
        return arena_printf(a, "module \"%s\" does not come to an end %s: it was given %d seconds",
                            name, moment, SECONDS_MAX)
            .p;
    return arena_printf(a, "module \"%s\" %s %s: %s", name,
                        WIFSIGNALED(status) ? "died" : "ended the process", moment,
                        child_status_text(a, status))
        .p;
}

/* Notes the module that the child died of; false when it was none. */
static bool note_crash(struct check *k, int status)
{
    const char *name = blame_module(k->blame, &k->l->arena);

    if (name == NULL || k->crash_count == CRASHES_MAX)
        return false;
    struct crash *c = &k->crashes[k->crash_count++];
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->why = deed(k, c->name, status);
    return true;
}

/* One try. 1: all was said. 0: a module killed it and is noted. -1: it could not be tried. */
static int try_once(struct check *k, struct problems *problems)
{
    struct broker b;
    int ends[2];

    blame_clear(k->blame);
    if (channel_pair(ends) < 0) {
        log_error("cannot check the configuration: %s", strerror(errno));
        return -1;
    }
    pid_t pid = child_fork(CHILD_TRIES);
    if (pid == 0)
        child(k, ends[1]);
    close(ends[1]);
    broker_start(&b, ends[0], BROKER_CHECKER, &k->l->grants, &k->l->sources, problems);
    bool broke = false, done = pid > 0 && listen_to(&b, &broke);
    broker_end(&b);
    if (pid < 0) {
        log_error("cannot check the configuration: fork: %s", strerror(errno));
        return -1;
    }
    if (!done)
        (void)kill(pid, SIGKILL); /* one that dies by itself has done so */
    int status = child_wait(pid);
    if (done)
        return 1;
    if (!broke && note_crash(k, status)) /* when it broke the rules, it died of us */
        return 0;
    if (broke)
        log_error("the configuration cannot be checked: a module writes to a descriptor of core's");
    else
        log_error("the checker of the configuration died: %s",
                  child_status_text(&k->l->arena, status));
    return -1;
}

/* As root, modules are tried as the user who will run them; as nobody when it is not said who. 0,
   or -1 (logged). */
static int choose_user(struct launch *l)
{
    const char *error;

    if (geteuid() != 0 || l->user.change ||
        child_find_user(&l->arena, "nobody", &l->user, &error) == 0)
        return 0;
    log_error("modules cannot be tried as nobody: %s: name another with \"user\" in \"daemon\"",
              error);
    return -1;
}

int checker_run(struct launch *l)
{
    struct check k = { .l = l, .blame = blame_create() };
    struct child_user user = l->user;
    int rc = choose_user(l);

    while (rc == 0)
        rc = try_once(&k, &l->problems);
    l->user = user;
    blame_destroy(k.blame);
    return rc < 0 ? -1 : 0;
}

static _Noreturn void describe(struct launch *l, struct modules *ms, struct mpx_str name)
{
    const char *error;

    descriptors_keep(-1);
    if (child_drop(&l->user, true, &error) < 0)
        _exit(1);
    (void)alarm(SECONDS_MAX);
    const struct module *m = module_load(ms, name, true, &error);
    if (m == NULL)
        printf("%s\n", error);
    else
        printf("%-12s %-8s ABI %u.%u  %s\n             %s\n", m->name,
               m->d.version != NULL ? m->d.version : "-", m->d.abi_major, m->d.abi_minor, m->file,
               m->d.summary != NULL ? m->d.summary : "(no summary)");
    fflush(stdout);
    _exit(m == NULL ? 2 : 0);
}

struct listing {
    struct launch *l;
    struct modules *ms;
    int rc;
};

/* Each in a process of its own: what one breaks, the next does not see. */
static void list_one(void *arg, struct mpx_str name)
{
    struct listing *list = arg;

    fflush(stdout);
    pid_t pid = child_fork(CHILD_TRIES);
    if (pid == 0)
        describe(list->l, list->ms, name);
    int status = pid > 0 ? child_wait(pid) : -1;
    if (status == 0)
        return;
    list->rc = -1;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 2)
        printf("module \"%.*s\" died while it was loaded: %s\n", STR_ARGS(name),
               child_status_text(&list->l->arena, status));
}

int checker_list_modules(struct launch *l)
{
    struct modules ms;
    struct listing list = { .l = l, .ms = &ms };
    const struct mpx_str *folders = l->settings.module_path.items;

    if (choose_user(l) < 0)
        return -1;
    modules_init(&ms);
    for (size_t i = 0; i < l->settings.module_path.count; i++)
        modules_add_folder(&ms, folders[i]);
    if (ms.path_count == 0)
        modules_add_folder(&ms, str_of(modules_default_folder(&l->arena)));
    modules_each_installed(&ms, list_one, &list);
    modules_finish(&ms);
    return list.rc;
}
