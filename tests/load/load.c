/* SPDX-License-Identifier: MIT
   Keep-alive clients on the loopback that try nothing again: what a server loses, they show. Prints
   one object of JSON when all requests were answered or lost, the time is over, or TERM or INT
   came. Exit status: 0, 1 when something was broken, 2 when it could not run. */
#include "client.h"

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static const char usage[] =
    "usage: load -p PORT [-c CLIENTS] [-n REQUESTS] [-t SECONDS] [-r RATE] [-i THINK_MS]\n"
    "            [-k REQUESTS_PER_CONNECTION] [-w LIMIT_MS] [-g PROGRESS_MS] [-l] TARGETS\n"
    "  -c  clients (8), each with one connection\n"
    "  -n  requests, of all clients together; -t  seconds; one of them must be given\n"
    "  -r  requests a second, of all clients together, whether answers come or not\n"
    "  -i  milliseconds between an answer and the next request (0); not with -r\n"
    "  -w  milliseconds until an answer is late (30000)\n"
    "  -g  every so many milliseconds a line \"MS OK BROKEN LEFT\" on standard error\n"
    "  -l  looks before each request whether the server has closed the connection;\n"
    "      a client that waits between requests (-r, -i) always does\n"
    "TARGETS is a file of JSON: see tests/load/target.h\n";

static volatile sig_atomic_t told_to_stop;

static void on_stop(int number)
{
    (void)number;
    told_to_stop = 1;
}

struct options {
    double seconds, rate, think_ms, limit_ms, progress_ms;
    long port, clients, per_conn;
    unsigned long long requests;
};

static void read_options(struct options *o, struct load *l, int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "p:c:n:t:r:i:k:w:g:l")) != -1) {
        switch (c) {
        case 'p':
            o->port = strtol(optarg, NULL, 10);
            break;
        case 'c':
            o->clients = strtol(optarg, NULL, 10);
            break;
        case 'n':
            o->requests = strtoull(optarg, NULL, 10);
            break;
        case 't':
            o->seconds = strtod(optarg, NULL);
            break;
        case 'r':
            o->rate = strtod(optarg, NULL);
            break;
        case 'i':
            o->think_ms = strtod(optarg, NULL);
            break;
        case 'k':
            o->per_conn = strtol(optarg, NULL, 10);
            break;
        case 'w':
            o->limit_ms = strtod(optarg, NULL);
            break;
        case 'g':
            o->progress_ms = strtod(optarg, NULL);
            break;
        case 'l':
            l->looks = true;
            break;
        default:
            errx(2, "%s", usage);
        }
    }
    if (optind + 1 != argc || o->port <= 0 || o->port > 65535 || o->clients <= 0 ||
        o->per_conn < 0 || (o->requests == 0 && o->seconds <= 0))
        errx(2, "%s", usage);
}

static void prepare(struct load *l, const struct options *o, const char *targets)
{
    struct sigaction stop = { .sa_handler = on_stop };

    targets_read(&l->targets, targets);
    l->server.sin_family = AF_INET;
    l->server.sin_port = htons((uint16_t)o->port);
    l->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    l->requests = o->requests != 0 ? o->requests : UINT64_MAX;
    l->count = (size_t)o->clients;
    l->per_conn = (uint64_t)o->per_conn;
    l->think_us = (int64_t)(o->think_ms * 1000);
    l->limit_us = (int64_t)(o->limit_ms * 1000);
    if (o->rate > 0)
        l->every_us = (int64_t)(1e6 * (double)o->clients / o->rate);
    l->looks = l->looks || l->think_us > 0 || l->every_us > 0;
    l->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (l->epoll < 0)
        err(2, "epoll_create1");
    (void)sigaction(SIGTERM, &stop, NULL);
    (void)sigaction(SIGINT, &stop, NULL);
    l->tally.start_us = tally_now_us();
}

/* When the first client wants to be looked at again. */
static int64_t tick_all(struct load *l, struct client *clients)
{
    int64_t first = INT64_MAX;
    int64_t now = tally_now_us();

    for (size_t i = 0; i < l->count; i++) {
        int64_t next = client_tick(&clients[i], now);

        if (next < first)
            first = next;
    }
    return first;
}

static void wait_for_events(const struct load *l, int64_t until_us)
{
    struct epoll_event events[64];
    int64_t ms = (until_us - tally_now_us() + 999) / 1000;

    ms = ms < 0 ? 0 : ms > 100 ? 100 : ms;
    int n = epoll_wait(l->epoll, events, 64, (int)ms);
    if (n < 0 && errno != EINTR)
        err(2, "epoll_wait");
    for (int i = 0; i < n; i++)
        client_drive(events[i].data.ptr);
}

static void show_progress(const struct tally *t, double every_ms, int64_t *next_us)
{
    int64_t at = tally_now_us() - t->start_us;

    if (every_ms <= 0 || at < *next_us)
        return;
    *next_us = at + (int64_t)(every_ms * 1000);
    (void)fprintf(stderr, "%jd %ju %ju %ju\n", (intmax_t)at / 1000, (uintmax_t)t->ok,
                  (uintmax_t)tally_broken_count(t), (uintmax_t)t->left);
}

static void run(struct load *l, const struct options *o, struct client *clients)
{
    int64_t end = o->seconds > 0 ? l->tally.start_us + (int64_t)(o->seconds * 1e6) : INT64_MAX;
    int64_t next_line = 0;

    for (;;) {
        int64_t next = tick_all(l, clients);

        if (told_to_stop || tally_now_us() >= end)
            l->stopped = true;
        if (l->busy == 0 && (l->stopped || l->begun >= l->requests))
            return;
        wait_for_events(l, next < end || l->stopped ? next : end);
        show_progress(&l->tally, o->progress_ms, &next_line);
    }
}

int main(int argc, char **argv)
{
    struct options o = { .clients = 8, .limit_ms = 30000 };
    static struct load l;

    read_options(&o, &l, argc, argv);
    prepare(&l, &o, argv[optind]);
    struct client *clients = calloc(l.count, sizeof(*clients));
    if (clients == NULL)
        err(2, "memory");
    for (size_t i = 0; i < l.count; i++)
        client_init(&clients[i], &l, i,
                    l.tally.start_us + l.every_us * (int64_t)i / (int64_t)l.count);
    run(&l, &o, clients);
    json_t *result = tally_json(&l.tally, l.count);
    (void)json_object_set_new(result, "targets", targets_json(&l.targets));
    if (json_dumpf(result, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9)) < 0 || puts("") < 0 ||
        fflush(stdout) != 0)
        err(2, "standard output");
    json_decref(result);
    for (size_t i = 0; i < l.count; i++)
        client_finish(&clients[i]);
    free(clients);
    targets_finish(&l.targets);
    return tally_broken_count(&l.tally) != 0;
}
