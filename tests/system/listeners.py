# SPDX-License-Identifier: MIT
"""Where the daemon listens, and for whom: unix sockets, IPv6, names, proxies."""
import contextlib
import grp
import json
import os
import pwd
import re
import shutil
import socket
import stat
import struct
import subprocess
import time

from harness import *


def probe(connection, **daemon):
    """A configuration with exactly these listeners."""
    config = configuration({"modules": ["probe", "accesslog"], "accesslog": "access.log"}, daemon=daemon)
    config["connection"] = connection
    return config


class Daemon(Server):
    """One that need not listen on 127.0.0.1."""

    def __init__(self, where, config, command=()):
        self.folder = where
        self.config = write(where + "/site.json", json.dumps(config, indent=2))
        self.errors = where + "/stderr"
        with open(self.errors, "wb") as stderr:
            self.process = subprocess.Popen([*command, PROGRAM, "-c", self.config], stdout=subprocess.PIPE, stderr=stderr)
        self.ready = self.process.stdout.readline().decode()
        if not self.ready:
            self.process.wait(10)
            raise AssertionError(f"no start: {self.log()}")

    def access_log(self):
        with open(self.folder + "/access.log", encoding="utf-8") as f:
            return f.read()


@contextlib.contextmanager
def listening(connection, command=(), **daemon):
    with folder() as where:
        server = Daemon(where, probe(connection, **daemon), command)
        try:
            yield server
        except BaseException:
            for line in server.log().splitlines():
                print(f"# log: {line}")
            server.stop(None)
            raise
        if server.process.poll() is None:
            server.stop()


def refused(connection, **more):
    """What is said when it cannot start."""
    with folder() as where:
        status, out, err = run("-c", write(where + "/site.json", json.dumps(probe(connection, **more))))
    equal((status, out), (1, ""))
    return err.replace(where + "/", "")


def unix(path, data=None, timeout=10):
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(timeout)
    s.connect(path)
    if data is not None:
        s.sendall(data)
    return s


def ask(s, fields=(), path="/expand?$remote_addr"):
    s.sendall(request(path, fields=fields))
    return read_response(s)[2].decode()


def ends(s):
    """All that comes until the end."""
    got = b""
    try:
        while part := s.recv(65536):
            got += part
    except ConnectionResetError:
        pass
    return got


def test_a_unix_socket_serves_and_is_removed():
    with listening({"unix": "www.sock"}) as server:
        path = server.folder + "/www.sock"
        contains(server.ready, f" at unix:{path}")
        equal(stat.S_IMODE(os.stat(path).st_mode), 0o660)
        with unix(path) as s:
            equal(ask(s), "unix")
            equal(ask(s, ["X-Forwarded-For: 192.0.2.1"]), "unix", "a stranger is not believed")
            s.sendall(request("/stream"))
            equal(len(read_response(s)[2]), 1 << 20)
            s.sendall(request("/body", method="POST", body=b"x" * 100000))
            equal(len(read_response(s)[2]), 100000)
        server.stop()
        assert not os.path.exists(path), "it is still there"
        equal({line.split(" ")[0] for line in server.access_log().splitlines()}, {"unix"})


def test_files_leave_through_a_unix_socket():
    with folder() as where:
        content = os.urandom(3 << 20)
        write(where + "/www/large.bin", content)
        config = configuration({"documents": where + "/www"})
        config["connection"] = {"unix": "www.sock", "sndbuf": 8192}
        server = Daemon(where, config)
        with unix(where + "/www.sock", request("/large.bin")) as s:
            time.sleep(0.3)  # until nothing more goes in
            equal(read_response(s)[2] == content, True)
        server.stop()


def test_a_client_of_a_unix_socket_may_leave():
    with listening({"unix": "www.sock"}) as server:
        for _ in range(3):
            s = unix(server.folder + "/www.sock", request("/sleep-long"))
            time.sleep(0.05)
            s.close()
        end = time.monotonic() + 5
        while True:
            with unix(server.folder + "/www.sock", request("/counts")) as s:
                counts = read_response(s)[2].split()
            if int(counts[1]) - int(counts[3]) == 1:
                break
            assert time.monotonic() < end, counts
            time.sleep(0.05)


def test_mode_and_owner_are_as_they_are_set():
    need(IS_ROOT, "needs root")
    nobody = pwd.getpwnam("nobody")
    for owner, gid in (("nobody", nobody.pw_gid), ("nobody:daemon", grp.getgrnam("daemon").gr_gid), (f"{nobody.pw_uid}:12345", 12345)):
        with listening({"unix": "www.sock", "mode": "0606", "owner": owner}) as server:
            st = os.stat(server.folder + "/www.sock")
            equal((st.st_uid, st.st_gid, stat.S_IMODE(st.st_mode)), (nobody.pw_uid, gid, 0o606), owner)
    contains(refused({"unix": "x.sock", "owner": "no-such-user"}),
             'there is no user "no-such-user": create it, or mend "owner"')
    contains(refused({"unix": "x.sock", "owner": "nobody:no-such-group"}), 'there is no group "no-such-group"')


