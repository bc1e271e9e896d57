# SPDX-License-Identifier: MIT
"""Modules that bring their worker down: who is named, for what, where; who is kept from doing it again, and what becomes
of requests meanwhile. Under a sanitizer some crashes end by its report and an exit."""
import json
import os
import re
import signal
import subprocess
import time

from harness import *

# what a sanitizer would take for itself is left to us: then all is as it is without one
ENV = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:handle_abort=0:handle_sigill=0:handle_sigfpe=0:handle_sigbus=0"}
OFF = {"quarantine": False}


def crashing(daemon=None, **more):
    """A daemon with the module in virtual host "a.example", beside one that only has files."""
    config = configuration([{"name": "a.example", "modules": ["crash", "static"], "crash": more.pop("crash", {})},
                            {"name": "default", "modules": ["static"], "documents": SOURCE + "/docs", **more}],
                           daemon={"watchdog": {"kill": "1s"}, **(daemon or {})})
    return serving(config, env=ENV)


def ask(server, path, host="a.example"):
    """The status; 0 when the connection ends without an answer."""
    try:
        return server.get(path, host=host)[0]
    except (AssertionError, ConnectionError):
        return 0


def deaths(server):
    return re.findall(r"error: (a worker (?:died|ended|was killed).*)", server.log())


def death_by(server, path, seconds=8):
    """What the log says of the crash that this request makes."""
    before = len(deaths(server))
    equal(ask(server, path), 0, path)
    end = time.monotonic() + seconds
    while len(deaths(server)) == before:
        assert time.monotonic() < end, f"{path}: nobody died: {server.log()}"
        time.sleep(0.01)
    return deaths(server)[-1]


def test_every_way_to_crash_names_module_hook_virtual_host_request_and_place():
    said = {"fault": r"died: signal 11 \(Segmentation fault\) at crash\.so\+0x[0-9a-f]+, address 0x10, ",
            "abort": r"died: signal 6 \(Aborted\) at .*, called from crash\.so\+0x[0-9a-f]+, ",
            "trap": r"died: signal 4 \(Illegal instruction\) at crash\.so\+0x[0-9a-f]+, ",
            "divide": r"died: signal 8 \(Floating point exception\) at .*, called from crash\.so\+0x[0-9a-f]+, ",
            "recurse": r"died: signal 11 \(Segmentation fault\) at crash\.so\+0x[0-9a-f]+, its stack overflowed, ",
            "leave": r"ended: exit status 7, ",
            "smash": r"died: signal 6 \(Aborted\) at .*, ",
            "loop": r"was killed, for its loop had not turned for 1000 ms: signal 6 \(Aborted\) at crash\.so\+0x[0-9a-f]+, "}
    if SANITIZERS or not os.uname().machine == "x86_64":
        del said["smash"], said["trap"]  # found before it happens; another signal
    for deed, how in said.items():  # each has a daemon of its own: one that dies again and again is replaced ever later
        with crashing(OFF) as server:
            text = death_by(server, "/content/" + deed)
            assert re.fullmatch("a worker " + how + 'module "crash" in its CONTENT hook, virtual host "a.example", '
                                "request [0-9a-f]{16}; starting another", text), (deed, text)


def test_wherever_a_module_is_at_work_that_is_told():
    places = {"route/fault": "in its ROUTE hook", "access/fault": "in its ACCESS hook", "later/fault": "in its CONTENT hook",
              "response/fault": "in its RESPONSE hook", "filter/fault": "in a filter", "thread/fault": "on a thread",
              "thread/abort": "on a thread", "thread/recurse": "on a thread"}
    for path, where in places.items():
        with crashing(OFF) as server:
            contains(death_by(server, "/" + path), f', module "crash" {where}, virtual host "a.example", request ', path)
    for path, where in (("log/fault", "in its LOG hook"), ("end/fault", "in its req_end() or conn_end()")):
        with crashing(OFF) as server:
            ask(server, "/" + path)  # the answer may have gone out
            server.wait_for_log(f'module "crash" {where}, virtual host "a.example"')


