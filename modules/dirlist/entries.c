/* SPDX-License-Identifier: MIT
   Reads a directory: what may be shown of it, sorted, cut to what is wanted. On a thread. */
#include "listing.h"

#include "../common/pattern.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
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

/* Whether a GET may read it; folders are entered. Most files are everybody's: no need to ask. */
static bool is_readable(int dir, const char *name, const struct stat *st)
{
    const mode_t everybody = S_ISDIR(st->st_mode) ? 0111 : 0444;

    return (st->st_mode & everybody) == everybody ||
           faccessat(dir, name, S_ISDIR(st->st_mode) ? X_OK : R_OK, AT_EACCESS) == 0;
}

static bool files_hides(const struct job *j, struct mpx_str name)
{
    (void)j;
    return name.p[0] == '.';
}

static int files_follow(const struct job *j, const char *name, struct stat *st)
{
    struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_BENEATH };
    int fd = (int)syscall(SYS_openat2, j->dir_fd, name, &how, sizeof(how));
    if (fd < 0)
        return -errno;
    int rc = fstat(fd, st);
    close(fd);
    return rc;
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
    ssize_t n = readlinkat(j->dir_fd, name.p, target, sizeof(target));
    if (n > 0) {
        entry->target_n = (size_t)n;
        text_add(names, (struct mpx_str){ target, (size_t)n });
    }
}

/* Adds an entry when a GET of it would give something. own: of itself; leads_to: what it is, or
   leads to. 0, or -ENOMEM. */
static int add(struct job *j, struct mpx_str name, const struct stat *own,
               const struct stat *leads_to)
{
    struct entries *e = &j->entries;
    const struct stat *shown = j->settings->hide_symlinks ? leads_to : own;

    if ((!S_ISREG(leads_to->st_mode) && !S_ISDIR(leads_to->st_mode)) ||
        !is_readable(j->dir_fd, name.p, leads_to))
        return 0;
    struct entry *entry = new_entry(e);
    if (entry == NULL)
        return -ENOMEM;
    *entry = (struct entry){
        .mode = shown->st_mode,
        .is_folder = S_ISDIR(leads_to->st_mode),
        .uid = shown->st_uid,
        .gid = shown->st_gid,
        .size = leads_to->st_size,
        .mtime = leads_to->st_mtim.tv_sec,
    };
    add_names(j, entry, name);
    e->folders += entry->is_folder;
    e->bytes += entry->is_folder ? 0 : (uint64_t)entry->size;
    return e->names.failed ? -ENOMEM : 0;
}

static int look_at(struct job *j, const struct dirent *d, struct pattern_room *room)
{
    struct mpx_str name = { d->d_name, strlen(d->d_name) };
    struct stat own, leads_to;

    if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0 || files_hides(j, name) ||
        (room != NULL && !pattern_test(j->settings->pattern, name, room)))
        return 0;
    if (fstatat(j->dir_fd, d->d_name, &own, AT_SYMLINK_NOFOLLOW) < 0)
        return 0;
    leads_to = own;
    if (S_ISLNK(own.st_mode) && files_follow(j, d->d_name, &leads_to) < 0)
        return 0;
    return add(j, name, &own, &leads_to);
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
        rc = look_at(j, d, room);
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
    int fd = openat(j->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
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
    rc = j->settings->pattern != NULL && room == NULL ? -ENOMEM : read_all(j, dir, room);
    pattern_room_destroy(room);
    closedir(dir);
    if (rc == 0)
        sort_and_cut(j);
    return rc;
}
