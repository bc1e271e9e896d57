/* SPDX-License-Identifier: MIT
   A parent answers only for what the configuration names. */
#include "broker.h"
#include "config.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A parent that answers until the child's end is closed, in a process of its own. */
static pid_t serve(int channel, int other, const char *folder)
{
    pid_t pid = fork();
    struct mpx_arena a;
    struct sources sources;
    struct problems problems;
    struct channel_message m;

    if (pid != 0)
        return pid;
    close(other);
    arena_init(&a, NULL);
    sources_init(&sources);
    problems_init(&problems);
    const char *text = arena_printf(&a,
                                    "{\"daemon\":{\"log\":\"%s/error.log\"},\"defaults\":"
                                    "{\"key\":[\"%s/private\",\"%s/missing\"]}}",
                                    folder, folder, folder)
                           .p;
    (void)source_add(&sources, "test.json", str_of(text));
    const struct node *root = config_read(&a, &sources, "test.json", NULL, false, &problems);
    while (channel_receive(channel, &m) == 1) {
        broker_answer(channel, &m, root, &sources);
        channel_finish(&m);
    }
    problems_finish(&problems);
    sources_finish(&sources);
    arena_finish(&a);
    _exit(0);
}

static int child, parent_pid;
static char folder[64];

static void start(void)
{
    int ends[2];

    unit_folder(folder);
    unit_write(folder, "private", "the text\n");
    unit_write(folder, "other", "another text\n");
    ck_assert_int_eq(channel_pair(ends), 0);
    child = ends[0];
    parent_pid = serve(ends[1], ends[0], folder);
    close(ends[1]);
}

static void stop(void)
{
    close(child);
    (void)waitpid(parent_pid, NULL, 0);
}

static const char *in_folder(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

START_TEST(a_log_that_is_named_is_opened_for_append)
{
    start();
    int fd = broker_open_log(child, in_folder("error.log"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "line\n", 5), 5);
    close(fd);
    fd = broker_open_log(child, in_folder("error.log"));
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "more\n", 5), 5);
    close(fd);
    FILE *f = fopen(in_folder("error.log"), "r");
    char text[32];
    ck_assert_uint_eq(fread(text, 1, sizeof(text), f), 10);
    (void)fclose(f);
    stop();
}
END_TEST

START_TEST(a_text_that_is_named_is_read)
{
    struct mpx_arena a;
    struct mpx_str text;

    start();
    arena_init(&a, NULL);
    ck_assert_int_eq(broker_read_text(child, in_folder("private"), &a, &text), 0);
    ck_assert_view_eq(text, "the text");
    ck_assert_int_eq(broker_read_text(child, in_folder("missing"), &a, &text), ENOENT);
    arena_finish(&a);
    stop();
}
END_TEST

START_TEST(what_is_not_named_is_refused)
{
    struct mpx_arena a;
    struct mpx_str text;

    start();
    arena_init(&a, NULL);
    ck_assert_int_eq(broker_open_log(child, in_folder("other")), -EPERM);
    ck_assert_int_eq(broker_open_log(child, "/etc/passwd"), -EPERM);
    ck_assert_int_eq(broker_open_log(child, ""), -EPERM);
    ck_assert_int_eq(broker_open_log(child, in_folder("x/../error.log")), -EPERM);
    ck_assert_int_eq(broker_read_text(child, in_folder("other"), &a, &text), EPERM);
    ck_assert_int_eq(broker_read_text(child, "/etc/shadow", &a, &text), EPERM);
    arena_finish(&a);
    stop();
}
END_TEST

START_TEST(a_parent_that_is_gone_is_an_error)
{
    int ends[2];

    ck_assert_int_eq(channel_pair(ends), 0);
    close(ends[1]);
    ck_assert_int_eq(broker_open_log(ends[0], "/x"), -EPIPE);
    close(ends[0]);
}
END_TEST

Suite *suite_broker(void)
{
    static const TTest **const tests[] = { &a_log_that_is_named_is_opened_for_append,
                                           &a_text_that_is_named_is_read,
                                           &what_is_not_named_is_refused,
                                           &a_parent_that_is_gone_is_an_error, NULL };

    return unit_suite("broker", tests);
}
