/* SPDX-License-Identifier: MIT
   From the command line to a running server: reads, checks, binds, then leaves it to the
   supervisor. */
#include "checker.h"
#include "compose.h"
#include "descriptors.h"
#include "endpoint.h"
#include "inherited.h"
#include "log.h"
#include "logging.h"
#include "notify.h"
#include "passed.h"
#include "pidfile.h"
#include "server.h"
#include "supervisor.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CONFIG_FILE
#error "CONFIG_FILE is set by the build"
#endif

enum { EXIT_USAGE = 2 };

/* error is an errno, or 0. */
static int fail_for(const char *what, int error)
{
    notify_failed(what, error);
    fprintf(stderr, "multiplexd: %s\n", what);
    return EXIT_FAILURE;
}

static int fail(const char *what)
{
    return fail_for(what, 0);
}

/* All that is wrong on standard error; 0 when nothing is. */
static int check(struct launch *l)
{
    if (checker_run(l) < 0)
        return -1;
    problems_show(&l->problems);
    if (l->problems.count > 0)
        notify_failed("the configuration is wrong: the log says how", EINVAL);
    return l->problems.count == 0 ? 0 : -1;
}

/* What somebody who is not root cannot have of it. */
static void warn_of_user(const struct settings *s)
{
    struct mpx_arena a;
    struct child_user user = { .change = false };
    const char *error;

    arena_init(&a, NULL);
    if (s->user.n > 0 &&
        (child_find_user(&a, s->user.p, &user, &error) < 0 || user.uid != geteuid()))
        fprintf(stderr,
                "multiplexd: warning: cannot become user \"%s\": not started as root; going on as "
                "user %u\n",
                s->user.p, (unsigned)geteuid());
    if (s->group.n > 0 &&
        (child_find_groups(&a, s->group.p, &user, &error) < 0 || !child_has_groups(&user)))
        fprintf(stderr,
                "multiplexd: warning: cannot take the groups \"%s\": not started as root; going on "
                "with those of now\n",
                s->group.p);
    arena_finish(&a);
}

/* Who serves: told, refused or warned about as it must be. */
static int check_user(const struct settings *s)
{
    if (geteuid() == 0 && s->user.n == 0)
        return fail("running as root is dangerous: name a user, \"daemon\": { \"user\": "
                    "\"www-data\" } or -u USER (\"root\" if you mean it)");
    if (geteuid() != 0)
        warn_of_user(s);
    return 0;
}

/* As many descriptors as there may be; a word when that is less than what the limits ask for. */
static void raise_descriptors(const struct settings *s)
{
    uint64_t most = descriptors_raise(), wanted = settings_descriptors(s);

    if (most < wanted)
        log_warn("limits.connections ask for %llu descriptors but there are %llu: raise the limit "
                 "(ulimit -n, LimitNOFILE) or lower limits.connections",
                 (unsigned long long)wanted, (unsigned long long)most);
}

struct ready {
    const struct launch *l;
    const struct cli *c;
    struct endpoints *e;
    char urls[1024];
};

static void say_ready(void *arg)
{
    const struct ready *r = arg;
    const struct child_user *user = &r->l->user;
    const char *what = r->c->folder != NULL ? r->c->folder : r->l->file;
    char status[sizeof(r->urls) + 64];

    printf("multiplexd %s serves %s at %s%s%s\n", PACKAGE_VERSION, what, r->urls,
           user->change ? " as user " : "", user->change ? user->name : "");
    fflush(stdout);
    (void)snprintf(status, sizeof(status), "serves %s at %s", what, r->urls);
    notify_ready(status);
}

static void list_urls(struct ready *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->e->count && n < sizeof(r->urls); i++)
        n += (size_t)snprintf(r->urls + n, sizeof(r->urls) - n, "%s%s", i > 0 ? ", " : "",
                              r->e->list[i].url);
}

