/* SPDX-License-Identifier: MIT
   One check suite for each core file; unit.c lists and runs them. */
#ifndef UNIT_H
#define UNIT_H
#include "str.h"

#include <check.h>

/* Each test file defines one of these and is named in unit.c's list. */
#define UNIT_SUITES(X)   \
    X(accept)            \
    X(address)           \
    X(admission)         \
    X(alone)             \
    X(arena)             \
    X(beneath)           \
    X(beneath_links)     \
    X(blame)             \
    X(body)              \
    X(body_file)         \
    X(broker)            \
    X(channel)           \
    X(child)             \
    X(chunk)             \
    X(cidr)              \
    X(client)            \
    X(compose)           \
    X(cond)              \
    X(config)            \
    X(confine)           \
    X(crash)             \
    X(crowd)             \
    X(cut)               \
    X(date)              \
    X(descriptors)       \
    X(docs)              \
    X(dso)               \
    X(endpoint)          \
    X(enlist)            \
    X(expand)            \
    X(feasible)          \
    X(field_rules)       \
    X(file)              \
    X(file_cold)         \
    X(filter)            \
    X(filter_evil)       \
    X(filter_file)       \
    X(filter_wire)       \
    X(forwarded)         \
    X(grants)            \
    X(greeting)          \
    X(guard)             \
    X(heritage)          \
    X(http1)             \
    X(http1_body)        \
    X(http1_end)         \
    X(http1_rate)        \
    X(inherited)         \
    X(journal)           \
    X(json)              \
    X(level)             \
    X(list)              \
    X(listener)          \
    X(log)               \
    X(logfile)           \
    X(look)              \
    X(loop)              \
    X(method)            \
    X(must)              \
    X(node)              \
    X(notify)            \
    X(option)            \
    X(option_map)        \
    X(option_table)      \
    X(option_value)      \
    X(overload)          \
    X(own_page)          \
    X(pace)              \
    X(page)              \
    X(page_text)         \
    X(parser)            \
    X(parser_body)       \
    X(peer)              \
    X(percent)           \
    X(phase)             \
    X(pidfile)           \
    X(piece)             \
    X(pool)              \
    X(problem)           \
    X(program)           \
    X(proxy)             \
    X(quantity)          \
    X(quarantine)        \
    X(range)             \
    X(resolver)          \
    X(rewrite)           \
    X(root)              \
    X(set_root)          \
    X(session)           \
    X(settings)          \
    X(settings_listener) \
    X(shorthand)         \
    X(sink)              \
    X(sink_again)        \
    X(site)              \
    X(site_fields)       \
    X(site_pages)        \
    X(socket_file)       \
    X(source)            \
    X(spool)             \
    X(str)               \
    X(suggest)           \
    X(turn)              \
    X(unowned)           \
    X(uri)               \
    X(variable)          \
    X(variable_name)     \
    X(verdict)           \
    X(wait)              \
    X(wait_program)      \
    X(watchdog)

#define UNIT_DECLARE(name) Suite *suite_##name(void);
UNIT_SUITES(UNIT_DECLARE)

/* A suite of one test case; tests ends with NULL and names them as START_TEST does: &the_name. */
Suite *unit_suite(const char *name, const TTest **const *tests);

/* A view as it is expected. */
#define ck_assert_view_eq(view, text)                                                            \
    do {                                                                                         \
        struct mpx_str view_ = (view);                                                           \
        ck_assert_msg(str_is(view_, text), "%s is \"%.*s\", not \"%s\"", #view, STR_ARGS(view_), \
                      text);                                                                     \
    } while (0)

/* A fresh folder that is removed when all tests have run; its path is written to out (64 bytes). */
void unit_folder(char *out);
/* Writes a file beneath it. */
void unit_write(const char *folder, const char *name, const char *text);

#endif
