/* SPDX-License-Identifier: MIT
   A request and the rules: tables first, then expressions in their order. A rule that applies ends
   the round; the next begins at the top, with the new path. */
#include "rewrite.h"

#include <string.h>
#include <time.h>

enum { ROUNDS_MAX = 10, SILENT_SECONDS = 60 };

/* A round that may wait for a disk. */
struct walk {
    const struct engine *engine;
    struct index_walk candidates;
    const struct rule *rule;
    size_t condition; /* which one is asked */
    bool as_folder;
    struct mpx_str groups[PATTERN_GROUPS];
};

/* What a rule or an entry says. */
struct deed {
    const char *name;
    const struct target *to;
    int status;
    bool last;
};

/* host[:port] in its parts. */
static void split(struct mpx_str authority, struct mpx_str *host, struct mpx_str *port)
{
    size_t n = authority.n;

    while (n > 0 && authority.p[n - 1] >= '0' && authority.p[n - 1] <= '9')
        n--;
    bool has_port = n > 0 && authority.p[n - 1] == ':';
    *host = (struct mpx_str){ authority.p, has_port ? n - 1 : authority.n };
    *port = has_port ? (struct mpx_str){ authority.p + n, authority.n - n } : MPX_STR("");
}

/* Whether an absolute URI leads to where the request came: to one of our names, by the same way. */
static bool is_own(struct mpx_req *r, const struct target *to, struct mpx_str authority)
{
    const struct mpx_str scheme = { to->scheme, strlen(to->scheme) };
    struct mpx_str host, port, field = { NULL, 0 }, own_host, own_port;

    if (!mpx_str_eq(mpx_req_scheme(r), scheme))
        return false;
    split(authority, &host, &port);
    (void)mpx_req_header(r, "Host", &field);
    split(field, &own_host, &own_port);
    return mpx_req_owns_host(r, host) && (port.n == 0 || mpx_str_eq(port, own_port));
}

static enum mpx_rc redirect(struct mpx_req *r, const struct deed *d, const struct place *p)
{
    bool has_query = p->query.n > 0;
    struct mpx_str location = mpx_printf(
        mpx_req_arena(r), "%s%s%.*s%.*s%s%.*s%.*s", d->to->scheme != NULL ? d->to->scheme : "",
        d->to->scheme != NULL ? "://" : "", (int)p->authority.n, p->authority.p, (int)p->encoded.n,
        p->encoded.p, has_query ? "?" : "", (int)p->query.n, p->query.p, (int)p->fragment.n,
        p->fragment.p);

    mpx_rlog(r, MPX_DEBUG, "%s: %d to \"%.*s\"", d->name, d->status, (int)location.n, location.p);
    return mpx_res_redirect(r, d->status, location);
}

static enum mpx_rc rewrite(struct mpx_req *r, struct slot *s, const struct deed *d,
                           const struct place *p)
{
    struct mpx_str old = mpx_req_path(r);

    if (++s->rounds > ROUNDS_MAX) {
        mpx_rlog(r, MPX_ERROR,
                 "%s led from \"%.*s\" to \"%.*s\" in round %d: the rules lead in a circle: add "
                 "\"last\": true to one of them",
                 d->name, (int)old.n, old.p, (int)p->path.n, p->path.p, ROUNDS_MAX + 1);
        return mpx_res_error(r, 500);
    }
    mpx_rlog(r, MPX_DEBUG, "%s: \"%.*s\" becomes \"%.*s\"", d->name, (int)old.n, old.p,
             (int)p->path.n, p->path.p);
    if (mpx_req_rewrite(r, p->path, p->query) < 0)
        return mpx_res_error(r, 404);
    s->is_done = d->last;
    return MPX_RESTART;
}

/* Carries it out; NEXT when it changes nothing. */
static enum mpx_rc carry_out(struct mpx_req *r, struct slot *s, struct deed *d,
                             const struct filling *f)
{
    struct place p;

    if (d->to == NULL && d->status != 0)
        return mpx_res_error(r, d->status);
    if (d->to == NULL) {
        s->is_done |= d->last;
        return MPX_NEXT;
    }
    if (target_fill(r, d->to, f, &p) < 0) {
        mpx_rlog(r, MPX_WARN, "%s: what it makes is too long", d->name);
        return mpx_res_error(r, 414);
    }
    if (d->to->scheme != NULL && p.authority.n == 0) /* "https:///a" would lead to a host "a" */
        return mpx_res_error(r, 400);
    if (d->to->scheme != NULL && d->status == 0 && !is_own(r, d->to, p.authority))
        d->status = 307;
    bool is_here = d->to->scheme == NULL || d->status == 0;
    if (is_here && mpx_str_eq(p.path, mpx_req_path(r)) &&
        mpx_str_eq(p.query, mpx_req_query(r))) { /* it is there already */
        s->is_done |= d->last;
        return MPX_NEXT;
    }
    return d->status != 0 ? redirect(r, d, &p) : rewrite(r, s, d, &p);
}

static enum mpx_rc follow(struct mpx_req *r, struct slot *s, const struct entry *e,
                          const struct map *m, struct mpx_str rest)
{
    const struct filling f = { .rest = rest };
    const struct source nowhere = { .c = NULL };
    struct part parts[TARGET_PARTS];
    struct target to;
    struct deed d = { e->name, e->target, e->status, e->last };

    if (m != NULL) {
        d.name = mpx_printf(mpx_req_arena(r), "%s:%u", m->path, e->line).p;
        d.status = d.status != 0 ? d.status : m->status;
        d.last = m->last;
    }
    if (e->to.n > 0 && e->target == NULL) { /* no fault was found when it was put into the table */
        (void)target_read(&nowhere, e->to, e->is_prefix ? TARGET_REST : TARGET_NO_REST, &to, parts);
        d.to = &to;
    }
    return carry_out(r, s, &d, &f);
}

