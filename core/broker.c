/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int broker_open_file(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);

    return fd < 0 ? -errno : fd;
}

/* Asks and waits for the answer, which the caller finishes; 0, or an errno. */
static int ask(int channel, enum broker_message what, const char *path, struct channel_message *m)
{
    if (channel_send(channel, (char)what, str_of(path), NULL, 0) < 0 ||
        channel_receive(channel, m) != 1)
        return EPIPE;
    if (m->what != BROKER_ERROR)
        return 0;
    uint64_t error = EIO;
    (void)str_to_u64(buffer_str(&m->text), &error);
    channel_finish(m);
    return (int)error;
}

int broker_open_log(int channel, const char *path)
{
    struct channel_message m;
    int error = ask(channel, BROKER_OPEN, path, &m), fd = -EPROTO;

    if (error != 0)
        return -error;
    if (m.fd_count == 1) {
        fd = m.fds[0];
        m.fds[0] = -1;
    }
    channel_finish(&m);
    return fd;
}

int broker_read_text(int channel, const char *path, struct mpx_arena *a, struct mpx_str *text)
{
    struct channel_message m;
    int error = ask(channel, BROKER_READ, path, &m);

    if (error != 0)
        return error;
    *text = arena_copy(a, buffer_str(&m.text));
    channel_finish(&m);
    return 0;
}

/* Whether a string of the configuration, made absolute, is this path. */
static bool is_named(const struct node *j, struct sources *sources, struct mpx_str path)
{
    if (j->kind == NODE_STRING && j->at.src != NULL && j->string.n > 0) {
        struct mpx_arena a;

        arena_init(&a, NULL);
        bool same = str_eq(source_absolute(sources, j->at.src, j->string, &a), path);
        arena_finish(&a);
        if (same)
            return true;
    }
    for (const struct node *k = j->first; k != NULL; k = k->next)
        if (is_named(k, sources, path))
            return true;
    return false;
}

static void answer_error(int channel, int error)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", error);
    (void)channel_send(channel, BROKER_ERROR, str_of(text), NULL, 0);
}

void broker_answer(int channel, const struct channel_message *m, const struct node *root,
                   struct sources *sources)
{
    struct mpx_arena a;

    arena_init(&a, NULL);
    const char *path = arena_copyz(&a, buffer_str(&m->text));
    if (!is_named(root, sources, str_of(path))) {
        answer_error(channel, EPERM);
    } else if (m->what == BROKER_OPEN) {
        int fd = broker_open_file(path);

        if (fd < 0)
            answer_error(channel, -fd);
        else
            (void)channel_send(channel, BROKER_FILE, MPX_STR(""), &fd, 1);
        if (fd >= 0)
            close(fd);
    } else {
        const struct source *src = source_get(sources, SOURCE_VALUE, path);

        if (src->error != 0)
            answer_error(channel, src->error);
        else
            (void)channel_send(channel, BROKER_TEXT, src->text, NULL, 0);
    }
    arena_finish(&a);
}
