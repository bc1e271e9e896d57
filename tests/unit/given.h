/* SPDX-License-Identifier: MIT
   A configuration that a test gives, in a folder of its own that is the working folder, and what
   core says to it. */
#ifndef GIVEN_H
#define GIVEN_H
#include "generation.h"
#include "unit.h"

struct given {
    char folder[64];
    struct mpx_arena arena;
    struct sources sources;
    struct problems problems;
    struct modules modules;
    struct generation g; /* after given_site */
    bool is_built;
};
void given_init(struct given *t);
void given_finish(struct given *t);

void given_file(struct given *t, const char *name, const char *text);
/* The text, which messages call "t.json", as a tree; NULL when it cannot be read. */
struct node *given_json(struct given *t, const char *text);
/* The file main.json with all that it includes. */
struct node *given_config(struct given *t);
/* text, a JSON object, is written to site.json and built. Its modules are those of the build tree
   and those in the folder; a text that says "daemon" itself has to name a module_path. */
struct generation *given_site(struct given *t, const char *text);

/* The first line of each problem, in order, a newline behind each; in the arena. */
const char *given_errors(struct given *t);
/* All of it, as it is printed. */
const char *given_report(struct given *t);
/* What was said is these lines, no more and no less; afterwards nothing was said. */
#define ck_assert_errors(t, lines) given_expect((t), __FILE__, __LINE__, (lines))
void given_expect(struct given *t, const char *file, int line, const char *lines);

/* The active modules in their order, a blank between. */
const char *given_chain(struct given *t, const struct chain *chain);
/* The conf of a module that is active. */
const struct mpx_conf *given_conf(const struct chain *chain, const char *module);

/* The tree as compact JSON; in the arena. */
const char *given_text(struct given *t, const struct node *j);
#endif
