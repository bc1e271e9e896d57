/* SPDX-License-Identifier: MIT */
#include "trial.h"

#include "fuzz.h"
#include "req.h"
#include "str.h"

struct trial trial;

const struct naive_limits trial_limits = {
    .header_bytes = 1024, .uri = 256, .headers = 12, .body = 6000
};

/* What is refused without harm to what comes behind it. */
static const uint64_t path_slash = (uint64_t)1 << NAIVE_PATH_SLASH;

void trial_begin(struct mpx_str bytes)
{
    naive_read(&trial.naive, &trial_limits, bytes);
    trial.over = 0;
    trial.timed = trial.halved = trial.gone = false;
    memset(trial.outcomes, 0, (trial.naive.count + 1) * sizeof(trial.outcomes[0]));
}

/* ---- what the server sees is what the naive reader sees */

static const struct naive_message *message(size_t i)
{
    FUZZ_MUST(i < trial.naive.count, "the server sees message %zu, the naive reader %zu in all", i,
              trial.naive.count);
    return &trial.naive.messages[i];
}

static void same(const char *what, size_t i, struct mpx_str ours, struct mpx_str theirs)
{
    size_t at = 0;

    while (at < ours.n && at < theirs.n && ours.p[at] == theirs.p[at])
        at++;
    FUZZ_MUST(str_eq(ours, theirs),
              "message %zu: %s has %zu bytes, to the naive reader %zu; from %zu on \"%.*s\", "
              "\"%.*s\"",
              i, what, ours.n, theirs.n, at, STR_ARGS(str_head(str_from(ours, at), 60)),
              STR_ARGS(str_head(str_from(theirs, at), 60)));
}

static size_t on_begun(struct mpx_req *r)
{
    size_t i = r->conn->requests - 1;
    const struct naive_message *m = message(i);

    FUZZ_MUST(m->head, "message %zu: a module sees what is to be refused", i);
    trial.outcomes[i].begun = true;
    same("the line", i, r->line, m->line);
    same("the method", i, r->method, m->method);
    same("the host", i, r->host, m->host);
    same("the path", i, r->path, m->path);
    same("the query", i, r->query, m->query);
    FUZZ_MUST(r->version == (m->version.p[7] == '0' ? 10 : 11), "message %zu: version %d", i,
              r->version);
    FUZZ_MUST(r->field_count == m->field_count, "message %zu: %zu fields, to the naive reader %zu",
              i, r->field_count, m->field_count);
    for (size_t k = 0; k < m->field_count; k++) {
        same("a field's name", i, r->fields[k].key, m->fields[k].key);
        same("a field's value", i, r->fields[k].value, m->fields[k].value);
    }
    return i;
}

static void on_body(size_t i, struct mpx_str body)
{
    const struct naive_message *m = message(i);

    FUZZ_MUST(m->whole, "message %zu: a module reads a body that has no end", i);
    FUZZ_MUST(body.n <= trial_limits.body, "message %zu: a module reads %zu bytes", i, body.n);
    same("the body", i, body, m->body);
}

static bool is_known_host(struct mpx_str host)
{
    return host.n == 0 || str_is(host, "h") || str_is(host, "localhost");
}

/* What core answers itself though nothing is wrong with it; 0: it is for a module. */
static int by_core(const struct naive_message *m)
{
    if (!is_known_host(m->host))
        return 421;
    return str_is(m->target, "*") ? 204 : 0;
}

static void check_status(size_t i, const struct naive_message *m, int status)
{
    if (status == 499 || (status == 408 && trial.timed))
        return;
    if (m->head && m->too_long) {
        FUZZ_MUST(status == 413 || (status == 421 && !is_known_host(m->host)),
                  "message %zu: %d, though it is too long", i, status);
    } else if (m->head) {
        FUZZ_MUST(trial.outcomes[i].begun == (by_core(m) == 0), "message %zu: who answers it?", i);
        FUZZ_MUST(trial.outcomes[i].begun || status == by_core(m),
                  "message %zu: %d, to the naive reader %d", i, status, by_core(m));
    } else {
        bool is_elsewhere = m->rules == path_slash && status == 421 && !is_known_host(m->host);

        FUZZ_MUST(naive_may_answer(m, status) || is_elsewhere || (m->too_long && status == 413),
                  "message %zu: %d, which no rule of %#llx has (whole: %d)", i, status,
                  (unsigned long long)(m->rules | m->maybe), m->whole);
    }
}

static void on_over(struct mpx_req *r)
{
    size_t i = trial.over++;
    struct outcome *o = &trial.outcomes[i];

    o->status = r->res.status;
    o->started = r->res.started;
    o->broken = r->res.broken;
    o->is_head = r->is_head;
    if (o->started)
        check_status(i, message(i), o->status);
}

const struct guest_observer trial_observer = { on_begun, on_body, on_over };

/* ---- the answers */

static struct asked asked(void *arg, size_t i)
{
    const struct naive_message *m = i < trial.naive.count ? &trial.naive.messages[i] : NULL;

    const struct outcome *o = &trial.outcomes[i];
    bool is_late = trial.timed && o->status == 408 && !o->begun; /* in the midst of the word HEAD */

    (void)arg;
    return (struct asked){ m != NULL && (is_late ? o->is_head : m->is_head),
                           m != NULL && m->version.n == 8 && m->version.p[7] == '0' };
}

