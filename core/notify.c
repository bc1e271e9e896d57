/* SPDX-License-Identifier: MIT */
#include "notify.h"

#include "date.h"
#include "str.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { MESSAGE_MAX = 4096, WAIT_S = 1, US = 1000 };

/* The one mutable state of this file, written once: who is to be told, and how often. */
static struct {
    struct sockaddr_un to;
    socklen_t length; /* 0: nobody */
    int64_t watchdog_ms;
} manager;

/* A path, or "@" and a name that is abstract (unix(7)). */
static void set_address(const char *path)
{
    struct mpx_str s = str_of(path);

    manager.length = 0;
    if ((path[0] != '/' && path[0] != '@') || s.n < 2 || s.n >= sizeof(manager.to.sun_path))
        return;
    manager.to = (struct sockaddr_un){ .sun_family = AF_UNIX };
    memcpy(manager.to.sun_path, s.p, s.n);
    manager.length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + s.n);
    if (path[0] == '@')
        manager.to.sun_path[0] = '\0';
    else
        manager.length++; /* its NUL */
}

static void set_watchdog(const char *usec, const char *pid)
{
    uint64_t us, number = (uint64_t)getpid();

    manager.watchdog_ms = 0;
    if (usec == NULL || str_to_u64(str_of(usec), &us) < 0 || us > INT64_MAX)
        return;
    if (pid != NULL && (str_to_u64(str_of(pid), &number) < 0 || number != (uint64_t)getpid()))
        return;
    manager.watchdog_ms = (int64_t)(us / 2 / US);
    if (manager.watchdog_ms == 0 && us > 0)
        manager.watchdog_ms = 1;
}

void notify_begin(void)
{
    const char *path = getenv("NOTIFY_SOCKET");

    set_address(path != NULL ? path : "");
    set_watchdog(getenv("WATCHDOG_USEC"), getenv("WATCHDOG_PID"));
    (void)unsetenv("NOTIFY_SOCKET");
    (void)unsetenv("WATCHDOG_USEC");
    (void)unsetenv("WATCHDOG_PID");
}

/* A manager that does not listen is not waited for, but a moment. */
static void send_message(const char *text, int flags)
{
    const struct timeval most = { .tv_sec = WAIT_S };
    int fd = manager.length > 0 ? socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0) : -1;

    if (fd < 0)
        return;
    (void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof(most));
    (void)sendto(fd, text, strlen(text), flags | MSG_NOSIGNAL, (const struct sockaddr *)&manager.to,
                 manager.length);
    close(fd);
}

/* fields: whole lines. The status ends with its first line. */
static void tell(const char *fields, const char *status)
{
    char text[MESSAGE_MAX];
    struct mpx_str line = str_head(str_of(status), str_find(str_of(status), '\n'));

    (void)snprintf(text, sizeof(text), "%sSTATUS=%.*s\n", fields, STR_ARGS(line));
    send_message(text, 0);
}

void notify_ready(const char *status)
{
    char fields[64];

    (void)snprintf(fields, sizeof(fields), "READY=1\nMAINPID=%ld\n", (long)getpid());
    tell(fields, status);
}

void notify_reloading(const char *status)
{
    char fields[64];

    (void)snprintf(fields, sizeof(fields), "RELOADING=1\nMONOTONIC_USEC=%lld\n",
                   (long long)clock_us());
    tell(fields, status);
}

void notify_stopping(const char *status, int64_t most_ms)
{
    char fields[64];

    (void)snprintf(fields, sizeof(fields), "STOPPING=1\nEXTEND_TIMEOUT_USEC=%lld\n",
                   (long long)most_ms * US);
    tell(fields, status);
}

void notify_failed(const char *status, int error)
{
    char fields[64] = "";

    if (error > 0)
        (void)snprintf(fields, sizeof(fields), "ERRNO=%d\n", error);
    tell(fields, status);
}

int64_t notify_watchdog_ms(void)
{
    return manager.length > 0 ? manager.watchdog_ms : 0;
}

void notify_alive(void)
{
    send_message("WATCHDOG=1\n", MSG_DONTWAIT);
}
