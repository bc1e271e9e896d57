/* SPDX-License-Identifier: MIT
   Media types by file name suffix. */
#ifndef STATIC_TYPES_H
#define STATIC_TYPES_H
#include <multiplexd/module.h>

struct types;

struct types *types_create(void);
void types_destroy(void *types);
/* Copies; suffix without its dot, in any case. A later one replaces an earlier one. */
void types_add(struct types *t, struct mpx_str suffix, struct mpx_str type);
/* The type of a file of this name, or an empty view. */
struct mpx_str types_find(const struct types *t, struct mpx_str name);
/* Whether a text may be sent as a media type, "text/plain; format=flowed" (RFC 9110 8.3.1). */
bool types_is_type(struct mpx_str s);
bool types_is_token(struct mpx_str s); /* RFC 9110 5.6.2 */
/* From a file in the form of /etc/mime.types over a built-in list; that list alone when there is
   no such file. */
struct types *types_read(const char *file);
/* For mpx_keep: destroys the table that the block points to. */
void types_end(void *block);

#endif
