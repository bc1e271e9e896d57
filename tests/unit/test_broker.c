/* SPDX-License-Identifier: MIT
   A parent answers only for what is granted, in its time, and leaves whoever breaks the rules. */
#include "broker.h"

#include "config.h"
#include "unit.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64];
static int child;
static pid_t parent_pid;

/* What a parent does until its child is gone. Its exit status: 0 for a child that closed its end, 1
   for one that broke the rules; 2 and 3 the same after it was ready. */
static int hear_all(struct broker *b)
{
    bool ready = false;

    for (;;) {
        struct pollfd p = { .fd = b->peer.end, .events = POLLIN };

        if (peer_has_more(&b->peer))
            p.events |= POLLOUT;
        (void)poll(&p, 1, -1);
        if ((p.revents & POLLOUT) != 0 && peer_push(&b->peer) < 0)
            return 9;
        int rc = broker_take(b);
        if (rc < 0 && errno != EAGAIN)
            return (errno == 0 ? 0 : 1) + (ready ? 2 : 0);
        ready = ready || rc == 1;
    }
}

static void serve(int end, enum broker_child kind)
{
    struct mpx_arena a;
    struct sources sources;
    struct problems problems;
    struct grants grants;
    struct broker b;

    arena_init(&a, NULL);
    sources_init(&sources);
    problems_init(&problems);
    const char *text =
        arena_printf(&a,
                     "{\"daemon\":{\"log\":\"%s/error.log\"},\"defaults\":"
                     "{\"key\":[\"%s/private\",\"%s/missing\"],\"other\":\"%s/not-granted\"}}",
                     folder, folder, folder, folder)
            .p;
    (void)source_add(&sources, "test.json", str_of(text));
    grants_init(&grants, config_read(&a, &sources, "test.json", NULL, false, &problems), &sources);
    if (kind == BROKER_WORKER) {
        (void)grants_add(&grants, arena_printf(&a, "%s/error.log", folder), GRANT_APPEND);
        (void)grants_add(&grants, arena_printf(&a, "%s/private", folder), GRANT_READ);
        (void)grants_add(&grants, arena_printf(&a, "%s/missing", folder), GRANT_READ);
    }
    broker_start(&b, end, kind, &grants, &sources, &problems);
    int status = hear_all(&b);
    if (problems.count > 0 && status == 0) {
        struct buffer out;

        buffer_init(&out, 65536);
        problems_print(&problems, &out);
        unit_write(folder, "report", arena_copyz(&a, buffer_str(&out)));
        buffer_finish(&out);
    }
    broker_end(&b);
    grants_finish(&grants);
    problems_finish(&problems);
    sources_finish(&sources);
    arena_finish(&a);
    _exit(status);
}

static void start(enum broker_child kind)
{
    int ends[2];

    unit_folder(folder);
    unit_write(folder, "private", "the text\n");
    unit_write(folder, "other", "another text\n");
    ck_assert_int_eq(channel_pair(ends), 0);
    child = ends[0];
    parent_pid = fork();
    if (parent_pid == 0) {
        close(ends[0]);
        serve(ends[1], kind);
    }
    close(ends[1]);
}

/* The parent's exit status. */
static int stop(void)
{
    int status;

    close(child);
    ck_assert_int_eq(waitpid(parent_pid, &status, 0), parent_pid);
    return WEXITSTATUS(status);
}

static const char *in_folder(const char *name)
{
    static char path[128];

    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static const char *content(const char *name)
{
    static char text[1024];
    FILE *f = fopen(in_folder(name), "r");

    if (f == NULL)
        return "(none)";
    text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
    (void)fclose(f);
    return text;
}

START_TEST(a_log_that_is_granted_is_opened_for_append)
{
    start(BROKER_WORKER);
    for (int i = 0; i < 2; i++) {
        int fd = broker_open_log(child, in_folder("error.log"));

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, "line\n", 5), 5);
        close(fd);
    }
    ck_assert_str_eq(content("error.log"), "line\nline\n");
    ck_assert_int_eq(stop(), 0);
}
END_TEST

/* The parent hands it over; the child, which is this test, asks for nothing. */
START_TEST(a_log_is_handed_over_when_it_is_opened_again)
{
    struct mpx_arena a;
    struct grants grants = { .as = { 0640, NULL } };
    struct broker b;
    struct peer end;
    int ends[2];

    unit_folder(folder);
    arena_init(&a, NULL);
    ck_assert_int_eq(channel_pair(ends), 0);
    broker_start(&b, ends[0], BROKER_WORKER, &grants, NULL, NULL);
    peer_open(&end, ends[1], 1000);
    end.takes_fds = true;
    ck_assert_int_eq(broker_hand_log(&b, in_folder("none/log")), -ENOENT);
    ck_assert_int_eq(peer_take(&end), 0);
    ck_assert_int_eq(broker_hand_log(&b, in_folder("log")), 0);
    ck_assert_int_eq(peer_take(&end), 1);
    ck_assert_int_eq(end.in.what, BROKER_REOPENED);
    ck_assert_view_eq(buffer_str(&end.in.text), in_folder("log"));
    ck_assert_int_eq(write(end.in.fds[0], "line\n", 5), 5);
    ck_assert_str_eq(content("log"), "line\n");
    int rc = 0;
    for (int i = 0; i < 100000 && rc == 0; i++) /* nobody takes them */
        rc = broker_hand_log(&b, in_folder("log"));
    ck_assert_int_eq(rc, -EAGAIN);
    peer_close(&end);
    broker_end(&b);
    arena_finish(&a);
}
END_TEST

