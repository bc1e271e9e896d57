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

enum {
    BUCKETS = 1 << 14,
    SETTLED_SECONDS = 2,
    PAGE = 4096,         /* what memory holds a part of a file by */
    STAMPS_MAX = 1 << 14 /* chunks of a file whose residency is remembered */
};

struct files {
    struct files_limits limits;
    struct list lru; /* newest first */
    unsigned entries, descriptors;
    size_t bytes;
    struct roots roots;
    struct mpx_file *buckets[BUCKETS];
};

unsigned files_descriptors(const struct files *fs)
{
    return fs->descriptors + fs->roots.count;
}

void file_drop(struct mpx_file *f)
{
    if (f == NULL || --f->uses > 0)
        return;
    if (f->fd >= 0)
        close(f->fd);
    root_release(f->anchor);
    free(f->bytes);
    free(f->stamps);
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
    list_remove(&f->beneath);
    fs->entries--;
    fs->descriptors -= f->fd >= 0;
    fs->bytes -= f->bytes != NULL ? (size_t)f->st.st_size : 0;
    f->root = NULL;
    file_drop(f);
}

/* What was found beneath a root that is no longer known. */
static void forget_beneath(void *files, struct file_root *root)
{
    struct link *l;

    while ((l = list_first(&root->files)) != NULL)
        forget(files, CONTAINER_OF(l, struct mpx_file, beneath));
}

struct files *files_create(const struct files_limits *limits)
{
    struct files *fs = must_calloc(sizeof(*fs));

    fs->limits = *limits;
    list_init(&fs->lru);
    roots_init(&fs->roots, limits->roots, forget_beneath, fs);
    return fs;
}

