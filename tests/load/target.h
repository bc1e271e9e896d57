/* SPDX-License-Identifier: MIT
   What is asked for, as a file of JSON says it, and what the answer must be. A list of objects:

   path      request target ("/"); host: the Host field ("localhost"); method ("GET")
   fields    list of further header lines; close: true adds Connection: close
   upload    a body of so many bytes is sent
   weight    how often it is chosen, beside the others (1)
   status    what the answer must have (200)
   length    bytes that its body must have (any number)
   file      a file that its body must be a part of, beginning at "from" (0), to the end of the file
             unless length says less
   leave     the client hangs up once so many bytes of the answer have come: 0 is at once */
#ifndef LOAD_TARGET_H
#define LOAD_TARGET_H
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct target {
    char *name;
    char *request; /* as it is sent */
    size_t request_n;
    int status;
    int64_t length;      /* -1: any */
    const char *content; /* NULL: any */
    int64_t leave;       /* -1: it waits for the end */
    unsigned weight;
    bool is_head, close;
    uint64_t ok, broken;
};

struct targets {
    struct target *list;
    size_t count;
    unsigned weights; /* their sum */
};

/* Ends the process with a message when something is wrong with the file. */
void targets_read(struct targets *ts, const char *path);
void targets_finish(struct targets *ts);
struct target *targets_choose(const struct targets *ts, uint32_t random);
json_t *targets_json(const struct targets *ts); /* new reference: what came of each */

#endif
