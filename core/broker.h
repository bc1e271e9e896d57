/* SPDX-License-Identifier: MIT
   What needs root's eyes: a child that has given up its rights asks its parent for a log file to
   append to, or for the text of a private file - only for paths that the configuration names. */
#ifndef BROKER_H
#define BROKER_H
#include "channel.h"
#include "node.h"

/* Letters of messages between a parent and its children. */
enum broker_message {
    BROKER_LISTENERS = 'L', /* which listener each descriptor belongs to, and the descriptors */
    BROKER_CONFIG = 'C',    /* the texts: see launch.h */
    BROKER_READY = 'Y',     /* the child serves */
    BROKER_PROBLEM = 'P',   /* a problem, as problem_save has it */
    BROKER_DONE = 'D',      /* the child has said all */
    BROKER_OPEN = 'O',      /* open this path for append; the answer is FILE or ERROR */
    BROKER_READ = 'R',      /* the text of this path; the answer is TEXT or ERROR */
    BROKER_FILE = 'F',
    BROKER_TEXT = 'T',
    BROKER_ERROR = 'E' /* an errno, in decimal */
};

/* The child's side. A descriptor, or -errno. */
int broker_open_log(int channel, const char *path);
/* 0, or an errno. */
int broker_read_text(int channel, const char *path, struct mpx_arena *a, struct mpx_str *text);

/* The parent's side: answers an OPEN or READ; root is the tree that names the paths. */
void broker_answer(int channel, const struct channel_message *m, const struct node *root,
                   struct sources *sources);
/* Opens a log file as the daemon does. -errno. */
int broker_open_file(const char *path);

#endif
