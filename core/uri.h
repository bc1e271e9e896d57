/* SPDX-License-Identifier: MIT
   Request targets and Host (RFC 9112 3.2, RFC 3986): what is refused, and the one normal form of a
   path that directory look-up, rules, open and log all see. It knows nothing but libc. */
#ifndef URI_H
#define URI_H
#include <multiplexd/module.h>

enum uri_form { URI_ORIGIN, URI_ABSOLUTE, URI_ASTERISK };

/* A request target in its parts; views of the text it was read from. */
struct uri_target {
    enum uri_form form;
    struct mpx_str authority; /* ABSOLUTE: host and port as sent */
    struct mpx_str path;      /* still encoded; "/" where an absolute form has none */
    struct mpx_str query;     /* without '?' */
};
/* 0, or the status to refuse with: 400. A fragment, a control byte, a space, a byte above 0x7e, a
   backslash in the path and the likes of '"' and '<' are refused; userinfo too. */
int uri_parse_target(struct mpx_str text, struct uri_target *target);

/* The longest host that has a meaning (RFC 1035), with brackets of an IPv6 literal. */
enum { URI_HOST_MAX = 255 };
/* Reads "host[:port]" (RFC 9110 7.2). Writes the host in lower case, without port and without a
   trailing dot, to out; returns its length (0 for an empty text), or -1 for a bad one: an empty
   label, what is neither letter, digit nor one of "-._~", no IPv6 address in brackets, no port. */
int uri_parse_host(struct mpx_str text, char out[URI_HOST_MAX]);

/* Decodes once, then removes dot segments and repeated slashes. out has room for in.n bytes and
   may be in.p. Returns 0 and the length in *n, or the status to refuse with: 400 for a bad
   escape, a NUL or a path above the root, 404 for an encoded slash or backslash. */
int uri_normal_path(struct mpx_str in, char *out, size_t *n);
/* The same for a path that is decoded already. */
int uri_normal_decoded(struct mpx_str in, char *out, size_t *n);

/* Writes path percent-encoded for a URI; out has room for 3 * path.n bytes. Returns the length. */
size_t uri_encode_path(struct mpx_str path, char *out);

#endif
