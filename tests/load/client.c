/* SPDX-License-Identifier: MIT */
#include "client.h"

#include <err.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PART = 65536, AFTER_REFUSAL_US = 10000 };

void client_init(struct client *c, struct load *l, size_t number, int64_t due_us)
{
    memset(c, 0, sizeof(*c));
    c->load = l;
    c->number = number;
    c->fd = -1;
    c->due_us = due_us;
    c->random = (uint32_t)number * 2654435761u + 1;
}

static uint32_t next_random(struct client *c)
{
    c->random ^= c->random << 13;
    c->random ^= c->random >> 17;
    c->random ^= c->random << 5;
    return c->random >> 4;
}

static void disconnect(struct client *c)
{
    if (c->fd >= 0)
        (void)close(c->fd);
    c->fd = -1;
    c->connected = false;
    c->asked = 0;
}

void client_finish(struct client *c)
{
    disconnect(c);
}

/* The request is over, in whichever way; the next one is due. */
static void end_request(struct client *c)
{
    struct load *l = c->load;
    int64_t now = tally_now_us();

    c->busy = false;
    l->busy--;
    l->tally.bytes += c->answer.got;
    c->due_us = l->every_us != 0 ? c->due_us + l->every_us : now + l->think_us;
}

static void end_broken(struct client *c, enum broken kind, const char *note)
{
    int64_t now = tally_now_us();
    struct tally_break b = {
        .at_us = now - c->load->tally.start_us,
        .kind = kind,
        .client = c->number,
        .target = c->target->name,
        .got = c->answer.got,
    };

    (void)snprintf(b.note, sizeof(b.note), "%s", note);
    tally_broken(&c->load->tally, &b);
    c->target->broken++;
    disconnect(c);
    end_request(c);
    if (kind == BROKEN_REFUSED && c->due_us < now + AFTER_REFUSAL_US)
        c->due_us = now + AFTER_REFUSAL_US;
}

/* The connection ended, with an error or by the server, while a request was under way. */
static void end_lost(struct client *c, int error)
{
    enum broken kind = BROKEN_CLOSED;

    if (!c->connected)
        kind = BROKEN_REFUSED;
    else if (c->answer.got > 0)
        kind = BROKEN_SHORT;
    else if (error != 0)
        kind = BROKEN_RESET;
    end_broken(c, kind, error != 0 ? strerror(error) : "");
}

static void end_answered(struct client *c)
{
    struct load *l = c->load;
    bool closes = c->answer.closes || c->target->close;

    if (c->answer.note[0] != '\0') {
        end_broken(c, BROKEN_WRONG, c->answer.note);
        return;
    }
    tally_ok(&l->tally, l->every_us != 0 ? c->due_us : c->begun_us, tally_now_us());
    c->target->ok++;
    l->tally.closed_told += c->answer.closes && !c->target->close;
    if (closes || c->unsent_n > 0 || (l->per_conn != 0 && c->asked >= l->per_conn))
        disconnect(c);
    end_request(c);
}

static void leave(struct client *c)
{
    c->load->tally.left++;
    disconnect(c);
    end_request(c);
}

static void open_connection(struct client *c)
{
    struct load *l = c->load;
    struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = c };
    int one = 1;

    l->tally.opened++;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (c->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e) < 0)
        err(2, "socket");
    (void)setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (connect(c->fd, (const struct sockaddr *)&l->server, sizeof(l->server)) == 0)
        c->connected = true;
    else if (errno == EADDRNOTAVAIL)
        err(2, "connect"); /* no fault of the server */
    else if (errno != EINPROGRESS)
        end_lost(c, errno);
}

/* Whether the server has closed an idle connection, or says what nobody asked for. */
static bool is_closed(const struct client *c)
{
    char byte;
    ssize_t n = recv(c->fd, &byte, 1, MSG_PEEK);

    return n >= 0 || errno != EAGAIN;
}

static void drop_idle(struct client *c)
{
    c->load->tally.closed_idle++;
    disconnect(c);
}

static void begin_request(struct client *c, int64_t now)
{
    struct load *l = c->load;

    l->begun++;
    l->busy++;
    c->busy = true;
    c->begun_us = now;
    c->target = targets_choose(&l->targets, next_random(c));
    c->unsent = c->target->request;
    c->unsent_n = c->target->request_n;
    answer_begin(&c->answer, c->target);
    if (c->fd >= 0 && l->looks && is_closed(c))
        drop_idle(c);
    if (c->fd < 0)
        open_connection(c);
    c->asked++;
}

/* Whether there is more to be done at once. */
static bool take_answer(struct client *c)
{
    static char part[PART];
    int64_t leave_at = c->target->leave;

    if (leave_at >= 0 && c->unsent_n == 0 && c->answer.got >= (uint64_t)leave_at) {
        leave(c);
        return false;
    }
    ssize_t n = recv(c->fd, part, sizeof(part), 0);
    if (n < 0) {
        if (errno != EAGAIN)
            end_lost(c, errno);
        return false;
    }
    if (n == 0) {
        if (answer_end(&c->answer))
            end_answered(c);
        else
            end_lost(c, 0);
        return false;
    }
    size_t took = answer_take(&c->answer, part, (size_t)n);
    if (c->answer.state != ANSWER_COMPLETE && c->answer.note[0] != '\0') {
        end_broken(c, BROKEN_WRONG, c->answer.note);
        return false;
    }
    if (c->answer.state != ANSWER_COMPLETE)
        return true;
    if (took < (size_t)n)
        (void)snprintf(c->answer.note, sizeof(c->answer.note), "bytes behind the answer");
    end_answered(c);
    return false;
}

/* An error is told by what can be received, if anything can: an answer may have come before it. */
static void send_request(struct client *c)
{
    while (c->unsent_n > 0) {
        ssize_t n = send(c->fd, c->unsent, c->unsent_n, MSG_NOSIGNAL);

        if (n < 0)
            return;
        c->unsent += n;
        c->unsent_n -= (size_t)n;
    }
}

static bool is_connected(struct client *c)
{
    int error = 0;
    socklen_t n = sizeof(error);
    struct sockaddr_in peer;
    socklen_t peer_n = sizeof(peer);

    if (c->connected)
        return true;
    if (getpeername(c->fd, (struct sockaddr *)&peer, &peer_n) == 0) {
        c->connected = true;
        return true;
    }
    if (getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &n) < 0 || error != 0)
        end_lost(c, error);
    return false;
}

void client_drive(struct client *c)
{
    if (c->fd < 0)
        return;
    if (!c->busy) {
        if (is_closed(c))
            drop_idle(c);
        return;
    }
    if (!is_connected(c))
        return;
    send_request(c);
    while (take_answer(c))
        ;
}

int64_t client_tick(struct client *c, int64_t now)
{
    struct load *l = c->load;

    if (c->busy && now - c->begun_us >= l->limit_us)
        end_broken(c, BROKEN_LATE, c->answer.note);
    if (!c->busy && (l->stopped || l->begun >= l->requests))
        return INT64_MAX;
    if (!c->busy && c->due_us <= now) {
        begin_request(c, now);
        client_drive(c);
    }
    if (c->busy)
        return c->begun_us + l->limit_us;
    return l->begun >= l->requests ? INT64_MAX : c->due_us;
}
