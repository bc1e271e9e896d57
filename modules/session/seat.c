/* SPDX-License-Identifier: MIT */
#include "seat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum { STORE_MS = 10000 /* a store that has not answered by then has failed */ };

/* Something that is done for a request. It holds copies: the request may leave meanwhile. */
struct errand {
    struct op op;
    struct seat *seat;
    const struct conf *conf;
    mpx_resume_fn fn;
    void *state;
    struct mpx_ticket *ticket;
    unsigned uses; /* of a slow one, on the heap: the store, and the request */
    char text[COOKIE_TEXT + 1];
    struct mpx_pair changes[]; /* and behind them all that they point to */
};

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* The first bytes of the hash: the cookie cannot be made of them, nor the rest of the hash. */
static void set_name(struct seat *seat)
{
    for (size_t i = 0; i < sizeof(seat->name) - 1; i++)
        seat->name[i] = "0123456789abcdef"[seat->id[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
}

struct seat *seat_of(struct mpx_req *r, const struct conf **conf)
{
    struct mpx_str text;

    *conf = mpx_req_conf(r, "session");
    if (*conf == NULL)
        return NULL;
    struct seat *seat = mpx_req_slot(r, *conf);
    if (seat->is_entered)
        return seat;
    seat->is_entered = true;
    seat->has_id = cookie_read(r, &(*conf)->cookie, &text);
    if (seat->has_id)
        cookie_hash(r, &(*conf)->cookie, text, seat->id);
    return seat;
}

static void take_picture(struct mpx_req *r, struct seat *seat, struct op *op)
{
    char *picture = op->picture;

    if (op->arena == NULL) {
        picture = mpx_alloc(mpx_req_arena(r), op->size + 1);
        if (op->size > 0)
            memcpy(picture, op->picture, op->size);
    }
    seat->data = (struct mpx_str){ picture, op->size };
}

static void lose(struct seat *seat)
{
    seat->is_live = false;
    seat->data = MPX_STR("");
}

static void begin(struct seat *seat, const struct errand *e)
{
    memcpy(seat->id, e->op.new_id, OP_ID);
    memcpy(seat->text, e->text, sizeof(e->text));
    seat->has_id = true;
    seat->cookie = SEAT_GIVE;
    seat->name[0] = '\0';
}

static void end(struct seat *seat)
{
    lose(seat);
    if (seat->has_id)
        seat->cookie = SEAT_TAKE_BACK;
    seat->has_id = seat->is_known = false;
}

/* What became of it, for the request. */
static void conclude(struct mpx_req *r, struct errand *e)
{
    struct seat *seat = e->seat;
    struct op *op = &e->op;

    seat->rc = op->rc;
    if (op->kind == OP_LOAD)
        seat->is_broken = op->rc == -EIO || op->rc == -EBUSY;
    if (op->rc == 0 && op->is_begun && seat->is_sent)
        seat->rc = -EALREADY; /* it was sent while the store was at work */
    else if (op->rc == 0 && op->is_begun)
        begin(seat, e);
    if (op->rc == 0 && op->kind == OP_END)
        end(seat);
    else if (op->rc == 0 && !op->is_found)
        lose(seat);
    if (op->picture != NULL && (op->rc == 0 || op->rc == -EAGAIN))
        take_picture(r, seat, op);
    if (op->rc == 0 && op->is_found)
        seat->is_live = seat->is_known = true;
    if (op->rc == -ESTALE || seat->is_broken)
        seat->is_known = true;
    if (op->kind == OP_LOAD && op->rc == -ESTALE)
        seat->rc = 0; /* there is no session: nothing to be wrong */
    if (seat->is_live && seat->name[0] == '\0')
        set_name(seat);
    if (op->arena == NULL)
        free(op->picture);
    op->picture = NULL;
}

static void drop(void *arg)
{
    struct errand *e = arg;

    if (--e->uses > 0)
        return;
    free(e->op.picture);
    free(e);
}

/* The store has done it. Whoever asked may be gone. */
static void done(struct op *op)
{
    struct errand *e = op->waiter;

    (void)mpx_wake(e->ticket);
    drop(e);
}

static enum mpx_rc go_on(struct mpx_req *r, const void *conf, void *state)
{
    struct errand *e = state;

    if (mpx_wait_expired(r)) {
        e->seat->rc = -EIO;
        e->seat->is_broken = e->seat->is_broken || e->op.kind == OP_LOAD;
        e->seat->is_known = e->seat->is_known || e->op.kind == OP_LOAD;
        mpx_rlog(r, MPX_ERROR, "the store has not answered within %d seconds", STORE_MS / 1000);
    } else {
        conclude(r, e);
    }
    return e->fn(r, conf, e->state);
}

static struct mpx_str keep(char **at, struct mpx_str s)
{
    char *p = *at;

    if (s.p == NULL)
        return s;
    if (s.n > 0)
        memcpy(p, s.p, s.n);
    *at += s.n + 1; /* so that an empty one is not at the end */
    return (struct mpx_str){ p, s.n };
}

static size_t size_of(const struct seat_wish *wish)
{
    const struct mpx_pair *pairs = wish->changes.items;
    size_t n = wish->old.n + 1 + wish->changes.count * sizeof(struct mpx_pair);

    for (size_t i = 0; i < wish->changes.count; i++)
        n += pairs[i].key.n + pairs[i].value.n + 2;
    return n;
}

static struct errand *errand_make(struct mpx_req *r, const struct conf *conf,
                                  const struct seat_wish *wish)
{
    const struct mpx_pair *pairs = wish->changes.items;
    size_t count = wish->changes.count, n = sizeof(struct errand) + size_of(wish);
    struct errand *e = conf->home->is_slow ? calloc(1, n) : mpx_alloc(mpx_req_arena(r), n);

    if (e == NULL)
        return NULL;
    char *at = (char *)&e->changes[count];
    for (size_t i = 0; i < count; i++) {
        e->changes[i].key = keep(&at, pairs[i].key);
        e->changes[i].value = keep(&at, pairs[i].value);
    }
    e->op.changes = e->changes;
    e->op.count = count;
    e->op.old = keep(&at, wish->old);
    e->op.by = wish->by;
    if (!conf->home->is_slow) {
        e->op.arena = mpx_req_arena(r);
        return e;
    }
    e->uses = 2;
    mpx_defer(mpx_req_arena(r), drop, e);
    return e;
}

/* NULL, and the reason, when it cannot even be tried. */
static struct errand *prepare(struct mpx_req *r, struct seat *seat, const struct conf *conf,
                              const struct seat_wish *wish)
{
    struct errand *e = errand_make(r, conf, wish);

    if (e == NULL || (wish->kind != OP_LOAD && cookie_make(e->text) < 0)) {
        seat->rc = -EIO;
        return NULL;
    }
    e->seat = seat;
    e->conf = conf;
    struct op *op = &e->op;
    op->done = done;
    op->waiter = e;
    op->kind = wish->kind;
    op->renews = wish->renews;
    op->has_id = seat->has_id;
    op->is_known = seat->is_known;
    op->may_begin = !seat->is_sent;
    op->now = now_ms();
    op->idle = conf->idle;
    op->lifetime = conf->lifetime;
    op->max_size = (size_t)conf->max_size;
    memcpy(op->id, seat->id, OP_ID);
    if (wish->kind != OP_LOAD)
        cookie_hash(r, &conf->cookie, (struct mpx_str){ e->text, COOKIE_TEXT }, op->new_id);
    return e;
}

static enum mpx_rc at_once(struct mpx_req *r, mpx_resume_fn fn, void *state)
{
    struct mpx_ticket *ticket;
    enum mpx_rc rc = mpx_wait_ticket(r, &ticket, 0, fn, state);

    if (rc == MPX_WAIT)
        (void)mpx_wake(ticket);
    return rc;
}

static enum mpx_rc hand_over(struct mpx_req *r, struct errand *e)
{
    enum mpx_rc rc = mpx_wait_ticket(r, &e->ticket, STORE_MS, go_on, e);

    if (rc == MPX_WAIT)
        (void)e->conf->home->run(e->conf->home, &e->op);
    else
        drop(e);
    return rc;
}

/* 0, or what is wrong with it. What is too long is refused before it is copied. */
static int judge(const struct seat *seat, const struct conf *conf, const struct seat_wish *wish)
{
    const struct mpx_pair *pairs = wish->changes.items;
    size_t n = wish->old.n, max = (size_t)conf->max_size;

    if (n > max)
        return wish->old.p == NULL ? 0 : -EAGAIN;
    n = 0;
    for (size_t i = 0; i < wish->changes.count; i++) {
        if (!values_is_key(pairs[i].key))
            return -EINVAL;
        if (pairs[i].value.n > max)
            return -E2BIG;
        n += VALUES_HEAD + pairs[i].key.n + pairs[i].value.n;
        if (n > 2 * max + VALUES_KEY_MAX)
            return -E2BIG;
    }
    return wish->kind == OP_END && seat->is_sent ? -EALREADY : 0;
}

enum mpx_rc seat_do(struct mpx_req *r, const struct seat_wish *wish, mpx_resume_fn fn, void *state)
{
    const struct conf *conf;
    struct seat *seat = seat_of(r, &conf);

    if (seat == NULL)
        return at_once(r, fn, state);
    seat->is_looked_at = true;
    seat->rc = judge(seat, conf, wish);
    struct errand *e = seat->rc == 0 ? prepare(r, seat, conf, wish) : NULL;
    if (e == NULL)
        return at_once(r, fn, state);
    e->fn = fn;
    e->state = state;
    if (conf->home->is_slow)
        return hand_over(r, e);
    (void)conf->home->run(conf->home, &e->op);
    conclude(r, e);
    return at_once(r, fn, state);
}

int seat_load(struct mpx_req *r, mpx_resume_fn fn, enum mpx_rc *rc)
{
    static const struct seat_wish wish = { .kind = OP_LOAD };
    const struct conf *conf;
    struct seat *seat = seat_of(r, &conf);

    if (seat == NULL || seat->is_loaded || !seat->has_id)
        return 1;
    seat->is_loaded = true;
    struct errand *e = prepare(r, seat, conf, &wish);
    if (e == NULL) {
        seat->is_broken = seat->is_known = true;
        return 1;
    }
    e->fn = fn;
    if (conf->home->is_slow) {
        *rc = hand_over(r, e);
        return 0;
    }
    (void)conf->home->run(conf->home, &e->op);
    conclude(r, e);
    return 1;
}

static bool has_word(struct mpx_str list, const char *word)
{
    size_t n = strlen(word);

    for (size_t i = 0; i + n <= list.n; i++)
        if (strncasecmp(list.p + i, word, n) == 0)
            return true;
    return false;
}

/* RFC 9111 5.2.2.7: no cache that others share may keep it. */
static int keep_private(struct mpx_req *r, bool has_cookie)
{
    struct mpx_str value;

    if (!mpx_res_get_header(r, "Cache-Control", &value))
        return mpx_res_header(r, "Cache-Control", MPX_STR("private"));
    if (!has_cookie || has_word(value, "private") || has_word(value, "no-store"))
        return 0;
    return mpx_res_header(r, "Cache-Control", MPX_STR("private"));
}

int seat_answer(struct mpx_req *r)
{
    const struct conf *conf;
    struct seat *seat = seat_of(r, &conf);
    int rc = 0;

    if (seat == NULL)
        return 0;
    seat->is_sent = true;
    if (!seat->is_looked_at && seat->cookie == SEAT_SILENT)
        return 0;
    rc |= keep_private(r, seat->cookie != SEAT_SILENT);
    rc |= mpx_res_header_add(r, "Vary", MPX_STR("Cookie"));
    struct mpx_str text = { seat->text, COOKIE_TEXT };
    if (seat->cookie == SEAT_GIVE)
        rc |= cookie_send(r, &conf->cookie, text, conf->lifetime);
    else if (seat->cookie == SEAT_TAKE_BACK)
        rc |= cookie_send(r, &conf->cookie, MPX_STR(""), 0);
    return rc;
}
