# SPDX-License-Identifier: MIT
"""More clients than there is room for: of one address, of all, slow ones; each is told or waits, none for ever."""
import contextlib
import os
import resource
import select
import socket
import struct
import threading
import time

from harness import *

FILES = 96  # descriptors; some of them are kept for files


def probe(**connection):
    return configuration({"modules": ["probe"]}, connection=connection)


@contextlib.contextmanager
def narrow(config, files=FILES):
    """A daemon with few descriptors."""
    with serving(config, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))) as server:
        yield server


def all_of(s, seconds=10):
    """What comes until the end."""
    s.settimeout(seconds)
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def busy(server):
    """A connection that holds a place: its request is not answered for a minute."""
    s = server.connect()
    s.sendall(request("/sleep-long"))
    return s


def fill(server):
    """Busy connections, as many as there is room for."""
    made, worker = [], server.worker()
    while True:
        before = descriptors(worker)
        made.append(busy(server))
        end = time.monotonic() + 5
        while descriptors(worker) == before:
            if select.select([made[-1]], [], [], 0.01)[0]:
                contains(made.pop().recv(100), b"HTTP/1.1 503 ")
                time.sleep(0.2)
                return made
            assert time.monotonic() < end, "it is not accepted"


def reset(s):
    """Leaves so that the server notices: to close one's half alone is not leaving."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    s.close()


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def cpu(pid):
    """Seconds of processor time that the process has used."""
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def close_all(connections):
    for s in connections:
        reset(s)


def test_idle_connections_go_first_the_oldest_of_all_listeners():
    config = probe()
    config["connection"] = [config["connection"], {**config["connection"], "host": "127.0.0.2"}]
    with narrow(config) as server:
        other = int(server.ready.split("127.0.0.2:")[1].split("/")[0])
        idle = []
        for i in range(200):  # more than there are descriptors, on two listeners in turn
            s = server.connect() if i % 2 == 0 else socket.create_connection(("127.0.0.2", other), 10)
            s.sendall(request("/counts"))
            equal(read_response(s)[0], 200, f"client {i}")
            idle.append(s)
            time.sleep(0.002)  # the worker's clock tells who was first
        closed = [bool(select.select([s], [], [], 0)[0]) for s in idle]
        first_open = closed.index(False)
        equal(any(closed[first_open:]), False, "one was closed that was idle for less time than another")
        assert 100 < first_open < 200, first_open
        for s in idle[first_open:]:
            s.sendall(request("/counts"))
            equal(read_response(s)[0], 200, "those that are left are served")
        server.wait_for_log("cannot accept a connection: Too many open files")
        contains(server.log(), "idle ones were closed, 0 clients were answered 503: raise the limit of descriptors (ulimit -n, LimitNOFILE)")
        equal(server.log().count("cannot accept"), 1, "one warning in ten seconds")
        close_all(idle)


def test_files_are_served_while_idle_connections_give_way():
    with folder() as www, narrow(configuration({"documents": www})) as server:
        idle = []
        for i in range(300):  # each asks for a file that is not open yet
            write(f"{www}/{i}.bin", b"x" * 70000)
            idle.append(server.connect())
            idle[-1].sendall(request(f"/{i}.bin"))
            equal(read_response(idle[-1])[0], 200, f"client {i}")
        close_all(idle)


def check_that_all_are_told(server):
    begin = time.monotonic()
    waiting = [server.connect() for _ in range(20)]
    for s in waiting:
        s.sendall(request("/counts"))
    told = [all_of(s) for s in waiting]
    took = time.monotonic() - begin
    for answer in told:
        assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n"), answer
        contains(answer, b"\r\nRetry-After: 1\r\n")
        contains(answer, b"\r\nConnection: close\r\n")
        assert answer.endswith(b"\r\n\r\n503 Service Unavailable\n"), answer
    print(f"# 20 clients were told within {took:.2f} s")
    assert 1.0 < took < 10, "one every tenth of a second, so that it is no busy loop"
    close_all(waiting)


def test_who_finds_no_room_is_told_or_waits():
    with narrow(probe()) as server:
        held = fill(server)
        check_that_all_are_told(server)
        close_all(held)


def test_so_it_is_when_not_one_descriptor_is_left():
    with narrow(probe()) as server:
        held = fill(server)
        full = descriptors(server.worker())
        resource.prlimit(server.worker(), resource.RLIMIT_NOFILE, (full, full))  # the worker does not know
        check_that_all_are_told(server)
        close_all(held)
        end = time.monotonic() + 5
        while descriptors(server.worker()) > full - 10:
            assert time.monotonic() < end
            time.sleep(0.02)
        idle = []
        for _ in range(2 * FILES):
            idle.append(server.connect())
            idle[-1].sendall(request("/counts"))
            equal(read_response(idle[-1])[0], 200, "idle ones give way")
        close_all(idle)


def test_a_place_that_becomes_free_is_taken_at_once():
    with narrow(probe()) as server:
        held, times = fill(server), []
        for _ in range(10):
            reset(held.pop(0))
            begin = time.monotonic()
            while True:  # the worker has to notice first; who comes before that may be told 503
                with server.connect() as s:
                    s.sendall(request("/counts"))
                    if read_response(s)[0] == 200:
                        break
            times.append(time.monotonic() - begin)
            held.append(busy(server))
            time.sleep(0.15)
        print(f"# let in within {sorted(times)[len(times) // 2] * 1000:.0f} ms, at most {max(times) * 1000:.0f} ms")
        assert sorted(times)[len(times) // 2] < 0.15, times
        close_all(held)


def test_a_full_worker_does_not_spin():
    with narrow(probe(limits={"connections": 10000})) as server:
        held = fill(server)
        waiting = [server.connect() for _ in range(50)]
        worker = server.worker()
        before, begin = cpu(worker), time.monotonic()
        time.sleep(3)
        used = (cpu(worker) - before) / (time.monotonic() - begin)
        print(f"# {used * 100:.1f} % of a processor while full, with clients waiting")
        assert used < 0.05 * (4 if SANITIZERS else 1), used
        close_all(held + waiting)
        end = time.monotonic() + 5
        while True:
            try:
                if server.get("/counts")[0] == 200:
                    break
            except (AssertionError, OSError):
                pass
            assert time.monotonic() < end, "it does not recover"


def test_a_full_worker_without_clients_waiting_does_nothing():
    with narrow(probe()) as server:
        held = fill(server)
        close_all(held)
    with narrow(probe()) as server:
        idle = []
        for _ in held[2:]:  # nearly as many as there may be: what else is open may vary by one
            s = server.connect()
            s.sendall(request("/counts"))
            equal(read_response(s)[0], 200)
            idle.append(s)
        time.sleep(0.5)
        equal([s for s in idle if select.select([s], [], [], 0)[0]], [], "nobody was closed for nobody")
        equal(server.log().count("cannot accept"), 0)
        close_all(idle)


def test_an_address_may_have_so_many_connections():
    with serving(probe(limits={"per_address": 3}, host="*")) as server:
        port = server.port
        mine = [server.connect() for _ in range(3)]
        for s in mine:
            s.sendall(request("/counts"))
            equal(read_response(s)[0], 200)
        for _ in range(3):
            with server.connect() as s:
                s.sendall(request("/counts"))
                answer = all_of(s)
                assert answer.startswith(b"HTTP/1.1 503 "), answer
                contains(answer, b"\r\nRetry-After: 1\r\n")
                contains(answer, b"\r\nConnection: close\r\n")
        with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.9", 0)) as other:
            other.sendall(request("/counts"))
            equal(read_response(other)[0], 200, "another address")
        mine.pop().close()
        end = time.monotonic() + 5
        while server.get("/counts")[0] != 200:
            assert time.monotonic() < end
            time.sleep(0.02)
        server.wait_for_log("127.0.0.1 has 3 connections, as many as limits.per_address allows: more are answered 503")
        equal(server.log().count("per_address"), 1, "one warning in ten seconds")
        close_all(mine)


def test_one_address_cannot_use_up_the_places_of_others():
    with serving(probe(limits={"per_address": 2, "connections": 4})) as server:
        greedy = [server.connect() for _ in range(100)]
        time.sleep(0.2)
        with socket.create_connection(("127.0.0.1", server.port), 10, ("127.0.0.9", 0)) as other:
            other.sendall(request("/counts"))
            equal(read_response(other)[0], 200)
        close_all(greedy)


def test_slow_clients_are_ended_and_others_are_not():
    connection = {"min_rate": 2000, "timeouts": {"body": "60s", "send": "60s"}, "sndbuf": 16384}
    with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]}, connection=connection)) as server:
        write(www + "/large.bin", b"x" * (4 << 20))
        outcome = {}

        def upload(name, each):
            with server.connect(30) as s:
                begin = time.monotonic()
                s.sendall(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n")
                try:
                    for _ in range(60000 // each):
                        s.sendall(b"x" * each)
                        if select.select([s], [], [], 0.25)[0]:
                            break
                except ConnectionError:
                    pass
                outcome[name] = read_response(s)[0], time.monotonic() - begin

        def download(name, each, path):
            with socket.socket() as s:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
                s.settimeout(30)
                s.connect(("127.0.0.1", server.port))
                s.sendall(request(path))
                got, begin = 0, time.monotonic()
                ended = select.poll()  # what lies in our own socket could still be read
                ended.register(s, 0)
                while time.monotonic() - begin < 20 and not ended.poll(0):
                    got += len(s.recv(each))
                    time.sleep(0.25)
                outcome[name] = "cut" if ended.poll(0) else "alive", time.monotonic() - begin

        threads = [threading.Thread(target=upload, args=("slow upload", 100)), threading.Thread(target=upload, args=("upload", 1500)),
                   threading.Thread(target=download, args=("slow download", 50, "/large.bin")),
                   threading.Thread(target=download, args=("slow stream", 50, "/stream")),
                   threading.Thread(target=download, args=("download", 4000, "/large.bin"))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        print(f"# {outcome}")
        equal({name: what for name, (what, _) in outcome.items()},
              {"slow upload": 408, "upload": 200, "slow download": "cut", "slow stream": "cut", "download": "alive"})
        for name in ("slow upload", "slow download", "slow stream"):
            assert 9 < outcome[name][1] < 19, outcome  # the grace and a little


main()
