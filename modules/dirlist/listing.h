/* SPDX-License-Identifier: MIT
   What the files of this module share: settings, how a listing is asked for, its entries. */
#ifndef DIRLIST_LISTING_H
#define DIRLIST_LISTING_H
#include "owners.h"
#include "text.h"

#include <multiplexd/files.h>

enum field {
    FIELD_KIND,
    FIELD_SIZE,
    FIELD_MTIME,
    FIELD_USER,
    FIELD_GROUP,
    FIELD_FLAGS,
    FIELD_TARGET
};
enum { FIELDS = FIELD_TARGET + 1 };
enum sort { SORT_NAME, SORT_SIZE, SORT_TIME, SORT_KIND };
enum part { PART_HEADER, PART_README };
enum { PARTS = PART_README + 1 };
enum format { FORMAT_HTML, FORMAT_JSON };
enum { PART_BYTES = 64 << 10, ENTRIES_READ = 1 << 20 };

extern const char *const field_words[],
    *const sort_words[], *const order_words[], *const format_words[]; /* NULL at the end */

struct settings {
    bool enabled, dirs_first, hide_symlinks, style;
    struct mpx_list fields; /* of int, enum field */
    int sort, order;
    int64_t max_entries;
    struct mpx_str names, css;
    struct mpx_list header, readme; /* of struct mpx_str, names of files */
    /* below: what open() makes of them */
    bool is_on;
    bool shows[FIELDS];
    struct mpx_conf *conf;
    const struct pattern *pattern; /* NULL: all names */
    struct mpx_str admits;         /* Content-Security-Policy, or "" */
    struct pages *pages;
    const struct mpx_files *files; /* NULL: the default policy */
    uint64_t id;                   /* unlike that of any other settings */
};

/* How it is asked for. */
struct look {
    enum format format;
    bool format_given; /* in the query: links keep it */
    enum sort sort;
    bool descending;
};

struct entry {
    size_t name_at, name_n, target_n; /* in the names; a link's target stands behind its name */
    mode_t mode;                      /* of the entry itself */
    bool is_folder;                   /* it is one, or leads to one */
    uid_t uid;
    gid_t gid;
    int64_t size, mtime; /* of what a GET of it gives; mtime in seconds */
};
struct entries {
    struct entry *list;
    size_t count, room;
    struct text names;
    size_t total, folders; /* that may be shown, of which max_entries are kept */
    uint64_t bytes;        /* of the files among them */
    bool cut;
};

/* One listing while a thread makes it. */
struct job {
    const struct settings *settings;
    struct look look;
    struct mpx_str path; /* as it is shown; ends with a slash */
    struct mpx_file *dir;
    struct mpx_file *part[PARTS]; /* what is shown above and below; NULL: nothing */
    bool part_is_html[PARTS];
    const struct mpx_files_policy *policy;
    struct owners *owners;
    struct entries entries;
    struct text whole; /* the path of the entry that is looked at */
    struct text body;
};

/* On a thread. 0, or -errno. */
int entries_read(struct job *j);
void entries_free(struct entries *e);
struct mpx_str entry_name(const struct entries *e, const struct entry *entry);
struct mpx_str entry_target(const struct entries *e, const struct entry *entry); /* or "" */
const char *entry_kind(const struct entry *entry); /* "DIRECTORY", "FILE", "SYMLINK" */
void entry_flags(mode_t mode, char flags[11]);     /* as ls -l shows them */
void entry_size(int64_t size, char out[16]);       /* "12 B", "1.5 kB", "123 MB" */
/* Its URI relative to the listing. */
void entry_uri(struct text *t, const struct entries *e, const struct entry *entry);

/* Write j->body. */
void html_write(struct job *j);
void json_write(struct job *j);
extern const char html_style[];      /* the built-in style sheet ... */
extern const char html_style_hash[]; /* ... and its SHA-256 in Base64, for the policy */

#endif
