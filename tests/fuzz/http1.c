/* SPDX-License-Identifier: MIT
   Bytes in pieces to a connection of the real core, its answers read back strictly, and both held
   against the naive reader. The input is what a client sends; 0xff and a byte that follows it say
   what happens at this place (see enum deed). */
#include "http1.h"

#include "fuzz.h"
#include "log.h"
#include "loopback.h"
#include "trial.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { INPUT_MAX = 8192, BIG_FILE = 40000, DEEDS = 12 };

/* What stands behind 0xff, by its remainder; its quotient is a number. */
enum deed {
    DEED_CUT,      /* what came so far is one piece */
    DEED_WAKE,     /* and the oldest wait of the guest ends */
    DEED_TURN,     /* and the loop turns */
    DEED_ROOM,     /* the client takes so many times 40 bytes, and no more */
    DEED_TAKE_ALL, /* it takes everything from here on */
    DEED_BYTES,    /* from here on each byte is a piece; or no longer */
    DEED_SWEEP,    /* some seconds pass */
    DEED_COLD,     /* files are not in memory; or are again */
    DEED_END,      /* the client closes its half */
    DEED_BREAK,    /* the client is gone */
    DEED_LITERAL,  /* the byte 0xff is sent */
    DEED_NOTHING
};

static struct {
    struct loopback *lb;
    char big[BIG_FILE];
} site;

/* One input's: what is to be sent, the piece that is next. */
static struct {
    char payload[INPUT_MAX], piece[INPUT_MAX];
    size_t payload_n, piece_n;
    bool bytewise;
} run;

static bool is_cold; /* no page of a file is in memory */

/* Stands in the way of libc's: what file.c asks whether it would wait. */
ssize_t preadv2(int fd, const struct iovec *v, int count, off_t off, int flags)
{
    if (is_cold && (flags & RWF_NOWAIT) != 0) {
        errno = EAGAIN;
        return -1;
    }
    return syscall(SYS_preadv2, fd, v, (long)count, (long)off, 0L, flags);
}

/* ---- the site */

/* Kept from one run to the next; other processes may write the same at the same time. */
static void write_file(const char *name, const char *text, size_t n)
{
    char path[1024], fresh[1100];
    struct stat st;

    (void)snprintf(path, sizeof(path), "%s/%s", FUZZ_SITE, name);
    if (stat(path, &st) == 0 && (size_t)st.st_size == n)
        return;
    (void)snprintf(fresh, sizeof(fresh), "%s.%d", path, (int)getpid());
    FILE *f = fopen(fresh, "w");
    FUZZ_MUST(f != NULL && fwrite(text, 1, n, f) == n && fclose(f) == 0 && rename(fresh, path) == 0,
              "cannot write %s: %s", path, strerror(errno));
}

static void drop_line(void *arg, enum mpx_level level, struct mpx_str line)
{
    (void)arg;
    (void)level;
    (void)line;
}

static void begin(void)
{
    const struct log_target nowhere = { .level = MPX_ERROR, .write = drop_line };
    const struct mpx_module *const built_in[] = { mpx_guest_module(), mpx_static_module(), NULL };
    char config[2048];

    FUZZ_MUST(mkdir(FUZZ_SITE, 0755) == 0 || errno == EEXIST, "%s: %s", FUZZ_SITE, strerror(errno));
    for (size_t i = 0; i < sizeof(site.big); i++)
        site.big[i] = (char)('A' + i % 26);
    write_file("big.bin", site.big, sizeof(site.big));
    write_file("small.txt", "small", 5);
    write_file("index.html", "index", 5);
    (void)snprintf(config, sizeof(config),
                   "{\"connection\":{\"port\":0,\"min_rate\":100,\"limits\":{"
                   "\"header_bytes\":%zu,\"uri\":%zu,\"headers\":%zu,\"body\":%llu,"
                   "\"body_memory\":4096}},\"defaults\":{\"modules\":[\"guest\"]},"
                   "\"vhosts\":[{\"name\":\"h\",\"aliases\":\"localhost\",\"modules\":[\"guest\","
                   "\"static\"],\"directories\":{\"path\":\"/\",\"location\":\"%s\"}}]}",
                   trial_limits.header_bytes, trial_limits.uri, trial_limits.headers,
                   (unsigned long long)trial_limits.body, FUZZ_SITE);
    site.lb = loopback_create_with(config, built_in);
    FUZZ_MUST(site.lb != NULL, "the site does not start");
    log_set_targets(&nowhere, 1);
    trial.big = (struct mpx_str){ site.big, sizeof(site.big) };
    guest_observer = trial_observer;
}

/* ---- the script */

/* One step of the input: a byte to send, or a deed and its number. */
struct step {
    bool is_byte;
    enum deed deed;
    unsigned number;
    char byte;
};

