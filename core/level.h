/* SPDX-License-Identifier: MIT
   One level of the configuration - "defaults", a virtual host, a directory - while a generation
   is built: which modules are active there, in what order, with what settings. Settings of outer
   levels are merged in; where a level says nothing of a module it shares the outer level's conf. */
#ifndef LEVEL_H
#define LEVEL_H
#include "generation.h"

struct level_use {
    struct mpx_str name;
    struct place at;       /* where it was selected */
    struct module *module; /* NULL: cannot be loaded */
    struct mpx_conf *conf; /* NULL: switched off here, or its settings are wrong */
    bool is_wrong;         /* its settings are: told already */
};

struct level {
    const struct node *node; /* its object, or NULL */
    const struct level *outer;
    struct option_table core; /* the keys that are not modules' */
    unsigned at;              /* MPX_AT_VHOST, MPX_AT_DIRECTORY */
    const char *vhost;        /* NULL in "defaults" */
    bool serves_files;        /* a folder is named here: "static" where no list is given */
    struct place files_at;    /* where it is named */
    bool is_template;         /* "defaults": what is missing may come further in */
    /* what level_build finds */
    struct node *keys; /* this level's settings by module, shorthands carried out */
    struct level_use *uses;
    size_t use_count;
    bool is_explicit; /* here or further out there is a "modules" list */
    /* what site_fields.c and site_pages.c find */
    struct field_rules fields;
    struct error_pages error_pages;
};

struct building {
    struct generation *g;
    const struct generation_request *request;
    const struct node *process; /* the section of that name, or NULL */
    /* ---- site.c's */
    struct level *defaults;  /* NULL: nothing is built yet */
    const struct node *next; /* the virtual host that is built next */
};

/* The whole of it. */
void level_build(const struct building *b, struct level *l);
/* Lays the hooks of the active modules out by phase. */
void level_chain(const struct building *b, const struct level *l, struct chain *chain);
/* Complains about keys of "process" that configure nothing. */
void level_check_process(const struct building *b);
/* What option_read is told about a module or about core's own keys. */
struct option_reading level_reading(const struct building *b, unsigned at, const char *who);

/* ---- between level.c, which makes settings and chains, and level_list.c, which says of what */
/* Lists the modules that are active here in their order, and loads them. */
void level_list(const struct building *b, struct level *l);
/* NULL when the module is not in the list; l may be NULL. */
struct level_use *level_find(const struct level *l, struct mpx_str name);
/* Do these settings, false, switch a module off? value may be NULL. */
bool level_is_off(const struct node *value);

#endif
