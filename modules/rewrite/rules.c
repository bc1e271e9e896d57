/* SPDX-License-Identifier: MIT
   What the configuration says, checked and made ready: rules and what they have in common with
   tables. */
#include "rewrite.h"

#include "../common/pointer.h"

/* Captures must be there. */
static int check_groups(const struct source *from, const struct target *t, bool in_table)
{
    unsigned groups = from->match != NULL ? pattern_groups(from->match) : 0;

    for (size_t i = 0; i < t->count; i++) {
        const struct part *p = &t->parts[i];

        if (p->kind == PART_GROUP && in_table)
            return mpx_conf_error(from->c, from->below,
                                  "there is no \"$%u\" in a table: write \"*\" for what lies below "
                                  "a prefix, or a rule with \"match\"",
                                  p->group);
        if (p->kind == PART_GROUP && from->match == NULL)
            return mpx_conf_error(from->c, from->below,
                                  "there is no \"$%u\" without an expression: write \"$$\" for a "
                                  "dollar",
                                  p->group);
        if (p->kind == PART_GROUP && p->group > groups)
            return mpx_conf_error(from->c, from->below,
                                  "there is no \"$%u\": the expression has %u group%s, ( ... )",
                                  p->group, groups, groups == 1 ? "" : "s");
    }
    return 0;
}

const struct target *rewrite_target(struct mpx_conf *c, const char *below, struct mpx_str text,
                                    const struct pattern *match, unsigned flags)
{
    const struct source from = { c, below, match };
    struct part parts[TARGET_PARTS];
    struct target t;
    const char *what = target_read(&from, text, flags, &t, parts);

    if (what != NULL) {
        (void)mpx_conf_error(c, below, "\"%.*s\" %s", (int)text.n, text.p, what);
        return NULL;
    }
    if (check_groups(&from, &t, (flags & (TARGET_REST | TARGET_NO_REST)) != 0) < 0)
        return NULL;
    return target_keep(mpx_conf_arena(c), &t);
}

int rewrite_check_status(struct mpx_conf *c, const char *below, int64_t status, bool has_target)
{
    bool redirects = (status >= 301 && status <= 303) || status == 307 || status == 308;

    if (status == 0 || (has_target ? redirects : status >= 400))
        return 0;
    if (has_target)
        return mpx_conf_error(c, pointer_below(c, below, MPX_STR("status")),
                              "with \"to\" it must be 301, 302, 303, 307 or 308, not %lld",
                              (long long)status);
    return mpx_conf_error(c, pointer_below(c, below, MPX_STR("status")),
                          "%lld needs \"to\": an error, 400 to 599, can be without",
                          (long long)status);
}

static int compile_sets(struct mpx_conf *c, const char *below, const struct rule_option *o,
                        struct rule *rule)
{
    const struct mpx_pair *pairs = o->set.items;
    struct assignment *sets = mpx_alloc(mpx_conf_arena(c), o->set.count * sizeof(*sets));
    int rc = 0;

    for (size_t i = 0; i < o->set.count; i++) {
        const char *at = pointer_below(c, below, pairs[i].key);
        struct mpx_str name = pairs[i].key;

        if (name.n == 0 || target_word(name) < name.n)
            rc = mpx_conf_error(c, at, "a name is letters, digits and \"_\"");
        sets[i].name = name;
        sets[i].text = rewrite_target(c, at, pairs[i].value, rule->match, TARGET_TEXT);
        if (sets[i].text == NULL)
            rc = -1;
    }
    rule->sets = sets;
    rule->set_count = o->set.count;
    return rc;
}

