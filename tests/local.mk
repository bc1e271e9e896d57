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
check_LTLIBRARIES = tests/modules/crash.la tests/modules/evil.la tests/modules/hostile.la tests/modules/probe.la tests/modules/refuse.la
tests_modules_crash_la_SOURCES = tests/modules/crash.c
tests_modules_crash_la_CFLAGS = $(AM_CFLAGS) -fstack-protector-all -O0 -g -U_FORTIFY_SOURCE
tests_modules_crash_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_evil_la_SOURCES = tests/modules/evil.c tests/modules/evil.h tests/modules/evil_filters.c
tests_modules_evil_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_hostile_la_SOURCES = tests/modules/hostile.c
tests_modules_hostile_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_probe_la_SOURCES = \
	tests/modules/probe.c tests/modules/probe.h tests/modules/probe_answers.c \
	tests/modules/probe_bodies.c tests/modules/probe_filters.c tests/modules/probe_range.c
tests_modules_probe_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
tests_modules_refuse_la_SOURCES = tests/modules/refuse.c
tests_modules_refuse_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
if HAVE_SESSION
check_LTLIBRARIES += tests/modules/visitor.la
tests_modules_visitor_la_SOURCES = tests/modules/visitor.c
tests_modules_visitor_la_LDFLAGS = $(MODULE_LDFLAGS) -rpath /nowhere
endif

## Preloaded into daemons; it must not bring a sanitizer of its own with it.
check_LTLIBRARIES += tests/faults/faults.la
tests_faults_faults_la_SOURCES = tests/faults/faults.c tests/faults/faults.h
tests_faults_faults_la_CFLAGS = -std=gnu11 -fvisibility=hidden
tests_faults_faults_la_LDFLAGS = -module -avoid-version -shared -rpath /nowhere
tests_faults_faults_la_LIBADD = $(LIBS)

