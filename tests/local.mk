## SPDX-License-Identifier: MIT
## Tests speak TAP; automake's driver counts every case.

TEST_EXTENSIONS = .py
TAP_DRIVER = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_DRIVER = $(TAP_DRIVER)
PY_LOG_COMPILER = $(PYTHON)
AM_TESTS_ENVIRONMENT = MPX_BUILD='$(abs_top_builddir)' MPX_SOURCE='$(abs_top_srcdir)' \
	MPX_CC='$(CC)' MPX_SANITIZERS='$(MPX_SANITIZERS)' PYTHONDONTWRITEBYTECODE=1; \
	export MPX_BUILD MPX_SOURCE MPX_CC MPX_SANITIZERS PYTHONDONTWRITEBYTECODE;

check_PROGRAMS =
TESTS =
EXTRA_DIST += tests/style tests/unit/skipped.py

## The core's own objects, but main: tests look at all of it.
CORE_OBJECTS = $(filter-out core/multiplexd-main.$(OBJEXT),$(multiplexd_OBJECTS))
CPPFLAGS_OF_TESTS = $(CORE_CPPFLAGS) -I$(top_srcdir)/tests $(CHECK_CFLAGS)
CFLAGS_OF_TESTS = $(AM_CFLAGS) $(MPX_PROGRAM_CFLAGS)
LDFLAGS_OF_TESTS = $(AM_LDFLAGS) $(MPX_PROGRAM_LDFLAGS) -export-dynamic

## Modules that exist to be tested; -rpath makes libtool build shared objects.
check_LTLIBRARIES = tests/modules/evil.la tests/modules/hostile.la tests/modules/probe.la tests/modules/refuse.la
tests_modules_evil_la_SOURCES = tests/modules/evil.c
tests_modules_evil_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_hostile_la_SOURCES = tests/modules/hostile.c
tests_modules_hostile_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_probe_la_SOURCES = \
	tests/modules/probe.c tests/modules/probe.h tests/modules/probe_answers.c \
	tests/modules/probe_bodies.c tests/modules/probe_range.c
tests_modules_probe_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_refuse_la_SOURCES = tests/modules/refuse.c
tests_modules_refuse_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere

if HAVE_CHECK
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_SOURCES = \
	tests/loopback.c tests/loopback.h tests/wire.c tests/wire.h \
	tests/unit/aid.c tests/unit/aid.h \
	tests/unit/bodies.c tests/unit/bodies.h \
	tests/unit/given.c tests/unit/given.h \
	tests/unit/message.c tests/unit/message.h \
	tests/unit/shelf.c tests/unit/shelf.h \
	tests/unit/unit.c tests/unit/unit.h \
	tests/unit/test_accept.c \
	tests/unit/test_address.c \
	tests/unit/test_arena.c \
	tests/unit/test_beneath.c \
	tests/unit/test_blame.c \
	tests/unit/test_body.c \
	tests/unit/test_body_file.c \
	tests/unit/test_broker.c \
	tests/unit/test_channel.c \
	tests/unit/test_child.c \
	tests/unit/test_chunk.c \
	tests/unit/test_cidr.c \
	tests/unit/test_client.c \
	tests/unit/test_compose.c \
	tests/unit/test_cond.c \
	tests/unit/test_config.c \
	tests/unit/test_crowd.c \
	tests/unit/test_cut.c \
	tests/unit/test_date.c \
	tests/unit/test_descriptors.c \
	tests/unit/test_docs.c \
	tests/unit/test_dso.c \
	tests/unit/test_endpoint.c \
	tests/unit/test_expand.c \
	tests/unit/test_feasible.c \
	tests/unit/test_field_rules.c \
	tests/unit/test_file.c \
	tests/unit/test_file_cold.c \
	tests/unit/test_forwarded.c \
	tests/unit/test_grants.c \
	tests/unit/test_greeting.c \
	tests/unit/test_guard.c \
	tests/unit/test_http1.c \
	tests/unit/test_http1_body.c \
	tests/unit/test_http1_rate.c \
	tests/unit/test_json.c \
	tests/unit/test_level.c \
	tests/unit/test_list.c \
	tests/unit/test_listener.c \
	tests/unit/test_log.c \
	tests/unit/test_loop.c \
	tests/unit/test_method.c \
	tests/unit/test_must.c \
	tests/unit/test_node.c \
	tests/unit/test_option.c \
	tests/unit/test_option_table.c \
	tests/unit/test_option_value.c \
	tests/unit/test_overload.c \
	tests/unit/test_own_page.c \
	tests/unit/test_pace.c \
	tests/unit/test_page.c \
	tests/unit/test_page_text.c \
	tests/unit/test_parser.c \
	tests/unit/test_parser_body.c \
	tests/unit/test_peer.c \
	tests/unit/test_phase.c \
	tests/unit/test_pidfile.c \
	tests/unit/test_piece.c \
	tests/unit/test_pool.c \
	tests/unit/test_problem.c \
	tests/unit/test_proxy.c \
	tests/unit/test_quantity.c \
	tests/unit/test_range.c \
	tests/unit/test_root.c \
	tests/unit/test_settings.c \
	tests/unit/test_settings_listener.c \
	tests/unit/test_shorthand.c \
	tests/unit/test_sink.c \
	tests/unit/test_site.c \
	tests/unit/test_site_fields.c \
	tests/unit/test_site_pages.c \
	tests/unit/test_socket_file.c \
	tests/unit/test_source.c \
	tests/unit/test_spool.c \
	tests/unit/test_str.c \
	tests/unit/test_suggest.c \
	tests/unit/test_unowned.c \
	tests/unit/test_uri.c \
	tests/unit/test_wait.c
