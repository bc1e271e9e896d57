# SPDX-License-Identifier: MIT
"""Parts of real files, compared with what is on the disk."""
import os
import random
import re
import socket
import time

from harness import *

SIZE = (37 << 20) + 11


def big_file(www):
    """Its path; random, so that a byte from another place is noticed."""
    block = os.urandom(1 << 20)
    with open(www + "/big.bin", "wb") as f:
        for i in range(SIZE >> 20):
            f.write(i.to_bytes(4, "big") + block[4:])
        f.write(block[:SIZE & 0xfffff])
    return www + "/big.bin"


def draw():
    """Specs at random: of all sizes, in any order, some beyond the end, some at the edges of pages and pieces."""
    def place():
        edge = random.choice((0, 4096, 16352, 65536, 262144, 1 << 20, SIZE - 1, SIZE))
        return max(0, random.choice((random.randrange(SIZE), edge * random.randrange(8) + random.randrange(-2, 3))))

    specs = []
    for _ in range(random.choice((1, 1, 2, 3, 5, 10))):
        first, length = place(), random.choice((1, 2, 100, 4096, 70000, 300000, 2000000))
        specs.append(random.choice((f"{first}-{first + random.randrange(length)}",) * 6 +
                                   (f"-{random.randrange(length)}", f"{SIZE - random.randrange(length)}-")))
    return specs


def meaning(specs):
    """(first, last) of what must come, as RFC 9110 14.1.2 says; None where the whole may come."""
    wanted = []
    for spec in specs:
        first, last = spec.split("-")
        if not first:
            first, last = max(0, SIZE - int(last)), SIZE - 1
        else:
            first, last = int(first), min(int(last or SIZE), SIZE - 1)
        if first <= last:
            wanted.append((first, last))
    merged = []
    for first, last in sorted(wanted):
        if merged and first <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(last, merged[-1][1]))
        else:
            merged.append((first, last))
    return merged


def parts(fields, body):
    """[(first, last, bytes)] of a 206; strictly."""
    head = r"bytes (\d+)-(\d+)/%d" % SIZE
    if "content-range" in fields:
        first, last = map(int, re.fullmatch(head, fields["content-range"]).groups())
        return [(first, last, body)]
    boundary = re.fullmatch(r"multipart/byteranges; boundary=(\w+)", fields["content-type"]).group(1).encode()
    found, at = [], 0
    while not body.startswith(b"\r\n--" + boundary + b"--\r\n", at):
        match = re.compile((b"\r\n" if found else b"") + b"--" + boundary + b"\r\nContent-Type: application/octet-stream"
                           b"\r\nContent-Range: " + head.encode() + b"\r\n\r\n").match(body, at)
        assert match, body[at:at + 200]
        first, last = map(int, match.groups())
        at = match.end() + last - first + 1
        found.append((first, last, body[match.end():at]))
    equal(len(body), at + len(boundary) + 8, "the end")
    return found


def check(f, specs, answer):
    status, fields, body = answer
    wanted = meaning(specs)
    if not wanted:
        equal((status, fields.get("content-range")), (416, f"bytes */{SIZE}"), specs)
        return
    equal(status, 206, specs)
    found = parts(fields, body)
    equal([(first, last) for first, last, _ in found], wanted, specs)
    for first, last, content in found:
        f.seek(first)
        assert content == f.read(last - first + 1), f"{specs}: {first}-{last} is not what is on the disk"


def test_two_hundred_random_ranges_are_what_is_on_the_disk():
    random.seed(20260)
    with folder() as www, serving(configuration({"documents": www})) as server, open(big_file(www), "rb") as f:
        with server.connect(30) as s:
            buffer = bytearray()
            for _ in range(200):
                specs = draw()
                s.sendall(request("/big.bin", fields=["Range: bytes=" + ",".join(specs)]))
                check(f, specs, read_response(s, buffer=buffer))


def test_a_pipeline_of_ranges_is_answered_in_order():
    random.seed(20261)
    with folder() as www, serving(configuration({"documents": www})) as server, open(big_file(www), "rb") as f:
        with server.connect(30) as s:
            buffer, asked = bytearray(), [draw() for _ in range(24)]
            for specs in asked:
                s.sendall(request("/big.bin", fields=["Range: bytes=" + ",".join(specs)]))
            for specs in asked:
                check(f, specs, read_response(s, buffer=buffer))


