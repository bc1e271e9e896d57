/* SPDX-License-Identifier: MIT */
#include "cuts.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    AT_A_TIME = 400,
    EVERY_PLACE = 600,  /* bytes of a case that are cut at every place */
    PLACES_BEYOND = 64, /* cuts in the rest of a longer one */
    PAUSE_MS = 3,       /* between the pieces: the server reads the first by itself */
    MOST_MS = 10000
};

enum state { UNUSED, FIRST_SENT, SENDING, READING, ENDING };

/* A connection of its own for each cut. */
struct cut {
    enum state state;
    struct cut_case *of;
    struct client c;
    size_t at;     /* where it is cut */
    const char *p; /* what is still to be sent */
    size_t n;
    size_t wanted; /* answers, when the end is looked at */
    long began_ms;
};

struct all {
    int port;
    struct cut_case *cases;
    size_t count, next, next_at; /* the cut that comes next */
    struct cut cuts[AT_A_TIME];
    size_t open;
    long now_ms;
};

static void update_clock(struct all *a)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    a->now_ms = ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

__attribute__((format(printf, 2, 3))) static void fail(struct cut *x, const char *fmt, ...)
{
    char what[FAULT_BYTES / 2];
    va_list ap;

    if (x->of->fault[0] != '\0')
        return;
    va_start(ap, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, ap);
    va_end(ap);
    (void)snprintf(x->of->fault, FAULT_BYTES, "cut at %zu: %s", x->at, what);
}

/* Done with it: reset, so that no port is kept for a while. */
static void finish(struct all *a, struct cut *x)
{
    const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

    (void)setsockopt(x->c.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    client_close(&x->c);
    x->state = UNUSED;
    a->open--;
}

/* Sends what the socket takes; what the server no longer wants is no fault. */
static bool send_rest(struct cut *x)
{
    while (x->n > 0) {
        ssize_t sent = send(x->c.fd, x->p, x->n, MSG_NOSIGNAL | MSG_DONTWAIT);

        if (sent < 0 && errno == EAGAIN)
            return false;
        if (sent <= 0)
            break;
        x->p += sent;
        x->n -= (size_t)sent;
    }
    return true;
}

static size_t place_after(const struct http_case *k, size_t at)
{
    size_t step = k->n > EVERY_PLACE ? (k->n - EVERY_PLACE) / PLACES_BEYOND + 1 : 1;

    return at < EVERY_PLACE ? at + 1 : at + step;
}

/* The next cut of the next case that has not failed; false when there is none. */
static bool next_cut(struct all *a, struct cut *x)
{
    while (a->next < a->count) {
        struct cut_case *of = &a->cases[a->next];

        a->next_at = place_after(of->k, a->next_at);
        if (a->next_at < of->k->n && of->fault[0] == '\0') {
            *x = (struct cut){ .of = of, .at = a->next_at };
            return true;
        }
        a->next++;
        a->next_at = 0;
    }
    return false;
}

static void begin(struct all *a, struct cut *x)
{
    const struct http_case *k = x->of->k;

    if (client_open(&x->c, a->port) < 0) {
        fail(x, "cannot connect: %s", strerror(errno));
        client_close(&x->c);
        x->state = UNUSED;
        return;
    }
    memcpy(x->c.heads, k->heads, sizeof(k->heads));
    x->p = k->bytes;
    x->n = x->at;
    (void)send_rest(x);
    x->p = k->bytes + x->at;
    x->n = k->n - x->at;
    x->state = FIRST_SENT;
    x->began_ms = a->now_ms;
    a->open++;
}

/* The answers are there: how does the connection go on? What the case does not ask to be closed is
   ended from here, so that an answer too many is seen before the end. */
static void look_at_end(struct cut *x)
{
    const struct http_case *k = x->of->k;

    x->state = ENDING;
    x->wanted = x->c.count;
    if (k->end == CASE_CLOSE)
        return;
    if (k->end == CASE_KEEP) {
        x->wanted++;
        (void)send(x->c.fd, verdict_another, strlen(verdict_another), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    (void)shutdown(x->c.fd, SHUT_WR);
}

static void judge(struct all *a, struct cut *x)
{
    const struct http_case *k = x->of->k;
    char fault[FAULT_BYTES] = "";
    size_t count = k->end == CASE_KEEP && x->state == ENDING ? x->c.count - 1 : x->c.count;

    if (x->state != ENDING && k->end == CASE_KEEP)
        fail(x, "the connection is closed");
    if (x->state == ENDING && k->end == CASE_KEEP && x->c.count != x->wanted)
        fail(x, "%zu answers, not %zu with that to a further request", x->c.count, x->wanted);
    else if (!verdict_fits(&x->c, k, count, fault))
        fail(x, "%s", fault);
    finish(a, x);
}

static void go_on(struct all *a, struct cut *x)
{
    if (x->state == FIRST_SENT && a->now_ms - x->began_ms >= PAUSE_MS)
        x->state = SENDING;
    if (x->state == SENDING && send_rest(x))
        x->state = READING;
    client_take(&x->c);
    if (x->c.ended || x->c.fault[0] != '\0') {
        judge(a, x);
    } else if (x->state == READING && x->c.count >= verdict_shortest(x->of->k)) {
        look_at_end(x);
    } else if (a->now_ms - x->began_ms > MOST_MS) {
        fail(x, "%zu answers, then nothing for %d s", x->c.count, MOST_MS / 1000);
        finish(a, x);
    }
}

/* Until something can be done. */
static void wait_for_any(struct all *a)
{
    struct pollfd fds[AT_A_TIME];
    nfds_t n = 0;

    for (size_t i = 0; i < AT_A_TIME; i++)
        if (a->cuts[i].state != UNUSED)
            fds[n++] = (struct pollfd){ .fd = a->cuts[i].c.fd,
                                        .events = a->cuts[i].state == SENDING ? POLLIN | POLLOUT
                                                                              : POLLIN };
    (void)poll(fds, n, PAUSE_MS);
}

void cuts_run(int port, struct cut_case *cases, size_t count)
{
    struct all *a = calloc(1, sizeof(*a));
    bool more = true;

    if (a == NULL)
        abort();
    a->port = port;
    a->cases = cases;
    a->count = count;
    update_clock(a);
    do {
        for (size_t i = 0; i < AT_A_TIME; i++) {
            struct cut *x = &a->cuts[i];

            if (x->state == UNUSED && more && (more = next_cut(a, x)))
                begin(a, x);
            else if (x->state != UNUSED)
                go_on(a, x);
        }
        wait_for_any(a);
        update_clock(a);
    } while (more || a->open > 0);
    free(a);
}
