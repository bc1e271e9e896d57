/* SPDX-License-Identifier: MIT
   Typed options: reads a tree of the configuration into a struct as a table of struct mpx_option
   says, and tells what is wrong with it at its place. Core's own sections are read by the same
   code. */
#ifndef OPTION_H
#define OPTION_H
#include "node.h"
#include "problem.h"

/* Flags of core's own tables. */
enum {
    OPTION_LATER = 1 << 16, /* a key whose time has not come */
    OPTION_OR_FALSE =
        1 << 17,          /* false may stand in its place: all zero then, p of a STRING is NULL */
    OPTION_FILE = 1 << 18 /* a PATH of a file that is made: its folder must be there */
};
#define OPTION_LATER_KEY(key)                                  \
    {                                                          \
        .name = key, .type = MPX_T_JSON, .flags = OPTION_LATER \
    }

/* A module's table may have been compiled with a smaller struct than ours. */
struct option_table {
    const struct mpx_option *first; /* NULL: no options */
    size_t stride;                  /* bytes from one to the next */
};
/* The i-th option, what its struct lacks zeroed; name is NULL past the end. */
struct mpx_option option_get(struct option_table t, size_t i);
bool option_find(struct option_table t, struct mpx_str name, struct mpx_option *o);

struct option_reading {
    struct mpx_arena *a;       /* for what the struct points to */
    struct sources *sources;   /* relative paths start at the file that names them */
    struct problems *problems; /* NULL: says nothing */
    unsigned at;               /* the MPX_AT_* where the object stands; 0: anywhere */
    size_t stride;             /* of the tables that options point to; 0: ours */
    bool open_ended;           /* unknown keys are somebody else's, absent ones are not looked at */
    bool partial;              /* other levels add to it: REQUIRED is not checked, no defaults */
    /* Where a key that the table does not have belongs instead, or NULL; may be NULL itself. */
    const char *(*belongs)(struct mpx_str key);
    const char *who;     /* "module \"hello\""; NULL: core's own */
    const char *pointer; /* of a tree that hangs nowhere, such as merged settings; or NULL */
    /* The text of a PRIVATE file; NULL: read it here. 0, or an errno. */
    int (*read_private)(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *text);
    void (*on_sink)(void *arg, const char *path); /* told each file that a SINK names; or NULL */
    void *arg;
};
/* Reads object (NULL: all defaults) into conf. A value that is no object fills the BARE option.
   0, or -1 when there was a problem. place: where a missing REQUIRED option is reported. */
int option_read(const struct option_reading *rd, struct option_table t, const struct node *object,
                struct place place, void *conf);
/* Reads one member that the table has, named o; 0, or -1. */
int option_read_member(const struct option_reading *rd, const struct mpx_option *o,
                       const struct node *member, void *conf);
/* value as an object: {"file": "x"} from "x" where "file" is BARE, {} from true; else value
   itself. */
const struct node *option_object(struct mpx_arena *a, struct option_table t,
                                 const struct node *value);
/* The JSON pointer of a value, as messages show it. */
const char *option_pointer(const struct option_reading *rd, const struct node *value);
/* NULL when the table makes sense for a struct of that size, else what is wrong with it (in a). */
const char *option_verify(struct mpx_arena *a, struct option_table t, size_t conf_size);

#endif
