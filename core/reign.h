/* SPDX-License-Identifier: MIT
   Which configuration is in force in a worker: the one of now, the one that is being prepared
   beside it, and those before, until the last request that uses them has ended. Connections and
   kept sockets pass from one to the next. */
#ifndef REIGN_H
#define REIGN_H
#include "edition.h"
#include "endpoint.h"

struct reign {
    struct worker *w;
    struct edition *now;  /* NULL: none yet */
    struct edition *next; /* is prepared, or being so; NULL: none */
    bool next_stands;
    struct list before;       /* of editions */
    struct endpoints sockets; /* of the next one: those in use are recognized by their numbers */
};
void reign_init(struct reign *r, struct worker *w);
/* The first one, which is open: takes it, and the endpoints' descriptors. */
void reign_begin(struct reign *r, struct edition *first, struct endpoints *e);
/* Prepares e, with the sockets it has, of which those that are in use are recognized by their
   numbers; takes both. done(arg) is called, perhaps at once: then r->next stands, or it has
   problems and is to be abandoned. One that was not decided upon is abandoned. */
void reign_prepare(struct reign *r, struct edition *e, struct endpoints *sockets,
                   void (*done)(struct edition *e, void *arg), void *arg);
/* The next one, which stands, comes into force. */
void reign_commit(struct reign *r);
void reign_abandon(struct reign *r); /* harmless where there is none */
/* Once a second: what nobody uses any more goes. */
void reign_tick(struct reign *r);
/* How many uses there are of all of them. */
unsigned reign_uses(const struct reign *r);
/* At the end, without listeners, when nothing uses them: destroys all. */
void reign_end(struct reign *r);

#endif