def test_the_socket_outlives_a_worker_and_a_daemon_that_is_killed():
    with folder() as where:
        path = where + "/www.sock"
        server = Daemon(where, probe({"unix": path}))
        os.kill(server.worker(), 9)
        with unix(path) as s:
            equal(ask(s), "unix")
        worker = server.worker()
        server.process.kill()
        server.process.wait()
        server.process.stdout.close()
        end = time.monotonic() + 5
        while os.path.exists(f"/proc/{worker}"):
            assert time.monotonic() < end
            time.sleep(0.02)
        assert os.path.exists(path), "a daemon that is killed removes nothing"
        server = Daemon(where, probe({"unix": path}))  # what it left is replaced
        with unix(path) as s:
            equal(ask(s), "unix")
        server.stop()


def test_a_socket_that_is_in_use_is_an_error():
    with listening({"unix": "www.sock"}) as server:
        path = server.folder + "/www.sock"
        contains(refused({"unix": path}), f"cannot listen on unix:{path}: somebody listens on it: stop the process that has it")
        with unix(path) as s:
            equal(ask(s), "unix")
    with folder() as where:
        write(where + "/precious", "precious")
        contains(refused({"unix": where + "/precious"}), "it is there and is no socket: remove it, or choose another path")
        equal(open(where + "/precious").read(), "precious")


