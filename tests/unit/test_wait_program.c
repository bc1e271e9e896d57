/* SPDX-License-Identifier: MIT
   Programs and forks that serve requests: a module of our own starts what the path names. */
#include "aid.h"
#include "loopback.h"
#include "program.h"
#include "unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const no_environment[] = { NULL };
static int gone, lines;
static char last_line[2048];

static int pass_on(struct mpx_req *r, struct mpx_str part, void *state)
{
    (void)state;
    (void)mpx_res_write(r, part);
    (void)mpx_res_flush(r);
    return 0;
}

static int hold_once(struct mpx_req *r, struct mpx_str part, void *state)
{
    bool first = r->res.written == 0;

    (void)pass_on(r, part, state);
    return first ? 1 : 0;
}

static enum mpx_rc let_go(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    (void)state;
    mpx_res_write(r, MPX_STR("(held)"));
    return mpx_spawn_go_on(r);
}

static enum mpx_rc held(struct mpx_req *r, const void *conf, void *state)
{
    (void)conf;
    return mpx_sleep(r, 800, let_go, state);
}

static int have_enough(struct mpx_req *r, struct mpx_str part, void *state)
{
    (void)r;
    (void)part;
    (void)state;
    return -1;
}

static void keep_line(struct mpx_req *r, struct mpx_str line, void *state)
{
    (void)r;
    (void)state;
    lines++;
    (void)snprintf(last_line, sizeof(last_line), "%.*s", STR_ARGS(line));
}

static void count_gone(void *arg)
{
    *(int *)arg += 1;
}

static enum mpx_rc ended(struct mpx_req *r, const void *conf, void *state)
{
    int status, rc = mpx_spawn_status(r, &status);

    (void)conf;
    (void)state;
    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "[%d %d]", rc, status));
    return mpx_res_end(r);
}

static enum mpx_rc twice(struct mpx_req *r, const void *conf, void *state)
{
    (void)state;
    return conf == NULL ? MPX_FAIL : mpx_sleep(r, 1, ended, NULL);
}

static int write_much(int out, void *arg)
{
    (void)arg;
    for (int i = 0; i < 1000; i++)
        if (write(out, "0123456789", 10) != 10)
            return 1;
    return 0;
}

static int crash(int out, void *arg)
{
    (void)out;
    (void)arg;
    (void)raise(SIGKILL);
    return 0;
}

static enum mpx_rc forked(struct mpx_req *r, const void *conf, void *state)
{
    struct mpx_str result = mpx_fork_result(r);

    mpx_res_write(r, mpx_printf(mpx_req_arena(r), "%zu ", result.n));
    return ended(r, conf, state);
}

/* The field "Do" is run by a shell; the path says how. */
static enum mpx_rc content(struct mpx_req *r, const void *conf)
{
    struct mpx_str path = mpx_req_path(r), text = { "", 0 };
    struct mpx_arena *a = mpx_req_arena(r);
    const char **argv = mpx_alloc(a, 4 * sizeof(*argv));
    struct mpx_program s = { .size = sizeof(s),
                             .path = "/bin/sh",
                             .argv = argv,
                             .envp = no_environment,
                             .body_to_stdin = true,
                             .on_stdout = pass_on,
                             .on_gone = count_gone,
                             .gone_arg = &gone };

    (void)mpx_req_header(r, "Do", &text);
    argv[0] = "sh";
    argv[1] = "-c";
    argv[2] = arena_copyz(a, text);
    if (str_is(path, "/none"))
        s.path = "/no/such/program";
    if (str_is(path, "/relative"))
        s.path = "sh";
    if (str_is(path, "/enough"))
        s.on_stdout = have_enough;
    if (str_is(path, "/hold")) {
        s.on_stdout = hold_once;
        s.on_hold = held;
        s.silence_ms = 500;
    }
    if (str_is(path, "/lines"))
        s.on_stderr = keep_line;
    if (str_is(path, "/short"))
        s.timeout_ms = 100;
    if (str_is(path, "/silent"))
        s.silence_ms = 500;
    if (str_is(path, "/much"))
        return mpx_fork(r, write_much, NULL, 10000, 0, forked, NULL);
    if (str_is(path, "/too-much"))
        return mpx_fork(r, write_much, NULL, 9999, 0, forked, NULL);
    if (str_is(path, "/crash"))
        return mpx_fork(r, crash, NULL, 100, 0, forked, NULL);
    (void)conf;
    return mpx_spawn(r, &s, str_is(path, "/twice") ? twice : ended, NULL);
}

static const struct mpx_module runner = { MPX_HEADER(runner, "1"), .conf_size = 1,
                                          .on[MPX_PH_CONTENT] = content };