/* "bytes 2-5/9": what of the whole that is; false when it is nothing of it. */
static bool part_of(const struct answer *a, struct mpx_str whole, struct mpx_str *part)
{
    struct mpx_str value, numbers[3];
    uint64_t n[3];

    if (answer_field(a, "content-range", &value) != 1 || !str_starts(value, MPX_STR("bytes ")))
        return false;
    value = str_from(value, 6);
    for (int i = 0; i < 3; i++) {
        numbers[i] = str_head(value, str_find(value, "-/ "[i]));
        value = str_from(value, numbers[i].n + 1);
        if (str_to_u64(numbers[i], &n[i]) < 0)
            return false;
    }
    *part = str_head(str_from(whole, n[0]), n[1] - n[0] + 1);
    return n[0] <= n[1] && n[1] < n[2] && n[2] == whole.n;
}

/* The last answer cannot be completed. */
static bool is_broken(void)
{
    size_t count = trial.answers.count;

    return trial.outcomes[count].broken || (count > 0 && trial.outcomes[count - 1].broken);
}

static bool is_cut(void)
{
    return trial.gone || trial.w->reset || is_broken();
}

static void check_body(size_t i, const struct answer *a, const struct naive_message *m)
{
    struct mpx_str wanted, type;

    if ((a->status != 200 && a->status != 206) || m->is_head || !trial.outcomes[i].begun)
        return;
    if (str_is(m->path, "/big.bin"))
        wanted = trial.big;
    else if (str_is(m->path, "/file"))
        wanted = MPX_STR("[small]");
    else if (!guest_expected(m->path, m->body, &wanted))
        return;
    if (a->status == 206 && answer_field(a, "content-type", &type) == 1 &&
        str_starts(type, MPX_STR("multipart/byteranges")))
        return;
    if (a->status == 206)
        FUZZ_MUST(part_of(a, wanted, &wanted), "answer %zu: a strange Content-Range", i);
    if (is_cut()) /* what ends with the connection may be cut, but is not wrong */
        wanted = str_head(wanted, a->body.n);
    same("the answer's body", i, a->body, wanted);
}

/* Whether the connection must end with this answer: the client asks for it, or nobody knows where
   the next message begins. */
static bool must_close(const struct naive_message *m)
{
    return (m->close && !m->close_maybe) || (m->rules & ~path_slash) != 0;
}

/* Whether the connection may end with this answer. */
static bool may_close(const struct naive_message *m, const struct answer *a)
{
    bool is_10 = m->version.n == 8 && m->version.p[7] == '0';

    return m->close || m->close_maybe || m->maybe != 0 || is_10 || !m->head || !m->whole ||
           m->expects || a->status == 413 || trial.timed;
}

static void check_answer(size_t i)
{
    const struct answer *a = &trial.answers.list[i];
    const struct naive_message *m = message(i);
    const struct outcome *o = &trial.outcomes[i];

    FUZZ_MUST(i < trial.over && o->started && o->status == a->status,
              "answer %zu is %d, but the server thinks %d", i, a->status, o->status);
    FUZZ_MUST(a->interim <= (m->expects ? 1 : 0), "answer %zu: 100 unasked, or twice", i);
    FUZZ_MUST(!a->close || i + 1 == trial.answers.count,
              "answer %zu says close and is not the last", i);
    FUZZ_MUST(!a->close || may_close(m, a), "answer %zu says close, why?", i);
    FUZZ_MUST(a->close || !(must_close(m) || (m->too_long && a->status == 413)),
              "answer %zu does not say close, but should", i);
    check_body(i, a, m);
}

/* The connection is open, and has nothing to do: what was asked is answered. */
static void check_all_answered(void)
{
    for (size_t i = 0; i < trial.naive.count; i++) {
        const struct naive_message *m = &trial.naive.messages[i];

        FUZZ_MUST(i < trial.answers.count || !(m->whole || m->decided),
                  "message %zu is not answered (%zu are), and the connection stays", i,
                  trial.answers.count);
        FUZZ_MUST(i >= trial.answers.count || !(must_close(m) || m->body_rules != 0),
                  "the connection goes on behind message %zu", i);
    }
}

/* The answer says close; or it was given before the body was seen to have no end. */
static bool may_end_in_silence(size_t i)
{
    const struct naive_message *m = &trial.naive.messages[i];

    return trial.answers.list[i].close || (m->body_rules | m->maybe) != 0;
}

void trial_check(void)
{
    struct answers *a = &trial.answers;
    bool open = trial.w->c != NULL && !trial.w->shut;

    answers_read(a, buffer_str(&trial.w->out), !open, asked, NULL);
    FUZZ_MUST(a->fault == NULL, "answer %zu: %s", a->count, a->fault);
    FUZZ_MUST(!a->partial || is_cut(), "something is left over behind %zu answers", a->count);
    for (size_t i = 0; i < a->count; i++)
        check_answer(i);
    if (open) {
        check_all_answered();
        return;
    }
    if (trial.gone || trial.timed || trial.halved)
        return;
    if (trial.w->reset) /* only an answer that cannot be completed may end so */
        FUZZ_MUST(is_broken(), "a reset for nothing behind %zu answers", a->count);
    else if (!is_broken())
        FUZZ_MUST(a->count > 0 && may_end_in_silence(a->count - 1), "closed without a word");
}
