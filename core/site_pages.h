/* SPDX-License-Identifier: MIT
   Reads the key "error_pages" of a level: { "404": "/404.html", "5xx": "/error.html" }. */
#ifndef SITE_PAGES_H
#define SITE_PAGES_H
#include "level.h"

/* Sets l's error pages: what it says itself over what the outer level has, status by status; null
   takes one back, or all. What is wrong is told. */
void site_pages_read(const struct building *b, struct level *l);

#endif
