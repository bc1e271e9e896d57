/* SPDX-License-Identifier: MIT
   From the command line to a running server: reads, checks, binds, then leaves it to the
   supervisor. */
#include "checker.h"
#include "compose.h"
#include "descriptors.h"
#include "detach.h"
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
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef CONFIG_FILE
#error "CONFIG_FILE is set by the build"
#endif

enum { EXIT_USAGE = 2, READY_MAX = 16384 };

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
    uint64_t wanted = settings_descriptors(s), most = descriptors_raise(wanted);

    if (most < wanted)
        log_warn("limits.connections ask for %llu descriptors%s but there are %llu: raise the "
                 "limit (ulimit -n, LimitNOFILE) or lower limits.connections",
                 (unsigned long long)wanted, s->workers > 1 ? " in each worker" : "",
                 (unsigned long long)most);
}

struct ready {
    struct launch **l;
    const struct cli *c;
    struct endpoints *e;
    struct detach detach;
    struct heritage *heritage;
    const struct upgrade_program *program;
};

static void say_ready(void *arg)
{
    struct ready *r = arg;
    const struct launch *l = *r->l;
    const struct child_user *user = &l->user;
    struct buffer line;

    buffer_init(&line, READY_MAX);
    (void)buffer_printf(&line, "serves %s at ", r->c->folder != NULL ? r->c->folder : l->file);
    for (size_t i = 0; i < r->e->count; i++)
        (void)buffer_printf(&line, "%s%s", i > 0 ? ", " : "", r->e->list[i].url);
    (void)buffer_add_char(&line, '\0');
    printf("multiplexd %s %s%s%s\n", PACKAGE_VERSION, line.p, user->change ? " as user " : "",
           user->change ? user->name : "");
    fflush(stdout);
    notify_ready(line.p);
    buffer_finish(&line);
    detach_done(&r->detach);
}

/* The configuration that the command line asks for; 0, or -1 (told). */
static int read_configuration(struct launch *l, const struct cli *c)
{
    if (c->folder != NULL && compose_folder(l, c) < 0)
        return -1;
    if (c->folder == NULL && c->command == CLI_MODULES && c->config == NULL)
        compose_empty(l, c);
    else if (c->folder == NULL)
        compose_file(l, c, c->config != NULL ? c->config : CONFIG_FILE);
    launch_read(l);
    return 0;
}

/* Of a start; the exit status, as it was. */
static int tell_failure(int rc)
{
    if (rc == SERVER_FAILED)
        notify_failed("cannot serve: the log says why", 0);
    return rc;
}

static int read_again(void *arg, struct launch *l)
{
    const struct ready *r = arg;

    return read_configuration(l, r->c);
}

/* One process, for debuggers. */
static int run_alone(struct launch *l, struct endpoints *e, struct ready *r)
{
    const struct alone_calls calls = { say_ready, read_again, r, e };
    struct endpoints served;
    const char *error;

    if (child_drop(&l->user, l->settings.no_new_privs, &error) < 0)
        return fail(error);
    if (alone_copy(e, &served) < 0)
        return fail("there are no descriptors for the sockets");
    struct blame *blame = blame_create();
    int rc = server_run(l, &served, blame, -1, &calls);
    blame_destroy(blame);
    return rc;
}

static int run(struct ready *r)
{
    const struct supervisor_calls calls = { .ready = say_ready,
                                            .read = read_again,
                                            .arg = r,
                                            .program = r->program,
                                            .heritage = r->heritage };

    return (*r->l)->settings.workers > 0 ? supervisor_run(r->l, r->e, &calls)
                                         : run_alone(*r->l, r->e, r);
}

/* The pid file, perhaps one that the image before us had. */
static int open_pid_file(struct ready *r, struct mpx_arena *a, struct pidfile *p)
{
    const struct settings *s = &(*r->l)->settings;
    struct heritage *h = r->heritage;
    const char *error;

    if (h->pid_fd >= 0 && pidfile_adopt(p, a, h->pid_path, h->pid_fd) == 0) {
        if (str_is(s->pid_file, h->pid_path))
            return 0;
        pidfile_close(p); /* it is called otherwise now */
    }
    h->pid_fd = -1;
    if (s->pid_file.n == 0)
        return 0;
    if (pidfile_open(p, a, s->pid_file.p, &error) < 0)
        return fail(error);
    h->pid_path = arena_copyz(a, s->pid_file);
    h->pid_fd = p->fd;
    return 0;
}

/* The sockets; those of the image before are kept where they are wanted. */
static int open_endpoints(struct ready *r, const char **error)
{
    struct launch *l = *r->l;
    struct endpoints *old = &r->heritage->endpoints;

    if (endpoints_change(&l->arena, &l->settings, old, r->e, error) < 0)
        return -1;
    endpoints_part(old, r->e);
    endpoints_settle(r->e, &l->settings);
    return 0;
}

