/* SPDX-License-Identifier: MIT
   The error log: a message gets its time, level and context here and goes to every target that
   wants its level. Whatever a message holds, it stays one line; what is past 16 KiB of it is cut
   off. Targets are written by whoever set them (a descriptor, a sink); before any is set, lines go
   to standard error. */
#ifndef LOG_H
#define LOG_H
#include "str.h"

#include <stdarg.h>

enum log_format {
    LOG_TEXT,
    LOG_JSON,
    LOG_BARE, /* without time and level: for our own use */
    LOG_ENTRY /* fields for journald; their values are on one line each and hold no NUL */
};
enum { LOG_TARGETS = 8 };

/* What a message is about; NULL parts are left out. */
struct log_about {
    const char *vhost, *module, *request;
};

struct log_target {
    enum mpx_level level; /* and all that is more urgent */
    enum log_format format;
    /* a line without its newline, or an entry */
    void (*write)(void *arg, enum mpx_level level, struct mpx_str line);
    void *arg;
};

/* Replaces the targets (copies them); at most LOG_TARGETS, 0 means standard error. Not for threads:
   the log belongs to the thread that runs the loop. */
void log_set_targets(const struct log_target *targets, size_t count);
/* The i-th of them, or NULL past the last. */
const struct log_target *log_target_at(size_t i);
/* Adds what LOG_ENTRY makes of a message. */
void log_add_entry(struct buffer *b, enum mpx_level level, const struct log_about *about,
                   struct mpx_str message);
bool log_wants(enum mpx_level level);
extern const char *const log_level_names[]; /* by enum mpx_level, NULL at the end */

void log_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void log_about(enum mpx_level level, const struct log_about *about, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void log_vabout(enum mpx_level level, const struct log_about *about, const char *fmt, va_list ap)
    __attribute__((format(printf, 3, 0)));

#endif
