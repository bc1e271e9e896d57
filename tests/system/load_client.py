# SPDX-License-Identifier: MIT
"""The clients that others are measured by (tests/load) see each way in which an answer can break: told by servers that
break it so."""
import contextlib
import socket
import struct
import threading
import time

from harness import *
from load import Load

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


@contextlib.contextmanager
def server(answer):
    """A port on which each request is met by answer(connection), until that returns False."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve(c):
        with c, contextlib.suppress(OSError):
            while c.recv(65536) and answer(c) is not False:
                pass

    def accept():
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listener.getsockname()[1]
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def what_is_seen(answer, requests=1, target=None, **options):
    with folder() as where, server(answer) as port:
        target = {"path": "/", "file": write(where + "/expected", "hello"), **(target or {})}
        return Load(port, [target], where, c=1, n=requests, **options).result()


def broken_as(result, kind, count=1):
    found = {k: n for k, n in result["broken"].items() if n and k != "total"}
    equal(found, {kind: count}, str(result["breaks"]))


def closes(c):
    return False


def resets(c):
    c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def says(*parts, then=True):
    def answer(c):
        for part in parts:
            c.sendall(part)
            time.sleep(0.002 if len(parts) > 1 else 0)
        return then
    return answer


def test_a_port_without_a_server_is_refused():
    with folder() as where, socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        result = Load(s.getsockname()[1], [{"path": "/"}], where, c=1, n=2).result()
    broken_as(result, "refused", 2)


def test_a_close_instead_of_an_answer_is_closed():
    broken_as(what_is_seen(closes, requests=3), "closed", 3)


def test_a_reset_instead_of_an_answer_is_reset():
    broken_as(what_is_seen(resets), "reset")


def test_half_an_answer_is_short():
    for half in (OK[:3], OK[:-1], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"):
        broken_as(what_is_seen(says(half, then=False)), "short")


def test_an_answer_that_is_not_the_expected_one_is_wrong():
    for text in (OK.replace(b"200", b"503"), OK.replace(b"hello", b"jello"), OK.replace(b"5", b"4"), OK + b"!",
                 OK.replace(b"5\r", b"6\r") + b"!", b"SSH-2.0\r\n\r\n",
                 b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n"):
        broken_as(what_is_seen(says(text)), "wrong")


def test_an_answer_that_does_not_come_is_late():
    broken_as(what_is_seen(lambda c: True, w=100), "late")


def test_answers_in_all_framings_and_pieces_are_read():
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nA: b\r\n\r\n"
    for text in (OK, chunked, b"HTTP/1.1 100 Continue\r\n\r\n" + OK):
        for parts in ([text], [text[i:i + 1] for i in range(len(text))]):
            equal(what_is_seen(says(*parts), requests=3)["ok"], 3, str(parts))
    equal(what_is_seen(says(b"HTTP/1.1 200 OK\r\n\r\nhello", then=False), requests=2)["ok"], 2, "to the end")
    equal(what_is_seen(says(OK[:-5]), target={"method": "HEAD"})["ok"], 1, "HEAD")


def test_an_end_that_was_told_or_comes_between_two_requests_breaks_nothing():
    result = what_is_seen(says(OK.replace(b"\r\n\r", b"\r\nConnection: close\r\n\r"), then=False), requests=3)
    equal((result["ok"], result["broken"]["total"], result["closed_told"], result["reconnects"]), (3, 0, 3, 2))
    result = what_is_seen(says(OK, then=False), requests=3, i=50)
    equal((result["ok"], result["broken"]["total"], result["reconnects"]), (3, 0, 2))
    assert result["closed_idle"] >= 2, result


def test_clients_that_leave_are_counted_as_such():
    result = what_is_seen(says(OK[:20]), requests=4, target={"leave": 10})
    equal((result["left"], result["ok"], result["broken"]["total"]), (4, 0, 0))


def test_the_longest_wait_and_the_rate_are_those_that_were_had():
    def answer(c):
        time.sleep(0.05)
        c.sendall(OK)

    result = what_is_seen(answer, requests=5)
    assert 50000 <= result["latency"]["longest_us"] < 5000000, result["latency"]
    assert 50000 <= result["latency"]["p50_us"] <= result["latency"]["longest_us"], result["latency"]
    result = what_is_seen(says(OK), requests=11, r=50)
    assert 0.19 <= result["seconds"], "eleven at fifty a second take a fifth of one"


main()
