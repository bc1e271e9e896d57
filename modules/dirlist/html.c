/* SPDX-License-Identifier: MIT
   A listing for people: a page that needs no script, for small screens and large ones. */
#include "listing.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ICON                                                                     \
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 " \
    "16 16'%3E%3Cpath fill='%23d39a2c' d='M1 3.5A1.5 1.5 0 0 1 2.5 2H6l2 "       \
    "2h5.5A1.5 1.5 0 0 1 15 5.5v7a1.5 1.5 0 0 1-1.5 1.5h-11A1.5 1.5 0 0 1 1 "    \
    "12.5z'/%3E%3C/svg%3E"

/* A part of the site's own, at most PART_BYTES of it: HTML as it is, text as text. */
static void add_part(struct job *j, enum part part)
{
    struct text *t = &j->body;
    size_t n = 0;
    ssize_t got = 1;

    if (j->part[part] == NULL)
        return;
    struct text raw = { .p = NULL };
    char *p = text_room(&raw, PART_BYTES);
    while (p != NULL && got > 0 && n < PART_BYTES) {
        got = pread(mpx_file_fd(j->part[part]), p + n, PART_BYTES - n, (off_t)n);
        n += got > 0 ? (size_t)got : 0;
    }
    if (p != NULL && j->part_is_html[part]) {
        text_add(t, (struct mpx_str){ p, n });
        text_puts(t, "\n");
    } else if (p != NULL && n > 0) {
        text_puts(t, "<pre class=\"part\">");
        text_html(t, (struct mpx_str){ p, n });
        text_puts(t, n == PART_BYTES ? "\n\xe2\x80\xa6</pre>\n" : "</pre>\n");
    }
    t->failed = t->failed || p == NULL;
    text_free(&raw);
}

static void add_head(struct job *j)
{
    const struct settings *s = j->settings;
    struct text *t = &j->body;

    text_puts(t, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                 "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                 "<meta name=\"color-scheme\" content=\"light dark\">\n<title>Index of ");
    text_shown(t, j->path);
    text_puts(t, "</title>\n<link rel=\"icon\" href=\"" ICON "\">\n");
    if (s->style) {
        text_puts(t, "<style>");
        text_puts(t, html_style);
        text_puts(t, "</style>\n");
    }
    if (s->css.n > 0) {
        text_puts(t, "<link rel=\"stylesheet\" href=\"");
        text_html(t, s->css);
        text_puts(t, "\">\n");
    }
    text_puts(t, "</head>\n<body>\n<main>\n");
}

/* The path, each folder above this one as a link to it: relative, so that a proxy in front may have
   another prefix. */
static void add_path(struct job *j)
{
    struct text *t = &j->body;
    struct mpx_str path = j->path;
    size_t above = 0, begin = 0;

    for (size_t i = 1; i < path.n; i++)
        above += path.p[i] == '/';
    text_puts(t, "<h1><span>Index of </span>");
    for (size_t i = 0; i < path.n; i++) {
        struct mpx_str step = { path.p + begin, i + 1 - begin };

        if (path.p[i] != '/')
            continue;
        text_puts(t, above > 0 ? "<a href=\"" : "");
        for (size_t up = 0; up < above; up++)
            text_puts(t, "../");
        text_puts(t, above > 0 ? "\">" : "");
        text_shown(t, step);
        text_puts(t, above > 0 ? "</a><wbr>" : "");
        above -= above > 0;
        begin = i + 1;
    }
    text_puts(t, "</h1>\n");
}

/* "12,345" */
static void add_count(struct text *t, size_t n)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%zu", n);

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text_puts(t, ",");
        text_add(t, (struct mpx_str){ digits + i, 1 });
    }
}

static void add_counted(struct text *t, size_t n, const char *one, const char *many)
{
    add_count(t, n);
    text_puts(t, n == 1 ? one : many);
}

static void add_summary(struct job *j)
{
    const struct entries *e = &j->entries;
    struct text *t = &j->body;
    size_t files = e->total - e->folders;
    char size[16];

    text_puts(t, "<p class=\"sum\">");
    if (e->total == 0)
        text_puts(t, "This folder is empty");
    if (e->folders > 0)
        add_counted(t, e->folders, " folder", " folders");
    if (e->folders > 0 && files > 0)
        text_puts(t, ", ");
    if (files > 0) {
        entry_size((int64_t)e->bytes, size);
        add_counted(t, files, " file", " files");
        text_printf(t, ", %s", size);
    }
    text_puts(t, "</p>\n");
    if (!e->cut)
        return;
    text_puts(t, "<p class=\"note\" role=\"note\">Only the first ");
    add_count(t, e->count);
    text_puts(t, " of ");
    text_puts(t, e->total >= ENTRIES_READ ? "more than " : "");
    add_count(t, e->total);
    text_puts(t, " entries are shown.</p>\n");
}

/* What a column can be sorted by; -1: nothing. */
static int sort_of(enum field field)
{
    switch (field) {
    case FIELD_KIND:
        return SORT_KIND;
    case FIELD_SIZE:
        return SORT_SIZE;
    case FIELD_MTIME:
        return SORT_TIME;
    case FIELD_USER:
    case FIELD_GROUP:
    case FIELD_FLAGS:
    case FIELD_TARGET:
        break;
    }
    return -1;
}

/* The head of a column, sorted by it as a link: the other way round where it is sorted so already;
   else what is looked for first, the newest and the largest. */
