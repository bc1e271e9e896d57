# SPDX-License-Identifier: MIT
"""One line for each request, whatever the client sends."""
import os
import re
import socket
import time

from harness import *


def lines_of(server, path, count):
    end = time.monotonic() + 5
    while True:
        try:
            with open(path, encoding="latin-1") as f:
                lines = f.read().splitlines()
        except FileNotFoundError:
            lines = []
        if len(lines) >= count:
            return lines
        assert time.monotonic() < end, lines
        time.sleep(0.02)


def test_a_combined_line_has_all_its_fields():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        with serving(configuration({"documents": where + "/www", "accesslog": where + "/log"})) as server:
            server.get("/a.txt?q", fields=["Referer: http://r.example/", "User-Agent: test/1"])
            line, = lines_of(server, where + "/log", 1)
    form = (r'127\.0\.0\.1 - - \[\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}\] "GET /a\.txt\?q HTTP/1\.1" 200 10 '
            r'"http://r\.example/" "test/1"')
    assert re.fullmatch(form, line), line


def test_a_common_line_ends_with_the_bytes():
    with folder() as where:
        settings = {"file": where + "/log", "format": "common"}
        with serving(configuration({"documents": where, "accesslog": settings})) as server:
            server.get("/none", method="HEAD", fields=["User-Agent: test/1"])
            line, = lines_of(server, where + "/log", 1)
    assert line.endswith('"HEAD /none HTTP/1.1" 404 0'), line


def test_an_answer_that_never_left_is_a_client_that_left():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        vhosts = {"documents": where + "/www", "modules": ["accesslog", "evil", "static"], "accesslog": where + "/log"}
        with serving(configuration(vhosts)) as server:
            with server.connect() as s:
                s.sendall(request("/declare-more-late") + request("/a.txt"))
                try:
                    while s.recv(65536):
                        pass
                except ConnectionResetError:
                    pass
            lines = lines_of(server, where + "/log", 2)
    contains(lines[0], '"GET /declare-more-late HTTP/1.1" 200 4')
    contains(lines[1], '"GET /a.txt HTTP/1.1" 499 0')


def test_untrusted_bytes_are_escaped():
    with folder() as where:
        with serving(configuration({"documents": where, "accesslog": where + "/log"})) as server:
            server.get("/", fields=['User-Agent: a"b\\c\xfc\td'])
            line, = lines_of(server, where + "/log", 1)
    assert line.endswith(' "-" "a\\x22b\\x5Cc\\xFC\\x09d"'), line


def test_malformed_requests_are_logged_by_the_defaults():
    with folder() as where:
        with serving(configuration({"name": "www.example", "documents": where},
                                   defaults={"modules": ["accesslog", "static"], "accesslog": where + "/log"})) as server:
            with server.connect() as s:
                s.sendall(b"GET /\x00 HTTP/1.1\r\n\r\n")
                equal(read_response(s)[0], 400)
            equal(server.get("/", host="unknown.example")[0], 421)
            lines = lines_of(server, where + "/log", 2)
    assert ' 400 ' in lines[0] and '"GET / HTTP/1.1" 421 ' in lines[1], lines


def test_a_client_that_left_is_logged():
    with folder() as where:
        with serving(configuration({"modules": ["accesslog", "probe"], "accesslog": where + "/log"})) as server:
            with server.connect() as s:
                s.sendall(request("/sleep-long"))
                time.sleep(0.1)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            line, = lines_of(server, where + "/log", 1)
    assert '"GET /sleep-long HTTP/1.1" 499 0' in line, line


def test_false_switches_it_off_for_one_host():
    with folder() as where:
        vhosts = [{"name": "default", "documents": where}, {"name": "quiet", "documents": where, "accesslog": False}]
        with serving(configuration(vhosts, defaults={"accesslog": where + "/log"})) as server:
            server.get("/quiet", host="quiet")
            server.get("/loud")
            line, = lines_of(server, where + "/log", 1)
    contains(line, "/loud")


def test_it_may_go_to_standard_error():
    with folder() as where:
        with serving(configuration({"documents": where, "accesslog": "stderr"})) as server:
            server.get("/none")
            server.wait_for_log('"GET /none HTTP/1.1" 404 ')


def test_the_example_of_its_page_works():
    with folder() as where:
        config = example_of("accesslog", where)
        write(where + "/srv/www/index.html", "x" * 512)
        with serving(config) as server:
            server.get("/index.html")
            line, = lines_of(server, where + "/var/log/access.log", 1)
    assert re.fullmatch(r'127\.0\.0\.1 - - \[[^]]+\] "GET /index\.html HTTP/1\.1" 200 512', line), line


main()