/* Opens what is kept to the end, and serves. */
static int serve_here(struct ready *r, struct mpx_arena *a)
{
    const struct settings *s = &(*r->l)->settings;
    struct pidfile pidfile = { .fd = -1, .folder = -1 };
    struct endpoints *e = r->e;
    const char *error;
    int rc;

    if (logging_direct(s, &(*r->l)->grants.as) < 0)
        return EXIT_FAILURE;
    raise_descriptors(s);
    if (open_pid_file(r, a, &pidfile) != 0)
        return EXIT_FAILURE;
    if (open_endpoints(r, &error) == 0) {
        passed_warn_of_unused(s);
        rc = tell_failure(run(r));
        endpoints_remove(e);
    } else {
        if (r->heritage->is_there)
            log_error("the new image cannot serve: %s", error);
        rc = fail_for(error, errno);
    }
    pidfile_close(&pidfile);
    return rc;
}

/* A path that means the same in any working directory. */
static const char *absolute(struct mpx_arena *a, const char *path)
{
    char here[PATH_MAX];

    if (path == NULL || path[0] == '/' || getcwd(here, sizeof(here)) == NULL)
        return path;
    return arena_printf(a, "%s/%s", here, path).p;
}

static int serve(struct launch **l, const struct cli *given, struct heritage *h,
                 const struct upgrade_program *program)
{
    struct mpx_arena a; /* what outlives the launch */
    struct cli c = *given;
    struct endpoints e;
    struct ready r = {
        .l = l, .c = &c, .e = &e, .detach.tell = -1, .heritage = h, .program = program
    };

    if (check_user(&(*l)->settings) != 0)
        return EXIT_FAILURE;
    arena_init(&a, NULL);
    if ((*l)->settings.detach) {
        c.config = absolute(&a, c.config);
        c.folder = absolute(&a, c.folder);
        if (h->is_there)
            (void)!chdir("/"); /* the image before has detached */
        else if (detach_begin(&r.detach) < 0)
            return fail("cannot detach: there can be no more processes");
    }
    int rc = serve_here(&r, &a);
    arena_finish(&a);
    return rc;
}

/* What is wrong, for whoever reads the log of a daemon that was there before. */
static void log_line(void *arg, struct mpx_str line)
{
    (void)arg;
    log_error("%.*s", STR_ARGS(line));
}

static int check_heir(struct launch *l)
{
    int rc = check(l);

    if (rc < 0 && logging_direct(&l->settings, &l->grants.as) == 0) {
        problems_each(&l->problems, log_line, NULL);
        log_error("the new image cannot serve");
    }
    return rc;
}

static int command(struct launch **first, const struct cli *c, struct heritage *h,
                   const struct upgrade_program *program)
{
    struct launch *l = *first;

    if (c->folder == NULL && c->config == NULL && c->command == CLI_SERVE &&
        access(CONFIG_FILE, F_OK) < 0) {
        fprintf(stderr, "multiplexd: nothing to serve: name a folder, or a configuration with -c "
                        "(there is no " CONFIG_FILE ")\nTry multiplexd --help.\n");
        return EXIT_USAGE;
    }
    if (read_configuration(l, c) < 0)
        return EXIT_FAILURE;
    if (c->command == CLI_MODULES && l->problems.count > 0) {
        problems_show(&l->problems);
        return EXIT_FAILURE;
    }
    if (c->command == CLI_MODULES)
        return checker_list_modules(l) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
    if ((h->is_there ? check_heir(l) : check(l)) < 0)
        return EXIT_FAILURE;
    if (c->command == CLI_TEST) {
        printf("%s: nothing is wrong\n", l->file);
        return EXIT_SUCCESS;
    }
    return serve(first, c, h, program);
}

/* Where our file is and what relative names mean, as long as both are as they were. */
static void find_program(struct upgrade_program *p, struct mpx_arena *a, char **argv)
{
    char path[PATH_MAX], folder[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", path, sizeof(path));

    if (n <= 0 || n == (ssize_t)sizeof(path) || getcwd(folder, sizeof(folder)) == NULL)
        *p = (struct upgrade_program){ .path = argv[0], .folder = ".", .argv = argv };
    else
        *p = (struct upgrade_program){ .path = arena_copyz(a, (struct mpx_str){ path, (size_t)n }),
                                       .folder = arena_copyz(a, str_of(folder)),
                                       .argv = argv };
}

int main(int argc, char **argv)
{
    struct mpx_arena a;
    struct heritage h;
    struct upgrade_program program;
    struct launch *l;
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
    arena_init(&a, NULL);
    find_program(&program, &a, argv);
    if (heritage_begin(&h, &a) < 0)
        return fail("cannot understand what the image before has left");
    l = launch_create();
    int rc = command(&l, &c, &h, &program);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    launch_destroy(l);
    arena_finish(&a);
    return rc;
}
