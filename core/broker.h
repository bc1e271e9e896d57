/* SPDX-License-Identifier: MIT
   What a parent and a child that has given up its rights say to each other while a generation is
   made: the child tells what is wrong, and asks for a log file to append to or for the text of a
   private file. The parent gives only what is granted (see grants.h), never waits, and believes
   nothing. A child that serves is not listened to until it is told to make another generation; it
   still gets log files that were opened again. */
#ifndef BROKER_H
#define BROKER_H
#include "grants.h"
#include "peer.h"
#include "problem.h"

/* Letters of messages. */
enum broker_message {
    BROKER_LISTENERS = 'L',  /* the listening sockets: see endpoints_write */
    BROKER_QUARANTINE = 'Q', /* before CONFIG: which modules are not to be run; see quarantine.h */
    BROKER_CONFIG = 'C',     /* the texts: see launch.h */
    BROKER_READY = 'Y',      /* the child serves */
    BROKER_PROBLEM = 'P',    /* a problem, as problem_save has it */
    BROKER_DONE = 'D',       /* the child has said all */
    BROKER_SINK = 'S',       /* this path is the value of an option for a log */
    BROKER_OPEN = 'O',       /* open this path for append; the answer is FILE or ERROR */
    BROKER_READ = 'R',       /* the text of this path; the answer is TEXT or ERROR */
    BROKER_FILE = 'F',
    BROKER_TEXT = 'T',
    BROKER_ERROR = 'E',    /* an errno, in decimal */
    BROKER_REOPENED = 'N', /* this log was opened again: its descriptor. To a child that serves */
    /* Another LISTENERS and CONFIG for a child that serves: a generation is made beside the one
       that serves. The child says one of these two, */
    BROKER_PREPARED = 'p',
    BROKER_REFUSED = 'r', /* what is wrong was told */
    /* and when all children have prepared theirs, their parent says one of these two. */
    BROKER_COMMIT = 'c',  /* requests use it from now on; the child answers COMMITTED */
    BROKER_ABANDON = 'a', /* it is thrown away; no answer */
    BROKER_COMMITTED = 'd',
    /* Another image of the daemon has taken over; see handover.h. To a child that serves. */
    BROKER_GIVE = 'G', /* finish, and give idle connections away over this descriptor */
    BROKER_TAKE = 'K'  /* take them from this one */
};

/* ---- the child's side; these wait for the answer */
/* A descriptor, or -errno. */
int broker_open_log(int channel, const char *path);
/* For generation_request: arg points to the channel. The text of a private file; 0, or an errno. */
int broker_read_private(void *arg, const char *path, struct mpx_arena *a, struct mpx_str *text);
void broker_tell_sink(void *arg, const char *path);
void broker_tell_problems(int channel, const struct problems *p);
/* A problem that stands nowhere; the text is cut where it is too long. */
void broker_tell_error(int channel, struct mpx_str text);

/* ---- the parent's side */
enum broker_child {
    BROKER_CHECKER, /* tells what is to be granted; no log is opened for it */
    BROKER_WORKER   /* has what was granted, until it is ready */
};
/* What a child is at, and so what it may say. */
enum broker_moment {
    BROKER_MAKES,  /* a generation: it tells and asks, at last READY, DONE, PREPARED or REFUSED */
    BROKER_SERVES, /* nothing may come */
    BROKER_COMMITS /* COMMITTED */
};
struct broker {
    struct peer peer;
    enum broker_child child;
    enum broker_moment moment;
    bool is_ready; /* the child has said READY or DONE */
    bool replaces; /* another that served: it starts, too, where a log cannot be opened */
    struct grants *grants;
    struct sources *sources;
    struct problems *problems; /* where what it tells is added */
    unsigned told;
};
/* Takes the descriptor; borrows the rest. */
void broker_start(struct broker *b, int end, enum broker_child child, struct grants *grants,
                  struct sources *sources, struct problems *problems);
void broker_end(struct broker *b); /* once more is harmless */
/* Takes and answers one message. 1: the child has come to the end of what it was at, and
   peer.in.what says how; 0: it was another one; -1: there is none now (errno EAGAIN), the child has
   closed its end (0), or it has broken the rules (EPROTO). */
int broker_take(struct broker *b);
/* The child that serves is about to be told of another configuration: it may have what is granted
   by that until it has said PREPARED or REFUSED. Borrows. */
void broker_prepare(struct broker *b, struct grants *grants, struct sources *sources,
                    struct problems *problems);
/* Tells a child that said PREPARED what becomes of it. 0, or -1 with errno. */
int broker_decide(struct broker *b, bool commit);
/* Opens a log that was granted once more and hands it to the child that serves. The child has no
   part in it: which logs, and when, the parent alone decides. 0, or -errno; -EAGAIN: the channel
   is full, try again when it takes more. */
int broker_hand_log(struct broker *b, const char *path);

#endif
