/* SPDX-License-Identifier: MIT */
#include "aid.h"

#include "log.h"
#include "sink.h"
#include "unit.h"

#include <dirent.h>
#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

size_t aid_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    size_t n = 0;

    ck_assert_ptr_nonnull(d);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n - 3; /* ".", ".." and d itself */
}

static int wait_for(pid_t pid)
{
    int status = 0;

    while (waitpid(pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    return status;
}

int aid_fork(int (*fn)(void *arg), void *arg)
{
    (void)fflush(NULL);
    pid_t pid = fork();

    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(fn(arg)); /* not exit: the test's folder is still wanted */
    return wait_for(pid);
}

static struct buffer logged;

static void keep_line(void *arg, enum mpx_level level, struct mpx_str line)
{
    (void)arg;
    (void)level;
    (void)buffer_add(&logged, line);
    (void)buffer_add_char(&logged, '\n');
}

static void log_finish(void)
{
    log_set_targets(NULL, 0);
    buffer_finish(&logged);
}

void aid_log_start(void)
{
    static const struct log_target target = { .level = MPX_DEBUG, .write = keep_line };

    buffer_init(&logged, 1 << 20);
    log_set_targets(&target, 1);
    (void)atexit(log_finish);
}

const char *aid_log(void)
{
    (void)buffer_add(&logged, (struct mpx_str){ "", 1 });
    if (logged.n > 0)
        logged.n--;
    return logged.p;
}

void aid_pause_ms(unsigned ms)
{
    struct timespec ts = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (nanosleep(&ts, &ts) < 0)
        ;
}

bool aid_wait_until(bool (*claim)(void *arg), void *arg)
{
    for (int i = 0; i < 2500; i++) {
        if (claim(arg))
            return true;
        aid_pause_ms(2);
    }
    return claim(arg);
}

const char *aid_env(const char *name, const char *otherwise)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : otherwise;
}

bool aid_has_sanitizers(void)
{
    return aid_env("MPX_SANITIZERS", NULL) != NULL;
}

void aid_close_sink(struct sinks *all, struct mpx_sink *k)
{
    struct sink_loss loss;

    sink_close(k);
    for (int i = 0; i < 1000 && sinks_reap(all) > 0; i++) {
        (void)sinks_next_loss(all, &loss); /* who has one to tell stays */
        aid_pause_ms(2);
    }
}

void aid_compile(const char *folder, const char *name, const char *text, const char *option)
{
    char file[256], source[256], object[256], include[256];
    /* MPX_CC may be more than one word */
    const char *argv[] = { "sh",    "-c",      "exec ${MPX_CC:-cc} \"$@\"",
                           "sh",    "-shared", "-fPIC",
                           include, "-o",      object,
                           source,  "-g0",     option,
                           NULL };
    pid_t pid;

    (void)snprintf(file, sizeof(file), "%s.c", name);
    (void)snprintf(source, sizeof(source), "%s/%s.c", folder, name);
    (void)snprintf(object, sizeof(object), "%s/%s.so", folder, name);
    (void)snprintf(include, sizeof(include), "-I%s/include", aid_env("MPX_SOURCE", "."));
    if (aid_has_sanitizers())
        argv[10] = "-fsanitize=address,undefined";
    unit_write(folder, file, text);
    ck_assert_int_eq(
        posix_spawn(&pid, "/bin/sh", NULL, NULL, (char *const *)(uintptr_t)argv, environ), 0);
    ck_assert_msg(wait_for(pid) == 0, "%s does not compile", source);
}
