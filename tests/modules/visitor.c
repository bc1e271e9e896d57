/* SPDX-License-Identifier: MIT
   Does what a request's path says with the service of sessions, for tests: /set?KEY=VALUE,
   /get?KEY, /drop?KEY, /add?KEY=NUMBER, /swap?KEY=OLD,NEW, /renew?KEY=VALUE or /renew, /end, /all,
   /name, /big?KEY=BYTES, /late?KEY=VALUE behind a header that is out, /slow?KEY=VALUE, which
   answers a while after it has looked, /race?KEY=N, N times get and swap, each until it is not
   outrun. The answer is "RESULT VALUE". */
#include <errno.h>
#include <multiplexd/session.h>
#include <stdlib.h>
#include <string.h>

struct conf {
    int64_t pause;
    const struct mpx_session *session;
};

struct slot {
    struct mpx_str key, value;
    int left;
};

static const struct mpx_option options[] = {
    { .name = "pause",
      .help = "how long /slow waits",
      .type = MPX_T_MSEC,
      .fallback = "\"300ms\"",
      .offset = offsetof(struct conf, pause) },
    MPX_OPTION_END,
};

static int open_conf(struct mpx_conf *c, void *data)
{
    struct conf *conf = data;

    conf->session = (const struct mpx_session *)mpx_require(c, "session", 1, 0);
    return conf->session != NULL ? 0 : mpx_conf_error(c, "", "needs the module session");
}

static struct mpx_str split(struct mpx_str s, char at, struct mpx_str *rest)
{
    const char *p = s.n > 0 ? memchr(s.p, at, s.n) : NULL;
    size_t n = p != NULL ? (size_t)(p - s.p) : s.n;

    *rest = p != NULL ? (struct mpx_str){ p + 1, s.n - n - 1 } : MPX_STR("");
    return (struct mpx_str){ s.p, n };
}

static int number_of(struct mpx_req *r, struct mpx_str s)
{
    return (int)strtol(mpx_printf(mpx_req_arena(r), "%.*s", (int)s.n, s.p).p, NULL, 10);
}

static enum mpx_rc tell(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct slot *slot = mpx_req_slot(r, data);
    struct mpx_str value = MPX_STR("-");

    (void)state;
    (void)conf->session->get(r, slot->key, &value);
    struct mpx_str text = mpx_printf(mpx_req_arena(r), "%d %.*s", conf->session->result(r),
                                     (int)(value.n < 100 ? value.n : 100), value.p);
    (void)mpx_res_write(r, text);
    return mpx_res_end(r);
}

static enum mpx_rc list(struct mpx_req *r, const struct conf *conf)
{
    struct mpx_list all = conf->session->all(r);
    const struct mpx_pair *pairs = all.items;

    for (size_t i = 0; i < all.count; i++) {
        (void)mpx_res_write(r, pairs[i].key);
        (void)mpx_res_write(r, MPX_STR("="));
        (void)mpx_res_write(r, pairs[i].value);
        (void)mpx_res_write(r, MPX_STR(";"));
    }
    return mpx_res_end(r);
}

static enum mpx_rc store(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    const struct slot *slot = mpx_req_slot(r, data);

    (void)state;
    return conf->session->set(r, slot->key, slot->value, tell, NULL);
}

static enum mpx_rc race(struct mpx_req *r, const void *data, void *state);

static enum mpx_rc raced(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    struct slot *slot = mpx_req_slot(r, data);

    if (conf->session->result(r) == 0)
        slot->left--;
    else if (conf->session->result(r) != -EAGAIN)
        return tell(r, data, state);
    return slot->left > 0 ? race(r, data, state) : tell(r, data, state);
}

static enum mpx_rc race(struct mpx_req *r, const void *data, void *state)
{
    const struct conf *conf = data;
    const struct slot *slot = mpx_req_slot(r, data);
    struct mpx_str old = { NULL, 0 };
    int n = 0;

    if (conf->session->get(r, slot->key, &old))
        n = number_of(r, old);
    return conf->session->update(r, slot->key, old, mpx_printf(mpx_req_arena(r), "%d", n + 1),
                                 raced, state);
}

static enum mpx_rc swap(struct mpx_req *r, const struct conf *conf, const struct slot *slot)
{
    struct mpx_str value, old = split(slot->value, ',', &value);

    if (old.n == 0)
        old.p = NULL;
    if (value.n == 0)
        value.p = NULL;
    return conf->session->update(r, slot->key, old, value, tell, NULL);
}

static enum mpx_rc renew(struct mpx_req *r, const struct conf *conf, const struct slot *slot)
{
    const struct mpx_pair pair = { slot->key, slot->value };

    return conf->session->regenerate(r, (struct mpx_list){ &pair, slot->key.n > 0 ? 1 : 0 }, tell,
                                     NULL);
}

static enum mpx_rc late(struct mpx_req *r)
{
    (void)mpx_res_write(r, MPX_STR("late "));
    (void)mpx_res_flush(r);
    return mpx_sleep(r, 20, store, NULL);
}

static struct mpx_str big(struct mpx_req *r, int n)
{
    char *p = mpx_alloc(mpx_req_arena(r), (size_t)n + 1);

    memset(p, 'x', (size_t)n);
    return (struct mpx_str){ p, (size_t)n };
}

static enum mpx_rc content(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    const struct mpx_session *session = conf->session;
    struct slot *slot = mpx_req_slot(r, data);
    const char *path =
        mpx_printf(mpx_req_arena(r), "%.*s", (int)mpx_req_path(r).n, mpx_req_path(r).p).p;

    slot->key = split(mpx_req_query(r), '=', &slot->value);
    int n = number_of(r, slot->value);
    if (strcmp(path, "/set") == 0)
        return store(r, data, NULL);
    if (strcmp(path, "/get") == 0)
        return tell(r, data, NULL);
    if (strcmp(path, "/fresh") == 0)
        return session->load(r, tell, NULL);
    if (strcmp(path, "/drop") == 0)
        return session->drop(r, slot->key, tell, NULL);
    if (strcmp(path, "/add") == 0)
        return session->increment(r, slot->key, n, tell, NULL);
    if (strcmp(path, "/swap") == 0)
        return swap(r, conf, slot);
    if (strcmp(path, "/renew") == 0)
        return renew(r, conf, slot);
    if (strcmp(path, "/end") == 0)
        return session->end(r, tell, NULL);
    if (strcmp(path, "/all") == 0)
        return list(r, conf);
    if (strcmp(path, "/big") == 0)
        return session->set(r, slot->key, big(r, n), tell, NULL);
    if (strcmp(path, "/late") == 0)
        return late(r);
    if (strcmp(path, "/slow") == 0)
        return mpx_sleep(r, conf->pause, store, NULL);
    if (strcmp(path, "/name") == 0) {
        (void)mpx_res_write(r, session->name(r));
        return mpx_res_end(r);
    }
    if (strcmp(path, "/race") != 0)
        return MPX_NEXT;
    slot->left = n;
    return race(r, data, NULL);
}

static const char *const after[] = { "session", NULL };

MPX_MODULE(visitor) = {
    MPX_HEADER(visitor, "1.0"),
    .summary = "does with sessions what the path says, for tests",
    .options = options,
    .conf_size = sizeof(struct conf),
    .req_size = sizeof(struct slot),
    .open = open_conf,
    .after = after,
    .on = { [MPX_PH_CONTENT] = content },
};