if HAVE_CHECK
check_PROGRAMS += tests/unit/unit
TESTS += tests/unit/unit
tests_unit_unit_SOURCES = \
	modules/rewrite/index.c modules/rewrite/index.h modules/rewrite/table.c modules/rewrite/table.h \
	modules/session/op.c modules/session/op.h modules/session/values.c modules/session/values.h \
	$(PERCENT_SOURCES) \
	tests/loopback.c tests/loopback.h tests/wire.c tests/wire.h \
	tests/unit/aid.c tests/unit/aid.h \
	tests/unit/bodies.c tests/unit/bodies.h \
	tests/unit/given.c tests/unit/given.h \
	tests/unit/message.c tests/unit/message.h \
	tests/unit/shelf.c tests/unit/shelf.h \
	tests/unit/unit.c tests/unit/unit.h \
	tests/unit/test_accept.c \
	tests/unit/test_address.c \
	tests/unit/test_admission.c \
	tests/unit/test_alone.c \
	tests/unit/test_arena.c \
	tests/unit/test_beneath.c \
	tests/unit/test_beneath_links.c \
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
	tests/unit/test_confine.c \
	tests/unit/test_crash.c \
	tests/unit/test_crowd.c \
	tests/unit/test_cut.c \
	tests/unit/test_date.c \
	tests/unit/test_descriptors.c \
	tests/unit/test_docs.c \
	tests/unit/test_dso.c \
	tests/unit/test_endpoint.c \
	tests/unit/test_enlist.c \
	tests/unit/test_expand.c \
	tests/unit/test_feasible.c \
	tests/unit/test_field_rules.c \
	tests/unit/test_file.c \
	tests/unit/test_file_cold.c \
	tests/unit/test_filter.c \
	tests/unit/test_filter_evil.c \
	tests/unit/test_filter_file.c \
	tests/unit/test_filter_wire.c \
	tests/unit/test_forwarded.c \
	tests/unit/test_grants.c \
	tests/unit/test_greeting.c \
	tests/unit/test_guard.c \
	tests/unit/test_heritage.c \
	tests/unit/test_http1.c \
	tests/unit/test_http1_body.c \
	tests/unit/test_http1_end.c \
	tests/unit/test_http1_rate.c \
	tests/unit/test_inherited.c \
	tests/unit/test_journal.c \
	tests/unit/test_json.c \
	tests/unit/test_level.c \
	tests/unit/test_list.c \
	tests/unit/test_listener.c \
	tests/unit/test_log.c \
	tests/unit/test_logfile.c \
	tests/unit/test_look.c \
	tests/unit/test_loop.c \
	tests/unit/test_method.c \
	tests/unit/test_must.c \
	tests/unit/test_node.c \
	tests/unit/test_notify.c \
	tests/unit/test_option.c \
	tests/unit/test_option_map.c \
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
	tests/unit/test_percent.c \
	tests/unit/test_phase.c \
	tests/unit/test_pidfile.c \
	tests/unit/test_piece.c \
	tests/unit/test_pool.c \
	tests/unit/test_problem.c \
	tests/unit/test_program.c \
	tests/unit/test_proxy.c \
	tests/unit/test_quantity.c \
	tests/unit/test_quarantine.c \
	tests/unit/test_range.c \
	tests/unit/test_resolver.c \
	tests/unit/test_rewrite.c \
	tests/unit/test_root.c \
	tests/unit/test_set_root.c \
	tests/unit/test_session.c \
	tests/unit/test_settings.c \
	tests/unit/test_settings_listener.c \
	tests/unit/test_shorthand.c \
	tests/unit/test_sink.c \
	tests/unit/test_sink_again.c \
	tests/unit/test_site.c \
	tests/unit/test_site_fields.c \
	tests/unit/test_site_pages.c \
	tests/unit/test_socket_file.c \
	tests/unit/test_source.c \
	tests/unit/test_spool.c \
	tests/unit/test_str.c \
	tests/unit/test_suggest.c \
	tests/unit/test_turn.c \
	tests/unit/test_unowned.c \
	tests/unit/test_uri.c \
	tests/unit/test_variable.c \
	tests/unit/test_variable_name.c \
	tests/unit/test_verdict.c \
	tests/unit/test_wait.c \
	tests/unit/test_wait_program.c \
	tests/unit/test_watchdog.c
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
	tests/http/access.http tests/http/body.http tests/http/conditional.http \
	tests/http/connection.http tests/http/fields.http tests/http/filters.http \
	tests/http/forwarded.http tests/http/framing.http tests/http/headers.http tests/http/host.http \
	tests/http/methods.http tests/http/not-trusted.http tests/http/pages.http tests/http/paths.http \
	tests/http/range.http tests/http/request-line.http tests/http/rewrite.http tests/http/rfc-cases.json
check_PROGRAMS += tests/http/run
TESTS += tests/http/run
tests_http_run_SOURCES = \
	tests/http/cases.c tests/http/cases.h tests/http/client.c tests/http/client.h \
	tests/http/cuts.c tests/http/cuts.h tests/http/multipart.c tests/http/multipart.h \
	tests/http/run.c tests/http/verdict.c tests/http/verdict.h
tests_http_run_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_http_run_LDADD = $(JANSSON_LIBS)
EXTRA_DIST += tests/cgi/README tests/cgi/program.c \
	tests/cgi/body.cases tests/cgi/death.cases tests/cgi/environment.cases tests/cgi/header.cases \
	tests/cgi/nph.cases tests/cgi/redirect.cases
EXTRA_DIST += $(HTTP_CASES) tests/http/README tests/http/not-yet.txt

## Clients that try nothing again, for what counts lost answers.
check_PROGRAMS += tests/load/load
tests_load_load_SOURCES = \
	tests/load/answer.c tests/load/answer.h tests/load/client.c tests/load/client.h \
	tests/load/load.c tests/load/tally.c tests/load/tally.h tests/load/target.c tests/load/target.h
tests_load_load_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
tests_load_load_LDADD = $(JANSSON_LIBS)

