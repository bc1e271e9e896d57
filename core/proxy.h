/* SPDX-License-Identifier: MIT
   The PROXY protocol, versions 1 and 2: the bytes with which a proxy begins a connection to say for
   whom it was made. A parser alone: it takes bytes as they come and keeps what it needs. */
#ifndef PROXY_H
#define PROXY_H
#include "address.h"

enum {
    PROXY_V1_MAX = 107,   /* bytes, CR LF included */
    PROXY_V2_HEAD = 16,   /* bytes before the addresses */
    PROXY_V2_BODY = 4096, /* of addresses and TLVs that we take */
    PROXY_MAX = PROXY_V2_HEAD + PROXY_V2_BODY
};
enum proxy_rc {
    PROXY_MORE, /* it goes on */
    PROXY_TOLD, /* *client is who the connection was made for; of a unix client the family alone */
    PROXY_OWN,  /* the proxy speaks for itself (LOCAL), or cannot tell (UNKNOWN, UNSPEC) */
    PROXY_BAD   /* it is no PROXY header, or one that breaks the rules */
};
/* Zeroed before the first byte. */
struct proxy {
    unsigned n; /* bytes of it that were read */
    unsigned char bytes[PROXY_V1_MAX];
};
/* Reads up to the header's end; *used bytes of in are behind us then. After anything but MORE it is
   over. */
enum proxy_rc proxy_read(struct proxy *p, struct mpx_str in, size_t *used, union address *client);

#endif
