/* SPDX-License-Identifier: MIT
   Which content codings a client accepts (RFC 9110 12.5.3). */
#ifndef ENCODINGS_H
#define ENCODINGS_H
#include <multiplexd/module.h>

/* The codings that are known; their order is no preference. */
enum encoding { ENCODING_BR, ENCODING_ZSTD, ENCODING_GZIP, ENCODING_COUNT };

/* As Content-Encoding names it. */
struct mpx_str encoding_name(enum encoding e);
/* Orders the codings that may be sent to this client, those it weighs most first, among equals as
   "offered" has them; returns how many of them are in "order". Left out are those that it does not
   name, weighs 0, or wants less than identity. An element that cannot be read counts for nothing.
   Without the field nothing is accepted: a client that does not speak of codings is sent none. */
size_t encodings_accepted(const struct mpx_req *r, const enum encoding *offered, size_t count,
                          enum encoding order[ENCODING_COUNT]);
/* The same of the value of Accept-Encoding. */
size_t encodings_order(struct mpx_str accept, const enum encoding *offered, size_t count,
                       enum encoding order[ENCODING_COUNT]);

#endif
