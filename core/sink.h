/* SPDX-License-Identifier: MIT
   Where log lines go: files, standard error, syslog, journald. One thread writes them all, so that
   a slow disk never holds up the loop; each sink has a bounded ring, and lines that do not fit are
   counted and reported in their place. It does not know who opens files: descriptors are given to
   it. */
#ifndef SINK_H
#define SINK_H
#include <multiplexd/module.h>

struct sinks; /* all of a process, and the thread */

struct sinks *sinks_create(void);
/* Writes what is in the rings (for at most two seconds), then frees all. */
void sinks_destroy(struct sinks *s);

/* Is this text "syslog:FACILITY" with a facility that exists? */
bool sink_is_syslog(struct mpx_str target);
/* ... or the path of a file, since it is nothing else that a sink can be? */
bool sink_is_file(struct mpx_str target);
/* One line to such a target at once, without a sink: for a process that has no loop to hold up. */
void sink_syslog(struct mpx_str target, enum mpx_level level, struct mpx_str line);
/* Forgets the way to syslog that such a line opened, before a child closes what it inherited. */
void sink_syslog_end(void);
/* The sink for a target, the same for the same text; counts a use. fd is where a file's lines go
   and is taken; -1 for what is no file. */
struct mpx_sink *sink_open(struct sinks *s, struct mpx_str target, int fd);
/* The sink that is open for this target, with a use counted, or NULL. */
struct mpx_sink *sink_find(struct sinks *s, struct mpx_str target);
/* From here on the lines of this target, also those that wait, go to fd, which is taken; the old
   descriptor is closed behind a whole line. False when no such sink is open. */
bool sink_reopen(struct sinks *s, struct mpx_str target, int fd);
/* Calls fn with each target that is a file. Not for the thread: sinks come and go on the loop. */
void sinks_each_file(struct sinks *s, void (*fn)(void *arg, struct mpx_str target), void *arg);

/* Lines that were lost since it was last told. */
struct sink_loss {
    const char *target; /* lives as long as the sink */
    uint64_t lines;
    int error; /* why they could not be written; 0: they came faster than they could be */
};
bool sinks_next_loss(struct sinks *s, struct sink_loss *loss); /* false when there are no more */
/* Gives a use back. Without one it goes as soon as it is written out: now, or in sinks_reap. */
void sink_close(struct mpx_sink *k);
/* Every now and then: frees those that nobody uses and that are written out. Waits for nothing; how
   many are still to go. */
unsigned sinks_reap(struct sinks *s);
/* Copies the line and adds a newline; level matters to syslog and journald only. */
void sink_write(struct mpx_sink *k, enum mpx_level level, struct mpx_str line);
/* The same to journald, of an entry as log_add_entry makes it. */
void sink_write_entry(struct mpx_sink *k, struct mpx_str entry);

#endif
