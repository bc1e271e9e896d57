/* SPDX-License-Identifier: MIT */
#include "file.h"

#include "beneath.h"
#include "must.h"
#include "str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BUCKETS = 1 << 14, SETTLED_SECONDS = 2 };

/* A root never changes: when its path leads elsewhere, another one takes its place. */
struct file_root {
    struct link lru;
    int fd;
    dev_t dev;
    ino_t ino;
    unsigned uses; /* opens that are under way; one more while it is in the list */
    int64_t checked_ms;
    char path[];
};

struct files {
    struct files_limits limits;
    struct list lru, roots; /* newest first */
    unsigned entries, descriptors, root_count;
    size_t bytes;
    struct mpx_file *buckets[BUCKETS];
};

struct files *files_create(const struct files_limits *limits)
{
    struct files *fs = must_calloc(sizeof(*fs));

    fs->limits = *limits;
    list_init(&fs->lru);
    list_init(&fs->roots);
    return fs;
}

void file_drop(struct mpx_file *f)
{
    if (f == NULL || --f->uses > 0)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->bytes);
    free(f);
}

/* Takes f out of the cache, which gives its use back. */
static void forget(struct files *fs, struct mpx_file *f)
{
    struct mpx_file **link = &fs->buckets[f->hash % BUCKETS];

    while (*link != f)
        link = &(*link)->next_in_bucket;
    *link = f->next_in_bucket;
    list_remove(&f->lru);
    fs->entries--;
    fs->descriptors -= f->fd >= 0;
    fs->bytes -= f->bytes != NULL ? (size_t)f->st.st_size : 0;
    f->root = NULL;
    file_drop(f);
}

static void root_release(struct file_root *root)
{
    if (root == NULL || --root->uses > 0)
        return;
    close(root->fd);
    free(root);
}

/* Takes a root out of the list, with all files found beneath it. */
static void root_forget(struct files *fs, struct file_root *root)
{
    struct link *next;

    for (struct link *l = list_first(&fs->lru); l != NULL; l = next) {
        struct mpx_file *f = CONTAINER_OF(l, struct mpx_file, lru);

        next = list_next(&fs->lru, l);
        if (f->root == root)
            forget(fs, f);
    }
    list_remove(&root->lru);
    fs->root_count--;
    root_release(root);
}

void files_destroy(struct files *fs)
{
    struct link *l;

    if (fs == NULL)
        return;
    while ((l = list_first(&fs->roots)) != NULL)
        root_forget(fs, CONTAINER_OF(l, struct file_root, lru));
    free(fs);
}

static struct file_root *root_find(struct files *fs, const char *path)
{
    for (struct link *l = list_first(&fs->roots); l != NULL; l = list_next(&fs->roots, l)) {
        struct file_root *root = CONTAINER_OF(l, struct file_root, lru);

        if (strcmp(root->path, path) == 0) {
            list_remove(l);
            list_push_first(&fs->roots, l);
            return root;
        }
    }
    return NULL;
}

/* What the path leads to now: the root we know, or a new one. Takes fd. */
static struct file_root *root_install(struct files *fs, const char *path, int fd,
                                      const struct stat *st, int64_t now_ms)
{
    struct file_root *root = root_find(fs, path);

    if (root != NULL && root->dev == st->st_dev && root->ino == st->st_ino) {
        close(fd);
        root->checked_ms = now_ms;
        return root;
    }
    if (root != NULL)
        root_forget(fs, root);
    if (fs->root_count >= fs->limits.roots)
        root_forget(fs, CONTAINER_OF(fs->roots.head.prev, struct file_root, lru));
    root = must_calloc(sizeof(*root) + strlen(path) + 1);
    memcpy(root->path, path, strlen(path) + 1);
    root->fd = fd;
    root->dev = st->st_dev;
    root->ino = st->st_ino;
    root->uses = 1;
    root->checked_ms = now_ms;
    list_push_first(&fs->roots, &root->lru);
    fs->root_count++;
    return root;
}

static uint32_t hash_of(const char *path, unsigned flags)
{
    uint32_t h = 2166136261u ^ flags;

    for (; *path != '\0'; path++)
        h = (h ^ (unsigned char)*path) * 16777619u;
    return h;
}

static struct mpx_file *find(struct files *fs, const struct file_root *root,
                             const struct file_open *o, uint32_t hash)
{
    for (struct mpx_file *f = fs->buckets[hash % BUCKETS]; f != NULL; f = f->next_in_bucket)
        if (f->hash == hash && f->root == root && f->flags == o->flags &&
            strcmp(f->name, o->rel) == 0)
            return f;
    return NULL;
}

