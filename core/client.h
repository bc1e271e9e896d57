/* SPDX-License-Identifier: MIT
   Who asks, and how they reached us: the peer, or whom trusted proxies between us tell of. */
#ifndef CLIENT_H
#define CLIENT_H
#include "address.h"
#include "req.h"

/* Where the request comes from: the PROXY header's address, else the peer's; and while that is one
   that is trusted, the one it names in Forwarded (RFC 7239) or X-Forwarded-For. So it is the
   right-most that nobody trusts; what stands left of it, anybody may have written. A name that is
   no address ends the search. NULL when there is no connection. Found at the first call; lives as
   long as r. */
const union address *client_address(const struct mpx_req *r);
/* "http" or "https": the client's, as the same proxies tell it. */
struct mpx_str client_scheme(const struct mpx_req *r);

#endif