static const struct mpx_module *const built_in[] = { &runner, NULL };

static struct loopback *lb;
static struct loopback_req q;

static void set_up(void)
{
    gone = lines = 0;
    (void)signal(SIGPIPE, SIG_IGN); /* as the server does */
    lb = loopback_create_with("{\"vhosts\":{\"modules\":[\"runner\"]}}", built_in);
    ck_assert_ptr_nonnull(lb);
    q = (struct loopback_req){ .lb = lb };
}

/* All that was started is gone some time after its request. */
static void take_down(void)
{
    for (int i = 0; i < 40 && loopback_worker(lb)->generation->uses > 0; i++)
        loopback_run(lb, 100);
    ck_assert(list_is_empty(&loopback_worker(lb)->programs));
    loopback_destroy(lb);
    ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
}

/* "/PATH?TEXT" */
static void begin(const char *target, const char *body)
{
    const char *mark = strchr(target, '?');
    char head[512];

    (void)snprintf(head, sizeof(head),
                   "POST %.*s HTTP/1.1\r\nHost: localhost\r\nDo: %s\r\nContent-Length: %zu\r\n\r\n",
                   mark != NULL ? (int)(mark - target) : (int)strlen(target), target,
                   mark != NULL ? mark + 1 : "true", body != NULL ? strlen(body) : 0);
    loopback_send(lb, &q, head, body);
}

static void expect(const char *target, const char *body, const char *answer)
{
    set_up();
    begin(target, body);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), answer);
    loopback_end(&q);
    take_down();
}

START_TEST(what_it_writes_is_passed_on_and_its_status_told)
{
    expect("/sh?echo a;exit 2", NULL, "a\n[0 512]");
    ck_assert_int_eq(gone, 1);
}
END_TEST

START_TEST(the_body_goes_in)
{
    expect("/sh?cat", "some text", "some text[0 0]");
}
END_TEST

START_TEST(a_body_that_is_not_read_is_no_matter)
{
    static char body[300001];

    memset(body, 'x', sizeof(body) - 1);
    expect("/sh?echo a", body, "a\n[0 0]");
    expect("/sh?exec 0<&-; sleep 0.1; echo b", body, "b\n[0 0]");
    expect("/sh?dd bs=1 count=3 2>/dev/null", body, "xxx[0 0]");
}
END_TEST

START_TEST(much_goes_in_and_out_at_once)
{
    size_t n = 500000;
    char *body = malloc(n + 1);

    memset(body, 'y', n);
    body[n] = '\0';
    set_up();
    q.step = 10000;
    begin("/sh?cat", body);
    ck_assert(loopback_wait(&q));
    ck_assert_uint_eq(q.answer.n, n + strlen("[0 0]"));
    loopback_end(&q);
    take_down();
    free(body);
}
END_TEST

START_TEST(a_slow_client_holds_its_output_back)
{
    set_up();
    q.holds_answer = true;
    begin("/sh?head -c 3000000 /dev/zero", NULL);
    loopback_run(lb, 300);
    ck_assert(!q.r->finished);
    ck_assert_uint_lt(q.r->res.waiting, 200000);
    q.holds_answer = false;
    loopback_take_answer(&q);
    ck_assert(loopback_wait(&q));
    ck_assert_uint_eq(q.answer.n, 3000000 + strlen("[0 0]"));
    loopback_end(&q);
    take_down();
}
END_TEST

START_TEST(its_time_is_limited)
{
    expect("/short?sleep 100", NULL, "[-110 0]");
    expect("/short?while :;do echo -n;done", NULL, "[-110 0]");
    ck_assert_int_eq(-ETIMEDOUT, -110);
}
END_TEST

START_TEST(it_may_not_be_silent_for_long)
{
    expect("/silent?sleep 100", NULL, "[-110 0]");
    expect("/silent?for i in 1 2 3 4;do sleep 0.15;echo;done", NULL, "\n\n\n\n[0 0]");
}
END_TEST

START_TEST(waiting_for_the_client_is_no_silence)
{
    set_up();
    q.holds_body = true;
    begin("/silent?cat", "late");
    loopback_run(lb, 800);
    ck_assert(!q.done);
    q.holds_body = false;
    loopback_give_body(&q);
    ck_assert(loopback_wait(&q));
    ck_assert_view_eq(buffer_str(&q.answer), "late[0 0]");
    loopback_end(&q);
    take_down();
}
END_TEST

