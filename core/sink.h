/* SPDX-License-Identifier: MIT
   Where log lines go: files, standard error, syslog. One thread writes them all, so that a slow
   disk never holds up the loop; each sink has a bounded ring, and lines that do not fit are
   counted and reported in their place. It does not know who opens files: descriptors are given
   to it. */
#ifndef SINK_H
#define SINK_H
#include <multiplexd/module.h>

struct sinks; /* all of a process, and the thread */

struct sinks *sinks_create(void);
/* Writes what is in the rings (for at most two seconds), then frees all. */
void sinks_destroy(struct sinks *s);

/* Is this text "syslog:FACILITY" with a facility that exists? */
bool sink_is_syslog(struct mpx_str target);
/* One line to such a target at once, without a sink: for a process that has no loop to hold up. */
void sink_syslog(struct mpx_str target, enum mpx_level level, struct mpx_str line);
/* Forgets the way to syslog that such a line opened, before a child closes what it inherited. */
void sink_syslog_end(void);
/* The sink for a target, the same for the same text; counts a use. fd is where a file's lines go
   and is taken; -1 for "stderr" and "syslog:FACILITY". */
struct mpx_sink *sink_open(struct sinks *s, struct mpx_str target, int fd);
/* The sink that is open for this target, with a use counted, or NULL. */
struct mpx_sink *sink_find(struct sinks *s, struct mpx_str target);
void sink_close(struct mpx_sink *k); /* gives a use back; at the last one the sink is written out */
/* Copies the line and adds a newline; level matters to syslog only. */
void sink_write(struct mpx_sink *k, enum mpx_level level, struct mpx_str line);

#endif
