/* SPDX-License-Identifier: MIT
   Reads a directory: what may be shown of it, sorted, cut to what is wanted. On a thread. */
#include "listing.h"

#include "../common/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void entries_free(struct entries *e)
{
    free(e->list);
    text_free(&e->names);
    *e = (struct entries){ .list = NULL };
}

struct mpx_str entry_name(const struct entries *e, const struct entry *entry)
{
    return (struct mpx_str){ e->names.p + entry->name_at, entry->name_n };
}

struct mpx_str entry_target(const struct entries *e, const struct entry *entry)
{
    return (struct mpx_str){ e->names.p + entry->name_at + entry->name_n, entry->target_n };
}

const char *entry_kind(const struct entry *entry)
{
    return S_ISLNK(entry->mode) ? "SYMLINK" : S_ISDIR(entry->mode) ? "DIRECTORY" : "FILE";
}

void entry_flags(mode_t mode, char flags[11])
{
    static const char letters[] = "rwxrwxrwx";

    flags[0] = S_ISDIR(mode) ? 'd' : S_ISLNK(mode) ? 'l' : '-';
    for (int i = 0; i < 9; i++)
        flags[1 + i] = (mode & (0400u >> i)) != 0 ? letters[i] : '-';
    if ((mode & S_ISUID) != 0)
        flags[3] = (mode & S_IXUSR) != 0 ? 's' : 'S';
    if ((mode & S_ISGID) != 0)
        flags[6] = (mode & S_IXGRP) != 0 ? 's' : 'S';
    if ((mode & S_ISVTX) != 0)
        flags[9] = (mode & S_IXOTH) != 0 ? 't' : 'T';
    flags[10] = '\0';
}

