/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include "listener.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

enum { ANSWER_BYTES = 256, READS_MAX = 16 };

static size_t write_answer(const struct worker *w, char text[ANSWER_BYTES])
{
    static const char body[] = "503 Service Unavailable\n";

    return (size_t)snprintf(text, ANSWER_BYTES,
                            "HTTP/1.1 503 Service Unavailable\r\n"
                            "Date: %s\r\nRetry-After: 1\r\nContent-Type: text/plain\r\n"
                            "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                            w->date, sizeof(body) - 1, body);
}

/* Its request is thrown away. Until its end was read, a close would tell the client's system to
   forget what it has not read of our answer (RFC 9112 9.6). */
static void drive(struct mpx_conn *c)
{
    for (int i = 0; i < READS_MAX && c->readable; i++) {
        ssize_t n = c->transport->recv(c, c->w->input, sizeof(c->w->input));

        if (n > 0)
            continue;
        c->readable = false;
        if (n == 0 || errno != EAGAIN)
            conn_close(c, false);
    }
    if (c->readable)
        conn_close(c, false);
}

static void timeout(struct mpx_conn *c, enum conn_timer timer)
{
    (void)timer;
    conn_close(c, false);
}

static void finish(struct mpx_conn *c)
{
    (void)c;
}

static const struct protocol refusal = { .drive = drive, .timeout = timeout, .finish = finish };

void refuse_conn(struct mpx_conn *c)
{
    struct listener *l = c->listener;
    char text[ANSWER_BYTES];
    struct iovec v = { text, write_answer(c->w, text) };

    c->protocol = &refusal;
    (void)c->transport->sendv(c, &v, 1, false);
    c->transport->shutdown(c);
    if (l->refused >= REFUSE_LINGER_MAX) {
        (void)c->transport->recv(c, c->w->input, sizeof(c->w->input));
        conn_close(c, false);
        return;
    }
    c->refused = true;
    l->refused++;
    l->count--;
    conn_set_timer(c, CONN_LINGER);
    listener_resume(l);
}

/* What it has sent already is taken, so that the close is no reset. */
void refuse_descriptor(const struct worker *w, int fd)
{
    char text[ANSWER_BYTES], sent[4096];
    ssize_t n;

    (void)send(fd, text, write_answer(w, text), MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)shutdown(fd, SHUT_WR);
    for (int i = 0; i < READS_MAX; i++) {
        n = recv(fd, sent, sizeof(sent), MSG_DONTWAIT);
        if (n <= 0)
            break;
    }
    close(fd);
}
