/* SPDX-License-Identifier: MIT
   What "log" and "log_mode" of "daemon" mean beyond their types. */
#include "journal.h"
#include "option_value.h"
#include "quantity.h"
#include "settings.h"

/* A log target without a level of its own has the general one. */
static void set_levels(const struct node *log, bool verbose, struct settings *s)
{
    struct log_setting *targets = (struct log_setting *)(uintptr_t)s->log.items;
    const struct node *e = log != NULL && log->kind == NODE_ARRAY ? log->first : log;

    if (verbose)
        s->log_level = MPX_DEBUG;
    for (size_t i = 0; i < s->log.count && e != NULL; i++, e = e->next) {
        const struct node *level = node_member(e, "level");

        if (verbose || level == NULL || level->kind == NODE_NULL)
            targets[i].level = s->log_level;
    }
}

static int check_count(const struct option_reading *rd, const struct node *log)
{
    const struct node *e = log != NULL && log->kind == NODE_ARRAY ? log->first : NULL;

    for (int i = 0; i < LOG_TARGETS && e != NULL; i++)
        e = e->next;
    if (e == NULL)
        return 0;
    problem_add(rd->problems, e->at, "%s: errors can be logged to %d places, this is one too many",
                option_pointer(rd, e), LOG_TARGETS);
    return -1;
}

/* journald has fields, each for itself, and shows them as whoever asks it wants them. */
static int check_formats(const struct option_reading *rd, const struct node *log,
                         const struct settings *s)
{
    const struct log_setting *target = s->log.items;
    const struct node *e = log != NULL && log->kind == NODE_ARRAY ? log->first : log;
    int rc = 0;

    for (size_t i = 0; i < s->log.count && e != NULL; i++, e = e->next) {
        const struct node *format = node_member(e, "format");

        if (format == NULL || format->kind == NODE_NULL || !journal_is(target[i].to))
            continue;
        problem_add(rd->problems, format->key_at,
                    "\"format\" cannot stand here: journald takes fields and has formats of its "
                    "own (journalctl -o): leave it out");
        rc = -1;
    }
    return rc;
}

/* One that whoever writes the log cannot write is a mistake. */
static int check_mode(const struct option_reading *rd, const struct node *daemon,
                      struct settings *s)
{
    const struct node *given = node_member(daemon, "log_mode");

    if (given == NULL || given->kind != NODE_STRING || given->is_wrong ||
        (quantity_mode(s->log_mode, &s->log_mode_bits) == 0 && (s->log_mode_bits & 0200) != 0)) {
        (void)quantity_mode(s->log_mode, &s->log_mode_bits);
        return 0; /* another kind was complained of before */
    }
    return option_complain(rd, NULL, given,
                           "must be octal digits such as \"0640\", and let its owner write");
}

/* Whoever leaves the terminal has nobody who reads its standard error: without a "log" it is the
   system's. */
static int read_detached(const struct option_reading *rd, const struct node *daemon,
                         struct settings *s)
{
    const struct node *log = node_member(daemon, "log");
    const struct log_setting *targets = s->log.items;

    if (s->detach && s->log.count == 0) {
        struct log_setting *system = arena_zero(rd->a, sizeof(*system));

        *system = (struct log_setting){ .to = MPX_STR("syslog:daemon"), .level = s->log_level };
        s->log = (struct mpx_list){ .items = system, .count = 1 };
    }
    for (size_t i = 0; s->detach && log != NULL && i < s->log.count; i++) {
        if (!str_is(targets[i].to, "stderr"))
            continue;
        problem_add(rd->problems, log->at,
                    "nobody reads the standard error of a daemon that detaches: name a file, or "
                    "\"syslog:daemon\"");
        return -1;
    }
    return 0;
}

int settings_read_log(const struct option_reading *rd, const struct node *daemon, bool verbose,
                      struct settings *s)
{
    const struct node *log = node_member(daemon, "log");

    set_levels(log, verbose, s);
    int rc = check_count(rd, log) | check_formats(rd, log, s);
    rc |= check_mode(rd, daemon, s);
    return rc | read_detached(rd, daemon, s);
}
