/* SPDX-License-Identifier: MIT */
#include "logging.h"

#include "journal.h"
#include "log.h"
#include "must.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static void write_direct(void *arg, enum mpx_level level, struct mpx_str line)
{
    int fd = (int)(intptr_t)arg;
    char newline = '\n';

    (void)level;
    if (write(fd, line.p, line.n) >= 0)
        (void)!write(fd, &newline, 1);
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

static int open_sink(struct worker *w, const struct log_setting *setting, struct log_target *target)
{
    int fd = -1;

    target->write = journal_is(setting->to) ? write_entry_to_sink : write_to_sink;
    target->arg = sink_find(w->sinks, setting->to);
    if (target->arg != NULL)
        return 0;
    if (sink_is_file(setting->to)) {
        fd = w->open_log(w->open_log_arg, setting->to.p);
        if (fd < 0) {
            log_error("cannot log to \"%s\": %s", setting->to.p, strerror(-fd));
            return -1;
        }
    }
    target->arg = sink_open(w->sinks, setting->to, fd);
    return 0;
}

/* w NULL: straight to the descriptors. */
static int set_targets(const struct settings *s, const struct logfile_as *as, struct worker *w)
{
    const struct log_setting standard = { .to = MPX_STR("stderr"), .level = s->log_level };
    const struct log_setting *settings = s->log.count > 0 ? s->log.items : &standard;
    size_t count = s->log.count > 0 ? s->log.count : 1;
    struct log_target targets[LOG_TARGETS];

    if (count > LOG_TARGETS)
        count = LOG_TARGETS;
    for (size_t i = 0; i < count; i++) {
        int rc = w != NULL ? open_sink(w, &settings[i], &targets[i])
                           : open_direct(&settings[i], as, &targets[i]);

        if (rc < 0)
            return -1;
        targets[i].level = (enum mpx_level)settings[i].level;
        targets[i].format =
            journal_is(settings[i].to) ? LOG_ENTRY : (enum log_format)settings[i].format;
    }
    log_set_targets(targets, count);
    return 0;
}

int logging_direct(const struct settings *s, const struct logfile_as *as)
{
    return set_targets(s, as, NULL);
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

int logging_through_sinks(const struct settings *s, struct worker *w)
{
    return set_targets(s, NULL, w);
}

void logging_end(void)
{
    log_set_targets(NULL, 0);
}
