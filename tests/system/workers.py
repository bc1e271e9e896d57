# SPDX-License-Identifier: MIT
"""Several workers: each has its own sockets, all are one daemon."""
import collections
import os
import re
import signal
import subprocess
import time

from harness import *

COUNT = 3


def several(**more):
    return configuration({"modules": ["probe"]}, daemon={"workers": COUNT, **more})


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def requests_seen(server, connections):
    """How many requests each worker counts that answers one of so many connections."""
    return [server.get("/counts")[2].split()[1] for _ in range(connections)]


def test_all_workers_serve_when_the_daemon_says_that_it_does():
    with serving(several()) as server:
        equal(len(server.workers()), COUNT)
        seen = collections.Counter(requests_seen(server, 60))
        assert seen[b"1"] == COUNT, f"not all were the first of their worker: {seen}"


def test_a_second_daemon_cannot_share_their_port():
    with serving(several()) as server:
        for workers in (COUNT, 1):
            config = configuration({"modules": ["probe"]}, daemon={"workers": workers}, connection={"port": server.port})
            status, _, err = run("-c", write(server.folder + "/second.json", json.dumps(config)))
            equal(status, 1)
            contains(err, f"cannot listen on 127.0.0.1:{server.port}: Address already in use")


def test_several_workers_cannot_take_the_port_of_one():
    with serving(configuration({"modules": ["probe"]})) as server:
        config = configuration({"modules": ["probe"]}, daemon={"workers": COUNT}, connection={"port": server.port})
        status, _, err = run("-c", write(server.folder + "/second.json", json.dumps(config)))
        equal(status, 1)
        contains(err, "Address already in use")


def test_connections_to_a_dead_worker_are_served_by_the_next():
    with serving(several()) as server:
        for _ in range(5):
            os.kill(server.workers()[0], signal.SIGKILL)
            for _ in range(12):
                equal(server.get("/counts")[0], 200)
        wait_until(lambda: len(server.workers()) == COUNT, "all are there again")
        equal(server.log().count("a worker died: signal 9"), 5)


def test_a_unix_socket_is_shared():
    with folder() as where:
        config = several()
        config["connection"] = [config["connection"], {"unix": where + "/s"}]
        server = Server(where, config)
        before = server.workers()
        for pid in before[1:]:
            os.kill(pid, signal.SIGKILL)
        for _ in range(10):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(10)
                s.connect(where + "/s")
                s.sendall(request("/counts"))
                equal(read_response(s)[0], 200)
        server.stop()


def test_logs_are_opened_again_for_all():
    with folder() as where:
        write(where + "/www/a.txt", "a")
        config = several()
        config["vhosts"] = {"documents": where + "/www", "accesslog": where + "/access"}
        server = Server(where, config)
        os.rename(where + "/access", where + "/old")
        server.process.send_signal(signal.SIGUSR1)
        wait_until(lambda: os.path.exists(where + "/access"), "the new file")
        time.sleep(0.2)
        for _ in range(40):
            server.get("/a.txt")
        server.stop()
        with open(where + "/access", encoding="utf-8") as f:
            equal(len(f.readlines()), 40)
        equal(os.path.getsize(where + "/old"), 0)


def test_all_finish_what_they_are_at():
    with folder() as where:
        write(where + "/www/big", b"x" * (8 << 20))
        config = configuration({"documents": where + "/www"}, daemon={"workers": COUNT})
        server = Server(where, config)
        clients = [server.connect() for _ in range(8)]
        for s in clients:
            s.sendall(request("/big"))
            s.recv(100)
        server.process.send_signal(signal.SIGTERM)
        for s in clients:
            size = 0
            while part := s.recv(1 << 20):
                size += len(part)
            assert size >= (8 << 20), size
            s.close()
        equal(server.process.wait(20), 0)
        server.process.stdout.close()


def test_a_second_term_ends_all_at_once():
    with folder() as where:
        write(where + "/www/big", b"x" * (32 << 20))
        config = configuration({"documents": where + "/www"}, daemon={"workers": COUNT, "shutdown_timeout": "60s"})
        server = Server(where, config)
        clients = [server.connect() for _ in range(8)]
        for s in clients:
            s.sendall(request("/big"))
            s.recv(100)
        begin = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        time.sleep(0.2)
        server.process.send_signal(signal.SIGTERM)
        equal(server.process.wait(20), 0)
        assert time.monotonic() - begin < 8, "it has waited"
        for s in clients:
            s.close()
        server.process.stdout.close()


def test_the_start_fails_when_one_worker_cannot_start():
    with folder() as where:
        module_with(where, "bad", "open", f'if (access("{where}/first", F_OK) < 0) {{ fclose(fopen("{where}/first", "w")); '
                                          "return 0; } abort();")
        config = configuration({"modules": ["bad"], "bad": {"text": "hi"}}, daemon={"workers": COUNT, "module_path": [where]})
        status, out, err = run("-c", write(where + "/site.json", json.dumps(config)),
                               env={**os.environ, "ASAN_OPTIONS": "handle_abort=0"})
    equal((status, out), (1, ""))
    assert re.search(r'a worker died: signal 6 .*module "bad" in its open\(\)', err), err


main()
