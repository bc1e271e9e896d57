/* SPDX-License-Identifier: MIT
   Reads JSON into a tree with positions. The only file that knows jansson.
   Comments (// and slash-star) and a comma behind the last element are allowed unless strict. */
#ifndef JSON_H
#define JSON_H
#include "node.h"
#include "problem.h"

/* Reads src into a tree in a. NULL, with the problem added, when it is no JSON object. A duplicate
   key is a problem too, and so is what strict forbids, but the tree is given. */
struct node *json_read(struct mpx_arena *a, const struct source *src, bool strict,
                       struct problems *problems);
/* The value of a single word of JSON, such as an option's default; NULL when it is no JSON. Its
   place is nowhere. */
struct node *json_read_value(struct mpx_arena *a, const char *text);
const char *json_version(void); /* "jansson 2.14" */

#endif
