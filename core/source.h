/* SPDX-License-Identifier: MIT
   Everything the configuration was read from: files, names that a pattern matched, values of
   ${file:} and ${env:}. What was read once is remembered and can be handed to another process,
   which then sees the very same texts without the right to read the files. */
#ifndef SOURCE_H
#define SOURCE_H
#include "arena.h"
#include "str.h"

enum source_kind {
    SOURCE_CONFIG = 'c', /* a configuration file; its name as messages show it */
    SOURCE_VALUE = 'v',  /* the text of a file, without white space at its end */
    SOURCE_GLOB = 'g',   /* the names that match a pattern, a line each, sorted */
    SOURCE_ENV = 'e'     /* an environment variable */
};
enum { SOURCE_BYTES_MAX = 64 << 20 }; /* of one text */

struct source {
    struct source *next;
    enum source_kind kind;
    const char *name;
    const char
        *real; /* of a CONFIG file: the one name that it has, whatever it was called; else "" */
    struct mpx_str text;
    int error;      /* an errno when it could not be read; ENOENT: there is none */
    unsigned order; /* when it was first asked for: the order of messages */
};

struct sources {
    struct mpx_arena arena;
    struct source *first, *last;
    const char *folder; /* the working directory that relative names start from, absolute */
    bool frozen;        /* came from another process: nothing more is read, and it was checked
                           there: what went since keeps no worker from starting again */
};
void sources_init(struct sources *s);
void sources_finish(struct sources *s);
/* Reads it, or gives what was read before; never NULL: see 'error'. */
const struct source *source_get(struct sources *s, enum source_kind kind, const char *name);
/* A text that stands nowhere on disk, such as what the command line says. */
const struct source *source_add(struct sources *s, const char *name, struct mpx_str text);
void sources_save(const struct sources *s, struct buffer *b);
/* 0, or -1 when the bytes are not what sources_save wrote. Copies. */
int sources_load(struct sources *s, struct mpx_str saved);

/* False for a text that nobody has written, such as what options of the command line amount to: its
   name stands in brackets, and its lines would tell nobody anything. */
bool source_is_written(const struct source *src);

/* name as it stands in src, made relative to the working directory the way src's own name is. */
const char *source_resolve(struct sources *s, const struct source *src, struct mpx_str name);
/* The same, absolute and without "." segments. */
struct mpx_str source_absolute(struct sources *s, const struct source *src, struct mpx_str name,
                               struct mpx_arena *a);

/* A stretch of a source's text; src NULL: nowhere. */
struct place {
    const struct source *src;
    size_t off, len;
};
/* "FILE:LINE:COLUMN" (in a), or "(command line)" and the like; it must not lie nowhere. */
const char *place_text(struct mpx_arena *a, struct place at);
/* Line and column (in characters), both from 1; *line_text is that line. */
void place_find(const struct place *at, unsigned *line, unsigned *column,
                struct mpx_str *line_text);

#endif
