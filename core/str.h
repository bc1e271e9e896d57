/* SPDX-License-Identifier: MIT
   Views of text (struct mpx_str) and a growing buffer with a mandatory maximum.
   ASCII rules only: nothing here depends on the locale. It knows nothing but libc. */
#ifndef STR_H
#define STR_H
#include <multiplexd/module.h>

#include <stdarg.h>
#include <string.h>

static inline struct mpx_str str_of(const char *z)
{
    return (struct mpx_str){ z, z != NULL ? strlen(z) : 0 };
}

static inline bool str_eq(struct mpx_str a, struct mpx_str b)
{
    return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

static inline bool str_is(struct mpx_str s, const char *z)
{
    return str_eq(s, str_of(z));
}

static inline bool str_starts(struct mpx_str s, struct mpx_str prefix)
{
    return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

/* s without its first n bytes; n may be anything. */
static inline struct mpx_str str_from(struct mpx_str s, size_t n)
{
    if (n < s.n)
        return (struct mpx_str){ s.p + n, s.n - n };
    return (struct mpx_str){ s.n > 0 ? s.p + s.n : s.p, 0 }; /* NULL + 0 is undefined */
}

static inline struct mpx_str str_head(struct mpx_str s, size_t n)
{
    return (struct mpx_str){ s.p, n < s.n ? n : s.n };
}

static inline char str_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

/* For "%.*s", whose precision is an int. */
#define STR_ARGS(s) ((s).n < 65536 ? (int)(s).n : 65536), (s).p

bool str_same_word(struct mpx_str a, struct mpx_str b); /* without regard to case */
struct mpx_str str_trim(struct mpx_str s);              /* spaces and tabs at both ends */
size_t str_find(struct mpx_str s, char c);              /* its index, or s.n */
size_t str_find_last(struct mpx_str s, char c);         /* its index, or s.n */
bool str_is_token(struct mpx_str s);                    /* RFC 9110 5.6.2, not empty */
bool str_is_token_char(unsigned char c);
bool str_is_field_value(struct mpx_str s); /* RFC 9110 5.5: no control byte but tab; may be empty */
int str_hex_digit(char c);                 /* 0 to 15, or -1 */
/* How many bytes the UTF-8 character has that s begins with; 0 when it begins with none. */
size_t str_utf8_length(struct mpx_str s);

/* The next element of a comma-separated list (RFC 9110 5.6.1), trimmed, empty ones skipped, commas
   in quoted strings left alone; advances *list. False at the end. */
bool str_next_item(struct mpx_str *list, struct mpx_str *item);

/* Decimal digits only; 0, or -1 when there is anything else, nothing, or more than 64 bits. */
int str_to_u64(struct mpx_str s, uint64_t *value);

/* Bytes that grow up to max. What does not fit is not added and makes 'full' true for good. */
struct buffer {
    char *p;
    size_t n, cap, max;
    bool full;
};
void buffer_init(struct buffer *b, size_t max);     /* takes no memory yet */
void buffer_finish(struct buffer *b);               /* frees; harmless twice */
int buffer_reserve(struct buffer *b, size_t n);     /* memory for n more, at once; 0, -1 */
int buffer_add(struct buffer *b, struct mpx_str s); /* 0; -1 when full */
int buffer_add_char(struct buffer *b, char c);
int buffer_printf(struct buffer *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int buffer_vprintf(struct buffer *b, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));
/* As text of HTML, as the inside of a JSON string (bytes that are not UTF-8 become U+FFFD), and
   with everything but printable ASCII as \xNN (for logs: also the quote and the backslash are
   escaped). */
int buffer_add_html(struct buffer *b, struct mpx_str s);
int buffer_add_json(struct buffer *b, struct mpx_str s);
int buffer_add_escaped(struct buffer *b, struct mpx_str s);

static inline struct mpx_str buffer_str(const struct buffer *b)
{
    return (struct mpx_str){ b->p, b->n };
}

#endif
