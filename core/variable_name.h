/* SPDX-License-Identifier: MIT
   The names of run-time variables: core's own, and those that the modules of a configuration
   provide. Texts with $names are taken apart here, once, when they are read; what the names stand
   for in a request is variable.h's. */
#ifndef VARIABLE_NAME_H
#define VARIABLE_NAME_H
#include "generation.h"

/* Core's own: what it is called, what a value of it is made of (MPX_VAR_*), what it says. */
#define VARIABLES(X)                                                                               \
    X(REMOTE_ADDR, "remote_addr", ADDRESS, "the client's address; \"unix\" on a unix socket")      \
    X(REMOTE_PORT, "remote_port", NUMBER, "its port, where it is known")                           \
    X(PEER_ADDR, "peer_addr", ADDRESS, "who is at the other end of the connection, be it a proxy") \
    X(PEER_PORT, "peer_port", NUMBER, "its port")                                                  \
    X(SERVER_ADDR, "server_addr", OWN, "the address the client connected to")                      \
    X(SERVER_PORT, "server_port", NUMBER, "its port")                                              \
    X(CONNECTION_ID, "connection_id", OWN, "16 hex digits, unlike those of any other connection")  \
    X(CONNECTION_REQUESTS, "connection_requests", NUMBER, "which request of its connection it is") \
    X(REQUEST_ID, "request_id", OWN, "16 hex digits; the error log has them, too")                 \
    X(LINE, "line", TEXT, "the request line as sent")                                              \
    X(METHOD, "method", TEXT, "its method")                                                        \
    X(TARGET, "target", TEXT, "its target as sent, with the query")                                \
    X(PROTOCOL, "protocol", OWN, "its version, \"HTTP/1.1\"")                                      \
    X(PATH, "path", TEXT, "the path, decoded; after a rewrite the new one")                        \
    X(QUERY, "query", TEXT, "the query as sent, without \"?\"")                                    \
    X(SCHEME, "scheme", OWN, "\"http\" or \"https\", as the client has it")                        \
    X(HOST, "host", TEXT, "the host that was asked for, lower case, without port")                 \
    X(VHOST, "vhost", TEXT, "the name of the virtual host")                                        \
    X(USER, "user", TEXT, "who signed in")                                                         \
    X(STATUS, "status", NUMBER, "the status; 499: the client left unanswered")                     \
    X(BYTES_SENT, "bytes_sent", NUMBER, "bytes of the body that were sent")                        \
    X(BYTES_OUT, "bytes_out", NUMBER, "all bytes of the answer that were sent, header included")   \
    X(BYTES_IN, "bytes_in", NUMBER, "bytes of the request that were read, header included")        \
    X(REQUEST_TIME, "request_time", NUMBER, "seconds since its first byte was read, 0.000123")     \
    X(TIME_ISO8601, "time_iso8601", OWN, "now, UTC, as the error log has it")                      \
    X(TIME_LOCAL, "time_local", OWN, "now, \"25/Nov/2026:10:42:01 +0000\"")                        \
    X(TIME_EPOCH, "time_epoch", NUMBER, "now, seconds since 1970 with milliseconds")               \
    X(HEADER, "header.NAME", TEXT, "a field of the request, its lines joined by \", \"")           \
    X(RESPONSE, "response.NAME", TEXT, "a field of the answer as modules have set it")

#define VARIABLE_ENUM(id, name, kind, help) VARIABLE_##id,
enum variable { VARIABLES(VARIABLE_ENUM) VARIABLE_OF_CORE, VARIABLE_OF_MODULE = VARIABLE_OF_CORE };

/* A name that was found. */
struct mpx_var {
    enum variable which;
    enum mpx_var_kind kind;
    struct mpx_str name, word;     /* without the dollar; what stands behind its first dot */
    const struct mpx_variable *of; /* VARIABLE_OF_MODULE */
    const struct module *module;
};

/* For documentation: the i-th of core's names and what it says; NULL past the end. */
const char *variable_name_at(size_t i, const char **help);
/* Whether core has a variable of that name; fills v, which borrows name. */
bool variable_name_of_core(struct mpx_str name, struct mpx_var *v);
/* The same for the modules that are loaded. */
bool variable_name_of_module(const struct modules *ms, struct mpx_str name, struct mpx_var *v);
/* NULL, or what is wrong with what a module says that it provides; in a. */
const char *variable_name_verify(struct mpx_arena *a, const struct modules *ms,
                                 const struct mpx_module *d);

/* The next piece of *text, which goes on behind it: bytes as they are, or a name without its
   dollar. "$$" is a dollar, and so is one that no name follows. False at the end. */
bool variable_name_next(struct mpx_str *text, struct mpx_str *piece, bool *is_name);
/* Takes a text apart into struct mpx_piece, in the generation's memory; borrows text. A name that
   core does not know is looked for when all modules are loaded; where it is not found, that is a
   problem at that place. what: how messages name the text. */
struct mpx_list variable_name_pieces(struct generation *g, struct mpx_str text, struct place at,
                                     const char *what);
/* The same for one variable, whose name text begins with; *length is that of the name. Copies it.
   NULL where text begins with no name. */
const struct mpx_var *variable_name_find(struct generation *g, struct mpx_str text, struct place at,
                                         const char *what, size_t *length);
/* All modules are loaded: finds the names that are still looked for, or tells that they are
   unknown. */
void variable_name_settle(struct generation *g);

#endif
