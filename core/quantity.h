/* SPDX-License-Identifier: MIT
   Numbers with units, as a configuration writes them. */
#ifndef QUANTITY_H
#define QUANTITY_H
#include <multiplexd/module.h>

/* "4096", "4k", "10M", "1G" in bytes; units are powers of 1024, upper or lower case. 0, or -1. */
int quantity_bytes(struct mpx_str text, int64_t *bytes);
/* "250ms", "30s", "5m", "12h", "7d" in milliseconds; a bare number only when it is 0. 0, or -1. */
int quantity_ms(struct mpx_str text, int64_t *ms);
/* "0640", up to four octal digits, at most 0777: as chmod(2) wants it. 0, or -1. */
int quantity_mode(struct mpx_str text, unsigned *mode);

#endif