START_TEST(it_is_held_while_its_module_waits)
{
    set_up();
    q.step = 1;
    begin("/hold?cat", "abc");
    ck_assert(loopback_wait(&q));
    ck_assert(memcmp(q.answer.p, "a", 1) == 0);
    ck_assert_ptr_nonnull(strstr(q.answer.p, "(held)"));
    ck_assert_uint_eq(q.answer.n, strlen("abc(held)[0 0]"));
    loopback_end(&q);
    take_down();
    expect("/hold?printf x", NULL, "x(held)[0 0]");
    expect("/hold?printf x; exec sleep 100", NULL, "x(held)[-110 0]");
}
END_TEST

START_TEST(one_who_has_enough_ends_it)
{
    expect("/enough?echo x;sleep 100", NULL, "[-125 0]");
    ck_assert_int_eq(-ECANCELED, -125);
}
END_TEST

START_TEST(what_cannot_be_started_is_told)
{
    expect("/none", NULL, "[-2 0]");
    ck_assert_int_eq(gone, 1);
}
END_TEST

START_TEST(a_path_that_is_not_absolute_is_the_modules_fault)
{
    set_up();
    begin("/relative", NULL);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(q.status, 500);
    ck_assert_int_eq(gone, 1);
    ck_assert_ptr_nonnull(strstr(loopback_complaints(lb), "absolute path"));
    loopback_end(&q);
    take_down();
}
END_TEST

START_TEST(done_may_wait_again)
{
    expect("/twice?echo a", NULL, "a\n[0 0]");
}
END_TEST

START_TEST(its_errors_are_lines_in_the_log)
{
    set_up();
    begin("/sh?printf 'one\\ntwo\\r\\nthree'>/dev/stderr", NULL);
    ck_assert(loopback_wait(&q));
    for (const char *const *line = (const char *const[]){ ": one\n", ": two\n", ": three\n", NULL };
         *line != NULL; line++)
        ck_assert_msg(strstr(loopback_log(lb), *line) != NULL, "%s%s", *line, loopback_log(lb));
    loopback_end(&q);
    take_down();
}
END_TEST

START_TEST(a_long_line_of_errors_is_cut)
{
    set_up();
    begin("/lines?head -c 2500 /dev/zero >/dev/stderr;echo >/dev/stderr", NULL);
    ck_assert(loopback_wait(&q));
    ck_assert_int_eq(lines, 3);
    loopback_end(&q);
    take_down();
}
END_TEST

START_TEST(it_ends_when_the_client_leaves)
{
    set_up();
    begin("/sh?echo a;sleep 100", NULL);
    for (int i = 0; i < 100 && q.answer.n == 0; i++)
        loopback_run(lb, 10);
    loopback_end(&q);
    ck_assert(!list_is_empty(&loopback_worker(lb)->programs));
    take_down();
    ck_assert_int_eq(gone, 1);
}
END_TEST

START_TEST(it_ends_when_the_client_leaves_before_it_has_started)
{
    set_up();
    begin("/sh?sleep 100", NULL);
    loopback_end(&q);
    take_down();
    ck_assert_int_eq(gone, 1);
}
END_TEST

START_TEST(a_fork_gives_its_result)
{
    expect("/much", NULL, "10000 [0 0]");
    expect("/too-much", NULL, "0 [-27 0]");
    ck_assert_int_eq(-EFBIG, -27);
    expect("/crash", NULL, "0 [0 9]");
}
END_TEST

Suite *suite_wait_program(void)
{
    Suite *s = suite_create("wait_program");
    TCase *t = tcase_create("wait_program");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, what_it_writes_is_passed_on_and_its_status_told);
    tcase_add_test(t, the_body_goes_in);
    tcase_add_test(t, a_body_that_is_not_read_is_no_matter);
    tcase_add_test(t, much_goes_in_and_out_at_once);
    tcase_add_test(t, a_slow_client_holds_its_output_back);
    tcase_add_test(t, its_time_is_limited);
    tcase_add_test(t, it_may_not_be_silent_for_long);
    tcase_add_test(t, waiting_for_the_client_is_no_silence);
    tcase_add_test(t, it_is_held_while_its_module_waits);
    tcase_add_test(t, one_who_has_enough_ends_it);
    tcase_add_test(t, what_cannot_be_started_is_told);
    tcase_add_test(t, a_path_that_is_not_absolute_is_the_modules_fault);
    tcase_add_test(t, done_may_wait_again);
    tcase_add_test(t, its_errors_are_lines_in_the_log);
    tcase_add_test(t, a_long_line_of_errors_is_cut);
    tcase_add_test(t, it_ends_when_the_client_leaves);
    tcase_add_test(t, it_ends_when_the_client_leaves_before_it_has_started);
    tcase_add_test(t, a_fork_gives_its_result);
    suite_add_tcase(s, t);
    return s;
}