tests_unit_unit_CPPFLAGS = $(CPPFLAGS_OF_TESTS)
tests_unit_unit_CFLAGS = $(CFLAGS_OF_TESTS)
tests_unit_unit_LDFLAGS = $(LDFLAGS_OF_TESTS)
tests_unit_unit_LDADD = $(CORE_OBJECTS) $(CHECK_LIBS) $(CORE_LIBS)
tests_unit_unit_DEPENDENCIES = $(CORE_OBJECTS) $(LLHTTP_CORE)
else
TESTS += tests/unit/skipped.py
endif

## HTTP conversations as data, sent to a real daemon.
HTTP_CASES = \
	tests/http/body.http tests/http/conditional.http tests/http/connection.http tests/http/fields.http \
	tests/http/forwarded.http tests/http/framing.http tests/http/headers.http tests/http/host.http \
	tests/http/methods.http tests/http/not-trusted.http tests/http/pages.http tests/http/paths.http \
	tests/http/range.http tests/http/request-line.http tests/http/rfc-cases.json
check_PROGRAMS += tests/http/run
TESTS += tests/http/run
tests_http_run_SOURCES = \
	tests/http/cases.c tests/http/cases.h tests/http/client.c tests/http/client.h \
	tests/http/multipart.c tests/http/multipart.h tests/http/run.c
tests_http_run_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_http_run_LDADD = $(JANSSON_LIBS)
EXTRA_DIST += $(HTTP_CASES) tests/http/README tests/http/not-yet.txt

## Real daemons.
SYSTEM_TESTS = \
	tests/system/accesslog.py tests/system/bodies.py tests/system/cli.py tests/system/configure.py \
	tests/system/docs.py tests/system/doctree.py \
	tests/system/install.py tests/system/limits.py tests/system/listeners.py \
	tests/system/modules.py tests/system/overload.py tests/system/processes.py \
	tests/system/range.py tests/system/static.py tests/system/supervisor.py
## what a sanitizer does on its own account would be counted
if !SANITIZERS
SYSTEM_TESTS += tests/system/hotpath.py
endif
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/system/harness.py tests/system/hotpath.py

## make install must not meet another make
tests/system/install.log: tests/unit/unit.log tests/http/run.log
