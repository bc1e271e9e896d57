/* SPDX-License-Identifier: MIT */
#include "enlist.h"

#include "broker.h"
#include "crash.h"
#include "descriptors.h"
#include "detach.h"
#include "log.h"
#include "server.h"
#include "sink.h"

#include <stdlib.h>
#include <unistd.h>

static void tell_parent(void *arg, enum mpx_level level, struct mpx_str line)
{
    (void)level;
    broker_tell_error((int)(intptr_t)arg, line);
}

/* Until the worker has a log of its own, its parent hears what goes wrong. */
static void log_to_parent(int channel)
{
    const struct log_target target = { .level = MPX_ERROR,
                                       .format = LOG_BARE,
                                       .write = tell_parent,
                                       .arg = (void *)(intptr_t)channel };

    log_set_targets(&target, 1);
}

/* "LISTENER ID" */
static int read_line(struct mpx_str line, struct endpoint *one)
{
    size_t blank = str_find(line, ' ');
    uint64_t listener, id;

    if (str_to_u64(str_head(line, blank), &listener) < 0 || listener >= ENDPOINTS_MAX ||
        str_to_u64(str_from(line, blank + 1), &id) < 0 || id > UINT32_MAX)
        return -1;
    *one = (struct endpoint){ .fd = -1, .listener = (size_t)listener, .id = (unsigned)id };
    return 0;
}

int enlist_endpoints(struct endpoints *e, struct mpx_str text, int *fds, size_t count)
{
    e->count = 0;
    while (text.n > 0) {
        size_t end = str_find(text, '\n');

        if (e->count == count || e->count == ENDPOINTS_MAX ||
            read_line(str_head(text, end), &e->list[e->count]) < 0)
            return -1;
        e->list[e->count].fd = fds[e->count];
        fds[e->count++] = -1;
        text = str_from(text, end + 1);
    }
    return e->count == count ? 0 : -1;
}

/* The sockets and texts that the supervisor sends; 0, or -1. */
static int receive_all(int channel, struct launch *l, struct endpoints *e)
{
    struct channel_message m;
    int rc = channel_receive(channel, &m);

    if (rc == 1 && m.what == BROKER_LISTENERS &&
        enlist_endpoints(e, buffer_str(&m.text), m.fds, m.fd_count) == 0) {
        channel_finish(&m);
        rc = channel_receive(channel, &m);
    }
    if (rc == 1 && m.what == BROKER_QUARANTINE) {
        l->quarantine = arena_copy(&l->arena, buffer_str(&m.text));
        channel_finish(&m);
        rc = channel_receive(channel, &m);
    }
    rc = rc == 1 && m.what == BROKER_CONFIG ? launch_load(l, buffer_str(&m.text)) : -1;
    channel_finish(&m);
    return rc;
}

void enlist(const struct launch *parents, struct blame *blame, int channel)
{
    struct launch *l = &(struct launch){ .file = NULL };
    struct endpoints e = { .count = 0 };
    const char *error;
    int rc = SERVER_FAILED;

    log_to_parent(channel);
    sink_syslog_end();
    descriptors_keep(channel);
    if (parents->settings.detach)
        detach_standard();
    if (child_drop(&parents->user, parents->settings.no_new_privs, &error) < 0) {
        log_error("a worker cannot give up its rights: %s", error);
        _exit(SERVER_FAILED);
    }
    launch_init(l);
    crash_begin(blame);
    if (receive_all(channel, l, &e) == 0)
        rc = server_run(l, &e, blame, channel, NULL);
    if (rc == SERVER_BUSY)
        _exit(SERVER_OK);
    launch_finish(l);
    exit(rc);
}
