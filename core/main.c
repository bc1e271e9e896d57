/* SPDX-License-Identifier: MIT
   From the command line to a running server: reads, checks, binds, then leaves it to the
   supervisor. */
#include "checker.h"
#include "cli.h"
#include "endpoint.h"
#include "log.h"
#include "logging.h"
#include "server.h"
#include "supervisor.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef CONFIG_FILE
#error "CONFIG_FILE is set by the build"
#endif

enum { EXIT_USAGE = 2, OWN_DESCRIPTORS = 64 };
static const char command_line[] = "(command line)";

static int fail(const char *what)
{
    fprintf(stderr, "multiplexd: %s\n", what);
    return EXIT_FAILURE;
}

static void add_string(struct buffer *b, const char *key, const char *value)
{
    if (value == NULL)
        return;
    (void)buffer_printf(b, "%s\"%s\":\"", b->p[b->n - 1] == '{' ? "" : ",", key);
    (void)buffer_add_json(b, str_of(value));
    (void)buffer_add_char(b, '"');
}

/* What the options set, as the configuration would say it. */
static void add_options(struct buffer *b, const struct cli *c, const char *user)
{
    (void)buffer_add(b, MPX_STR("{\"daemon\":{"));
    add_string(b, "user", user);
    add_string(b, "group", c->group);
    add_string(b, "log_level", c->verbose ? "debug" : NULL);
    (void)buffer_add_char(b, '}');
    if (c->folder != NULL || c->host != NULL || c->port >= 0) {
        (void)buffer_add(b, MPX_STR(",\"connection\":[{"));
        add_string(b, "host", c->host != NULL ? c->host : "127.0.0.1");
        (void)buffer_printf(b, ",\"port\":%ld}]", c->port >= 0 ? c->port : 8080);
    }
}

static bool has_listing(struct launch *l)
{
    const char *folder = modules_default_folder(&l->arena);

    return access(arena_printf(&l->arena, "%s/dirlist.so", folder).p, F_OK) == 0;
}

/* Started as root to serve a folder: as its owner, or as nobody where that is root. */
static const char *folder_user(struct launch *l, const struct stat *st)
{
    struct child_user owner;

    if (geteuid() != 0)
        return NULL;
    if (st->st_uid == 0)
        return "nobody";
    child_user_of(&l->arena, st->st_uid, st->st_gid, &owner);
    return arena_printf(&l->arena, "%u", (unsigned)owner.uid).p;
}

static int use_folder(struct launch *l, const struct cli *c)
{
    char path[PATH_MAX];
    struct stat st;
    struct buffer b;

    if (realpath(c->folder, path) == NULL || stat(path, &st) < 0) {
        fprintf(stderr, "multiplexd: cannot serve \"%s\": %s\n", c->folder, strerror(errno));
        return -1;
    }
    if (!S_ISDIR(st.st_mode)) {
        fprintf(stderr, "multiplexd: cannot serve \"%s\": it is a file, name its folder\n",
                c->folder);
        return -1;
    }
    buffer_init(&b, 65536);
    add_options(&b, c, c->user != NULL ? c->user : folder_user(l, &st));
    (void)buffer_add(&b, MPX_STR(",\"vhosts\":[{"));
    add_string(&b, "documents", path);
    if (has_listing(l))
        (void)buffer_add(&b, MPX_STR(",\"directory_list\":true"));
    (void)buffer_add(&b, MPX_STR("}]}"));
    (void)source_add(&l->sources, command_line, buffer_str(&b));
    l->file = command_line;
    buffer_finish(&b);
    return 0;
}

static void use_config(struct launch *l, const struct cli *c)
{
    struct buffer b;

    l->file = c->config != NULL ? c->config : CONFIG_FILE;
    l->strict = c->strict;
    if (c->user == NULL && c->group == NULL && !c->verbose && c->host == NULL && c->port < 0)
        return;
    buffer_init(&b, 65536);
    add_options(&b, c, c->user);
    (void)buffer_add_char(&b, '}');
    (void)source_add(&l->sources, command_line, buffer_str(&b));
    l->overrides = command_line;
    buffer_finish(&b);
}

/* All that is wrong on standard error; 0 when nothing is. */
static int check(struct launch *l)
{
    struct buffer b;

    if (checker_run(l) < 0)
        return -1;
    if (l->problems.count == 0)
        return 0;
    buffer_init(&b, 1 << 20);
    problems_print(&l->problems, &b);
    (void)fwrite(b.p, 1, b.n, stderr);
    buffer_finish(&b);
    return -1;
}