def test_a_timer_and_a_watch_that_crash_are_told():
    for key, where in (("in_timer", "in a timer"), ("in_watch", "in a watch")):
        with folder() as at:
            with crashing(OFF, crash={key: at + "/now"}) as server:
                write(at + "/now", "")
                server.wait_for_log(f'module "crash" {where}, virtual host "a.example"; starting another')
                os.remove(at + "/now")


def test_a_close_that_crashes_is_told_at_the_stop():
    with crashing(OFF, crash={"in_close": True}) as server:
        server.stop()
        contains(server.log(), 'module "crash" in its close(), virtual host "a.example"')


def test_a_sanitizer_has_its_report_beside_ours():
    with serving(configuration([{"name": "a.example", "modules": ["crash"]}], daemon=OFF)) as server:
        text = death_by(server, "/content/fault")
        contains(text, 'address 0x10, module "crash" in its CONTENT hook')
        contains(text, "a worker ended: exit status 1" if SANITIZERS else "a worker died: signal 11")
        equal("ERROR: AddressSanitizer: SEGV on unknown address 0x000000000010" in server.log(), SANITIZERS)


def test_the_place_is_one_that_addr2line_knows():
    need(subprocess.run(["which", "addr2line"], capture_output=True).returncode == 0, "addr2line is missing")
    with crashing(OFF) as server:
        place = re.search(r"crash\.so\+(0x[0-9a-f]+)", death_by(server, "/content/fault")).group(1)
    out = subprocess.run(["addr2line", "-f", "-e", BUILD + "/tests/modules/.libs/crash.so", place], capture_output=True, text=True)
    equal(out.stdout.splitlines()[0], "fault")


def test_a_turn_that_takes_too_long_is_logged_with_its_module():
    with crashing({**OFF, "watchdog": {"warn": "100ms", "kill": "10s"}}) as server:
        equal(ask(server, "/content/doze"), 200)
        server.wait_for_log(" ms, ")
        log = server.log()
    found = re.search(r"warning: a turn of the loop took (\d+) ms, (\d+) of them in module \"crash\" in its CONTENT hook, "
                      r"virtual host \"a.example\", request [0-9a-f]{16}: all clients waited", log)
    assert found and int(found.group(2)) >= 1200, log


def test_without_a_watchdog_nothing_is_logged_and_nobody_killed():
    with crashing({**OFF, "watchdog": False}) as server:
        equal(ask(server, "/content/doze"), 200)
        assert "turn of the loop" not in server.log(), server.log()


def test_a_worker_that_is_stopped_is_not_killed():
    with crashing({"watchdog": {"kill": "200ms"}}) as server:
        worker = server.worker()
        equal(ask(server, "/content/alive"), 200)
        os.kill(worker, signal.SIGSTOP)
        time.sleep(1)
        os.kill(worker, signal.SIGCONT)
        equal(ask(server, "/content/alive"), 200)
        equal((server.worker(), deaths(server)), (worker, []))


def crash_three_times(server):
    for _ in range(3):
        death_by(server, "/content/fault")


def test_the_third_crash_is_the_last_and_other_virtual_hosts_go_on():
    with crashing({"quarantine": {"for": "1m"}}) as server:
        crash_three_times(server)
        server.wait_for_log('module "crash" is in quarantine for 60 s: crash 3 within 60 s')
        status, fields, _ = server.get("/content/fault", host="a.example")
        equal(status, 503)
        assert 50 <= int(fields["retry-after"]) <= 60, fields
        equal(ask(server, "/CONFIG.md", "b.example"), 200)
        equal(len(deaths(server)), 3)


def test_when_its_time_is_over_it_is_tried_once():
    with crashing({"quarantine": {"for": "1s"}}) as server:
        crash_three_times(server)
        equal(ask(server, "/content/alive"), 503)
        server.wait_for_log('module "crash" leaves its quarantine')
        end = time.monotonic() + 5
        while ask(server, "/content/alive") != 200:
            assert time.monotonic() < end, server.log()
            time.sleep(0.02)
        death_by(server, "/content/fault")
        equal(server.log().count("is in quarantine for"), 2)
        equal(ask(server, "/content/alive"), 503)


