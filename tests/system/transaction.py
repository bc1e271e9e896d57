# SPDX-License-Identifier: MIT
"""Another configuration at SIGHUP: all of it, in every worker, or nothing; and what the supervisor needs root for."""
import contextlib
import os
import re
import signal
import stat
import subprocess
import time

from harness import *

TAKEN, NOT_TAKEN = "configuration read again: ", "the configuration is not taken"
SANE = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:handle_abort=0"}


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def outcomes(server):
    return server.log().count(TAKEN) + server.log().count(NOT_TAKEN)


def reload(server, config, wanted=TAKEN):
    """Writes that, hangs up, waits for the outcome; what was logged."""
    write(server.config, config if isinstance(config, str) else json.dumps(config, indent=2))
    before, told = outcomes(server), len(server.log())
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: outcomes(server) > before, f"an outcome: {server.log()}")
    contains(server.log()[told:], wanted)
    return server.log()[told:]


def site(text, **daemon):
    return configuration({"modules": ["hello"], "hello": {"text": text}}, daemon=daemon)


@contextlib.contextmanager
def greeting(workers=1, **daemon):
    """A daemon with the module of the manual, and its configuration; /hello is what it was told to say."""
    with folder() as where:
        compile_module(where, "hello", hello())
        config = site("old", workers=workers, module_path=[where, *MODULES], **daemon)
        server = Server(where, config, env=SANE)
        server.folder = where
        yield server, config
        server.stop()


def said(server):
    return server.get("/hello")[2]


def with_text(config, text):
    config["vhosts"]["hello"]["text"] = text
    return config


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connects(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


def test_all_workers_change_over():
    with greeting(3) as (server, config):
        before = server.workers()
        reload(server, with_text(config, "new"))
        equal({said(server) for _ in range(40)}, {b"new"})
        equal(server.workers(), before)


def test_an_idle_connection_stays_and_gets_the_new_one():
    with greeting() as (server, config), server.connect() as s:
        s.sendall(request("/hello"))
        equal(read_response(s)[2], b"old")
        reload(server, with_text(config, "new"))
        s.sendall(request("/hello"))
        equal(read_response(s)[2], b"new")


def test_an_error_is_logged_whole_and_changes_nothing():
    with greeting(2) as (server, config):
        config["vhosts"]["nonsense"] = 1
        config["connection"] = [config["connection"], {"host": "127.0.0.1", "port": free_port()}]
        config["connection"][0]["listne"] = 3
        log = reload(server, with_text(config, "new"), NOT_TAKEN + ": 2 errors; the one before goes on serving")
        for key in ("nonsense", "listne"):
            assert re.search(rf'site\.json:\d+:\d+: unknown key "{key}"', log), log
        equal(said(server), b"old")
        assert not connects(config["connection"][1]["port"])


def test_a_file_that_is_no_json_changes_nothing():
    with greeting() as (server, _):
        contains(reload(server, "{", NOT_TAKEN), "site.json:1:")
        equal(said(server), b"old")


def test_a_file_that_is_gone_changes_nothing():
    with greeting() as (server, config):
        os.remove(server.config)
        before = outcomes(server)
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: outcomes(server) > before, "an outcome")
        contains(server.log(), "does not exist")
        equal(said(server), b"old")


def test_a_module_that_dies_when_it_is_checked_changes_nothing():
    with greeting() as (server, config):
        module_with(server.folder, "bad", "check", "abort();")
        config["vhosts"]["modules"] = ["hello", "bad"]
        config["vhosts"]["bad"] = {"text": "hi"}
        contains(reload(server, config, NOT_TAKEN), 'module "bad" died in its check(): signal 6')
        equal(said(server), b"old")


def with_bad(server, config, deed):
    module_with(server.folder, "bad", "open", deed)
    config["vhosts"]["modules"] = ["hello", "bad"]
    config["vhosts"]["bad"] = {"text": "hi"}
    return with_text(config, "new")


def test_a_worker_that_dies_while_it_prepares_takes_the_change_with_it():
    with greeting(3) as (server, config):
        mark = server.folder + "/mark"  # only the first to open it dies
        config = with_bad(server, config, f'if (link("{server.config}", "{mark}") == 0) abort(); return 0;')
        before = set(server.workers())
        log = reload(server, config, NOT_TAKEN + ": a worker ended while it prepared it")
        assert re.search(r'a worker died: signal 6 .*module "bad" in its open\(\)', log), log
        wait_until(lambda: len(server.workers()) == 3, "all are there again")
        equal(len(before & set(server.workers())), 2, "workers that lived on")
        equal({said(server) for _ in range(30)}, {b"old"})
        reload(server, config)
        equal({said(server) for _ in range(30)}, {b"new"})