/* Of a start; the exit status, as it was. */
static int tell_failure(int rc)
{
    if (rc == SERVER_FAILED)
        notify_failed("cannot serve: the log says why", 0);
    return rc;
}

static int run(struct launch *l, struct endpoints *e, const struct cli *c)
{
    struct ready r = { .l = l, .c = c, .e = e };
    const char *error;

    list_urls(&r);
    if (l->settings.workers > 0)
        return tell_failure(supervisor_run(l, e, say_ready, &r));
    if (child_drop(&l->user, l->settings.no_new_privs, &error) < 0)
        return fail(error);
    struct blame *blame = blame_create();
    int rc = server_run(l, e, blame, -1, say_ready, &r);
    blame_destroy(blame);
    return tell_failure(rc);
}

/* A word of sockets that nobody would ever accept from. */
static void warn_of_unused(struct launch *l)
{
    const char *names = passed_unused(&l->arena, &l->settings);

    if (*names != '\0')
        log_warn("systemd passed sockets that no listener has: %s: add { \"systemd\": NAME } to "
                 "\"connection\", or take them out of the socket unit",
                 names);
}

static int serve(struct launch *l, const struct cli *c)
{
    const struct settings *s = &l->settings;
    struct pidfile pidfile = { .fd = -1, .folder = -1 };
    struct endpoints e;
    const char *error;
    int rc;

    if (check_user(s) != 0 || logging_direct(s, &l->grants.as) < 0)
        return EXIT_FAILURE;
    raise_descriptors(s);
    if (s->pid_file.n > 0 && pidfile_open(&pidfile, &l->arena, s->pid_file.p, &error) < 0)
        return fail(error);
    if (endpoints_open(&l->arena, s, &e, &error) == 0) {
        warn_of_unused(l);
        rc = run(l, &e, c);
        endpoints_remove(&e);
    } else {
        rc = fail_for(error, errno);
    }
    pidfile_close(&pidfile);
    return rc;
}

static int command(struct launch *l, const struct cli *c)
{
    if (c->folder == NULL && c->config == NULL && c->command == CLI_SERVE &&
        access(CONFIG_FILE, F_OK) < 0) {
        fprintf(stderr, "multiplexd: nothing to serve: name a folder, or a configuration with -c "
                        "(there is no " CONFIG_FILE ")\nTry multiplexd --help.\n");
        return EXIT_USAGE;
    }
    if (c->folder != NULL && compose_folder(l, c) < 0)
        return EXIT_FAILURE;
    if (c->folder == NULL && c->command == CLI_MODULES && c->config == NULL)
        compose_empty(l, c);
    else if (c->folder == NULL)
        compose_file(l, c, c->config != NULL ? c->config : CONFIG_FILE);
    launch_read(l);
    if (c->command == CLI_MODULES && l->problems.count > 0) {
        problems_show(&l->problems);
        return EXIT_FAILURE;
    }
    if (c->command == CLI_MODULES)
        return checker_list_modules(l) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if (check(l) < 0)
        return EXIT_FAILURE;
    if (c->command == CLI_TEST) {
        printf("%s: nothing is wrong\n", l->file);
        return EXIT_SUCCESS;
    }
    return serve(l, c);
}

int main(int argc, char **argv)
{
    struct launch l;
    struct cli c;

    inherited_begin();
    notify_begin();
    descriptors_begin();
    if (cli_parse(&c, argc, argv) < 0)
        return EXIT_USAGE;
    if (c.command == CLI_HELP || c.command == CLI_VERSION) {
        if (c.command == CLI_HELP)
            cli_help();
        else
            cli_version();
        return EXIT_SUCCESS;
    }
    (void)signal(SIGPIPE, SIG_IGN); /* whoever reads our output may be gone */
    (void)signal(SIGUSR1, SIG_IGN); /* logs may be rotated before there are any */
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by who started us, ends would not be told */
    launch_init(&l);
    int rc = command(&l, &c);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    launch_finish(&l);
    return rc;
}
