/* SPDX-License-Identifier: MIT */
#include "root.h"

#include "beneath.h"
#include "must.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void roots_init(struct roots *rs, unsigned limit, void (*forget)(void *arg, struct file_root *root),
                void *arg)
{
    memset(rs, 0, sizeof(*rs));
    list_init(&rs->lru);
    rs->limit = limit;
    rs->forget = forget;
    rs->arg = arg;
}

void root_release(struct file_root *root)
{
    if (root == NULL || --root->uses > 0)
        return;
    close(root->fd);
    free(root);
}

/* No longer known; what was found beneath it goes as well. */
static void forget(struct roots *rs, struct file_root *root)
{
    struct file_root **link = &rs->buckets[root->hash % ROOT_BUCKETS];

    rs->forget(rs->arg, root);
    while (*link != root)
        link = &(*link)->next_in_bucket;
    *link = root->next_in_bucket;
    list_remove(&root->lru);
    rs->count--;
    root_release(root);
}

void roots_finish(struct roots *rs)
{
    struct link *l;

    while ((l = list_first(&rs->lru)) != NULL)
        forget(rs, CONTAINER_OF(l, struct file_root, lru));
}

static uint32_t hash_of(const char *path)
{
    uint32_t h = 2166136261u;

    for (; *path != '\0'; path++)
        h = (h ^ (unsigned char)*path) * 16777619u;
    return h;
}

static struct file_root *find(struct roots *rs, const char *path, uint32_t hash)
{
    struct file_root *root = rs->buckets[hash % ROOT_BUCKETS];

    while (root != NULL && (root->hash != hash || strcmp(root->path, path) != 0))
        root = root->next_in_bucket;
    if (root != NULL) {
        list_remove(&root->lru);
        list_push_first(&rs->lru, &root->lru);
    }
    return root;
}

struct file_root *root_install(struct roots *rs, const char *path, int fd, const struct stat *st,
                               int64_t now_ms)
{
    uint32_t hash = hash_of(path);
    struct file_root *root = find(rs, path, hash);
    size_t n = strlen(path) + 1;

    if (root != NULL && root->dev == st->st_dev && root->ino == st->st_ino) {
        close(fd);
        root->uid = st->st_uid;
        root->checked_ms = now_ms;
        return root;
    }
    if (root != NULL)
        forget(rs, root);
    if (rs->count >= rs->limit)
        forget(rs, CONTAINER_OF(rs->lru.head.prev, struct file_root, lru));
    root = must_calloc(sizeof(*root) + n);
    memcpy(root->path, path, n);
    list_init(&root->files);
    root->fd = fd;
    root->dev = st->st_dev;
    root->ino = st->st_ino;
    root->uid = st->st_uid;
    root->hash = hash;
    root->uses = 1;
    root->checked_ms = now_ms;
    root->next_in_bucket = rs->buckets[hash % ROOT_BUCKETS];
    rs->buckets[hash % ROOT_BUCKETS] = root;
    list_push_first(&rs->lru, &root->lru);
    rs->count++;
    return root;
}

struct file_root *root_now(struct roots *rs, const char *path, int64_t now_ms, int *rc)
{
    struct file_root *root = find(rs, path, hash_of(path));
    struct stat st;

    *rc = 0;
    if (root != NULL && now_ms - root->checked_ms < ROOT_BELIEVED_MS)
        return root;
    int fd = beneath_root(path, BENEATH_CACHED);
    if (fd >= 0 && fstat(fd, &st) == 0)
        return root_install(rs, path, fd, &st, now_ms);
    *rc = fd >= 0 ? -EAGAIN : fd;
    if (fd >= 0)
        close(fd);
    if (root != NULL && *rc != -EAGAIN)
        forget(rs, root); /* what was found beneath it is not held open for nobody */
    return NULL;
}
