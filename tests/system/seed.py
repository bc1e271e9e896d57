# SPDX-License-Identifier: MIT
"""What was measured to be broken in HTTP::Server::Multiplex 0.11, from which this server descends, works here.
docs/SEED.md names these tests."""
import contextlib
import os
import re
import signal
import socket
import time

from harness import *

TEXT = b"a text\n"


@contextlib.contextmanager
def site(**vhost):
    with folder() as www:
        write(www + "/a.txt", TEXT)
        write(www + "/with space.txt", TEXT)
        write(www + "/files/<b>.txt", TEXT)
        with serving(configuration({"name": "localhost", "documents": www, **vhost})) as server:
            yield server


def exchange(server, data):
    """What comes until the server closes, or says nothing for a while; and whether it closed."""
    with server.connect() as s:
        s.sendall(data)
        s.settimeout(1)
        answer = b""
        while True:
            try:
                part = s.recv(65536)
            except TimeoutError:
                return answer, False
            if not part:
                return answer, True
            answer += part


def statuses(answer):
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answer)]


def test_a_plain_get_is_answered_and_the_connection_stays():
    with site() as server:
        answer, closed = exchange(server, b"GET /a.txt HTTP/1.1\r\nHost: localhost\r\n\r\n")
    equal((statuses(answer), answer.endswith(b"\r\n\r\n" + TEXT), closed), ([200], True, False))


def test_a_plain_get_of_http_1_0_is_answered_and_closed():
    with site() as server:
        answer, closed = exchange(server, b"GET /a.txt HTTP/1.0\r\n\r\n")
    equal((statuses(answer), answer.endswith(b"\r\n\r\n" + TEXT), closed), ([200], True, True))


def test_two_requests_in_one_packet_have_two_answers():
    with site() as server:
        equal(statuses(exchange(server, request("/a.txt") + request("/missing"))[0]), [200, 404])


def test_a_slow_answer_comes_before_the_fast_one_behind_it():
    with folder() as www:
        write(www + "/a.txt", TEXT)
        with serving(configuration({"documents": www, "modules": ["probe", "static"]})) as server:
            answer, _ = exchange(server, request("/sleep") + request("/a.txt"))
    equal(statuses(answer), [200, 200])
    assert answer.endswith(b"\r\n\r\n" + TEXT), answer


def test_a_chunked_body_in_the_packet_of_its_header_is_read():
    with serving(configuration({"modules": ["probe"]})) as server:
        head = request("/body", method="POST", fields=["Transfer-Encoding: chunked"])
        answer, _ = exchange(server, head + b"5\r\nhello\r\n1\r\n!\r\n0\r\n\r\n")
    equal(statuses(answer), [200])
    contains(answer, b"hello!")


def test_100_continue_is_bare():
    with serving(configuration({"modules": ["probe"]})) as server:
        answer, _ = exchange(server, request("/body", method="POST", fields=["Expect: 100-continue", "Content-Length: 5"]))
    equal(answer, b"HTTP/1.1 100 Continue\r\n\r\n")


def test_allow_and_deny_rule():
    with site(allow="127.0.0.0/8", directories={"path": "/files/", "deny": "127.0.0.1"}) as server:
        for _ in range(2):
            equal(server.get("/a.txt")[0], 200)
            equal(server.get("/files/%3Cb%3E.txt")[0], 403)


def test_a_rewrite_inside_the_host_is_served():
    with site(rewrite={"/rw": "/a.txt"}) as server:
        equal(server.get("/rw")[::2], (200, TEXT))


def test_a_rewrite_to_another_host_is_a_redirect():
    with site(rewrite={"/rw": "http://www.example.org/a"}) as server:
        status, fields, _ = server.get("/rw")
    equal((status, fields["location"]), (307, "http://www.example.org/a"))


def test_no_path_leads_out_of_the_root():
    with site() as server:
        for path in ("/../../../etc/hostname", "/%2e%2e/%2e%2e/etc/hostname", "/files/../../etc/hostname"):
            assert server.get(path)[0] in (400, 404), path


def test_a_path_is_decoded():
    with site() as server:
        equal(server.get("/with%20space.txt")[::2], (200, TEXT))


def test_names_in_a_listing_are_escaped():
    with site(directory_list=True) as server:
        page = server.get("/files/")[2]
    contains(page, b"&lt;b&gt;.txt")
    contains(page, b"%3Cb%3E.txt")
    assert b"<b>" not in page, page


def test_other_methods_of_a_file_are_405_with_allow():
    with site() as server:
        for method in ("TRACE", "DELETE", "POST"):
            status, fields, body = server.get("/a.txt", method=method)
            equal((status, fields["allow"]), (405, "GET, HEAD, OPTIONS"), method)
            assert TEXT not in body, method


def test_not_modified_since_a_later_time():
    with site() as server:
        equal(server.get("/a.txt", fields=["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"])[0], 304)


def test_304_has_no_body_and_no_wrong_length():
    with site() as server:
        since = request("/a.txt", fields=["If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT"])
        answer, _ = exchange(server, since)
    equal(statuses(answer), [304])
    assert answer.endswith(b"\r\n\r\n") and answer.count(b"\r\n\r\n") == 1, answer
    for length in re.findall(rb"(?i)^content-length: *(\d+)", answer, re.M):
        equal(int(length), len(TEXT))


def test_case_and_port_of_a_host_do_not_matter():
    with site() as server:
        equal(server.get("/a.txt", host="LOCALHOST:99")[::2], (200, TEXT))


def test_garbage_is_400_and_closed():
    with site() as server:
        answer, closed = exchange(server, bytes(range(128, 256)) + b"\r\n\r\n")
    equal((statuses(answer), closed), ([400], True))


def test_http_0_9_is_400():
    with site() as server:
        answer, closed = exchange(server, b"GET /a.txt\r\n\r\n")
    equal((statuses(answer), closed), ([400], True))


def test_so_many_may_wait_as_listen_says():
    for backlog, most in ((2, 4), (64, 20)):
        with serving(configuration({}, connection={"listen": backlog})) as server:
            worker = server.worker()
            os.kill(worker, signal.SIGSTOP)
            waiting = [socket.socket() for _ in range(20)]
            for s in waiting:
                s.setblocking(False)
                s.connect_ex(("127.0.0.1", server.port))
            time.sleep(0.3)
            connected = sum(is_connected(s) for s in waiting)
            for s in waiting:
                s.close()
            os.kill(worker, signal.SIGCONT)
        assert 1 <= connected <= most and (backlog == 2 or connected == 20), (backlog, connected)


def is_connected(s):
    try:
        s.getpeername()
        return True
    except OSError:
        return False


def test_server_id_is_a_name_or_nothing():
    for server_id, shown in (("mine/1", "mine/1"), (False, None)):
        with serving(configuration({}, daemon={"server_id": server_id})) as server:
            equal(server.get("/")[1].get("server"), shown)


main()
