/* SPDX-License-Identifier: MIT
   What the configuration does to the fields of every response (the key headers): carried out last,
   on errors and redirects too. */
#ifndef FIELD_RULES_H
#define FIELD_RULES_H
#include "req.h"

/* Those of the request's directory; where none was chosen, of its virtual host. A value whose
   variables come to nothing, to more than variable.h allows, or to what no field may hold (a path
   with a line break in it, RFC 9110 5.5) is not sent. Allocates only for values with variables. */
void field_rules_apply(struct mpx_req *r);

#endif
