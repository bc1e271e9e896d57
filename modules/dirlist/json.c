/* SPDX-License-Identifier: MIT
   A listing for programs: an object with the path, and an entry on each line. */
#include "listing.h"

#include <string.h>
#include <time.h>

static void add_member(struct text *t, const char *name, struct mpx_str value)
{
    text_printf(t, ",\"%s\":\"", name);
    text_json(t, value);
    text_puts(t, "\"");
}

static void add_word(struct text *t, const char *name, const char *value)
{
    text_printf(t, ",\"%s\":\"%s\"", name, value);
}

static void add_number(struct text *t, const char *name, int64_t value)
{
    text_printf(t, ",\"%s\":", name);
    text_number(t, value);
}

static void add_mtime(struct text *t, int64_t mtime)
{
    time_t seconds = (time_t)mtime;
    char nice[40] = "";
    struct tm tm;

    if (localtime_r(&seconds, &tm) != NULL)
        (void)strftime(nice, sizeof(nice), "%F %T", &tm);
    add_number(t, "mtime", mtime);
    add_word(t, "mtime_nice", nice);
}

static void add_owners(struct job *j, const struct entry *entry)
{
    struct text *t = &j->body;
    char name[OWNER_BYTES];

    if (j->settings->shows[FIELD_USER]) {
        owners_user(j->owners, entry->uid, name);
        add_number(t, "uid", entry->uid);
        add_member(t, "user", (struct mpx_str){ name, strlen(name) });
    }
    if (j->settings->shows[FIELD_GROUP]) {
        owners_group(j->owners, entry->gid, name);
        add_number(t, "gid", entry->gid);
        add_member(t, "group", (struct mpx_str){ name, strlen(name) });
    }
}

static void add_entry(struct job *j, const struct entry *entry)
{
    const bool *shows = j->settings->shows;
    struct text *t = &j->body;
    char nice[16], flags[11];

    text_puts(t, "{\"name\":\"");
    text_json(t, entry_name(&j->entries, entry));
    text_puts(t, "\",\"url\":\"");
    entry_uri(t, &j->entries, entry);
    text_puts(t, "\"");
    add_word(t, "kind", entry_kind(entry));
    if (shows[FIELD_SIZE]) {
        entry_size(entry->size, nice);
        add_number(t, "size", entry->size);
        add_word(t, "size_nice", nice);
    }
    if (shows[FIELD_MTIME])
        add_mtime(t, entry->mtime);
    add_owners(j, entry);
    if (shows[FIELD_FLAGS]) {
        entry_flags(entry->mode, flags);
        add_number(t, "mode", entry->mode);
        add_word(t, "flags", flags);
    }
    if (entry->target_n > 0)
        add_member(t, "symlink_dest", entry_target(&j->entries, entry));
    text_puts(t, "}");
}

void json_write(struct job *j)
{
    const struct entries *e = &j->entries;
    struct text *t = &j->body;

    text_puts(t, "{\"path\":\"");
    text_json(t, j->path);
    text_puts(t, "\",\"total\":");
    text_number(t, (int64_t)e->total);
    text_printf(t, ",\"truncated\":%s,\"entries\":[", e->cut ? "true" : "false");
    for (size_t i = 0; i < e->count; i++) {
        text_puts(t, i > 0 ? ",\n" : "\n");
        add_entry(j, &e->list[i]);
    }
    text_puts(t, "]}\n");
}