def test_the_command_line_goes_before_a_unix_socket():
    with folder() as where:
        file = write(where + "/site.json", json.dumps(probe({"unix": "www.sock"})))
        p = subprocess.Popen([PROGRAM, "-c", file, "-p", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        contains(p.stdout.readline().decode(), "http://127.0.0.1:")
        assert not os.path.exists(where + "/www.sock")
        p.terminate()
        p.communicate(timeout=20)


def test_several_listeners_are_listed_in_their_order():
    with listening([{"host": "127.0.0.1", "port": 0}, "unix:a.sock", "[::1]:0", {"unix": "b.sock"}]) as server:
        contains(re.sub(r":\d+/", ":0/", server.ready),
                 f" at http://127.0.0.1:0/, unix:{server.folder}/a.sock, http://[::1]:0/, unix:{server.folder}/b.sock")
        for name in ("a", "b"):
            with unix(f"{server.folder}/{name}.sock") as s:
                equal(ask(s), "unix")


def port_of(server, host):
    return int(re.search(rf"http://{re.escape(host)}:(\d+)/", server.ready).group(1))


def test_ipv4_on_an_ipv6_socket_is_told_as_ipv4():
    with listening({"host": "::", "port": 0, "v6only": False, "limits": {"per_address": 1}}) as server:
        port = port_of(server, "[::]")
        with socket.create_connection(("127.0.0.1", port), 10) as four, socket.create_connection(("::1", port), 10) as six:
            equal(ask(four), "127.0.0.1")
            equal(ask(six), "::1")
            with socket.create_connection(("127.0.0.1", port), 10) as more:
                contains(ends(more), b"HTTP/1.1 503 ")
        server.stop()
        equal([line.split(" ")[0] for line in server.access_log().splitlines()], ["127.0.0.1", "::1"])
    with listening({"host": "::", "port": 0}) as server:
        try:
            socket.create_connection(("127.0.0.1", port_of(server, "[::]")), 10).close()
            raise AssertionError("it takes IPv4")
        except ConnectionRefusedError:
            pass


def test_a_name_stands_for_all_its_addresses():
    need(IS_ROOT and shutil.which("unshare"), "needs root and unshare")
    with folder() as where:
        hosts = write(where + "/hosts", "127.0.0.1 many.example\n127.0.0.2 many.example\n127.0.0.1 many.example\n::1 many.example\n")
        command = ["unshare", "-m", "sh", "-c", f'mount --bind {hosts} /etc/hosts && exec "$@"', "sh"]
        need(subprocess.run([*command, "true"], capture_output=True).returncode == 0, "needs the right to mount")
        server = Daemon(where, probe("many.example:0"), command)
        equal(sorted(re.findall(r"http://([^/]+):\d+/", server.ready)), ["127.0.0.1", "127.0.0.2", "[::1]"])
        for host in ("127.0.0.1", "127.0.0.2"):
            with socket.create_connection((host, port_of(server, host)), 10) as s:
                equal(ask(s), "127.0.0.1")
        with socket.create_connection(("::1", port_of(server, "[::1]")), 10) as s:
            equal(ask(s), "::1")
        server.stop()


def test_a_proxy_in_front_names_the_client():
    with listening({"unix": "www.sock", "trust": "unix"}) as server:
        with unix(server.folder + "/www.sock") as s:
            equal(ask(s, ["X-Forwarded-For: 192.0.2.1, 198.51.100.7"]), "198.51.100.7")
            equal(ask(s, ["Forwarded: for=\"[2001:db8::1]:80\";proto=https"], "/expand?$remote_addr,$scheme"), "2001:db8::1,https")
            equal(ask(s), "unix")
        server.stop()
        equal([line.split(" ")[0] for line in server.access_log().splitlines()], ["198.51.100.7", "2001:db8::1", "unix"])


V2 = b"\r\n\r\n\0\r\nQUIT\n"


def v2(command, kind, body):
    return V2 + bytes([command, kind]) + struct.pack(">H", len(body)) + body


def test_a_proxy_header_comes_first():
    headers = {
        b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n": "192.0.2.1",
        b"PROXY TCP6 2001:db8::1 2001:db8::2 4711 80\r\n": "2001:db8::1",
        b"PROXY UNKNOWN\r\n": "127.0.0.1",
        v2(0x21, 0x11, bytes([192, 0, 2, 9, 192, 0, 2, 2]) + struct.pack(">HH", 1, 2) + b"\x04\0\x03abc"): "192.0.2.9",
        v2(0x21, 0x21, socket.inet_pton(socket.AF_INET6, "2001:db8::7") * 2 + bytes(4)): "2001:db8::7",
        v2(0x21, 0x11, bytes([192, 0, 2, 9]) * 2 + bytes(4) + bytes(4000)): "192.0.2.9",
        v2(0x20, 0, b""): "127.0.0.1",
    }
    with listening({"host": "127.0.0.1", "port": 0, "trust": "127.0.0.1", "proxy_protocol": True}) as server:
        port = port_of(server, "127.0.0.1")
        for header, client in headers.items():
            for step in (1, 7, len(header)) if len(header) < 200 else (len(header), 1500):
                with socket.create_connection(("127.0.0.1", port), 10) as s:
                    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    for i in range(0, len(header), step):
                        s.sendall(header[i:i + step])
                    equal(ask(s), client, header[:40])
                    equal(ask(s), client, "the next request has it too")
            with socket.create_connection(("127.0.0.1", port), 10) as s:  # all in one
                s.sendall(header + request("/expand?$remote_addr") * 2)
                buffer = bytearray()
                for _ in range(2):
                    equal(read_response(s, buffer=buffer)[2].decode(), client)
        server.stop()
        equal({line.split(" ")[0] for line in server.access_log().splitlines()}, set(headers.values()))


def test_what_is_no_proxy_header_is_closed_without_a_word():
    bad = (request("/"), b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 99999\r\n" + request("/"), b"PROXY UNKNOWN" + b"x" * 100,
           v2(0x21, 0x11, bytes(8)) + request("/"), v2(0x21, 0x11, bytes(4097)), b"\r\n\r\n" + request("/"))
    with listening({"host": "127.0.0.1", "port": 0, "trust": "127.0.0.1", "proxy_protocol": True, "timeouts": {"header": "1s"}}) as server:
        port = port_of(server, "127.0.0.1")
        for data in bad:
            with socket.create_connection(("127.0.0.1", port), 10) as s:
                s.sendall(data)
                equal(ends(s), b"", data[:50])
        server.wait_for_log("closed a connection of 127.0.0.1: it does not begin with a PROXY header")
        server.wait_for_log("closed a connection of 127.0.0.1: its PROXY header breaks the rules")
        with socket.create_connection(("127.0.0.1", port), 10) as s:  # and one that does not end
            s.sendall(b"PROXY TCP4 192.")
            begin = time.monotonic()
            equal(ends(s), b"")
            assert 0.5 < time.monotonic() - begin < 4
        server.wait_for_log("its PROXY header does not end")
        server.stop()
        equal(server.access_log(), "")


def test_who_is_not_trusted_cannot_speak_for_others():
    with listening({"host": "127.0.0.1", "port": 0, "trust": "127.0.0.2", "proxy_protocol": True}) as server:
        port = port_of(server, "127.0.0.1")
        with socket.create_connection(("127.0.0.1", port), 10) as s:
            equal(ends(s), b"", "it is closed before it says anything")
        server.wait_for_log('closed a connection of 127.0.0.1: "trust" does not name it')
        with socket.create_connection(("127.0.0.1", port), 10, ("127.0.0.2", 0)) as s:
            s.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 4711 80\r\n")
            equal(ask(s), "192.0.2.1")


def test_mistakes_have_their_place():
    err = refused({"unix": "x" * 120, "mode": "0999"})
    contains(err, "site.json:1:")
    contains(err, "/connection/0/unix is too long for a socket")
    contains(err, '/connection/0/mode must be octal digits such as "0660"')
    contains(refused({"port": 0, "trust": ["10.0.0.0/8", "10.0.0.1/8"]}),
             '/connection/0/trust/1 must be a whole network: write "10.0.0.0/8", not the string "10.0.0.1/8"')
    contains(refused({"port": 0, "proxy_protocol": True}), '/connection/0/proxy_protocol needs "trust"')


main()
