/* SPDX-License-Identifier: MIT
   The service "session" (multiplexd/session.h). */
#ifndef SERVICE_H
#define SERVICE_H
#include <multiplexd/session.h>

extern const struct mpx_session service;

#endif
