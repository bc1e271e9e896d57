# SPDX-License-Identifier: MIT
"""Another image of the program takes over at SIGUSR2: same process, same sockets, no connection lost."""
import contextlib
import os
import re
import signal
import threading
import time

from harness import *

SERVES = "the new image serves"


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.02)


@contextlib.contextmanager
def of_own_image(**daemon):
    """A daemon whose program is a copy, which can be exchanged."""
    with folder() as where:
        write(where + "/bin/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        compile_module(where, "hello", hello())
        config = configuration({"modules": ["hello"], "hello": {"text": "old"}},
                               daemon={"pid_file": where + "/pid", "module_path": [where, *MODULES], **daemon})
        server = Server(where, config, program=where + "/bin/multiplexd")
        server.folder = where
        try:
            yield server, config
        finally:
            server.stop()


def put_image(server, content):
    """A new file in the place of the old one, as packages do it."""
    write(server.folder + "/bin/new", content, 0o755)
    os.rename(server.folder + "/bin/new", server.folder + "/bin/multiplexd")


def upgrade(server):
    before, elders = server.log().count(SERVES), server.workers()
    put_image(server, open(PROGRAM, "rb").read())
    server.process.send_signal(signal.SIGUSR2)
    wait_until(lambda: server.log().count(SERVES) > before, lambda: "no new image: " + server.log())
    wait_until(lambda: not set(elders) & set(server.workers()), "the workers before have ended")


def image_of(pid):
    return os.stat(f"/proc/{pid}/exe").st_ino


def said(server):
    return server.get("/hello")[2]


def test_the_new_image_runs_in_the_same_process():
    with of_own_image(workers=2) as (server, _):
        before = image_of(server.process.pid)
        upgrade(server)
        assert image_of(server.process.pid) != before
        equal(image_of(server.process.pid), os.stat(server.folder + "/bin/multiplexd").st_ino)
        equal({image_of(pid) for pid in server.workers()}, {image_of(server.process.pid)})
        equal(len(server.workers()), 2)
        equal(open(server.folder + "/pid", encoding="ascii").read(), f"{server.process.pid}\n")
        equal(said(server), b"old")


def test_the_pid_file_stays_locked_and_is_removed_in_the_end():
    with of_own_image() as (server, _):
        upgrade(server)
        status, _, err = run("-c", server.config)
        equal(status, 1)
        contains(err, "another one is running: it holds the pid file")
        path = server.folder + "/pid"
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(20)
        assert not os.path.exists(path)


def test_new_code_of_modules_is_used_and_the_configuration_is_read_again():
    with of_own_image() as (server, config):
        os.mkdir(server.folder + "/next")
        compile_module(server.folder + "/next", "hello", hello().replace("text/plain", "text/new"))
        os.rename(server.folder + "/next/hello.so", server.folder + "/hello.so")
        config["vhosts"]["hello"]["text"] = "new"
        write(server.config, json.dumps(config))
        upgrade(server)
        status, fields, body = server.get("/hello")
        equal((status, fields["content-type"], body), (200, "text/new", b"new"))


def test_idle_connections_go_to_the_new_workers():
    with of_own_image(workers=2) as (server, _):
        clients = [server.connect() for _ in range(20)]
        for s in clients:
            s.sendall(request("/hello"))
            equal(read_response(s)[0], 200)
        for _ in range(2):
            upgrade(server)
            for s in clients:
                s.sendall(request("/hello"))
                status, fields, _ = read_response(s)
                equal((status, fields.get("connection")), (200, None))
        for s in clients:
            s.close()


def test_no_request_is_lost_while_images_change():
    with of_own_image(workers=2) as (server, _):
        failed, answered, over = [], [0] * 4, threading.Event()

        def client(i):
            try:
                s = server.connect()
                while not over.is_set():
                    s.sendall(request("/hello"))
                    status, fields, _ = read_response(s)
                    answered[i] += status == 200
                    if fields.get("connection") == "close":
                        s.close()
                        s = server.connect()
                s.close()
            except (OSError, AssertionError) as why:
                failed.append(why)

        threads = [threading.Thread(target=client, args=(i,)) for i in range(4)]
        for t in threads:
            t.start()
        for _ in range(3):
            time.sleep(0.2)
            upgrade(server)
        over.set()
        for t in threads:
            t.join()
        equal(failed, [])
        assert min(answered) > 20, answered


def test_an_answer_under_way_is_finished():
    with folder() as where:
        write(where + "/bin/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        write(where + "/www/big", b"x" * (16 << 20))
        server = Server(where, configuration({"documents": where + "/www"}), program=where + "/bin/multiplexd")
        server.folder = where
        with server.connect() as s:
            s.sendall(request("/big"))
            buffer = bytearray(s.recv(1000))
            before = server.log().count(SERVES)
            server.process.send_signal(signal.SIGUSR2)
            wait_until(lambda: server.log().count(SERVES) > before, "the new image serves")
            equal(server.get("/big", method="HEAD")[0], 200)
            equal(len(read_response(s, buffer=buffer)[2]), 16 << 20)
        server.stop()


def test_unix_sockets_stay():
    with folder() as where:
        write(where + "/bin/multiplexd", open(PROGRAM, "rb").read(), 0o755)
        write(where + "/www/a", "a")
        config = configuration({"documents": where + "/www"})
        config["connection"] = [config["connection"], {"unix": where + "/s"}]
        server = Server(where, config, program=where + "/bin/multiplexd")
        server.folder = where
        made = os.stat(where + "/s").st_ino
        upgrade(server)
        equal(os.stat(where + "/s").st_ino, made)
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(where + "/s")
            s.sendall(request("/a"))
            equal(read_response(s)[0], 200)
        server.stop()
        assert not os.path.exists(where + "/s")


def not_taken(server, says):
    before, workers = image_of(server.process.pid), server.workers()
    server.process.send_signal(signal.SIGUSR2)
    server.wait_for_log("this one goes on serving")
    contains(server.log(), says)
    equal(image_of(server.process.pid), before)
    equal(server.workers(), workers)
    equal(said(server), b"old")


def test_an_image_that_fails_its_test_is_not_taken():
    with of_own_image() as (server, _):
        put_image(server, "#!/bin/sh\necho the reason >&2\nexit 3\n")
        not_taken(server, "the reason")
        contains(server.log(), "its --test ended with exit status 3")


def test_an_image_that_cannot_be_executed_is_not_taken():
    with of_own_image() as (server, _):
        os.remove(server.folder + "/bin/multiplexd")
        not_taken(server, "cannot execute")


def test_a_configuration_that_is_wrong_holds_the_image_up():
    with of_own_image() as (server, config):
        write(server.config, json.dumps({**config, "nonsense": 1}))
        not_taken(server, 'unknown key "nonsense"')


def test_reloads_and_deaths_go_on_behind_it():
    with of_own_image(workers=2) as (server, config):
        upgrade(server)
        config["vhosts"]["hello"]["text"] = "new"
        write(server.config, json.dumps(config))
        server.process.send_signal(signal.SIGHUP)
        server.wait_for_log("configuration read again")
        equal({said(server) for _ in range(10)}, {b"new"})
        for pid in server.workers():
            os.kill(pid, signal.SIGKILL)
        equal({said(server) for _ in range(10)}, {b"new"})


def test_descriptors_are_as_many_as_before():
    with of_own_image(workers=2) as (server, _):
        counts = []
        for _ in range(4):
            upgrade(server)
            counts.append(len(os.listdir(f"/proc/{server.process.pid}/fd")))
        equal(len(set(counts[1:])), 1, str(counts))


main()
