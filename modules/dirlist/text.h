/* SPDX-License-Identifier: MIT
   A text while it is made, on a thread: grows as it must, escapes what comes from a disk. Without
   memory it remembers that, and takes nothing more. */
#ifndef DIRLIST_TEXT_H
#define DIRLIST_TEXT_H
#include <multiplexd/module.h>

struct text {
    char *p;
    size_t n, room;
    bool failed; /* there was no memory for all of it */
};

void text_free(struct text *t);
void text_fit(struct text *t); /* gives back what nothing was written to */
void text_add(struct text *t, struct mpx_str s);
void text_puts(struct text *t, const char *s);
void text_number(struct text *t, int64_t n);
void text_printf(struct text *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* n further bytes to be written at once, or NULL. */
char *text_room(struct text *t, size_t n);

/* Names are any bytes. In these three a byte that is no UTF-8 becomes U+FFFD. */
void text_html(struct text *t, struct mpx_str s);  /* control bytes as themselves */
void text_shown(struct text *t, struct mpx_str s); /* the same, but control bytes can be seen */
void text_json(struct text *t, struct mpx_str s);  /* between the quotes of a string */
/* A path in a URI: all but unreserved characters and '/' percent-encoded (RFC 3986 2.3). */
void text_uri(struct text *t, struct mpx_str s);

#endif
