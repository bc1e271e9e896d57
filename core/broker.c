/* SPDX-License-Identifier: MIT */
#include "broker.h"

#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

enum { SAID_MAX = 65536, PROBLEMS_MAX = 10000 };

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

int broker_read_private(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *text)
{
    struct channel_message m;
    int error = ask(*(int *)arg, BROKER_READ, path, &m);

    if (error != 0)
        return error;
    *text = arena_copy(a, buffer_str(&m.text));
    channel_finish(&m);
    return 0;
}

void broker_tell_sink(void *arg, const char *path)
{
    (void)channel_send(*(int *)arg, BROKER_SINK, str_of(path), NULL, 0);
}

static void tell_problem(int channel, struct mpx_str saved)
{
    (void)channel_send(channel, BROKER_PROBLEM, str_head(saved, SAID_MAX), NULL, 0);
}

void broker_tell_problems(int channel, const struct problems *p)
{
    struct buffer b;

    buffer_init(&b, SOURCE_BYTES_MAX);
    for (unsigned i = 0; i < PROBLEMS_MAX && problem_save(p, i, &b); i++) {
        tell_problem(channel, buffer_str(&b));
        b.n = 0;
    }
    buffer_finish(&b);
}

void broker_tell_error(int channel, struct mpx_str text)
{
    struct problems p;

    problems_init(&p);
    problem_add(&p, (struct place){ .src = NULL }, "%.*s", STR_ARGS(text));
    broker_tell_problems(channel, &p);
    problems_finish(&p);
}

void broker_start(struct broker *b, int end, enum broker_child child, struct grants *grants,
                  struct sources *sources, struct problems *problems)
{
    *b = (struct broker){
        .child = child, .grants = grants, .sources = sources, .problems = problems
    };
    peer_open(&b->peer, end, SAID_MAX);
}

void broker_prepare(struct broker *b, struct grants *grants, struct sources *sources,
                    struct problems *problems)
{
    b->replaces = false;
    b->moment = BROKER_MAKES;
    b->grants = grants;
    b->sources = sources;
    b->problems = problems;
    b->told = 0;
}

int broker_decide(struct broker *b, bool commit)
{
    b->moment = commit ? BROKER_COMMITS : BROKER_SERVES;
    return peer_put(&b->peer, commit ? BROKER_COMMIT : BROKER_ABANDON, MPX_STR(""), NULL, 0);
}

void broker_end(struct broker *b)
{
    peer_close(&b->peer);
}

static int answer_error(struct broker *b, int error)
{
    char text[16];

    snprintf(text, sizeof(text), "%d", error);
    return peer_put(&b->peer, BROKER_ERROR, str_of(text), NULL, 0);
}

/* Where the lines go of a log that could be opened once. */
static int open_nothing(const char *path, int error)
{
    log_error("cannot log to \"%s\": %s: what comes for it is lost; mend that and send USR1", path,
              strerror(error));
    return open("/dev/null", O_WRONLY | O_CLOEXEC);
}

static int answer_open(struct broker *b, const char *path)
{
    if (!grants_has(b->grants, str_of(path), GRANT_APPEND))
        return answer_error(b, EPERM);
    int fd = logfile_open(path, &b->grants->as);
    if (fd < 0 && b->replaces)
        fd = open_nothing(path, -fd);
    if (fd < 0)
        return answer_error(b, -fd);
    int rc = peer_put(&b->peer, BROKER_FILE, MPX_STR(""), &fd, 1);
    close(fd);
    return rc;
}

int broker_hand_log(struct broker *b, const char *path)
{
    int fd = logfile_open(path, &b->grants->as);

    if (fd < 0)
        return fd;
    int rc = peer_put(&b->peer, BROKER_REOPENED, str_of(path), &fd, 1) < 0 ? -errno : 0;
    close(fd);
    return rc;
}

static int answer_read(struct broker *b, const char *path)
{
    if (!grants_has(b->grants, str_of(path), GRANT_READ))
        return answer_error(b, EPERM);
    const struct source *src = source_get(b->sources, SOURCE_VALUE, path);
    if (src->error != 0)
        return answer_error(b, src->error);
    return peer_put(&b->peer, BROKER_TEXT, src->text, NULL, 0);
}

/* A child that asks on without taking its answers is not one of ours. */
static int answer(struct broker *b, const struct channel_message *m)
{
    struct mpx_arena a;

    if (peer_has_more(&b->peer))
        return -1;
    arena_init(&a, NULL);
    const char *path = arena_copyz(&a, buffer_str(&m->text));
    int rc = m->what == BROKER_OPEN ? answer_open(b, path) : answer_read(b, path);
    arena_finish(&a);
    return rc;
}

/* The last word of what a child was at: whether it is one that it may say now. */
static bool is_last_word(const struct broker *b, char what)
{
    if (b->moment == BROKER_COMMITS)
        return what == BROKER_COMMITTED;
    if (b->is_ready)
        return what == BROKER_PREPARED || what == BROKER_REFUSED;
    return what == (b->child == BROKER_CHECKER ? BROKER_DONE : BROKER_READY);
}

/* What a checker tells or asks for is granted, as far as it is a value. */
static int hear(struct broker *b, const struct channel_message *m)
{
    bool checks = b->child == BROKER_CHECKER;

    switch (m->what) {
    case BROKER_PROBLEM:
        if (b->told++ == PROBLEMS_MAX)
            return -1;
        return problem_load(b->problems, b->sources, buffer_str(&m->text));
    case BROKER_SINK:
        if (checks)
            (void)grants_add(b->grants, buffer_str(&m->text), GRANT_APPEND);
        return checks ? 0 : -1;
    case BROKER_READ:
        if (checks)
            (void)grants_add(b->grants, buffer_str(&m->text), GRANT_READ);
        return answer(b, m);
    case BROKER_OPEN:
        return checks ? -1 : answer(b, m);
    default:
        return -1;
    }
}

/* What has come; -1: it may not come now. */
static int judge(struct broker *b)
{
    if (b->moment != BROKER_SERVES && is_last_word(b, b->peer.in.what)) {
        b->moment = BROKER_SERVES;
        b->is_ready = true;
        return 1;
    }
    return b->moment == BROKER_MAKES ? hear(b, &b->peer.in) : -1;
}

int broker_take(struct broker *b)
{
    int rc = peer_take(&b->peer);

    if (rc == 0)
        errno = EAGAIN;
    if (rc <= 0)
        return -1;
    rc = judge(b);
    if (rc < 0)
        errno = EPROTO;
    return rc;
}
