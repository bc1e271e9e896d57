/* SPDX-License-Identifier: MIT */
#include "log.h"

#include "date.h"
#include "str.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 16384,
    LINE_MAX_BYTES = 8 * MESSAGE_MAX /* a byte becomes six at most; then what stands before it */
};

const char *const log_level_names[] = { "error", "warning", "info", "debug", NULL };

static void write_stderr(void *arg, enum mpx_level level, struct mpx_str line);
static const struct log_target standard_error = { .level = MPX_INFO, .write = write_stderr };

/* The one mutable state of this file: where lines go. */
static struct {
    struct log_target targets[LOG_TARGETS];
    size_t count;
} out = { .targets = { { .level = MPX_INFO, .write = write_stderr } }, .count = 1 };

static void write_stderr(void *arg, enum mpx_level level, struct mpx_str line)
{
    (void)arg;
    (void)level;
    (void)fprintf(stderr, "%.*s\n", STR_ARGS(line));
}

void log_set_targets(const struct log_target *targets, size_t count)
{
    out.count = count < LOG_TARGETS ? count : LOG_TARGETS;
    for (size_t i = 0; i < out.count; i++)
        out.targets[i] = targets[i];
    if (out.count == 0) {
        out.targets[0] = standard_error;
        out.count = 1;
    }
}

const struct log_target *log_target_at(size_t i)
{
    return i < out.count ? &out.targets[i] : NULL;
}

bool log_wants(enum mpx_level level)
{
    for (size_t i = 0; i < out.count; i++)
        if (level <= out.targets[i].level)
            return true;
    return false;
}

static void add_time(struct buffer *b)
{
    struct timespec ts;
    char text[DATE_ISO];

    clock_gettime(CLOCK_REALTIME, &ts);
    date_iso(ts.tv_sec, text);
    date_iso_ms(text, (unsigned)(ts.tv_nsec / 1000000));
    (void)buffer_add(b, str_of(text));
}

/* The length of the character that s begins with; 0 for a control character, which would end the
   line or move a terminal's cursor, and for what is not UTF-8. */
static size_t visible_length(struct mpx_str s)
{
    size_t n = str_utf8_length(s);
    unsigned char c = (unsigned char)s.p[0];

    if (n == 1)
        return c < 0x20 || c == 0x7f ? 0 : 1;
    return n == 2 && c == 0xc2 && (unsigned char)s.p[1] < 0xa0 ? 0 : n;
}

static void add_visible(struct buffer *b, struct mpx_str s)
{
    while (s.n > 0) {
        size_t n = visible_length(s);

        if (n > 0)
            (void)buffer_add(b, str_head(s, n));
        else
            (void)buffer_printf(b, "\\x%02x", (unsigned)(unsigned char)s.p[0]);
        s = str_from(s, n > 0 ? n : 1);
    }
}

static void format_bare(struct buffer *b, const struct log_about *about, struct mpx_str message)
{
    const char *parts[] = { about->vhost, about->module, about->request };
    bool any = false;

    for (size_t i = 0; i < 3; i++)
        if (parts[i] != NULL) {
            if (any)
                (void)buffer_add_char(b, ' ');
            add_visible(b, str_of(parts[i]));
            any = true;
        }
    if (any)
        (void)buffer_add(b, MPX_STR(": "));
    add_visible(b, message);
}

static void format_json(struct buffer *b, enum mpx_level level, const struct log_about *about,
                        struct mpx_str message)
{
    const char *names[] = { "vhost", "module", "request" };
    const char *parts[] = { about->vhost, about->module, about->request };

    (void)buffer_add(b, MPX_STR("{\"time\":\""));
    add_time(b);
    (void)buffer_printf(b, "\",\"level\":\"%s\"", log_level_names[level]);
    for (size_t i = 0; i < 3; i++)
        if (parts[i] != NULL) {
            (void)buffer_printf(b, ",\"%s\":\"", names[i]);
            (void)buffer_add_json(b, str_of(parts[i]));
            (void)buffer_add_char(b, '"');
        }
    (void)buffer_add(b, MPX_STR(",\"message\":\""));
    (void)buffer_add_json(b, message);
    (void)buffer_add(b, MPX_STR("\"}"));
}

static void add_field(struct buffer *b, const char *field, const char *value)
{
    if (value == NULL)
        return;
    (void)buffer_printf(b, "%s=", field);
    add_visible(b, str_of(value));
    (void)buffer_add_char(b, '\n');
}

/* PRIORITY is a level of syslog(3); MESSAGE stays one line, as anywhere else. */
void log_add_entry(struct buffer *b, enum mpx_level level, const struct log_about *about,
                   struct mpx_str message)
{
    static const char priorities[] = { '3', '4', '6', '7' };

    (void)buffer_printf(b, "SYSLOG_IDENTIFIER=multiplexd\nPRIORITY=%c\n", priorities[level]);
    add_field(b, "MULTIPLEXD_VHOST", about->vhost);
    add_field(b, "MULTIPLEXD_MODULE", about->module);
    add_field(b, "MULTIPLEXD_REQUEST", about->request);
    (void)buffer_add(b, MPX_STR("MESSAGE="));
    add_visible(b, message);
    (void)buffer_add_char(b, '\n');
}

void log_vabout(enum mpx_level level, const struct log_about *about, const char *fmt, va_list ap)
{
    char text[MESSAGE_MAX];
    struct buffer line;

    if (!log_wants(level))
        return;
    int n = vsnprintf(text, sizeof(text), fmt, ap); /* a longer message is cut */
    struct mpx_str message =
        str_head((struct mpx_str){ text, n > 0 ? (size_t)n : 0 }, sizeof(text) - 1);
    for (size_t i = 0; i < out.count; i++) {
        const struct log_target *t = &out.targets[i];

        if (level > t->level)
            continue;
        buffer_init(&line, LINE_MAX_BYTES);
        switch (t->format) {
        case LOG_TEXT:
            add_time(&line);
            (void)buffer_printf(&line, " %s: ", log_level_names[level]);
            format_bare(&line, about, message);
            break;
        case LOG_JSON:
            format_json(&line, level, about, message);
            break;
        case LOG_BARE:
            format_bare(&line, about, message);
            break;
        case LOG_ENTRY:
            log_add_entry(&line, level, about, message);
        }
        t->write(t->arg, level, buffer_str(&line));
        buffer_finish(&line);
    }
}

void log_about(enum mpx_level level, const struct log_about *about, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vabout(level, about, fmt, ap);
    va_end(ap);
}

static const struct log_about nothing;

void log_error(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vabout(MPX_ERROR, &nothing, fmt, ap);
    va_end(ap);
}

void log_warn(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vabout(MPX_WARN, &nothing, fmt, ap);
    va_end(ap);
}

void log_info(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vabout(MPX_INFO, &nothing, fmt, ap);
    va_end(ap);
}

void log_debug(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    log_vabout(MPX_DEBUG, &nothing, fmt, ap);
    va_end(ap);
}