START_TEST(a_text_that_is_granted_is_read)
{
    struct mpx_arena a;
    struct mpx_str text;

    start(BROKER_WORKER);
    arena_init(&a, NULL);
    ck_assert_int_eq(broker_read_private(&child, in_folder("private"), &a, &text), 0);
    ck_assert_view_eq(text, "the text");
    ck_assert_int_eq(broker_read_private(&child, in_folder("missing"), &a, &text), ENOENT);
    arena_finish(&a);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(what_is_not_granted_is_refused)
{
    static const char *const logs[] = { "private", "not-granted", "other", "x/../error.log" };
    static const char *const texts[] = { "error.log", "not-granted", "other" };
    struct mpx_arena a;
    struct mpx_str text;

    start(BROKER_WORKER);
    arena_init(&a, NULL);
    for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++)
        ck_assert_int_eq(broker_open_log(child, in_folder(logs[i])), -EPERM);
    ck_assert_int_eq(broker_open_log(child, "/etc/passwd"), -EPERM);
    ck_assert_int_eq(broker_open_log(child, ""), -EPERM);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        ck_assert_int_eq(broker_read_private(&child, in_folder(texts[i]), &a, &text), EPERM);
    ck_assert_int_eq(broker_read_private(&child, "/etc/shadow", &a, &text), EPERM);
    arena_finish(&a);
    ck_assert_int_eq(stop(), 0);
}
END_TEST

START_TEST(a_checker_is_given_the_texts_that_are_values_and_no_log)
{
    struct mpx_arena a;
    struct mpx_str text;

    start(BROKER_CHECKER);
    arena_init(&a, NULL);
    ck_assert_int_eq(broker_read_private(&child, in_folder("private"), &a, &text), 0);
    ck_assert_view_eq(text, "the text");
    ck_assert_int_eq(broker_read_private(&child, in_folder("other"), &a, &text), EPERM);
    broker_tell_sink(&child, in_folder("error.log"));
    broker_tell_sink(&child, "/etc/passwd"); /* no value: nobody will have it */
    ck_assert_int_eq(broker_open_log(child, in_folder("error.log")), -EPIPE);
    ck_assert_str_eq(content("error.log"), "(none)");
    arena_finish(&a);
    ck_assert_int_eq(stop(), 1);
}
END_TEST

START_TEST(problems_arrive_as_they_are)
{
    struct problems p;

    start(BROKER_CHECKER);
    problems_init(&p);
    problem_add(&p, (struct place){ .src = NULL }, "one is wrong");
    problem_add(&p, (struct place){ .src = NULL }, "two are wrong");
    broker_tell_problems(child, &p);
    problems_finish(&p);
    broker_tell_error(child, MPX_STR("the third"));
    ck_assert_int_eq(stop(), 0);
    ck_assert_str_eq(content("report"),
                     "error: one is wrong\nerror: two are wrong\nerror: the third\n");
}
END_TEST

static void check_breach(enum broker_child kind, char what, struct mpx_str text)
{
    start(kind);
    ck_assert_int_eq(channel_send(child, what, text, NULL, 0), 0);
    ck_assert_int_eq(stop(), 1);
}

START_TEST(what_no_child_says_ends_the_talk)
{
    check_breach(BROKER_WORKER, 'x', MPX_STR(""));
    check_breach(BROKER_WORKER, '\0', MPX_STR(""));
    check_breach(BROKER_WORKER, BROKER_SINK, MPX_STR("/x"));
    check_breach(BROKER_WORKER, BROKER_CONFIG, MPX_STR(""));
    check_breach(BROKER_WORKER, BROKER_PROBLEM, MPX_STR("no place"));
    check_breach(BROKER_CHECKER, BROKER_OPEN, MPX_STR("/x"));
    check_breach(BROKER_CHECKER, BROKER_READY, MPX_STR(""));
    check_breach(BROKER_WORKER, BROKER_DONE, MPX_STR(""));
    check_breach(BROKER_WORKER, BROKER_PREPARED, MPX_STR(""));
    check_breach(BROKER_WORKER, BROKER_COMMITTED, MPX_STR(""));
}
END_TEST

static void check_late(enum broker_message what)
{
    start(BROKER_WORKER);
    ck_assert_int_eq(channel_send(child, BROKER_READY, MPX_STR(""), NULL, 0), 0);
    ck_assert_int_eq(channel_send(child, (char)what, str_of(in_folder("private")), NULL, 0), 0);
    ck_assert_int_eq(stop(), 3);
}

