/* SPDX-License-Identifier: MIT
   Sends the cases of the files named on the command line, or of all in tests/http, to a real
   daemon, each whole, byte by byte and cut in two, and says in TAP what came of it. A case that is
   listed in not-yet.txt must fail. */
#include "cases.h"
#include "client.h"
#include "cuts.h"
#include "verdict.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { THREADS = 32, QUIET_MS = 100, END_MS = 3000, MOST_MS = 10000 };

static const char default_config[] =
    "{ \"daemon\": { @DAEMON@ }, \"connection\": { @LISTEN@ },"
    "  \"vhosts\": { \"documents\": \"@ROOT@\", \"modules\": [\"static\"] } }";

struct server {
    pid_t pid;
    int port;
    char folder[64], config[128];
};

struct job {
    const struct http_case *k;
    size_t step;
    char fault[FAULT_BYTES];
};

/* What the threads share. */
struct work {
    int port;
    struct job *jobs;
    size_t count, next;
    pthread_mutex_t lock;
};

static char not_yet[512]; /* the file of cases that do not pass */

static void die(const char *what)
{
    printf("Bail out! %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    if (f == NULL || fputs(text, f) < 0 || fclose(f) != 0)
        die(path);
}

/* Text with @ROOT@, @DAEMON@ and @LISTEN@ replaced. */
static void expand(const char *text, const struct server *s, FILE *out)
{
    const char *build = getenv("MPX_BUILD") != NULL ? getenv("MPX_BUILD") : ".";

    for (; *text != '\0'; text++) {
        if (strncmp(text, "@ROOT@", 6) == 0) {
            (void)fprintf(out, "%s/www", s->folder);
            text += 5;
        } else if (strncmp(text, "@LISTEN@", 8) == 0) {
            (void)fprintf(out, "\"host\": \"127.0.0.1\", \"port\": 0");
            text += 7;
        } else if (strncmp(text, "@DAEMON@", 8) == 0) {
            (void)fprintf(out,
                          "\"log\": \"%s/error.log\", "
                          "\"module_path\": [\"%s/modules/.libs\", \"%s/tests/modules/.libs\"]%s",
                          s->folder, build, build, geteuid() == 0 ? ", \"user\": \"root\"" : "");
            text += 7;
        } else {
            (void)fputc(*text, out);
        }
    }
}

static void make_folder(struct server *s, const char *config)
{
    char path[128];

    (void)snprintf(s->folder, sizeof(s->folder), "/tmp/multiplexd-http-XXXXXX");
    if (mkdtemp(s->folder) == NULL)
        die("mkdtemp");
    (void)snprintf(path, sizeof(path), "%s/www", s->folder);
    if (mkdir(path, 0755) < 0)
        die(path);
    write_file(path, "index.html", "<!doctype html>\n<title>index</title>\n");
    write_file(path, "ten.txt", "0123456789");
    write_file(path, "empty.txt", "");
    write_file(path, ".hidden", "hidden");
    (void)snprintf(path, sizeof(path), "%s/www/sub", s->folder);
    if (mkdir(path, 0755) < 0)
        die(path);
    write_file(path, "index.html", "sub");
    (void)snprintf(s->config, sizeof(s->config), "%s/site.json", s->folder);
    FILE *f = fopen(s->config, "w");
    if (f == NULL)
        die(s->config);
    expand(config, s, f);
    (void)fclose(f);
}

static void start(struct server *s, const char *config)
{
    const char *build = getenv("MPX_BUILD") != NULL ? getenv("MPX_BUILD") : ".";
    char program[512], line[512];
    int ends[2];

    make_folder(s, config);
    (void)snprintf(program, sizeof(program), "%s/multiplexd", build);
    if (pipe2(ends, O_CLOEXEC) < 0)
        die("pipe");
    s->pid = fork();
    if (s->pid == 0) {
        dup2(ends[1], STDOUT_FILENO);
        execl(program, program, "-c", s->config, (char *)NULL);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    const char *url = f != NULL && fgets(line, sizeof(line), f) != NULL
                          ? strstr(line, "http://127.0.0.1:")
                          : NULL;
    if (url == NULL)
        die("the server does not start");
    s->port = (int)strtol(url + 17, NULL, 10);
    /* left open: the daemon may say more */
}

/* A sanitizer's complaint makes the exit status bad. */
static bool stop(struct server *s)
{
    char command[128];
    int status;

    (void)kill(s->pid, SIGTERM);
    (void)waitpid(s->pid, &status, 0);
    (void)snprintf(command, sizeof(command), "%s", s->folder);
    pid_t pid = fork();
    if (pid == 0) {
        execlp("rm", "rm", "-rf", command, (char *)NULL);
        _exit(127);
    }
    (void)waitpid(pid, NULL, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void check_end(struct client *c, const struct http_case *k, char *fault, size_t room)
{
    size_t before = c->count;

    if (k->end == CASE_CLOSE && !client_sees_end(c, END_MS))
        (void)snprintf(fault, room, "the connection stays open");
    if (k->end != CASE_KEEP)
        return;
    client_send(c, verdict_another, strlen(verdict_another), CLIENT_WHOLE);
    client_read(c, before + 1, 0, END_MS);
    if (c->count != before + 1 || c->responses[before].status == 0)
        (void)snprintf(fault, room, "the connection does not answer a further request");
}

static void run_case(int port, struct job *job)
{
    const struct http_case *k = job->k;
    struct client c;

    if (client_open(&c, port) < 0) {
        (void)snprintf(job->fault, sizeof(job->fault), "cannot connect: %s", strerror(errno));
        return;
    }
    memcpy(c.heads, k->heads, sizeof(k->heads));
    client_send(&c, k->bytes, k->n, job->step);
    client_read(&c, verdict_longest(k), QUIET_MS, MOST_MS);
    if (verdict_fits(&c, k, c.count, job->fault))
        check_end(&c, k, job->fault, sizeof(job->fault));
    if (c.fault[0] != '\0')
        (void)snprintf(job->fault, sizeof(job->fault), "%s", c.fault);
    client_close(&c);
}

static void *thread_main(void *arg)
{
    struct work *w = arg;

    for (;;) {
        pthread_mutex_lock(&w->lock);
        size_t i = w->next++;
        pthread_mutex_unlock(&w->lock);
        if (i >= w->count)
            return NULL;
        run_case(w->port, &w->jobs[i]);
    }
}

static void run_all(struct work *w)
{
    pthread_t threads[THREADS];

    pthread_mutex_init(&w->lock, NULL);
    for (int i = 0; i < THREADS; i++)
        if (pthread_create(&threads[i], NULL, thread_main, w) != 0)
            die("pthread_create");
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
}

static void report(const struct case_file *f, const struct http_case *k, const char *how,
                   const char *fault, unsigned *number)
{
    char reason[CASE_REASON];

    printf("%sok %u - %s: %s (%s)", fault[0] != '\0' ? "not " : "", ++*number, f->name, k->id, how);
    if (cases_not_yet(not_yet, k->id, reason))
        printf(" # TODO %s", reason);
    else if (fault[0] != '\0')
        printf(": %s", fault);
    printf("\n");
}

static void run_cuts(const struct case_file *f, int port, unsigned *number)
{
    struct cut_case *cases = calloc(f->count, sizeof(*cases));

    if (cases == NULL)
        die("calloc");
    for (size_t i = 0; i < f->count; i++)
        cases[i].k = &f->cases[i];
    cuts_run(port, cases, f->count);
    for (size_t i = 0; i < f->count; i++)
        report(f, cases[i].k, "cut in two", cases[i].fault, number);
    free(cases);
}

static void run_file(const struct case_file *f, unsigned *number)
{
    struct server s;
    struct work w = { .count = 2 * f->count };

    w.jobs = calloc(w.count, sizeof(*w.jobs));
    if (w.jobs == NULL)
        die("calloc");
    for (size_t i = 0; i < w.count; i++)
        w.jobs[i] = (struct job){ .k = &f->cases[i / 2], .step = i % 2 };
    start(&s, f->config != NULL ? f->config : default_config);
    w.port = s.port;
    run_all(&w);
    for (size_t i = 0; i < w.count; i++)
        report(f, w.jobs[i].k, w.jobs[i].step == CLIENT_WHOLE ? "whole" : "byte by byte",
               w.jobs[i].fault, number);
    run_cuts(f, s.port, number);
    printf("%sok %u - %s: the server stops well\n", stop(&s) ? "" : "not ", ++*number, f->name);
    free(w.jobs);
}

int main(int argc, char **argv)
{
    const char *source = getenv("MPX_SOURCE") != NULL ? getenv("MPX_SOURCE") : ".";
    char pattern[512];
    unsigned number = 0;
    glob_t found;

    (void)snprintf(not_yet, sizeof(not_yet), "%s/tests/http/not-yet.txt", source);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)snprintf(pattern, sizeof(pattern), "%s/tests/http/{*.http,*.json}", source);
    if (argc == 1 && glob(pattern, GLOB_BRACE, NULL, &found) != 0)
        die(pattern);
    char **files = argc > 1 ? argv + 1 : found.gl_pathv;
    for (; *files != NULL; files++) {
        const struct case_file *f = cases_read(*files);

        if (f == NULL)
            die(*files);
        run_file(f, &number);
    }
    if (argc == 1)
        globfree(&found);
    printf("1..%u\n", number);
    return 0;
}
