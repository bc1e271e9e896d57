/* SPDX-License-Identifier: MIT
   A socket of the test's own in the service manager's place. */
#include "notify.h"

#include "aid.h"
#include "date.h"
#include "str.h"
#include "unit.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int manager = -1;
static char name[sizeof(((struct sockaddr_un *)0)->sun_path)];

/* Who is to be told: a path, or "@" and a name. */
static void listen_at(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    size_t n = strlen(path);

    memcpy(un.sun_path, path, n);
    if (path[0] == '@')
        un.sun_path[0] = '\0';
    manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ck_assert_int_eq(bind(manager, (const struct sockaddr *)&un,
                          (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n)),
                     0);
    (void)setenv("NOTIFY_SOCKET", path, 1);
}

static void begin(void)
{
    char folder[64];

    unit_folder(folder);
    (void)snprintf(name, sizeof(name), "%s/notify", folder);
    listen_at(name);
    notify_begin();
}

/* The next message, "" when there is none. */
static const char *heard(void)
{
    static char text[8192];
    ssize_t n = recv(manager, text, sizeof(text) - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static const char *with_pid(const char *before, const char *after)
{
    static char text[128];

    (void)snprintf(text, sizeof(text), "%s%ld%s", before, (long)getpid(), after);
    return text;
}

START_TEST(a_manager_hears_each_step_in_one_message)
{
    begin();
    notify_ready("serves");
    ck_assert_str_eq(heard(), with_pid("READY=1\nMAINPID=", "\nSTATUS=serves\n"));
    notify_stopping("ends", 38000);
    ck_assert_str_eq(heard(), "STOPPING=1\nEXTEND_TIMEOUT_USEC=38000000\nSTATUS=ends\n");
    notify_failed("cannot\nmore", EADDRINUSE);
    ck_assert_str_eq(heard(), "ERRNO=98\nSTATUS=cannot\n");
    notify_failed("cannot", 0);
    ck_assert_str_eq(heard(), "STATUS=cannot\n");
    notify_alive();
    ck_assert_str_eq(heard(), "WATCHDOG=1\n");
    ck_assert_str_eq(heard(), "");
    close(manager);
}
END_TEST

START_TEST(a_reload_has_its_time)
{
    static const char first[] = "RELOADING=1\nMONOTONIC_USEC=";

    begin();
    int64_t before = clock_us();
    notify_reloading("reads");
    const char *text = heard();
    ck_assert_int_eq(strncmp(text, first, sizeof(first) - 1), 0);
    char *end;
    int64_t told = strtoll(text + sizeof(first) - 1, &end, 10);
    ck_assert(before <= told && told <= clock_us());
    ck_assert_str_eq(end, "\nSTATUS=reads\n");
    close(manager);
}
END_TEST

START_TEST(the_address_may_be_abstract)
{
    (void)snprintf(name, sizeof(name), "@multiplexd-unit-%ld", (long)getpid());
    listen_at(name);
    notify_begin();
    notify_alive();
    ck_assert_str_eq(heard(), "WATCHDOG=1\n");
    close(manager);
}
END_TEST

START_TEST(no_child_inherits_what_the_manager_said)
{
    (void)setenv("WATCHDOG_USEC", "1000000", 1);
    (void)setenv("WATCHDOG_PID", with_pid("", ""), 1);
    begin();
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    ck_assert_ptr_null(getenv("WATCHDOG_PID"));
    ck_assert_int_eq(notify_watchdog_ms(), 500);
    close(manager);
}
END_TEST

START_TEST(another_image_is_told_what_this_one_was)
{
    (void)setenv("WATCHDOG_USEC", "3000000", 1);
    (void)snprintf(name, sizeof(name), "@multiplexd-again-%ld", (long)getpid());
    listen_at(name);
    for (int i = 0; i < 2; i++) {
        notify_begin();
        notify_pass_on(true);
        ck_assert_str_eq(getenv("NOTIFY_SOCKET"), name);
        ck_assert_str_eq(getenv("WATCHDOG_USEC"), "3000000");
    }
    notify_pass_on(false);
    ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
    ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
    close(manager);
}
END_TEST

START_TEST(the_watchdog_is_for_the_process_that_it_names)
{
    static const struct {
        const char *usec, *pid;
        int64_t ms;
    } cases[] = { { "30000000", NULL, 15000 },
                  { "30000000", "1", 0 },
                  { "1", NULL, 1 },
                  { "0", NULL, 0 },
                  { "x", NULL, 0 },
                  { "-5", NULL, 0 },
                  { "5000", "x", 0 },
                  { NULL, NULL, 0 },
                  { "99999999999999999999", NULL, 0 } };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        if (cases[i].usec != NULL)
            (void)setenv("WATCHDOG_USEC", cases[i].usec, 1);
        if (cases[i].pid != NULL)
            (void)setenv("WATCHDOG_PID", cases[i].pid, 1);
        begin();
        ck_assert_msg(notify_watchdog_ms() == cases[i].ms, "%zu", i);
        close(manager);
    }
}
END_TEST

START_TEST(without_a_manager_nothing_is_told)
{
    static const char *const paths[] = { "", "relative", "/", "@", "vsock:2:1234" };
    char longer[300];

    memset(longer, 'x', sizeof(longer));
    longer[0] = '/';
    longer[sizeof(longer) - 1] = '\0';
    (void)setenv("WATCHDOG_USEC", "1000000", 1);
    (void)setenv("NOTIFY_SOCKET", longer, 1);
    for (size_t i = 0; i <= sizeof(paths) / sizeof(paths[0]); i++) {
        notify_begin();
        notify_ready("nobody hears it");
        notify_alive();
        ck_assert_int_eq(notify_watchdog_ms(), 0);
        if (i < sizeof(paths) / sizeof(paths[0]))
            (void)setenv("NOTIFY_SOCKET", paths[i], 1);
    }
}
END_TEST

START_TEST(a_manager_that_does_not_listen_holds_up_nobody)
{
    begin();
    for (int i = 0; i < 10000; i++) /* more than it can hold */
        notify_alive();
    int64_t before = clock_ms();
    notify_ready("waits a second at most");
    ck_assert_int_lt(clock_ms() - before, 20000);
    close(manager);
    notify_ready("is gone");
}
END_TEST

Suite *suite_notify(void)
{
    static const TTest **const tests[] = { &a_manager_hears_each_step_in_one_message,
                                           &a_reload_has_its_time,
                                           &the_address_may_be_abstract,
                                           &no_child_inherits_what_the_manager_said,
                                           &another_image_is_told_what_this_one_was,
                                           &the_watchdog_is_for_the_process_that_it_names,
                                           &without_a_manager_nothing_is_told,
                                           &a_manager_that_does_not_listen_holds_up_nobody,
                                           NULL };

    return unit_suite("notify", tests);
}