/* Who serves: told, refused or warned about as it must be. */
static int check_user(const struct launch *l)
{
    const struct settings *s = &l->settings;

    if (geteuid() == 0) {
        if (s->user.n == 0)
            return fail("running as root is dangerous: name a user, \"daemon\": { \"user\": "
                        "\"www-data\" } or -u USER (\"root\" if you mean it)");
        return 0;
    }
    if (s->user.n > 0) {
        struct mpx_arena a;
        struct child_user user;
        const char *error;

        arena_init(&a, NULL);
        if (child_find_user(&a, s->user.p, &user, &error) < 0 || user.uid != geteuid())
            fprintf(
                stderr,
                "multiplexd: warning: cannot become user \"%s\": not started as root; going on as "
                "user %u\n",
                s->user.p, (unsigned)geteuid());
        arena_finish(&a);
    }
    return 0;
}

/* As many descriptors as there may be; a word when that is less than the limits promise. */
static void raise_descriptors(const struct settings *s)
{
    struct rlimit rl;
    uint64_t wanted = OWN_DESCRIPTORS;

    for (size_t i = 0; i < s->listener_count; i++)
        wanted += (uint64_t)s->listeners[i].limits.connections;
    if (getrlimit(RLIMIT_NOFILE, &rl) < 0)
        return;
    if (rl.rlim_cur < rl.rlim_max) {
        rl.rlim_cur = rl.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &rl);
    }
    if (rl.rlim_cur != RLIM_INFINITY && rl.rlim_cur < wanted)
        log_warn("limits.connections ask for %llu descriptors but there are %llu: raise the limit "
                 "(ulimit -n, LimitNOFILE) or lower limits.connections",
                 (unsigned long long)wanted, (unsigned long long)rl.rlim_cur);
}

/* Written and locked; its descriptor, -1 when there is none to write, -2 after a message. */
static int open_pid_file(const struct settings *s)
{
    const char *path = s->pid_file.p;

    if (s->pid_file.n == 0)
        return -1;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0) {
        fprintf(stderr, "multiplexd: cannot write the pid file \"%s\": %s\n", path,
                strerror(errno));
        return -2;
    }
    if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        fprintf(stderr, "multiplexd: another one is running: it holds the pid file \"%s\"\n", path);
        close(fd);
        return -2;
    }
    if (ftruncate(fd, 0) < 0 || dprintf(fd, "%ld\n", (long)getpid()) < 0)
        fprintf(stderr, "multiplexd: cannot write the pid file \"%s\": %s\n", path,
                strerror(errno));
    return fd;
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

    printf("multiplexd %s serves %s at %s%s%s\n", PACKAGE_VERSION,
           r->c->folder != NULL ? r->c->folder : r->l->file, r->urls,
           user->change ? " as user " : "", user->change ? user->name : "");
    fflush(stdout);
}

static void list_urls(struct ready *r)
{
    size_t n = 0;

    for (size_t i = 0; i < r->e->count && n < sizeof(r->urls); i++)
        n += (size_t)snprintf(r->urls + n, sizeof(r->urls) - n, "%s%s", i > 0 ? ", " : "",
                              r->e->list[i].url);
}

static int run(struct launch *l, struct endpoints *e, const struct cli *c)
{
    struct ready r = { .l = l, .c = c, .e = e };
    const char *error;

    list_urls(&r);
    if (l->settings.workers > 0)
        return supervisor_run(l, e, say_ready, &r);
    if (child_drop(&l->user, l->settings.no_new_privs, &error) < 0)
        return fail(error);
    struct blame *blame = blame_create();
    int rc = server_run(l, e, blame, -1, say_ready, &r);
    blame_destroy(blame);
    return rc;
}

static int serve(struct launch *l, const struct cli *c)
{
    struct endpoints e;
    const char *error;

    if (check_user(l) != 0 || logging_direct(&l->settings) < 0)
        return EXIT_FAILURE;
    raise_descriptors(&l->settings);
    int pid_file = open_pid_file(&l->settings);
    if (pid_file == -2)
        return EXIT_FAILURE;
    if (endpoints_open(&l->arena, &l->settings, &e, &error) < 0)
        return fail(error);
    int rc = run(l, &e, c);
    endpoints_remove(&e);
    if (pid_file >= 0) {
        (void)unlink(l->settings.pid_file.p);
        close(pid_file);
    }
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
    if (c->folder != NULL) {
        if (use_folder(l, c) < 0)
            return EXIT_FAILURE;
    } else if (c->command != CLI_MODULES || c->config != NULL) {
        use_config(l, c);
    } else {
        (void)source_add(&l->sources, command_line, MPX_STR("{}"));
        l->file = command_line;
    }
    launch_read(l);
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
    (void)signal(SIGCHLD, SIG_DFL); /* ignored by who started us, ends would not be told */
    launch_init(&l);
    int rc = command(&l, &c);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    launch_finish(&l);
    return rc;
}