START_TEST(nothing_is_given_to_a_child_that_is_ready)
{
    check_late(BROKER_READ);
    check_late(BROKER_OPEN);
    check_late(BROKER_READY);
    check_late(BROKER_PROBLEM);
    check_late(BROKER_PREPARED);
    check_late(BROKER_COMMITTED);
    start(BROKER_WORKER);
    ck_assert_int_eq(channel_send(child, BROKER_READY, MPX_STR(""), NULL, 0), 0);
    ck_assert_int_eq(stop(), 2);
}
END_TEST

/* A worker that serves and its parent, both in this process: messages are short enough. */
static void serving(struct broker *b, struct grants *grants, struct sources *sources,
                    struct problems *problems)
{
    int ends[2];

    ck_assert_int_eq(channel_pair(ends), 0);
    child = ends[1];
    broker_start(b, ends[0], BROKER_WORKER, grants, sources, problems);
    ck_assert_int_eq(channel_send(child, BROKER_READY, MPX_STR(""), NULL, 0), 0);
    ck_assert_int_eq(broker_take(b), 1);
    ck_assert(b->is_ready);
}

/* What the parent makes of a word; its errno when that is -1. */
static int word(struct broker *b, enum broker_message what)
{
    ck_assert_int_eq(channel_send(child, (char)what, MPX_STR(""), NULL, 0), 0);
    int rc = broker_take(b);
    return rc < 0 ? -errno : rc;
}

static char heard(void)
{
    struct channel_message m;

    ck_assert_int_eq(channel_receive(child, &m), 1);
    char what = m.what;
    channel_finish(&m);
    return what;
}

START_TEST(a_child_that_prepares_may_ask_again_and_is_told_what_becomes_of_it)
{
    struct grants grants = { .count = 0 };
    struct sources sources;
    struct problems problems;
    struct broker b;

    sources_init(&sources);
    problems_init(&problems);
    serving(&b, &grants, &sources, &problems);
    for (int commit = 0; commit < 2; commit++) {
        broker_prepare(&b, &grants, &sources, &problems);
        ck_assert_int_eq(word(&b, BROKER_READ), 0);
        ck_assert_int_eq(heard(), BROKER_ERROR); /* it is not granted */
        ck_assert_int_eq(word(&b, BROKER_PREPARED), 1);
        ck_assert_int_eq(broker_decide(&b, commit), 0);
        ck_assert_int_eq(heard(), commit ? BROKER_COMMIT : BROKER_ABANDON);
    }
    ck_assert_int_eq(word(&b, BROKER_COMMITTED), 1);
    ck_assert_int_eq(word(&b, BROKER_READ), -EPROTO);
    broker_end(&b);
    close(child);
    problems_finish(&problems);
    sources_finish(&sources);
}
END_TEST

START_TEST(a_child_that_prepares_says_nothing_out_of_turn)
{
    static const enum broker_message wrong[] = { BROKER_READY, BROKER_DONE, BROKER_COMMITTED };
    struct grants grants = { .count = 0 };
    struct sources sources;
    struct problems problems;
    struct broker b;

    sources_init(&sources);
    problems_init(&problems);
    for (size_t i = 0; i < 3; i++) {
        serving(&b, &grants, &sources, &problems);
        broker_prepare(&b, &grants, &sources, &problems);
        ck_assert_int_eq(word(&b, wrong[i]), -EPROTO);
        broker_end(&b);
        close(child);
    }
    serving(&b, &grants, &sources, &problems);
    broker_prepare(&b, &grants, &sources, &problems);
    ck_assert_int_eq(word(&b, BROKER_REFUSED), 1);
    ck_assert_int_eq(word(&b, BROKER_PREPARED), -EPROTO);
    broker_end(&b);
    close(child);
    problems_finish(&problems);
    sources_finish(&sources);
}
END_TEST

START_TEST(a_child_that_asks_and_does_not_listen_is_left)
{
    char *large = malloc(1 << 20);

    ck_assert_ptr_nonnull(large);
    memset(large, 't', (1 << 20) - 1);
    large[(1 << 20) - 1] = '\0';
    start(BROKER_WORKER);
    unit_write(folder, "private", large);
    for (int i = 0; i < 100; i++)
        if (channel_send(child, BROKER_READ, str_of(in_folder("private")), NULL, 0) < 0)
            break;
    int status = stop();
    ck_assert_msg(status == 1 || status == 9, "%d", status); /* it asked too much, or was gone */
    free(large);
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
    static const TTest **const tests[] = {
        &a_log_that_is_granted_is_opened_for_append,
        &a_log_is_handed_over_when_it_is_opened_again,
        &a_text_that_is_granted_is_read,
        &what_is_not_granted_is_refused,
        &a_checker_is_given_the_texts_that_are_values_and_no_log,
        &problems_arrive_as_they_are,
        &what_no_child_says_ends_the_talk,
        &nothing_is_given_to_a_child_that_is_ready,
        &a_child_that_prepares_may_ask_again_and_is_told_what_becomes_of_it,
        &a_child_that_prepares_says_nothing_out_of_turn,
        &a_child_that_asks_and_does_not_listen_is_left,
        &a_parent_that_is_gone_is_an_error,
        NULL
    };

    return unit_suite("broker", tests);
}