def test_parts_leave_when_the_client_takes_them():
    with folder() as www, serving(configuration({"documents": www})) as server, open(big_file(www), "rb") as f:
        slow = []
        for _ in range(20):
            s = server.connect(30)
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            s.sendall(request("/big.bin", fields=["Range: bytes=1-20000000,20000002-37000000"]))
            slow.append(s)
        time.sleep(0.3)
        with open(f"/proc/{server.worker()}/statm", encoding="ascii") as statm:
            resident = int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        assert SANITIZERS or resident < 64 << 20, resident
        check(f, ["1-20000000", "20000002-37000000"], read_response(slow[7]))
        for s in slow:
            s.close()


def test_a_file_that_is_cut_while_its_last_part_is_sent_ends_the_connection():
    with folder() as www, serving(configuration({"documents": www}, connection={"sndbuf": "64k"})) as server:
        path = big_file(www)
        with server.connect() as s:
            s.sendall(request("/big.bin", fields=["Range: bytes=0-0,1000-"]))
            time.sleep(0.2)
            os.truncate(path, 1 << 20)
            got = 0
            try:
                while part := s.recv(1 << 16):
                    got += len(part)
            except ConnectionResetError:
                pass
            assert got < SIZE - 1000, got


def test_a_streamed_body_is_cut_as_a_file_is():
    lines = b"".join(b"%08d\n" % i for i in range(200 * 1000))
    with serving(configuration({"modules": ["probe"]})) as server, server.connect(30) as s:
        buffer = bytearray()
        for first, last in ((0, 0), (0, 1799999), (5, 900000), (1799999, 1799999), (1000000, 1700000)):
            s.sendall(request("/range/long?strong", fields=[f"Range: bytes={first}-{last}"]))
            status, fields, body = read_response(s, buffer=buffer)
            equal((status, fields["content-range"]), (206, f"bytes {first}-{last}/1800000"))
            assert body == lines[first:last + 1]
        s.sendall(request("/range/long?strong", fields=["Range: bytes=-10,3-700000,700002-1000000"]))
        status, fields, body = read_response(s, buffer=buffer)
        equal(status, 206)
        for first, last in ((3, 700000), (700002, 1000000), (1799990, 1799999)):
            contains(body, b"\r\nContent-Range: bytes %d-%d/1800000\r\n\r\n%s\r\n--" % (first, last, lines[first:last + 1]))


def test_a_download_goes_on_where_it_stopped():
    with folder() as www, serving(configuration({"documents": www})) as server, open(big_file(www), "rb") as f:
        old = time.time() - 100
        os.utime(www + "/big.bin", (old, old))
        _, fields, _ = server.get("/big.bin", method="HEAD")
        for field in ("etag", "last-modified"):
            more = ["Range: bytes=30000000-", f"If-Range: {fields[field]}"]
            check(f, ["30000000-"], server.get("/big.bin", fields=more))
        write(www + "/new.bin", b"new")
        os.replace(www + "/new.bin", www + "/big.bin")
        time.sleep(1.2)
        for field in ("etag", "last-modified"):
            more = ["Range: bytes=1-", f"If-Range: {fields[field]}"]
            status, _, body = server.get("/big.bin", fields=more)
            equal((status, body), (200, b"new"), field)


def test_the_log_says_what_was_sent():
    with folder() as where:
        write(where + "/www/a.txt", "0123456789")
        settings = {"documents": where + "/www", "accesslog": {"file": where + "/access.log"}}
        with serving(configuration(settings)) as server:
            server.get("/a.txt", fields=["Range: bytes=2-4"])
            _, _, body = server.get("/a.txt", fields=["Range: bytes=0-0,2-2"])
        with open(where + "/access.log", encoding="ascii") as f:
            lines = f.read().splitlines()
        contains(lines[0], '" 206 3 ')
        contains(lines[1], f'" 206 {len(body)} ')


main()