def test_a_worker_that_cannot_prepare_takes_the_change_with_it():
    with greeting(3) as (server, config):
        before = server.workers()
        mark = server.folder + "/mark"
        config = with_bad(server, config, f'return link("{server.config}", "{mark}") == 0 ? mpx_conf_error(c, "text", "the reason") : 0;')
        log = reload(server, config, NOT_TAKEN)
        assert re.search(r"site\.json:\d+:\d+: /vhosts/0/bad/text: the reason", log), log
        equal({said(server) for _ in range(30)}, {b"old"})
        reload(server, config)
        equal({said(server) for _ in range(30)}, {b"new"})
        equal(server.workers(), before)


def test_a_worker_that_never_answers_is_killed():
    with greeting(2) as (server, config):
        mark = server.folder + "/mark"
        config["daemon"]["reload_timeout"] = "300ms"
        config = with_bad(server, config, f'while (link("{server.config}", "{mark}") == 0) for (;;) pause(); return 0;')
        log = reload(server, config, NOT_TAKEN + ': a worker was not ready for it in time ("reload_timeout")')
        contains(log, "a worker does not come to an end with another configuration: it is killed")
        wait_until(lambda: len(server.workers()) == 2, "both are there again")
        equal({said(server) for _ in range(20)}, {b"old"})
        reload(server, config)
        equal({said(server) for _ in range(20)}, {b"new"})


def test_a_worker_that_is_started_later_has_what_all_have():
    with greeting(2) as (server, config):
        reload(server, with_text(config, "new"))
        reload(server, {**config, "nonsense": 1}, NOT_TAKEN)
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        equal({said(server) for _ in range(20)}, {b"new"})


def slow_check(server, config, seconds):
    """A configuration that takes its checker so long."""
    module_with(server.folder, "slow", "check", f"usleep({int(seconds * 1e6)}); return 0;")
    config["vhosts"]["modules"] = ["hello", "slow"]
    config["vhosts"]["slow"] = {"text": "hi"}
    write(server.config, json.dumps(with_text(config, "slow")))
    server.process.send_signal(signal.SIGHUP)
    time.sleep(0.2)


def test_a_worker_is_replaced_while_the_checker_is_at_work():
    with greeting() as (server, config):
        slow_check(server, config, 1.5)
        os.kill(server.worker(), signal.SIGKILL)
        equal(said(server), b"old")
        assert TAKEN not in server.log(), "the supervisor has waited for the checker"
        wait_until(lambda: TAKEN in server.log(), "it is taken in the end")
        equal(said(server), b"slow")


def test_a_hangup_meanwhile_is_not_lost():
    with greeting() as (server, config):
        slow_check(server, config, 0.8)
        config["vhosts"]["modules"] = ["hello"]
        del config["vhosts"]["slow"]
        write(server.config, json.dumps(with_text(config, "second")))
        for _ in range(3):
            server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: server.log().count(TAKEN) == 2, server.log())
        equal(said(server), b"second")


def test_a_stop_does_not_wait_for_a_reload():
    with folder() as where:
        compile_module(where, "hello", hello())
        config = site("old", module_path=[where, *MODULES])
        server = Server(where, config)
        server.folder = where
        slow_check(server, config, 20)
        begin = time.monotonic()
        server.stop()
        assert time.monotonic() - begin < 10


def test_listeners_are_added_kept_and_removed():
    with greeting(2) as (server, config):
        first, second = config["connection"], {"host": "127.0.0.1", "port": free_port()}
        first["port"] = server.port
        config["connection"] = [first, second]
        kept = server.connect()
        log = reload(server, config)
        contains(log, f"listeners added: http://127.0.0.1:{second['port']}/")
        for _ in range(8):
            with socket.create_connection(("127.0.0.1", second["port"]), 10) as s:
                s.sendall(request("/hello"))
                equal(read_response(s)[0], 200)
        config["connection"] = [second]
        contains(reload(server, config), f"listeners removed: http://127.0.0.1:{server.port}/")
        assert not connects(server.port), "it is closed"
        assert connects(second["port"])
        kept.close()


def test_a_port_of_the_kernels_choice_is_kept():
    with greeting(2) as (server, config):
        assert "listeners" not in reload(server, with_text(config, "new"))
        equal(said(server), b"new")