def wait_until_all(server, status):
    """Whichever worker takes it."""
    end = time.monotonic() + 5
    while {ask(server, "/content/alive") for _ in range(20)} != {status}:
        assert time.monotonic() < end, server.log()
        time.sleep(0.02)


def test_what_one_worker_suffered_the_others_are_spared_without_losing_a_connection():
    with crashing({"workers": 2, "quarantine": {"for": "1s"}}) as server:
        crash_three_times(server)
        equal([len(re.findall('module "crash" in its CONTENT hook, virtual host "a.example"', d)) for d in deaths(server)], [1] * 3)
        wait_until_all(server, 503)
        with server.connect() as s:  # an answer before and one behind the change, on one connection
            s.sendall(request("/CONFIG.md", host="b.example"))
            equal(read_response(s)[0], 200)
            server.wait_for_log("leaves its quarantine")
            wait_until_all(server, 200)
            s.sendall(request("/CONFIG.md", host="b.example"))
            equal(read_response(s)[0], 200)
        equal(len(deaths(server)), 3)


def test_a_reload_without_the_module_is_the_cure():
    with crashing({"quarantine": {"crashes": 1}}) as server:
        death_by(server, "/content/fault")
        equal(ask(server, "/content/alive"), 503)
        with open(server.config, encoding="ascii") as f:
            config = json.load(f)
        config["vhosts"][0]["modules"] = ["static"]
        del config["vhosts"][0]["crash"]
        write(server.config, json.dumps(config))
        server.process.send_signal(signal.SIGHUP)
        wait_until_all(server, 404)


def test_a_worker_that_ends_while_it_is_told_does_not_keep_the_list_from_the_others():
    with folder() as where:
        mark = where + "/slow"
        module_with(where, "slow", "open", f'if (access("{mark}", F_OK) == 0) usleep(700000); return 0;')
        daemon = {"workers": 3, "module_path": [where, *MODULES], "watchdog": {"kill": "5s"}}
        slow = {"name": "slow.example", "modules": ["slow"], "slow": {"text": "hi"}}
        config = configuration([{"name": "a.example", "modules": ["crash"]}, slow], daemon=daemon)
        with serving(config, env=ENV) as server:
            death_by(server, "/content/fault")
            death_by(server, "/content/fault")
            time.sleep(0.5)  # all serve again
            old = server.workers()
            write(mark, "")
            death_by(server, "/content/fault")
            time.sleep(0.3)
            os.kill([w for w in server.workers() if w in old][0], signal.SIGKILL)
            server.wait_for_log("is not taken: a worker ended while it prepared it")
            wait_until_all(server, 503)


def test_nobody_is_in_quarantine_for_what_others_did():
    with crashing({"quarantine": {"crashes": 1}}) as server:
        death_by(server, "/content/vanish")
        for number in (signal.SIGKILL, signal.SIGSEGV, signal.SIGABRT):
            worker = server.worker()
            before = len(deaths(server))
            os.kill(worker, number)
            while len(deaths(server)) == before:
                time.sleep(0.01)
            equal(ask(server, "/content/alive"), 200)
        assert "quarantine" not in server.log(), server.log()


def test_a_stall_counts_as_a_crash():
    with crashing({"quarantine": {"crashes": 1}, "watchdog": {"kill": "300ms"}}) as server:
        contains(death_by(server, "/content/loop"), "was killed, for its loop had not turned for ")
        equal(ask(server, "/content/alive"), 503)


def test_a_loop_whose_thread_has_ended_stalls():
    with crashing({"watchdog": {"kill": "300ms"}}) as server, server.connect() as s:
        s.sendall(request("/content/quit", host="a.example"))
        server.wait_for_log('module "crash" in its CONTENT hook, virtual host "a.example"')
        contains(deaths(server)[0], "was killed, for its loop had not turned for ")
        equal(ask(server, "/content/alive"), 200)


