# SPDX-License-Identifier: MIT
"""Supervisor and worker: users, stops, deaths."""
import os
import signal
import stat
import subprocess
import threading
import time

from harness import *


def status_of(pid):
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def test_the_worker_has_given_up_root_for_good():
    need(IS_ROOT, "needs root")
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www"})
        for_nobody(where, config)
        server = Server(where, config)
        contains(server.ready, "as user nobody")
        for name in ("Uid", "Gid"):
            equal(len(set(status_of(server.worker())[name].split())), 1, name)
        found = status_of(server.worker())
        equal(found["Uid"].split()[0], str(pwd_uid("nobody")))
        equal(found["CapEff"].strip("0"), "", "capabilities")
        equal(found["CapPrm"].strip("0"), "", "capabilities")
        equal(found["NoNewPrivs"], "1")
        assert "0" not in found["Groups"].split(), found["Groups"]
        equal(server.get("/a.txt")[2], b"a")
        server.stop()


def pwd_uid(name):
    import pwd
    return pwd.getpwnam(name).pw_uid


def test_a_folder_that_is_not_roots_is_served_as_its_owner():
    need(IS_ROOT, "needs root")
    with folder() as where:
        for module in ("static.so",):
            write(where + "/modules/.libs/" + module, open(MODULES[0] + "/" + module, "rb").read(), 0o755)
        write(where + "/config.status", "")
        copy = write(where + "/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        www = where + "/www"
        write(www + "/index.html", "mine")
        for owner, name in ((pwd_uid("daemon"), "daemon"), (0, "nobody")):
            os.chown(www, owner, owner)
            p = subprocess.Popen([copy, "-p", "0", www], stdout=subprocess.PIPE)
            contains(p.stdout.readline().decode(), f"as user {name}\n")
            p.terminate()
            equal(p.wait(20), 0)
            p.stdout.close()


def test_the_log_is_opened_with_the_daemons_rights():
    need(IS_ROOT, "needs root")
    with folder() as where:
        os.mkdir(where + "/logs", 0o700)
        write(where + "/www/a.txt", "a")
        config = configuration({"documents": where + "/www", "accesslog": "logs/access.log"}, daemon={"log": "logs/error.log"})
        for_nobody(where, config)
        server = Server(where, config)
        server.get("/a.txt")
        server.stop()
        contains(open(where + "/logs/access.log").read(), '"GET /a.txt HTTP/1.1" 200 1')
        equal(stat.S_IMODE(os.stat(where + "/logs/access.log").st_mode), 0o640)


def test_a_thread_that_hangs_does_not_keep_a_stop():
    for workers in (0, 1):
        with folder() as where:
            config = configuration({"modules": ["evil"]}, daemon={"shutdown_timeout": "200ms", "workers": workers})
            server = Server(where, config)
            with server.connect() as s:
                s.sendall(request("/hang-a-thread"))
                time.sleep(0.3)
                start = time.monotonic()
                server.stop()
                assert time.monotonic() - start < 15, "it waited for the thread"
            contains(server.log(), "threads were still at work")
            assert "Sanitizer" not in server.log(), server.log()


def test_a_second_signal_ends_a_stop_at_once():
    with serving(configuration({"modules": ["evil"]}, daemon={"workers": 0})) as server:
        with server.connect() as s:
            s.sendall(request("/hang-a-thread"))
            time.sleep(0.3)
            start = time.monotonic()
            for _ in range(3):
                server.process.send_signal(signal.SIGTERM)
                time.sleep(0.2)
            equal(server.process.wait(10), 0)
            assert time.monotonic() - start < 3, "it waited"
        server.process.stdout.close()


def test_a_stop_waits_for_answers_under_way():
    with serving(configuration({"modules": ["probe"]})) as server:
        with server.connect() as idle, server.connect() as busy:
            idle.sendall(request("/counts"))
            read_response(idle)
            busy.sendall(request("/offload"))
            time.sleep(0.005)
            server.process.send_signal(signal.SIGTERM)
            status, fields, body = read_response(busy)
            equal((status, body), (200, b"42"))
            equal(fields.get("connection"), "close")
            equal(idle.recv(1), b"", "an idle connection is closed")
        equal(server.process.wait(10), 0)


def test_nobody_can_connect_while_it_stops():
    with serving(configuration({"modules": ["probe"]}, daemon={"shutdown_timeout": "30s"})) as server:
        with server.connect() as busy:
            busy.sendall(request("/sleep-long"))
            time.sleep(0.1)
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            try:
                server.connect(2).close()
                raise AssertionError("somebody still listens")
            except ConnectionRefusedError:
                pass
            server.process.send_signal(signal.SIGTERM)
            equal(server.process.wait(5), 0, "the second signal ends it now")


def test_a_stop_is_bounded():
    with serving(configuration({"modules": ["probe"]}, daemon={"shutdown_timeout": "300ms"})) as server:
        with server.connect() as busy:
            busy.sendall(request("/sleep-long"))
            time.sleep(0.1)
            begin = time.monotonic()
            server.process.send_signal(signal.SIGINT)
            equal(server.process.wait(10), 0)
            assert time.monotonic() - begin < 5
        contains(server.log(), "stopped with 1 connections open")


def test_a_worker_that_is_killed_is_replaced():
    with serving(configuration({"modules": ["probe"]})) as server:
        for _ in range(3):
            before = server.worker()
            os.kill(before, signal.SIGKILL)
            equal(server.get("/counts")[0], 200)
            assert server.worker() != before
        contains(server.log(), "a worker died: signal 9 (Killed); starting another")


def test_a_module_that_crashes_is_named():
    # a sanitizer would make an exit of the crash
    env = {**os.environ, "ASAN_OPTIONS": "handle_segv=0:handle_abort=0"}
    with serving(configuration({"modules": ["evil"]}), env=env) as server:
        with server.connect() as s:
            s.sendall(request("/crash"))
            equal(s.recv(1), b"", "the connection ends")
        server.wait_for_log('module "evil" in its CONTENT hook, virtual host "default", request ')
        contains(server.log(), "a worker died: signal 11 (Segmentation fault) at ")
        equal(server.get("/no-such-deed")[0], 404, "the next worker answers")


def test_the_worker_ends_when_its_supervisor_is_killed():
    with serving(configuration({"modules": ["probe"]})) as server:
        worker = server.worker()
        server.process.kill()
        server.process.wait()
        end = time.monotonic() + 5
        while os.path.exists(f"/proc/{worker}") and status_of(worker)["State"][0] != "Z":
            assert time.monotonic() < end, "the worker lives on"
            time.sleep(0.02)


def test_one_process_serves_where_workers_is_0():
    with serving(configuration({"modules": ["probe"]}, daemon={"workers": 0})) as server:
        equal(server.get("/sleep")[2], b"done")
        equal(subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True).stdout, b"")


def test_a_pid_file_is_held_and_removed():
    with folder() as where:
        path = where + "/pid"
        config = configuration({"modules": ["probe"]}, daemon={"pid_file": path})
        server = Server(where, config)
        equal(open(path).read(), f"{server.process.pid}\n")
        os.mkdir(where + "/other")
        status, _, err = run("-c", write(where + "/other/site.json", open(server.config).read()))
        equal(status, 1)
        contains(err, "another one is running: it holds the pid file")
        server.stop()
        assert not os.path.exists(path)


def test_a_module_that_refuses_to_open_ends_the_start_with_1():
    with folder() as where:
        file = write(where + "/site.json", json_of(configuration(
            {"documents": where, "accesslog": "/proc/no-such-log"})))
        status, out, err = run("-c", file)
    equal((status, out), (1, ""))
    contains(err, '/vhosts/0/accesslog: cannot open "/proc/no-such-log": No such file or directory')


def json_of(config):
    import json
    return json.dumps(config)


main()