void entry_size(int64_t size, char out[16])
{
    static const char *const units[] = { "B", "kB", "MB", "GB", "TB", "PB", "EB" };
    double n = (double)size;
    int unit = 0;

    for (; n >= 999.5 && unit < 6; unit++)
        n /= 1024;
    (void)snprintf(out, 16, unit > 0 && n < 99.95 ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

void entry_uri(struct text *t, const struct entries *e, const struct entry *entry)
{
    text_uri(t, entry_name(e, entry));
    if (entry->is_folder)
        text_puts(t, "/");
}

/* Whether a GET of it would be answered: a file, or a folder that can be entered as well as read.
   Most folders are everybody's: no need to ask. */
static bool is_served(int dir, const char *name, const struct stat *st)
{
    if (!S_ISDIR(st->st_mode))
        return S_ISREG(st->st_mode);
    return (st->st_mode & 0111) == 0111 || faccessat(dir, name, X_OK, AT_EACCESS) == 0;
}

static struct entry *new_entry(struct entries *e)
{
    if (e->count == e->room) {
        size_t room = e->room > 0 ? 2 * e->room : 64;
        struct entry *list = realloc(e->list, room * sizeof(*list));

        if (list == NULL)
            return NULL;
        e->list = list;
        e->room = room;
    }
    return &e->list[e->count++];
}

/* Keeps the name, and of a link its target. */
static void add_names(struct job *j, struct entry *entry, struct mpx_str name)
{
    struct text *names = &j->entries.names;
    char target[PATH_MAX];

    entry->name_at = names->n;
    entry->name_n = name.n;
    text_add(names, name);
    if (!S_ISLNK(entry->mode) || !j->settings->shows[FIELD_TARGET])
        return;
    ssize_t n = readlinkat(mpx_file_fd(j->dir), name.p, target, sizeof(target));
    if (n > 0) {
        entry->target_n = (size_t)n;
        text_add(names, (struct mpx_str){ target, (size_t)n });
    }
}

/* Adds an entry. own: of itself; found: of what it is, or leads to. 0, or -ENOMEM. */
static int add(struct job *j, struct mpx_str name, const struct stat *own, const struct stat *found)
{
    struct entries *e = &j->entries;
    const struct stat *shown = j->settings->hide_symlinks ? found : own;
    struct entry *entry = new_entry(e);
    if (entry == NULL)
        return -ENOMEM;
    *entry = (struct entry){
        .mode = shown->st_mode,
        .is_folder = S_ISDIR(found->st_mode),
        .uid = shown->st_uid,
        .gid = shown->st_gid,
        .size = found->st_size,
        .mtime = found->st_mtim.tv_sec,
    };
    add_names(j, entry, name);
    e->folders += entry->is_folder;
    e->bytes += entry->is_folder ? 0 : (uint64_t)entry->size;
    return e->names.failed ? -ENOMEM : 0;
}

/* The folder and that above it are no entries; a path with a backslash, encoded or not, is
   refused before anybody opens it. */
static bool has_path(const char *name)
{
    return strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && strchr(name, '\\') == NULL;
}

static int look_at(struct job *j, const char *name, struct pattern_room *room)
{
    struct mpx_str view = { name, strlen(name) };
    struct stat own, found;

    if (!has_path(name) || (room != NULL && !pattern_test(j->settings->pattern, view, room)))
        return 0;
    j->whole.n = j->path.n; /* the folder's path stays, the name behind it changes */
    text_add(&j->whole, view);
    if (j->whole.failed)
        return -ENOMEM;
    if (j->policy->hides(j->policy, (struct mpx_str){ j->whole.p, j->whole.n }) ||
        mpx_file_look(j->dir, name, j->policy->links, &own, &found) < 0 ||
        !is_served(mpx_file_fd(j->dir), name, &found))
        return 0;
    return add(j, view, &own, &found);
}

static int read_all(struct job *j, DIR *dir, struct pattern_room *room)
{
    const struct dirent *d;
    size_t seen = 0;
    int rc = 0;

    while (rc == 0 && (errno = 0, d = readdir(dir)) != NULL) {
        if (++seen > ENTRIES_READ) {
            j->entries.cut = true;
            break;
        }
        rc = look_at(j, d->d_name, room);
    }
    return rc != 0 ? rc : -errno;
}

/* What qsort_r is told: the order, and where the names are. */
struct order {
    const struct entries *e;
    struct look look;
    bool folders_first;
};

static int compare_numbers(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_names(const struct entries *e, const struct entry *a, const struct entry *b)
{
    struct mpx_str x = entry_name(e, a), y = entry_name(e, b);
    int rc = memcmp(x.p, y.p, x.n < y.n ? x.n : y.n);

    return rc != 0 ? rc : compare_numbers((int64_t)x.n, (int64_t)y.n);
}

static int kind_rank(const struct entry *entry)
{
    return S_ISDIR(entry->mode) ? 0 : S_ISREG(entry->mode) ? 1 : 2;
}

static int compare_by(const struct order *o, const struct entry *a, const struct entry *b)
{
    switch (o->look.sort) {
    case SORT_NAME:
        return compare_names(o->e, a, b);
    case SORT_SIZE: /* that of a folder says nothing */
        return compare_numbers(a->is_folder ? -1 : a->size, b->is_folder ? -1 : b->size);
    case SORT_TIME:
        return compare_numbers(a->mtime, b->mtime);
    case SORT_KIND:
        return kind_rank(a) - kind_rank(b);
    }
    return 0;
}

static int compare(const void *x, const void *y, void *arg)
{
    const struct entry *a = x, *b = y;
    const struct order *o = arg;

    if (o->folders_first && a->is_folder != b->is_folder)
        return a->is_folder ? -1 : 1;
    int rc = compare_by(o, a, b);
    if (rc != 0)
        return o->look.descending ? -rc : rc;
    return compare_names(o->e, a, b);
}

static void sort_and_cut(struct job *j)
{
    struct entries *e = &j->entries;
    struct order order = { e, j->look, j->settings->dirs_first };

    if (e->count > 0)
        qsort_r(e->list, e->count, sizeof(*e->list), compare, &order);
    e->total = e->count;
    if (e->count > (size_t)j->settings->max_entries) {
        e->count = (size_t)j->settings->max_entries;
        e->cut = true;
    }
}

int entries_read(struct job *j)
{
    /* a descriptor with an offset of its own: that of ours is shared */
    int fd = openat(mpx_file_fd(j->dir), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    struct pattern_room *room = NULL;
    int rc = -errno;

    if (dir == NULL) {
        if (fd >= 0)
            close(fd);
        return rc;
    }
    if (j->settings->pattern != NULL)
        room = pattern_room_create();
    text_add(&j->whole, j->path);
    rc = j->settings->pattern != NULL && room == NULL ? -ENOMEM : read_all(j, dir, room);
    pattern_room_destroy(room);
    text_free(&j->whole);
    closedir(dir);
    if (rc == 0)
        sort_and_cut(j);
    return rc;
}
