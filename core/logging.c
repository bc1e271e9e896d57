/* SPDX-License-Identifier: MIT */
#include "logging.h"

#include "journal.h"
#include "log.h"
#include "must.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

/* In one piece, since workers write to the same file. Nothing waits here either: what a pipe or a
   terminal that nobody reads has no room for is lost. */
static void write_direct(void *arg, enum mpx_level level, struct mpx_str line)
{
    int fd = (int)(intptr_t)arg;
    struct pollfd p = { .fd = fd, .events = POLLOUT };
    struct stat st;
    char newline = '\n';

    (void)level;
    if (poll(&p, 1, 0) <= 0 || (p.revents & POLLOUT) == 0)
        return;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        line = str_head(line, PIPE_BUF - 1); /* there is room for so much, no more is promised */
    const struct iovec parts[] = { { (void *)(uintptr_t)line.p, line.n }, { &newline, 1 } };
    (void)!writev(fd, parts, 2);
}

static void write_system(void *arg, enum mpx_level level, struct mpx_str line)
{
    const struct log_setting *setting = arg;

    sink_syslog(setting->to, level, line);
}

/* Nothing waits here; a line that journald does not take is lost. */
static void write_journal(void *arg, enum mpx_level level, struct mpx_str entry)
{
    const struct log_setting *setting = arg;
    int fd = journal_open();

    (void)level;
    if (fd < 0)
        return;
    (void)journal_send(fd, setting->to, entry, false);
    close(fd);
}

static void write_entry_to_sink(void *arg, enum mpx_level level, struct mpx_str entry)
{
    (void)level;
    sink_write_entry(arg, entry);
}

static void write_to_sink(void *arg, enum mpx_level level, struct mpx_str line)
{
    sink_write(arg, level, line);
}

static int open_direct(const struct log_setting *setting, const struct logfile_as *as,
                       struct log_target *target)
{
    int fd = STDERR_FILENO;

    if (sink_is_syslog(setting->to)) {
        target->write = write_system;
        target->arg = (void *)(uintptr_t)setting;
        return 0;
    }
    if (journal_is(setting->to)) {
        target->write = write_journal;
        target->arg = (void *)(uintptr_t)setting;
        return 0;
    }
    if (sink_is_file(setting->to))
        fd = logfile_open(setting->to.p, as);
    if (fd < 0) {
        log_error("cannot log to \"%s\": %s", setting->to.p, strerror(-fd));
        return -1;
    }
    target->write = write_direct;
    target->arg = (void *)(intptr_t)fd;
    return 0;
}

/* Where nothing is said: standard error. */
static const struct log_setting *settings_of(const struct settings *s, struct log_setting *standard,
                                             size_t *count)
{
    *standard = (struct log_setting){ .to = MPX_STR("stderr"), .level = s->log_level };
    *count = s->log.count > LOG_TARGETS ? LOG_TARGETS : s->log.count;
    if (*count > 0)
        return s->log.items;
    *count = 1;
    return standard;
}

static void set_form(struct log_target *target, const struct log_setting *setting)
{
    target->level = (enum mpx_level)setting->level;
    target->format = journal_is(setting->to) ? LOG_ENTRY : (enum log_format)setting->format;
}

static int open_sink(struct worker *w, const struct log_setting *setting, struct log_target *target,
                     struct problems *problems)
{
    int fd = -1;

    target->write = journal_is(setting->to) ? write_entry_to_sink : write_to_sink;
    target->arg = sink_find(w->sinks, setting->to);
    if (target->arg != NULL)
        return 0;
    if (sink_is_file(setting->to)) {
        fd = w->open_log(w->open_log_arg, setting->to.p);
        if (fd < 0) {
            problem_add(problems, (struct place){ .src = NULL }, "cannot log to \"%s\": %s",
                        setting->to.p, strerror(-fd));
            return -1;
        }
    }
    target->arg = sink_open(w->sinks, setting->to, fd);
    return 0;
}

int logging_open(struct logging *l, const struct settings *s, struct worker *w,
                 struct problems *problems)
{
    struct log_setting standard;
    size_t count;
    const struct log_setting *settings = settings_of(s, &standard, &count);

    for (l->count = 0; l->count < count; l->count++) {
        if (open_sink(w, &settings[l->count], &l->targets[l->count], problems) < 0) {
            logging_close(l);
            return -1;
        }
        set_form(&l->targets[l->count], &settings[l->count]);
    }
    return 0;
}

void logging_use(const struct logging *l)
{
    log_set_targets(l->targets, l->count);
}

void logging_close(struct logging *l)
{
    for (size_t i = 0; i < l->count; i++)
        sink_close(l->targets[i].arg);
    l->count = 0;
}

/* The descriptor of a file that a direct target writes to; -1: it has none of its own. */
static int own_fd(const struct log_target *t)
{
    int fd = t->write == write_direct ? (int)(intptr_t)t->arg : -1;

    return fd > STDERR_FILENO ? fd : -1;
}

int logging_direct(const struct settings *s, const struct logfile_as *as)
{
    struct log_target targets[LOG_TARGETS];
    struct log_setting standard;
    size_t count;
    const struct log_setting *settings = settings_of(s, &standard, &count);

    for (size_t i = 0; i < count; i++) {
        if (open_direct(&settings[i], as, &targets[i]) < 0) {
            while (i-- > 0)
                if (own_fd(&targets[i]) >= 0)
                    close(own_fd(&targets[i]));
            return -1;
        }
        set_form(&targets[i], &settings[i]);
    }
    log_set_targets(targets, count);
    return 0;
}

int logging_change(const struct settings *s, const struct logfile_as *as)
{
    int old[LOG_TARGETS];
    size_t count = 0;

    for (const struct log_target *t; count < LOG_TARGETS && (t = log_target_at(count)) != NULL;)
        old[count++] = own_fd(t);
    if (logging_direct(s, as) < 0)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (old[i] >= 0)
            close(old[i]);
    return 0;
}

/* The new file takes the old one's descriptor: whoever holds its number goes on. */
void logging_reopen(const struct settings *s, const struct logfile_as *as)
{
    const struct log_setting *settings = s->log.items;
    const struct log_target *target;

    for (size_t i = 0; i < s->log.count && (target = log_target_at(i)) != NULL; i++) {
        if (!sink_is_file(settings[i].to) || target->write != write_direct)
            continue;
        int fd = logfile_open(settings[i].to.p, as);
        if (fd < 0 || dup3(fd, (int)(intptr_t)target->arg, O_CLOEXEC) < 0)
            log_error("\"%s\" cannot be opened again: %s; what comes goes into the old file",
                      settings[i].to.p, strerror(fd < 0 ? -fd : errno));
        if (fd >= 0)
            close(fd);
    }
}

void logging_end(void)
{
    log_set_targets(NULL, 0);
}
