/* SPDX-License-Identifier: MIT */
#include "checker.h"

#include "date.h"
#include "descriptors.h"
#include "log.h"
#include "logging.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SECONDS_MAX = 60, MORE_SECONDS = 5 /* for one that does not die of its alarm */ };

/* The child: everything is loaded and checked, then told. */
static void check_all(struct checker *k, int channel)
{
    struct generation g;
    struct modules modules;
    struct problems problems;
    const struct generation_request request = { .file = k->launch->file,
                                                .overrides = k->launch->overrides,
                                                .strict = k->launch->strict,
                                                .careful = true,
                                                .read_private = broker_read_private,
                                                .on_sink = broker_tell_sink,
                                                .arg = &channel };

    problems_init(&problems);
    modules_init(&modules);
    for (size_t i = 0; i < k->crash_count; i++)
        modules_refuse(&modules, k->crashes[i].name, k->crashes[i].why);
    generation_build(&g, &k->launch->sources, &modules, &problems, k->blame, &request);
    broker_tell_problems(channel, &problems);
    (void)channel_send(channel, BROKER_DONE, MPX_STR(""), NULL, 0);
    generation_finish(&g);
    modules_finish(&modules);
    problems_finish(&problems);
}

static _Noreturn void child(struct checker *k, int channel)
{
    const char *error;

    if (k->has_threads)
        logging_end();
    descriptors_keep(channel);
    if (child_drop(&k->user, true, &error) < 0) {
        log_error("the checker cannot give up its rights: %s", error);
        _exit(1);
    }
    (void)alarm(SECONDS_MAX); /* a constructor that never ends */
    check_all(k, channel);
    exit(0); /* with the leak checker of a sanitizer build */
}

/* What a module did to the child, for people. */
static const char *deed(struct checker *k, const char *name, int status)
{
    struct mpx_arena *a = &k->launch->arena;
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
static bool note_crash(struct checker *k, int status)
{
    const char *name = blame_module(k->blame, &k->launch->arena);

    if (name == NULL || k->crash_count == CHECKER_CRASHES)
        return false;
    struct checker_crash *c = &k->crashes[k->crash_count++];
    snprintf(c->name, sizeof(c->name), "%s", name);
    c->why = deed(k, c->name, status);
    return true;
}

static void finish(struct checker *k, bool failed)
{
    k->state = failed ? CHECKER_FAILED : CHECKER_DONE;
    blame_destroy(k->blame);
    k->blame = NULL;
}

static void cannot_try(struct checker *k, const char *what)
{
    log_error("cannot check the configuration: %s%s", what, strerror(errno));
    finish(k, true);
}

/* One try. */
static void try(struct checker *k)
{
    int ends[2];

    blame_clear(k->blame);
    k->said_all = k->broke_rules = false;
    if (channel_pair(ends) < 0) {
        cannot_try(k, "");
        return;
    }
    k->pid = child_fork(CHILD_TRIES);
    if (k->pid == 0)
        child(k, ends[1]);
    close(ends[1]);
    if (k->pid < 0) {
        close(ends[0]);
        cannot_try(k, "fork: ");
        return;
    }
    broker_start(&k->broker, ends[0], BROKER_CHECKER, &k->launch->grants, &k->launch->sources,
                 &k->launch->problems);
    k->end_ms = clock_ms() + (SECONDS_MAX + MORE_SECONDS) * 1000;
    k->state = CHECKER_HEARS;
}

/* As root, modules are tried as the user who will run them; as nobody when it is not said who. 0,
   or -1 (logged). */
static int choose_user(struct launch *l, struct child_user *user)
{
    const char *error;

    *user = l->user;
    if (geteuid() != 0 || user->change || child_find_user(&l->arena, "nobody", user, &error) == 0)
        return 0;
    log_error("modules cannot be tried as nobody: %s: name another with \"user\" in \"daemon\"",
              error);
    return -1;
}

void checker_start(struct checker *k, struct launch *l, bool has_threads)
{
    *k = (struct checker){
        .launch = l, .blame = blame_create(), .broker.peer.end = -1, .has_threads = has_threads
    };
    if (choose_user(l, &k->user) < 0)
        finish(k, true);
    else
        try(k);
}

bool checker_runs(const struct checker *k)
{
    return k->state == CHECKER_HEARS || k->state == CHECKER_ENDS;
}

short checker_wants(const struct checker *k)
{
    return peer_has_more(&k->broker.peer) ? POLLIN | POLLOUT : POLLIN;
}

/* Nothing more is heard; one that has not said all dies, if it is not dead already. */
static void end(struct checker *k)
{
    broker_end(&k->broker);
    if (!k->said_all && k->pid > 0)
        (void)kill(k->pid, SIGKILL);
    k->state = CHECKER_ENDS;
}

void checker_on_events(struct checker *k)
{
    int rc = 0;

    if (k->state != CHECKER_HEARS)
        return;
    if (peer_push(&k->broker.peer) < 0) {
        end(k);
        return;
    }
    while (rc == 0)
        rc = broker_take(&k->broker);
    if (rc < 0 && errno == EAGAIN && clock_ms() < k->end_ms)
        return;
    k->said_all = rc == 1;
    k->broke_rules = rc < 0 && errno == EPROTO;
    end(k);
}

void checker_on_end(struct checker *k, int status)
{
    k->pid = 0;
    k->end_ms = 0;
    checker_on_events(k); /* its last words */
    if (k->said_all) {
        finish(k, false);
    } else if (!k->broke_rules && note_crash(k, status)) { /* else it died of us */
        try(k);
    } else {
        if (k->broke_rules)
            log_error("the configuration cannot be checked: a module writes to a descriptor of "
                      "core's");
        else
            log_error("the checker of the configuration died: %s",
                      child_status_text(&k->launch->arena, status));
        finish(k, true);
    }
}

void checker_stop(struct checker *k)
{
    if (!checker_runs(k))
        return;
    broker_end(&k->broker);
    (void)kill(k->pid, SIGKILL);
    (void)child_wait(k->pid);
    finish(k, true);
}

int checker_run(struct launch *l)
{
    struct checker k;

    checker_start(&k, l, false);
    while (checker_runs(&k)) {
        struct pollfd p = { .fd = k.broker.peer.end, .events = checker_wants(&k) };
        int64_t left = k.end_ms - clock_ms();

        if (k.state == CHECKER_ENDS) {
            checker_on_end(&k, child_wait(k.pid));
        } else if (poll(&p, 1, left > 0 ? (int)left : 0) >= 0) {
            checker_on_events(&k);
        }
    }
    return k.state == CHECKER_DONE ? 0 : -1;
}

static _Noreturn void describe(const struct child_user *user, struct modules *ms,
                               struct mpx_str name)
{
    const char *error;

    descriptors_keep(-1);
    if (child_drop(user, true, &error) < 0)
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
    struct child_user user;
    int rc;
};

/* Each in a process of its own: what one breaks, the next does not see. */
static void list_one(void *arg, struct mpx_str name)
{
    struct listing *list = arg;

    fflush(stdout);
    pid_t pid = child_fork(CHILD_TRIES);
    if (pid == 0)
        describe(&list->user, list->ms, name);
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
    struct listing list = { .l = l, .ms = &ms, .user = l->user };
    const struct mpx_str *folders = l->settings.module_path.items;

    if (choose_user(l, &list.user) < 0)
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
