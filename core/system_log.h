/* SPDX-License-Identifier: MIT
   syslog(3): its facilities by name, and lines for it. */
#ifndef SYSTEM_LOG_H
#define SYSTEM_LOG_H
#include <multiplexd/module.h>

/* The facility of "syslog:FACILITY"; -1 for any other text. */
int system_log_facility(struct mpx_str target);
void system_log_line(int facility, enum mpx_level level, struct mpx_str line);
/* The same, but a log that does not read loses the line; in its place syslog(3) waits. */
void system_log_line_now(int facility, enum mpx_level level, struct mpx_str line);
/* Forgets the way to syslog that a line opened. */
void system_log_end(void);

#endif
