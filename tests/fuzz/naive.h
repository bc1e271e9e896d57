/* SPDX-License-Identifier: MIT
   A second reader of requests, as naive as can be: written from RFC 9112, RFC 9110 and RFC 3986
   alone, over bytes that are all there, with no code of the server or of its parser. The fuzzer
   holds the server against it. Where the server is stricter than the RFCs ask, the rule has a name
   here. */
#ifndef NAIVE_H
#define NAIVE_H
#include <multiplexd/module.h>

enum { NAIVE_MESSAGES = 600, NAIVE_FIELDS = 64, NAIVE_STATUSES = 24, NAIVE_ROOM = 1 << 17 };

/* name, status, and whether the RFCs would let a server accept it */
#define NAIVE_RULES(X)                                                                   \
    X(BARE_CR, 400, false)      /* RFC 9112 2.2 */                                       \
    X(BARE_LF, 400, true)       /* 2.2: MAY */                                           \
    X(CONTROL_BYTE, 400, false) /* RFC 9110 5.5 */                                       \
    X(HIGH_BYTE, 400, false)    /* in a request line */                                  \
    X(EMPTY_LINES, 400, true)   /* 2.2: one SHOULD be passed over; more than two */      \
    X(FOLDED, 400, false)       /* 5.2; and a blank before the request line */           \
    X(NO_NAME, 400, false)      /* 5: a line that begins with a colon */                 \
    X(LINE_TOO_LONG, 414, true) /* 3 */                                                  \
    X(HEAD_TOO_LONG, 431, true) /* RFC 6585 5 */                                         \
    X(TOO_MANY_FIELDS, 431, true)                                                        \
    X(LINE_SHAPE, 400, false)       /* 3: method SP target SP version */                 \
    X(VERSION_SHAPE, 400, false)    /* 2.3 */                                            \
    X(VERSION_OTHER, 505, true)     /* RFC 9110 15.6.6 */                                \
    X(TARGET_TOO_LONG, 414, true)   /* RFC 9110 15.5.15 */                               \
    X(METHOD_UNKNOWN, 501, true)    /* RFC 9110 15.6.2 */                                \
    X(TARGET_SHAPE, 400, false)     /* 3.2, RFC 3986 3.3 */                              \
    X(PATH_ESCAPE, 400, false)      /* RFC 3986 2.1; NUL with it */                      \
    X(PATH_ABOVE, 400, true)        /* RFC 3986 5.2.4 would stay at the root */          \
    X(PATH_SLASH, 404, true)        /* an encoded slash or backslash */                  \
    X(FIELD_SHAPE, 400, false)      /* 5, 5.1 */                                         \
    X(HOST_COUNT, 400, false)       /* 3.2 */                                            \
    X(HOST_SHAPE, 400, true)        /* 3.2; sub-delims, escapes and IPvFuture as well */ \
    X(LENGTH_SHAPE, 400, false)     /* 6.3; also more than one, and over 64 bits */      \
    X(LENGTH_AND_CODING, 400, true) /* 6.1 */                                            \
    X(CODING_OTHER, 501, false)     /* 6.1: anything but "chunked", once */              \
    X(EXPECTATION, 417, true)       /* RFC 9110 10.1.1 */                                \
    X(BODY_TOO_LONG, 413, true)     /* RFC 9110 15.5.14 */                               \
    X(CHUNK_SIZE, 400, false)       /* 7.1 */                                            \
    X(CHUNK_DIGITS, 400, true)      /* more than 16 of them */                           \
    X(CHUNK_EXTENSION, 400, false)  /* 7.1.1 */                                          \
    X(CHUNK_EXTENSION_LONG, 400, true)                                                   \
    X(CHUNK_END, 400, false) /* 7.1 */                                                   \
    X(TRAILERS_TOO_LONG, 431, true)                                                      \
    X(TRAILER_OF_FRAMING, 400, true) /* RFC 9110 6.5.1: it must not be sent */

enum naive_rule {
#define NAIVE_ENUM(name, status, stricter) NAIVE_##name,
    NAIVE_RULES(NAIVE_ENUM)
#undef NAIVE_ENUM
        NAIVE_RULE_COUNT
};

/* What the server was told to bear. */
struct naive_limits {
    size_t header_bytes, uri, headers;
    uint64_t body;
};

struct naive_message {
    uint64_t rules;      /* 1 << rule, for each that the head breaks: it is to be refused */
    uint64_t body_rules; /* ... that the body breaks */
    uint64_t maybe;      /* ... where refusing and accepting are both right */
    bool decided;        /* a server that has all these bytes cannot but refuse */
    bool head;           /* the head is whole, and breaks no rule */
    bool whole; /* the body is there as well, and right; also behind a head with PATH_SLASH */
    bool close; /* nothing behind it may be answered */
    bool close_maybe;
    bool too_long;  /* its Content-Length is more than may be read: 413 */
    bool expects;   /* 100 Continue */
    bool is_head;   /* its line begins with "HEAD ", whatever else is wrong */
    size_t at, end; /* where it begins and, when whole, ends */
    struct mpx_str line, method, target, version;
    struct mpx_pair fields[NAIVE_FIELDS];
    size_t field_count;
    struct mpx_str host; /* lower case, no port, no dot at its end */
    struct mpx_str path, query;
    struct mpx_str body; /* decoded */
};

struct naive {
    struct naive_message messages[NAIVE_MESSAGES];
    size_t count;
    char room[NAIVE_ROOM]; /* what had to be decoded; twice the input suffices */
    size_t used;
};

/* Reads all of it, up to the first message that is refused, not whole or the last one. */
void naive_read(struct naive *v, const struct naive_limits *limits, struct mpx_str bytes);

bool naive_may_answer(const struct naive_message *m, int status); /* one of its rules has it */
const char *naive_rule_name(unsigned rule);

/* naive_target.c: sets path, query, host; adds the rules that are broken. */
void naive_target(struct naive *v, struct naive_message *m);
/* "host[:port]"; false when that is none. */
bool naive_host(struct naive *v, struct mpx_str text, struct mpx_str *host);
/* naive_body.c: reads the body that begins at 'at'; whole, end and body, or broken rules. */
void naive_body(struct naive *v, struct naive_message *m, const struct naive_limits *limits,
                struct mpx_str bytes, size_t at, bool chunked, uint64_t length);

static inline void naive_break(struct naive_message *m, enum naive_rule rule)
{
    m->rules |= (uint64_t)1 << rule;
}
bool naive_is_token(struct mpx_str s); /* RFC 9110 5.6.2 */
bool naive_same(struct mpx_str a, const char *lower);

#endif