static void add_column(struct job *j, const char *title, int sort)
{
    struct text *t = &j->body;
    bool is_sorted = sort == (int)j->look.sort;
    bool down = is_sorted ? !j->look.descending : sort == SORT_SIZE || sort == SORT_TIME;

    text_printf(t, "<th scope=\"col\"%s", sort == SORT_SIZE ? " class=\"n\"" : "");
    if (is_sorted)
        text_printf(t, " aria-sort=\"%scending\"", j->look.descending ? "des" : "as");
    if (sort < 0) {
        text_printf(t, ">%s", title);
        return;
    }
    text_printf(t, "><a href=\"?sort=%s&amp;order=%s", sort_words[sort], order_words[down]);
    if (j->look.format_given)
        text_puts(t, "&amp;format=html");
    text_printf(t, "\" rel=\"nofollow\">%s</a>", title);
}

static void add_columns(struct job *j)
{
    static const char *const titles[FIELDS] = { "Kind",  "Size",  "Modified", "User",
                                                "Group", "Flags", "" };
    const int *fields = j->settings->fields.items;

    text_puts(&j->body, "<thead><tr>");
    add_column(j, "Name", SORT_NAME);
    for (size_t i = 0; i < j->settings->fields.count; i++)
        if (fields[i] != FIELD_TARGET)
            add_column(j, titles[fields[i]], sort_of((enum field)fields[i]));
    text_puts(&j->body, "</tr></thead>\n<tbody>\n");
}

static void add_time(struct text *t, int64_t mtime)
{
    time_t seconds = (time_t)mtime;
    char date[40], of_day[16];
    struct tm tm;

    text_puts(t, "<td>");
    if (localtime_r(&seconds, &tm) == NULL || strftime(date, sizeof(date), "%F", &tm) == 0 ||
        strftime(of_day, sizeof(of_day), "%H:%M", &tm) == 0)
        return;
    text_printf(t, "<time>%s %s</time>", date, of_day);
}

static void add_owner(struct text *t, const char *name)
{
    text_puts(t, "<td>");
    text_shown(t, (struct mpx_str){ name, strlen(name) });
}

static void add_field(struct job *j, const struct entry *entry, enum field field)
{
    static const char *const kinds[] = { ['D'] = "Folder", ['F'] = "File", ['S'] = "Link" };
    struct text *t = &j->body;
    char name[OWNER_BYTES], flags[11], size[16];

    switch (field) {
    case FIELD_KIND:
        text_printf(t, "<td>%s", kinds[(unsigned char)entry_kind(entry)[0]]);
        return;
    case FIELD_SIZE:
        text_puts(t, "<td class=\"n\">");
        entry_size(entry->size, size);
        if (!entry->is_folder)
            text_puts(t, size);
        return;
    case FIELD_MTIME:
        add_time(t, entry->mtime);
        return;
    case FIELD_USER:
        owners_user(j->owners, entry->uid, name);
        add_owner(t, name);
        return;
    case FIELD_GROUP:
        owners_group(j->owners, entry->gid, name);
        add_owner(t, name);
        return;
    case FIELD_FLAGS:
        entry_flags(entry->mode, flags);
        text_printf(t, "<td class=\"m\">%s", flags);
        return;
    case FIELD_TARGET:
        return; /* stands behind the name */
    }
}

static void add_entry(struct job *j, const struct entry *entry)
{
    const int *fields = j->settings->fields.items;
    struct text *t = &j->body;

    text_puts(t, "<tr><th scope=\"row\"><a");
    if (entry->is_folder || S_ISLNK(entry->mode))
        text_printf(t, " class=\"%s%s\"", entry->is_folder ? "d" : "",
                    !S_ISLNK(entry->mode) ? ""
                    : entry->is_folder    ? " l"
                                          : "l");
    text_puts(t, " href=\"");
    entry_uri(t, &j->entries, entry);
    text_puts(t, "\">");
    text_shown(t, entry_name(&j->entries, entry));
    text_puts(t, entry->is_folder ? "/</a>" : "</a>");
    if (entry->target_n > 0) {
        text_puts(t, " <span class=\"to\">\xe2\x86\x92 ");
        text_shown(t, entry_target(&j->entries, entry));
        text_puts(t, "</span>");
    }
    for (size_t i = 0; i < j->settings->fields.count; i++)
        add_field(j, entry, (enum field)fields[i]);
    text_puts(t, "\n");
}

static void add_table(struct job *j)
{
    struct text *t = &j->body;
    const int *fields = j->settings->fields.items;

    text_puts(t, "<table>\n<caption class=\"quiet\">Files in ");
    text_shown(t, j->path);
    text_puts(t, "</caption>\n");
    add_columns(j);
    if (j->path.n > 1) {
        text_puts(t, "<tr><th scope=\"row\"><a class=\"up\" href=\"../\">Parent folder</a>");
        for (size_t i = 0; i < j->settings->fields.count; i++)
            text_puts(t, fields[i] != FIELD_TARGET ? "<td>" : "");
        text_puts(t, "\n");
    }
    for (size_t i = 0; i < j->entries.count; i++)
        add_entry(j, &j->entries.list[i]);
    text_puts(t, "</tbody>\n</table>\n");
}

/* What the times are meant in. */
static void add_zone(struct job *j)
{
    time_t now = time(NULL);
    char zone[64];
    struct tm tm;

    if (!j->settings->shows[FIELD_MTIME] || localtime_r(&now, &tm) == NULL ||
        strftime(zone, sizeof(zone), "%Z", &tm) == 0)
        return;
    text_puts(&j->body, "<footer>Times are ");
    text_shown(&j->body, (struct mpx_str){ zone, strlen(zone) });
    text_puts(&j->body, "</footer>\n");
}

void html_write(struct job *j)
{
    add_head(j);
    add_part(j, PART_HEADER);
    add_path(j);
    add_summary(j);
    add_table(j);
    add_part(j, PART_README);
    add_zone(j);
    text_puts(&j->body, "</main>\n</body>\n</html>\n");
}