/* Forgets what the path led to before. */
static void forget_path(struct files *fs, const struct file_root *root, const struct file_open *o)
{
    struct mpx_file *f = find(fs, root, o, hash_of(o->rel, o->flags));

    if (f != NULL)
        forget(fs, f);
}

static void make_room(struct files *fs)
{
    while (fs->entries > fs->limits.entries || fs->descriptors > fs->limits.descriptors ||
           fs->bytes > fs->limits.bytes)
        forget(fs, CONTAINER_OF(fs->lru.head.prev, struct mpx_file, lru));
}

static bool is_same(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mode == b->st_mode && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
           a->st_mtim.tv_nsec == b->st_mtim.tv_nsec && a->st_ctim.tv_sec == b->st_ctim.tv_sec &&
           a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

static bool is_small(const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_size <= FILE_SMALL;
}

/* A tmpfs refuses RWF_NOWAIT but never waits. */
static bool is_memory(int fd)
{
    struct statfs sf;

    return fstatfs(fd, &sf) == 0 && (sf.f_type == TMPFS_MAGIC || sf.f_type == RAMFS_MAGIC);
}

/* Reads n bytes; -EAGAIN when only the disk has them and wait is false. 0 only for all of them. */
static int read_range(int fd, void *to, size_t n, off_t off, bool wait)
{
    struct iovec v = { to, n };
    ssize_t got = preadv2(fd, &v, 1, off, wait ? 0 : RWF_NOWAIT);

    if (got < 0 && errno == EOPNOTSUPP && !wait && is_memory(fd))
        got = preadv2(fd, &v, 1, off, 0);
    if (got == (ssize_t)n)
        return 0;
    if (!wait)
        return -EAGAIN;
    return got < 0 ? -errno : -EIO; /* it shrank while we read */
}

/* Stats fd and, when it is small, reads it. Takes fd on failure. */
static int look_at(struct file_found *found, int fd, unsigned flags, bool wait)
{
    int rc = fstat(fd, &found->st) < 0 ? -errno : 0;

    found->fd = fd;
    if (rc == 0 && is_small(&found->st) && (flags & MPX_OPEN_DESCRIPTOR) == 0) {
        found->bytes = must_alloc((size_t)found->st.st_size);
        rc = read_range(fd, found->bytes, (size_t)found->st.st_size, 0, wait);
        if (rc < 0) {
            free(found->bytes);
            found->bytes = NULL;
        } else {
            found->fd = -1;
        }
    }
    if (rc < 0 || found->fd < 0)
        close(fd);
    if (rc < 0)
        found->fd = -1;
    return rc;
}

static unsigned beneath_flags(unsigned flags)
{
    return (flags & MPX_OPEN_DIRECTORY) != 0 ? BENEATH_DIRECTORY : 0;
}

/* Puts what was found into the cache, in the place of what the path led to before. */
static struct mpx_file *install(struct files *fs, struct file_root *root, const struct file_open *o,
                                const struct file_found *found, int64_t now_ms)
{
    uint32_t hash = hash_of(o->rel, o->flags);
    struct mpx_file *f = must_calloc(sizeof(*f) + strlen(o->rel) + 1);

    forget_path(fs, root, o);
    f->st = found->st;
    f->bytes = found->bytes;
    f->fd = found->fd;
    f->uses = 2; /* the cache and the asker */
    f->root = root;
    f->hash = hash;
    f->flags = o->flags;
    f->checked_ms = now_ms;
    f->settled = time(NULL) - found->st.st_ctim.tv_sec >= SETTLED_SECONDS;
    memcpy(f->name, o->rel, strlen(o->rel) + 1);
    f->next_in_bucket = fs->buckets[hash % BUCKETS];
    fs->buckets[hash % BUCKETS] = f;
    list_push_first(&fs->lru, &f->lru);
    fs->entries++;
    fs->descriptors += f->fd >= 0;
    fs->bytes += f->bytes != NULL ? (size_t)f->st.st_size : 0;
    make_room(fs);
    return f;
}

static struct mpx_file *use(struct files *fs, struct mpx_file *f)
{
    f->uses++;
    list_remove(&f->lru);
    list_push_first(&fs->lru, &f->lru);
    return f;
}

/* The root for o, without waiting for a disk; NULL when that cannot be. */
static struct file_root *root_now(struct file_open *o, int64_t now_ms)
{
    struct file_root *root = root_find(o->files, o->root);
    struct stat st;

    if (root != NULL && now_ms - root->checked_ms < FILE_BELIEVED_MS)
        return root;
    int fd = beneath_root(o->root, BENEATH_CACHED);
    if (fd >= 0 && fstat(fd, &st) == 0)
        return root_install(o->files, o->root, fd, &st, now_ms);
    if (fd >= 0)
        close(fd);
    return NULL;
}

int file_open_now(struct file_open *o, int64_t now_ms, struct mpx_file **file, int *rc)
{
    struct files *fs = o->files;
    struct file_found found = { .fd = -1 };
    struct file_root *root = root_now(o, now_ms);

    *rc = 0;
    o->held = root;
    o->found = (struct file_found){ .root_fd = -1, .fd = -1, .rc = -ECANCELED };
    if (root == NULL)
        return 0;
    root->uses++;
    struct mpx_file *f = find(fs, root, o, hash_of(o->rel, o->flags));
    if (f != NULL && now_ms - f->checked_ms < FILE_BELIEVED_MS) {
        *file = use(fs, f);
        root_release(root);
        return 1;
    }
    int fd = beneath_open(root->fd, o->rel, beneath_flags(o->flags) | BENEATH_CACHED);
    if (fd == -EAGAIN)
        return 0;
    if (fd < 0) {
        *rc = fd;
        forget_path(fs, root, o); /* a removed file that stayed open would keep its disk space */
    } else if (f != NULL && f->settled && fstat(fd, &found.st) == 0 && is_same(&found.st, &f->st)) {
        close(fd);
        f->checked_ms = now_ms;
        *file = use(fs, f);
    } else if ((*rc = look_at(&found, fd, o->flags, false)) == 0) {
        *file = install(fs, root, o, &found, now_ms);
    }
    if (*rc == -EAGAIN)
        return 0;
    root_release(root);
    return 1;
}

void file_open_work(void *arg)
{
    struct file_open *o = arg;
    int root_fd = o->held != NULL ? o->held->fd : -1;

    o->found = (struct file_found){ .root_fd = -1, .fd = -1 };
    if (root_fd < 0) {
        root_fd = o->found.root_fd = beneath_root(o->root, 0);
        o->found.rc = root_fd < 0 ? root_fd : 0;
        if (root_fd >= 0 && fstat(root_fd, &o->found.root_st) < 0)
            o->found.rc = -errno;
    }
    if (o->found.rc == 0) {
        int fd = beneath_open(root_fd, o->rel, beneath_flags(o->flags));

        o->found.rc = fd < 0 ? fd : look_at(&o->found, fd, o->flags, true);
    }
}

int file_open_finish(struct file_open *o, int64_t now_ms, struct mpx_file **file)
{
    struct file_found *found = &o->found;
    struct file_root *root = o->held;
    struct mpx_file *f = NULL;
    int rc = found->rc;

    if (found->root_fd >= 0 && rc == 0)
        root = root_install(o->files, o->root, found->root_fd, &found->root_st, now_ms);
    else if (found->root_fd >= 0)
        close(found->root_fd);
    if (rc == 0 && (found->fd >= 0 || found->bytes != NULL)) {
        if (root != NULL && link_is_in_list(&root->lru)) {
            f = install(o->files, root, o, found, now_ms);
        } else { /* the root was replaced meanwhile: this answer is good for one use */
            f = must_calloc(sizeof(*f) + 1);
            *f = (struct mpx_file){ .st = found->st, .bytes = found->bytes, .fd = found->fd };
            f->uses = 1;
        }
    } else if (rc != -ECANCELED && root != NULL && link_is_in_list(&root->lru)) {
        forget_path(o->files, root, o);
    }
    root_release(o->held);
    o->held = NULL;
    if (file != NULL)
        *file = f;
    else
        file_drop(f);
    return rc;
}

/* Whether the byte there can be had without waiting. Past the end of a file that became shorter,
   and where it cannot be read at all, there is nothing to wait for. */
static bool is_at_hand(int fd, off_t off)
{
    char byte;
    struct iovec v = { &byte, 1 };

    if (preadv2(fd, &v, 1, off, RWF_NOWAIT) >= 0)
        return true;
    return errno == EOPNOTSUPP ? is_memory(fd) : errno != EAGAIN;
}

bool file_is_resident(struct mpx_file *f, off_t off, size_t n, int64_t now_ms)
{
    bool whole = off == 0 && (off_t)n >= f->st.st_size;

    if (f->fd < 0 || n == 0)
        return true;
    if (f->resident_ms != 0 && now_ms - f->resident_ms < FILE_BELIEVED_MS)
        return true;
    if (!is_at_hand(f->fd, off) || !is_at_hand(f->fd, off + (off_t)n - 1))
        return false;
    if (whole)
        f->resident_ms = now_ms;
    return true;
}

void file_load(int fd, off_t off, size_t n)
{
    char *scratch = must_alloc(n);

    (void)posix_fadvise(fd, off, (off_t)n, POSIX_FADV_WILLNEED);
    (void)read_range(fd, scratch, n, off, true);
    free(scratch);
}