void files_destroy(struct files *fs)
{
    if (fs == NULL)
        return;
    roots_finish(&fs->roots);
    free(fs);
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

ssize_t file_read(int fd, void *to, size_t n, off_t off, bool wait)
{
    struct iovec v = { to, n };
    ssize_t got = preadv2(fd, &v, 1, off, wait ? 0 : RWF_NOWAIT);

    if (got < 0 && errno == EOPNOTSUPP && !wait) {
        if (!is_memory(fd))
            return -EAGAIN;
        got = preadv2(fd, &v, 1, off, 0);
    }
    return got < 0 ? -errno : got;
}

/* Reads n bytes; -EAGAIN when only the disk has them and wait is false. 0 only for all of them. */
static int read_range(int fd, void *to, size_t n, off_t off, bool wait)
{
    ssize_t got = file_read(fd, to, n, off, wait);

    if (got == (ssize_t)n)
        return 0;
    if (!wait)
        return -EAGAIN;
    return got < 0 ? (int)got : -EIO; /* it shrank while we read */
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

unsigned file_beneath_flags(unsigned flags)
{
    unsigned last = (flags & MPX_OPEN_DIRECTORY) != 0 ? BENEATH_DIRECTORY : 0;

    switch (flags & MPX_OPEN_LINKS) {
    case MPX_OPEN_LINKS_DENY:
        return last | BENEATH_DENY;
    case MPX_OPEN_LINKS_OWNER:
        return last | BENEATH_OWNER;
    case MPX_OPEN_LINKS_FOLLOW:
        return last | ((flags & FILE_OWNED) != 0 ? BENEATH_OWNER : BENEATH_FOLLOW);
    default:
        return last;
    }
}

/* What was found, as a file with one use; a folder keeps its root, which may be NULL. */
static struct mpx_file *file_of(struct file_root *root, const struct file_open *o,
                                const struct file_found *found)
{
    size_t n = strlen(o->rel) + 1;
    struct mpx_file *f = must_calloc(sizeof(*f) + n);

    f->st = found->st;
    f->bytes = found->bytes;
    f->fd = found->fd;
    f->uses = 1;
    f->flags = o->flags;
    memcpy(f->name, o->rel, n);
    if (S_ISDIR(f->st.st_mode) && root != NULL) {
        f->anchor = root;
        root->uses++;
    }
    return f;
}

/* Takes a use of f into the cache, in the place of what the path led to before. */
static void keep(struct files *fs, struct file_root *root, const struct file_open *o,
                 struct mpx_file *f, int64_t now_ms)
{
    f->root = root;
    f->hash = hash_of(o->rel, o->flags);
    f->checked_ms = now_ms;
    f->next_in_bucket = fs->buckets[f->hash % BUCKETS];
    fs->buckets[f->hash % BUCKETS] = f;
    list_push_first(&fs->lru, &f->lru);
    list_push(&root->files, &f->beneath);
    fs->entries++;
    fs->descriptors += f->fd >= 0;
    fs->bytes += f->bytes != NULL ? (size_t)f->st.st_size : 0;
    make_room(fs);
}

static struct mpx_file *install(struct files *fs, struct file_root *root, const struct file_open *o,
                                const struct file_found *found, int64_t now_ms)
{
    forget_path(fs, root, o);
    struct mpx_file *f = file_of(root, o, found);
    f->uses++; /* the cache's */
    f->settled = time(NULL) - found->st.st_ctim.tv_sec >= SETTLED_SECONDS;
    keep(fs, root, o, f, now_ms);
    return f;
}

/* The path leads to nothing. A removed file that stayed open would keep its disk space. */
static void miss(struct files *fs, struct file_root *root, const struct file_open *o, int error,
                 int64_t now_ms)
{
    static const struct file_found nothing = { .root_fd = -1, .fd = -1 };

    forget_path(fs, root, o);
    if ((o->flags & MPX_OPEN_ABSENCE) == 0 || (error != -ENOENT && error != -ENOTDIR))
        return;
    struct mpx_file *f = file_of(NULL, o, &nothing);
    f->error = error;
    keep(fs, root, o, f, now_ms);
}

static struct mpx_file *use(struct files *fs, struct mpx_file *f)
{
    f->uses++;
    list_remove(&f->lru);
    list_push_first(&fs->lru, &f->lru);
    return f;
}

/* Whether a root that belongs to uid is not the one that is wanted. */
static bool is_of_another(const struct file_open *o, uid_t uid)
{
    return (o->flags & FILE_OWNED) != 0 && uid != o->owner;
}

int file_open_now(struct file_open *o, int64_t now_ms, struct mpx_file **file, int *rc)
{
    struct files *fs = o->files;
    struct file_found found = { .fd = -1 };
    struct file_root *root = root_now(&fs->roots, o->root, now_ms, rc);

    o->held = NULL;
    o->found = (struct file_found){ .root_fd = -1, .fd = -1, .rc = -ECANCELED };
    if (root != NULL && is_of_another(o, root->uid))
        *rc = -ENOENT;
    if (root == NULL || *rc < 0)
        return *rc != -EAGAIN;
    o->held = root;
    root->uses++;
    struct mpx_file *f = find(fs, root, o, hash_of(o->rel, o->flags));
    if (f != NULL && now_ms - f->checked_ms < FILE_BELIEVED_MS) {
        *rc = f->error;
        if (*rc == 0)
            *file = use(fs, f);
        root_release(root);
        return 1;
    }
    int fd = beneath_open(root->fd, o->rel, file_beneath_flags(o->flags) | BENEATH_CACHED);
    if (fd == -EAGAIN)
        return 0;
    if (fd < 0) {
        *rc = fd;
        miss(fs, root, o, fd, now_ms);
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
        else if (root_fd >= 0 && is_of_another(o, o->found.root_st.st_uid))
            o->found.rc = -ENOENT;
    }
    if (o->found.rc == 0) {
        int fd = beneath_open(root_fd, o->rel, file_beneath_flags(o->flags));

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
        root = root_install(&o->files->roots, o->root, found->root_fd, &found->root_st, now_ms);
    else if (found->root_fd >= 0)
        close(found->root_fd);
    if (rc == 0 && (found->fd >= 0 || found->bytes != NULL)) {
        if (root != NULL && root_is_known(root)) {
            f = install(o->files, root, o, found, now_ms);
        } else { /* the root was replaced meanwhile: this answer is good for one use */
            f = file_of(root, o, found);
        }
    } else if (rc != -ECANCELED && root != NULL && root_is_known(root)) {
        miss(o->files, root, o, rc, now_ms);
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

/* Whether every page from off on can be had without waiting. */
static bool are_at_hand(int fd, off_t off, size_t n)
{
    const off_t end = off + (off_t)n;

    for (; off < end; off = (off / PAGE + 1) * PAGE)
        if (!is_at_hand(fd, off))
            return false;
    return true;
}

/* When the chunk around off was last found in memory; NULL for a file that has too many to note
   it. */
static uint32_t *stamp_of(struct mpx_file *f, off_t off)
{
    size_t chunks = (size_t)((f->st.st_size + FILE_CHUNK - 1) / FILE_CHUNK);
    size_t i = (size_t)(off / FILE_CHUNK);

    if (chunks > STAMPS_MAX || i >= chunks)
        return NULL;
    if (f->stamps == NULL)
        f->stamps = must_calloc(chunks * sizeof(*f->stamps));
    return &f->stamps[i];
}

size_t file_chunk(off_t off, size_t n)
{
    size_t room = FILE_CHUNK - (size_t)(off % FILE_CHUNK);

    return n < room ? n : room;
}

bool file_is_resident(struct mpx_file *f, off_t off, size_t n, int64_t now_ms)
{
    uint32_t now = (uint32_t)now_ms | 1; /* 0: never */

    if (f->fd < 0 || n == 0)
        return true;
    uint32_t *stamp = stamp_of(f, off);
    if (stamp != NULL && *stamp != 0 && now - *stamp < FILE_BELIEVED_MS)
        return true;
    if (!are_at_hand(f->fd, off, n))
        return false;
    if (stamp != NULL && off % FILE_CHUNK == 0 &&
        (n == FILE_CHUNK || off + (off_t)n >= f->st.st_size))
        *stamp = now;
    return true;
}

void file_load(int fd, off_t off, size_t n)
{
    char *scratch = must_alloc(n);

    (void)posix_fadvise(fd, off, (off_t)n, POSIX_FADV_WILLNEED);
    (void)read_range(fd, scratch, n, off, true);
    free(scratch);
}