def test_a_folder_that_is_guarded_is_not_open_while_its_guard_is_in_quarantine():
    with folder() as where:
        write(where + "/access/x", "secret")
        write(where + "/open/x", "open")
        for satisfy, usual in (("all", 403), ("any", 200)):
            guarded = {"path": "/access", "modules": ["access", "crash", "static"], "crash": {"refuses": True},
                       "allow": ["127.0.0.1"], "satisfy": satisfy}
            config = configuration({"documents": where, "modules": ["static"], "directories": [guarded]},
                                   daemon={"quarantine": {"crashes": 1}})
            with serving(config, env=ENV) as server:
                equal([ask(server, p) for p in ("/access/x", "/open/x")], [usual, 200])
                contains(death_by(server, "/access/fault"), "in its ACCESS hook")
                equal([ask(server, p) for p in ("/access/x", "/open/x", "/open/../access/x")], [503, 200, 503])


def test_a_rule_that_asks_a_module_in_quarantine_for_a_variable_opens_nothing():
    with folder() as where:
        for name in ("x", "open/x", "locked/here"):
            write(f"{where}/{name}", name)
        variable = """static int get(struct mpx_req *r, struct mpx_str word, struct mpx_str *value) {
                          if (mpx_req_query(r).n > 0) abort();
                          *value = MPX_STR("here");
                          return 0; }
                      static const struct mpx_variable variables[] = { { "place", get }, { NULL, NULL } };
                      MPX_MODULE(place) = { MPX_HEADER(place, "1"), .variables = variables };"""
        compile_module(where, "place", "#include <multiplexd/module.h>\n#include <stdlib.h>\n" + variable)
        rule = {"match": "^/x", "if": {"exists": "/locked/$place"}, "status": 403}
        log = {"file": where + "/log", "format": "$path $place"}
        config = configuration({"documents": where, "modules": ["place", "rewrite", "accesslog", "static"], "rewrite": rule,
                                "accesslog": log},
                               daemon={"quarantine": {"crashes": 1}, "module_path": [where, *MODULES]})
        with serving(config, env=ENV) as server:
            equal([ask(server, p) for p in ("/x", "/open/x")], [403, 200])
            contains(death_by(server, "/x?y"), 'module "place" in a callback')
            status, fields, _ = server.get("/x")
            equal((status, int(fields["retry-after"]) > 500), (503, True))
            equal(ask(server, "/open/x"), 200)


def test_a_module_that_crashes_whenever_it_is_opened_does_not_keep_the_daemon_down():
    with folder() as at:
        with crashing({"quarantine": {"for": "2s"}}, crash={"in_open": at + "/now"}) as server:
            write(at + "/now", "")
            os.kill(server.worker(), signal.SIGKILL)
            server.wait_for_log('module "crash" is in quarantine', 10)
            equal(ask(server, "/content/alive"), 503)
            equal(ask(server, "/CONFIG.md", "b.example"), 200)
            os.remove(at + "/now")
            server.wait_for_log("leaves its quarantine")
            end = time.monotonic() + 5
            while ask(server, "/content/alive") != 200:
                assert time.monotonic() < end, server.log()
                time.sleep(0.02)


def test_one_that_cannot_even_be_loaded_any_more_does_not_either():
    with folder() as where:
        mark = where + "/now"
        source = ('#include <stdlib.h>\n#include <unistd.h>\n' + hello("bad") +
                  f'__attribute__((constructor)) static void die(void) {{ if (access("{mark}", F_OK) == 0) abort(); }}\n')
        compile_module(where, "bad", source)
        config = configuration([{"name": "a.example", "modules": ["bad"], "bad": {"text": "hi"}},
                                {"name": "default", "documents": SOURCE + "/docs"}],
                               daemon={"module_path": [where, *MODULES]})
        with serving(config, env=ENV) as server:
            equal(ask(server, "/"), 404)
            write(mark, "")
            os.kill(server.worker(), signal.SIGKILL)
            server.wait_for_log('module "bad" is in quarantine', 10)
            equal(ask(server, "/"), 503)
            equal(ask(server, "/CONFIG.md", "b.example"), 200)
            contains(server.log(), 'module "bad" while it was loaded')


main()