## Real daemons.
SYSTEM_TESTS = \
	tests/system/access.py tests/system/accesslog.py tests/system/bodies.py \
	tests/system/browser.py tests/system/claims.py tests/system/cli.py \
	tests/system/configure.py tests/system/crash.py tests/system/detach.py \
	tests/system/dirlist.py tests/system/docs.py \
	tests/system/doctree.py tests/system/exec.py tests/system/faults.py tests/system/filters.py \
	tests/system/install.py tests/system/limits.py tests/system/listeners.py \
	tests/system/load_client.py tests/system/modules.py tests/system/overload.py \
	tests/system/processes.py tests/system/range.py tests/system/reliability.py tests/system/reload.py \
	tests/system/rewrite.py tests/system/seed.py tests/system/session.py tests/system/slow.py \
	tests/system/spellings.py tests/system/static.py tests/system/static_cache.py \
	tests/system/supervisor.py tests/system/systemd.py tests/system/tools.py \
	tests/system/transaction.py tests/system/upgrade.py tests/system/userdir.py tests/system/workers.py
## what a sanitizer does on its own account would be counted
if !SANITIZERS
SYSTEM_TESTS += tests/system/hotpath.py tests/system/valgrind.py
endif
TESTS += $(SYSTEM_TESTS)
EXTRA_DIST += $(SYSTEM_TESTS) tests/system/dns.py tests/system/harness.py tests/system/hotpath.py \
	tests/system/load.py \
	tests/bench/deaths.py tests/bench/peers.py tests/bench/reload.py tests/bench/soak.py \
	tests/system/valgrind.py \
	tests/browser/.npmrc tests/browser/listing.js tests/browser/look.js tests/browser/sessions.js \
	tests/browser/package-lock.json tests/browser/package.json
## what tests have installed or written for themselves
clean-local:
	rm -rf tests/browser/driver tests/fuzz/site

## looks at what the others left
tests/system/claims.log: $(filter-out tests/system/claims.log,$(TEST_LOGS))
## make install must not meet another make
tests/system/install.log: tests/unit/unit.log tests/http/run.log

## Fuzz targets: make check replays their corpora; make fuzz, with clang, looks for more.
FUZZERS = config date host http1 json range uri
check_LTLIBRARIES += tests/fuzz/libtargets.la
tests_fuzz_libtargets_la_SOURCES = \
	modules/static/cache.c modules/static/cache.h modules/static/conf.h \
	modules/static/policy.c modules/static/policy.h \
	modules/static/refusal.c modules/static/refusal.h \
	modules/static/serve.c modules/static/serve.h \
	modules/static/sidecar.c modules/static/sidecar.h \
	modules/static/static.c \
	modules/static/types.c modules/static/types.h \
	modules/common/encodings.c modules/common/encodings.h \
	$(GLOB_SOURCES) $(POINTER_SOURCES) \
	tests/loopback.c tests/loopback.h tests/wire.c tests/wire.h \
	tests/fuzz/answers.c tests/fuzz/answers.h \
	tests/fuzz/config.c tests/fuzz/date.c \
	tests/fuzz/fuzz.c tests/fuzz/fuzz.h \
	tests/fuzz/guest.c tests/fuzz/guest.h tests/fuzz/guest_filter.c \
	tests/fuzz/host.c tests/fuzz/http1.c tests/fuzz/json.c \
	tests/fuzz/naive.c tests/fuzz/naive.h tests/fuzz/naive_body.c tests/fuzz/naive_target.c \
	tests/fuzz/range.c tests/fuzz/trial.c tests/fuzz/trial.h tests/fuzz/uri.c
tests_fuzz_libtargets_la_CPPFLAGS = $(CORE_CPPFLAGS) -I$(top_srcdir)/tests \
	-DFUZZ_SITE='"$(abs_top_builddir)/tests/fuzz/site"'
tests_fuzz_libtargets_la_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_libtargets_la_LDFLAGS = $(AM_LDFLAGS)
LDFLAGS_OF_FUZZERS = $(LDFLAGS_OF_TESTS) -fsanitize=fuzzer
FUZZ_LIBS = tests/fuzz/libtargets.la $(CORE_OBJECTS) $(CORE_LIBS)