/* An exact path goes before a prefix, a longer prefix before a shorter one, the configuration
   before map files. */
static enum mpx_rc ask_tables(struct mpx_req *r, struct slot *s, const struct engine *engine)
{
    struct mpx_str path = mpx_req_path(r), rest = { NULL, 0 }, best_rest = { NULL, 0 };
    const struct entry *best = table_exact(engine->table, path);
    const struct map *of = NULL;

    for (const struct map *m = engine->maps; m != NULL && best == NULL; m = m->next)
        if ((best = table_exact(m->table, path)) != NULL)
            of = m;
    if (best == NULL) {
        best = table_prefix(engine->table, path, &best_rest);
        for (const struct map *m = engine->maps; m != NULL; m = m->next) {
            const struct entry *e = table_prefix(m->table, path, &rest);

            if (e == NULL || (best != NULL && best->key.n >= e->key.n))
                continue;
            best = e;
            best_rest = rest;
            of = m;
        }
    }
    return best != NULL ? follow(r, s, best, of, best_rest) : MPX_NEXT;
}

static int set_variables(struct mpx_req *r, struct slot *s, const struct walk *w)
{
    const struct filling f = { .groups = w->groups };

    for (size_t i = 0; i < w->rule->set_count; i++) {
        struct variable *v = mpx_alloc(mpx_req_arena(r), sizeof(*v));

        if (target_fill_text(r, w->rule->sets[i].text, &f, &v->value) < 0)
            return -1;
        v->name = w->rule->sets[i].name;
        v->next = s->variables;
        s->variables = v;
    }
    return 0;
}

static enum mpx_rc apply(struct mpx_req *r, struct slot *s, struct walk *w)
{
    const struct filling f = { .groups = w->groups };
    struct deed d = { w->rule->name, w->rule->to, w->rule->status, w->rule->last };

    if (set_variables(r, s, w) < 0)
        return mpx_res_error(r, 414);
    return carry_out(r, s, &d, &f);
}

/* An expression that takes too long is no match; somebody should mend it. */
static void tell_given_up(struct mpx_req *r, const struct rule *rule)
{
    int64_t now = (int64_t)time(NULL);

    if (now < *rule->silent_until)
        return;
    *rule->silent_until = now + SILENT_SECONDS;
    mpx_rlog(
        r, MPX_WARN,
        "%s: an expression was given up for \"%.*s\": it needs too many steps; the rule does not "
        "apply",
        rule->name, (int)mpx_req_path(r).n, mpx_req_path(r).p);
}

/* The next rule whose expression matches; false when there is none. */
static bool next_rule(struct mpx_req *r, struct walk *w)
{
    int64_t i;

    while ((i = index_next(&w->candidates)) >= 0) {
        w->rule = &w->engine->rules[i];
        w->condition = 0;
        if (w->rule->match == NULL)
            return true;
        int rc = pattern_match(w->rule->match, mpx_req_path(r), w->groups);
        if (rc < 0)
            tell_given_up(r, w->rule);
        if (rc == 1)
            return true;
    }
    return false;
}

/* The first condition must hold, those in its "not" must not; else it is the next rule's turn. */
static void judge(struct walk *w, bool holds)
{
    if (holds == (w->condition == 0))
        w->condition++;
    else
        w->rule = NULL;
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state);

static enum mpx_rc go_on(struct mpx_req *r, const void *conf, struct walk *w)
{
    const struct filling f = { .groups = w->groups };
    struct slot *s = mpx_req_slot(r, conf);
    const struct target *exists;
    struct mpx_str path;

    while (w->rule != NULL || next_rule(r, w)) {
        if (w->condition == w->rule->condition_count) {
            enum mpx_rc rc = apply(r, s, w);

            if (rc != MPX_NEXT || s->is_done)
                return rc;
            w->rule = NULL;
            continue;
        }
        int holds = condition_holds(r, condition_at(w->rule->conditions, w->condition), &exists);
        if (holds < 0) { /* of no use either way, in "not" least of all */
            tell_given_up(r, w->rule);
            w->rule = NULL;
            continue;
        }
        if (holds == 1 && exists != NULL && target_fill_text(r, exists, &f, &path) == 0) {
            w->as_folder = path.n > 0 && path.p[path.n - 1] == '/';
            return mpx_open_path(r, path, 0, opened, w);
        }
        judge(w, holds == 1 && exists == NULL);
    }
    return MPX_NEXT;
}

static enum mpx_rc opened(struct mpx_req *r, const void *conf, void *state)
{
    struct walk *w = state;

    judge(w, rewrite_is_there(r, w->as_folder));
    return go_on(r, conf, w);
}

enum mpx_rc rewrite_route(struct mpx_req *r, const void *data)
{
    const struct conf *conf = data;
    struct index_walk candidates;

    if (conf->engine == NULL)
        return MPX_NEXT;
    struct slot *s = mpx_req_slot(r, conf);
    if (s->is_done)
        return MPX_NEXT;
    enum mpx_rc rc = ask_tables(r, s, conf->engine);
    if (rc != MPX_NEXT || s->is_done ||
        !index_walk(conf->engine->index, mpx_req_path(r), &candidates))
        return rc;
    struct walk *w = mpx_alloc(mpx_req_arena(r), sizeof(*w));
    w->engine = conf->engine;
    w->candidates = candidates;
    return go_on(r, data, w);
}
