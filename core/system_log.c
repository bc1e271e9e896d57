/* SPDX-License-Identifier: MIT */
#include "system_log.h"

#include "str.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 1 << 16, STAMP = 32 };

static const struct {
    const char *name;
    int facility;
} facilities[] = {
    { "daemon", LOG_DAEMON }, { "user", LOG_USER },     { "auth", LOG_AUTH },
    { "local0", LOG_LOCAL0 }, { "local1", LOG_LOCAL1 }, { "local2", LOG_LOCAL2 },
    { "local3", LOG_LOCAL3 }, { "local4", LOG_LOCAL4 }, { "local5", LOG_LOCAL5 },
    { "local6", LOG_LOCAL6 }, { "local7", LOG_LOCAL7 },
};

int system_log_facility(struct mpx_str target)
{
    static const struct mpx_str prefix = { "syslog:", 7 };

    if (!str_starts(target, prefix))
        return -1;
    for (size_t i = 0; i < sizeof(facilities) / sizeof(facilities[0]); i++)
        if (str_is(str_from(target, prefix.n), facilities[i].name))
            return facilities[i].facility;
    return -1;
}

static int priority_of(int facility, enum mpx_level level)
{
    static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

    return facility | priority[level];
}

void system_log_line(int facility, enum mpx_level level, struct mpx_str line)
{
    syslog(priority_of(facility, level), "%.*s", STR_ARGS(line));
}

/* As syslog(3) writes it; -1 where there is no such socket. */
static int send_now(int fd, int priority, struct mpx_str line)
{
    const struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = _PATH_LOG };
    time_t now = time(NULL);
    char stamp[STAMP];
    struct buffer b;
    struct tm tm;

    if (fd < 0 || connect(fd, (const struct sockaddr *)&un, sizeof(un)) < 0)
        return -1;
    (void)strftime(stamp, sizeof(stamp), "%b %e %T", localtime_r(&now, &tm));
    buffer_init(&b, DATAGRAM_MAX);
    (void)buffer_printf(&b, "<%d>%s multiplexd: %.*s", priority, stamp, STR_ARGS(line));
    (void)send(fd, b.p, b.n, MSG_NOSIGNAL);
    buffer_finish(&b);
    return 0;
}

void system_log_line_now(int facility, enum mpx_level level, struct mpx_str line)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (send_now(fd, priority_of(facility, level), line) < 0)
        system_log_line(facility, level, line);
    if (fd >= 0)
        close(fd);
}

void system_log_end(void)
{
    closelog();
}