check_PROGRAMS += tests/fuzz/replay
TESTS += tests/fuzz/replay
tests_fuzz_replay_SOURCES = tests/fuzz/replay.c
tests_fuzz_replay_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_replay_LDFLAGS = $(LDFLAGS_OF_TESTS)
tests_fuzz_replay_LDADD = $(FUZZ_LIBS)
EXTRA_DIST += tests/fuzz/corpus \
	tests/fuzz/config.dict tests/fuzz/date.dict tests/fuzz/host.dict tests/fuzz/http1.dict \
	tests/fuzz/json.dict tests/fuzz/range.dict tests/fuzz/uri.dict

EXTRA_PROGRAMS = tests/fuzz/fuzz_config tests/fuzz/fuzz_date tests/fuzz/fuzz_host \
	tests/fuzz/fuzz_http1 tests/fuzz/fuzz_json tests/fuzz/fuzz_range tests/fuzz/fuzz_uri
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_config_CPPFLAGS = -DFUZZ_TARGET=fuzz_config
tests_fuzz_fuzz_config_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_config_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_config_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_date_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_date_CPPFLAGS = -DFUZZ_TARGET=fuzz_date
tests_fuzz_fuzz_date_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_date_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_date_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_host_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_host_CPPFLAGS = -DFUZZ_TARGET=fuzz_host
tests_fuzz_fuzz_host_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_host_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_host_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_http1_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_http1_CPPFLAGS = -DFUZZ_TARGET=fuzz_http1
tests_fuzz_fuzz_http1_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_http1_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_http1_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_json_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_json_CPPFLAGS = -DFUZZ_TARGET=fuzz_json
tests_fuzz_fuzz_json_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_json_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_json_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_range_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_range_CPPFLAGS = -DFUZZ_TARGET=fuzz_range
tests_fuzz_fuzz_range_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_range_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_range_LDADD = $(FUZZ_LIBS)
tests_fuzz_fuzz_uri_SOURCES = tests/fuzz/entry.c
tests_fuzz_fuzz_uri_CPPFLAGS = -DFUZZ_TARGET=fuzz_uri
tests_fuzz_fuzz_uri_CFLAGS = $(CFLAGS_OF_TESTS)
tests_fuzz_fuzz_uri_LDFLAGS = $(LDFLAGS_OF_FUZZERS)
tests_fuzz_fuzz_uri_LDADD = $(FUZZ_LIBS)

## in the flavor of make fuzz alone: a goal for each target, so that -j runs them side by side
run-fuzzers: $(FUZZ:%=run-fuzz-%)
run-fuzz-%: tests/fuzz/fuzz_%
	@$(MKDIR_P) found/$*
	@test -f $(top_srcdir)/tests/fuzz/$*.dict && dict=-dict=$(top_srcdir)/tests/fuzz/$*.dict; \
	tests/fuzz/fuzz_$* $$dict -max_len=8192 -timeout=$(FUZZ_TIMEOUT) -rss_limit_mb=2048 -print_final_stats=1 \
		-max_total_time=$(FUZZ_SECONDS) -runs=$(FUZZ_RUNS) $(FUZZ_ARGS) -artifact_prefix=found/$*- \
		found/$* $(top_srcdir)/tests/fuzz/corpus/$* >found/$*.log 2>&1 || \
		{ tail -n 40 found/$*.log; exit 1; }
	@echo "fuzz $*: $$(sed -n 's/^stat::number_of_executed_units: *//p' found/$*.log) inputs," \
		"$$(sed -n 's/^stat::average_exec_per_sec: *//p' found/$*.log) a second"

## in the flavor of make fuzz-coverage alone
coverage-of-corpora: tests/fuzz/replay
	rm -f replay-*.profraw
	MPX_SOURCE=$(abs_top_srcdir) LLVM_PROFILE_FILE=replay-%p.profraw tests/fuzz/replay
	$(LLVM)llvm-profdata merge -o replay.profdata replay-*.profraw
	@$(LLVM)llvm-cov report tests/fuzz/replay -instr-profile=replay.profdata | \
		$(AWK) -v names=' $(COVERED) ' '{ n = $$1; sub(".*/core/", "", n) } \
		n != $$1 && index(names, " " n " ") { print "lines of core/" n ": " $$8 ", reached " $$10 }'
