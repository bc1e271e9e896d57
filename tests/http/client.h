/* SPDX-License-Identifier: MIT
   The client of the HTTP cases: sends bytes as they are, reads the answers back with a parser that
   accepts nothing but well-formed ones. */
#ifndef CLIENT_H
#define CLIENT_H
#include <stdbool.h>
#include <stddef.h>

enum { CLIENT_RESPONSES_MAX = 64, CLIENT_WHOLE = 0 };

struct response {
    int status;
    const char
        *head; /* its field lines, "Name: value\r\n" each, NUL at the end; in the client's memory */
    const char *body;
    size_t body_n;
};

struct client {
    int fd;
    char *in; /* all that was received */
    size_t in_n, in_room, parsed;
    bool ended; /* the server has closed its half, or reset */
    struct response responses[CLIENT_RESPONSES_MAX];
    size_t count, interim; /* final responses; 1xx ones */
    char heads[64];        /* heads[i]: the i-th response answers HEAD */
    char fault[256];       /* what is wrong with an answer; "" while all is well */
    char *held[CLIENT_RESPONSES_MAX * 8];
    size_t held_n;
};

int client_open(struct client *c, int port); /* 0, or -1 */
void client_close(struct client *c);
/* Sends n bytes, 'step' at a time (CLIENT_WHOLE: all at once), as far as the server takes them. */
void client_send(struct client *c, const char *bytes, size_t n, size_t step);
/* Reads until 'want' responses are there and 'quiet_ms' pass without more, until the end, or for
   so long. */
void client_read(struct client *c, size_t want, int quiet_ms, int most_ms);
/* For whoever polls many: reads and parses what is there now, without waiting. */
void client_take(struct client *c);
/* Whether the server closes within so many milliseconds. */
bool client_sees_end(struct client *c, int most_ms);
/* The value of a field; NULL when it is not there. The copy lives as long as the client. */
const char *client_field(struct client *c, const struct response *r, const char *name);
/* What every response must have (RFC 9110, RFC 9112); sets c->fault. */
void client_check(struct client *c, const struct response *r);

#endif
