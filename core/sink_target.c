/* SPDX-License-Identifier: MIT
   What the text of a sink's target means, and lines to syslog without a sink. */
#include "journal.h"
#include "sink.h"
#include "str.h"
#include "system_log.h"

bool sink_is_syslog(struct mpx_str target)
{
    return system_log_facility(target) >= 0;
}

bool sink_is_file(struct mpx_str target)
{
    return !str_is(target, "stderr") && !sink_is_syslog(target) && !journal_is(target);
}

void sink_syslog(struct mpx_str target, enum mpx_level level, struct mpx_str line)
{
    system_log_line_now(system_log_facility(target), level, line);
}

void sink_syslog_end(void)
{
    system_log_end();
}
