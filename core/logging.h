/* SPDX-License-Identifier: MIT
   Sends the error log where "daemon.log" says: in the supervisor straight to the descriptors, in a
   worker through the thread that writes for it. */
#ifndef LOGGING_H
#define LOGGING_H
#include "logfile.h"
#include "worker.h"

/* 0, or -1 when a target cannot be opened (logged on the targets before). */
int logging_direct(const struct settings *s, const struct logfile_as *as);

/* The targets of a configuration in a worker, which has their sinks. */
struct logging {
    struct log_target targets[LOG_TARGETS];
    size_t count;
};
/* Opens them. 0; -1 when one cannot be had: that is a problem, and none is open. */
int logging_open(struct logging *l, const struct settings *s, struct worker *w,
                 struct problems *problems);
void logging_use(const struct logging *l); /* from here on the log goes there */
void logging_close(struct logging *l);     /* gives the sinks back; once more is harmless */
/* After logging_direct: the targets of other settings in their place. 0; -1 when one of them cannot
   be opened (logged): those of before go on. */
int logging_change(const struct settings *s, const struct logfile_as *as);
/* After logging_direct: opens its files again, as they are called now. What cannot be opened goes
   on as it is. */
void logging_reopen(const struct settings *s, const struct logfile_as *as);
/* Back to standard error; the sinks may go. */
void logging_end(void);

#endif
