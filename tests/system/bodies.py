# SPDX-License-Identifier: MIT
"""Request bodies on a real daemon: large ones, slow ones, disks that are full, clients that leave."""
import contextlib
import os
import socket
import subprocess
import threading
import time

from harness import *

MEGA = 1 << 20
SMALL = SANITIZERS


def probe(daemon=None, **limits):
    daemon = {"shutdown_timeout": "1s", **(daemon or {})}  # some readers never end
    return configuration({"modules": ["probe"]}, daemon=daemon, connection={"limits": {"body": "1G", **limits}})


def head(path, length):
    return f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()


def resident(server):
    """Bytes of memory of the worker's own: what is shared with files is the kernel's."""
    with open(f"/proc/{server.worker()}/status", encoding="ascii") as f:
        return int(re.search(r"RssAnon:\s+(\d+) kB", f.read()).group(1)) * 1024


def descriptors(server):
    """What the worker's descriptors are; one may go while they are looked at."""
    folder_of = f"/proc/{server.worker()}/fd"
    found = []
    for n in os.listdir(folder_of):
        with contextlib.suppress(FileNotFoundError):
            found.append(os.readlink(f"{folder_of}/{n}"))
    return sorted(found)


def wait_until(claim, what, seconds=10):
    end = time.monotonic() + seconds
    while not claim():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def upload(server, s, path, total, look=None):
    """Sends so many bytes, looks at the server now and then, and reads the answer."""
    block = bytes(range(256)) * 4096
    s.sendall(head(path, total))
    for i in range(total // MEGA):
        s.sendall(block)
        if look is not None and i % 16 == 0:
            look()
    return read_response(s)


def test_a_large_upload_read_in_parts_takes_no_memory():
    total = (50 if SMALL else 500) * MEGA
    with serving(probe()) as server, server.connect(60) as s:
        equal(server.get("/parts", method="POST", body=b"x" * 100000)[0], 200)
        before, most = resident(server), [0]

        def look():
            most[0] = max(most[0], resident(server) - before)

        begin = time.monotonic()
        status, _, body = upload(server, s, "/parts", total, look)
        print(f"# {total / MEGA / (time.monotonic() - begin):.0f} MB/s, {most[0] / 1024:.0f} KiB more than before")
        equal(status, 200)
        assert body.startswith(b"bytes %d " % total), body
        assert most[0] < 2 * MEGA, most[0]


def test_a_large_upload_read_whole_lies_in_a_file():
    total = (20 if SMALL else 200) * MEGA
    with folder() as temp, serving(probe({"temp_dir": temp})) as server, server.connect(60) as s:
        equal(server.get("/body-where", method="POST", body=b"x" * 300000)[0], 200)
        wait_until(lambda: not any(temp in d for d in descriptors(server)), "the first file stays open")
        before, most, files = resident(server), [0], [0]

        def look():
            most[0] = max(most[0], resident(server) - before)
            files[0] = max(files[0], sum(temp in d for d in descriptors(server)))
            equal(os.listdir(temp), [], "a name in temp_dir")

        status, _, body = upload(server, s, "/body-where", total, look)
        print(f"# {most[0] / 1024:.0f} KiB more than before")
        equal(status, 200)
        assert body.startswith(b"file: bytes %d " % total), body
        assert most[0] < (16 if SANITIZERS else 2) * MEGA, most[0]
        equal(files[0], 1)
        wait_until(lambda: not any(temp in d for d in descriptors(server)), "the file stays open")


def test_many_uploads_at_once_are_bounded_each():
    with folder() as temp, serving(probe({"temp_dir": temp}, body_memory="64k")) as server:
        upload_one = b"x" * MEGA
        server.get("/body-where", method="POST", body=upload_one)
        before, done = resident(server), []

        def one():
            done.append(server.get("/body-where", method="POST", body=upload_one))

        threads = [threading.Thread(target=one) for _ in range(40)]
        for t in threads:
            t.start()
        for t in threads:
            t.join(30)
        more = resident(server) - before
        print(f"# {more / 1024:.0f} KiB more than before")
        equal({(status, body[:14]) for status, _, body in done}, {(200, b"file: bytes 10")})
        equal(len(done), 40)
        assert more < 40 * 192 * 1024 + (40 * MEGA if SANITIZERS else 0), more
        wait_until(lambda: not any(temp in d for d in descriptors(server)), "files stay open")


def test_a_reader_that_does_not_ask_stops_its_client():
    with serving(probe()) as server, server.connect() as s:
        server.get("/parts", method="POST", body=b"x" * 100000)
        before, sent = resident(server), 0
        s.settimeout(0.5)
        try:
            s.sendall(head("/parts-never", 1 << 30))
            for _ in range(200):
                sent += s.send(b"x" * MEGA)
            raise AssertionError("it was read")
        except TimeoutError:
            pass
        print(f"# {sent / MEGA:.0f} MB in the sockets")
        assert resident(server) - before < MEGA
        equal(server.get("/parts")[0], 200)


def test_an_echo_of_5_mb_goes_both_ways():
    with serving(probe()) as server, server.connect() as s:
        body = os.urandom(5 * MEGA)
        sender = threading.Thread(target=lambda: s.sendall(head("/parts-echo", len(body)) + body))
        sender.start()
        status, fields, got = read_response(s)
        sender.join(10)
        equal((status, fields.get("transfer-encoding"), fields.get("connection")), (200, "chunked", None))
        assert got == body
        s.sendall(request("/parts"))
        equal(read_response(s)[0], 200)


def test_a_slow_body_is_cut_by_its_own_time_out():
    config = probe()
    config["connection"]["timeouts"] = {"header": "60s", "body": "1s", "keepalive": "60s", "send": "60s"}
    with serving(config) as server:
        for path in ("/parts", "/body", "/body-where", "/parts-slow"):
            with server.connect() as s:
                s.sendall(head(path, 10) + b"abc")
                begin = time.monotonic()
                equal(read_response(s)[0], 408, path)
                assert 0.5 < time.monotonic() - begin < 4
                equal(s.recv(1), b"")


def test_time_does_not_run_while_the_server_does_not_read():
    config = probe()
    config["connection"]["timeouts"] = {"header": "1s", "body": "1s", "keepalive": "60s", "send": "1s"}
    with serving(config) as server, server.connect() as s:
        s.sendall(head("/parts-hold", 100000) + b"x" * 1000)
        s.settimeout(3.5)
        try:
            raise AssertionError(f"something came: {s.recv(100)!r}")
        except TimeoutError:
            pass


def test_clients_that_leave_leave_nothing():
    with folder() as temp, serving(probe({"temp_dir": temp}, body_memory="16k")) as server:
        server.get("/body-where", method="POST", body=b"x" * 100000)
        wait_until(lambda: not any(temp in d for d in descriptors(server)), "the first file stays open")
        before = descriptors(server)
        for i, path in enumerate(("/body-where", "/body-hold", "/parts", "/parts-hold", "/parts-echo", "/parts-never") * 5):
            with server.connect() as s:
                s.sendall(head(path, 10 * MEGA) + b"x" * (1 << (i % 5 + 14)))
                time.sleep(0.01 * (i % 3))
                if i % 2:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        # one that closes while nobody reads is noticed when it is read, or when it resets
        wait_until(lambda: len(descriptors(server)) <= len(before) + 10, descriptors(server))
        wait_until(lambda: not any(temp in d for d in descriptors(server)), "files stay open")
        equal(server.get("/parts")[0], 200)


def test_a_full_disk_is_500_and_costs_one_request():
    need(IS_ROOT, "needs root for a small file system")
    with folder() as temp:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", temp], capture_output=True)
        need(done.returncode == 0, "a file system cannot be mounted here")
        try:
            os.chmod(temp, 0o777)
            with serving(probe({"temp_dir": temp}, body_memory="16k")) as server:
                for path in ("/body-where", "/body-hold"):
                    with server.connect() as s:
                        s.sendall(head(path, MEGA))
                        try:
                            s.sendall(b"x" * MEGA)
                        except ConnectionError:
                            pass
                        status, fields, _ = read_response(s)
                        equal((status, fields["connection"]), (500, "close"))
                server.wait_for_log(f"a body cannot be kept in {temp}, daemon.temp_dir: No space left on device")
                wait_until(lambda: server.log().count("a body cannot be kept in") == 2, server.log)
                status, _, body = server.get("/body-where", method="POST", body=b"x" * 100000)
                equal((status, body[:19]), (200, b"file: bytes 100000 "))
                equal(server.get("/parts", method="POST", body=b"x" * MEGA)[0], 200)
        finally:
            subprocess.run(["umount", temp], check=True)


def test_a_folder_that_the_workers_cannot_write_is_told_before_the_start():
    need(IS_ROOT, "needs root to become somebody else")
    with folder() as where:
        os.mkdir(where + "/temp", 0o755)
        config = configuration({"documents": where})
        program = for_nobody(where, config)
        config["daemon"]["temp_dir"] = where + "/temp"
        done = subprocess.run([program, "--test", "-c", write(where + "/site.json", json.dumps(config))],
                              capture_output=True, text=True, timeout=60)
        equal(done.returncode, 1)
        contains(done.stderr, f'"{where}/temp" cannot be written: change its owner, or mend the path')


main()
