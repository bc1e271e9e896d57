/* SPDX-License-Identifier: MIT */
#include "system_log.h"

#include "str.h"

#include <syslog.h>

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

void system_log_line(int facility, enum mpx_level level, struct mpx_str line)
{
    static const int priority[] = { LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG };

    syslog(facility | priority[level], "%.*s", STR_ARGS(line));
}

void system_log_end(void)
{
    closelog();
}
