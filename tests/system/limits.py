# SPDX-License-Identifier: MIT
"""Time-outs, limits, and clients that misbehave: each costs itself alone."""
import os
import signal
import socket
import threading
import time

from harness import *

SHORT = {"timeouts": {"header": "1s", "body": "1s", "keepalive": "1s", "send": "1s"}}


def probe(**connection):
    return configuration({"modules": ["probe"]}, {"shutdown_timeout": "1s"}, connection)


def ends_within(s, seconds):
    """What comes until the end, and when that was."""
    s.settimeout(seconds)
    begin, got = time.monotonic(), b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got, time.monotonic() - begin


def test_a_header_that_does_not_end_is_408():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n")
        for _ in range(8):  # bytes now and then do not help
            time.sleep(0.2)
            s.sendall(b"X: y\r\n")
        got, _ = ends_within(s, 5)
        assert got.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), got


def test_a_connection_that_says_nothing_is_closed():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        got, after = ends_within(s, 5)
        equal(got, b"")
        assert 0.5 < after < 3.5, after


def test_a_body_that_stops_is_408():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.sendall(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc")
        got, _ = ends_within(s, 6)
        assert got.startswith(b"HTTP/1.1 408 Request Timeout\r\n"), got


def test_a_body_that_trickles_is_read():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.sendall(b"POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\n")
        for c in b"abcdef":
            time.sleep(0.4)
            s.sendall(bytes([c]))
        equal(read_response(s)[2], b"abcdef")


def test_an_idle_connection_is_closed():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.sendall(request("/counts"))
        read_response(s)
        got, after = ends_within(s, 5)
        equal(got, b"")
        assert 0.5 < after < 3.5, after


def test_a_client_that_takes_nothing_is_cut():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(64):
            try:
                s.sendall(request("/stream"))
            except (ConnectionError, TimeoutError):
                break
        end = time.monotonic() + 8
        while server.get("/counts")[2].count(b"ended 0"):
            assert time.monotonic() < end
            time.sleep(0.1)


def test_a_client_that_takes_slowly_is_served():
    with folder() as www, serving(configuration({"documents": www}, connection=SHORT)) as server:
        write(www + "/large.bin", b"x" * (8 << 20))
        with server.connect() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(request("/large.bin"))
            for _ in range(12):  # less in all than the sockets hold, for longer than the time-out
                time.sleep(0.4)
                assert s.recv(65536), "it was cut"
            got = 0
            while got < 6 << 20:
                part = s.recv(1 << 20)
                assert part, "it was cut"
                got += len(part)


def begun_by(server, pipeline):
    """How many requests of a pipeline begin while the client reads no answer."""
    with server.connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.settimeout(0.5)
        try:
            s.sendall(pipeline)
        except TimeoutError:
            pass
        time.sleep(0.5)
        return int(server.get("/counts")[2].split()[1]) - 1


def test_answers_that_are_not_taken_hold_up_the_requests_behind_them():
    with serving(probe(sndbuf="64k")) as server:
        begun = begun_by(server, request("/big") * 32)
        assert begun < 16, begun


def test_bodies_whose_answers_are_not_taken_hold_up_the_requests_behind_them():
    with folder() as www, serving(configuration({"documents": www, "modules": ["probe", "static"]},
                                                connection={"sndbuf": "64k"})) as server:
        write(www + "/large.bin", b"x" * (8 << 20))
        upload = request("/body-where", "POST", body=b"x" * 60000)
        begun = begun_by(server, request("/large.bin") + upload * 24)
        assert begun < 8, begun


def test_an_answer_that_breaks_off_takes_none_before_it_with_it():
    with serving(probe()) as server, socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        s.connect(("127.0.0.1", server.port))
        s.settimeout(10)
        s.sendall(request("/big") + request("/range/short"))
        server.wait_for_log("promised a Content-Length")
        time.sleep(0.2)
        buffer = bytearray()
        status, _, body = read_response(s, buffer=buffer)
        equal((status, len(body)), (200, 1 << 18))
        try:
            read_response(s, buffer=buffer)
            raise AssertionError("it is whole")
        except AssertionError as why:
            contains(str(why), "the connection ended after 36 of 37 bytes")


def test_a_module_may_take_longer_than_any_time_out():
    with serving(probe(**SHORT)) as server, server.connect() as s:
        s.sendall(request("/sleep-long"))
        time.sleep(2.6)
        s.setblocking(False)
        try:
            equal(s.recv(1), None, "nothing must come")
        except BlockingIOError:
            pass


def test_connections_over_the_limit_wait_their_turn():
    with serving(probe(limits={"connections": 2})) as server:
        first, second = server.connect(), server.connect()
        for s in (first, second):
            s.sendall(request("/counts"))
            equal(read_response(s)[0], 200)
        third = server.connect()
        third.sendall(request("/counts"))
        third.settimeout(0.3)
        try:
            third.recv(1)
            raise AssertionError("it was answered")
        except TimeoutError:
            pass
        first.close()
        third.settimeout(5)
        equal(read_response(third)[0], 200)
        second.close()
        third.close()


def test_requests_on_a_connection_are_limited():
    with serving(probe(limits={"requests": 3})) as server, server.connect() as s:
        s.sendall(request("/counts") * 5)
        buffer = bytearray()
        for i in range(3):
            status, fields, _ = read_response(s, buffer=buffer)
            equal((status, fields.get("connection")), (200, "close" if i == 2 else None))
        equal(s.recv(1), b"")


def test_a_client_may_close_its_half_and_wait():
    with serving(probe()) as server, server.connect() as s:
        s.sendall(request("/offload"))
        s.shutdown(socket.SHUT_WR)
        equal(read_response(s)[2], b"42")
        equal(s.recv(1), b"")


def test_a_client_that_resets_is_forgotten():
    with serving(probe()) as server:
        for path in ("/sleep-long", "/fd", "/ticket", "/offload", "/watch", "/stream"):
            with server.connect() as s:
                s.sendall(request(path))
                time.sleep(0.05)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        end = time.monotonic() + 5
        while b"requests 7 ended 6" not in server.get("/counts")[2].replace(b"requests 8 ended 7", b"requests 7 ended 6"):
            counts = server.get("/counts")[2].split()
            if int(counts[1]) - int(counts[3]) == 1:
                break
            assert time.monotonic() < end, counts
            time.sleep(0.05)


def test_a_client_that_resets_before_it_is_read_is_forgotten():
    with serving(probe()) as server:
        worker = server.worker()
        server.get("/counts")
        os.kill(worker, signal.SIGSTOP)
        with server.connect() as s:
            s.sendall(request("/sleep-long"))
            time.sleep(0.05)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        os.kill(worker, signal.SIGCONT)
        end = time.monotonic() + 5
        while True:  # this request alone has begun and not ended
            counts = server.get("/counts")[2].split()
            if int(counts[1]) >= 3 and int(counts[1]) - int(counts[3]) == 1:
                break
            assert time.monotonic() < end, counts
            time.sleep(0.05)


def test_a_wait_in_one_connection_holds_up_no_other():
    with serving(probe()) as server:
        waiting = [server.connect() for _ in range(50)]
        for s in waiting:
            s.sendall(request("/sleep-long"))
        begin = time.monotonic()
        for _ in range(20):
            equal(server.get("/counts")[0], 200)
        assert time.monotonic() - begin < 2
        for s in waiting:
            s.close()


def test_descriptors_that_run_out_are_no_end():
    import resource
    with folder() as where:
        write(where + "/www/a.txt", "a")
        server = Server(where, configuration({"documents": where + "/www"}, connection={"limits": {"connections": 1000}}),
                        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64)))
        contains(server.log(), "limits.connections ask for")
        many = [server.connect() for _ in range(100)]
        server.wait_for_log("cannot accept a connection: Too many open files")
        for s in many:
            s.close()
        time.sleep(0.3)
        equal(server.get("/a.txt")[2], b"a")
        server.stop()


def test_fifty_thousand_bytes_of_noise_are_refused():
    with serving(probe()) as server:
        for noise in (os.urandom(50000), b"\r\n" * 25000, b"A" * 50000, b"GET / HTTP/1.1\r\n" * 3000):
            with server.connect() as s:
                try:
                    s.sendall(noise)
                except ConnectionError:
                    pass
                got, _ = ends_within(s, 8)
                assert got == b"" or got.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), got[:100]
        equal(server.get("/counts")[0], 200)


main()