def test_a_port_that_is_taken_changes_nothing():
    with greeting() as (server, config), socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        s.listen()
        config["connection"] = [config["connection"], {"host": "127.0.0.1", "port": s.getsockname()[1]}]
        log = reload(server, with_text(config, "new"), NOT_TAKEN + ": cannot listen on 127.0.0.1:")
        contains(log, "Address already in use: stop the process that has it")
        equal(said(server), b"old")


def test_unix_sockets_come_go_and_change():
    with greeting() as (server, config):
        path = server.folder + "/s"
        first = config["connection"]
        config["connection"] = [first, {"unix": path, "mode": "0600"}]
        reload(server, config)
        made = os.stat(path)
        equal(stat.S_IMODE(made.st_mode), 0o600)
        config["connection"] = [{"unix": path, "mode": "0666"}, first]
        reload(server, config)
        equal((os.stat(path).st_ino, stat.S_IMODE(os.stat(path).st_mode)), (made.st_ino, 0o666))
        os.remove(path)
        reload(server, config)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(path)  # made anew
            s.sendall(request("/hello"))
            equal(read_response(s)[0], 200)
        config["connection"] = [first]
        reload(server, config)
        assert not os.path.exists(path)


def test_what_needs_a_restart_is_told():
    with greeting() as (server, config):
        for key, value in (("workers", 2), ("pid_file", server.folder + "/pid"), ("no_new_privs", False),
                           ("pool", {"threads": 2}), ("resolver", {"timeout": "1s"})):
            other = {**config, "daemon": {**config["daemon"], key: value}}
            log = reload(server, other, NOT_TAKEN)
            assert re.search(rf"site\.json:\d+:\d+: /daemon/{key} has changed, which needs a restart", log), log
        equal(said(server), b"old")


def test_the_log_moves():
    with greeting() as (server, config):
        config["daemon"]["log"] = server.folder + "/log"
        config["daemon"]["log_level"] = "debug"
        write(server.config, json.dumps(config))
        server.process.send_signal(signal.SIGHUP)

        def logged():
            return open(server.folder + "/log", encoding="utf-8").read() if os.path.exists(server.folder + "/log") else ""

        wait_until(lambda: TAKEN in logged(), "the new log says it")
        os.kill(server.worker(), signal.SIGKILL)
        wait_until(lambda: "a worker died" in logged(), "the supervisor logs there")
        assert TAKEN not in server.log()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def test_reloads_leave_no_descriptor():
    with greeting() as (server, config):
        config["daemon"]["log"] = server.folder + "/log"
        write(server.config, json.dumps(config))

        def taken():
            path = server.folder + "/log"
            return open(path, encoding="utf-8").read().count(TAKEN) if os.path.exists(path) else 0

        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: taken() == 1, "it is taken")
        before = descriptors(server.process.pid), descriptors(server.worker())
        for i in range(2, 14):
            server.process.send_signal(signal.SIGHUP)
            wait_until(lambda: taken() == i, "it is taken")
        wait_until(lambda: (descriptors(server.process.pid), descriptors(server.worker())) == before, f"as before: {before}")


def test_what_only_root_may_read_and_bind_works_again():
    need(IS_ROOT and shutil.which("unshare") and shutil.which("ip"), "needs root, unshare and ip")
    with folder() as where:
        write(where + "/www/a.txt", "one")
        write(where + "/two/a.txt", "two")
        config = configuration({"documents": where + "/www"}, connection={"host": "127.0.0.1", "port": 80},
                               daemon={"pid_file": where + "/pid", "log": where + "/log"})
        program = for_nobody(where, config)
        write(where + "/site.json", json.dumps(config), 0o600)
        config["connection"] = [config["connection"], {"host": "127.0.0.1", "port": 81}]
        config["vhosts"]["documents"] = where + "/two"
        write(where + "/next.json", json.dumps(config), 0o600)
        script = (f"ip link set lo up; {program} --detach -c {where}/site.json && mv {where}/next.json {where}/site.json; "
                  f"kill -HUP $(cat {where}/pid); for i in $(seq 100); do grep -q 'read again' {where}/log && break; sleep 0.05; done; "
                  f"for port in 80 81; do exec 3<>/dev/tcp/127.0.0.1/$port; printf 'GET /a.txt HTTP/1.0\\r\\n\\r\\n' >&3; cat <&3; done; "
                  f"ps -o user= --ppid $(cat {where}/pid); kill $(cat {where}/pid)")
        done = subprocess.run(["unshare", "-n", "bash", "-c", script], capture_output=True, text=True, timeout=60, check=False)
        equal(done.stdout.count("\n\ntwo"), 2, done.stdout + done.stderr)
        contains(done.stdout, "nobody")


main()
