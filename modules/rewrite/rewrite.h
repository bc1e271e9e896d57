/* SPDX-License-Identifier: MIT
   What the files of this module share: the options as core fills them, and what is made of them. */
#ifndef REWRITE_H
#define REWRITE_H
#include "index.h"
#include "table.h"
#include "target.h"

/* ---- options */
struct entry_option { /* of a table */
    struct mpx_str key, to;
    int64_t status; /* 0: none */
    bool last;
};
struct query_option {
    struct mpx_str whole;       /* an expression */
    struct mpx_list parameters; /* struct mpx_pair: name, expression */
};
struct condition_option {
    struct mpx_list method, host, scheme, from; /* struct mpx_str */
    struct mpx_list header;                     /* struct mpx_pair: name, expression */
    struct query_option query;
    struct mpx_str exists;
    struct mpx_list none; /* struct condition_option */
};
struct rule_option {
    struct mpx_str match, to;
    struct condition_option condition;
    bool last;
    int64_t status;
    struct mpx_list set; /* struct mpx_pair: name, text */
    struct mpx_str map;
    struct mpx_list table; /* struct entry_option */
};
struct conf {
    struct mpx_list rules, redirect; /* struct rule_option */
    struct mpx_list table;           /* struct entry_option */
    struct mpx_list fallback;        /* struct mpx_str */
    struct engine *engine;           /* NULL: no rules here */
    struct fallback *tries;          /* NULL: none */
};
extern const struct mpx_option rewrite_options[];

/* ---- what is said at a place of the configuration (rules.c) */
/* A target, whose captures are those of match (NULL: there are none); NULL after an error. */
const struct target *rewrite_target(struct mpx_conf *c, const char *below, struct mpx_str text,
                                    const struct pattern *match, unsigned flags);
/* Whether a status and a target make sense together; -1, told, when not. */
int rewrite_check_status(struct mpx_conf *c, const char *below, int64_t status, bool has_target);

/* ---- conditions (condition.c) */
struct condition;
/* The one of a rule and behind it those in its "not": a rule applies when the first holds and no
   other does. -1 after an error. */
int condition_compile(struct mpx_conf *c, const char *below, const struct condition_option *o,
                      const struct pattern *match, const struct condition **list, size_t *count);
const struct condition *condition_at(const struct condition *list, size_t i);
/* 1 when all of it holds that needs no disk, 0, or -1 when an expression was given up. *exists is
   what must be there besides, or NULL. */
int condition_holds(struct mpx_req *r, const struct condition *k, const struct target **exists);

/* ---- rules */
struct assignment {
    struct mpx_str name;
    const struct target *text;
};
struct rule {
    const char *name;      /* "rules/1", for messages */
    struct pattern *match; /* NULL: every path */
    const struct condition *conditions;
    size_t condition_count;
    const struct target *to; /* NULL: none */
    int status;
    bool last;
    const struct assignment *sets;
    size_t set_count;
    int64_t *silent_until; /* when an expression that is given up may be logged again, in seconds */
};
struct map;
struct engine {
    struct table *table; /* what the configuration says; NULL: nothing */
    struct map *maps;
    struct rule *rules;
    size_t rule_count;
    struct index *index;
};
/* In check(): sets conf->engine, NULL where there are no rules; -1 after errors, all told. */
int rules_compile(struct mpx_conf *c, struct conf *conf);
/* Adds all tables to the engine's (tables.c); 0 or -1. */
int tables_compile(struct mpx_conf *c, const struct conf *conf, struct engine *engine);

/* ---- map files (map.c) */
struct map {
    struct map *next;
    const char *path;
    int status; /* of lines that have none */
    bool last;
    struct table *table; /* changes while requests run; NULL: none could be read yet */
    struct mpx_conf *conf;
    struct stat seen;
    bool looking;   /* a thread is */
    bool is_untold; /* it could not be read when this worker began; the first look tells why */
};
/* In check(): reads it; -1 after an error, told at "below". A worker begins with an empty one. */
int map_add(struct mpx_conf *c, const char *below, struct mpx_str path, int status, bool last,
            struct map **maps);
/* In open(): looks once a second whether they have changed. */
int map_watch(struct mpx_conf *c, struct map *maps);

/* ---- requests */
struct variable {
    struct variable *next;
    struct mpx_str name, value;
};
struct slot { /* of a request */
    unsigned rounds;
    bool is_done; /* no rule is asked any more */
    bool fell_back;
    struct variable *variables;
};
enum mpx_rc rewrite_route(struct mpx_req *r, const void *conf);

/* ---- fallback (fallback.c) */
int fallback_compile(struct mpx_conf *c, struct conf *conf);
enum mpx_rc fallback_content(struct mpx_req *r, const void *conf);
/* What mpx_open_path found: something, perhaps what may not be read. */
bool rewrite_is_there(const struct mpx_req *r, bool as_folder);

#endif
