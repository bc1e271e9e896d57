/* SPDX-License-Identifier: MIT
   Request methods (RFC 9110 9; WebDAV's of RFC 4918, 3253, 3744 and 5323; PATCH of RFC 5789): what
   a module may be asked for. A set of them is one word. It knows nothing but libc. */
#ifndef METHOD_H
#define METHOD_H
#include <multiplexd/module.h>

enum {
    METHOD_GET = 1 << 0,
    METHOD_HEAD = 1 << 1,
    METHOD_OPTIONS = 1 << 6,
    METHOD_TRACE = 1 << 7,
    METHOD_TEXT_MAX = 192 /* bytes: the longest list */
};
/* The set of that one; 0 when the server does not know it: names are case-sensitive
   (RFC 9110 9.1), and CONNECT is for proxies. */
uint32_t method_find(struct mpx_str name);
/* The set of a list, "GET, POST"; GET brings HEAD with it (RFC 9110 9.1). An element that is not
   known is left out, and *unknown is the first such one; else *unknown is empty. */
uint32_t method_set(struct mpx_str list, struct mpx_str *unknown);
/* Writes the set as Allow has it, "GET, HEAD, OPTIONS" (RFC 9110 10.2.1); the bytes written. */
size_t method_text(uint32_t set, char out[METHOD_TEXT_MAX]);

#endif