static struct step next_step(const uint8_t *data, size_t n, size_t *at)
{
    uint8_t c = data[(*at)++];

    if (c != 0xff || *at == n)
        return (struct step){ .is_byte = true, .byte = (char)c };
    c = data[(*at)++];
    if (c % DEEDS == DEED_LITERAL)
        return (struct step){ .is_byte = true, .byte = (char)0xff };
    return (struct step){ .deed = (enum deed)(c % DEEDS), .number = c / DEEDS };
}

/* All that the client will send, for the naive reader. */
static void collect(const uint8_t *data, size_t n)
{
    run.payload_n = 0;
    for (size_t at = 0; at < n;) {
        struct step s = next_step(data, n, &at);

        if (s.is_byte)
            run.payload[run.payload_n++] = s.byte;
        else if (s.deed == DEED_END || s.deed == DEED_BREAK)
            return;
    }
}

static bool has_thread_work(const struct http1 *h)
{
    if (h->load != NULL)
        return true;
    for (const struct mpx_req *r = h->first; r != NULL; r = r->next)
        if (r->holds > 0 || r->wait.kind == WAIT_SLEEP)
            return true;
    return false;
}

/* Turns the loop until nothing is under way but what the client or the guest must do. */
static void turn(void)
{
    struct worker *w = loopback_worker(site.lb);

    for (;;) {
        const struct http1 *h = trial.w->c != NULL ? trial.w->c->session : NULL;
        bool threads = h != NULL ? has_thread_work(h) : w->generation->uses > 0;

        if (!threads && list_is_empty(&w->ready) && list_is_empty(&w->deferred) &&
            (h == NULL || !loop_is_waiting(&h->again)))
            return;
        loop_turn(w->loop, true);
    }
}

static void send_piece(void)
{
    struct mpx_str piece = { run.piece, run.piece_n };

    run.piece_n = 0;
    if (piece.n > 0 && trial.w->c != NULL)
        wire_write(trial.w, piece);
}

static void take_byte(char byte)
{
    run.piece[run.piece_n++] = byte;
    if (run.bytewise)
        send_piece();
}

static void do_deed(enum deed deed, unsigned number)
{
    send_piece();
    switch (deed) {
    case DEED_WAKE:
        (void)guest_wake();
        turn();
        break;
    case DEED_TURN:
        turn();
        break;
    case DEED_ROOM:
        trial.w->held = number; /* as if so much of what was sent were still under way */
        wire_allow(trial.w, (size_t)number * 40);
        break;
    case DEED_TAKE_ALL:
        trial.w->held = 0;
        wire_allow(trial.w, SIZE_MAX);
        break;
    case DEED_BYTES:
        run.bytewise = !run.bytewise;
        break;
    case DEED_SWEEP:
        trial.timed = true;
        loopback_sweep(site.lb, number % 4 == 0 ? 31000 : 3000 * (int64_t)(number % 4));
        break;
    case DEED_COLD:
        is_cold = !is_cold;
        break;
    case DEED_END:
        trial.halved = true;
        wire_write_end(trial.w);
        break;
    case DEED_BREAK:
        trial.gone = true;
        wire_break(trial.w);
        break;
    case DEED_CUT:
    case DEED_LITERAL:
    case DEED_NOTHING:
        break;
    }
}

static void play(const uint8_t *data, size_t n)
{
    for (size_t at = 0; at < n && !trial.halved && !trial.gone;) {
        struct step s = next_step(data, n, &at);

        if (s.is_byte)
            take_byte(s.byte);
        else
            do_deed(s.deed, s.number);
    }
    send_piece();
    is_cold = false;
    trial.w->held = 0;
    wire_allow(trial.w, SIZE_MAX);
    do
        turn();
    while (guest_wake());
}

/* The client has said all: the connection must end by itself. */
static void end(void)
{
    if (!trial.halved && !trial.gone)
        wire_write_end(trial.w);
    do
        turn();
    while (guest_wake());
    FUZZ_MUST(trial.w->c == NULL, "the client has gone, the connection stays");
    wire_free(trial.w);
    FUZZ_MUST(loopback_worker(site.lb)->generation->uses == 0, "a request is left");
    FUZZ_MUST(guest_open_filters() == 0, "%zu filters have not ended", guest_open_filters());
}

void fuzz_http1(const uint8_t *data, size_t n)
{
    if (n > INPUT_MAX)
        return;
    if (site.lb == NULL)
        begin();
    collect(data, n);
    trial_begin((struct mpx_str){ run.payload, run.payload_n });
    run.piece_n = 0;
    run.bytewise = is_cold = false;
    trial.w = wire_open(site.lb);
    play(data, n);
    trial_check();
    end();
}