/* A rule that has an expression, or conditions alone. */
static int compile_rule(struct mpx_conf *c, const char *below, const struct rule_option *o,
                        int status, struct rule *rule)
{
    int rc = 0;

    rule->name = below;
    rule->last = o->last;
    rule->status = o->status != 0 ? (int)o->status : o->to.p != NULL ? status : 0;
    rule->silent_until = mpx_alloc(mpx_conf_arena(c), sizeof(*rule->silent_until));
    if (o->match.p != NULL) {
        rule->match = pattern_compile(c, pointer_below(c, below, MPX_STR("match")), o->match);
        if (rule->match == NULL)
            return -1;
    }
    if (o->to.p != NULL) {
        rule->to = rewrite_target(c, pointer_below(c, below, MPX_STR("to")), o->to, rule->match, 0);
        rc = rule->to != NULL ? 0 : -1;
    } else if (o->status == 0 && o->set.count == 0 && !o->last) {
        rc = mpx_conf_error(c, below,
                            "does nothing: it needs \"to\", \"status\", \"set\" or \"last\"");
    }
    if (rewrite_check_status(c, below, o->status, o->to.p != NULL) < 0)
        rc = -1;
    if (compile_sets(c, pointer_below(c, below, MPX_STR("set")), o, rule) < 0 ||
        condition_compile(c, pointer_below(c, below, MPX_STR("if")), &o->condition, rule->match,
                          &rule->conditions, &rule->condition_count) < 0)
        rc = -1;
    return rc;
}

static bool has_condition(const struct condition_option *o)
{
    return o->method.count + o->host.count + o->scheme.count + o->from.count + o->header.count +
                   o->query.parameters.count + o->none.count >
               0 ||
           o->query.whole.p != NULL || o->exists.p != NULL;
}

/* An empty object is an empty table. */
static bool is_table(const struct rule_option *o)
{
    return o->table.count > 0 || o->map.p != NULL ||
           (o->match.p == NULL && o->to.p == NULL && o->status == 0 && !o->last &&
            o->set.count == 0 && !has_condition(&o->condition));
}

/* Tables and maps know no conditions: they are asked before all expressions. */
static int check_table(struct mpx_conf *c, const char *below, const struct rule_option *o)
{
    if (o->match.p == NULL && o->to.p == NULL && o->set.count == 0 && !has_condition(&o->condition))
        return 0;
    return mpx_conf_error(
        c, below,
        "a %s has no \"match\", \"to\", \"if\" or \"set\": make two elements of a "
        "list, [ { ... }, { ... } ]",
        o->map.p != NULL ? "map" : "table");
}

static int compile_list(struct mpx_conf *c, const char *key, const struct mpx_list *list,
                        int status, struct engine *e, struct mpx_str *expressions)
{
    const struct rule_option *o = list->items;
    int rc = 0;

    for (size_t i = 0; i < list->count; i++) {
        const char *below = mpx_printf(mpx_conf_arena(c), "%s/%zu", key, i).p;

        if (is_table(&o[i])) {
            if (check_table(c, below, &o[i]) < 0)
                rc = -1;
            else if (o[i].map.p != NULL &&
                     (rewrite_check_status(c, below, o[i].status, true) < 0 ||
                      map_add(c, pointer_below(c, below, MPX_STR("map")), o[i].map,
                              o[i].status != 0 ? (int)o[i].status : status, o[i].last,
                              &e->maps) < 0))
                rc = -1;
            continue;
        }
        if (compile_rule(c, below, &o[i], status, &e->rules[e->rule_count]) < 0)
            rc = -1;
        expressions[e->rule_count++] = o[i].match;
    }
    return rc;
}

int rules_compile(struct mpx_conf *c, struct conf *conf)
{
    struct mpx_arena *a = mpx_conf_arena(c);
    size_t room = conf->rules.count + conf->redirect.count;
    struct mpx_str *expressions;
    int rc;

    if (room + conf->table.count == 0)
        return 0;
    struct engine *e = mpx_alloc(a, sizeof(*e));
    e->rules = mpx_alloc(a, room * sizeof(*e->rules));
    expressions = mpx_alloc(a, room * sizeof(*expressions));
    rc = compile_list(c, "redirect", &conf->redirect, 301, e, expressions);
    if (compile_list(c, "rules", &conf->rules, 0, e, expressions) < 0)
        rc = -1;
    if (tables_compile(c, conf, e) < 0)
        rc = -1;
    e->index = index_make(a, expressions, e->rule_count);
    conf->engine = e;
    return rc;
}
